--- The time, the chance and the waiting between two attempts: `now`, `random` and
--- `sleep`. A test may put functions of its own in their place.

return require("posthog.llm.host.clock")
