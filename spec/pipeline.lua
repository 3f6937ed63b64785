--- What the specs of the pipeline share: clients of an emulator, waits that
--- take no time, misuse that names its line, programs of their own.

local emulator = require("spec.emulator")
local llm = require("posthog.llm")
local plain = require("posthog.llm.host.plain")

local pipeline = { KEY = "phx_emulator_all", PROJECT = 112358 }

--- @param host string
--- @param options? posthog.llm.Options
function pipeline.client(host, options)
  local all = { host = host, personal_api_key = pipeline.KEY, project_id = pipeline.PROJECT }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return llm.new(all)
end

--- Lets the waits between attempts pass at once. `naps` has the seconds asked
--- for, and `naps.total()` their sum.
--- @return table naps
--- @return function restore
function pipeline.instant_sleep()
  local naps, sleep = {}, plain.sleep
  function naps.total()
    local sum = 0
    for _, seconds in ipairs(naps) do
      sum = sum + seconds
    end
    return sum
  end
  function plain.sleep(seconds)
    naps[#naps + 1] = seconds
  end
  return naps, function()
    plain.sleep = sleep
  end
end

--- Asserts that f raises, that the message names a line of f itself, and that
--- it holds each of the texts.
--- @param f function
--- @return string message
function pipeline.raises(f, ...)
  local ok, message = pcall(f)
  assert(not ok, "it did not raise")
  assert(type(message) == "string", "it raised no text: " .. tostring(message))
  local info = debug.getinfo(f, "S")
  local file, line = message:match("^(.-):(%d+): posthog%.llm: ")
  assert(file == info.short_src, "the message names another file: " .. message)
  line = tonumber(line)
  assert(line >= info.linedefined and line <= info.lastlinedefined, "another line: " .. message)
  for _, text in ipairs({ ... }) do
    assert(message:find(text, 1, true), ("no %q in: %s"):format(text, message))
  end
  return message
end

--- Runs functions by llm.gather and breaks it off, as an interrupt from the
--- keyboard does, once all of them wait.
--- @return boolean ok
--- @return any raised "interrupted"
function pipeline.interrupted_gather(functions)
  local armed = false
  local all = {}
  for i, f in ipairs(functions) do
    all[i] = f
  end
  all[#all + 1] = function()
    llm.sleep(0.3)
    armed = true
  end
  local compiles = jit and jit.status()
  if compiles then -- compiled code calls no hooks
    jit.off()
    jit.flush()
  end
  local own = coroutine.running()
  debug.sethook(function() -- a hook of LuaJIT is every coroutine's
    if armed and coroutine.running() == own then
      debug.sethook()
      error("interrupted", 0)
    end
  end, "l")
  local ok, raised = pcall(llm.gather, all)
  debug.sethook()
  if compiles then
    jit.on()
  end
  return ok, raised
end

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

--- Runs a program in a Lua of its own.
--- @param text string
--- @param env? table<string, string|number>
--- @return string output stdout and stderr
--- @return integer status
function pipeline.run(text, env)
  local name = os.tmpname()
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
  local words = { "env" }
  for variable, value in pairs(env or {}) do
    words[#words + 1] = variable .. "=" .. quote(value)
  end
  words[#words + 1] = "timeout 60 " .. (os.getenv("LUA") or "lua5.4") .. " " .. quote(name)
  local pipe = assert(io.popen(table.concat(words, " ") .. " 2>&1; echo status $?", "r"))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(name)
  local said, status = output:match("^(.*)status (%d+)\n$")
  return said, tonumber(status)
end

--- Entries of the emulator's log as "METHOD target", one a line of a list.
--- @return string[]
function pipeline.seen(e)
  local list = {}
  for i, entry in ipairs(e:log()) do
    list[i] = entry.method .. " " .. entry.target
  end
  return list
end

--- The value of a request's header in an HTTP/1.1 log entry, nil when absent.
function pipeline.header(entry, name)
  local head = "\n" .. entry.raw_header:gsub("\r", "")
  local at = head:lower():find("\n" .. name:lower() .. ":", 1, true)
  return at and head:match("^\n[^:]*:[ \t]*([^\n]*)", at)
end

pipeline.emulator = emulator

return pipeline
