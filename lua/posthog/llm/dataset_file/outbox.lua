--- The records that may be sent: what a record is to become is in the journal, on the disk, before
--- it is sent. Records are read, and written to the journal, in groups, one sync for each.
---
--- A group grows where the disk is slow, so that little of the time is spent on syncs; it ends
--- early where the source is slow, so that no record waits for one that is not there yet.

local clock = require("posthog.llm.host.clock")
local hosts = require("posthog.llm.host")

local MOST = 8 -- times the usual size: the largest group
local SHARE = 0.02 -- of the time: more of it than this is not to be spent on syncs
local SLOW = 0.02 -- seconds of reading, after which a group ends
local GLANCE = 1e-6 -- seconds of a wait that lets what was begun go out
local BYTES = 1024 * 1024 -- of JSON, after which a group ends

--- @class posthog.llm.dataset_file.Outbox
--- @field ended boolean the source has no other record
--- @field is_filling boolean a group is being read
--- @field private source posthog.llm.dataset_file.Source
--- @field private journal posthog.llm.dataset_file.Journal
--- @field private prepare fun(record: posthog.llm.dataset_file.Record): posthog.llm.dataset_file.Job?, table?
--- @field private now fun(): number the server's clock
--- @field private again posthog.llm.dataset_file.Job[] to be sent again
--- @field private jobs posthog.llm.dataset_file.Job[] that may be sent, from `first` to `last`
--- @field private size integer records of a group
--- @field private most integer the largest size
--- @field private group { jobs: posthog.llm.dataset_file.Job[], entries: table[], bytes: integer }
--- @field private synced? number when the last group was written
--- @field private err? posthog.llm.Error of a group that was written before its end
local Outbox = {}
Outbox.__index = Outbox

local outbox = {}

local function new_group()
  return { jobs = {}, entries = {}, bytes = 0 }
end

--- @param parts { source: posthog.llm.dataset_file.Source, journal: posthog.llm.dataset_file.Journal, prepare: function, now: function, again: table[], size: integer }
--- @return posthog.llm.dataset_file.Outbox
function outbox.new(parts)
  parts.jobs, parts.first, parts.last = {}, 1, 0
  parts.most, parts.group = parts.size * MOST, new_group()
  parts.ended, parts.is_filling = false, false
  local self = setmetatable(parts, Outbox)
  function parts.source.on_wait() -- what was read may be sent meanwhile
    self.err = self.err or self:commit()
  end
  if parts.source.is_foreign then
    hosts.current().background() -- what is on its way does not wait for the caller's iterator
  end
  return self
end

--- Whether no record may be sent without reading another group.
function Outbox:is_empty()
  return self.first > self.last
end

--- Whether there is nothing left to send.
function Outbox:is_done()
  return self.ended and self:is_empty()
end

--- Makes the next group larger if syncs take too much of the time.
--- @param took number seconds of the sync
--- @param began number when it began
local function adapt(self, took, began)
  if self.synced and took > (began - self.synced) * SHARE then
    self.size = math.min(self.most, self.size * 2)
  end
  self.synced = began + took
end

--- Writes entries to the journal, and waits until they are on the disk if something is to be sent.
--- @return posthog.llm.Error? err
local function write(self, jobs, entries)
  local now = self.now()
  for _, entry in ipairs(entries) do
    entry.at = entry.at and now
  end
  for _, job in ipairs(jobs) do
    job.at = now
  end
  local method = #jobs > 0 and "write_through" or "write"
  local _, err = self.journal[method](self.journal, entries)
  return err
end

--- Writes the present group to the journal. Then it may be sent.
--- @return posthog.llm.Error? err
function Outbox:commit()
  local jobs, entries = self.group.jobs, self.group.entries
  if #entries == 0 then
    return nil
  end
  self.group = new_group()
  local began = clock.now()
  local err = write(self, jobs, entries)
  if err then
    return err
  elseif #jobs > 0 then
    adapt(self, clock.now() - began, began)
  end
  if self:is_empty() then
    self.first, self.last = 1, 0
  end
  for i, job in ipairs(jobs) do
    self.jobs[self.last + i] = job
  end
  self.last = self.last + #jobs
end

--- Puts what is to be sent again before all others.
--- @param most? integer
--- @return posthog.llm.Error? err
function Outbox:resend(most)
  local jobs, entries = {}, {}
  while #jobs < (most or self.most) and #self.again > 0 do
    local job = table.remove(self.again, 1)
    jobs[#jobs + 1], entries[#entries + 1] = job, { n = job.n, at = 0, key = job.key }
  end
  local err = write(self, jobs, entries)
  for i = err and 0 or #jobs, 1, -1 do
    self.first = self.first - 1
    self.jobs[self.first] = jobs[i]
  end
  return err
end

--- @param job? posthog.llm.dataset_file.Job
--- @param entry? table
local function add(group, job, entry)
  if job then
    group.jobs[#group.jobs + 1] = job
    group.bytes = group.bytes + job.bytes
  end
  group.entries[#group.entries + 1] = entry or { n = job.n, at = 0, key = job.key }
end

--- Reads a group.
--- @param most integer jobs
--- @return posthog.llm.Error? err
local function read(self, most)
  local began = clock.now()
  repeat
    local record, err = self.source.next()
    if err then
      return err
    elseif not record then
      self.ended = true
      break
    end
    add(self.group, self.prepare(record))
    local group = self.group
    local is_full = #group.jobs >= most or #group.entries >= self.size or group.bytes >= BYTES
  until is_full or clock.now() - began > SLOW
  return self.err
end

--- Reads records, which may be sent then. A group may have none of these.
--- @param most? integer records that may be sent now
--- @return posthog.llm.Error? err
function Outbox:fill(most)
  self.is_filling = true
  clock.sleep(GLANCE) -- before reading and syncing hold up this thread
  local err = read(self, math.min(most or self.size, self.size)) or self:commit()
  self.is_filling = false
  return err
end

--- The next record to send, of those that are on the disk.
--- @return posthog.llm.dataset_file.Job?
function Outbox:pop()
  local job = self.jobs[self.first]
  if job then
    self.jobs[self.first] = nil
    self.first = self.first + 1
  end
  return job
end

--- The entries of the records that are in the journal, and were never sent: as if they were not there.
--- @return table[] entries for the journal
function Outbox:unsent()
  local entries = {}
  for i = self.first, self.last do
    local job = self.jobs[i]
    if job.tries == 0 then
      entries[#entries + 1] = { n = job.n, again = true }
    end
  end
  return entries
end

return outbox
