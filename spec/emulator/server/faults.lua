--- Injected faults: which request gets which one, and what comes of it before anything is sent.
--- The control route hands over a list of
---   { match = { method =, path = <Lua pattern on the target>, http =, share =, nth = },
---     action = { ... } }
--- and each request takes the first one that applies. doc/emulator.md lists the actions;
--- server/send.lua does those that concern the bytes of the response.

local settings = require("server.settings").values

local faults = {}

--- Returned when nothing is to be sent: the connection is to be closed.
faults.DONE = {}

local NAP = 0.05 -- seconds until a request that waits sees a reset

local list, round = {}, 0
local held = {} -- writes that are done later: see faults.release
local alike = {} -- how many requests with the same digest there were

function faults.reset()
  list, round, alike, held = {}, round + 1, {}, {}
end

local ACTIONS = {
  status = "number",
  body = "string",
  headers = "table",
  delay = "table",
  times = "number",
  close = "string",
  truncate = "number",
  chunked = "boolean",
  raw = "string",
  head = "string",
  apply = "boolean",
  reset = "boolean",
  cut = "number",
  append = "string",
  surplus = "string",
  hold = "boolean",
  gzip = "boolean",
  endless = "string",
  drip = "table",
}
local MEMBERS = { -- of the tables among them
  delay = { write = "number", answer = "number", body = "number", surplus = "number" },
  drip = { bytes = "number", every = "number" },
}
local CLOSES = { before = true, after = true }
local MATCHES = {
  method = "string",
  path = "string",
  agent = "string",
  http = "string",
  share = "number",
  nth = "number",
}

--- Turns the short forms of an action into the long ones.
local function spell_out(action)
  if action.close == true then
    action.close = "before"
  end
  if type(action.delay) == "number" then
    action.delay = { answer = action.delay }
  end
end

--- What is wrong with the members of a table, or nil.
local function mismatch(values, types, what)
  for name, value in pairs(values) do
    if not types[name] then
      return ("unknown %s %s"):format(what, tostring(name))
    end
    if type(value) ~= types[name] then
      return ("%s wants a %s"):format(name, types[name])
    end
  end
end

local function problem(fault)
  local action = type(fault) == "table" and fault.action
  if type(action) ~= "table" then
    return "has no action"
  end
  spell_out(action)
  local err = mismatch(action, ACTIONS, "action") or mismatch(fault.match or {}, MATCHES, "match")
  for name, types in pairs(MEMBERS) do
    err = err or mismatch(action[name] or {}, types, "member of " .. name)
  end
  if err then
    return err
  end
  if action.close and not CLOSES[action.close] then
    return "close wants before or after"
  end
  if action.drip and not ((action.drip.bytes or 0) >= 1 and action.drip.every) then
    return "drip wants bytes and every"
  end
  if action.apply == false and not (action.status or action.raw or action.close) then
    return "without the handler there has to be a status, raw or close"
  end
  if action.hold and not (action.status or action.close) then
    return "hold wants a status or close"
  end
end

--- Replaces the list.
--- @return string? err what is wrong with it; then nothing has changed
function faults.set(new)
  for i, fault in ipairs(new) do
    local err = problem(fault)
    if err then
      return ("fault %d: %s"):format(i, err)
    end
  end
  list, alike = {}, {}
  for i, fault in ipairs(new) do
    local match = fault.match or {}
    list[i] = {
      method = match.method,
      path = match.path,
      agent = match.agent,
      http = match.http,
      share = match.share,
      nth = match.nth,
      action = fault.action,
      left = fault.action.times or (match.nth and 1) or math.huge,
      seen = 0,
    }
  end
end

--- What chance has of a request. It hangs on what is asked and how often it was asked before, so
--- that the order in which requests arrive does not matter.
--- @return string
local function lot(ctx)
  local digest = ngx.md5(ctx.method .. " " .. ctx.target .. "\n" .. (ctx.body or ""))
  alike[digest] = (alike[digest] or 0) + 1
  return ("%s %d %d"):format(digest, alike[digest], settings.chance)
end

--- Whether the lot falls on the fault number `i`, each time anew.
local function falls(drawn, i, share)
  local value = tonumber(ngx.md5(i .. " " .. drawn):sub(1, 8), 16)
  return value < share * 2 ^ 32
end

--- The action for this request and its place in the list, or nil.
function faults.pick(ctx)
  ctx.round = round
  local http = ngx.req.http_version() == 2 and "2" or "1.1"
  local picked, place, drawn
  for i, fault in ipairs(list) do
    if
      (not fault.method or fault.method == ctx.method)
      and (not fault.path or ctx.target:find(fault.path))
      and (not fault.agent or (ctx.headers["user-agent"] or ""):find(fault.agent))
      and (not fault.http or fault.http == http)
    then
      if fault.share then
        drawn = drawn or lot(ctx)
      end
      if not fault.share or falls(drawn, i, fault.share) then
        fault.seen = fault.seen + 1
        if not picked and fault.left > 0 and (not fault.nth or fault.seen >= fault.nth) then
          fault.left = fault.left - 1
          picked, place = fault.action, i
        end
      end
    end
  end
  return picked, place
end

--- Does the writes that were held, in the order in which they came.
--- @return integer count
function faults.release()
  local waiting = held
  held = {}
  for _, write in ipairs(waiting) do
    write()
  end
  return #waiting
end

--- Waits as a fault wants it.
--- @param seconds? number nil does not wait
--- @return boolean on false when the emulator was reset since the request came: it is of the past
function faults.wait(ctx, seconds)
  local left = seconds or 0
  while left > 0 and ctx.round == round do
    ngx.sleep(math.min(left, NAP))
    left = left - NAP
  end
  return ctx.round == round
end

--- Whether the handler, and with it the write, is to run.
local function applies(action)
  if action.hold then
    return false
  end
  if action.apply ~= nil then
    return action.apply
  end
  return not (action.status or action.raw or action.close == "before")
end

--- Runs the handler, or not, and waits.
--- @param handle fun(ctx: table): table gives the server's own response
--- @return table response or faults.DONE
function faults.perform(ctx, action, handle)
  local delay, response = action.delay or {}, nil
  if not faults.wait(ctx, delay.write) then
    return faults.DONE
  end
  if applies(action) then
    response = handle(ctx)
  end
  if action.hold then
    held[#held + 1] = function()
      return handle(ctx)
    end
  end
  if action.status then
    response = { status = action.status, body = action.body or "", headers = action.headers or {} }
  else
    response = response or { status = 0, body = "", headers = {} } -- raw or close: not to be seen
    if action.body then
      response.body, response.pieces = action.body, nil
    end
    for name, value in pairs(action.headers or {}) do
      response.headers[name] = value
    end
  end
  if not faults.wait(ctx, delay.answer) or action.close then
    return faults.DONE
  end
  return response
end

return faults
