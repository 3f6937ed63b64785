--- The tokens of a program, for the rules of tools/mutate.

--- @class tools.Token
--- @field kind "name"|"number"|"string"|"op"
--- @field text string
--- @field from integer position of its first byte
--- @field to integer
--- @field line integer

local function end_of_quoted(text, at)
  local stop, quote = at, text:sub(at, at)
  repeat
    stop = text:find("[\\" .. quote .. "]", stop + 1)
    local escaped = text:sub(stop, stop) == "\\"
    if escaped then
      stop = stop + 1
    end
  until not escaped
  return stop
end

local function first_match(text, at, patterns)
  for _, pattern in ipairs(patterns) do
    local _, stop = text:find("^" .. pattern, at)
    if stop then
      return stop
    end
  end
end

--- @param text string
--- @param language { blank: string[], strings: string[], ops: string[] } patterns: what is passed
---   over, strings without quotes, operators of several characters
--- @return tools.Token[]
return function(text, language)
  local list, at, line = {}, 1, 1
  local kinds = {
    { "string", language.strings },
    { "name", { "[%a_][%w_]*" } },
    { "number", { "%d[%w.]*" } },
    { "op", language.ops },
    { "op", { "." } },
  }
  while at <= #text do
    local stop, kind = first_match(text, at, language.blank), nil
    if not stop and text:find("^[\"']", at) then
      stop, kind = end_of_quoted(text, at), "string"
    end
    for _, rule in ipairs(stop and {} or kinds) do
      stop, kind = first_match(text, at, rule[2]), rule[1]
      if stop then
        break
      end
    end
    local piece = text:sub(at, stop)
    if kind then
      list[#list + 1] = { kind = kind, text = piece, from = at, to = stop, line = line }
    end
    line = line + select(2, piece:gsub("\n", ""))
    at = stop + 1
  end
  return list
end
