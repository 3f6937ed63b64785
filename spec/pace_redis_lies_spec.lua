-- What answers is not Redis, or a Redis that lies: no call hangs, no worker, and no limit is exceeded.
if not rawget(_G, "jit") or os.getenv("SPEC_MODE") == "valgrind" then
  return
end

local emulator = require("spec.emulator")
local redis_server = require("spec.ngx.redis")
local server = require("spec.ngx.server")

local missing = server.missing()
  or redis_server.missing()
  or server.output_of("command -v python3") == "" and "python3 is not installed"
if missing then
  describe("a pace in a Redis that lies", function()
    pending("is left out: " .. missing)
  end)
  return
end

local LOCATION = [[
    location = /shared { content_by_lua_block { require("spec.ngx.pace").shared() } }
]]
local MINUTE, LIMIT, CALLS = 60, 40, 60

-- Those that a worker cannot tell from a Redis that grants.
local GRANTS = {
  ["generous"] = true,
  ["more than wanted"] = true,
  ["two replies"] = true,
  ["in pieces"] = true,
  ["always another epoch"] = true,
}
-- Those that say to wait.
local WAITS = { ["a wait of a day"] = true, ["no wait"] = true, ["always lost"] = true }
-- Those that say that the configuration is wrong.
local WRONG = {
  ["an alert of TLS"] = "Does it speak TLS",
  ["HTTP"] = "is not a Redis",
  ["garbage"] = "is not a Redis",
  ["closes"] = "Does it speak TLS",
  ["half of it"] = "Does it speak TLS",
}

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

describe("a pace in a Redis that lies", function()
  local e, nginx, directory, port

  setup(function()
    e = emulator.start()
    nginx = server.start({
      emulator = e,
      workers = 2,
      server = LOCATION,
      http = "lua_socket_log_errors off;",
    })
    directory = server.output_of('mktemp -d "${TMPDIR:-/tmp}/posthog-fake.XXXXXX"'):gsub("\n$", "")
    os.execute(("python3 spec/support/fake_redis.py '%s' >/dev/null 2>&1 &"):format(directory))
    server.eventually(10, function()
      port = read(directory .. "/port")
      return port
    end)
  end)
  teardown(function()
    nginx:stop()
    e:stop()
    server.output_of("rm -rf '" .. directory .. "'")
  end)

  local function set(mode)
    local file = assert(io.open(directory .. "/mode", "w"))
    file:write(mode)
    file:close()
  end

  local number = 0

  --- Calls as of a key of its own.
  local function crowd(mode, calls)
    set(mode)
    e:reset()
    number = number + 1
    local path = ("/shared?port=%s&per_minute=%d&seconds=%d&deadline=4&prefix=m%d"):format(
      port,
      LIMIT,
      MINUTE,
      number
    )
    local statuses, seconds = nginx:get_many(path, calls)
    return statuses, seconds, path
  end

  local function lines()
    return select(2, nginx:complaints({ "answers again" }):gsub("[^\n]+", ""))
  end

  local modes = {}
  for mode in read("spec/support/fake_redis.py"):gmatch('\n        "([^"\n]+)": %[') do
    modes[#modes + 1] = mode
  end

  it("is tried in all ways", function()
    assert.is_true(#modes > 40, #modes)
  end)

  for _, mode in ipairs(modes) do
    it(("neither hangs nor exceeds the limit for the reply: %s"):format(mode), function()
      local lines_before = lines()
      local statuses, seconds, path = crowd(mode, CALLS)
      assert.equal(CALLS, #seconds)
      assert.is_true(seconds[#seconds] < 18, seconds[#seconds]) -- curl ends at 60
      local sent = #e:log()
      assert.equal(statuses["200"] or 0, sent)
      local workers = 2
      if GRANTS[mode] then
        -- Each worker counts what it is granted.
        assert.is_true(sent <= workers * LIMIT)
      elseif WRONG[mode] then
        assert.equal(0, sent)
        assert.matches(WRONG[mode], (nginx:get(path)), 1, true)
      elseif WAITS[mode] then
        assert.is_true(sent <= workers * LIMIT)
      else
        assert.is_true(sent >= 1, "a worker goes on with its share")
        assert.is_true(sent <= LIMIT, sent)
      end
      local began = server.output_of("date +%s.%N")
      assert.equal("plain", (nginx:get("/plain")))
      assert.is_true(tonumber(server.output_of("date +%s.%N")) - tonumber(began) < 9)
      assert.is_true(lines() - lines_before <= 2 * workers, nginx:complaints())
    end)
  end
end)
