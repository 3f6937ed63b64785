--- The first records that a server refuses, before it has taken one: whether it is
--- the records, or what all of them have in common, such as a field that is mapped.

local errors = require("posthog.llm.util.errors")
local option_names = require("posthog.llm.util.option_names")

local FIRST = 10 -- records that are refused alike

--- @class posthog.llm.dataset_file.Refusals
--- @field settled boolean it is the records: one was taken, or two were refused for different reasons
--- @field tried? boolean the first record was sent
--- @field held { job: posthog.llm.dataset_file.Job, err: posthog.llm.Error }[]
local Refusals = {}
Refusals.__index = Refusals

--- What two refusals have in common when their reason is the same.
local function reason_of(err)
  if err.code or err.attr then
    return ("%s %s"):format(tostring(err.code), tostring(err.attr))
  end
  return ("%s %s"):format(tostring(err.status), tostring(err.detail))
end

--- How many records may be sent next: one at first, and a few where that was refused.
--- @return integer? nil: as many as there are
function Refusals:room()
  if self.settled then
    return nil
  elseif #self.held > 0 then
    return FIRST - #self.held
  end
  return not self.tried and 1 or nil
end

--- @param job posthog.llm.dataset_file.Job
--- @param err posthog.llm.Error the server's
--- @return posthog.llm.Error? alike all of the first have been refused for this one reason
function Refusals:hold(job, err)
  local held = self.held
  held[#held + 1] = { job = job, err = err }
  if reason_of(held[1].err) ~= reason_of(err) then
    self.settled = true
  elseif #held >= FIRST and not self.settled then
    local words = "the server refused each of the first %d records for the same reason: %s;"
      .. " nothing was made: mend the file or its mapping, and import it again, or give %s to"
      .. " reject all that it refuses"
    local alike = errors.copy(err)
    local reason = err.message:gsub("%.$", "")
    alike.message = words:format(#held, reason, option_names.code("reject_all"))
    return alike
  end
end

--- Takes out those that are held.
--- @return { job: posthog.llm.dataset_file.Job, err: posthog.llm.Error }[]
function Refusals:take()
  local held = self.held
  self.held = {}
  return held
end

local refusals = {}

--- @param settled boolean
--- @return posthog.llm.dataset_file.Refusals
function refusals.new(settled)
  return setmetatable({ settled = settled, held = {} }, Refusals)
end

return refusals
