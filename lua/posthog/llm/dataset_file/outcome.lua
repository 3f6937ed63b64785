--- What a failed create means for its record, and for the import.

local item_fields = require("posthog.llm.api.item_fields")

--- Errors that every other record would meet too.
local EVERY = {
  auth = true,
  forbidden = true,
  not_found = true,
  tls = true,
  redirect = true,
  cancelled = true,
  phase = true,
}

--- Statuses by which a server refuses what a request holds. Others refuse the request
--- itself: its method, its headers, its size as a whole.
local OF_CONTENT = { [400] = true, [413] = true, [422] = true }

--- Whether a mapping by names gives items a field.
local function has_field(map, attr)
  local field = item_fields.of(attr)
  for name in pairs(map) do
    if field and item_fields.of(name) == field then
      return true
    end
  end
  return false
end

--- Whether a refusal blames a field that every record has, or lacks, alike: one that
--- the import adds, or one that its mapping leaves out.
--- @param err posthog.llm.Error
--- @param job posthog.llm.dataset_file.Job
--- @param map any the option `fields`
local function is_common(err, job, map)
  if err.attr == "dataset" then
    return true
  elseif err.attr == "client_item_id" then
    return not job.own_key
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
    local of_record = err.path or OF_CONTENT[err.status]
    return of_record and not is_common(err, job, map) and "reject" or "stop"
  elseif err.kind == "conflict" then
    return err.code == "client_item_id_conflict" and "conflict" or "stop"
  elseif err.kind == "too_large" then
    return "reject"
  end
  return "again"
end

return outcome
