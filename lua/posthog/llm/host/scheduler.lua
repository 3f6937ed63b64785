--- What the plain and the uv host share: which waiter waits for which transfer, and the bookkeeping
--- of a gather.

local core = require("posthog.llm.util.core")

local scheduler = {}

--- @class posthog.llm.Waiter
--- @field wake fun(self: posthog.llm.Waiter) called once, when its transfer is done

local waiters = {} --- @type table<integer, posthog.llm.Waiter> by transfer id
local engine -- the one that gave the ids
local ids = {} -- scratch for engine:collect

--- Switches to the new engine after a fork, whose ids start at 1 again. The transfers of the old
--- one have ended with an error: their waiters are woken.
local function switch_engine(current)
  if engine ~= nil then
    local orphans = waiters
    waiters = {}
    for _, waiter in pairs(orphans) do
      waiter:wake()
    end
  end
  engine = current
end

--- Wakes the waiters of all transfers that are done, whoever started them.
--- @return userdata engine the present one
function scheduler.collect()
  local current = core.engine()
  if current ~= engine then
    switch_engine(current)
  end
  for i = 1, current:collect(ids) do
    local waiter = waiters[ids[i]]
    if waiter then
      waiters[ids[i]] = nil
      waiter:wake()
    end
  end
  return current
end

--- @param transfer userdata one that is not done
--- @param waiter posthog.llm.Waiter
function scheduler.park(transfer, waiter)
  local current = core.engine()
  if current ~= engine then
    switch_engine(current)
  end
  waiters[transfer:id()] = waiter
end

--- Removes a waiter before its transfer is done.
function scheduler.unpark(transfer)
  waiters[transfer:id()] = nil
end

--- @class posthog.llm.Group
--- @field values any[]
--- @field errors any[]?
--- @field running integer

--- Starts the functions of a gather, some at a time.
--- @param functions function[]
--- @param concurrency integer
--- @param spawn fun(f: function, done: fun(ok: boolean, value: any, err: any)) may call done before
---   it returns
--- @param finished fun() called once, when all have ended; not for an empty list
--- @param raised? fun(err: any) called when a function has raised, before another one is started
--- @return posthog.llm.Group
function scheduler.group(functions, concurrency, spawn, finished, raised)
  local group = { values = {}, errors = nil, running = 0 }
  local last, starting = 0, false
  local start

  local function fail(i, err)
    group.errors = group.errors or {}
    group.errors[i] = err
  end

  local function ended(i, ok, value, err)
    if not ok then
      fail(i, value)
      if raised then
        raised(value)
      end
    elseif value == nil and err ~= nil then
      fail(i, err)
    else
      group.values[i] = value
    end
    group.running = group.running - 1
    if not starting then
      start()
    end
  end

  function start()
    starting = true -- a function that ends at once must not make this recurse
    while group.running < concurrency and last < #functions do
      last = last + 1
      group.running = group.running + 1
      local i = last
      spawn(functions[i], function(ok, value, err)
        ended(i, ok, value, err)
      end)
    end
    starting = false
    if group.running == 0 then
      finished()
    end
  end

  if #functions > 0 then
    start()
  end
  return group
end

return scheduler
