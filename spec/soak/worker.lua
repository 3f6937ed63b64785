--- One of the callers of the soak: what it owns, what it knows, and what it tells.

local chance = require("spec.soak.chance")

--- @class soak.Worker
--- @field number integer
--- @field client posthog.llm.Client
--- @field chance table its own, so that what it does hangs on nobody else
--- @field tell fun(entry: table) keeps an entry of the journal
--- @field common table skills that all workers write to
--- @field calls integer made so far
--- @field dataset table? the one it fills now
--- @field skills table[] that it alone writes to
--- @field spent table<string, true> paths that it may have deleted
local Worker = {}
Worker.__index = Worker

function Worker.new(number, client, seed, common, tell)
  return setmetatable({
    number = number,
    client = client,
    chance = chance.new(seed, number),
    tell = tell,
    common = common,
    calls = 0,
    marks = 0,
    skills = {},
    spent = {},
  }, Worker)
end

--- A text that is nowhere else in the soak.
function Worker:mark()
  self.marks = self.marks + 1
  return ("m%d-%d."):format(self.number, self.marks)
end

--- Begins a call: its entry in the journal, and options by which the server's log names it.
--- @return table entry
--- @return table options
function Worker:begin(kind, entry, options)
  self.calls = self.calls + 1
  entry.kind, entry.call = kind, ("%d.%d"):format(self.number, self.calls)
  options = options or {}
  options.headers = { ["X-Soak-Call"] = entry.call }
  return entry, options
end

--- Ends a call: "done", "failed" (it did not happen), or "unknown".
--- @param check? fun(value: any): string? what is wrong with the value
--- @return string outcome
function Worker:finish(entry, check, value, err, response)
  local answer = response or err or {}
  entry.attempts, entry.settled = answer.attempts, response and response.settled
  if err then
    entry.outcome = err.ambiguous and "unknown" or "failed"
    entry.error, entry.status, entry.message = err.kind, err.status, tostring(err)
  else
    entry.outcome = "done"
    entry.wrong = check and check(value)
  end
  self.tell(entry)
  return entry.outcome
end

return Worker
