-- A program that forks while calls are in flight: the child may go on with the same client, close
-- it or just end, and the parent's calls and connections are unharmed.

local pipeline = require("spec.pipeline")
require("spec.support.host") -- built here, for the programs

local PROGRAM = [[
  local core = require("posthog.llm.core")
  local host = require("spec_host")
  local llm = require("posthog.llm")

  local c = llm.new({ personal_api_key = "phx_emulator_all", project_id = 112358, max_retries = 0,
    host = os.getenv("BASE"), ca_file = os.getenv("CA_FILE") })
  if os.getenv("ENGINE") == "thread" then core.engine():run() end

  --- In the parent a second of work, which in the child is lost.
  local function slow()
    return c:request("GET", "/__emulator/slow?ms=1000")
  end

  local function echo(who)
    return c:request("GET", "/__emulator/echo/", { query = { who = who } })
  end

  local function finish()
    -- Nothing looks for leaks in the child: what belonged to the parent's engine stays as it is.
    if os.getenv("SPEC_MODE") ~= "plain" then host.vanish() end
    os.exit(0, true)
  end

  local function lost(result, err)
    assert(not result and err.kind == "cancelled" and err.message:find("fork"), tostring(err))
  end

  local children = {}
  local function fork()
    local pid = host.fork()
    if pid == 0 then return true end
    children[#children + 1] = pid
  end

  local child
  local results, errors = llm.gather({ slow, slow, function()
    assert(echo("before"))
    child = fork()
    %s
    return echo(child and "child" or "parent")
  end, slow })
  errors = errors or {}
  if child then
    for _, i in ipairs({ 1, 2, 4 }) do lost(results[i], errors[i]) end
    assert(results[3], tostring(errors[3]))
    %s
    finish()
  end
  for i = 1, 4 do assert(results[i], tostring(errors[i])) end
  for _, pid in ipairs(children) do assert(host.wait(pid) == 0) end
  assert(echo("after"))
  c:close()
  print("unharmed")
]]

local CHILDREN = {
  ["goes on with the client"] = { "", 'for _ = 1, 3 do assert(echo("child")) end', 4 },
  ["closes the client"] = { "", "c:close() assert(not echo('child'))", 1 },
  ["drops the client"] = { "", "c = nil collectgarbage() collectgarbage()", 1 },
  ["ends at once"] = { "if child then finish() end", "", 0 },
  ["closes the client at once"] = { "if child then c:close() finish() end", "", 0 },
  ["forks again"] = {
    "",
    [[if fork() then assert(echo("child")) c:close() finish() end
      assert(host.wait(children[1]) == 0) assert(echo("child"))]],
    3,
  },
  ["has a thread of its own"] = { "", 'core.engine():run() assert(echo("child"))', 2 },
}

describe("a child, forked with calls in flight,", function()
  local e

  setup(function()
    e = pipeline.emulator.start({ tls = true })
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
  end)

  --- The connections that the requests of one process came by, and their number.
  local function connections_of(who)
    local set, count = {}, 0
    for _, entry in ipairs(e:log()) do
      if entry.target:find("who=" .. who, 1, true) then
        set[entry.connection] = true
        count = count + 1
      end
    end
    return set, count
  end

  for what, case in pairs(CHILDREN) do
    for _, engine in ipairs({ "script", "thread" }) do
      it(what .. ", beside a parent with its engine in a " .. engine, function()
        local output, status = pipeline.run(
          PROGRAM:format(case[1], case[2]),
          { BASE = e.tls_url, CA_FILE = e.ca_file, ENGINE = engine }
        )
        assert.same({ "unharmed\n", 0 }, { output, status })
        local before, after = connections_of("before"), connections_of("after")
        local childs, count = connections_of("child")
        assert.equal(case[3], count)
        assert.same(before, after) -- the same, still open
        assert.is_nil(childs[next(before)])
      end)
    end
  end
end)
