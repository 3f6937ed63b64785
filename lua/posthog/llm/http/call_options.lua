--- The options that every call takes, with their checks.

local check = require("posthog.llm.util.check")

--- @class posthog.llm.CallOptions
--- @field timeout? number seconds for one attempt
--- @field deadline? number seconds for the whole call, waits included
--- @field max_retries? integer
--- @field headers? table<string, string> sent in addition to the library's own

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
