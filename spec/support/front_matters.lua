--- Makes up front matters: of well-formed pieces, and of any tokens in any order.

local front_matters = {}

--- Another one each time, or that of SPEC_SEED. A failure tells it.
--- @return integer
function front_matters.seed()
  return tonumber(os.getenv("SPEC_SEED")) or os.time()
end

--- A generator of numbers that is the same on every Lua.
--- @return fun(n: integer): integer from 1 to n
function front_matters.random(seed)
  local state = seed % 2147483647
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n + 1
  end
end

local WORDS = {
  "a",
  "name",
  "two words",
  "1.10",
  "1.0",
  "12",
  "-0",
  "0.5",
  "1e3",
  "yes",
  "y",
  "No",
  "true",
  "null",
  "~",
  "a:b",
  "a#b",
  "-x",
  "?x",
  ":x",
  "http://x.y/z?a=b&c#d",
  "Bash(git add:*)",
  "it's",
  'say "hi"',
  "a, b",
  "x]y",
  "été",
  "日本",
  "\240\159\152\128",
  "a\tb",
  "2024-01-01",
  "0x1f",
  "012",
  "<<",
  "=",
  "*.md",
  "a: b",
  "a #b",
  "@x",
  "`x`",
  "%x",
  "- a",
  "[x",
  "{x}",
  "|",
  ">",
  "!x",
  "&x",
  "...",
}
local QUOTED = {
  "''",
  '""',
  "'a'",
  '"a"',
  "'it''s'",
  '"\\"\\\\\\/\\t\\n\\x41\\u00e9\\U0001F600\\e\\N\\_\\L\\P\\ "',
  "'a: b # c'",
  '"a: b # c"',
  "'a\n  b'",
  '"a\n  b\n\n  c"',
  '"a\\\n   b"',
  '"a \\\n\n  \\ b  \n  c\\ \n  d"',
  "'  a  \n\n\n  b  '",
  '"\\q"',
  '"\\ud800"',
  "'open",
}
local KEYS = {
  "name",
  "a",
  "b",
  "c",
  "d e",
  "'q'",
  '"r"',
  "metadata",
  "allowed-tools",
  "1",
  "null",
  "<<",
  "é",
  "a.b/c",
  "x-y",
}
local COMMENTS = { "", "", "", "", " # c", "  #", "\t# tab", " #d: e" }
local HEADERS = { "|", ">", "|-", ">-", "|+", ">+", "|2", ">1-", "|+1", ">-2" }

