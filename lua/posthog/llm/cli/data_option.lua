--- The option --data: a text, or where it is.

local errors = require("posthog.llm.util.errors")

local data_option = {}

--- Reads all of a file. Raises if that fails.
--- @param path string - for standard input
--- @return string
function data_option.read(path)
  local file, why = io.stdin, nil
  if path ~= "-" then
    file, why = io.open(path, "rb")
  end
  local text
  if file then
    text, why = file:read("*a")
    if path ~= "-" then
      file:close()
    end
  end
  if not text then
    error(errors.new({ kind = "file", message = "--data: " .. tostring(why) }), 0)
  end
  return text
end

return data_option
