--- `allowed-tools`: the names of tools, in one text or in a list.

local text = require("posthog.llm.skill_folder.text")

local tools = {}

--- Names divided by blanks or commas, outside of brackets: `Bash(git add:*) Read, Write`.
--- @param raw string
--- @return string[]
function tools.split(raw)
  local list, depth, first, at = {}, 0, 1, 1
  local function add(word)
    list[#list + 1] = word ~= "" and word or nil
  end
  while true do
    local found, _, char = raw:find("([%s,()])", at)
    if not found then
      break
    elseif char == "(" then
      depth = depth + 1
    elseif char == ")" then
      depth = math.max(0, depth - 1)
    elseif depth == 0 then
      add(raw:sub(first, found - 1))
      first = found + 1
    end
    at = found + 1
  end
  local last = raw:sub(first)
  add(depth > 0 and text.trim(last) or last)
  return list
end

--- The names in one text where it reads back as the same, else the list.
--- @param list string[]
--- @param present? string the text that was there, whose commas are kept
--- @return string|string[]
function tools.join(list, present)
  local joined = table.concat(list, present and present:find(",", 1, true) and ", " or " ")
  local again = tools.split(joined)
  for i = 1, math.max(#again, #list) do
    if again[i] ~= list[i] then
      return list
    end
  end
  return joined
end

--- The line in which a tool is named.
--- @param document posthog.llm.YamlDocument
--- @param tool string
--- @return integer? line from 1, of the front matter; nil: it is not named
function tools.line(document, tool)
  for _, entry in ipairs(document.root.entries) do
    local node = entry.key == "allowed-tools" and entry.node
    for _, item in ipairs(node and node.items or {}) do
      if text.trim(item.node.raw or "") == tool then
        return text.line_of(document.source, item.first)
      end
    end
    if node then
      return text.line_of(
        document.source,
        document.source:find(tool, node.first, true) or entry.first
      )
    end
  end
end

return tools
