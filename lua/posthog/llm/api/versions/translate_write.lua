--- Makes writes with the field names of the server's API version (doc/api.md 3.3), which may become
--- known only by the write.

local errors = require("posthog.llm.util.errors")
local api_version = require("posthog.llm.api.versions.api_version")
local field_names = require("posthog.llm.api.versions.field_names")

--- @class posthog.llm.Plan a write that differs between the API versions
--- @field fields table with the names of either version
--- @field is_new boolean whether it is a create
--- @field marks? boolean whether it only deletes or undeletes, which API v2 has separate calls for
--- @field send fun(body: table, version: posthog.llm.ApiVersion): any, posthog.llm.Error?, posthog.llm.Response?
--- @field probe fun(): any, posthog.llm.Error?, posthog.llm.Response? reads a row, whose shape
---   shows the API version

local MISMATCH = "the server has the API version %q, but the client's profile is %q"

local function mismatch(known)
  local message = MISMATCH:format(known.learnt(), known.fixed)
  return errors.new({ kind = "invalid", message = message .. "; nothing was written" })
end

--- Makes the API version certain before a write that API v1 could store incompletely: API v1
--- silently drops fields that it does not know.
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response?
local function make_certain(known, plan)
  local version = known.get()
  local may_lose_fields
  if version == "current" then
    may_lose_fields = field_names.has_current_names(plan.fields)
  elseif version == nil then
    may_lose_fields = field_names.has_current_only(plan.fields)
  end
  if not may_lose_fields or known.learnt() == "current" then
    return nil
  end
  local row, err, response = plan.probe()
  if not row then
    return err, response
  elseif known.fixed and known.learnt() and known.learnt() ~= known.fixed then
    return mismatch(known)
  end
end

local function send(plan, version)
  local body, err = {}, nil
  if not plan.marks or version == "reference" then
    body, err = field_names.translate(plan.fields, version, plan.is_new)
  end
  if not body then
    return errors.failure(err)
  end
  local value, response
  value, err, response = plan.send(body, version)
  if err then
    return errors.failure(err, response)
  end
  return value, nil, response
end

--- Whether the error of a write shows that the server has API v2. Such a write had no effect: API
--- v2 refuses names that it does not know.
local function is_current(known, plan, err)
  local body = field_names.translate(plan.fields, "reference", plan.is_new)
  local shows = field_names.shows_current(err, body)
  if shows == nil then -- API v1 may refuse the value of this field
    plan.probe()
    return known.learnt() == "current"
  end
  return shows
end

--- Whether the failure of a write without effect shows that a server which had API v2 has it no
--- more.
local function was_current(known, plan, err)
  if known.fixed or err.ambiguous then
    return false
  elseif err.kind == "not_found" and plan.marks then -- either the route or the row does not exist
    plan.probe()
  end
  return known.learnt() == "reference"
end

--- Makes the write. While the API version is unknown, the names of API v1 are tried first: API v2
--- refuses them without any effect.
--- @param known posthog.llm.KnownVersion
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
  local version = known.get() or "reference"
  local value
  value, err, response = send(plan, version)
  if err and version == "reference" and response and is_current(known, plan, err) then
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
  elseif err and version == "current" and was_current(known, plan, err) then
    value, err, response = send(plan, "reference")
  elseif err and version == "current" and plan.marks then
    api_version.hint(known, err, response, "archive and restore")
  elseif value and version == "current" and api_version.of(value) == "reference" then
    if field_names.has_current_names(plan.fields) then
      local words = "the server has API v1 now, and may have dropped fields of this row"
      err = errors.new({ kind = "decode", message = words, body = value })
      err.ambiguous, err.sent_at = true, sent_at
    end
  end
  return errors.result(value, err, response)
end

return translate_write
