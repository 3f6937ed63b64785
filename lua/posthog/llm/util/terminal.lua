--- The terminal and the signals of the process.

local core = require("posthog.llm.util.core")

return {
  --- The size of the terminal at a file descriptor: its columns, nil if it is not a terminal, and
  --- its rows, nil if they are unknown.
  --- @type fun(descriptor: integer): integer?, integer?
  columns = core.columns,
  --- The number of the signal that interrupted a wait; nil: none did.
  --- @type fun(): integer?
  interrupted = core.interrupted,
  --- Reads a line from a terminal without echo; nil at the end of input, or when a signal
  --- interrupts.
  --- @type fun(descriptor: integer): string?, string?
  read_hidden = core.read_hidden,
}
