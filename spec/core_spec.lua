-- The engine against real servers: the emulator, and scripted ones for what
-- no well-behaved server does.

local core = require("posthog.llm.core")
local emulator = require("spec.emulator")

local e -- the emulator
local engine, pool
local ids = {}

--- Starts a request; fields not given are a plain GET of the echo.
local function start(request, of)
  request.method = request.method or "GET"
  request.url = (request.base or e.url) .. (request.path or "/__emulator/echo")
  return assert((of or pool):start(request))
end

--- Waits until all of these are done.
local function finish(...)
  local stop = core.now() + 20
  for _, transfer in ipairs({ ... }) do
    while not transfer:done() do
      assert(core.now() < stop, "not done in time")
      engine:poll(1)
      engine:collect(ids)
    end
  end
  return ...
end

setup(function()
  e = emulator.start({ tls = true })
  engine = core.engine()
end)

teardown(function()
  e:stop()
end)

before_each(function()
  pool = engine:pool()
end)

after_each(function()
  pool:close()
end)

-- A script drives the engine itself; an editor or a web server has a thread.
for _, mode in ipairs({ "in a script", "on a thread" }) do
  describe("the engine " .. mode, function()
    if mode == "on a thread" then setup(function()
      engine:run()
    end) end

    it("sends the rest when one is cancelled before it could be sent", function()
      local first, second, third = start({}), start({}), start({})
      first:cancel()
      finish(first, second, third)
      assert.same({ nil, "cancelled" }, { (first:result()), (select(2, first:result())) })
      assert.equal(200, second:result())
      assert.equal(200, third:result())
    end)
  end)
end
