--- The clock, the randomness and the sleep used between attempts: `now`, `random` and `sleep`. A
--- test may replace them.

return require("posthog.llm.host.clock")
