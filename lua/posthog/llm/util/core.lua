--- The C core, posthog.llm.core. Every module gets it from here: when it cannot be loaded, or has
--- another version, the error is one line that says why and what to run.

--- Equal to CORE_VERSION in src/base/version.h, which says when its last number goes up.
local VERSION = require("posthog.llm.util.version") .. "+10"

--- An editor is in anybody's folder: where the plugin is not built, no core is taken from there.
local function load()
  if not rawget(_G, "vim") then
    return pcall(require, "posthog.llm.core")
  end
  local module, why = require("posthog.llm.util.optional_module")("posthog.llm.core")
  return module ~= nil, module or why
end

local loaded, core = load()

if loaded and core.BUILD and core.BUILD:find(" core " .. VERSION .. " ", 1, true) then
  return core
end
require("posthog.llm.util.core_error").raise(VERSION, loaded, core)