local function pick(random, list)
  return list[random(#list)]
end

local value

local function flow(random, depth)
  local kind = random(8)
  if depth > 3 or kind <= 3 then
    return pick(random, random(3) == 1 and QUOTED or WORDS)
  end
  local parts, is_map = {}, kind > 5
  for i = 1, random(4) - 1 do
    local member = flow(random, depth + 1)
    if is_map or random(9) == 1 then
      member = pick(random, KEYS) .. pick(random, { ": ", ": ", ":", " : ", ":\n  " }) .. member
    end
    parts[i] = member
  end
  local between = pick(random, { ", ", ", ", ",", " , ", ",\n  ", ", # c\n  " })
  local text = table.concat(parts, between)
    .. pick(random, { "", "", "", ",", " ", "\n ", " # c\n" })
  return is_map and "{" .. text .. "}" or "[" .. text .. "]"
end

local function block_scalar(random, indent)
  local lines = { pick(random, HEADERS) .. pick(random, COMMENTS) }
  local own = (" "):rep(math.max(0, indent + random(3) - 1))
  for i = 1, random(5) - 1 do
    local line = pick(random, { "", " ", "  " }) .. pick(random, WORDS)
    lines[i + 1] = random(4) == 1 and (" "):rep(random(6) - 1) or own .. line
  end
  return table.concat(lines, "\n")
end

local function plain(random, indent)
  local lines = {}
  for i = 1, random(3) == 1 and random(4) or 1 do
    lines[i] = i == 1 and pick(random, WORDS)
      or random(5) == 1 and ""
      or (" "):rep(math.max(0, indent + random(4) - 2)) .. pick(random, WORDS)
  end
  return table.concat(lines, "\n")
end

local function block(random, indent, depth, is_list)
  local lines, margin = {}, (" "):rep(indent)
  for _ = 1, random(4) do
    if random(8) == 1 then
      lines[#lines + 1] = pick(random, { "", "# c", margin .. "# c", margin .. "  # c", "  " })
    end
    local head = is_list and "-" or pick(random, KEYS) .. pick(random, { ":", ":", ":", " :" })
    lines[#lines + 1] = margin .. head .. value(random, indent, depth + 1, is_list)
  end
  return table.concat(lines, "\n")
end

--- What stands behind a name or a dash.
function value(random, indent, depth, in_list)
  local kind = random(12)
  if kind == 1 then
    return pick(random, COMMENTS)
  elseif kind <= 3 then
    return " " .. block_scalar(random, indent + 1)
  elseif kind <= 5 then
    return " " .. flow(random, 0) .. pick(random, COMMENTS)
  elseif kind <= 7 then
    return pick(random, { " ", " ", "  ", "\t" }) .. pick(random, QUOTED) .. pick(random, COMMENTS)
  elseif kind <= 9 or depth > 3 then
    return pick(random, { " ", " ", " ", "  ", "\n  " .. (" "):rep(indent) })
      .. plain(random, indent + 1)
      .. pick(random, COMMENTS)
  elseif in_list and random(2) == 1 then
    local inner = block(random, indent + 2, depth, random(3) == 1)
    return " " .. inner:gsub("^ +", "")
  end
  local is_list = random(2) == 1
  local deeper = random(3) + (is_list and not in_list and -1 or 0)
  return pick(random, COMMENTS) .. "\n" .. block(random, indent + deeper, depth, is_list)
end

--- One that has the form of front matter; not all are valid.
--- @param random fun(n: integer): integer
--- @return string
function front_matters.make(random)
  local kind = random(20)
  local body = kind == 1 and flow(random, 0) or block(random, kind == 2 and 2 or 0, 0, kind == 3)
  local before = pick(random, { "", "", "", "# top\n", "\n", " # c\n\n" })
  return before .. body .. "\n" .. pick(random, { "", "", "", "# end\n", "...\nafter: x\n", "\n" })
end

local FIELD_VALUES = {
  name = { "pdf-forms", "'a'", '"b"', "" },
  description = {
    "Does things.",
    '"Does: things"',
    "'Does # things'",
    "one\n  two\n\n  three",
    '"one\n  two"',
    "|\n  one\n  two",
    ">-\n  one\n  two",
    "| # c\n  # text",
    "|+\n  one\n\n",
    "\n  below",
  },
  license = { "MIT", "", "~", "'MIT'" },
  ["allowed-tools"] = {
    "Read, Write",
    "Read Write Edit",
    "Bash(git add:*), Read",
    "[Read, Write]",
    "[ Read,\n  Write # w\n]",
    "[]",
    "\n- Read # r\n# between\n- Write",
    "\n  - Read\n  - Write # w\n    # deep\n  - Edit",
    ">\n  Read\n  Write",
  },
  metadata = {
    "{}",
    "",
    "{ author: me, n: 1 } ",
    "{a: 1, # c\n  b: [1, 2, # d\n 3],\n  c: {d: e},}",
    "{a, b: , c: x}",
    "\n  author: me # who\n  # between\n  version: 1.0\n  # last",
    "\n  a: |\n    one\n    two\n  b:\n    c: d # deep\n    e: f\n      # deeper\n  g: [x, y]",
    " # m\n    list:\n    - a # one\n    # two\n    - b\n    - c: d\n      e: f\n    n: 1",
    "\n  a: 'q' # c\n\n  b: \"r\"\n  new: \n    - |\n      text\n    - x",
  },
  model = { "opus", "[a, b]", "\n  x: y # c" },
  hooks = { "\n  - a: b\n    c: d # c", "{}" },
}
local FIELD_NAMES = {
  "name",
  "description",
  "license",
  "allowed-tools",
  "metadata",
  "model",
  "hooks",
}

--- One of a skill, with comments in all places.
--- @param random fun(n: integer): integer
--- @return string
function front_matters.skill(random)
  if random(8) == 1 then
    return pick(random, {
      "{name: a, description: d, metadata: {a: 1, b: [x, y]}, model: x} # c\n",
      "{ name: a, # one\n  model: x,\n  description: 'd', # two\n  license: MIT, # three\n}\n",
      "# nothing\n",
      "{}\n...\nrest # here\n",
      "  name: a\n  metadata:\n    a: b\n  # c\n",
    })
  end
  local parts = {}
  for _, name in ipairs(FIELD_NAMES) do
    if random(4) > 1 then
      local written = pick(random, FIELD_VALUES[name])
      local gap = written:find("^\n") and "" or " "
      local comment = not written:find("[|>]") and pick(random, COMMENTS) or ""
      local below = random(5) == 1
          and pick(random, { "# below\n", "\n", "   # deep below\n", "\n   # deep below\n" })
        or ""
      table.insert(
        parts,
        random(#parts + 1),
        name .. ":" .. gap .. written .. comment .. "\n" .. below
      )
    end
  end
  return pick(random, { "", "# top\n", "\n" })
    .. table.concat(parts)
    .. pick(random, { "", "", "# end\n", "...\nrest\n" })
end

local TOKENS = {
  "a",
  "b",
  "name",
  ": ",
  ":",
  "- ",
  "-",
  "\n",
  "\n",
  "\n ",
  "\n  ",
  " ",
  "  ",
  "\t",
  "#",
  " # c",
  "'",
  '"',
  "[",
  "]",
  "{",
  "}",
  ",",
  ", ",
  "|",
  "|-",
  ">",
  ">+",
  "2",
  "1.0",
  "!",
  "!!str ",
  "!!int ",
  "&x ",
  "*x",
  "? ",
  "?",
  "\\",
  "...",
  "\n...\n",
  "---",
  "\n--- ",
  "%",
  "@",
  "`",
  "é",
  "\\n",
  "''",
  "~",
  "true",
}

--- Tokens of YAML in any order.
--- @param random fun(n: integer): integer
--- @return string
function front_matters.jumble(random)
  local parts = {}
  for i = 1, random(16) do
    parts[i] = pick(random, TOKENS)
  end
  return table.concat(parts) .. pick(random, { "", "\n" })
end

--- A text with some of its bytes changed.
--- @param random fun(n: integer): integer
--- @param source string
--- @return string
function front_matters.mutate(random, source)
  for _ = 1, random(3) do
    local at = random(#source + 1)
    local cut = random(3) - 1
    if source:find("^[\128-\255]", at) or source:find("^[\128-\255]", at + cut) then
      cut, at = 0, #source + 1 -- no character is cut in two
    end
    source = source:sub(1, at - 1) .. pick(random, TOKENS) .. source:sub(at + cut)
  end
  return source
end

return front_matters
