--- The journal of an import: what was about to be sent and what came of it, one
--- JSON object a line, only ever appended to. What it says decides what a later
--- run does, so a line about a request is on the disk before the request is sent.
---
---   {"other":"..."}                a row that was there before, at the beginning
---   {"journal":1,...}              what it belongs to
---   {"n":7,"at":1700000000,...}    record 7 is about to be sent
---   {"n":7,"id":"..."}             it is this row now
---   {"n":7,"rejected":"..."}       it will never be a row
---   {"n":7,"skipped":true}         the caller's function left it out
---   {"resumed":1700000000}         a run begins
---   {"finished":true}              nothing is left to do

local atomic_file = require("posthog.llm.util.atomic_file")
local file_system = require("posthog.llm.util.file_system")
local json = require("posthog.llm.json")
local option_names = require("posthog.llm.util.option_names")
local failure = require("posthog.llm.dataset_file.failure")

--- Seconds that a row may be older than the time of its record's line: how long
--- ago a row may have been made that a search for lost ones finds.
local REMEMBERED = 300

--- @class posthog.llm.dataset_file.Journal
--- @field header? table
--- @field last integer the last record that it speaks of; 0
--- @field open table<integer, { at: number, key: string }> sent, with unknown outcome, by number
--- @field counts { created: integer, found: integer, existing: integer, rejected: integer, skipped: integer }
--- @field finished boolean
--- @field private path string
--- @field private lock userdata
--- @field private file file*
--- @field private groups { at: number, ids: table }[] ids of rows by the time of the latest send before
local Journal = {}
Journal.__index = Journal

local journal = {}

--- @return posthog.llm.Error
local function unwritten(path, message)
  local _, err = atomic_file.failure(path, "cannot write the journal", message)
  return err
end

