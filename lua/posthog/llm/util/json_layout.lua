--- JSON for people to read: lines and indentation are put between the tokens, and the tokens stay
--- as they are. No literal is read, so none is changed.

local json_layout = {}

local INDENT = "  "

local QUOTE, BACKSLASH = 34, 92

local BLANK = { [9] = true, [10] = true, [13] = true, [32] = true }
local MARK = {}
for mark in ("[]{},:"):gmatch(".") do
  MARK[mark:byte()] = true
end

--- The position after a string that begins there.
local function after_string(text, at)
  local stop = at
  while true do
    stop = text:find('"', stop + 1, true)
    local before = stop - 1
    while text:byte(before) == BACKSLASH do
      before = before - 1
    end
    if (stop - before) % 2 == 1 then -- no backslash belongs to it
      return stop + 1
    end
  end
end

--- The position after a number, true, false or null that begins there.
local function after_word(text, at)
  local byte
  repeat
    at = at + 1
    byte = text:byte(at)
  until not byte or BLANK[byte] or MARK[byte]
  return at
end

--- The tokens of a text, without the white space between them. Goes by bytes, for which the compiler
--- of LuaJIT has code, and not by patterns: an item may be large.
--- @param text string valid JSON
--- @return string[]
local function tokens(text)
  local list, at = {}, 1
  for _ = 1, #text do
    local byte = text:byte(at)
    if not byte then
      break
    elseif BLANK[byte] then
      at = at + 1
    else
      local stop
      if byte == QUOTE then
        stop = after_string(text, at)
      elseif MARK[byte] then
        stop = at + 1
      else
        stop = after_word(text, at)
      end
      list[#list + 1] = text:sub(at, stop - 1)
      at = stop
    end
  end
  return list
end

local OPENS, CLOSES = { ["{"] = true, ["["] = true }, { ["}"] = true, ["]"] = true }

--- Tokens in lines. Empty objects and lists stay on one.
local function in_lines(list, depth)
  local parts, breaks = {}, {}
  local function line()
    breaks[depth] = breaks[depth] or "\n" .. INDENT:rep(depth)
    parts[#parts + 1] = breaks[depth]
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

--- A text on one line, which is sent and compared; and in lines, which is shown.
--- @param text string valid JSON
--- @param depth integer levels that it stands in already
--- @param rest? fun() lets others work between the two, as a text may be large
--- @return string compact
--- @return string indented
function json_layout.forms(text, depth, rest)
  local list = tokens(text)
  local compact = table.concat(list)
  if rest then
    rest()
  end
  return compact, in_lines(list, depth)
end

--- A text on one line.
--- @param text string valid JSON
--- @return string
function json_layout.compact(text)
  return table.concat(tokens(text))
end

return json_layout
