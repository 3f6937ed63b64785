--- The file of what was rejected: one JSON object a line, made from the journal,
--- so that it is the same however often an import was interrupted.

local atomic_file = require("posthog.llm.util.atomic_file")
local json = require("posthog.llm.json")

--- @param path string
--- @param journal posthog.llm.dataset_file.Journal
--- @return posthog.llm.Error? err
local function rejects(path, journal)
  local file, err = atomic_file.open(path)
  if not file then
    return err
  end
  err = journal:each_rejected(function(entry)
    local place = entry.line and (',"line":%d'):format(entry.line) or ""
    local reason = json.encode(entry.rejected)
    local _, failed = file:write(('{"record":%d%s,"reason":%s}\n'):format(entry.n, place, reason))
    return failed
  end)
  if err then
    file:abandon()
    return err
  end
  local _, failed = file:commit()
  return failed
end

return rejects
