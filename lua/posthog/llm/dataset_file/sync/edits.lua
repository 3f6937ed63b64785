--- Changes, undeletes and deletes items, each only if it still is what the plan was made by: API v2
--- checks the version, with API v1 the item is read first.

local errors = require("posthog.llm.util.errors")
local flow = require("posthog.llm.dataset_file.flow")
local item_fields = require("posthog.llm.api.item_fields")
local json = require("posthog.llm.json")
local outcome = require("posthog.llm.dataset_file.outcome")
local values = require("posthog.llm.dataset_file.values")

local ROUND = 4 -- changes of a round, for each concurrent request
local MOST_TRIES = 10 -- of a change that fails while others succeed
local FALSE_TRIES = 3 -- of one whose response is not that of a change

--- @class posthog.llm.dataset_file.Edit
--- @field task "change"|"delete"
--- @field id string
--- @field version? integer API v2
--- @field digest string of the content that the plan was made by
--- @field archived? boolean it is to be undeleted first
--- @field wanted? string digest of the record
--- @field body? table fields to send
--- @field line? integer
--- @field shown? string
--- @field tries? integer

--- @class posthog.llm.dataset_file.Edits
--- @field client posthog.llm.Client
--- @field plan posthog.llm.dataset_file.Plan
--- @field options table
--- @field journal posthog.llm.dataset_file.Journal
--- @field now fun(): integer the server's clock
--- @field tell fun(problem: { line?: integer, id: string, message: string, conflict?: boolean })
--- @field report fun(): posthog.llm.Error? the caller wants to stop
--- @field counts table<string, integer>
--- @field flow posthog.llm.dataset_file.Flow
local Edits = {}
Edits.__index = Edits

local edits = {}

--- The fields to send, by the names of API v2.
--- @param names string[]
--- @param fields table of a record
--- @return table body
function edits.body(names, fields)
  local body = {}
  for _, name in ipairs(names) do
    body[name] = json.null
  end
  for name, value in next, fields do
    local field = item_fields.of(name)
    if field and body[field.name] ~= nil then
      body[field.name] = value
    end
  end
  return body
end

--- @param parts table
--- @return posthog.llm.dataset_file.Edits
function edits.new(parts)
  parts.made = 0
  parts.flow = flow.new({
    size = parts.options.concurrency * ROUND,
    report = parts.report,
    pause = parts.pause,
    close = parts.close_files,
  })
  return setmetatable(parts, Edits)
end

local function is_gone(err)
  return err.kind == "not_found"
end

--- Compares an item with what the plan was made by.
--- @param job posthog.llm.dataset_file.Edit
--- @return "go"|"done"|"conflict"|nil state
--- @return posthog.llm.Error|string|nil err or why it is a conflict
--- @return table? row
function Edits:compare(job)
  local row, err = self.client.dataset_items:get(job.id)
  if row == true then
    err = errors.no_content("item")
  end
  if err and is_gone(err) then
    if job.task == "delete" then
      return "done"
    end
    return "conflict", "others have deleted it meanwhile"
  elseif err then
    return nil, err
  end
  local there = self.plan:digest(values.content(row))
  local is_archived = row.archived == true
  if job.task == "delete" and is_archived then
    return "done"
  elseif job.task == "change" and not is_archived then
    local names, fixed = self.plan:changed(job.wanted, there)
    if #names == 0 and not fixed then
      return "done"
    end
  end
  local is_same = there == job.digest and row.version == job.version
  if is_same and is_archived == (job.archived == true) then
    return "go", nil, row
  elseif job.archived and not is_archived and row.version == job.version + 1 then
    return "go", nil, row -- it is undeleted already
  elseif is_archived and not job.archived then
    return "conflict", "others have deleted it meanwhile"
  end
  return "conflict", "others have changed it meanwhile"
end

--- Makes the requests of a change.
--- @param job posthog.llm.dataset_file.Edit
--- @param row? table the item as it is now; nil: as the plan has it
--- @return table? row
--- @return posthog.llm.Error? err
function Edits:request(job, row)
  local items = self.client.dataset_items
  local base = row and row.version or job.version
  if job.task == "delete" then
    return items:delete(job.id, { base_version = base })
  end
  local err
  if job.archived and not (row and not row.archived) then
    row, err = items:undelete(job.id, { base_version = base })
    if err then
      return nil, err
    end
    base = type(row) == "table" and row.version or base + 1
  end
  if next(job.body) == nil then
    return row
  end
  local body = { base_version = base }
  for name, value in pairs(job.body) do
    body[name] = value
  end
  return items:update(job.id, body)
end

