-- doc/security.md names a test for each threat, and each of these tests exists.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local PAGE = "doc/security.md"

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

--- The cells of the rows of a page's tables, headers and rules left out.
local function rows(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    local threat, response, shown = line:match("^| (.-) | (.-) | (.-) |$")
    if threat and not line:find("^|[%-|]+$") and shown ~= "shown by" then
      list[#list + 1] = { threat = threat, response = response, shown = shown }
    end
  end
  return list
end

--- The specs that a text cites, each with the title of a test if it has one.
local function cited(text)
  local list = {}
  for path, rest in text:gmatch("`(spec/[%w_/]+%.lua)`([^`]*)") do
    list[#list + 1] = { path = path, title = rest:match('^ "([^"]+)"') }
  end
  return list
end

--- Whether a spec has a test with a title that begins so: as a literal of its source.
local function has_title(source, title)
  for _, quote in ipairs({ '"', "'" }) do
    if source:find(quote .. title, 1, true) then
      return true
    end
  end
  return false
end

--- @return string[] findings
local function findings(text)
  local list = {}
  for _, row in ipairs(rows(text)) do
    if #cited(row.shown) == 0 then
      list[#list + 1] = row.threat .. ": no test is named"
    end
  end
  for _, test in ipairs(cited(text)) do
    local source = read(test.path)
    if not source then
      list[#list + 1] = test.path .. " does not exist"
    elseif test.title and not has_title(source, test.title) then
      list[#list + 1] = ("%s has no test %q"):format(test.path, test.title)
    end
  end
  return list
end

describe(PAGE, function()
  local text = read(PAGE)

  it("names a test for each threat, and only tests that exist", function()
    assert.equal("", table.concat(findings(text), "\n"))
    assert.is_true(#rows(text) > 40 and #cited(text) > 60)
  end)

  it("says of each attacker what is not prevented", function()
    local sections = 0
    for section in (text:gsub("\n## ", "\n\1") .. "\1"):gmatch("\1([^\1]+)") do
      if section:find("\n| ") then
        sections = sections + 1
        assert.truthy(section:find("\nNot prevented: ", 1, true), section:match("^[^\n]*"))
      end
    end
    assert.is_true(sections >= 8)
  end)

  it("would not pass with a test that is gone, or a threat without one", function()
    local page = "| x | y | `spec/url_spec.lua` %s |\n"
    assert.same({}, findings(page:format('"refuses what is not text"')))
    assert.equal(1, #findings(page:format('"refuses what was renamed"')))
    assert.equal(1, #findings("| x | y | `spec/gone_spec.lua` |\n"))
    assert.equal(1, #findings("| x | y | see above |\n"))
  end)
end)
