--- Makes a dataset equal to a file. A run compares and then does what differs, so that one that was
--- stopped is simply followed by another. The journal is there for what a stopped run has sent and a
--- server may do late: the next run waits until that is over, and what is lost within a run is
--- looked up as an import does.

local Import = require("posthog.llm.dataset_file.import")
local atomic_file = require("posthog.llm.util.atomic_file")
local bytes = require("posthog.llm.dataset_file.bytes")
local clock = require("posthog.llm.host.clock")
local display = require("posthog.llm.util.display")
local edits = require("posthog.llm.dataset_file.sync.edits")
local errors = require("posthog.llm.util.errors")
local failure = require("posthog.llm.dataset_file.failure")
local guard = require("posthog.llm.dataset_file.guard")
local json = require("posthog.llm.json")
local journals = require("posthog.llm.dataset_file.journal")
local keys = require("posthog.llm.dataset_file.sync.key")
local lookup = require("posthog.llm.dataset_file.lookup")
local on_raise = require("posthog.llm.util.on_raise")
local opening = require("posthog.llm.dataset_file.opening")
local places = require("posthog.llm.dataset_file.places")
local option_names = require("posthog.llm.util.option_names")
local plans = require("posthog.llm.dataset_file.sync.plan")
local preview = require("posthog.llm.dataset_file.sync.preview")
local recognition = require("posthog.llm.dataset_file.recognition")
local values = require("posthog.llm.dataset_file.values")

local WHAT = "the sync" -- in messages
local MOST_PROBLEMS = 100 -- that are returned
local BLOCK = 65536 -- bytes of standard input that are read at once

--- @class posthog.llm.dataset_file.Sync
--- @field client posthog.llm.Client
--- @field path string
--- @field options table
--- @field row table of the dataset; {} where a dry run would create it
--- @field is_new? boolean
--- @field now fun(): integer the server's clock
--- @field plan posthog.llm.dataset_file.Plan
--- @field survey posthog.llm.dataset_file.Survey
--- @field journal? posthog.llm.dataset_file.Journal nil: a dry run
--- @field counts table<string, integer>
--- @field problems { line?: integer, id?: string, message: string, conflict?: boolean }[]
--- @field import? posthog.llm.dataset_file.Import
local Sync = {}
Sync.__index = Sync

--- @return table result
function Sync:result()
  local counts, plan = self.counts, self.plan
  local result = { dataset = self.row.id, key = plan and plan.key, is_new = self.is_new }
  for name, count in pairs(counts) do
    result[name] = count
  end
  if self.import then
    local of = self.import.journal.counts
    result.created = of.created + of.found
    result.unchanged = result.unchanged + of.existing
    result.rejected = result.rejected + of.rejected - (self.created_conflicts or 0)
  end
  result.others = plan and not self.options.prune and #plan.removed or nil
  result.records, result.problems = plan and plan.records, json.array(self.problems)
  result.skipped = plan and plan.skipped
  result.waiting = self.waiting
  result.changes = plan and self:to_do() or nil
  result.done = result.created + result.restored + result.updated + result.deleted
  result.done = result.done + result.rejected + result.conflicts
  return result
end