--- What a failed change means.
--- @return "conflict"|"reject"|"stop"|"again"
local function verdict_of(err, job, map)
  if err.code == "limit_reached" then -- of one item, or of all
    return err.resource == "dataset_item_versions" and "reject" or "stop"
  elseif err.kind == "conflict" then
    return err.code == "dataset_archived" and "stop" or "conflict"
  elseif is_gone(err) then
    return "conflict"
  end
  local verdict = outcome(err, job, map)
  return (verdict == "stop" or verdict == "reject") and verdict or "again"
end

function Edits:done(job)
  local name = job.task == "delete" and "deleted" or job.archived and "restored" or "updated"
  self.counts[name] = self.counts[name] + 1
  self.made = self.made + 1
  self.flow:succeed()
end

--- @param job posthog.llm.dataset_file.Edit
--- @param message string
--- @param conflict boolean others have written too
function Edits:refuse(job, message, conflict)
  local name = conflict and "conflicts" or "rejected"
  self.counts[name] = self.counts[name] + 1
  self.made = self.made + 1
  self.flow:succeed()
  self.tell({
    line = job.line,
    id = job.id,
    key = job.shown,
    message = message,
    conflict = conflict,
  })
end

--- Does it once more, unless it has failed repeatedly while others succeeded.
function Edits:once_more(job, err)
  local others_succeed = self.made > job.made_before
  if job.tries >= MOST_TRIES and (others_succeed or self.options.give_up) then
    local words = "it failed %d times: %s"
    self:refuse(job, words:format(job.tries, errors.describe(err)), false)
    return
  end
  self.flow:retry(job)
end

--- @param job posthog.llm.dataset_file.Edit
--- @param err posthog.llm.Error
function Edits:fail(job, err)
  local verdict = verdict_of(err, job, self.options.fields)
  if verdict == "stop" then
    self.flow:stop(err)
  elseif verdict == "reject" then
    self.limit_reached = self.limit_reached or err.code == "limit_reached"
    self:refuse(job, errors.describe(err), false)
  else
    self.flow:fail(err)
    self:once_more(job, err)
  end
end

--- Counts a change that the server has taken, unless it shows that it has not stored it.
--- @param job posthog.llm.dataset_file.Edit
--- @param row table|true what it has answered
function Edits:believe(job, row)
  if job.task ~= "change" then
    return self:done(job) -- the library has looked at the mark
  elseif row ~= true then
    local names, fixed = self.plan:changed(job.wanted, self.plan:digest(values.content(row)))
    if #names == 0 and not fixed then
      return self:done(job)
    end
  end
  local state, why = self:compare(job)
  if state == "done" then
    return self:done(job)
  elseif not state then
    return self:fail(job, why)
  elseif state == "go" then
    return self:refuse(job, "the server has taken the change, but the item is as before", false)
  end
  self:refuse(job, why, true)
end

--- @param job posthog.llm.dataset_file.Edit
function Edits:attempt(job)
  job.tries, job.made_before = (job.tries or 0) + 1, job.made_before or self.made
  local row
  if job.tries > 1 or job.version == nil then
    local state, why
    state, why, row = self:compare(job)
    if not state then
      return self:fail(job, why)
    elseif state == "done" then
      return self:done(job)
    elseif state == "conflict" then
      return self:refuse(job, why, true)
    end
  end
  local answer, err = self:request(job, row)
  if not err then
    return self:believe(job, answer)
  elseif verdict_of(err, job, self.options.fields) == "conflict" then
    local state, why = self:compare(job) -- a lost response of ours, or the same change by others
    if state == "done" then
      return self:done(job)
    elseif not state then
      return self:fail(job, why)
    end
    return self:refuse(job, state == "conflict" and why or errors.describe(err), true)
  elseif err.kind == "decode" and job.tries >= FALSE_TRIES then -- and reading it goes well
    return self:refuse(job, errors.describe(err), false)
  end
  self:fail(job, err)
end

--- @param next_job fun(): posthog.llm.dataset_file.Edit?, posthog.llm.Error?
--- @return posthog.llm.Error? err
function Edits:run(next_job)
  local sends, is_asked, ended = self.flow, false, false
  local function ask()
    is_asked = true
    local job, err = next_job()
    is_asked, ended = false, job == nil
    sends:stop(err)
    return job
  end
  local function take()
    while is_asked and not sends.stopped do -- it has called a function of the caller's, which waits
      sends:nap()
    end
    local job
    if not sends.stopped then
      job = table.remove(sends.again, 1) or (not ended and ask() or nil)
      sends:stop(job and self.journal:keep_time(self.now()))
    end
    return not sends.stopped and job or nil
  end
  repeat
    local err = sends:run(self.options.concurrency, take, function(job)
      self:attempt(job)
    end)
    if err then
      return err
    end
  until ended and not sends:has_again()
end

return edits
