--- doc/emulator.md has each setting, with the value that it begins with.

local expect = require("spec.emulator.expect")

local t = expect.session()

--- The rows of the table of settings: names, values and the text.
local function table_rows()
  local file = assert(io.open("doc/emulator.md", "rb"))
  local page = file:read("*a")
  file:close()
  local rows, section = {}, assert(page:match("\n### Settings\n(.-)\n###? "))
  for names, values, text in section:gmatch("\n| (`[^|]*) | ([^|]*) | ([^\n]*) |") do
    rows[#rows + 1] = { names = names, values = values, text = text }
  end
  return rows
end

--- The value as the table spells it.
local function spelt(value)
  if type(value) == "string" then
    return value == "" and '`""`' or "`" .. value .. "`"
  end
  return type(value) == "number" and ("%.14g"):format(value) or tostring(value)
end

--- Where two profiles begin otherwise, the last sentence of the text tells the second one.
local function check(rows, reference, current)
  local told = {}
  for _, row in ipairs(rows) do
    local names, values = {}, {}
    for name in row.names:gmatch("`([%l_]+)`") do
      names[#names + 1] = name
    end
    for value in row.values:gsub("0%.000001", "1e-06"):gmatch("[^,]+") do
      values[#values + 1] = value:match("^%s*(.-)%s*$")
    end
    for i, name in ipairs(names) do
      told[name] = true
      local value = values[i] or values[1]
      if name ~= "profile" then
        assert.equal(spelt(reference[name]), value, name)
        if spelt(current[name]) ~= value then
          expect.contains("`current`: " .. spelt(current[name]), row.text)
        end
      end
    end
  end
  return told
end

describe("the page about the emulator", function()
  setup(t.start)
  teardown(t.stop)

  it("has every setting, with the value that it begins with on either version", function()
    local reference = t.e:settings()
    t.e:settings({ profile = "current" })
    local told = check(table_rows(), reference, t.e:settings())
    assert.equal(expect.keys(reference), expect.keys(told))
  end)
end)
