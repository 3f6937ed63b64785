--- The journal of an import or of a sync: each record that is about to be sent, and its outcome,
--- one JSON object a line, only ever appended to. A later run does what it says, so
--- the line about a request is on the disk before the request is sent.
---
---   {"other":"..."}                a row that existed when the import began
---   {"journal":1,...}              the header: the dataset and the source
---   {"n":7,"at":1700000000,...}    record 7 is about to be sent
---   {"n":7,"id":"..."}             it was created as this row; "uncertain": or it is somebody else's
---   {"n":7,"rejected":"...",...}   it is rejected, with the reason and the record
---   {"n":7,"again":true}           it was refused, or not sent, and is to be sent by the next run
---   {"n":7,"skipped":true}         the caller's function left it out
---   {"resumed":1700000000}         a later run begins
---   {"limit":{...}}                the server's limit that was reached
---   {"reported":3,...}             the number of rejected records written to a file
---   {"sending":1700000000}         requests of a sync are about to be sent
---   {"finished":true}              the import is complete
---
--- A line counts once its newline is written. A line without one is torn: the process
--- was killed, the machine stopped or the disk was full. It is cut off before
--- anything is appended.

local atomic_file = require("posthog.llm.util.atomic_file")
local file_system = require("posthog.llm.util.file_system")
local json = require("posthog.llm.json")
local option_names = require("posthog.llm.util.option_names")
local failure = require("posthog.llm.dataset_file.failure")

--- Seconds that a row may be older than the journal's line about its record, when lost
--- rows are read back.
local REMEMBERED = 300

local BLOCK = 65536 -- bytes that are read at once

--- Seconds by which something may have been sent later than the latest line says: times are whole
--- seconds, and lines at least one second apart.
local SLACK = 2

--- @class posthog.llm.dataset_file.Journal
--- @field header? table
--- @field last integer the highest number of a record in it; 0
--- @field open table<integer, { at: number, key: string }> by number: sent, and the outcome is unknown
--- @field refused table<integer, true> by number: to be sent again
--- @field limit? { resource?: string, limit?: integer, current_count?: integer } the server's, once reached
--- @field reported? { reported: integer, path?: string, sha256: string } the latest file of rejected records
--- @field counts { created: integer, found: integer, existing: integer, rejected: integer, skipped: integer }
--- @field uncertain integer those of `counts.found` that may be rows of somebody else
--- @field finished boolean
--- @field latest? number when something was sent last, by the server's clock
--- @field private path string
--- @field private lock userdata
--- @field private file file*
--- @field private groups { at: number, ids: table }[] ids of rows, by the time of the last group sent before
local Journal = {}
Journal.__index = Journal

local journal = { SLACK = SLACK }

--- @return posthog.llm.Error
local function unwritten(path, message)
  local _, err = atomic_file.failure(path, "cannot write the journal", message)
  return err
end

--- Forgets the ids of rows that are too old to be read back.
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

--- @param path string
--- @return posthog.llm.dataset_file.Journal
local function blank(path)
  return setmetatable({
    path = path,
    last = 0,
    open = {},
    refused = {},
    counts = { created = 0, found = 0, existing = 0, rejected = 0, skipped = 0 },
    uncertain = 0,
    finished = false,
    groups = { { at = 0, ids = {} } },
  }, Journal)
end

local COUNTED = { created = true, found = true, existing = true }

--- Updates the journal's state by a line about a record.
local function apply_record(self, entry)
  local n, counts = entry.n, self.counts
  self.last = math.max(self.last, n)
  self.refused[n] = entry.again
  if entry.at then
    self.open[n] = { at = entry.at, key = entry.key }
    self.latest = math.max(self.latest or 0, entry.at)
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
    self.uncertain = self.uncertain + (entry.uncertain and 1 or 0)
  elseif entry.rejected then
    counts.rejected = counts.rejected + 1
  elseif entry.skipped then
    counts.skipped = counts.skipped + 1
  end
end

--- Updates the journal's state by one line, whether it was read or written.
local function apply(self, entry)
  if entry.n and self.header then -- nearly all
    apply_record(self, entry)
  elseif entry.journal then
    self.header = entry
  elseif entry.other then
    self.groups[1].ids[entry.other] = true
  elseif not self.header then
    self.foreign = true
  elseif entry.finished then
    self.finished = true
  elseif entry.sending then
    self.latest = math.max(self.latest or 0, entry.sending)
  elseif entry.limit then
    self.limit = entry.limit
  elseif entry.reported then
    self.reported = entry
  end
