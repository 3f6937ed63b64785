--- A plain program that asks to be stopped, not killed, and what it knows of its terminal.

local command = require("spec.support.command")
local emulator = require("spec.emulator")

describe("an interrupt", function()
  local e
  setup(function()
    e = emulator.start()
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
  end)

  local PROGRAM = [[
    local llm = require("posthog.llm")
    local plain = require("posthog.llm.host.plain")
    plain.stop_on_interrupt()
    local client = llm.new({
      host = arg[1], personal_api_key = "phx_emulator_all", project_id = 112358,
    })
    local function get() return client.datasets:list({}) end
    local function report(what, value, err)
      print(what, value, err and err.kind, err and err.message)
    end
  ]]

  --- Runs a program, and a command once the emulator was asked for datasets.
  local function run(program, meanwhile)
    local name, ready = os.tmpname(), os.tmpname()
    os.remove(ready)
    local file = assert(io.open(name, "w"))
    file:write(PROGRAM, program)
    file:close()
    local pipe = io.popen(([[
      trap '' HUP
      ready=%s
      %s %s '%s' "$ready" 2>&1 & pid=$!
      n=0
      until curl -q -s --noproxy '*' %s/__emulator/log | grep -q datasets || [ $((n += 1)) -gt 400 ]
      do sleep 0.05; done
      { %s; wait $pid; } 2>/dev/null
      echo "status $?" ]]):format(ready, os.getenv("LUA"), name, e.url, e.url, meanwhile))
    local output = pipe:read("*a")
    pipe:close()
    os.remove(name)
    os.remove(ready)
    return output
  end

  local function hold()
    e:fault({ match = { path = "datasets" }, action = { delay = 60 } })
  end

  it("ends a waiting call, and starts no other one", function()
    hold()
    local output = run("report('waiting', get()); report('next', get())", "kill -TERM $pid")
    assert.matches("waiting\tnil\tcancelled\t", output)
    assert.matches("next\tnil\tcancelled\tinterrupted\nstatus 0", output)
    assert.equal(1, #e:log())
  end)

  it("ends all that a gather waits for", function()
    hold()
    local output = run(
      [[
      local values, errors = llm.gather({
        get, get,
        function() llm.sleep(60) return get() end,
        function() get() return "went on" end,
      })
      for i = 1, 4 do report(i, values[i], errors[i]) end
    ]],
      "kill -TERM $pid"
    )
    for i = 1, 3 do
      assert.matches(i .. "\tnil\tcancelled", output)
    end
    assert.matches("4\twent on\tnil", output)
    assert.matches("status 0", output)
  end)

  it("ends a wait between two attempts", function()
    e:fault({
      match = { path = "datasets" },
      action = { status = 503, headers = { ["Retry-After"] = "50" } },
    })
    local output = run("report('retried', get())", "kill -TERM $pid")
    assert.matches("retried\tnil\tcancelled\t", output)
  end)

  it("ends the process at the second signal", function()
    hold()
    local output = run(
      "get(); print('first') io.stdout:flush() io.open(arg[2], 'w'):close() while true do end",
      "kill -TERM $pid; "
        .. command.until_true('[ -e "$ready" ] || ! kill -0 $pid')
        .. "kill -TERM $pid"
    )
    assert.matches("first\nstatus 143", output)
  end)

  it("does not handle a signal that was ignored before", function()
    hold()
    local output = run(
      "report('waiting', get())",
      [[
      kill -HUP $pid; sleep 0.3; kill -0 $pid && echo 'goes on'; kill -TERM $pid]]
    )
    assert.matches("goes on\n", output)
    assert.matches("waiting\tnil\tcancelled\t.*status 0", output)
  end)

  it("knows the columns of a terminal, and that a pipe has none", function()
    local columns = "require('posthog.llm.core').columns(1)"
    local program = ([[%s -e "print(%s)"]]):format(os.getenv("LUA"), columns)
    local pipe = io.popen(program)
    assert.equal("nil\n", pipe:read("*a"))
    pipe:close()
    pipe = io.popen(
      ("script -qefc '%s' /dev/null </dev/null"):format(
        "stty cols 97; " .. program:gsub("'", "'\\''")
      )
    )
    assert.matches("97", pipe:read("*a"))
    pipe:close()
  end)
end)
