--- Writes in the words of the server's generation (doc/api.md 3.3), whichever it
--- turns out to be.

local errors = require("posthog.llm.util.errors")
local api_version = require("posthog.llm.api.versions.api_version")
local field_names = require("posthog.llm.api.versions.field_names")

--- @class posthog.llm.Plan a write that differs between the generations
--- @field fields table in the words of either
--- @field is_new boolean a create
--- @field marks? boolean it only deletes or undeletes, which is a call of its own on the current generation
--- @field send fun(body: table, generation: posthog.llm.Generation): any, posthog.llm.Error?, posthog.llm.Response?
--- @field probe fun(): any, posthog.llm.Error?, posthog.llm.Response? reads a row, whose shape tells the generation

local MISMATCH = "the server is of the generation that is called %q, and the client's profile is %q"

local function mismatch(known)
  local message = MISMATCH:format(known.learnt(), known.fixed)
  return errors.new({ kind = "invalid", message = message .. "; nothing was written" })
end

--- A server of the reference drops what it does not know without a word, so it
--- is not sent such a thing before its generation is certain.
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response?
local function make_certain(known, plan)
  local generation = known.get()
  local at_stake
  if generation == "current" then
    at_stake = field_names.has_current_names(plan.fields)
  elseif generation == nil then
    at_stake = field_names.has_current_only(plan.fields)
  end
  if not at_stake or known.learnt() == "current" then
    return nil
  end
  local row, err, response = plan.probe()
  if not row then
    return err, response
  elseif known.fixed and known.learnt() and known.learnt() ~= known.fixed then
    return mismatch(known)
  end
end

local function send(plan, generation)
  local body, err = {}, nil
  if not plan.marks or generation == "reference" then
    body, err = field_names.translate(plan.fields, generation, plan.is_new)
  end
  if not body then
    return errors.failure(err)
  end
  local value, problem, response = plan.send(body, generation)
  if problem then
    return errors.failure(problem, response)
  end
  return value, nil, response
end

--- Whether the refusal of a write shows that the server is of the current
--- generation. It has done nothing then: it refuses words that it does not know.
local function is_current(known, plan, err)
  local body = field_names.translate(plan.fields, "reference", plan.is_new)
  local shows = field_names.shows_current(err, body)
  if shows == nil then -- a reference server may refuse the value of this field
    plan.probe()
    return known.learnt() == "current"
  end
  return shows
end

--- Whether a server that was of the current generation is none any more, by the
--- failure of a write that has done nothing.
local function was_current(known, plan, err)
  if known.fixed or err.ambiguous then
    return false
  elseif err.kind == "not_found" and plan.marks then -- the route may be gone, or just the row
    plan.probe()
  end
  return known.learnt() == "reference"
end

--- Makes the write. A server that nobody knows is asked in the words of the
--- reference first: the current generation refuses those and does nothing.
--- @param known posthog.llm.Profile
--- @param plan posthog.llm.Plan
--- @return any? value
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
local function translate_write(known, plan)
  local sent_at = os.time()
  local err, response = make_certain(known, plan)
  if err then
    return errors.failure(err, response)
  end
  local generation = known.get() or "reference"
  local value
  value, err, response = send(plan, generation)
  if err and generation == "reference" and response and is_current(known, plan, err) then
    known.learn("current")
    if known.fixed then
      err.message = ("%s (%s)"):format(err.message, MISMATCH:format("current", known.fixed))
    else
      local first = err
      value, err, response = send(plan, "current")
      if err and first.ambiguous then
        err.ambiguous, err.sent_at = true, first.sent_at
      end
    end
  elseif err and generation == "current" and was_current(known, plan, err) then
    value, err, response = send(plan, "reference")
  elseif err and generation == "current" and plan.marks then
    api_version.hint(known, err, response, "archive and restore")
  elseif value and generation == "current" and api_version.of(value) == "reference" then
    if field_names.has_current_names(plan.fields) then
      local words = "the server has become one of the generation of the reference pages, and may"
        .. " have dropped fields of this row"
      err = errors.new({ kind = "decode", message = words, body = value })
      err.ambiguous, err.sent_at = true, sent_at
    end
  end
  return errors.result(value, err, response)
end

return translate_write
