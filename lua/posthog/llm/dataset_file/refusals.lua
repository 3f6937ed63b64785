--- Collects the refusals of the first records, until it is clear whether single records
--- are wrong, or what all have in common, such as a mapped field.

local errors = require("posthog.llm.util.errors")
local option_names = require("posthog.llm.util.option_names")

local FIRST = 10 -- refusals for one reason that end an import

--- @class posthog.llm.dataset_file.Refusals
--- @field settled boolean single records are wrong: one was created, or the reasons differ
--- @field tried? boolean the first record was sent
--- @field held { job: posthog.llm.dataset_file.Job, err: posthog.llm.Error }[]
local Refusals = {}
Refusals.__index = Refusals

--- A text that is the same for two refusals with the same reason.
local function reason_of(err)
  if err.code or err.attr then
    return ("%s %s"):format(tostring(err.code), tostring(err.attr))
  end
  return ("%s %s"):format(tostring(err.status), tostring(err.detail))
end

--- How many records to send next: first one, and a few more if that is refused.
--- @return integer? nil: no limit
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
--- @return posthog.llm.Error? alike the first records were all refused for this reason
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

--- Removes and returns the collected refusals.
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
