--- Checks of what a spend report is written as.

local assert = require("luassert")

local display = require("posthog.llm.util.display")

local spend_text = {}

function spend_text.contains(text, part)
  if not text:find(part, 1, true) then
    error(("%q is not in\n%s"):format(part, text), 2)
  end
end

function spend_text.lacks(text, part)
  if text:find(part, 1, true) then
    error(("%q is in\n%s"):format(part, text), 2)
  end
end

function spend_text.lines_of(text)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

--- Asserts that a terminal shows this as lines of at most so many columns.
function spend_text.fits(text, columns)
  for _, line in ipairs(spend_text.lines_of(text)) do
    assert.is_true(display.width(line) <= columns, line)
    assert.equal(display.clean(line), line)
  end
end

--- Rows of fields, as RFC 4180 has them.
function spend_text.read_csv(text)
  local rows, row, at = {}, {}, 1
  while at <= #text do
    local field
    if text:sub(at, at) == '"' then
      local pieces = {}
      repeat
        local piece, after = text:match('^"([^"]*)"()', at)
        assert(piece, "an open quote")
        pieces[#pieces + 1], at = piece, after
      until text:sub(at, at) ~= '"'
      field = table.concat(pieces, '"')
    else
      field, at = text:match('^([^",\r\n]*)()', at)
    end
    row[#row + 1] = field
    if text:sub(at, at) == "," then
      at = at + 1
    else
      assert.equal("\r\n", text:sub(at, at + 1))
      rows[#rows + 1], row, at = row, {}, at + 2
    end
  end
  return rows
end

--- The row of a section with this name, by the titles of the head.
function spend_text.find_row(text, section, name)
  local rows = spend_text.read_csv(text)
  for i = 2, #rows do
    local row = {}
    for at, title in ipairs(rows[1]) do
      row[title] = rows[i][at]
    end
    if row.section == section and row.name == name then
      return row
    end
  end
  error(("no row %s %s"):format(section, name), 2)
end

--- Asserts that every element is closed where it has to be, and that there is
--- nothing that loads, runs or was smuggled in.
function spend_text.is_page(page)
  local body = page:gsub("^<!DOCTYPE html>\n", ""):gsub("<style>.-</style>", "")
  local open = {}
  local rest = body:gsub("<(/?)([%w]+)([^<>]-)(/?)>", function(closes, name, attributes, empty)
    local left = attributes:gsub('%s+[%w:-]+="[^"<>]*"', "")
    assert.equal("", left, "attributes of " .. name)
    assert.is_nil(attributes:lower():find("%son%w+="), attributes)
    if closes == "/" then
      assert.equal(table.remove(open), name)
    elseif empty ~= "/" then
      open[#open + 1] = name
    end
    return ""
  end)
  assert.same({}, open)
  assert.is_nil(rest:find("[<>]"))
  assert.is_nil(rest:gsub("&%w+;", ""):gsub("&#%d+;", ""):find("&"))
  for _, word in ipairs({
    "<script",
    "<link",
    "<img",
    "<iframe",
    "@import",
    "http:",
    "https:",
    " src=",
    " href=",
  }) do
    spend_text.lacks(page:lower(), word)
  end
  assert.is_nil(page:find("url%([^#]"))
  local ids = {}
  for id in page:gmatch(' id="([^"]*)"') do
    assert.is_nil(ids[id], "twice: " .. id)
    ids[id] = true
  end
  for list in page:gmatch(' aria%-labelledby="([^"]*)"') do
    for id in list:gmatch("%S+") do
      assert.is_true(ids[id], id)
    end
  end
end

local function run(command)
  local result = os.execute(command)
  return result == true or result == 0
end

spend_text.HAS_XMLLINT = run("xmllint --version >/dev/null 2>&1")

function spend_text.is_xml(page)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(page)
  file:close()
  local fine = run("xmllint --noout " .. path)
  os.remove(path)
  assert.is_true(fine)
end

return spend_text
