-- posthog.llm.cache on one machine: a real nginx with two workers.
if not rawget(_G, "jit") or os.getenv("SPEC_MODE") == "valgrind" then
  return
end

local cjson = require("cjson")
local core = require("posthog.llm.core")
local emulator = require("spec.emulator")
local fleet = require("spec.ngx.fleet")
local server = require("spec.ngx.server")

local missing = server.missing()
if missing then
  describe("posthog.llm.cache", function()
    pending("is left out: " .. missing)
  end)
  return
end

local TTL = 60
local NEGATIVE_TTL, WAIT = 3, 8

describe("posthog.llm.cache", function()
  local e, nginx, name, first

  setup(function()
    e = emulator.start({ profile = "current" })
    local options = "ttl = %d, stale = 3600, negative_ttl = %d, wait = %d"
    nginx = fleet.machine(e, options:format(TTL, NEGATIVE_TTL, WAIT))
    first = core.now()
  end)
  teardown(function()
    nginx:stop()
    e:stop()
  end)
  before_each(function()
    e:reset()
    name = e:seed({ skills = 3 }).skills[1]
    nginx:get("/purge")
  end)

  local function from(path)
    return (fleet.from(nginx, path))
  end

  local function skill(query)
    return cjson.decode((nginx:get("/skill/" .. name .. (query or ""))))
  end

  local function stats()
    return cjson.decode((nginx:get("/stats")))
  end

  --- The requests to the emulator, as "GET name/x/".
  local function requests()
    local list = {}
    for i, entry in ipairs(e:log()) do
      list[i] = entry.target:match("llm_skills/([^?]*)")
    end
    return list
  end

  local function publish(body)
    server.output_of(
      (
        "curl -q -s -X PATCH -H 'Authorization: Bearer phx_emulator_all' -H 'Content-Type: application/json'"
        .. ' -d \'{"body": "%s", "base_version": %d}\' \'%s/api/projects/112358/llm_skills/name/%s/\''
      ):format(body, skill().version, e.url, name)
    )
  end

  it("serves a skill, the second time without a call, and says where it came from", function()
    assert.equal("miss", from("/skill/" .. name))
    assert.equal("hit", from("/skill/" .. name))
    assert.equal(name, skill().name)
    assert.same({ "name/" .. name .. "/" }, requests())
  end)

  it("leaves out who made a version and who owns the skill", function()
    local text = nginx:get("/skill/" .. name)
    for _, personal in ipairs({ "created_by", "owners", "@example", "email", "first_name" }) do
      assert.is_nil(text:find(personal, 1, true), personal .. " is served")
    end
    assert.equal("# Seeded\n\nVersion 1", skill().body)
  end)

  it("keeps who made a version when it is told to", function()
    local other = fleet.machine(e, "keep_users = true")
    local skill_with_users = cjson.decode((other:get("/skill/" .. name)))
    other:stop()
    assert.is_string(skill_with_users.created_by.email)
  end)

  it("asks for a skill again when it keeps its owners, of which the list says nothing", function()
    local other = fleet.machine(e, "keep_users = true")
    fleet.from(other, "/skill/" .. name)
    fleet.age(other, TTL)
    fleet.from(other, "/skill/" .. name)
    assert.is_true(server.eventually(10, function()
      return fleet.from(other, "/skill/" .. name) == "hit"
    end))
    other:stop()
    assert.same({ "name/" .. name .. "/", "name/" .. name .. "/" }, requests())
  end)

  it("drops what was not used for longest when the dictionary is full", function()
    local names = e:seed({ skills = 40 }).skills
    local body = '{"name":"%s","id":"x","version":1,"body":"%s"}'
    local faults = {}
    for i, each in ipairs(names) do
      faults[i] = {
        match = { path = "/name/" .. each:gsub("%-", "%%-") .. "/" },
        action = { status = 200, body = body:format(each, ("x"):rep(60000)) },
      }
    end
    e:faults(faults)
    local small = fleet.machine(e, "ttl = 60", "1m")
    local count = 0
    for _ = 1, 2 do
      for _, each in ipairs(names) do
        count = count + (select(2, fleet.from(small, "/skill/" .. each)) == "200" and 1 or 0)
      end
    end
    local counters, complaints = cjson.decode((small:get("/stats"))), small:complaints()
    small:stop()
    assert.equal(80, count)
    assert.is_true(counters.evicted > 0)
    assert.equal("", complaints)
  end)

  it("serves an old copy at once, and lets one conditional request refresh all", function()
    local names = e:seed({ skills = 4 }).skills
    for _, each in ipairs(names) do
      from("/skill/" .. each)
    end
    local before = #e:log()
    fleet.age(nginx, TTL)
    for _, each in ipairs(names) do
      assert.equal("stale", from("/skill/" .. each))
    end
    assert.is_true(server.eventually(10, function()
      return from("/skill/" .. names[4]) == "hit" and from("/skill/" .. names[1]) == "hit"
    end))
    assert.equal(before + 1, #e:log()) -- the list, which the cache has not had yet
    fleet.age(nginx, TTL)
    for _, each in ipairs(names) do
      from("/skill/" .. each)
    end
    assert.is_true(server.eventually(10, function()
      return from("/skill/" .. names[2]) == "hit"
    end))
    local log = e:log()
    assert.equal(before + 2, #log)
    assert.equal(304, log[#log].status)
  end)

  it("serves a new version once the old copy has been refreshed", function()
    assert.equal(1, skill().version)
    publish("new")
    fleet.age(nginx, TTL)
    skill()
    assert.is_true(server.eventually(10, function()
      return skill().version == 2
    end))
    assert.equal("new", skill().body)
  end)

  it("makes one request for 200 that want a cold skill at the same time", function()
    e:fault({ match = { path = "/llm_skills/" }, action = { delay = 0.3 } })
    assert.same({ ["200"] = 200 }, (nginx:get_many("/skill/" .. name, 200)))
    assert.equal(1, #e:log())
  end)

  it("makes one request for 200 that want a skill too large to be kept", function()
    local large = '{"name":"%s","id":"x","version":1,"body":"%s"}'
    e:fault({
      match = { path = "/name/" },
      action = { status = 200, body = large:format(name, ("x"):rep(900000)), delay = 1 },
    })
    local small = fleet.machine(e, "ttl = 1", "1m")
    local began = core.now()
    assert.same({ ["200"] = 200 }, (small:get_many("/skill/" .. name, 200)))
    local rounds = math.floor(core.now() - began) -- a later one where the last of the 200 come late
    assert.is_true(#e:log() <= 2 * 2 * math.max(rounds, 1), #e:log() .. " requests") -- two workers
    local complaints = small:complaints()
    small:stop()
    assert.matches('skill "' .. name:gsub("%-", "%%-") .. '" is not kept: %d+ bytes', complaints)
  end)

  it("remembers for a while that the server does not have a skill", function()
    for _ = 1, 3 do
      local _, status = fleet.from(nginx, "/skill/nothing")
      assert.equal("404", status)
    end
    assert.equal(1, #e:log())
    server.output_of(("sleep %g"):format(NEGATIVE_TTL + 0.1))
    fleet.from(nginx, "/skill/nothing")
    assert.equal(2, #e:log())
  end)

  it("stops serving a skill that the server no longer has", function()
    from("/skill/" .. name)
    server.output_of(
      (
        "curl -q -s -X POST -H 'Authorization: Bearer phx_emulator_all'"
        .. " '%s/api/projects/112358/llm_skills/name/%s/archive/'"
      ):format(e.url, name)
    )
    fleet.age(nginx, TTL)
    from("/skill/" .. name)
    assert.is_true(server.eventually(10, function()
      return select(2, fleet.from(nginx, "/skill/" .. name)) == "404"
    end))
  end)

  it("keeps a version for long, for it does not change", function()
    assert.equal("miss", from("/skill/" .. name .. "?version=1"))
    fleet.age(nginx, TTL)
    assert.equal("hit", from("/skill/" .. name .. "?version=1"))
    assert.equal("404", select(2, fleet.from(nginx, "/skill/" .. name .. "?version=7")))
  end)

  it("serves a file of the version that it serves the skill of", function()
    server.output_of(
      (
        "curl -q -s -X POST -H 'Authorization: Bearer phx_emulator_all' -H 'Content-Type: application/json'"
        .. ' -d \'{"path": "a b/x.md", "content": "text"}\''
        .. " '%s/api/projects/112358/llm_skills/name/%s/files/'"
      ):format(e.url, name)
    )
    local path = "/file/" .. name .. "/a%20b/x.md"
    assert.same(
      { path = "a b/x.md", content = "text", content_type = "text/plain" },
      cjson.decode((nginx:get(path)))
    )
    assert.equal("hit", from(path))
    assert.equal(2, skill().version)
    fleet.age(nginx, TTL)
    assert.equal("stale", from(path))
    assert.is_true(server.eventually(10, function()
      return from(path) == "hit"
    end))
    assert.equal("404", select(2, fleet.from(nginx, "/file/" .. name .. "/none.md")))
    assert.equal("404", select(2, fleet.from(nginx, path .. "?version=1")))
    assert.equal("miss", from(path .. "?version=2"))
  end)

  it("forgets one skill, or all", function()
    local names = e:seed({ skills = 2 }).skills
    for _, path in ipairs({ "/skill/" .. names[1], "/skill/" .. names[2] }) do
      from(path)
    end
    nginx:get("/purge?name=" .. names[1])
    assert.equal("miss", from("/skill/" .. names[1]))
    assert.equal("hit", from("/skill/" .. names[2]))
    nginx:get("/purge")
    assert.equal("miss", from("/skill/" .. names[1]))
    assert.equal("miss", from("/skill/" .. names[2]))
  end)

  it("does not keep what was fetched before a purge", function()
    e:fault({ match = { path = "/name/" }, action = { delay = 2 } })
    local slow = io.popen(("curl -q -s -o /dev/null '%s/skill/%s'"):format(nginx.url, name))
    assert.is_true(server.eventually(10, function()
      return #e:log() == 1
    end))
    nginx:get("/purge?name=" .. name)
    slow:close()
    e:faults({})
    assert.equal("miss", from("/skill/" .. name))
  end)

  it("hits in a phase that cannot wait, and says so of a miss there", function()
    local function head()
      return nginx:get("/filter?name=" .. name, "-o /dev/null -D -"):lower()
    end
    assert.matches("x%-kind: phase", head())
    from("/skill/" .. name)
    assert.matches("x%-from: hit", head())
    assert.matches("x%-length: %d+", head())
  end)

  it("serves and keeps nothing that is about another skill, version or file", function()
    local wrong = '{"id":"x","name":"other","version":9,"path":"other.md","content":"c","body":"b"}'
    for path, field in pairs({
      ["/skill/" .. name] = "name",
      ["/skill/other?version=1"] = "version",
      ["/file/" .. name .. "/a.md?version=1"] = "path",
    }) do
      e:fault({ match = { path = "/name/" }, action = { status = 200, body = wrong, times = 1 } })
      local said = nginx:get(path)
      local words = "decode: the response is about another one: its " .. field .. " is "
      assert.truthy(said:find(words, 1, true), said)
    end
    e:faults({})
    assert.is_true(server.eventually(4, function() -- once the failure is forgotten
      return from("/skill/" .. name) == "miss"
    end))
    assert.equal(name, skill().name)
  end)

  it("refuses wrong arguments at once, in the words of the client", function()
    local said = cjson.decode((nginx:get("/misuse")))
    assert.is_true(#said.lines > 50)
    for _, line in ipairs(said.lines) do
      local method, words, expected, seconds = unpack(line)
      words, expected = words:gsub("^.-:%d+: ", ""), expected:gsub("^.-:%d+: ", "")
      assert.equal(expected, words, method)
      assert.equal("posthog.llm: ", words:sub(1, 13), method)
      assert.is_true(seconds < 1, method .. " took " .. seconds .. " s: " .. words)
    end
    -- The longest that may be are looked for: the dictionary takes their keys.
    assert.same({ "not_found", "not_found" }, said.kinds)
  end)

  it("counts what it does, for people and for Prometheus", function()
    local before = stats()
    from("/skill/" .. name)
    from("/skill/" .. name)
    from("/skill/" .. name)
    fleet.from(nginx, "/skill/nothing")
    local after = stats()
    assert.same({ 1, 2, 1, 2 }, {
      after.miss - before.miss,
      after.hit - before.hit,
      after.error - before.error,
      after.requests - before.requests,
    })
    assert.equal(8 * 1024 * 1024, after.capacity_bytes)
    local text = nginx:get("/metrics")
    local line = 'posthog_llm_cache_results_total{from="hit"} ' .. ("%d"):format(after.hit)
    assert.truthy(text:find(line, 1, true), text)
    for written in text:gmatch("[^\n]+") do
      assert.truthy(
        written:find("^# %u+ [%w_]+ .")
          or written:find("^[%w_]+ %d+$")
          or written:find('^[%w_]+{from="%l+"} %d+$'),
        written
      )
    end
  end)

  describe("while the server fails", function()
    local function make_old()
      from("/skill/" .. name)
      from("/skill/" .. name .. "?version=1")
      fleet.age(nginx, TTL)
    end

    local FAULTS = {
      { "closes the connection", { close = true } },
      { "fails with 503", { status = 503, body = "" } },
      { "refuses with 429", { status = 429, body = "{}", headers = { ["Retry-After"] = "2" } } },
      { "sends a page of HTML with 200", { status = 200, body = "<html>sorry</html>" } },
      { "sends a page of HTML with 404", { status = 404, body = "<html>no</html>" } },
      { "is a gateway with a 404 of its own", { status = 404, body = '{"message":"no route"}' } },
      {
        "sends bytes that are not text",
        { status = 500, body = "", headers = { ["X-Request-Id"] = "\233" } },
      },
      { "refuses the key", { status = 401, body = "{}" } },
      { "takes too long", { delay = 3 * WAIT } },
    }
    for _, case in ipairs(FAULTS) do
      it("serves the old copy when it " .. case[1], function()
        make_old()
        local before = #e:log()
        e:fault({ match = { path = "/llm_skills/" }, action = case[2] })
        local began = core.now()
        for _ = 1, 50 do
          local where, status = fleet.from(nginx, "/skill/" .. name)
          assert.same({ "stale", "200" }, { where, status })
        end
        local rounds = 1 + math.floor((core.now() - began) / NEGATIVE_TTL)
        assert.is_true(#e:log() - before <= 6 * rounds, #e:log() - before .. " requests")
        e:faults({})
        assert.is_true(server.eventually(20, function()
          return from("/skill/" .. name) == "hit"
        end))
      end)

      it(
        "fails without a copy when it " .. case[1] .. ", and waits no longer than it may",
        function()
          e:fault({ match = { path = "/llm_skills/" }, action = case[2] })
          local began = core.now()
          local statuses, seconds = nginx:get_many("/skill/" .. name, 40)
          assert.is_nil(statuses["200"])
          assert.is_true(seconds[#seconds] < 2 * WAIT, seconds[#seconds] .. " s")
          local rounds = 1 + math.floor((core.now() - began) / (WAIT + NEGATIVE_TTL))
          assert.is_true(#e:log() <= 4 * rounds, #e:log() .. " requests")
        end
      )
    end

    it("writes one line a minute into the log, not one a request", function()
      local lines = select(2, nginx:complaints():gsub("\n", "\n")) + 1
      local minutes = 1 + math.floor((core.now() - first) / 60)
      assert.is_true(lines <= 10 * minutes, nginx:complaints())
      assert.matches("posthog.llm.cache: .-skills:%l+: server: ", nginx:complaints())
    end)
  end)

  it("gets a skill although a worker was killed while it fetched", function()
    e:fault({ match = { path = "/name/" }, action = { delay = 20, times = 1 } })
    local slow
    repeat -- until that worker takes it
      slow = io.popen(
        ("curl -q -s -o /dev/null '%s/skill/%s?n=[1-4]' -Z --parallel-immediate 2>&1"):format(
          nginx.url,
          name
        )
      )
    until server.eventually(1, function()
      return #e:log() == 1
    end)
    for _, worker in ipairs(nginx:workers()) do
      nginx:signal("KILL", worker)
    end
    slow:close()
    assert.is_true(server.eventually(15, function()
      return #nginx:workers() == 2
    end))
    local began = core.now()
    local _, status = fleet.from(nginx, "/skill/" .. name)
    assert.equal("200", status)
    assert.is_true(core.now() - began < WAIT - 1, "it waited for the lock of a dead worker")
  end)

  it("serves every request while nginx reloads its configuration", function()
    from("/skill/" .. name)
    local load = io.popen(
      (
        "curl -q -s -o /dev/null -Z --parallel-max 20 -w '%%{http_code}\\n' --retry 2 --retry-all-errors"
        .. " '%s/skill/%s?n=[1-3000]' 2>/dev/null"
      ):format(nginx.url, name)
    )
    for _ = 1, 3 do
      nginx:signal("HUP")
      server.output_of("sleep 0.2")
    end
    local count = 0
    for line in load:lines() do
      assert.equal("200", line)
      count = count + 1
    end
    load:close()
    assert.equal(3000, count)
    assert.is_true(server.eventually(10, function()
      return #nginx:workers() == 2
    end))
  end)
end)
