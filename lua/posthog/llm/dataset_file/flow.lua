--- Sends jobs, some at the same time, and pauses where nothing succeeds any more. Nothing waits for
--- the slowest: the next job begins when one ends.
---
--- Jobs are counted in rounds. One that fails comes again in the next round. A round without any
--- success is ended: no other job begins until all have ended, and then there is a pause.

local backoff = require("posthog.llm.dataset_file.backoff")
local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local window = require("posthog.llm.host.window")

local LOOK = 0.002 -- seconds between two looks whether another place has what is waited for

--- @class posthog.llm.dataset_file.Flow
--- @field again table[] jobs that have failed in an earlier round
--- @field running integer jobs that were begun and have not ended
--- @field is_open boolean jobs may be running
--- @field stopped? posthog.llm.Error no other job is begun
--- @field private later table[] jobs that have failed in this round
--- @field private size integer jobs of a round
--- @field private round { ended: integer, made?: boolean, failed?: posthog.llm.Error }
--- @field private is_over boolean nothing in this round has succeeded
--- @field private is_reporting? boolean `report` has been called, and may wait for a call of its own
--- @field private report fun(): posthog.llm.Error?
--- @field private close fun()
--- @field private backoff posthog.llm.dataset_file.Backoff
local Flow = {}
Flow.__index = Flow

local flow = {}

--- @param parts { size: integer, report: fun(): posthog.llm.Error?, pause: fun(seconds: number): posthog.llm.Error?, close: fun() }
---   report: called after each round, while jobs run; an error stops. close: called before what a
---   function of the caller's has raised is raised again, when no job runs any more
--- @return posthog.llm.dataset_file.Flow
function flow.new(parts)
  return setmetatable({
    again = {},
    later = {},
    running = 0,
    is_open = false,
    size = parts.size,
    round = { ended = 0 },
    is_over = false,
    report = parts.report,
    close = parts.close,
    backoff = backoff.new(parts.pause),
  }, Flow)
end

--- Does a job once more, in the next round.
function Flow:retry(job)
  self.later[#self.later + 1] = job
end

--- @return boolean
function Flow:has_again()
  return #self.again + #self.later > 0
end

--- Something was done.
function Flow:succeed()
  self.round.made = true
end

--- @param err posthog.llm.Error
function Flow:fail(err)
  self.round.failed = err
end

--- Begins no other job. The first error counts.
--- @param err? posthog.llm.Error nil: goes on
function Flow:stop(err)
  self.stopped = self.stopped or err
end

local function release(self)
  for _, job in ipairs(self.later) do
    self.again[#self.again + 1] = job
  end
  self.later = {}
end

--- @return posthog.llm.Error? err
local function end_round(self)
  local round = self.round
  self.round, self.is_over = { ended = 0 }, false
  release(self)
  if round.ended == 0 then
    return nil
  end
  return self.report() or self.backoff:after(round.made, round.failed)
end

--- @param self posthog.llm.dataset_file.Flow
local function count(self)
  local round = self.round
  self.running = self.running - 1
  round.ended = round.ended + 1
  if round.ended < self.size or self.is_reporting then
    return
  elseif round.made or not round.failed then
    self.is_reporting = true
    self:stop(end_round(self))
    self.is_reporting = false
  else
    self.is_over = true
  end
end

--- Waits a little in one place of the window, for what another one does.
function Flow:nap()
  if clock.sleep(LOOK) == false then
    self:stop(errors.new({ kind = "cancelled", message = "the wait was given up" }))
  end
end

--- Does jobs until there is none, or a pause is over. No job is running when it returns.
--- @generic Job
--- @param width integer jobs at the same time
--- @param next_job fun(): Job? the next one; nil: none may begin for now
--- @param work fun(job: Job)
--- @return posthog.llm.Error? err
function Flow:run(width, next_job, work)
  local raised
  release(self)
  self.running, self.is_open = 0, true
  window.run(width, function()
    local job = not self.stopped and not self.is_over and next_job() or nil
    self.running = self.running + (job and 1 or 0)
    return job
  end, function(job)
    work(job)
    count(self)
  end, function(err)
    raised = raised or { err }
    self.stopped = self.stopped or true
  end)
  self.is_open = false
  if raised then
    self.close()
    error(raised[1], 0) -- by a function of the caller's; the journal has all that has ended
  end
  return self.stopped or end_round(self)
end

--- Pauses after a failure outside of all jobs.
--- @param err posthog.llm.Error
--- @return posthog.llm.Error? err it is no use to go on
function Flow:pause_after(err)
  return self.backoff:after(false, err)
end

return flow
