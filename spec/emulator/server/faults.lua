--- Injected faults. The control route hands over a list of
---   { match = { method =, path = <Lua pattern on the target>, nth = }, action = { ... } }
--- and each request takes the first one that applies. An action either answers by itself
--- (status), or changes how the normal answer goes out (delay, close, truncate, chunked).
--- A new kind of fault is one more entry in BEFORE or AFTER.

local faults = {}

local list = {}

function faults.reset()
  list = {}
end

local ACTIONS = { status = "number", body = "string", headers = "table", delay = "number",
  times = "number", close = "string", truncate = "number", chunked = "boolean" }

local function problem(fault, i)
  if type(fault) ~= "table" or type(fault.action) ~= "table" then
    return ("fault %d has no action"):format(i)
  end
  for name, value in pairs(fault.action) do
    if not ACTIONS[name] then return ("fault %d: unknown action %s"):format(i, name) end
    if name == "close" and value == true then
      fault.action.close = "before"
    elseif type(value) ~= ACTIONS[name] then
      return ("fault %d: %s wants a %s"):format(i, name, ACTIONS[name])
    end
  end
  for name in pairs(fault.match or {}) do
    if name ~= "method" and name ~= "path" and name ~= "nth" then
      return ("fault %d: unknown match %s"):format(i, name)
    end
  end
end

--- Replaces the list.
--- @return string? err what is wrong with it; then nothing has changed
function faults.set(new)
  for i, fault in ipairs(new) do
    local err = problem(fault, i)
    if err then return err end
  end
  list = {}
  for i, fault in ipairs(new) do
    local match = fault.match or {}
    list[i] = {
      method = match.method,
      path = match.path,
      nth = match.nth,
      action = fault.action,
      left = fault.action.times or (match.nth and 1) or math.huge,
      seen = 0,
    }
  end
end

--- The action for this request, or nil.
function faults.pick(ctx)
  local picked
  for _, fault in ipairs(list) do
    if (not fault.method or fault.method == ctx.method)
      and (not fault.path or ctx.target:find(fault.path)) then
      fault.seen = fault.seen + 1
      if not picked and fault.left > 0 and (not fault.nth or fault.seen >= fault.nth) then
        fault.left = fault.left - 1
        picked = fault.action
      end
    end
  end
  return picked
end

--- Instead of the handler: an answer, or "close".
function faults.before(action)
  if action.close == "before" then return "close" end
  if action.status then
    return { status = action.status, body = action.body or "", headers = action.headers or {} }
  end
end

--- Once the handler has run and its writes are done: may change the answer, or return "close".
function faults.after(action, answer)
  if action.delay then ngx.sleep(action.delay) end
  if action.close == "after" then return "close" end
  if not action.status then
    if action.body then answer.body = action.body end
    for name, value in pairs(action.headers or {}) do
      answer.headers[name] = value
    end
  end
  answer.truncate, answer.chunked = action.truncate, action.chunked
  return answer
end

return faults
