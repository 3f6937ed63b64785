-- examples/nginx as it is, but for its port and where it writes.
if not rawget(_G, "jit") or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local cjson = require("cjson")
local emulator = require("spec.emulator")
local server = require("spec.ngx.server")

local missing = server.missing()
if missing then
  describe("examples/nginx", function()
    pending("is left out: " .. missing)
  end)
  return
end

local TTL = 4 -- seconds

local function replace(text, old, new)
  local from, to = text:find(old, 1, true)
  assert(from, "the example has no " .. old)
  return text:sub(1, from - 1) .. new .. text:sub(to + 1)
end

--- An example as a template of spec/ngx/server.lua, where a copy ages sooner.
--- @param example string "nginx.conf"
--- @param path string
--- @param port? integer of Redis
local function template(example, path, port)
  local file = assert(io.open("examples/nginx/" .. example))
  local text = file:read("*a")
  file:close()
  text = text
    :gsub("load_module [^\n]*\n", "")
    :gsub("build/nginx%-example%-", "@PREFIX@/")
    :gsub("%$prefix", "@ROOT@")
    :gsub("@ROOT@/build/luajit/%?%.so", "@CPATH@")
    :gsub('os.getenv%("REDIS_PORT"%)', tostring(port))
  text = replace(text, "daemon off;", "@MODULES@ @USER@")
  text = replace(text, "worker_processes auto;", "worker_processes @WORKERS@;")
  text = replace(text, "error_log stderr warn;", 'error_log "@PREFIX@/error.log" warn;')
  text = replace(text, "pid build/nginx-example.pid;", 'pid "@PREFIX@/nginx.pid";')
  text = replace(text, "env POSTHOG_HOST;", "env POSTHOG_HOST=@EMULATOR@;")
  text = replace(
    text,
    "env POSTHOG_PERSONAL_API_KEY;",
    "env POSTHOG_PERSONAL_API_KEY=phx_emulator_read;"
  )
  text = replace(text, "env POSTHOG_PROJECT_ID;", "env POSTHOG_PROJECT_ID=112358;")
  text = replace(text, "ttl = 60,", ("ttl = %d, negative_ttl = %d,"):format(TTL, TTL))
  text = replace(text, "listen 127.0.0.1:8080", "listen 127.0.0.1:@PORT@")
  text = replace(text, "include locations.conf", 'include "@ROOT@/examples/nginx/locations.conf"')
  file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("examples/nginx", function()
  local e, s, name

  setup(function()
    e = emulator.start()
    local path = e.prefix .. "/example.conf"
    template("nginx.conf", path)
    s = server.start({ emulator = e, template = path, workers = 2 })
  end)
  teardown(function()
    s:stop()
    e:stop()
  end)
  before_each(function()
    e:reset()
    name = e:seed({ skills = 1 }).skills[1]
    s:get("/purge", "-X POST")
  end)

  --- Where the answer came from, in small letters.
  local function source_of(path)
    return s:get(path, "-o /dev/null -D -"):lower():match("x%-cache: (%a+)")
  end

  it("serves a skill, the second time without a call", function()
    local body = s:get("/skills/" .. name)
    assert.equal(name, cjson.decode(body).name)
    assert.is_string(cjson.decode(body).body)
    assert.is_nil(body:find("created_by", 1, true))
    assert.is_nil(body:find("@example.net", 1, true), "an e-mail address is published")
    assert.equal("hit", source_of("/skills/" .. name))
    assert.equal(1, #e:log())
  end)

  it("serves an old copy at once and refreshes it in the background", function()
    local other = e:seed({ skills = 2 }).skills[2]
    assert.equal("miss", source_of("/skills/" .. other))
    server.output_of(("sleep %g"):format(TTL + 0.1))
    assert.equal("stale", source_of("/skills/" .. other))
    assert.is_true(server.eventually(10, function()
      return #e:log() == 2
    end))
    assert.is_true(server.eventually(10, function()
      return source_of("/skills/" .. other) == "hit"
    end))
  end)

  it("makes one call for many requests", function()
    local names = e:seed({ skills = 3 }).skills
    e:fault({ match = { path = "/llm_skills/" }, action = { delay = 0.3 } })
    local statuses = s:get_many("/skills/" .. names[3], 60)
    assert.same({ ["200"] = 60 }, statuses)
    assert.equal(1, #e:log())
  end)

  it("reports what failed, and tries again a little later", function()
    local missed = select(2, s:get("/skills/there-is-none"))
    assert.equal("404", missed)
    assert.equal("404", select(2, s:get("/skills/there-is-none")))
    assert.equal(1, #e:log())
    e:fault({ match = { path = "broken" }, action = { status = 400, body = "{}" } })
    assert.equal("502", select(2, s:get("/skills/broken")))
    local complaints = s:complaints()
    for _, words in ipairs({ 'skill "broken"', "skills:get", e.url:match("127[^/]*"), "HTTP 400" }) do
      assert.is_truthy(complaints:find(words, 1, true), complaints)
    end
  end)

  it("serves old copies while the server is down, and says so in a header", function()
    assert.equal("miss", source_of("/skills/" .. name))
    server.output_of(("sleep %g"):format(TTL + 0.1))
    e:fault({ match = { path = "/llm_skills/" }, action = { status = 503, body = "" } })
    for _ = 1, 5 do
      assert.equal("stale", source_of("/skills/" .. name))
    end
    e:faults({})
    assert.is_true(server.eventually(15, function()
      return source_of("/skills/" .. name) == "hit"
    end))
  end)

  it("serves versions and files, and refuses what is neither", function()
    assert.equal(1, cjson.decode((s:get("/skills/" .. name .. "?version=1"))).version)
    assert.equal("404", select(2, s:get("/skills/" .. name .. "?version=9")))
    assert.equal("400", select(2, s:get("/skills/" .. name .. "?version=x")))
    assert.equal("404", select(2, s:get("/skills/" .. name .. "/files/none.md")))
    assert.equal("400", select(2, s:get("/skills/" .. name .. "/files/a%09b.md")))
  end)

  it("tells of its health and its counters, and purges only by POST", function()
    local body, status = s:get("/health")
    assert.equal("200", status)
    assert.equal("ok", cjson.decode(body).status)
    assert.matches("posthog_llm_cache_requests_total %d+", (s:get("/metrics")))
    source_of("/skills/" .. name)
    assert.equal("405", select(2, s:get("/purge?name=" .. name)))
    assert.equal("200", select(2, s:get("/purge?name=" .. name, "-X POST")))
    assert.equal("miss", source_of("/skills/" .. name))
  end)
end)

describe("examples/nginx/fleet.conf", function()
  local redis = require("spec.ngx.redis")
  local lacks = redis.missing()
  if lacks then
    pending("is left out: " .. lacks)
    return
  end

  it("lets two machines share what one has fetched", function()
    local e, r = emulator.start(), redis.start()
    local path, machines = e.prefix .. "/fleet.conf", {}
    template("fleet.conf", path, r.port)
    for i = 1, 2 do
      machines[i] = server.start({ emulator = e, template = path, workers = 2 })
    end
    local name, sources = e:seed({ skills = 1 }).skills[1], {}
    for i, machine in ipairs(machines) do
      local head = machine:get("/skills/" .. name, "-o /dev/null -D -"):lower()
      sources[i] = head:match("x%-cache: (%a+)")
    end
    local health = cjson.decode((machines[1]:get("/health")))
    local asked, complaints = #e:log(), machines[1]:complaints() .. machines[2]:complaints()
    for _, machine in ipairs(machines) do
      machine:stop()
    end
    r:kill()
    e:stop()
    assert.same({ "miss", "shared" }, sources)
    assert.is_true(health.redis)
    assert.equal(1, asked)
    assert.equal("", complaints)
  end)
end)
