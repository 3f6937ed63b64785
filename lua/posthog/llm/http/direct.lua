--- The direct way of a plain read: start, wait, a 200 and its value in one step of the core,
--- without the request and attempt of the pipeline. Most calls of most programs are such reads, and
--- the pipeline costs them as much as decoding the response.
---
--- It decides nothing. Where a client or a call has anything that the pipeline looks after (a rate
--- limit, hooks, options of the call), it is not taken; whatever but a plain 200 comes of a request,
--- the pipeline (http/call.lua) continues with the same transfer, so that no request is made twice.

local clock = require("posthog.llm.host.clock")
local core = require("posthog.llm.util.core")
local headers = require("posthog.llm.http.headers")
local hosts = require("posthog.llm.host")
local query = require("posthog.llm.http.query")
local responses = require("posthog.llm.http.response")
local shape = require("posthog.llm.http.shape")
local shared = require("posthog.llm.http.shared")
local waits = require("posthog.llm.http.waits")

local NO_OPTIONS = query.NO_OPTIONS
local fits = shape.fits

local direct = {
  --- Whether new clients use it; for tests.
  enabled = true,
}

--- A request that was made directly, and that the pipeline is to continue.
--- @class posthog.llm.Started
--- @field transfer userdata
--- @field began number on clock.now's clock: when it was started
--- @field value? any decoded from the response, and not what the call expects

--- Makes a read directly. With a response it has succeeded; without one the pipeline has to make the
--- request, or to continue the one that was started.
--- @alias posthog.llm.DirectRead fun(path: string, query: string?, fields: table, asked: string?): any, posthog.llm.Response?, posthog.llm.Started?

local function never() end

--- @param settings posthog.llm.Settings
local function is_plain(settings)
  return direct.enabled
    and settings.target ~= nil
    and settings.has_fixed_key
    and not settings.target_error
    and not settings.rate_limit
    and not settings.json
    and not settings.on_request
    and not settings.on_response
end

--- Makes the core's functions for a client.
--- @return string? prefix of URLs; nil: something is wrong, and the pipeline says what
--- @return function? get
--- @return function? start
--- @return function? value_of
local function open(state, under)
  local settings = state.settings
  if hosts.current().unavailable() then -- such as before nginx forks its workers
    return nil
  end
  local prefix, key = shared.prefix(state, under), settings.key()
  if not prefix or not key or shared.find_ca_bundle(settings) then
    return nil
  end
  local pool, config = shared.pool(state), headers.request_config(state, key, false)
  local timeout, deadline = settings.timeout, settings.deadline
  return prefix, core.direct_get(pool, config.core, settings.decoder, key, timeout, deadline)
end

--- @param state posthog.llm.State
--- @param under string Request.under
--- @return posthog.llm.DirectRead
function direct.reader(state, under)
  if not is_plain(state.settings) then
    return never
  end
  local blocks = hosts.blocks
  local prefix, get, start, value_of

  --- Waits as the host does.
  local function get_by_host(address)
    local host = hosts.current()
    if host.unavailable() then
      return nil
    end
    local transfer = start(address)
    if not transfer then
      return nil
    end
    waits.transfer(state, transfer, host)
    return value_of(transfer), transfer
  end

  return function(path, encoded, fields, asked)
    if state.closed then
      return nil
    elseif not get then
      prefix, get, start, value_of = open(state, under)
      if not get then
        return nil
      end
    end
    local address = encoded and prefix .. path .. "?" .. encoded or prefix .. path
    local began = clock.now()
    local used = state.used
    state.used = nil -- what Lua's collector runs meanwhile may make a call too
    local value, transfer, head = (blocks() and get or get_by_host)(address, used)
    if value ~= nil and fits(value, fields, asked) then
      state.answered = true
      state.used = head and transfer
      return value, responses.new(head or transfer, 200, address, 1)
    elseif transfer then
      return nil, nil, { transfer = transfer, began = began, value = value }
    end
    get = nil -- the connections are those of another process, or closed
  end
end

--- Whether a request is a read that may be made directly. One that has a deadline was made before.
local function is_read(request)
  return request.options == NO_OPTIONS
    and request.method == "GET"
    and request.shape ~= nil
    and request.under ~= nil
    and not (request.expires or request.started or request.raw_fields)
end

--- Wraps the pipeline so that the reads among its requests are made directly.
--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param state posthog.llm.State
function direct.follow(run, state)
  if not is_plain(state.settings) then
    return run
  end
  local readers, deadline = {}, state.settings.deadline
  return function(request)
    if is_read(request) then
      local under = request.under
      local read = readers[under] or direct.reader(state, under)
      readers[under] = read
      request.expires = clock.now() + deadline -- also for what the caller makes of it next
      local value, response, started =
        read(request.path, request.query, request.shape, request.asked)
      if response then
        return value, nil, response
      end
      request.started = started
    end
    return run(request)
  end
end

return direct
