-- Checks the names of all tests, as the runner prints them: that each is unique,
-- so that it can be searched for, that it may be a sentence, and that it is in
-- the terms of the field.
--
--   lua5.4 tools/check_test_names.lua spec-file ...
--
-- It runs what a spec does outside of its tests, as the Lua that LUA names, and
-- so needs the core and the paths of tools/test.

local unpack = table.unpack or unpack -- luacheck: ignore
local LEAST_WORDS = 4

-- Whole words, as Lua patterns of lower case, and what they are to be replaced with.
local TERMS = {
  ["answer%a*"] = "response of a server, result of a call",
  ["dear%a*"] = "expensive",
  ["doorbells?"] = "wake-up socket",
  ["foresee%a*"] = "forecast",
  ["generations?"] = "API v1, API v2",
  ["kept connections?"] = "idle connection",
  ["lanes?"] = "origin queue",
  ["mask%a*"] = "redact",
  ["problems?"] = "error, finding",
  ["settle%a*"] = "resolve an ambiguous write",
  ["stand%-ins?"] = "emulator",
  ["that are none"] = "invalid",
  ["that is no"] = "that is not a",
  ["that is none"] = "invalid",
  ["vocabular%a+"] = "field names",
}

local path -- of the spec that is read
local blocks = {} -- the names of the describe around
local first = {} -- by name, the spec that has it
local failed = false

local function report(name, what)
  print(("%s: %q: %s"):format(path, name, what))
  failed = true
end

local function check(name)
  local _, words = name:gsub("%S+", "")
  if words < LEAST_WORDS then
    report(name, ("a sentence has at least %d words"):format(LEAST_WORDS))
  end
  for term, instead in pairs(TERMS) do
    local found = name:lower():match("%f[%w_]" .. term .. "%f[^%w_]")
    if found then
      report(name, ("%q: say %s"):format(found, instead))
    end
  end
  if first[name] then
    report(name, "is also the name of a test in " .. first[name])
  end
  first[name] = path
end

-- What busted gives to specs, as far as they use it outside of tests.

local function nothing() end
for _, hook in ipairs({ "setup", "teardown", "before_each", "after_each", "pending" }) do
  _G[hook] = nothing
end
_G.assert = require("luassert")

function _G.describe(name, body)
  blocks[#blocks + 1] = name
  body()
  blocks[#blocks] = nil
end

function _G.it(name)
  local words = { unpack(blocks) }
  words[#words + 1] = name
  check(table.concat(words, " "))
end

for _, spec in ipairs(arg) do
  path = spec
  for module in pairs(package.loaded) do
    if module:find("^spec%.") then
      package.loaded[module] = nil -- as each spec has a process of its own
    end
  end
  assert(loadfile(spec))()
end
os.exit(failed and 1 or 0)
