--- Injected faults. The control route hands over a list of
---   { match = { method =, path = <Lua pattern on the target>, nth = }, action = { ... } }
--- and each request takes the first one that applies. The server calls faults.before in place of
--- the handler and faults.after once it has run: the two places for a new kind of fault. Either may
--- speak to the connection itself (ngx.req.socket(true), HTTP/1.1 only) and return faults.DONE.

local faults = {}

--- Returned when there is nothing left to send: the connection is to be closed.
faults.DONE = {}

local list = {}

function faults.reset()
  list = {}
end

local ACTIONS = { status = "number", body = "string", headers = "table", delay = "number",
  times = "number", close = "string", truncate = "number", chunked = "boolean",
  raw = "string" }

local function problem(fault, i)
  if type(fault) ~= "table" or type(fault.action) ~= "table" then
    return ("fault %d has no action"):format(i)
  end
  for name, value in pairs(fault.action) do
    if not ACTIONS[name] then return ("fault %d: unknown action %s"):format(i, name) end
    if name == "close" and value == true then
      fault.action.close = "before" -- replaces a value only: safe within pairs
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

--- Writes bytes straight to the client.
local function write_raw(bytes)
  local socket = assert(ngx.req.socket(true))
  assert(socket:send(bytes))
end

--- In place of the handler.
--- @return table? answer nil lets the handler run
function faults.before(action)
  if action.close == "before" then return faults.DONE end
  if action.raw then
    if action.delay then ngx.sleep(action.delay) end
    write_raw(action.raw)
    return faults.DONE
  end
  if action.status then
    return { status = action.status, body = action.body or "", headers = action.headers or {} }
  end
end

--- Once there is an answer, and the handler's writes are done.
--- @return table answer the same, changed, or faults.DONE
function faults.after(action, answer)
  if action.delay then ngx.sleep(action.delay) end
  if action.close == "after" then return faults.DONE end
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
