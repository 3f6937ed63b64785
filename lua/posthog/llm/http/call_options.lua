--- The options that every call takes, with their checks.

local check = require("posthog.llm.util.check")

--- The last, optional table of every method may hold these, beside its own options. Default: the
--- option of the client.
--- @class posthog.llm.CallOptions
--- @field timeout? number seconds for one attempt
--- @field deadline? number seconds for the whole call, waits included
--- @field max_retries? integer attempts after the first
--- @field headers? table<string, string> sent in addition to the library's own, which they cannot
---   replace

--- @type table<string, fun(value: any, what: string, level: integer): any>
return {
  timeout = check.seconds,
  deadline = check.seconds,
  max_retries = function(value, what, level)
    return (check.integer(value, what, level + 1, 0)) -- a tail call would shift the level
  end,
  headers = function(value, what, level)
    check.type(value, "table", what, level + 1)
    return value
  end,
}
