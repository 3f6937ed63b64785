--- Import and export of a dataset, while editing goes on.

local account = require("posthog.nvim.account")
local message = require("posthog.nvim.message")
local progress = require("posthog.nvim.progress")
local task = require("posthog.nvim.task")

local transfer = {}

local ENDINGS = { jsonl = true, ndjson = true, json = true, csv = true, tsv = true }

local function is_cancelled(err)
  return type(err) == "table" and err.kind == "cancelled"
end

--- Starts a task that reports, and tells how it ended.
--- @param title string
--- @param cancelled string what has become of it when it was cancelled
--- @param fn fun(report: fun(done: integer, total?: integer)): string
local function start(title, cancelled, fn)
  local bar = progress.new(title)
  task.run(
    title,
    function()
      return fn(function(done, total)
        bar:report(done, total)
      end)
    end,
    0,
    function(_, err, text)
      if is_cancelled(err) then
        bar:finish(("%s is cancelled; %s"):format(title, cancelled), false)
      elseif err then
        bar:finish(message.of_error(err), true)
      else
        bar:finish(text, false)
      end
    end
  )
end

--- Imports a file into a dataset. What a cancelled or crashed import has done stays, and the same
--- command goes on with the rest.
--- @param path string
--- @param dataset string name or id
function transfer.import(path, dataset)
  local title = ("import of %s"):format(vim.fs.basename(path))
  start(title, "the same command goes on there", function(report)
    local dataset_file = require("posthog.llm.dataset_file")
    local summary = task.must(dataset_file.import(account.current().client, dataset, path, {
      on_progress = function(now)
        report(now.done or 0, now.records)
      end,
    }))
    local text = ("%d items imported into %s"):format(summary.imported, dataset)
    if (summary.rejected or 0) > 0 then
      text = ("%s, %d rejected: %s"):format(text, summary.rejected, summary.rejects or "")
    end
    return text
  end)
end

--- Exports a dataset into a file.
--- @param dataset string name or id
--- @param path string
function transfer.export(dataset, path)
  if vim.uv.fs_stat(path) then
    return message.error(path .. " exists: give another name, or delete it first")
  end
  if not ENDINGS[path:lower():gsub("%.gz$", ""):match("%.(%w+)$") or ""] then
    return message.error(
      ("export to %q: its name has to end in .jsonl, .json or .csv"):format(path)
    )
  end
  start(("export of %s"):format(dataset), "no file was made", function(report)
    local dataset_file = require("posthog.llm.dataset_file")
    local result = task.must(dataset_file.export(account.current().client, dataset, path, {
      on_progress = function(now)
        report(now.rows, now.total)
      end,
    }))
    return ("%d items exported to %s"):format(result.rows, path)
  end)
end

return transfer
