--- Errors about files, in the form of all others.

local errors = require("posthog.llm.util.errors")

--- @param file? string path to blame
--- @param message string a format
--- @return posthog.llm.Error err kind "invalid"; `file` is the path
local function failure(file, message, ...)
  local words = message:format(...)
  if file then
    words = ("%s: %s"):format(file, words)
  end
  return errors.new({ kind = "invalid", message = words, file = file })
end

return failure
