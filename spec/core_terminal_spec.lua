--- A line that the terminal does not show.

local command = require("spec.support.command")
local core = require("posthog.llm.core")

local LUA = os.getenv("LUA") or "lua5.4"

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- Runs a program on a terminal that echoes, and types once the echo is off.
--- @param typed string as printf takes it
--- @return string screen
local function on_terminal(program, typed)
  local out, name = os.tmpname(), os.tmpname()
  local is_off = "stty -F \"$(cat %s)\" -a 2>&1 | grep -q '[ ;]-echo[ ;]'"
  local wait = command.until_true(is_off:format(name))
  -- The trap: a shell goes on after Ctrl-C, which it gets too. Some would without it.
  local inner = ("tty >%s; trap : INT; stty echo; %s -e %s; stty -a"):format(
    name,
    LUA,
    quote(program)
  )
  os.execute(
    ("{ %s printf '%s'; sleep 0.5; } | script -qefc %s /dev/null >%s"):format(
      wait,
      typed,
      quote(inner),
      out
    )
  )
  local screen = read(out):gsub("\r\n", "\n")
  os.remove(out)
  os.remove(name)
  return screen
end

local READ = [[
  local core = require("posthog.llm.core")
  core.catch_interrupts()
  local line, why = core.read_hidden(0)
  print("got " .. tostring(line and #line) .. " " .. tostring(line and line:sub(-2)) .. " "
    .. tostring(why) .. " " .. tostring(core.interrupted()))
]]

describe("core.read_hidden", function()
  it("reads a line without echo, and turns the echo on again", function()
    local screen = on_terminal(READ, "s3cret_yz\\n")
    assert.matches("got 9 yz nil nil\n", screen, 1, true)
    assert.is_nil(screen:find("s3cret", 1, true), screen)
    assert.matches("[ ;]echo[ ;]", screen:match("got.*$"))
  end)

  it("reads one line, as long as a terminal has it, and an empty one", function()
    assert.matches("got 4000 ab nil nil\n", on_terminal(READ, ("x"):rep(3998) .. "ab\\nmore\\n"))
    assert.matches("got 0  nil nil\n", on_terminal(READ, "\\n"))
  end)

  it("ends at the end of the input, and at an interrupt", function()
    assert.matches("got nil nil nil nil\n", on_terminal(READ, "\\004"))
    local screen = on_terminal(READ, "s3c\\003")
    assert.matches("got nil nil Interrupted system call 2\n", screen, 1, true)
    assert.matches("[ ;]echo[ ;]", screen:match("got.*$"))
  end)

  it("ignores keys that would stop the program while the echo is off", function()
    assert.matches("got 4 \26b nil nil\n", on_terminal(READ, "\\034a\\032b\\n"), 1, true)
  end)

  it("writes its question once the echo is off, so that nothing typed after it is shown", function()
    local fifo, name, out, state = os.tmpname(), os.tmpname(), os.tmpname(), os.tmpname()
    os.remove(fifo)
    -- Standard error is a pipe that is full: the question waits there until it is read.
    local program = [[io.stderr:setvbuf("no") io.stderr:write(("x"):rep(65536))
      local core = require("posthog.llm.core")
      print("got " .. tostring(core.read_hidden(0, "Secret: ")))]]
    local inner = ("tty >%s; stty echo; %s -e %s 2>%s"):format(name, LUA, quote(program), fifo)
    local is_off = ([[stty -F "$(cat %s)" -a 2>&1 | grep -q '[ ;]-echo[ ;]']]):format(name)
    local typed = ("%s %s && echo off >%s; cat <&3 >%s & cat=$!; %s printf 's3cret\\n'; sleep 1; kill $cat"):format(
      command.until_true(is_off),
      is_off,
      state,
      out,
      command.until_true(("grep -qs 'xSecret: ' %s"):format(out))
    )
    local line = "mkfifo %s; { exec 3<>%s; %s; } | script -qefc %s /dev/null"
    local pipe = io.popen(line:format(fifo, fifo, typed, quote(inner)))
    local screen = pipe:read("*a")
    pipe:close()
    local is_hidden, shown = read(state), read(out)
    for _, path in ipairs({ fifo, name, out, state }) do
      os.remove(path)
    end
    assert.equal("off\n", is_hidden)
    assert.equal("Secret: ", (shown:gsub("^x+", "")))
    assert.matches("got s3cret", screen)
    assert.equal(1, select(2, screen:gsub("s3cret", "")))
  end)

  it("says why there is nothing to read from", function()
    local file = os.tmpname()
    local pipe = io.popen(("%s -e %s <%s"):format(LUA, quote(READ), file))
    local said = pipe:read("*a")
    pipe:close()
    os.remove(file)
    assert.matches("got nil nil %u%l+", said)
    assert.is_nil((core.read_hidden(99)))
  end)
end)
