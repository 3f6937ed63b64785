-- Writes lua/posthog/llm/util/unicode_data.lua: what util/name_key.lua has to know of
-- Unicode, from the files of the Unicode Character Database (Debian: unicode-data).
--
--   lua5.4 tools/unicode_names.lua [/usr/share/unicode] >lua/posthog/llm/util/unicode_data.lua

local dir = arg[1] or "/usr/share/unicode"
local LONGEST_LINE = 98

--- Calls `each` with the fields of every line; returns the first line.
local function read(name, each)
  local first
  for line in assert(io.open(dir .. "/" .. name)):lines() do
    first = first or line
    local fields = {}
    for field in line:gsub("%s*#.*$", ""):gmatch("%s*([^;]*);?") do
      fields[#fields + 1] = field:match("^(.-)%s*$")
    end
    if fields[1] and fields[1] ~= "" then
      each(fields)
    end
  end
  return first
end

local function numbers(text)
  local list = {}
  for digits in text:gmatch("%x+") do
    list[#list + 1] = tonumber(digits, 16)
  end
  return list
end

local pairs_of, classes, folds, ignored = {}, {}, {}, {}

read("UnicodeData.txt", function(fields)
  local code = tonumber(fields[1], 16)
  if fields[4] ~= "0" then
    classes[code] = tonumber(fields[4])
  end
  if fields[6] ~= "" and not fields[6]:find("<", 1, true) then
    pairs_of[code] = numbers(fields[6])
  end
end)
local version = read("CaseFolding.txt", function(fields)
  if fields[2] == "C" or fields[2] == "F" then
    folds[tonumber(fields[1], 16)] = numbers(fields[3])
  end
end):match("%-(%d+%.%d+%.%d+)")
read("DerivedCoreProperties.txt", function(fields)
  if fields[2] == "Default_Ignorable_Code_Point" then
    local first, last = fields[1]:match("^(%x+)%.*(%x*)$")
    first = tonumber(first, 16)
    ignored[#ignored + 1] = { first, tonumber(last, 16) or first }
  end
end)

--- A canonical decomposition down to the last.
local function whole(code)
  if not pairs_of[code] then
    return { code }
  end
  local list = {}
  for _, part in ipairs(pairs_of[code]) do
    for _, last in ipairs(whole(part)) do
      list[#list + 1] = last
    end
  end
  return list
end

local function sorted(map)
  local list = {}
  for code in pairs(map) do
    list[#list + 1] = code
  end
  table.sort(list)
  return list
end

local function hex(list)
  local texts = {}
  for i, code in ipairs(list) do
    texts[i] = ("%x"):format(code)
  end
  return table.concat(texts, ".")
end

--- "c0:41.300 41.301": what becomes of C0, and of what follows it.
local function runs(map)
  local words, before = {}, nil
  for _, code in ipairs(sorted(map)) do
    local start = code - 1 ~= before and ("%x:"):format(code) or ""
    words[#words + 1] = start .. hex(map[code])
    before = code
  end
  return words
end

--- "300-314:e6": a value for all in between.
local function ranges(map)
  local words, first, before = {}, nil, nil
  local function close()
    if first then
      words[#words + 1] = ("%x-%x:%x"):format(first, before, map[first])
    end
  end
  for _, code in ipairs(sorted(map)) do
    if not first or code - 1 ~= before or map[code] ~= map[first] then
      close()
      first = code
    end
    before = code
  end
  close()
  return words
end

--- "41-5a/1+32": each of them, or each second one, is so much more (decimal) in its other case.
local function shifts(map)
  local words, others, list = {}, {}, {}
  for _, code in ipairs(sorted(map)) do
    if #map[code] > 1 then
      others[code] = map[code]
    else
      list[#list + 1] = code
    end
  end
  local i = 1
  while i <= #list do
    local first = list[i]
    local by = map[first][1] - first
    local step = list[i + 1] and list[i + 1] - first or 1
    step = step == 2 and 2 or 1
    local last = i
    while list[last + 1] == list[last] + step and map[list[last + 1]][1] - list[last + 1] == by do
      last = last + 1
    end
    words[#words + 1] = ("%x-%x/%d%+d"):format(first, list[last], step, by)
    i = last + 1
  end
  return words, runs(others)
end

local function print_table(name, about, words)
  print(("\n--- %s\nunicode_data.%s = [["):format(about, name))
  local line = ""
  for _, word in ipairs(words) do
    if #line + #word + 1 > LONGEST_LINE then
      print(line)
      line = ""
    end
    line = line == "" and word or line .. " " .. word
  end
  print(line .. "\n]]")
end

local decomposed = {}
for code in pairs(pairs_of) do
  decomposed[code] = whole(code)
end
local ignored_words = {}
table.sort(ignored, function(a, b)
  return a[1] < b[1]
end)
for i, range in ipairs(ignored) do
  ignored_words[i] = ("%x-%x:0"):format(range[1], range[2])
end
local shift_words, others = shifts(folds)

print(
  "--- Tables of Unicode " .. version .. ", written by tools/unicode_names.lua: not to be edited."
)
print("--- From UnicodeData.txt, CaseFolding.txt and DerivedCoreProperties.txt of the Unicode")
print("--- Character Database (https://www.unicode.org/ucd/); util/name_key.lua reads them.")
print("\nlocal unicode_data = {}")
print_table("DECOMPOSED", "Canonical decompositions, but for those of Hangul.", runs(decomposed))
print_table("CLASSES", "Canonical combining classes other than 0.", ranges(classes))
print_table("SHIFTS", "Case folding, C and F, of one code point to one.", shift_words)
print_table("FOLDED", "Full case folding, F, of one code point to several.", others)
print_table("IGNORED", "Default_Ignorable_Code_Point.", ignored_words)
print("\nreturn unicode_data")
