--- Whether two names are the same on file systems that ignore case, or Unicode normalization ("é"
--- as one code point or two): those of macOS and Windows, and ext4 with casefold.
---
--- A name's key is its canonical caseless form (the Unicode Standard, 3.13, D145), without code
--- points that are ignored by default. Full case folding is used, so that "ß", "ẞ" and "ss" have
--- one key: some file systems fold less, none folds more.

local lazy = require("posthog.llm.util.lazy")
local data = lazy("posthog.llm.util.unicode_data")

local name_key = {}

--- @alias posthog.llm.NameFolding
--- | "case" "A" is "a"
--- | "form" an accent may stand by itself (NFC, NFD)
--- | "both"

--- Hangul syllables are composed by arithmetic (the Unicode Standard, 3.12).
local SYLLABLES, LEADS, VOWELS, TAILS = 0xAC00, 0x1100, 0x1161, 0x11A7
local VOWEL_COUNT, TAIL_COUNT, SYLLABLE_COUNT = 21, 28, 11172

local tables -- loaded when a name needs them: few do

local function hex(digits)
  return tonumber(digits, 16)
end

--- Reads "c0:41.300 41.301" into lists by code point.
local function read_runs(text, map)
  local code
  for start, values in text:gmatch("(%x*:?)([%x.]+)") do
    local first = start:match("^(%x+):$")
    if not first then -- the digits before a "." are the value itself
      values = start .. values
    end
    code = first and hex(first) or code + 1
    local list = {}
    for digits in values:gmatch("%x+") do
      list[#list + 1] = hex(digits)
    end
    map[code] = list
  end
  return map
end

--- Reads "300-314:e6" into numbers by code point.
local function read_ranges(text, map)
  for first, last, value in text:gmatch("(%x+)%-(%x+):(%x+)") do
    for code = hex(first), hex(last) do
      map[code] = hex(value)
    end
  end
  return map
end

--- Reads "41-5a/1+32" into lists of one by code point.
local function read_shifts(text, map)
  for first, last, step, by in text:gmatch("(%x+)%-(%x+)/(%d)([+-]%d+)") do
    local shift = tonumber((by:gsub("^%+", "")))
    for code = hex(first), hex(last), tonumber(step) do
      map[code] = { code + shift }
    end
  end
  return map
end

local function read()
  tables = tables
    or {
      decomposed = read_runs(data.DECOMPOSED, {}),
      classes = read_ranges(data.CLASSES, {}),
      folded = read_shifts(data.SHIFTS, read_runs(data.FOLDED, {})),
      ignored = read_ranges(data.IGNORED, {}),
    }
  return tables
end

--- The code points of UTF-8. An invalid byte becomes a negative number of its own.
local function codes_of(name)
  local codes, at = {}, 1
  while at <= #name do
    local first = name:byte(at)
    local more = first >= 240 and 3 or first >= 224 and 2 or first >= 192 and 1 or 0
    local code = more == 0 and first or first % 2 ^ (6 - more)
    local following = name:match("^[\128-\191]*", at + 1)
    if (more == 0 and first >= 128) or #following < more then
      codes[#codes + 1], at = -first, at + 1
    else
      for i = 1, more do
        code = code * 64 + following:byte(i) - 128
      end
      codes[#codes + 1], at = code, at + 1 + more
    end
  end
  return codes
end

local function hangul(code, into)
  local index = code - SYLLABLES
  local tail = index % TAIL_COUNT
  local pair = (index - tail) / TAIL_COUNT
  into[#into + 1] = LEADS + math.floor(pair / VOWEL_COUNT)
  into[#into + 1] = VOWELS + pair % VOWEL_COUNT
  into[#into + 1] = tail > 0 and TAILS + tail or nil
end

--- Puts combining marks into canonical order.
local function sort_accents(codes, classes)
  for i = 2, #codes do
    local code, class, at = codes[i], classes[codes[i]], i
    while class and at > 1 and (classes[codes[at - 1]] or 0) > class do
      codes[at], at = codes[at - 1], at - 1
    end
    codes[at] = code
  end
  return codes
end

--- @param codes integer[]
--- @return integer[] in NFD
local function decompose(codes)
  local all = {}
  for _, code in ipairs(codes) do
    local parts = tables.decomposed[code]
    if parts then
      for _, part in ipairs(parts) do
        all[#all + 1] = part
      end
    elseif code >= SYLLABLES and code < SYLLABLES + SYLLABLE_COUNT then
      hangul(code, all)
    else
      all[#all + 1] = code
    end
  end
  return sort_accents(all, tables.classes)
end

local function fold(codes)
  local all = {}
  for _, code in ipairs(codes) do
    local others = tables.folded[code] or { code }
    for _, other in ipairs(others) do
      all[#all + 1] = not tables.ignored[other] and other or nil
    end
  end
  return all
end

--- A text that is equal for two names which a file system takes for the same.
--- @param name string UTF-8
--- @param folding? posthog.llm.NameFolding what the file system ignores; default: both
--- @return string key only for comparison
function name_key.of(name, folding)
  if not name:find("[\128-\255]") then
    return folding == "form" and name or name:lower()
  end
  read()
  local codes = codes_of(name)
  if folding ~= "case" then
    codes = decompose(codes)
  end
  if folding ~= "form" then
    codes = fold(codes)
  end
  if folding == nil or folding == "both" then
    codes = decompose(codes)
  end
  local texts = {}
  for i, code in ipairs(codes) do
    local is_ascii = code >= 0 and code < 128
    texts[i] = is_ascii and string.char(code) or ("<%d>"):format(code)
  end
  return table.concat(texts)
end

return name_key
