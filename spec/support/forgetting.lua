-- The program of spec/core_deadline_spec.lua, run by starve.c: libcurl loses what it works on, and
-- what becomes of it is printed.
--
--   forgetting.lua mode url when       mode: "script" or "thread"
--                                      when: "before" the request is sent or "after"

local mode, url, when = ...
local core = require("posthog.llm.core")
local starve = require("spec_starve")

local TIMEOUT = 2 -- seconds

local engine = core.engine()
if mode == "thread" then
  engine:run()
end
local pool = engine:pool()
local config = core.request_config({ max_connections = 2 })

local function start(path, timeout, deadline)
  return assert(
    pool:start(config, { method = "GET", idempotent = true }, url .. path, timeout, deadline)
  )
end

local function finish(transfer)
  local stop = core.now() + 30
  while not transfer:done() do
    assert(core.now() < stop, "never ends")
    engine:poll(1)
    engine:collect({})
  end
  return transfer
end

--- Lets the engine work for so long.
local function work(seconds)
  local stop = core.now() + seconds
  repeat
    engine:poll(0.01)
  until core.now() >= stop
end

print("before", (finish(start("/__emulator/echo?before", 20)):result()))

local began = core.now()
local by_timeout, by_deadline
if when == "before" then
  starve.forget(true)
end
by_timeout = start("/__emulator/slow?ms=20000&by_timeout", TIMEOUT)
by_deadline = start("/__emulator/slow?ms=20000&by_deadline", 20, TIMEOUT)
if when == "after" then
  work(TIMEOUT / 2)
  starve.forget(true)
end
for _, transfer in ipairs({ by_timeout, by_deadline }) do
  local status, kind, message, sent, permanent = finish(transfer):result()
  print(status, kind, (message:gsub("%d+ ms", "N ms")), sent, permanent)
end
print("in time", core.now() - began >= TIMEOUT, core.now() - began)

starve.forget(false)
print("afterwards", (finish(start("/__emulator/echo?afterwards", 20)):result()))
