--- Imports the records of a source into a dataset, each exactly once: see "Exactly
--- once" in doc/dataset_file.md.

local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local flow = require("posthog.llm.dataset_file.flow")
local json = require("posthog.llm.json")
local lookup = require("posthog.llm.dataset_file.lookup")
local mapping = require("posthog.llm.dataset_file.mapping")
local outbox = require("posthog.llm.dataset_file.outbox")
local outcome = require("posthog.llm.dataset_file.outcome")
local failure = require("posthog.llm.dataset_file.failure")
local json_text = require("posthog.llm.util.json_text")
local option_names = require("posthog.llm.util.option_names")
local refusals = require("posthog.llm.dataset_file.refusals")
local rejected = require("posthog.llm.dataset_file.rejected")
local values = require("posthog.llm.dataset_file.values")

local ROUND = 4 -- records of a round, and of a group of the outbox, for each concurrent request
local MOST_UNKNOWN = 100 -- records of unknown outcome, before rows are read back
local LATEST_LOOKUP = 25 -- rounds between two lookups, while outcomes are unknown
local MOST_TRIES = 10 -- of a record that fails; less than the rounds after which backoff gives up

--- @class posthog.llm.dataset_file.Job a record that is to be sent
--- @field n integer
--- @field line? integer
--- @field fields table
--- @field content table
--- @field key string digest of the content
--- @field bytes integer of its JSON
--- @field at? number when it was sent, by the server's clock
--- @field tries integer
--- @field made_before? integer records with an outcome when it failed last, or was first sent
--- @field strikes? integer failures between which other records were created
--- @field own_key? boolean its client_item_id is the record's own
--- @field err? posthog.llm.Error of its last try

--- @class posthog.llm.dataset_file.Import
--- @field client posthog.llm.Client
--- @field dataset string id
--- @field usable? integer records of a dry run that would be sent
--- @field is_new? boolean this import created the dataset
--- @field already? boolean the import was complete before
--- @field limit? { resource?: string, limit?: integer, current_count?: integer } the server's, once reached
--- @field source posthog.llm.dataset_file.Source
--- @field journal posthog.llm.dataset_file.Journal
--- @field options table
--- @field now fun(): number the server's clock, seconds since 1970
--- @field flow posthog.llm.dataset_file.Flow
--- @field outbox posthog.llm.dataset_file.Outbox
--- @field unknown posthog.llm.dataset_file.Job[] of unknown outcome, to be read back
--- @field made integer records that got their outcome in this run
--- @field sent integer requests since the last lookup
--- @field keys_left_out integer records of this run whose client_item_id was left out: API v1 has none
--- @field refusals posthog.llm.dataset_file.Refusals of the first records
--- @field what? string "new records", for the message about a limit; default: "records"
--- @field refused posthog.llm.dataset_file.Job[] for the next run: the refusal blames what all records have in common
--- @field lost_at number when the latest response was lost, on the clock of `clock.now`
local Import = {}
Import.__index = Import

--- The server's clock, by one response: it does not jump when this machine's clock is
--- set.
--- @param response posthog.llm.Response one that has just arrived
--- @return fun(): integer
function Import.server_clock(response)
  local start, now = response and response.server_time or os.time(), clock.now()
  return function()
    return math.floor(start + clock.now() - now)
  end
end

--- @param parts table the fields above that are not optional, but those made here; close_files: closes the
---   source and the journal, for a function of the caller's that raises
--- @return posthog.llm.dataset_file.Import
function Import.new(parts)
  parts.unknown = {}
  parts.made, parts.sent = 0, 0
  parts.lost_at, parts.keys_left_out = -math.huge, 0
  local counts = parts.journal.counts
  local has_rows = counts.created + counts.found + counts.existing > 0
  parts.refusals = refusals.new(has_rows or parts.options.reject_all == true)
  parts.refused = {}
  local size = parts.options.concurrency * ROUND
  parts.flow = flow.new({
    size = size,
    report = function()
      return parts:report()
    end,
    pause = function(seconds)
      return parts:pause(seconds)
    end,
    close = parts.close_files,
  })
  parts.outbox = outbox.new({
    source = parts.source,
    journal = parts.journal,
    prepare = function(record)
      return parts:prepare(record)
    end,
    now = parts.now,
    again = parts.flow.again,
    size = size,
  })
  return setmetatable(parts, Import)
end

