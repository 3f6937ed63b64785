--- The waits of a call, which client:close() ends.

local clock = require("posthog.llm.host.clock")

local waits = {}

local PAUSE_STEP = 0.25 -- seconds between two checks for client:close()

--- Waits for a time, in steps, so that client:close() ends the wait.
--- @param state posthog.llm.State
--- @param seconds number
--- @return boolean? finished false: the call was cancelled meanwhile
function waits.pause(state, seconds)
  while seconds > 0 and not state.closed do
    local step = math.min(seconds, PAUSE_STEP)
    if clock.sleep(step) == false then
      return false
    end
    seconds = seconds - step
  end
  return not state.closed
end

--- Waits for a transfer; client:close() cancels all transfers in `in_flight`.
--- @param state posthog.llm.State
--- @param transfer userdata
--- @param host table the host module
function waits.transfer(state, transfer, host)
  state.in_flight[transfer] = true
  host.wait(transfer)
  state.in_flight[transfer] = nil
end

return waits
