--- Differences of texts in the unified format, in the form of git, which `patch -p1` and `git apply`
--- read.

local line_diff = require("posthog.llm.util.line_diff")

local unified_diff = {}

local CONTEXT = 3 -- equal lines around a change

local NO_NEWLINE = "\\ No newline at end of file\n"

--- A number of lines that begin at a line, as the header of a hunk says it; of no lines, the line
--- after which they would be.
local function range(first, count)
  if count == 1 then
    return tostring(first)
  end
  return ("%d,%d"):format(count == 0 and first - 1 or first, count)
end

--- Groups changes so near to each other that they share their context.
--- @param hunks posthog.llm.LineHunk[]
--- @return posthog.llm.LineHunk[][]
local function groups(hunks)
  local list, finish = {}, nil
  for _, hunk in ipairs(hunks) do
    if finish and hunk.a - finish <= 2 * CONTEXT then
      table.insert(list[#list], hunk)
    else
      list[#list + 1] = { hunk }
    end
    finish = hunk.a + hunk.a_count
  end
  return list
end

local function add_lines(parts, sign, lines, first, stop)
  for i = first, stop do
    parts[#parts + 1] = sign .. lines[i]
    if lines[i]:sub(-1) ~= "\n" then
      parts[#parts + 1] = "\n" .. NO_NEWLINE
    end
  end
end

local function add_group(parts, group, old, new)
  local first, last = group[1], group[#group]
  local before = math.min(CONTEXT, first.a - 1)
  local a, b = first.a - before, first.b - before
  local after = math.min(CONTEXT, #old - (last.a + last.a_count - 1))
  local a_stop = last.a + last.a_count - 1 + after
  local b_stop = last.b + last.b_count - 1 + after
  parts[#parts + 1] = ("@@ -%s +%s @@\n"):format(range(a, a_stop - a + 1), range(b, b_stop - b + 1))
  for _, hunk in ipairs(group) do
    add_lines(parts, " ", old, a, hunk.a - 1)
    add_lines(parts, "-", old, hunk.a, hunk.a + hunk.a_count - 1)
    add_lines(parts, "+", new, hunk.b, hunk.b + hunk.b_count - 1)
    a = hunk.a + hunk.a_count
  end
  add_lines(parts, " ", old, a, a_stop)
end

local ESCAPES = { ["\n"] = "\\n", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }

--- A path as git writes it: in quotes, if there is a character in it that could be misread.
local function quoted(path)
  if not path:find('[%c"\\\127-\255]') then
    return path
  end
  return '"'
    .. path:gsub('[%c"\\\127-\255]', function(char)
      return ESCAPES[char] or ("\\%03o"):format(char:byte())
    end)
    .. '"'
end

--- @class posthog.llm.FileTexts one file before and after
--- @field path string
--- @field old? string nil: there was no such file
--- @field new? string nil: there is none any more
--- @field old_label? string what the old text is of, behind its path
--- @field new_label? string
--- @field is_binary? boolean
--- @field is_executable? boolean of a new file

--- Lines that only say that a file differs. They are not those of git, which needs the bytes.
local function binary(file)
  return ("Binary files %s and %s differ\n"):format(
    file.old and quoted("a/" .. file.path) or "/dev/null",
    file.new and quoted("b/" .. file.path) or "/dev/null"
  )
end

local function header(file)
  local lines =
    { ("diff --git %s %s\n"):format(quoted("a/" .. file.path), quoted("b/" .. file.path)) }
  if not file.old then
    lines[2] = ("new file mode %s\n"):format(file.is_executable and "100755" or "100644")
  elseif not file.new then
    lines[2] = "deleted file mode 100644\n"
  end
  return table.concat(lines)
end

--- @param sign string
--- @param side string "a" or "b"
local function name_line(sign, side, file, is_there, label)
  if not is_there then
    return sign .. " /dev/null\n"
  end
  return ("%s %s\t%s\n"):format(sign, quoted(side .. "/" .. file.path), label or "")
end

--- The difference of one file.
--- @param file posthog.llm.FileTexts
--- @return string diff "": there is none
--- @return integer added lines
--- @return integer removed lines
function unified_diff.file(file)
  if file.is_binary then
    return binary(file), 0, 0
  end
  local old, new = line_diff.split(file.old or ""), line_diff.split(file.new or "")
  local hunks = line_diff.hunks(old, new)
  if #hunks == 0 and (file.old ~= nil) == (file.new ~= nil) then
    return "", 0, 0
  end
  local parts, added, removed = { header(file) }, 0, 0
  if #hunks > 0 then
    parts[2] = name_line("---", "a", file, file.old, file.old_label)
    parts[3] = name_line("+++", "b", file, file.new, file.new_label)
  end
  for _, hunk in ipairs(hunks) do
    added, removed = added + hunk.b_count, removed + hunk.a_count
  end
  for _, group in ipairs(groups(hunks)) do
    add_group(parts, group, old, new)
  end
  return table.concat(parts), added, removed
end

return unified_diff
