--- Makes failing calls, each with a response of many megabytes, and prints for each kind of failure
--- how it ended and the most memory that this process has ever had.
---
---   <lua> spec/support/memory_calls.lua URL HOST CALLS MEBIBYTES      HOST: plain or uv

local url, host, calls, size = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])

local uv = host == "uv" and require("luv")
local bulk = require("spec.support.bulk")
local llm = require("posthog.llm")
local plain = require("posthog.llm.host.plain")
local process = require("spec.support.process")

local MIB = 1024 * 1024
local BYTES = math.floor(size * MIB)
local kept = {} -- whatever a program may keep of a call that failed

local function client(options)
  local all = {
    host = url,
    personal_api_key = "phx_memory",
    project_id = 1,
    profile = "reference",
    max_retries = 0,
    max_response_bytes = BYTES + MIB,
  }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return llm.new(all)
end

--- One call of client.datasets:get.
local function get(options, kind, bytes, sent)
  local one = client(options)
  local value, err, response = one.datasets:get(bulk.id(kind, bytes, sent))
  kept[#kept + 1] = { err, response }
  one:close()
  return value and "a value" or err.kind .. " " .. (err.status or "")
end

local sleep = plain.sleep
local function without_waits(f, ...)
  function plain.sleep() end
  local result = f(...)
  plain.sleep = sleep
  return result
end

--- In order, for the peak only grows.
local KINDS = {
  {
    "lost",
    function()
      return get({}, "html", BYTES, { ending = "lost" })
    end,
  },
  {
    "timeout",
    function()
      return get({ timeout = 0.4 }, "html", BYTES, { ending = "hang" })
    end,
  },
  {
    "over the limit",
    function()
      return get({}, "html", BYTES + 2 * MIB, { framing = "chunks" })
    end,
  },
  {
    "not JSON, 200",
    function()
      return get({}, "html", BYTES)
    end,
  },
  {
    "not JSON, 500",
    function()
      return get({}, "html", BYTES, { status = 500 })
    end,
  },
  {
    "JSON, 400",
    function()
      return get({}, "json", BYTES, { status = 400 })
    end,
  },
  {
    "no content expected",
    function()
      return get({}, "html", BYTES, { status = 204, framing = "close" })
    end,
  },
  {
    "not followed",
    function()
      return get({}, "html", BYTES, { status = 302 })
    end,
  },
  {
    "again and again",
    function()
      return without_waits(get, { max_retries = 3 }, "html", BYTES, { status = 503 })
    end,
  },
  {
    "redirected",
    function()
      local one = client({ max_redirects = 3 })
      local path = "/" .. bulk.id("html", BYTES, { status = 307 }) .. "?to="
      path = path .. path -- to a path that has no further one
      local _, err, response = one:request("GET", path)
      kept[#kept + 1] = { err, response }
      one:close()
      return err.kind .. " " .. (err.status or "")
    end,
  },
  {
    "closed meanwhile",
    function()
      local one = client()
      local _, errors = llm.gather({
        function()
          return one.datasets:get(bulk.id("html", BYTES, { ending = "hang" }))
        end,
        function()
          llm.sleep(0.2)
          one:close()
        end,
      })
      kept[#kept + 1] = errors
      return errors[1].kind
    end,
  },
  {
    "a hook raises",
    function()
      local ok, err = pcall(get, {
        on_response = function()
          error("stop", 0)
        end,
      }, "html", BYTES)
      return tostring(ok) .. " " .. err
    end,
  },
  {
    "dropped by its coroutine",
    function()
      if host == "uv" then
        return "left out"
      end
      local co = coroutine.create(get)
      coroutine.resume(co, { on_response = coroutine.yield }, "html", BYTES)
      return coroutine.status(co)
    end,
  },
  {
    "broken JSON",
    function()
      return get({}, "broken", BYTES)
    end,
  },
  {
    "JSON of another shape",
    function()
      return get({}, "json", BYTES)
    end,
  },
}

local function run()
  print("start", process.peak())
  for _, kind in ipairs(KINDS) do
    local last
    for _ = 1, calls do
      last = kind[2]()
      kept = { unpack = kept[#kept] } -- the newest
    end
    print(("%-24s %6.0f MiB  %s"):format(kind[1], process.peak() / 1024, last))
    io.stdout:flush()
  end
  print("peak", math.ceil(process.peak() / 1024))
end

if uv then
  llm.go(run, function(err)
    if err then
      io.stderr:write(tostring(err), "\n")
      os.exit(1)
    end
    uv.stop()
  end)
  uv.run()
else
  run()
end