--- How many changes there are to make.
function Sync:to_do()
  local planned = self.plan.counts
  local count = planned.created + planned.restored + planned.updated + planned.refused
  return count + (self.options.prune and #self.plan.removed or 0)
end

--- Calls on_progress.
--- @return posthog.llm.Error? err the caller has asked to stop
function Sync:report(waiting)
  self.waiting = waiting
  local on_progress = self.options.on_progress
  local goes_on = not on_progress or on_progress(self:result())
  self.waiting = nil
  if goes_on == false then
    return errors.new({ kind = "cancelled", message = WHAT .. " was stopped" })
  end
end

--- @return posthog.llm.Error? err
function Sync:pause(seconds)
  local err = self:report(seconds)
  if not err and clock.sleep(seconds) == false then
    err = errors.new({ kind = "cancelled", message = WHAT .. " was given up" })
  end
  return err
end

function Sync:tell(problem)
  if #self.problems < MOST_PROBLEMS then
    self.problems[#self.problems + 1] = problem
  end
end

--- Refuses to delete all items because a file is empty, unless that is meant.
--- @return posthog.llm.Error? err
function Sync:check_empty()
  local options = self.options
  if self.plan.records > 0 or not options.prune or options.allow_empty or self.is_new then
    return nil
  end
  local items = self.client.dataset_items
  local page, err = items:list({ dataset = self.row.id, limit = 1 })
  if err or page.count == 0 then
    return err
  end
  local words = "it has no records%s, so that all %d items of the dataset would be deleted;"
    .. " if that is meant, %s"
  local but = self.plan.skipped > 0 and " but archived or deleted ones" or ""
  err = failure(self.path, words, but, page.count, option_names.give("allow_empty"))
  err.option = "allow_empty"
  return err
end

--- Opens the journal. What an earlier run has sent last may still be done by the server: this waits
--- until that is over.
--- @return posthog.llm.Error? err
function Sync:open_journal()
  local options, row = self.options, self.row
  local journal, err = journals.open(options.journal, "sync")
  if not journal then
    return err
  end
  self.journal = journal
  local old = journal.header
  if old and old.kind ~= "sync" then
    err = failure(
      options.journal,
      "this is the journal of an import; name another one by %s",
      option_names.code("journal")
    )
    err.option = "journal"
    return err
  elseif old then
    local latest = journal.latest and journal.latest + journals.SLACK
    local left = latest and latest + options.settle - self.now() or 0
    err = left > 0 and self:pause(math.min(left, options.settle)) or nil
    err = err or journal:clear()
  end
  if err then
    return err
  end
  local is_keyed = self.plan.api_version == "current"
  local _, failed = journal:begin(
    {
      journal = 1,
      kind = "sync",
      dataset = row.id,
      source = display.clean(self.path),
      bytes = self.survey.bytes,
      sha256 = self.survey.sha256,
      key = is_keyed and "sync" or nil, -- an import repeats what has one
    },
    self.now(),
    function()
      if is_keyed then
        return {}
      end
      return lookup.there_before(self.client, row.id, self.now())
    end
  )
  return failed
end

--- Reads the dataset, at its present revision where it has one.
--- @return posthog.llm.Error? err
function Sync:read_dataset()
  if self.row.id == nil then -- a dry run that would create it
    self.plan:forget_rows()
    return nil
  end
  local revision
  if self.plan.api_version == "current" then
    local row, err = self.client.datasets:get(self.row.id)
    if err then
      return err
    end
    revision = type(row) == "table"
        and type(row.current_revision) == "number"
        and row.current_revision
      or nil
  end
  return self.plan:read_rows(self.client, revision)
end

--- Refuses what cannot be, changes what differs, and undeletes.
--- @return posthog.llm.Error? err
function Sync:change()
  local planned = self.plan.counts
  if planned.updated + planned.restored + planned.refused == 0 then
    return nil
  end
  local next_job, close = self.plan:jobs(self.survey, { change = true, refuse = true })
  if not next_job then
    return close
  end
  self.close_source = close
  local err = self.edits:run(function()
    while true do
      local job, err = next_job()
      if not job then
        return nil, err
      elseif job.task == "change" then
        local row = self.plan:row(job.n)
        return {
          task = "change",
          id = row.id,
          version = row.version,
          digest = row.digest,
          archived = row.archived,
          wanted = job.digest,
          body = edits.body(row.names, job.fields),
          line = job.line or job.n,
          shown = job.shown,
        }
      end
      self.counts.rejected = self.counts.rejected + 1
      local row = self.plan:row(job.n)
      self:tell({
        line = job.line or job.n,
        id = row and row.id,
        key = job.shown,
        message = self.plan:refusal(job.n),
      })
    end
  end)
  close()
  return err
end

--- The records to create, as an import reads them.
local function creations(next_job, close, count)
  return {
    next = function()
      local job, err = next_job()
      if not job then
        return nil, err
      end
      return { n = job.n, line = job.line, value = job.fields, is_mapped = true }
    end,
    count = function()
      return count
    end,
    close = close,
  }
end

--- Creates what is missing, by an import.
--- @return posthog.llm.Error? err
function Sync:create()
  if self.plan.counts.created == 0 then
    return nil
  end
  local next_job, close = self.plan:jobs(self.survey, { create = true })
  if not next_job then
    return close
  end
  self.close_source = close
  local options = {}
  for _, name in ipairs({ "concurrency", "settle", "give_up", "reject_all", "fields" }) do
    options[name] = self.options[name]
  end
  function options.on_progress(summary)
    return self:report(summary.waiting) == nil
  end
  self.import = Import.new({
    client = self.client,
    dataset = self.row.id,
    source = creations(next_job, close, self.plan.counts.created),
    journal = self.journal,
    options = options,
    now = self.now,
    what = "new records",
    close_files = self.close_files,
  })
  local err = self.import:run()
  close()
  self.created_conflicts = 0
  local failed = self.journal:each_rejected(function(entry)
    if entry.conflict then
      self.created_conflicts = self.created_conflicts + 1
      self.counts.conflicts = self.counts.conflicts + 1
    end
    local conflict = entry.conflict == true
    self:tell({ line = entry.line or entry.n, message = entry.rejected, conflict = conflict })
  end)
  return err or failed
end

--- Deletes what the file lacks.
--- @return posthog.llm.Error? err
function Sync:prune()
  local removed, at = self.plan.removed, 0
  if not self.options.prune or #removed == 0 then
    return nil
  end
  return self.edits:run(function()
    at = at + 1
    local job = removed[at] and plans.unpack_removed(removed[at])
    if job then
      job.task = "delete"
    end
    return job
  end)
end

--- Makes the changes: deletes come last, so that a run that is stopped has lost nothing.
--- @return posthog.llm.Error? err
function Sync:apply()
  self.edits = edits.new({
    client = self.client,
    plan = self.plan,
    options = self.options,
    journal = self.journal,
    now = self.now,
    counts = self.counts,
    tell = function(problem)
      self:tell(problem)
    end,
    report = function()
      return self:report()
    end,
    pause = function(seconds)
      return self:pause(seconds)
    end,
    close_files = self.close_files,
  })
  local err = self:change() or self:create() or self:prune()
  if not err and self.edits.limit_reached then
    self.is_limited = true
  end
  return err
end

--- The plan, for a dry run.
--- @return table? result
--- @return posthog.llm.Error? err
function Sync:rehearse()
  local tasks = { create = true, change = true, refuse = true }
  local next_job, close = self.plan:jobs(self.survey, tasks)
  if not next_job then
    return errors.failure(close)
  end
  local lists, err = preview.lists(self.plan, next_job, self.options.prune == true)
  close()
  if not lists then
    return errors.failure(err)
  end
  local planned, counts = self.plan.counts, self.counts
  counts.created, counts.restored, counts.updated =
    planned.created, planned.restored, planned.updated
  counts.rejected = planned.refused
  counts.deleted = self.options.prune and #self.plan.removed or 0
  local result = self:result()
  result.dry_run, result.done = true, nil
  result.plan, result.text = lists, preview.text(lists, counts)
  return result
end

--- Saves standard input to a file, since a sync reads its file more than once.
--- @return string? path
--- @return posthog.llm.Error? err
local function save_input()
  local path = os.tmpname()
  local file, message = io.open(path, "wb")
  while file do
    local block = io.stdin:read(BLOCK)
    if not block then
      break
    end
    local ok
    ok, message = file:write(block)
    if not ok then
      break
    end
    message = nil
  end
  if file then
    local ok, why = file:close()
    message = message or (not ok and why) or nil
  end
  if message then
    os.remove(path)
    return atomic_file.failure(path, "standard input cannot be saved", message)
  end
  return path
end

--- Whether a file has no byte, also once it is unpacked.
local function has_nothing(path)
  local input = bytes.open(path)
  local is_empty = input ~= nil and input:ahead() == ""
  if input then
    input:close()
  end
  return is_empty
end

--- Opens the file. One without a byte is an error, unless that it is empty is meant.
--- @return posthog.llm.dataset_file.Source?
--- @return posthog.llm.Error?
local function open_file(path, options)
  local input, err = opening.file(path, options)
  if input or not (options.allow_empty and has_nothing(path)) then
    return input, err
  end
  return {
    next = function() end,
    close = function() end,
    found = { format = "jsonl", left_out = {}, unnamed = 0, is_guess = false, records = 0 },
    survey = { bytes = 0, records = 0 },
    is_empty = true,
  }
end

--- @return table? result
--- @return posthog.llm.Error? err
--- @return table? partly
local function run(self, input)
  local options = self.options
  local err = recognition.tell(input.found, self.client, options.on_start, WHAT)
  local api_version = self.client:profile()
  local key
  if not err then
    key, err = keys.resolve(options.key, options.fields, api_version)
  end
  if err then
    input.close()
    return errors.failure(err)
  end
  self.plan = plans.new({
    key = key,
    exact = values.tells_floats(self.row),
    api_version = api_version,
    dataset = self.row.id or "",
    path = self.path,
    options = options,
  })
  self.survey = input.survey
  err = self.plan:read_file(input) or self:check_empty()
  if not err and not options.dry_run then
    err = self:open_journal()
  end
  err = err or self:read_dataset()
  self.counts.unchanged = self.plan.counts.unchanged
  if err then
    return errors.failure(err)
  elseif options.dry_run and not input.is_empty then
    return self:rehearse()
  elseif options.dry_run then
    self.counts.deleted = options.prune and #self.plan.removed or 0
    local lists = preview.lists(self.plan, function() end, options.prune == true)
    local result = self:result()
    result.plan, result.text = lists, preview.text(lists, self.counts)
    result.dry_run = true
    return result
  end
  err = self:apply()
  local result = self:result()
  result.done, result.changes, result.limit_reached = nil, nil, self.is_limited
  if err then
    return errors.failure(err, result)
  end
  return result
end

--- @param client posthog.llm.Client
--- @param dataset string id or name
--- @param path string
--- @param options table with its defaults
--- @return table? result
--- @return posthog.llm.Error? err
--- @return table? partly
local function sync(client, dataset, path, options)
  local self = setmetatable({
    client = client,
    path = path,
    options = options,
    problems = {},
    counts = {
      created = 0,
      restored = 0,
      updated = 0,
      unchanged = 0,
      deleted = 0,
      rejected = 0,
      conflicts = 0,
    },
  }, Sync)
  local input, saved, err
  local function close()
    if input then
      input.close()
    end
    if self.close_source then
      self.close_source()
    end
    if self.journal then
      self.journal:close()
    end
    if saved then
      os.remove(saved)
    end
  end
  local function is_sending()
    return (self.edits and self.edits.flow.is_open) or (self.import and self.import.flow.is_open)
  end
  self.close_files = close
  err = places.check(path, options)
  if err then
    return errors.failure(err)
  end
  for _, name in ipairs({ "on_progress", "on_start" }) do
    options[name] = guard(options[name], close, is_sending)
  end
  if type(options.fields) == "function" then
    options.fields = guard(options.fields, close, is_sending)
  end
  if path == "-" then
    saved, err = save_input()
    if not saved then
      return errors.failure(err)
    end
    self.path = saved
  end
  input, err = open_file(self.path, options)
  local result, partly, response
  if input then
    self.row, err, response, self.is_new = opening.target(client, dataset, options)
  end
  if input and self.row then
    self.now = Import.server_clock(response)
    result, err, partly = on_raise(close, run, self, input)
  end
  if self.journal and (result or not self.journal.latest) then -- nothing is left in doubt
    self.journal:remove()
    self.journal = nil
  elseif partly then
    partly.journal = options.journal
  end
  close()
  if not result and saved then -- the name of the saved file says nothing to anybody
    err = errors.copy(err)
    local from = saved:gsub("%p", "%%%0")
    err.message = err.message:gsub(from, "standard input")
    err.summary = err.summary and err.summary:gsub(from, "standard input")
    for _, problem in ipairs(err.problems or {}) do
      problem.path = "standard input"
    end
    err.file = nil
  end
  if not result then
    return errors.failure(err, partly)
  end
  return result
end

return sync
