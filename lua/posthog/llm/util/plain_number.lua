--- Reads an unquoted text as a number only if the number, written out, gives the same text again.
--- `1.10`, `007`, `+5` and `1234e56` are versions, keys and digests: as numbers they would be
--- written back differently.

local json = require("posthog.llm.json")

--- @param text string
--- @return any? number a Lua number or, where that is not exact, a number object; nil: it is a text
local function plain_number(text)
  if not text:find("^-?%d") then
    return nil
  end
  local value = json.decode(text)
  local written = value ~= nil and json.encode(value)
  if written == text or (written and written .. ".0" == text) then -- some Luas write 1.0 as 1
    return value
  end
end

return plain_number
