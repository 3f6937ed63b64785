--- Decides what a failed create means for its record and for the import.

local item_fields = require("posthog.llm.api.item_fields")
local paths = require("posthog.llm.dataset_file.paths")

--- Kinds of errors that every record would meet.
local EVERY = {
  auth = true,
  forbidden = true,
  not_found = true,
  tls = true,
  redirect = true,
  cancelled = true,
  phase = true,
}

--- The statuses by which a server refuses the content of a request. By others it
--- refuses every request like it, whatever the content.
local OF_CONTENT = { [400] = true, [413] = true, [422] = true }

--- Whether a mapping by names sets a field.
local function has_field(map, attr)
  local field = item_fields.of(attr)
  for name in pairs(map) do
    if field and item_fields.of((paths.split(name))) == field then
      return true
    end
  end
  return false
end

--- Whether a record has a field that API v1 does not have. Nothing was sent.
local function has_no_counterpart(err)
  local field = not err.status and err.attr and item_fields.of(err.attr)
  return field and not field.v1
end

--- Whether a refusal blames a field that all records have in common: one that the
--- import adds, or a required one that the mapping never sets.
--- @param err posthog.llm.Error
--- @param job posthog.llm.dataset_file.Job
--- @param map any the option `fields`
local function is_common(err, job, map)
  if err.attr == "dataset" then
    return true
  elseif err.attr == "client_item_id" then
    return not job.own_key
  elseif has_no_counterpart(err) then
    return type(map) == "table" and has_field(map, err.attr)
  end
  return err.code == "required"
    and err.attr ~= nil
    and type(map) == "table"
    and not has_field(map, err.attr)
end

--- @param err posthog.llm.Error
--- @param job posthog.llm.dataset_file.Job
--- @param map any the option `fields`
--- @return "unknown"|"reject"|"conflict"|"stop"|"again"
local function outcome(err, job, map)
  if EVERY[err.kind] then
    return "stop"
  elseif err.ambiguous then
    return "unknown"
  elseif err.kind == "invalid" then
    local of_record = err.path or OF_CONTENT[err.status] or has_no_counterpart(err)
    return of_record and not is_common(err, job, map) and "reject" or "stop"
  elseif err.kind == "conflict" then
    return err.code == "client_item_id_conflict" and "conflict" or "stop"
  elseif err.kind == "too_large" then
    return "reject"
  end
  return "again"
end

return outcome
