--- What a failed create means for its record, and for the import.

--- Errors that would meet every other record too.
local EVERY = {
  auth = true,
  forbidden = true,
  not_found = true,
  tls = true,
  redirect = true,
  cancelled = true,
  phase = true,
}

--- @param err posthog.llm.Error
--- @return "unknown"|"reject"|"conflict"|"stop"|"again"
local function outcome(err)
  if EVERY[err.kind] then
    return "stop"
  elseif err.ambiguous then
    return "unknown"
  elseif err.kind == "invalid" then
    local of_record = err.path or err.attr or (err.status and err.status ~= 405)
    return of_record and err.attr ~= "dataset" and "reject" or "stop"
  elseif err.kind == "conflict" then
    return err.code == "client_item_id_conflict" and "conflict" or "stop"
  elseif err.kind == "too_large" then
    return "reject"
  end
  return "again"
end

return outcome
