--- Finds the host at run time: who waits, and how.
---
--- A host is a module of
---   problem() -> posthog.llm.Error?   why no call can be made here and now
---   wait(transfer)                    returns when the transfer is done
---   sleep(seconds) -> false?          false when it was cancelled
---   gather(functions, concurrency) -> values, errors

local host = {}

--- @return table host the module for the present one
function host.current()
  return require("posthog.llm.host.plain")
end

return host
