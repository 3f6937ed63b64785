--- Whether a text that nothing marks as a text is a number: only where the number would be written
--- just so. `1.10`, `007`, `+5` and `1234e56` are versions, keys and digests, and as numbers they
--- would come back as other texts.

local json = require("posthog.llm.json")

--- @param text string
--- @return any? number Lua's or, where that would not be exact, a number object; nil: it is a text
local function plain_number(text)
  if not text:find("^-?%d") then
    return nil
  end
  local value = json.decode(text)
  local written = value ~= nil and json.encode(value)
  if written == text or (written and written .. ".0" == text) then -- not every Lua writes 1.0 so
    return value
  end
end

return plain_number