end

local function damaged(path, number)
  local words = "line %d of the journal is damaged, so it does not show which records were sent"
  return failure(path, words, number)
end

--- The possible beginnings of a journal's first line.
local BEGINNINGS = { '{"journal":', '{"other":"' }

--- Whether a text, which may be torn, can be the first line of a journal.
local function is_beginning(text)
  for _, beginning in ipairs(BEGINNINGS) do
    local length = math.min(#text, #beginning)
    if length > 0 and text:sub(1, length) == beginning:sub(1, length) then
      return true
    end
  end
  return false
end

--- The lines of a file, which may contain zero bytes, as a power failure leaves them:
--- `file:lines` of LuaJIT and Lua 5.1 ends a line at a zero byte.
--- @param file file*
--- @return fun(): string?, boolean? next_line the line, and whether its newline is there
local function lines_of(file)
  local rest, at = "", 1
  return function()
    while true do
      local stop = rest:find("\n", at, true)
      if stop then
        local line = rest:sub(at, stop - 1)
        at = stop + 1
        return line, true
      end
      local block = file:read(BLOCK)
      if not block then
        local line = rest:sub(at)
        rest, at = "", 1
        return line ~= "" and line or nil, false
      end
      rest, at = rest:sub(at) .. block, 1
    end
  end
end

--- Visits the complete lines. A line that is not JSON is damage, unless a run begins
--- after it: earlier releases ended a torn line with a newline.
--- @param path string
--- @param visit fun(entry: table): posthog.llm.Error? to stop
--- @return integer? torn bytes of the complete lines, if a torn one follows them
--- @return posthog.llm.Error? err
--- @return boolean? is_foreign the file is not a journal, by its first line
local function each_line(path, visit)
  -- A pipe would be awaited, and some devices (/dev/full, /dev/zero) are read without end.
  local _, why = file_system.read_file(path, 0)
  if why == "kind" then
    return nil, failure(path, "a journal cannot be a device, a pipe or a folder; name a file")
  end
  local file, message = io.open(path, "rb")
  if not file then
    return atomic_file.failure(path, "cannot be read", message)
  end
  local number, bytes, torn, bad, err, is_foreign = 0, 0, nil, nil, nil, false
  for line, is_whole in lines_of(file) do
    number = number + 1
    if not is_whole then
      torn = bytes
      is_foreign = is_foreign or (number == 1 and not is_beginning(line))
      break
    end
    bytes = bytes + #line + 1
    local entry = json.decode(line)
    local usable = type(entry) == "table"
    if bad and not (usable and (entry.resumed or entry.other or entry.journal)) then
      err = damaged(path, bad)
      break
    end
    bad = nil
    if usable then
      err = visit(entry)
    else
      bad = number
      is_foreign = is_foreign or (number == 1 and not is_beginning(line))
    end
    if err then
      break
    end
  end
  file:close()
  if err then
    return nil, err, is_foreign
  end
  return torn, nil, is_foreign
end

--- Reads the file, and cuts off a torn line.
--- @return posthog.llm.Error? err
local function replay(self)
  local torn, err, is_foreign = each_line(self.path, function(entry)
    apply(self, entry)
  end)
  if is_foreign or self.foreign then
    return failure(self.path, "this file is not a journal")
  elseif err then
    return err
  end
  if torn then
    local ok, message = file_system.truncate(self.path, torn)
    return not ok and unwritten(self.path, message) or nil
  end
end

--- Reads a journal without locking or changing it.
--- @param path string
--- @return posthog.llm.dataset_file.Journal?
function journal.peek(path)
  local self = blank(path)
  local _, err = each_line(path, function(entry)
    apply(self, entry)
  end)
  return not err and self.header and self or nil
end

--- Opens or creates a journal, and locks it for this process until it is closed.
--- @param path string
--- @param what? string for the message that it is in use; default: "import"
--- @return posthog.llm.dataset_file.Journal?
--- @return posthog.llm.Error?
function journal.open(path, what)
  local lock, message = file_system.lock(path)
  if not lock then
    if message == "locked" then
      return nil, failure(path, "another %s is using this journal", what or "import")
    end
    return nil, unwritten(path, message)
  end
  local self = blank(path)
  self.lock = lock
  local err = replay(self)
  local file
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
  return self
end

--- The line of an entry. A header begins with "journal", so that it is recognised even
--- when it is torn.
local function line_of(entry)
  if not entry.journal then
    return json.encode(entry) .. "\n"
  end
  local rest = {}
  for name, value in pairs(entry) do
    rest[name] = name ~= "journal" and value or nil
  end
  return ('{"journal":%d,%s\n'):format(entry.journal, json.encode(rest):sub(2))
end

--- Writes lines. After a failure nothing more is written: a torn line in the middle
--- would be damage.
--- @return true?
--- @return posthog.llm.Error?
function Journal:write(entries)
  if self.broken then
    return nil, self.broken
  end
  local lines = {}
  for i, entry in ipairs(entries) do
    lines[i] = line_of(entry)
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

--- Writes lines, and waits until they are on the disk.
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

--- Of a sync: makes the disk show when something is sent, to SLACK seconds. To be called before each
--- request.
--- @param now integer by the server's clock
--- @return posthog.llm.Error? err
function Journal:keep_time(now)
  if self.header.kind == "sync" and now > (self.latest or 0) then
    local _, err = self:write_through({ { sending = now } })
    return err
  end
end

--- Compares the journal's header with that of an import.
--- @return string? what the journal belongs to instead; nil: to this import
--- @return string? way_out
local function mismatch(self, new, rejects)
  local old, elsewhere = self.header, option_names.code("journal")
  local way_out = "name another one by %s, or remove it if that import is done with"
  if old.kind ~= new.kind then
    return ("%s"):format(old.kind and "a sync" or "an import"), way_out:format(elsewhere)
  elseif old.dataset ~= new.dataset then
    return ("another dataset, %s"):format(tostring(old.dataset)), way_out:format(elsewhere)
  elseif old.sha256 == new.sha256 and old.bytes == new.bytes and old.format == new.format then
    return nil
  end
  local words = "another source: %s, %s bytes, SHA-256 %s..."
  local digest = tostring(old.sha256):sub(1, 12)
  local what = words:format(tostring(old.source), tostring(old.bytes), digest)
  if old.source ~= new.source then
    return what, way_out:format(elsewhere)
  end
  local counts = self.counts
  local made = counts.created + counts.found + counts.existing
  local mended = ", or mend rejected records in %s and import that file"
  way_out = "the file was changed since, and %d of its records are in the dataset already: put it"
    .. " back to go on%s; with a new journal (%s) all of its records would be imported once more"
  return what, way_out:format(made, rejects and mended:format(rejects) or "", elsewhere)
end

--- Begins an import, or resumes it.
--- @param header table the dataset and the source
--- @param now integer
--- @param there_before fun(): string[]?, posthog.llm.Error? ids of recent rows that the import did not create
--- @param rejects? string path of the file of rejected records, for advice
--- @return true?
--- @return posthog.llm.Error? err it belongs to another dataset or source
function Journal:begin(header, now, there_before, rejects)
  if self.header then
    local other, way_out = mismatch(self, header, rejects)
    if other then
      local err = failure(self.path, "this is the journal of %s; %s", other, way_out)
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

--- Whether a recent row is already assigned to a record, or existed before the import.
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

--- Whether records with any of these contents were sent. Of most records only the file knows that.
--- @param digests table<string, true> of contents
--- @return boolean
function Journal:has_sent(digests)
  local found = false
  if next(digests) then
    each_line(self.path, function(entry)
      found = found or (entry.n ~= nil and digests[entry.key] == true)
    end)
  end
  return found
end

--- Visits the entries of rejected records, in the order of the journal.
--- @param visit fun(entry: { n: integer, line?: integer, rejected: string, record?: table, text?: string, mapped?: boolean }): posthog.llm.Error? to stop
--- @return posthog.llm.Error? err
function Journal:each_rejected(visit)
  local _, err = each_line(self.path, function(entry)
    return entry.rejected and visit(entry) or nil
  end)
  return err
end

--- Forgets everything, on the disk too, while the lock is kept.
--- @return posthog.llm.Error? err
function Journal:clear()
  local ok, message = file_system.truncate(self.path, 0)
  if not ok then
    return unwritten(self.path, message)
  end
  for name, value in pairs(blank(self.path)) do
    self[name] = value
  end
  self.header, self.limit, self.latest, self.reported = nil, nil, nil, nil
end

--- Removes the file: what it is about is done.
function Journal:remove()
  os.remove(self.path)
  self:close()
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
