--- Resolves writes of unknown outcome (doc/api.md 0.7). A connection may be lost after the server
--- has received the request and before the response has arrived. The outcome is not guessed: a
--- probe reads back what the write would have made, and rules.lua says what that proves.

local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local known = require("posthog.llm.api.ambiguous.known")
local lost_writes = require("posthog.llm.api.ambiguous.lost")
local rules = require("posthog.llm.api.ambiguous.rules")

local ambiguous = {}

--- @class posthog.llm.Write a write, and how to resolve it when its response is lost
--- @field request posthog.llm.Request
--- @field name? string the skill's name under which the result of the write is read back
--- @field probe? fun(lost: posthog.llm.Lost, err: posthog.llm.Error): posthog.llm.Finding nil: no
---   read can distinguish this write from an equal one of somebody else
--- @field repeats? boolean the write is made once more when the probe's verdict is FREE
--- @field author? fun(value: table): any the user who made the write, according to its result; nil: the result does not say

--- The error of a write that is known not to have happened.
--- @param finding posthog.llm.Finding
--- @param repeats? boolean it could have been repeated, which the server would have refused
local function refused(err, finding, repeats)
  err.ambiguous, err.sent_at = nil, nil
  err.message = ("%s; it did not happen: %s"):format(err.message, tostring(finding.why))
  if repeats and finding.current_version then
    err.kind, err.current_version = "conflict", finding.current_version
  end
  return err
end

--- Whether a repeated write was made on another skill, which has taken the name in between. The
--- `true` of a 204 does not say.
local function is_other_skill(value, first)
  return type(value) == "table" and value.first_version_created_at ~= first
end

--- The error of a write whose repetition was made on another skill.
local function made_elsewhere(request, response)
  local message = "the skill was archived and created again during the call: the write was made on"
    .. " the new skill, and may have been made on the old one too"
  return errors.new({
    kind = "conflict",
    message = message,
    ambiguous = true,
    sent_at = request.sent_at,
    attempts = response.attempts,
  })
end

--- Whether to leave the outcome unknown: the deadline, max_retries and close() of the call also
--- apply to reading back.
local function must_stop(state, lost, err)
  local options = lost.call_options
  return err.kind == "cancelled"
    or state.closed
    or clock.now() >= lost.expires
    or (options.max_retries or state.settings.max_retries) == 0
end

--- Allows a write to be repeated only if the first request can no longer take effect once the
--- second has.
--- @param probe fun(err: posthog.llm.Error): posthog.llm.Finding
local function guard(lost, probe)
  return function(err)
    local finding = probe(err)
    lost.finding = finding
    lost.repeated_on = finding.verdict == rules.FREE and finding.skill or nil
    return finding.verdict == rules.FREE
  end
end

--- Makes a write, and resolves its outcome when its response is lost.
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
  local function probe(err)
    return write.probe(lost, err)
  end
  if write.repeats then
    request.guard = guard(lost, probe)
  end
  local value, err, response = run(request)
  if not err and lost.repeated_on and is_other_skill(value, lost.repeated_on) then
    return errors.failure(made_elsewhere(request, response), response)
  elseif not err then
    known.learn_user(state.known, type(value) == "table" and write.author and write.author(value))
    return value, nil, response
  elseif not err.ambiguous or not write.probe or must_stop(state, lost, err) then
    return errors.failure(err, response)
  end
  local finding = lost.finding
  if not finding or lost.repeated_on then
    finding = probe(err)
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
