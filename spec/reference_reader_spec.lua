--- How tools/reference reads comments and writes pages of them.

local annotations = require("tools.reference.annotations")
local facts = require("tools.reference.facts")
local markdown = require("tools.reference.markdown")
local types = require("tools.reference.types")

local path

local function read(source)
  local file = assert(io.open(path, "w"))
  file:write(source)
  file:close()
  return annotations.read(path).declarations
end

describe("the reader of annotations", function()
  before_each(function()
    path = os.tmpname()
  end)
  after_each(function()
    os.remove(path)
  end)

  it("reads a function with its text, parameters, results and example", function()
    local list = read([[
local M = {}

--- Reads a thing.
---
--- ```lua
--- print(M.read("a")) -- @param is no tag in here
--- ```
--- @param name string what to read,
---   over two lines
--- @param options? { deep?: boolean }
--- @return string? text nil: there is none
--- @return posthog.llm.Error? err
function M.read(name, options) end
]])
    local f = list[1]
    assert.equal("M.read", f.name)
    assert.equal(13, f.line)
    assert.equal(
      'Reads a thing.\n\n```lua\nprint(M.read("a")) -- @param is no tag in here\n```',
      f.text
    )
    assert.same({ "name", "options" }, f.parameters)
    assert.equal("what to read, over two lines", f.params[1].text)
    assert.is_false(f.params[1].optional)
    assert.is_true(f.params[2].optional)
    assert.equal("deep", f.params[2].type.fields[1].name)
    assert.equal("text", f.returns[1].name)
    assert.equal("nil: there is none", f.returns[1].text)
    assert.is_true(f.returns[1].optional)
    assert.equal("posthog.llm.Error", f.returns[2].type.name)
  end)

  it("reads classes without their private fields, also at the end of a file", function()
    local list = read([[
--- What a call takes.
--- @class a.Options: a.CallOptions
--- @field name? string
--- @field private secret string
--- @field protected own integer
--- @field [1] integer
local x = 1

--- @class a.Last the last one
--- @field id integer]])
    assert.equal("What a call takes.", list[1].text)
    assert.same({ "a.CallOptions" }, list[1].parents)
    assert.same({ "name", "1" }, { list[1].fields[1].name, list[1].fields[2].name })
    assert.is_nil(list[1].fields[3])
    assert.same({ "a.Last", "the last one" }, { list[2].name, list[2].text })
  end)

  it("reads the values of an alias", function()
    local list = read('--- @alias a.Kind\n--- | "one" the first,\n---   said twice\n--- | "two"\n')
    local found = {}
    for i, value in ipairs(list[1].values) do
      found[i] = value.value .. ": " .. value.text
    end
    assert.same({ "one: the first, said twice", "two: " }, found)
  end)

  for what, case in pairs({
    ["a tag that it does not know"] = { "--- @parm name string\nfunction M.a(name) end\n", "@parm" },
    ["a parameter without a type"] = {
      "--- @param name\nfunction M.a(name) end\n",
      "no name and type",
    },
    ["a type that is cut off"] = {
      "--- @param name { a: string\nfunction M.a(name) end\n",
      "a } is missing",
    },
  }) do
    it("refuses " .. what .. ", and says where", function()
      local ok, why = pcall(read, case[1])
      assert.is_false(ok)
      assert.is_truthy(why:find(case[2], 1, true), why)
      assert.is_truthy(why:find(path .. ":1:", 1, true), why)
    end)
  end
end)

describe("a type of the reference", function()
  local function link(name)
    return name == "posthog.llm.Skill" and "skills.md#skill" or nil
  end

  for text, written in pairs({
    ["string"] = "string",
    ["string?"] = "string",
    ["string|nil"] = "string",
    ["integer|string"] = "integer or string",
    ['"us"|"eu"'] = '`"us"` or `"eu"`',
    ["string[]"] = "list of string",
    ["posthog.llm.Skill[]?"] = "list of [Skill](skills.md#skill)",
    ["table<string, posthog.llm.Skill>"] = "`table<string, Skill>`",
    ["fun(a: string, ...): boolean?, posthog.llm.Skill"] = "`function(a: string, ...): boolean?, Skill`",
    ["{ a?: string, [1]: fun(): any }[]"] = "list of `{ a?: string, [1]: fun(): any }`",
    ["(fun(): any)[]"] = "list of `(fun(): any)`",
  }) do
    it("is written for people: " .. text, function()
      local found, rest = types.read(text .. " what it is")
      assert.equal("what it is", rest)
      assert.equal(written, types.markdown(found, link))
    end)
  end
end)

describe("a default in a text of the reference", function()
  for text, expected in pairs({
    ["seconds; default 30"] = { "seconds", "30" },
    ["bytes; default 64 MiB"] = { "bytes", "64 MiB" },
    ["default: the latest"] = { "", "the latest" },
    ["a path. An iterator needs one; default: the source"] = {
      "a path. An iterator needs one",
      "the source",
    },
    ["no other word"] = { "no other word" },
    ["by default it waits"] = { "by default it waits" },
  }) do
    it("is a column of its own, when it ends the text: " .. text, function()
      assert.same(expected, { markdown.default_of(text) })
    end)
  end

  it("is written as the annotations have it", function()
    assert.same({ "64 MiB", "256 KiB", "2048", "0.5", '"us"', "false" }, {
      facts.written(64 * 1024 * 1024),
      facts.written(256 * 1024),
      facts.written(2048),
      facts.written(0.5),
      facts.written("us"),
      facts.written(false),
    })
  end)
end)

describe("the kinds of errors in the reference", function()
  it("have the statuses by which the library decides", function()
    assert.equal("401", facts.statuses("auth"))
    assert.equal("404, 410", facts.statuses("not_found"))
    assert.equal("other 4xx", facts.statuses("invalid"))
    assert.equal("5xx", facts.statuses("server"))
    assert.equal("", facts.statuses("network"))
  end)
end)
