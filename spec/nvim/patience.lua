--- The plugin waits for a server as long as a busy machine may need it to: what a scenario does after
--- :edit and :write counts on their end. One about a slow server sets `wait` itself.

package.preload["posthog.nvim.defaults"] = function()
  local defaults = dofile("lua/posthog/nvim/defaults.lua")
  defaults.settings.wait = 20000
  return defaults
end
