--- Writes of unknown outcome (doc/api.md 0.7). A connection may be lost after the
--- server has the request and before its answer is here. What happened then is
--- not guessed: the server is asked for what the write would have made, and
--- rules.lua has what that proves.

local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local known = require("posthog.llm.api.ambiguous.known")
local lost_writes = require("posthog.llm.api.ambiguous.lost")
local rules = require("posthog.llm.api.ambiguous.rules")

local ambiguous = {}

--- @class posthog.llm.Write a write, and how to find out about it
--- @field request posthog.llm.Request
--- @field name? string of the skill that it is to be found under
--- @field probe? fun(lost: posthog.llm.Lost, err: posthog.llm.Error): posthog.llm.Finding nil: nothing
---   that could be read would tell one such write from another
--- @field repeats? boolean it is made once more where the probe finds it free
--- @field author? fun(value: table): any the user who made the write, by what came of it; nil: it does
---   not tell

--- The error of a write that is known not to have happened.
--- @param finding posthog.llm.Finding
--- @param repeats? boolean it was to be made again, which the server would have refused
local function refused(err, finding, repeats)
  err.ambiguous, err.sent_at = nil, nil
  err.message = ("%s; it did not happen: %s"):format(err.message, tostring(finding.why))
  if repeats and finding.current_version then
    err.kind, err.current_version = "conflict", finding.current_version
  end
  return err
end

--- Whether a write that was found free and made again was made on another skill,
--- that has got the name in between. A 204 does not tell.
local function moved_on(value, first)
  return type(value) == "table" and value.first_version_created_at ~= first
end

--- The error of a write that was made again, on another skill than the first time.
local function made_elsewhere(request, response)
  local message = "the skill was archived and made anew during the call: the write was made on"
    .. " the new one, and may have been on the other one too"
  return errors.new({
    kind = "conflict",
    message = message,
    ambiguous = true,
    sent_at = request.sent_at,
    attempts = response.attempts,
  })
end

--- The call's own time, attempts and close() hold for what comes after it too.
local function gives_up(state, lost, err)
  local options = lost.call_options
  return err.kind == "cancelled"
    or state.closed
    or clock.now() >= lost.expires
    or (options.max_retries or state.settings.max_retries) == 0
end

--- Lets a write be made again only where nothing can come of the first request
--- any more if the second is done.
--- @param look fun(err: posthog.llm.Error): posthog.llm.Finding
local function guard(lost, look)
  return function(err)
    local finding = look(err)
    lost.finding = finding
    lost.repeated_on = finding.verdict == rules.FREE and finding.skill or nil
    return finding.verdict == rules.FREE
  end
end

--- Makes a write, and finds out what became of it when its answer is lost.
--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param state table the private part of a client
--- @param write posthog.llm.Write
--- @return any? value
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function ambiguous.write(run, state, write)
  local request = write.request
  local began, own = clock.now(), request.options
  local lost = lost_writes.new({
    began = began,
    expires = request.expires or own.expires or began + (own.deadline or state.settings.deadline),
    user = state.known.user,
    skills = { [write.name or ""] = state.known.skills[write.name or ""] },
    call_options = own,
  })
  local function look(err)
    return write.probe(lost, err)
  end
  if write.repeats then
    request.guard = guard(lost, look)
  end
  local value, err, response = run(request)
  if not err and lost.repeated_on and moved_on(value, lost.repeated_on) then
    return errors.failure(made_elsewhere(request, response), response)
  elseif not err then
    known.learn_user(state.known, type(value) == "table" and write.author and write.author(value))
    return value, nil, response
  elseif not err.ambiguous or not write.probe or gives_up(state, lost, err) then
    return errors.failure(err, response)
  end
  local finding = lost.finding
  if not finding or lost.repeated_on then
    finding = look(err)
  end
  if finding.verdict == rules.HAPPENED then
    known.learn_user(state.known, write.author and write.author(finding.value))
    finding.response.settled = true
    return finding.value, nil, finding.response
  elseif finding.verdict == rules.REFUSED then
    err = refused(err, finding, write.repeats)
  end
  return errors.failure(err, response)
end

return ambiguous
