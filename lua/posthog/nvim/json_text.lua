--- JSON for people to read: lines and indentation are put between the tokens, and the tokens stay
--- as they are. No literal is read, so none is changed.

local json_text = {}

local INDENT = "  "

--- The position after a string that begins there.
local function after_string(text, at)
  while true do
    at = text:find('["\\]', at + 1)
    if text:byte(at) == 34 then
      return at + 1
    end
    at = at + 1
  end
end

--- The tokens of a text, without the white space between them.
--- @param text string valid JSON
--- @return string[]
local function tokens(text)
  local list, at = {}, text:find("%S")
  while at do
    local stop
    if text:byte(at) == 34 then
      stop = after_string(text, at)
    elseif text:find("^[%[%]{},:]", at) then
      stop = at + 1
    else
      stop = text:find("[%s,%]}]", at) or #text + 1
    end
    list[#list + 1] = text:sub(at, stop - 1)
    at = text:find("%S", stop)
  end
  return list
end

local OPENS, CLOSES = { ["{"] = true, ["["] = true }, { ["}"] = true, ["]"] = true }

--- A text in lines. Empty objects and lists stay on one.
--- @param text string valid JSON
--- @param depth? integer levels that it stands in already
--- @return string
function json_text.indent(text, depth)
  local list, parts = tokens(text), {}
  depth = depth or 0
  local function line()
    parts[#parts + 1] = "\n" .. INDENT:rep(depth)
  end
  for i, token in ipairs(list) do
    local is_empty = OPENS[token] and CLOSES[list[i + 1]]
    local ends_empty = CLOSES[token] and OPENS[list[i - 1]]
    if CLOSES[token] and not ends_empty then
      depth = depth - 1
      line()
    end
    parts[#parts + 1] = token
    if OPENS[token] and not is_empty then
      depth = depth + 1
      line()
    elseif token == "," then
      line()
    elseif token == ":" then
      parts[#parts + 1] = " "
    end
  end
  return table.concat(parts)
end

--- The same text on one line: what of it is sent, and compared.
--- @param text string valid JSON
--- @return string
function json_text.compact(text)
  return table.concat(tokens(text))
end

return json_text
