--- Tells how far the rows of a dataset have been read.

local errors = require("posthog.llm.errors")

local TOLD = 100 -- rows between two calls

--- @param on_progress? fun(progress: { rows: integer, total?: integer }): boolean?
--- @param listed posthog.llm.dataset_file.Listed
--- @param what string "the export"
--- @return fun(rows: integer, is_last?: boolean): posthog.llm.Error? told err: the caller stops
local function progress(on_progress, listed, what)
  return function(rows, is_last)
    if on_progress and (is_last or rows % TOLD == 0) then
      if on_progress({ rows = rows, total = is_last and rows or listed.total }) == false then
        return errors.new({ kind = "cancelled", message = what .. " was stopped" })
      end
    end
  end
end

return progress
