-- Texts of strangers that a pattern would go through once for each of their bytes: a second is enough
-- for each, where it would have been minutes.
if os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local Table = require("posthog.llm.cli.table")
local decimal = require("posthog.llm.util.decimal")
local exported = require("posthog.llm.skill_folder.exported")
local folders = require("spec.support.folders")
local item_text = require("posthog.llm.cli.items.text")
local pipeline = require("spec.pipeline")
local sources = require("posthog.llm.dataset_file.sources")
local stored = require("posthog.llm.skill_folder.stored")

local MANY = 400000

--- How long it takes, and what comes of it.
local function timed(body)
  local began = os.clock()
  local result = body()
  local seconds = os.clock() - began
  assert.is_true(seconds < 2, ("%.1f s"):format(seconds))
  return result
end

describe("a text of a stranger takes no time for each pair of its bytes:", function()
  it("a record of CSV with carriage returns", function()
    local folder = folders.new()
    folders.write(folder, "a.csv", "a,b\n1," .. ("\r"):rep(MANY) .. "x\r\r\n")
    local record = timed(function()
      local source = assert(sources.open(folder .. "/a.csv", { format = "csv" }))
      local record = source.next()
      source.close()
      return record
    end)
    folders.remove(folder)
    assert.equal(MANY + 1, #record.cells.b)
  end)

  it("the file that PostHog's export adds to a folder, with blanks", function()
    local source = "interface:\n  display_name: a" .. (" "):rep(MANY) .. "b\n"
    local fields = { name = "a", description = "d", metadata = {} }
    assert.is_false(timed(function()
      return exported.is_generated(source, fields)
    end))
    assert.is_true(exported.is_generated("interface:\n  display_name:  A \n", fields))
  end)

  it("a key of front matter with blanks", function()
    local source = "---\nmetadata:\n  a" .. (" "):rep(MANY) .. "b\n  'c' : d\n---\n"
    local line = timed(function()
      return stored.line_of(source, { metadata = 2 }, { "metadata", "c" })
    end)
    assert.equal(4, line)
  end)

  it("a number with zeros between its digits", function()
    local number = "1" .. ("0"):rep(MANY) .. "1"
    local form = timed(function()
      return decimal.of(number .. "000")
    end)
    assert.equal(number .. "e3", form)
    assert.equal("12e-1", decimal.of("1.20"))
    assert.equal("0", decimal.of("-0.00"))
  end)

  it("the Link in a header of the server", function()
    local e = pipeline.emulator.start({})
    local c = pipeline.client(e.url, {})
    local headers = { Deprecation = "true", Link = ("<"):rep(60000) }
    e:fault({ action = { status = 200, body = '{"results":[]}', headers = headers } })
    local response = timed(function()
      local _, _, response = c.skills:list()
      return response
    end)
    c:close()
    e:stop()
    assert.equal(60000, #response.headers.link)
    assert.is_nil(response.successor)
  end)

  it("a name in a table of the command", function()
    local lines = {}
    local screen = {
      clean = function(_, text)
        return text
      end,
      raw = function(_, text)
        lines[#lines + 1] = text
      end,
    }
    local name = "a" .. (" "):rep(MANY) .. "b"
    timed(function()
      local rows = Table.new(screen, { "NAME", "" })
      rows:add({ name, nil })
      rows:finish()
    end)
    assert.is_true(table.concat(lines):find(name .. "\n", 1, true) ~= nil)
  end)

  it("an item with a mistake behind a long line", function()
    local source = '{\n"input": "' .. ("x"):rep(MANY) .. '",\n "output": oops\n}\n'
    local err = timed(function()
      return select(2, item_text.read(source, {}))
    end)
    assert.same({ line = 3, column = 12 }, err.at)
  end)
end)
