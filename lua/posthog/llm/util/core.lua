--- The C core, posthog.llm.core. Every module takes it from here: where it cannot be had, the
--- error is one line that says why, and what to run.

--- The same as in src/base/version.h, and counted up with it.
local VERSION = "0.1.0-4"

local loaded, core = pcall(require, "posthog.llm.core")

if loaded and core.BUILD and core.BUILD:find(" core " .. VERSION .. " ", 1, true) then
  return core
end
require("posthog.llm.util.core_error").raise(VERSION, loaded, core)
