--- The small changes of a Lua module, by rule.

local tokens_of = require("tools.mutations.tokens")

local LANGUAGE = {
  blank = { "%-%-%[%[.-%]%]", "%-%-[^\n]*", "%s+" },
  strings = { "%[%[.-%]%]" },
  ops = { "[=~<>]=", "%.%.%.?" },
}

local TURNED = {
  ["=="] = "~=",
  ["~="] = "==",
  ["<"] = "<=",
  ["<="] = "<",
  [">"] = ">=",
  [">="] = ">",
  ["+"] = "-",
  ["and"] = "or",
  ["or"] = "and",
  ["true"] = "false",
  ["false"] = "true",
  ["not"] = "",
}
local OPENS = { ["if"] = "then", ["elseif"] = "then", ["while"] = "do" }

--- The token that ends the condition after the i-th.
local function end_of_condition(tokens, i)
  local ends, depth = OPENS[tokens[i].text], 0
  for j = i + 1, #tokens do
    local text = tokens[j].text
    if text == "function" then
      depth = depth + 1
    elseif text == "end" then
      depth = depth - 1
    elseif text == ends and depth == 0 then
      return tokens[j]
    end
  end
end

--- @return string? replacement
--- @return string? what
--- @return integer? to where what it replaces ends; without it, at the token's end
local function change_of(text, tokens, i)
  local token, before = tokens[i], tokens[i - 1]
  local turned = token.kind ~= "string" and TURNED[token.text]
  if turned then
    return turned, ("%s to %s"):format(token.text, turned == "" and "nothing" or turned)
  elseif token.text == "-" then
    local is_binary = before.kind == "name" or before.kind == "number" or before.text:find("[%])]")
    return is_binary and "+", "- to +"
  elseif token.kind == "string" then
    local is_word = token.text:find('^"%l+"$') and before and before.text:find("^[=~]?=$")
    return is_word and token.text:sub(1, -2) .. '_"', token.text .. " to another word"
  elseif token.kind == "number" and tonumber(token.text) then
    local n = ("%.14g"):format(tonumber(token.text) + 1)
    return n, ("%s to %s"):format(token.text, n)
  elseif OPENS[token.text] then
    local last = end_of_condition(tokens, i)
    local condition = text:sub(token.to + 1, last.from - 1)
    local turned_all = ("%s not (%s) %s"):format(token.text, condition, last.text)
    return turned_all, "condition turned", last.to
  end
end

--- The statements that stand on a line of their own, left out.
local function add_statements(list, text)
  local at, number = 1, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local code = line:gsub("%s*%-%-.*$", ""):match("^%s*(.-)%s*$")
    local is_statement = code:find('^[%a_][%w_.:%[%]"#, +%-]* = ')
      or code:find("^[%a_][%w_.:]*%b()$")
      or code:find("^return%f[%W]")
      or code == "break"
    if is_statement and not code:find("^local ") and not code:find("^end") then
      list[#list + 1] =
        { from = at, to = at + #line - 1, text = "", line = number, what = "left out" }
    end
    at = at + #line + 1
  end
end

--- @param text string
--- @return { from: integer, to: integer, text: string, what: string, line: integer }[]
return function(text)
  local list, tokens = {}, tokens_of(text, LANGUAGE)
  for i, token in ipairs(tokens) do
    local replacement, what, to = change_of(text, tokens, i)
    if replacement then
      list[#list + 1] = {
        from = token.from,
        to = to or token.to,
        text = replacement,
        what = what,
        line = token.line,
      }
    end
  end
  add_statements(list, text)
  return list
end
