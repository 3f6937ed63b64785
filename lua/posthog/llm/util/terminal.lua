--- The terminal and the signals of a program.

local core = require("posthog.llm.util.core")

return {
  --- The width of the terminal that a descriptor is; nil: it is not one.
  --- @type fun(descriptor: integer): integer?
  columns = core.columns,
  --- The signal that has ended a wait; nil: none has.
  --- @type fun(): integer?
  interrupted = core.interrupted,
  --- A line from a terminal that does not show it; nil: its end, or a signal has ended the wait.
  --- @type fun(descriptor: integer): string?, string?
  read_hidden = core.read_hidden,
}
