--- Runs bin/posthog-llm as a user does: in a pipe, or on a terminal of its own.

local assert = require("luassert")

local emulator = require("spec.emulator")
local hooks = require("spec.support.hooks")

local command = { KEY = "phx_emulator_all" }

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file:read("*a")
  file:close()
  os.remove(path)
  return text
end

--- @class spec.CommandOptions
--- @field env? table<string, string|false> false: not set
--- @field stdin? string
--- @field terminal? integer columns; standard error, and with `screen` standard output too, are a terminal
--- @field screen? boolean
--- @field dir? string to run in
--- @field before? string shell text that runs first, such as "ulimit -f 1"
--- @field through? string a program that runs it: "nice"
--- @field typed? string shell text whose output is what is typed on the terminal; what that shows is
---   in the file $shown
--- @field while_running? string shell text that runs beside it, with its process in $pid, what
---   it has printed in the file $out

--- Shell text that waits until a shell's condition holds, half a minute at most.
function command.until_true(condition)
  return ("n=0; until %s || [ $n = 600 ]; do n=$((n + 1)); sleep 0.05; done; "):format(condition)
end

--- The same for a word in a file.
function command.until_in(file, word)
  return command.until_true(("grep -qs %s %s"):format(word, file))
end

--- The same until an emulator gets such a request, after those that it has had.
--- @param e table the emulator
--- @param pattern string for grep, of an entry of the log
function command.until_asked(e, pattern)
  local asked = "curl -q -s --noproxy '*' '%s/__emulator/log?since=%d' | grep -q '%s'"
  return command.until_true(asked:format(e.url, #e:log(), pattern))
end

--- What is typed once the terminal shows something, for `typed`.
--- @param words string
--- @param keys string as printf takes them
function command.answer(words, keys)
  local is_shown = ("grep -qsF '%s' \"$shown\""):format(words)
  return ("%s printf '%s'; sleep 0.5"):format(command.until_true(is_shown), keys)
end

--- The command as text for a shell, from anywhere.
function command.line(args, root)
  local words = { os.getenv("LUA") or "lua5.4", root .. "/bin/posthog-llm" }
  for _, arg in ipairs(args) do
    words[#words + 1] = quote(arg)
  end
  return table.concat(words, " ")
end

local root
local function here()
  if not root then
    local pipe = io.popen("pwd")
    root = pipe:read("*l")
    pipe:close()
  end
  return root
end

--- Where the library is, for a process that runs elsewhere.
local function paths()
  local list = {}
  for _, name in ipairs({ "LUA_PATH", "LUA_CPATH" }) do
    local value = os.getenv(name)
    if value then
      value = (";" .. value):gsub(";%./", ";" .. here() .. "/"):sub(2)
      list[#list + 1] = ("export %s=%s"):format(name, quote(value))
    end
  end
  return table.concat(list, "; ")
end

--- The command without arguments, as text for a shell in any folder.
function command.anywhere()
  return command.line({}, here())
end

--- Runs lines of bash in a folder, with the account of an emulator, for five minutes at most.
--- @param lines string[]
--- @param e table
--- @param dir string
--- @param env? table<string, string>
--- @return string output
function command.script(lines, e, dir, env)
  local all = {
    paths(),
    "export POSTHOG_HOST=" .. e.url,
    "export POSTHOG_PROJECT_ID=112358 PAGER=cat POSTHOG_PERSONAL_API_KEY=" .. command.KEY,
    "cd " .. quote(dir),
  }
  for name, value in pairs(env or {}) do
    all[#all + 1] = ("export %s=%s"):format(name, quote(value))
  end
  for _, line in ipairs(lines) do
    all[#all + 1] = line
  end
  local path = os.tmpname()
  local file = io.open(path, "wb")
  file:write(table.concat(all, "\n"), "\n")
  file:close()
  local pipe = io.popen("timeout 300 bash " .. path .. " 2>&1")
  local output = pipe:read("*a")
  pipe:close()
  os.remove(path)
  return output
end

--- @param args string[]
--- @param options? spec.CommandOptions
--- @return { code: integer, out: string, err: string } with `screen` all of it is in `out`
function command.run(args, options)
  options = options or {}
  local out, err, input = os.tmpname(), os.tmpname(), os.tmpname()
  local file = io.open(input, "wb")
  file:write(options.stdin or "")
  file:close()
  local lines = { paths() }
  lines[#lines + 1] = "unset NO_COLOR POSTHOG_HOST POSTHOG_PROJECT_ID POSTHOG_PERSONAL_API_KEY"
  lines[#lines + 1] = "unset POSTHOG_CLI_API_KEY POSTHOG_CLI_TOKEN POSTHOG_CLI_PROJECT_ID "
    .. "POSTHOG_CLI_ENV_ID POSTHOG_CLI_HOST"
  lines[#lines + 1] = "export TERM=xterm POSTHOG_HOME=/nowhere" -- nobody is logged in
  lines[#lines + 1] = "export PAGER=cat; unset LESS" -- nobody types
  for name, value in pairs(options.env or {}) do
    lines[#lines + 1] = value and ("export %s=%s"):format(name, quote(value)) or "unset " .. name
  end
  lines[#lines + 1] = options.dir and "cd " .. quote(options.dir) or nil
  lines[#lines + 1] = options.before
  local run = command.line(args, here())
  if options.through then
    run = options.through .. " " .. run
  end
  if options.terminal then
    -- A terminal is made by script(1), of util-linux; its lines end in CR LF.
    local inner = ("stty cols %d rows 24 -echo; exec %s"):format(options.terminal, run)
    if not options.screen then
      inner = inner .. " >" .. quote(out)
    end
    local shown = options.screen and out or err
    lines[#lines + 1] = "shown=" .. quote(shown)
    run = ("script -qefc %s /dev/null >%s"):format(quote(inner), quote(shown))
  else
    run = ("exec %s >%s 2>%s"):format(run, quote(out), quote(err))
  end
  if options.while_running then
    lines[#lines + 1] = ("out=%s; { %s; } <%s & pid=$!"):format(quote(out), run, quote(input))
    lines[#lines + 1] = options.while_running
    lines[#lines + 1] = "exec 2>/dev/null; wait $pid" -- the shell tells who was killed
  else
    local typed = options.typed and "{ " .. options.typed .. "; } |"
    lines[#lines + 1] = ("%s { %s; }"):format(typed or "cat " .. quote(input) .. " |", run)
  end
  local script = os.tmpname()
  file = io.open(script, "wb")
  file:write(table.concat(lines, "\n"), "\n")
  file:close()
  local a, _, b = os.execute("sh " .. script)
  local code = b or (a > 255 and math.floor(a / 256) or a) -- Lua 5.1 gives the status of wait(2)
  os.remove(script)
  os.remove(input)
  local result = { code = code, out = read(out), err = read(err) }
  if options.terminal then
    local shown = options.screen and "out" or "err"
    result[shown] = result[shown]:gsub("\r\n", "\n")
  end
  return result
end

--- Runs of the command against an emulator.
--- @param running fun(): table the emulator
--- @return fun(args: string[], options?: spec.CommandOptions): table run
--- @return fun(code: integer, args: string[], options?: spec.CommandOptions): table ends as
---   run, and asserts the code
function command.against(running)
  local function run(args, options)
    local all = {
      POSTHOG_HOST = running().url,
      POSTHOG_PROJECT_ID = "112358",
      POSTHOG_PERSONAL_API_KEY = command.KEY,
    }
    options = options or {}
    for name, value in pairs(options.env or {}) do
      all[name] = value
    end
    options.env = all
    local result = command.run(args, options)
    local shown = result.out .. result.err
    assert.is_nil(shown:find(command.KEY, 1, true), "the key is shown")
    assert.is_nil(shown:find("this is a bug", 1, true), shown)
    return result
  end
  local function ends(code, args, options)
    local result = run(args, options)
    assert.equal(code, result.code, result.out .. result.err)
    return result
  end
  return run, ends
end

--- A block of tests of the command, which is pending where the command cannot run.
--- @param busted table its functions, which only a spec file has
--- @param name string what is described
--- @param tests fun()
--- @param lacks? string what else they need and is not there
function command.describe(busted, name, tests, lacks)
  busted.describe(name, function()
    local unable = command.unable() or lacks
    if unable then
      busted.pending(unable)
      return
    end
    tests()
  end)
end

--- An emulator for one spec file, and runs of the command against it. Its functions start, stop
--- and reset go into setup, teardown and before_each; run and ends are those of command.against.
--- @param options? table for emulator.start
function command.session(options)
  local t = { e = nil }
  t.run, t.ends = command.against(function()
    return t.e
  end)

  function t.start()
    t.e = emulator.start(options)
  end

  function t.stop()
    t.e:stop()
  end

  function t.reset()
    t.e:reset()
  end

  t.hook = hooks(t)
  return t
end

--- @return string? why the command cannot be tested here
function command.unable()
  if not pcall(require, "lfs") then
    return "luafilesystem is not there for this Lua"
  end
end

return command