--- The counts so far.
function Import:summary()
  local counts = self.journal.counts
  local summary = { dataset = self.dataset, waiting = self.waiting }
  summary.records, summary.estimated = self.source.count()
  summary.is_new, summary.already, summary.usable = self.is_new, self.already, self.usable
  summary.limit = self.limit
  summary.uncertain = self.journal.uncertain > 0 and self.journal.uncertain or nil
  summary.keys_left_out = self.keys_left_out > 0 and self.keys_left_out or nil
  local done = self.usable or 0
  for name, count in pairs(counts) do
    summary[name] = count
    done = done + count
  end
  if self.already and summary.records then
    summary.records, summary.estimated = done, nil
  end
  summary.done, summary.imported = done, counts.created + counts.found + counts.existing
  return summary
end

--- Calls on_progress.
--- @return posthog.llm.Error? err the caller has asked to stop
function Import:report(waiting)
  self.waiting = waiting
  local on_progress = self.options.on_progress
  if on_progress and on_progress(self:summary()) == false then
    return errors.new({ kind = "cancelled", message = "the import was stopped" })
  end
end

--- @return posthog.llm.Error? err
function Import:pause(seconds)
  local err = self:report(seconds)
  if not err and clock.sleep(seconds) == false then
    err = errors.new({ kind = "cancelled", message = "the import was given up" })
  end
  self.waiting = nil
  return err
end

--- Whether records have keys, by which the server recognises one that is sent again.
function Import:has_key()
  return self.journal.header.key ~= nil
end

--- @param record posthog.llm.dataset_file.Record
--- @return posthog.llm.dataset_file.Job? job nil: an entry for the journal instead
--- @return table? entry
function Import:prepare(record)
  rejected.unwrap(record)
  local fields, reason, is_left_out = mapping.fields(record, self.options)
  if not fields and (reason == nil or is_left_out) then
    return nil, { n = record.n, line = record.line, skipped = true }
  elseif not fields then
    return nil, rejected.record(record, self.options, reason)
  end
  if fields.client_item_id ~= nil and self.client:profile() == "reference" then
    fields.client_item_id = nil -- no part of the content, and API v1 has nothing of the kind
    self.keys_left_out = self.keys_left_out + 1
  end
  local text, err = json.encode(fields)
  if not text then
    return nil, rejected.record(record, self.options, err.message)
  end
  local content = values.content(fields)
  local job = {
    n = record.n,
    line = record.line,
    fields = fields,
    content = content,
    key = values.digest(content),
    bytes = #text,
    tries = 0,
    at = nil, -- room for what it gets later
    made_before = nil,
    own_key = nil,
  }
  fields.dataset = self.dataset
  if self:has_key() and fields.client_item_id == nil then
    fields.client_item_id = ("%s-%d"):format(self.journal.header.key, record.n)
  else
    job.own_key = fields.client_item_id ~= nil
  end
  return job
end

