--- The terminal and the signals of a program.

local core = require("posthog.llm.util.core")

return {
  --- The width of the terminal that a descriptor is; nil: it is none.
  --- @type fun(descriptor: integer): integer?
  columns = core.columns,
  --- The signal that has ended a wait; nil: none has.
  --- @type fun(): integer?
  interrupted = core.interrupted,
}
