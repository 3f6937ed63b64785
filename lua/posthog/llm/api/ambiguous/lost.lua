--- A write that may or may not have happened, and what can be derived about the objects that are
--- read back afterwards: when they were made, and by whom.

local clock = require("posthog.llm.host.clock")
local compare = require("posthog.llm.util.compare")
local rules = require("posthog.llm.api.ambiguous.rules")
local server_clock = require("posthog.llm.http.server_clock")
local times = require("posthog.llm.util.time")

--- @class posthog.llm.Lost
--- @field began number on clock.now's clock: before the call's first request
--- @field expires number on clock.now's clock: the end of the call's deadline
--- @field user any id of the key's owner; nil: not known yet
--- @field skills table<string, string> by name: the skill that a response before the call showed
--- @field call_options table of the call
--- @field files_read table<posthog.llm.Skill, true> skills whose files were read after the skill
---   itself
--- @field repeated_on? string `first_version_created_at` of the skill on which the verdict was
---   FREE, so that the write was repeated
local Lost = {}
Lost.__index = Lost

local lost = {}

--- @param parts table
--- @return posthog.llm.Lost
function lost.new(parts)
  parts.files_read = {}
  return setmetatable(parts, Lost)
end

--- Options for a read that resolves the write, within the deadline of the call.
--- @param more? table parameters of that read
--- @return table
function Lost:options(more)
  local own, options = self.call_options, more or {}
  options.deadline = math.max(self.expires - clock.now(), 0.001)
  options.timeout, options.max_retries = own.timeout, own.max_retries
  options.headers = own.headers
  return options
end

--- Whether an object was made before the call began, or may have been made since.
--- @param created_at any
--- @param response posthog.llm.Response the one that has just shown it
--- @return "before"|"since"|nil
function Lost:time_of(created_at, response)
  local now = response.server_time
  local at = type(created_at) == "string" and times.iso(created_at)
  if not now or not at then
    return nil
  end
  local began = now - (clock.now() - self.began)
  return at < began - server_clock.SKEW and "before" or "since"
end

--- @param user any the author, from an object that was read back
--- @return "self"|"other"|"unknown"|nil
function Lost:author_of(user)
  if self.user == nil then
    return "unknown"
  elseif type(user) ~= "table" or user.id == nil then
    return nil
  end
  return compare.equal(user.id, self.user) and "self" or "other"
end

--- Whether this call has made an object that was read back.
--- @param made { at: any, by: any, content: string? } content: "equal", "differs", or nil if
---   undecided
--- @param response posthog.llm.Response the one that has just shown it
--- @return "yes"|"no"|"unknown"
function Lost:has_made(made, response)
  return rules.decide(rules.MADE, {
    time = self:time_of(made.at, response),
    author = self:author_of(made.by),
    content = made.content,
  })
end

--- Whether the content decides: time and author do not rule the object out.
function Lost:may_have_made(made, response)
  made.content = "equal"
  return self:has_made(made, response) == "yes"
end

--- Whether a skill is the one that had its name when the call began.
--- @param skill { name: string, first_version_created_at: string }
--- @param response posthog.llm.Response the one that has just shown it
--- @return "known"|"same"|nil "known": a response before the call showed it
function Lost:identity(skill, response)
  local first = skill.first_version_created_at
  if type(first) == "string" and self.skills[skill.name] == first then
    return "known"
  end
  return self:time_of(first, response) == "before" and "same" or nil
end

return lost
