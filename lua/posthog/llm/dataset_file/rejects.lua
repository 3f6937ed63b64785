--- Writes the file of rejected records: one JSON object a line, from the journal, so
--- that the file does not depend on interruptions. A person edits it in place, so it
--- is never overwritten after a change.

local atomic_file = require("posthog.llm.util.atomic_file")
local digest = require("posthog.llm.util.digest")
local failure = require("posthog.llm.dataset_file.failure")
local json_value = require("posthog.llm.util.json_value")
local option_names = require("posthog.llm.util.option_names")
local rejected = require("posthog.llm.dataset_file.rejected")

local BLOCK = 65536 -- bytes that are read at once

local rejects = {}

--- @return string? sha256 nil: the file does not exist
local function sha256_of(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local hasher = digest.hasher()
  for block in
    function()
      return file:read(BLOCK)
    end
  do
    hasher:add(block)
  end
  file:close()
  return hasher:hex()
end

--- Whether the file was changed since the import wrote it.
local function is_mended(reported, path)
  local sha256 = sha256_of(reported.path or path)
  return sha256 ~= nil and sha256 ~= reported.sha256
end

--- Refuses to overwrite a file that was changed.
--- @param path string
--- @param journal posthog.llm.dataset_file.Journal
--- @return posthog.llm.Error? err
function rejects.check(path, journal)
  local reported = journal.reported
  if reported and (reported.path or path) == path and is_mended(reported, path) then
    local words = "was changed since this import wrote its rejected records to it: name another"
      .. " file by %s for further ones, and import this one by itself"
    local err = failure(path, words, option_names.code("rejects"))
    err.option = "rejects"
    return err
  end
end

--- Writes the rejected records, but for those in an earlier file that was changed since.
--- @param path string
--- @param journal posthog.llm.dataset_file.Journal
--- @return posthog.llm.Error? err
function rejects.write(path, journal)
  local reported, count = journal.reported, journal.counts.rejected
  local known = reported and is_mended(reported, path) and reported.reported or 0
  if count == known then
    return nil
  end
  local file, err = atomic_file.open(path)
  if not file then
    return err
  end
  local number = 0
  err = journal:each_rejected(function(entry)
    number = number + 1
    if number > known then
      local _, failed = file:write(rejected.line(entry))
      return failed
    end
  end)
  if err then
    file:abandon()
    return err
  end
  local sha256
  sha256, err = file:commit()
  if sha256 then
    local named = json_value.is_text(path) and path or nil
    local _, failed = journal:write({ { reported = count, path = named, sha256 = sha256 } })
    err = failed
  end
  return err
end

return rejects