--- Forgets ids of rows that are older than any that may still be looked for.
local function prune(self)
  local groups = self.groups
  local oldest = groups[#groups].at
  for _, sent in pairs(self.open) do
    oldest = math.min(oldest, sent.at)
  end
  while #groups > 1 and groups[2].at < oldest - REMEMBERED do
    table.remove(groups, 1)
  end
end

local COUNTED = { created = true, found = true, existing = true }

--- Follows one line: the same for one that is read and one that is written.
local function apply(self, entry)
  local n, counts = entry.n, self.counts
  if entry.journal then
    self.header = entry
  elseif entry.other then
    self.groups[1].ids[entry.other] = true
  elseif not self.header then
    self.foreign = true
  elseif entry.finished then
    self.finished = true
  elseif n then
    self.last = math.max(self.last, n)
    if entry.at then
      self.open[n] = { at = entry.at, key = entry.key }
      if entry.at > self.groups[#self.groups].at then
        self.groups[#self.groups + 1] = { at = entry.at, ids = {} }
        prune(self)
      end
      return
    end
    self.open[n] = nil
    if entry.id then
      local how = COUNTED[entry.how] and entry.how or "created"
      self.groups[#self.groups].ids[entry.id] = true
      counts[how] = counts[how] + 1
    elseif entry.rejected then
      counts.rejected = counts.rejected + 1
    elseif entry.skipped then
      counts.skipped = counts.skipped + 1
    end
  end
end

local function damaged(path, number)
  local words = "line %d of the journal is damaged; what was sent cannot be known from it"
  return failure(path, words, number)
end

--- Reads what is there. A line that was being written when the process or the
--- machine stopped is the last of its run: it was not on the disk, so nothing
--- was sent on its account, or what it says is looked up again.
--- @return boolean? torn whether the last line has no end
--- @return posthog.llm.Error? err
local function replay(self, visit)
  local file, message = io.open(self.path, "rb")
  if not file then
    return atomic_file.failure(self.path, "cannot be read", message)
  end
  local number, bad = 0, nil
  for line in file:lines() do
    number = number + 1
    local entry = json.decode(line)
    local usable = type(entry) == "table"
    if bad and not (usable and (entry.resumed or entry.other or entry.journal)) then
      file:close()
      return nil, damaged(self.path, bad)
    end
    bad = nil
    if not usable then
      bad = number
      self.foreign = self.foreign or (number == 1 and line:sub(1, 2) ~= '{"')
    elseif visit then
      local err = visit(entry)
      if err then
        file:close()
        return nil, err
      end
    else
      apply(self, entry)
    end
  end
  local torn = false
  if file:seek("end") > 0 then
    file:seek("end", -1)
    torn = file:read(1) ~= "\n"
  end
  file:close()
  return torn
end

--- Opens a journal, new or not; it is this process's alone until it is closed.
--- @param path string
--- @return posthog.llm.dataset_file.Journal?
--- @return posthog.llm.Error?
function journal.open(path)
  local lock, message = file_system.lock(path)
  if not lock then
    if message == "locked" then
      return nil, failure(path, "another import is using this journal")
    end
    return nil, unwritten(path, message)
  end
  local self = setmetatable({
    path = path,
    lock = lock,
    last = 0,
    open = {},
    counts = { created = 0, found = 0, existing = 0, rejected = 0, skipped = 0 },
    finished = false,
    groups = { { at = 0, ids = {} } },
  }, Journal)
  local torn, err = replay(self)
  local file
  if not err and self.foreign then
    err = failure(path, "this file is not a journal")
  end
  if not err then
    file, message = io.open(path, "ab")
  end
  if not err and not file then
    err = unwritten(path, message)
  end
  if err then
    lock:close()
    return nil, err
  end
  self.file = file
  if torn then
    file:write("\n")
  end
  return self
end

--- Writes lines. After a failure nothing more is written: half a line in the
--- middle could not be told from damage.
--- @return true?
--- @return posthog.llm.Error?
function Journal:write(entries)
  if self.broken then
    return nil, self.broken
  end
  local lines = {}
  for i, entry in ipairs(entries) do
    lines[i] = json.encode(entry) .. "\n"
  end
  local ok, message = self.file:write(table.concat(lines))
  if ok then
    ok, message = self.file:flush()
  end
  if not ok then
    self.broken = unwritten(self.path, message)
    return nil, self.broken
  end
  for _, entry in ipairs(entries) do
    apply(self, entry)
  end
  return true
end

--- Writes lines and waits until they are on the disk.
--- @return true?
--- @return posthog.llm.Error?
function Journal:write_through(entries)
  local ok, err = self:write(entries)
  if not ok then
    return nil, err
  end
  local message
  ok, message = file_system.sync(self.path)
  if not ok then
    self.broken = unwritten(self.path, message)
    return nil, self.broken
  end
  return true
end

--- Names what differs between two headers.
local function mismatch(old, new)
  if old.dataset ~= new.dataset then
    return ("another dataset, %s"):format(tostring(old.dataset))
  elseif old.sha256 ~= new.sha256 or old.bytes ~= new.bytes or old.format ~= new.format then
    local digest = tostring(old.sha256):sub(1, 12)
    local words = "another source: %s, %s bytes, SHA-256 %s..."
    return words:format(tostring(old.source), tostring(old.bytes), digest)
  end
end

--- Begins, or goes on where the last run stopped.
--- @param header table what the journal is to belong to
--- @param now integer
--- @param there_before fun(): string[]?, posthog.llm.Error? ids of new rows that are not the import's
--- @return true?
--- @return posthog.llm.Error? err it belongs to something else
function Journal:begin(header, now, there_before)
  if self.header then
    local other = mismatch(self.header, header)
    if other then
      local words = "this is the journal of %s; name another one by %s, or remove it if"
        .. " that import is done with"
      local err = failure(self.path, words, other, option_names.code("journal"))
      err.option = "journal"
      return nil, err
    end
    return self:write_through({ { resumed = now } })
  end
  local ids, err = there_before()
  if not ids then
    return nil, err
  end
  local entries = {}
  for i, id in ipairs(ids) do
    entries[i] = { other = id }
  end
  entries[#entries + 1] = header
  local ok
  ok, err = self:write_through(entries)
  if ok then
    atomic_file.sync_name(self.path)
  end
  return ok, err
end

--- Whether a row, as new as one that may be looked for, is that of some record,
--- or nobody's.
--- @param id string
--- @return boolean
function Journal:knows(id)
  for _, group in ipairs(self.groups) do
    if group.ids[id] then
      return true
    end
  end
  return false
end

--- Calls a function with what was rejected, in the order of the journal.
--- @param visit fun(entry: { n: integer, line?: integer, rejected: string }): posthog.llm.Error? to stop
--- @return posthog.llm.Error? err
function Journal:each_rejected(visit)
  local _, err = replay(self, function(entry)
    return entry.rejected and visit(entry) or nil
  end)
  return err
end

function Journal:close()
  local file, lock = self.file, self.lock
  self.file, self.lock = nil, nil
  if file then
    file:close()
    lock:close()
  end
end

return journal
