--- What the specs of the core share: the engine against real servers, which are the emulator, and
--- scripted ones for what no well-behaved server does.

local core = require("posthog.llm.core")
local emulator = require("spec.emulator")
local scripted = require("spec.support.scripted")

local common = {
  pool = nil, -- that of the test
  slow = os.getenv("SPEC_MODE") ~= "plain", -- under a sanitizer
  KEY = "Authorization: Bearer phx_emulator_all",
  DATASETS = "/api/projects/112358/datasets/",
  -- A script drives the engine itself; an editor or a web server has a thread.
  MODES = { "in a script", "on a thread" },
  SCHEME = { url = "http", tls_url = "https" }, -- of an address of the emulator
}

local e -- the emulator
local server -- that of the test, if it has a scripted one
local ids = {}

--- For setup: starts the emulator.
function common.open()
  e = emulator.start({ tls = true })
  return e
end

--- For teardown.
function common.close()
  e:stop()
end

--- For setup in one of the modes. There is no way back from the thread.
function common.enter(mode)
  if mode == "on a thread" then
    core.engine():run()
  end
end

--- For before_each: a pool, and nothing left of the test before.
function common.renew()
  e:reset()
  common.pool = core.engine():pool()
  core.engine():collect(ids)
  return common.pool
end

--- For after_each.
function common.tidy()
  common.pool:close()
  if server then
    server:stop()
  end
  server = nil
end

--- Hands a request to the pool as it is. `once`: it is not safe to repeat.
function common.launch(pool, request)
  request.idempotent = not request.once
  local terms = core.request_config(request, request.headers)
  return pool:start(terms, request, request.url, request.timeout, request.deadline)
end

--- Starts a request; by default a GET of the echo.
function common.start(request, of)
  request.method = request.method or "GET"
  request.url = request.url or (request.base or e.url) .. (request.path or "/__emulator/echo")
  if request.url:match("^https") then
    request.ca_file = request.ca_file or e.ca_file
  end
  return assert(common.launch(of or common.pool, request))
end

--- Waits until all of these are done; scripted servers get their turns.
function common.finish(...)
  local engine = core.engine() -- after a fork it is another
  local stop = core.now() + (common.slow and 60 or 20)
  for _, transfer in ipairs({ ... }) do
    while not transfer:done() do
      assert(core.now() < stop, "not done in time")
      if server then
        scripted.step()
      end
      engine:poll(server and 0.001 or 1)
      engine:collect(ids)
    end
  end
  engine:collect(ids)
  return ...
end

function common.fetch(request, of)
  return common.finish(common.start(request, of))
end

--- Starts a scripted server, which ends with the test.
function common.serve(script)
  server = scripted.start(script)
  return server
end

return common