--- Skips the records that are in the journal, of which only those of unknown outcome are decoded,
--- and collects those to be sent again.
--- @return posthog.llm.Error? err
function Import:catch_up()
  local last = self.journal.last
  for n = 1, last do
    local record, err = self.source.next(not (self.journal.open[n] or self.journal.refused[n]))
    if err then
      return err
    elseif not record then
      return failure(nil, "the source ends before record %d, which was sent already", last)
    end
    local open = self.journal.open[record.n]
    if self.journal.refused[record.n] then
      local job, entry = self:prepare(record)
      if job then
        self.flow:retry(job)
      end
      local _, failed = self.journal:write({ entry })
      if failed then
        return failed
      end
    elseif open then
      local job = self:prepare(record)
      if not job or job.key ~= open.key then
        local words = "record %d is not what it was when it was sent; were its fields mapped"
          .. " otherwise, or the source another?"
        return failure(nil, words, record.n)
      end
      job.at, job.tries = open.at, 1
      if self:has_key() then
        self.flow:retry(job)
      else
        self.unknown[#self.unknown + 1] = job
      end
    end
  end
  if #self.unknown > 0 then
    self.lost_at = clock.now()
  end
end

--- Writes outcomes to the journal.
function Import:note(entries)
  if #entries == 0 then
    return
  end
  self.flow:succeed()
  self.made = self.made + #entries
  local _, failed = self.journal:write(entries)
  self.flow:stop(failed)
end

--- The entry of a record that the server refuses.
local function refusal(job, err)
  local reason = errors.describe(err)
  if err.attr == "item" then
    reason = ("the item has %d bytes of JSON: %s"):format(values.size(job.fields), reason)
  elseif not err.status and err.attr then
    local words = "%s; to do without it, name the fields to import by %s"
    reason = words:format(reason, option_names.code("fields"))
  end
  return rejected.job(job, reason)
end

--- Rejects the records that were refused so far.
function Import:settle_refusals()
  self.refusals.settled = true
  if #self.refusals.held == 0 then
    return
  end
  local entries = {}
  for i, held in ipairs(self.refusals:take()) do
    entries[i] = refusal(held.job, held.err)
  end
  self:note(entries)
end

--- @return table? entry for the journal
function Import:take_refusal(job, err)
  if not err.status or self.refusals.settled then
    return refusal(job, err)
  end
  local alike = self.refusals:hold(job, err)
  if alike then
    self.flow:stop(alike)
  elseif self.refusals.settled then
    self:settle_refusals()
  end
end

--- Decides what a conflict means: a row has the record's key already. With a key of the
--- import it is the record's row. With one of the record's own it is when its content
--- is equal in value; the server also distinguishes how a number is written.
--- @return table? entry for the journal
function Import:take_conflict(job, err)
  local id = err.current_item_id
  if not job.own_key then
    return { n = job.n, id = id or job.fields.client_item_id, how = "found" }
  elseif not id then
    return refusal(job, err)
  end
  local row, failed = self.client.dataset_items:get(id)
  if not row then
    return self:take_failure(job, failed)
  end
  local exact = values.tells_floats(row)
  local wanted = json_text.stored(job.content, exact)
  if not row.archived and json_text.stored(values.content(row), exact) == wanted then
    return { n = job.n, id = id, how = "existing" }
  end
  local entry = refusal(job, err)
  entry.conflict = true
  return entry
end

--- Decides what a failed create means.
--- @return table? entry for the journal
function Import:take_failure(job, err)
  local verdict = outcome(err, job, self.options.fields)
  if verdict == "stop" then
    self.flow:stop(err)
    if err.kind == "invalid" and err.status then
      self.refused[#self.refused + 1] = job
    end
    return nil
  elseif verdict == "reject" then
    return self:take_refusal(job, err)
  elseif verdict == "conflict" then
    return self:take_conflict(job, err)
  end
  self.flow:fail(err)
  job.err = err
  if verdict == "unknown" and not self:has_key() then
    self.unknown[#self.unknown + 1] = job
    self.lost_at = clock.now()
    return nil
  end
  return self:once_more(job)
end

--- Sends a record again, unless it has failed repeatedly while others were created. If
--- no others were, the server may be the reason, and only the caller can decide.
--- @return table? entry for the journal: rejected
function Import:once_more(job)
  local err = job.err
  if err and err.kind ~= "rate_limited" then -- which is no failure of the record
    if self.made > job.made_before then
      job.strikes, job.made_before = (job.strikes or 0) + 1, self.made
    end
    if (job.strikes or 0) >= MOST_TRIES or (self.options.give_up and job.tries >= MOST_TRIES) then
      local words = "it failed %d times: %s"
      return rejected.job(job, words:format(job.tries, errors.describe(err)), self:has_key())
    end
  end
  self.flow:retry(job)
end

--- Sends one record, and writes its outcome to the journal.
function Import:send(job)
  if self.journal.header.kind then -- of a sync
    self.flow:stop(self.journal:keep_time(self.now()))
    if self.flow.stopped then
      return
    end
  end
  job.tries, job.made_before = job.tries + 1, job.made_before or self.made
  self.sent = self.sent + 1
  local row, err, response = self.client.dataset_items:create(job.fields)
  if row == true then -- 204: the row may have been created
    row, err = nil, errors.no_content("row")
    err.ambiguous = true
  end
  local entry
  if row then
    local is_first = job.tries == 1 and (response.attempts or 1) == 1
    local existed = job.own_key and is_first and response.status == 200
    entry = { n = job.n, id = row.id, how = existed and "existing" or nil }
    self:settle_refusals()
  else
    entry = self:take_failure(job, err)
  end
  self.refusals.tried = true
  self:note({ entry })
end

--- How many records may be sent at the same time.
--- @return integer
--- @return integer? room no more than so many for now: it is not clear yet whether all will be refused
function Import:width()
  local room = self.refusals:room()
  return math.min(self.options.concurrency, room or math.huge), room
end

--- Reads or announces what can be sent next.
--- @param most? integer records
function Import:prepare_more(most)
  local sends, queue = self.flow, self.outbox
  if #sends.again > 0 then
    sends:stop(queue:resend(most))
    return
  end
  sends:stop(queue:fill(most))
  if queue:is_empty() and not queue.ended then
    sends:stop(self:report()) -- none of these records is to be sent
  end
end

--- The next record to send, which is in the journal, on the disk.
--- @param width integer of the window
--- @return posthog.llm.dataset_file.Job? nil: none for now
function Import:next_job(width)
  local sends, queue = self.flow, self.outbox
  while not sends.stopped do
    local wider, room = self:width()
    if wider > width or self:is_lookup_due() or (room and sends.running >= room) then
      return nil
    end
    local is_empty, has_again = queue:is_empty(), #sends.again > 0
    if is_empty and queue.is_filling then
      sends:nap()
    elseif is_empty and queue.ended and not has_again then
      return nil
    else
      if is_empty or has_again then
        self:prepare_more(room and room - sends.running)
      end
      local job = not sends.stopped and queue:pop()
      if job then
        return job
      end
    end
  end
end

--- Sends records until nothing more may be sent for now.
--- @return posthog.llm.Error? err
function Import:send_some()
  local width = self:width()
  return self.flow:run(width, function()
    return self:next_job(width)
  end, function(job)
    self:send(job)
  end)
end

--- Resolves records of unknown outcome by reading rows back. Meanwhile no request is in
--- flight, apart from those that the server may have received and not processed yet.
--- @return posthog.llm.Error? err
function Import:resolve_lost()
  local left = self.lost_at + self.options.settle - clock.now()
  local err = left > 0 and self:pause(left)
  if err then
    return err
  end
  local jobs = self.unknown
  local made, strangers
  made, err, strangers = lookup.made(self.client, self.dataset, jobs, function(id)
    return self.journal:knows(id)
  end)
  if err then
    return self.flow:pause_after(err)
  end
  -- Rows like ours that are not ours: somebody imports the same, and what was found may be theirs.
  local is_uncertain = next(made) ~= nil and self.journal:has_sent(strangers) or nil
  self.unknown, self.sent = {}, 0
  local entries = {}
  for _, job in ipairs(jobs) do
    if made[job.n] then
      self.made, self.refusals.settled = self.made + 1, true
      local id = made[job.n]
      entries[#entries + 1] = { n = job.n, id = id, how = "found", uncertain = is_uncertain }
    else
      entries[#entries + 1] = self:once_more(job)
    end
  end
  local _, failed = self.journal:write(entries)
  return failed or self:report()
end

--- Adds to the error of a reached limit how many records are in the dataset and left.
--- @param err posthog.llm.Error
--- @return posthog.llm.Error
function Import:at_limit(err)
  local limit = { resource = err.resource, limit = err.limit, current_count = err.current_count }
  self.journal:write({ { limit = limit } })
  self.limit = limit
  local summary = self:summary()
  if summary.estimated and self.source.survey then -- a file, whose records can be counted
    repeat
      local record = self.source.next(true)
    until not record
    summary = self:summary()
  end
  local done, total = summary.imported, summary.records
  local what = self.what or "records"
  local words = ("%d %s are in the dataset, the others are left"):format(done, what)
  if total and not summary.estimated then
    local left = total - done - summary.rejected - summary.skipped
    words = ("%d of %d %s are in the dataset, %d are left"):format(done, total, what, left)
  end
  err = errors.copy(err)
  err.message = ("%s; %s"):format((err.message:gsub("%.$", "")), words)
  err.hint = "Split the file over several datasets, or ask for a higher limit; archived items count"
  return err
end

--- Ends a run: rejects the collected refusals, or after an error leaves them to the next.
--- @param err? posthog.llm.Error the reason for the end
--- @return posthog.llm.Error? err
function Import:close(err)
  if not err then
    self:settle_refusals()
    return self.flow.stopped
  end
  local entries = self.outbox:unsent()
  for _, held in ipairs(self.refusals:take()) do
    entries[#entries + 1] = { n = held.job.n, again = true }
  end
  for _, job in ipairs(self.refused) do
    entries[#entries + 1] = { n = job.n, again = true }
  end
  self.journal:write(entries)
  return err.code == "limit_reached" and self:at_limit(err) or err
end

--- Whether rows are to be read back now, which waits until nothing is in flight.
function Import:is_lookup_due()
  local unknown = #self.unknown
  local since = self.sent >= LATEST_LOOKUP * self.options.concurrency * ROUND
  return unknown >= MOST_UNKNOWN or (unknown > 0 and (since or not self:has_more()))
end

--- @return boolean
function Import:has_more()
  return self.flow:has_again() or not self.outbox:is_done()
end

--- @return posthog.llm.Error? err
function Import:run()
  local err = self:catch_up()
  while not err do
    if self:is_lookup_due() then
      err = self:resolve_lost()
    elseif self:has_more() then
      err = self:send_some()
    else
      break
    end
  end
  return self:close(err)
end

return Import
