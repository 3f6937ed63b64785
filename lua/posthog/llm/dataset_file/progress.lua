--- Reports how far a file or a dataset has been read.

local errors = require("posthog.llm.util.errors")

local ROWS = 100 -- of a dataset, between two calls of on_progress
local RECORDS = 1000 -- the same, of a file

local progress = {}

--- @param on_progress? fun(progress: table): boolean?
--- @param each integer
--- @param what string "the export"
--- @param describe fun(count: integer, is_last?: boolean): table
--- @return fun(count: integer, is_last?: boolean): posthog.llm.Error? report an error: on_progress has asked to stop
local function reporter(on_progress, each, what, describe)
  return function(count, is_last)
    local is_due = on_progress and (is_last or count % each == 0)
    if is_due and on_progress(describe(count, is_last)) == false then
      return errors.new({ kind = "cancelled", message = what .. " was stopped" })
    end
  end
end

--- @param on_progress? fun(progress: { rows: integer, total?: integer }): boolean?
--- @param listed posthog.llm.dataset_file.Listed
--- @param what string
function progress.rows(on_progress, listed, what)
  return reporter(on_progress, ROWS, what, function(rows, is_last)
    return { rows = rows, total = is_last and rows or listed.total }
  end)
end

--- @param on_progress? fun(progress: { rows: integer, read: integer }): boolean?
--- @param what string
function progress.records(on_progress, what)
  return reporter(on_progress, RECORDS, what, function(read)
    return { rows = 0, read = read }
  end)
end

return progress
