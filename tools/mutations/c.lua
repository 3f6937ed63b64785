--- The small changes of a C file, by rule. Those that do not compile are sorted
--- out by the compiler.

local tokens_of = require("tools.mutations.tokens")

local LANGUAGE = {
  -- Of the preprocessor's lines only the definitions are of interest.
  blank = { "/%*.-%*/", "//[^\n]*", "#%s*[eipu][^\n]*", "%s+" },
  strings = {},
  ops = { "<<=", ">>=", "[=!<>+%-|&*/^%%]=", "<<", ">>", "&&", "||", "%+%+", "%-%-", "%->" },
}

local TURNED = {
  ["=="] = "!=",
  ["!="] = "==",
  ["<"] = "<=",
  ["<="] = "<",
  [">"] = ">=",
  [">="] = ">",
  ["&&"] = "||",
  ["||"] = "&&",
  ["<<"] = ">>",
  [">>"] = "<<",
  ["<<="] = ">>=",
  [">>="] = "<<=",
  ["|="] = "&=",
  ["&="] = "|=",
  ["^="] = "|=",
  ["+="] = "-=",
  ["-="] = "+=",
  ["++"] = "--",
  ["--"] = "++",
  ["|"] = "&",
  ["!"] = "",
  ["?"] = "== 0 ?",
}
-- Those that mean another thing with nothing in front of them.
local TURNED_BETWEEN = { ["+"] = "-", ["-"] = "+", ["&"] = "|" }

local function is_value(token)
  return token.kind ~= "op" and token.text ~= "return" or token.text:find("^[%])]$")
end

--- The token that closes the parenthesis which the i-th opens.
local function closing(tokens, i)
  local depth = 0
  for j = i, #tokens do
    local text = tokens[j].text
    depth = depth + (text == "(" and 1 or text == ")" and -1 or 0)
    if depth == 0 then
      return j
    end
  end
end

--- One more; of a floating-point constant twice as much, 1.0 in place of zero.
local function shifted(number)
  local digits, suffix = number:match("^(0[xX]%x+)([uUlL]*)$")
  if not digits then
    digits, suffix = number:match("^(%d[%d.e]*)([uUlL]*)$")
  end
  local n = digits and tonumber(digits)
  if math.type(n) == "integer" then
    return (digits:find("^0[xX]") and "0x%X%s" or "%d%s"):format(n + 1, suffix)
  end
  return n and ("%.17g"):format(n == 0 and 1 or 2 * n)
end

--- @return string? replacement
--- @return string? what
--- @return integer? to where what it replaces ends; without it, at the token's end
local function change_of(text, tokens, i)
  local token, before = tokens[i], tokens[i - 1]
  local turned = token.kind == "op"
    and (TURNED[token.text] or before and is_value(before) and TURNED_BETWEEN[token.text])
  if turned then
    return turned, ("%s to %s"):format(token.text, turned == "" and "nothing" or turned)
  elseif token.kind == "number" then
    local n = shifted(token.text)
    return n, ("%s to %s"):format(token.text, n)
  elseif token.text:find("^'") then
    return ("(%s + 1)"):format(token.text), token.text .. " to the next character"
  elseif token.text == "if" or token.text == "while" then
    local last = tokens[closing(tokens, i + 1)]
    local condition = text:sub(tokens[i + 1].from, last.to)
    return ("%s (!%s)"):format(token.text, condition), "condition turned", last.to
  end
end

--- Where a statement may begin: after these, and after the head of an `if` or a loop.
local AFTER = { [";"] = true, ["{"] = true, ["}"] = true, ["else"] = true, ["do"] = true }
local HEADS = { ["if"] = true, ["for"] = true, ["while"] = true, ["switch"] = true }
local JUMPS = { ["return"] = true, ["break"] = true, ["continue"] = true, ["goto"] = true }
-- What a statement begins with that is no declaration; after a name: what goes on with.
local BEGINS = { ["*"] = true, ["++"] = true, ["--"] = true }
local GOES_ON = { ["("] = true, ["["] = true, ["->"] = true, ["."] = true, ["="] = true }

--- The token that ends the statement which the i-th begins, unless it is a
--- declaration or holds others.
local function end_of_statement(tokens, i)
  local first, second = tokens[i], tokens[i + 1] and tokens[i + 1].text or ""
  local goes_on = GOES_ON[second] or second:find("^[+|&^*<>%-]+=$") or second:find("^[+-][+-]$")
  local is_plain = first.kind == "name" and not HEADS[first.text] and goes_on
  if not (is_plain or BEGINS[first.text] or JUMPS[first.text]) then
    return nil
  end
  for j = i, #tokens do
    if tokens[j].text == ";" then
      return tokens[j]
    elseif tokens[j].text:find("^[{}]$") then
      return nil
    end
  end
end

local function add_statements(list, tokens)
  local at, begins, in_label = 1, false, false
  while tokens[at] do
    local text = tokens[at].text
    local last = begins and end_of_statement(tokens, at)
    if last then
      list[#list + 1] = {
        from = tokens[at].from,
        to = last.to,
        text = ";",
        line = tokens[at].line,
        what = "left out",
      }
    end
    in_label = in_label or text == "case" or text == "default"
    begins = AFTER[text] or HEADS[text] or in_label and text == ":"
    in_label = in_label and text ~= ":"
    if HEADS[text] then -- its parts are no statements of their own
      at = closing(tokens, at + 1)
    end
    at = at + 1
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
  add_statements(list, tokens)
  return list
end
