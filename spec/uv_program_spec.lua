--- llm.go in programs of their own: whose loop runs, whose loop never runs, and without luv.

local emulator = require("spec.emulator")
local luv_program = require("spec.support.luv_program")

local program = luv_program.run

if not pcall(require, "luv") then
  describe("a program with llm.go and luv", function()
    pending("needs lua-luv for this Lua")
  end)
  return
end

describe("llm.go in a program whose loop never runs", function()
  local START = 'local llm = require("posthog.llm") local luv = require("luv") '
    .. 'local client = llm.new({ host = "http://127.0.0.1:9", personal_api_key = "phx_x" }) '

  it("raises where luv was not loaded by the program, though it is installed", function()
    local output, status =
      program('local llm = require("posthog.llm")\n' .. "llm.go(function() end)\n")
    assert.equal(1, status)
    assert.matches(":2: posthog%.llm: llm%.go: it needs an event loop: .*luv%.run%(%)", output)
  end)

  it("ends with a message if the error is not handled", function()
    local output, status =
      program(START .. 'llm.go(function() client.spend:get() print("never") end) print("last")')
    assert.equal(1, status)
    assert.matches("^last\nllm%.go: the program ended and its event loop never ran", output)
    assert.matches("run%(%)\n$", output)
  end)

  it("passes its error to on_done", function()
    local output, status = program(
      START
        .. "llm.go(function() llm.sleep(1) end, function(err) print(err.kind, err) end)"
        .. 'llm.go(function() client.spend:get() end, function(err) print(err.kind) error("x") end)'
    )
    assert.equal(0, status)
    assert.matches("^cancelled\tcancelled: llm%.go: the program ended and .*\ncancelled\n$", output)
  end)

  it("calls on_done at once for what was done at once, and reports an error of it", function()
    local output, status = program(START .. "llm.go(function() return 1, 2 end, print)")
    assert.same({ "nil\t1\t2\n", 0 }, { output, status })
    output, status = program(START .. 'llm.go(function() error("at once") end)')
    assert.equal(1, status)
    assert.matches("at once", output)
    output, status = program(START .. "llm.go(function() end)")
    assert.same({ "", 0 }, { output, status })
  end)

  it("prints nothing for what was cancelled, nor once the loop has run", function()
    local output, status = program(START .. "llm.go(function() llm.sleep(9) end):cancel()")
    assert.same({ "", 0 }, { output, status })
    output, status = program(
      START
        .. "llm.go(function() llm.sleep(0.01) end) luv.run() "
        .. "llm.go(function() llm.sleep(9) end)"
    )
    assert.same({ "", 0 }, { output, status })
  end)
end)

describe("llm.go in a luv program", function()
  local server

  setup(function()
    server = emulator.start()
  end)
  teardown(function()
    server:stop()
  end)
  before_each(function()
    server:reset()
  end)

  local function with_client(text)
    return luv_program.with_client(server.url, text)
  end

  it("lets the program end once all is done", function()
    local output, status = program(with_client([[
      llm.go(function()
        slow(20)
        llm.sleep(0.02)
      end, function(err) print("done", err) end)
      luv.run()
      print("over", luv.loop_alive())
    ]]))
    assert.equal("done\tnil\nover\tfalse\n", output)
    assert.equal(0, status)
  end)

  it("lets the program end in any way with calls in flight", function()
    local stopped = "local t = luv.new_timer() t:start(20, 0, function() luv.stop() end) luv.run()"
    for _, last in ipairs({ "", stopped, "luv.run('nowait')", "error('x', 0)" }) do
      local output, status = program(
        with_client([[
        for i = 1, 5 do
          llm.go(function() slow(30000) end)
        end
        llm.go(function() llm.sleep(30) end)
      ]] .. last),
        20
      )
      local is_told = last == "" or last:find("error") -- the loop has never run, or an error
      assert.equal(is_told and 1 or 0, status, last .. ": " .. output)
    end
  end)

  it("raises in the loop an error that no on_done handles, and prints nothing itself", function()
    local output, status = program(with_client([[
      llm.go(function() slow(1) error("nobody catches this") end)
      luv.run()
    ]]))
    assert.matches("nobody catches this", output)
    assert.not_equal(0, status)
    output, status = program(with_client([[
      llm.go(function() slow(1) end, function() error("nor this") end)
      luv.run()
    ]]))
    assert.matches("nor this", output)
    assert.not_equal(0, status)
    output = program(with_client([[
      local task = llm.go(function() slow(1000) end)
      task:cancel()
      luv.run()
    ]]))
    assert.equal("", output)
  end)
end)

describe("llm.go without luv", function()
  it("says what is needed, at the caller's line", function()
    local output, status = program([[
      package.preload.luv = function() error("not here") end
      package.preload.uv = package.preload.luv
      local llm = require("posthog.llm")
      print(pcall(function()
        llm.go(print)
      end))
    ]])
    assert.matches("false\t[^\n]*:5: posthog.llm: llm.go: it needs an event loop", output)
    assert.matches("lua-luv", output, 1, true)
    assert.equal(0, status)
  end)
end)
