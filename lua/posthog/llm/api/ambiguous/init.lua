--- Writes of unknown outcome (doc/api.md 0.7). A connection may be lost after the
--- server has the request and before its answer is here. What happened then is
--- not guessed: the server is asked for what the write would have made.

local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local times = require("posthog.llm.util.time")

local ambiguous = {}

--- Seconds that the clocks of a server's parts may differ, and one for `Date`,
--- which has whole seconds.
local SLACK = 5

--- @alias posthog.llm.Verdict "ours"|"not ours"|"unknown"

--- @class posthog.llm.Lost a write that may or may not have happened
--- @field began number on clock.now's clock: before its first attempt
--- @field expires number on clock.now's clock: the end of the call's deadline
--- @field user any id of the user whose key this is, nil while unknown
--- @field err posthog.llm.Error what the write ended with
--- @field call_options table of the call
local Lost = {}
Lost.__index = Lost

--- Options for a call that is to clear it up, within the time of the write's.
--- @param more? table parameters of that call
--- @return table
function Lost:options(more)
  local own, options = self.call_options, more or {}
  options.deadline = math.max(self.expires - clock.now(), 0.001)
  options.timeout, options.max_retries = own.timeout, own.max_retries
  options.headers = own.headers
  return options
end

--- How long after the write's begin something was made, on the server's clock.
--- @param created_at any
--- @param response posthog.llm.Response one that has just arrived
--- @return number? seconds; nil: it cannot be told
local function age(self, created_at, response)
  local date = response.headers.date
  local now = date and times.http(date) or os.time()
  local at = type(created_at) == "string" and times.iso(created_at)
  return at and at - (now - (clock.now() - self.began)) or nil
end

--- Whether something was made by this user, and not before the write began.
--- @param row { created_at: string, created_by?: table }
--- @param response posthog.llm.Response that brought it
--- @return boolean
function Lost:may_have_made(row, response)
  local user = row.created_by
  if self.user ~= nil and type(user) == "table" and user.id ~= nil and user.id ~= self.user then
    return false
  end
  local after = age(self, row.created_at, response)
  return not after or after >= -SLACK
end

--- Whether something is surely younger than the write.
--- @param created_at any
--- @param response posthog.llm.Response that brought it
--- @return boolean
function Lost:is_older_than(created_at, response)
  local after = age(self, created_at, response)
  return after ~= nil and after > SLACK
end

--- A key that never changes has one user, who made what it has written.
--- @param author? fun(value: any): any the user who made the write, told by what came of it
local function learn_user(state, value, author)
  local key = state.options.personal_api_key
  if author and type(value) == "table" and (key == nil or type(key) == "string") then
    local user = author(value)
    state.user = type(user) == "table" and user.id or state.user
  end
end

--- Makes a write, and finds out what became of it when its answer is lost.
--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param state table the private part of a client
--- @param request posthog.llm.Request
--- @param look fun(lost: posthog.llm.Lost): posthog.llm.Verdict, any, posthog.llm.Response?
---   "ours": the write happened, with its value and the answer that shows it; "not ours", and a
---   sentence: it did not
--- @param author? fun(value: any): any the user who made the write, by its value; nil: it does not tell
--- @return any? value
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function ambiguous.write(run, state, request, look, author)
  local began = clock.now()
  local value, err, response = run(request)
  if not err then
    learn_user(state, value, author)
    return value, nil, response
  end
  local own, settings = request.options, state.settings
  local expires = request.expires or began + (own.deadline or settings.deadline)
  local gives_up = err.kind == "cancelled" or state.closed or clock.now() >= expires
  if not err.ambiguous or gives_up or (own.max_retries or settings.max_retries) == 0 then
    return errors.failure(err, response)
  end
  local verdict, found, answer = look(setmetatable({
    began = began,
    expires = expires,
    user = state.user,
    err = err,
    call_options = own,
  }, Lost))
  if verdict == "ours" then
    learn_user(state, found, author)
    answer.settled = true
    return found, nil, answer
  elseif verdict == "not ours" then
    err.ambiguous = nil
    err.message = ("%s; it did not happen: %s"):format(err.message, found)
  end
  return errors.failure(err, response)
end

return ambiguous
