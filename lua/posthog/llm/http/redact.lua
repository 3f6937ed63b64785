--- Takes the key out of what is shown, should a server echo it: as it is, and
--- with any of its characters escaped, as they are in URLs (%5F), in JSON and
--- JavaScript (\u005f, \x5f, \/) and in HTML (&#95;, &#x5f;).

local core = require("posthog.llm.util.core")

local redact = {}

local byte, find, sub = string.byte, string.find, string.sub

local MASK = "[key]"
local PERCENT, BACKSLASH, AMPERSAND = byte("%\\&", 1, 3)
local HEX = { "^%%(%x%x)()", "^\\u00(%x%x)()", "^\\x(%x%x)()", "^&#[xX]0*(%x%x);()" }
local DECIMAL = "^&#0*(%d%d%d?);()"
local ITSELF = "^\\(%p)()"

--- The longest form of one character that is found again, in bytes; leading
--- zeros of HTML left out.
redact.LONGEST_ESCAPE = 6

--- @return integer? character of an escape at a place
--- @return integer? after it
local function unescape(text, at)
  local first = byte(text, at)
  if first ~= PERCENT and first ~= BACKSLASH and first ~= AMPERSAND then
    return nil
  end
  for _, pattern in ipairs(HEX) do
    local digits, after = text:match(pattern, at)
    if digits then
      return tonumber(digits, 16), after
    end
  end
  local digits, after = text:match(DECIMAL, at)
  if digits then
    return tonumber(digits), after
  end
  local character, behind = text:match(ITSELF, at)
  return character and byte(character), behind
end

--- @return integer? after the key, when it stands at this place
local function match(text, at, key)
  for i = 1, #key do
    local want = byte(key, i)
    if byte(text, at) == want then
      at = at + 1
    else
      local character, after = unescape(text, at)
      if character ~= want then
        return nil
      end
      at = after
    end
  end
  return at
end

--- @param text string
--- @param key string
--- @return string
function redact.text(text, key)
  if not core.holds(text, key) then -- the usual case: in C, since every URL is looked at
    return text
  end
  local pieces, from = {}, 1
  local start = "[%%\\&" .. (key:sub(1, 1):gsub("%W", "%%%0")) .. "]"
  local at = find(text, start)
  while at do
    local after = match(text, at, key)
    if after then
      pieces[#pieces + 1] = sub(text, from, at - 1)
      pieces[#pieces + 1] = MASK
      from = after
    end
    at = find(text, start, after or at + 1)
  end
  if from == 1 then
    return text
  end
  pieces[#pieces + 1] = sub(text, from)
  return table.concat(pieces)
end

--- @param value any a table is changed in place, its keys too
--- @param key string
--- @return any
function redact.value(value, key)
  if type(value) == "string" then
    return redact.text(value, key)
  elseif type(value) ~= "table" then
    return value
  end
  local renamed = {}
  for name, field in pairs(value) do
    local masked = redact.value(name, key)
    value[name] = redact.value(field, key)
    if masked ~= name then
      renamed[name] = masked
    end
  end
  for name, masked in pairs(renamed) do
    value[name], value[masked] = nil, value[name]
  end
  return value
end

return redact
