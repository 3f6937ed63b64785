-- Three texts become one, as they are kept by the server: without white space at their ends.

local unpack = table.unpack or unpack -- luacheck: ignore
local field_merge = require("posthog.llm.skill_folder.field_merge")
local merge = require("posthog.llm.skill_folder.merge")
local skill_md = require("posthog.llm.skill_folder.skill_md")

local LABELS = { ours = "mine", theirs = "server" }

local function texts(base, ours, theirs)
  return { merge.texts(base, ours, theirs, LABELS) }
end

describe("two changes of a text", function()
  it("are one where only one side made any, or both the same", function()
    assert.same({ "b", 0 }, texts("a", "b", "a"))
    assert.same({ "b", 0 }, texts("a", "a", "b"))
    assert.same({ "b", 0 }, texts("a", "b", "b"))
    assert.same({ "a", 0 }, texts("a", "a", "a"))
    assert.same({ "\0", 0 }, texts("a", "\0", "a"))
    assert.same({ "b", 0 }, texts("\0", "\0", "b"))
  end)

  it("are put together line by line", function()
    assert.same({ "ONE\n2\nTHREE", 0 }, texts("1\n2\n3", "ONE\n2\n3", "1\n2\nTHREE"))
    assert.same({ "0\n1\n2", 0 }, texts("1", "0\n1", "1\n2"))
    local both = "1\n<<<<<<< mine\nx\n=======\ny\n>>>>>>> server\n3"
    assert.same({ both, 1 }, texts("1\n2\n3", "1\nx\n3", "1\ny\n3"))
    local all = "<<<<<<< mine\nx\n=======\ny\n>>>>>>> server"
    assert.same({ all, 1 }, texts("", "x", "y")) -- nothing is known of before
    assert.same({ all, 1 }, texts("z", "x", "y"))
  end)

  it("are a conflict where ours is no text", function()
    assert.same({ "\0", 1 }, texts("a", "\0", "b"))
    assert.same({ "\255", 1 }, texts("a", "\255", "b"))
  end)

  it("of which one is that of all line ends, do not meet", function()
    local unix, dos = "1\n2\n3", "1\r\n2\r\n3"
    assert.same({ "1\r\nTWO\r\n3", 0 }, texts(unix, dos, "1\nTWO\n3"))
    assert.same({ "1\r\nTWO\r\n3", 0 }, texts(unix, "1\nTWO\n3", dos))
    assert.same({ "1\nTWO\n3", 0 }, texts(dos, unix, "1\r\nTWO\r\n3"))
    assert.same({ "1\nTWO\n3", 0 }, texts(dos, "1\r\nTWO\r\n3", unix))
    assert.same({ "ONE\r\n2\r\nTHREE", 0 }, texts(unix, "ONE\r\n2\r\n3", "1\r\n2\r\nTHREE"))
    assert.same({ "ONE\r\n2\r\nTHREE", 0 }, texts(dos, "ONE\r\n2\r\n3", "1\r\n2\r\nTHREE"))
    local conflict = "1\r\n<<<<<<< mine\r\nx\r\n=======\r\ny\r\n>>>>>>> server\r\n3"
    assert.same({ conflict, 1 }, texts(unix, "1\r\nx\r\n3", "1\ny\n3"))
  end)

  it("stay changes of each line where the line ends are mixed", function()
    local base, theirs = "1\n2\n3\n4\n5", "1\n2\n3\n4\nFIVE"
    assert.same({ "1\n2\r\n3\n4\nFIVE", 0 }, texts(base, "1\n2\r\n3\n4\n5", theirs))
  end)
end)

describe("two changes of a SKILL.md", function()
  local HEAD = "---\nname: a\ndescription: d\nlicense: MIT\n---\n"

  local function fields_of(source)
    return assert(skill_md.read(source))
  end

  local function merged(base, ours, theirs)
    local normal = skill_md.normal(fields_of(theirs))
    return { merge.skill_md(fields_of(base), ours, normal, LABELS) }
  end

  it("are put together field by field, in our form", function()
    local ours = "---\n# ours\nname: a\ndescription: mine\nlicense: MIT\n---\n\nbody\n\n"
    local theirs = "---\nname: a\ndescription: d\nlicense: BSD\nmetadata:\n  k: v\n---\nbody\n"
    assert.same({
      "---\n# ours\nname: a\ndescription: mine\nlicense: BSD\nmetadata:\n  k: v\n---\n\nbody\n\n",
      0,
    }, merged(HEAD .. "body\n", ours, theirs))
  end)

  it("of the same field to the same value are no conflict", function()
    local changed = HEAD:gsub("MIT", "BSD") .. "body\n"
    assert.same({ changed, 0 }, merged(HEAD .. "body\n", changed, changed))
    local without = HEAD:gsub("license: MIT\n", "")
    assert.same(
      { without .. "x\n", 0 },
      merged(HEAD .. "body\n", without .. "body\n", without .. "x\n")
    )
  end)

  it("of which one takes a field away, are put together too", function()
    local without = HEAD:gsub("license: MIT\n", "")
    assert.same({ without .. "B\n", 0 }, merged(HEAD .. "b\n", HEAD .. "b\n", without .. "B\n"))
    assert.same({ without .. "B\n", 0 }, merged(HEAD .. "b\n", without .. "b\n", HEAD .. "B\n"))
  end)

  for _, field in ipairs({
    "name: %s",
    "description: %s",
    "license: %s",
    "compatibility: %s",
    "allowed-tools: %s",
    "metadata:\n  k: %s",
  }) do
    local key = field:match("^[%w-]+")
    it("of " .. key .. " are told apart from none", function()
      local function with(value)
        local line = field:format(value) .. "\n"
        local rest = HEAD:gsub(key .. ": [^\n]*\n", "")
        return rest:sub(1, -5) .. line .. "---\nbody\n"
      end
      assert.equal(fields_of(with("new")).body, "body\n")
      assert.same({ with("new"), 0 }, merged(with("old"), with("new"), with("old")))
      assert.same({ with("new"), 0 }, merged(with("old"), with("old"), with("new")))
      local text, conflicts = unpack(merged(with("old"), with("mine"), with("theirs")))
      assert.equal(1, conflicts)
      assert.matches("<<<<<<< mine\n.*mine.*\n=======\n.*theirs.*\n>>>>>>> server\n", text)
    end)
  end

  it("of the body are put together line by line", function()
    assert.same(
      { HEAD .. "ONE\n2\nTHREE\n", 0 },
      merged(HEAD .. "1\n2\n3\n", HEAD .. "ONE\n2\n3\n", HEAD .. "1\n2\nTHREE\n\n")
    )
    assert.same(
      { HEAD .. "<<<<<<< mine\nx\n=======\ny\n>>>>>>> server\n", 1 },
      merged(HEAD .. "1\n", HEAD .. "x\n", HEAD .. "y\n")
    )
  end)

  it("are put together as texts where ours cannot be read", function()
    local text, conflicts = unpack(merged(HEAD .. "1\n", "no front matter\n", HEAD .. "2\n"))
    assert.equal(1, conflicts)
    assert.matches("^<<<<<<< mine\nno front matter\n=======\n", text)
    assert.matches("2\n>>>>>>> server\n$", text)
  end)
end)

describe("two changes of front matter", function()
  local BASE = "---\nname: a\ndescription: d\nlicense: MIT\nmetadata:\n  k: 1\n  l: {m: 2}\n---\n"

  --- @return string head
  --- @return table places
  local function merged(ours, theirs)
    local _, _, document = skill_md.read(ours .. "\nbody\n")
    local base, other = skill_md.read(BASE .. "x\n"), skill_md.read(theirs .. "y\n")
    local head, places = field_merge.front_matter(base, document, other)
    return head, places
  end

  it("are put together in our form, up to the body", function()
    local ours = BASE:gsub("license: MIT", "license: 'MIT' # ours")
    local theirs = BASE:gsub("description: d", "description: e"):gsub("{m: 2}", "{m: 3}")
    local head, places = merged(ours, theirs)
    local expected = ours:gsub("description: d", "description: e"):gsub("m: 2", "m: 3")
    assert.equal(expected, head)
    assert.same({}, places)
  end)

  it("have a place for each field of which both have another value", function()
    local ours = BASE:gsub("description: d", "description: mine"):gsub("MIT", "ISC # ours")
    ours = ours:gsub("k: 1", "k: 10")
    local theirs = BASE:gsub("description: d", "description: yours"):gsub("MIT", "BSD")
    theirs = theirs:gsub("k: 1", "k: 11"):gsub("{m: 2}", "{m: 3}")
    local head, places = merged(ours, theirs)
    assert.equal((ours:gsub("m: 2", "m: 3")), head)
    table.sort(places, function(a, b)
      return a.line < b.line
    end)
    assert.same({
      { name = "description", line = 3, count = 1, theirs = { "description: yours\n" } },
      { name = "license", line = 4, count = 1, theirs = { "license: BSD # ours\n" } },
      { name = "metadata.k", line = 6, count = 1, theirs = { "  k: 11\n" } },
    }, places)
  end)

  it("have a place where one has taken a field out that the other has changed", function()
    local without, changed = BASE:gsub("license: MIT\n", ""), BASE:gsub("MIT", "BSD")
    local _, places = merged(without, changed)
    assert.same({ "license", 0, { "license: BSD\n" } }, {
      places[1].name,
      places[1].count,
      places[1].theirs,
    })
    _, places = merged(changed, without)
    assert.same({ { name = "license", line = 4, count = 1, theirs = {} } }, places)
  end)

  it("that cannot be put together without a loss are refused with the line", function()
    local base = "---\nname: a\nmetadata:\n  a: |+\n    x\n  b: 1\n\n  c: 2\n---\n"
    local _, _, document = skill_md.read(base .. "body\n")
    local theirs = skill_md.read((base:gsub("  b: 1\n\n", "")) .. "body\n")
    local head, err = field_merge.front_matter(document.fields, document, theirs)
    assert.is_nil(head)
    assert.same({ "invalid", 3 }, { err.kind, err.line })
  end)

  it("of a list to the same are no conflict, nor is a map that became a text alone", function()
    local function fields(base, ours, theirs)
      local all, _, _, conflicts = field_merge.fields(base, ours, theirs)
      local paths = {}
      for n, conflict in ipairs(conflicts) do
        paths[n] = table.concat(conflict.path, ".")
      end
      return { all, paths }
    end
    local one, two = { "A" }, { "A", "B" }
    local function tools(list)
      return { allowed_tools = { unpack(list) } }
    end
    assert.same({ tools(two), {} }, fields(tools(one), tools(two), tools(two)))
    assert.same({ tools(two), {} }, fields(tools(one), tools(two), tools(one)))
    assert.same({ tools(two), {} }, fields(tools(one), tools(one), tools(two)))
    assert.same({ tools(two), { "allowed_tools" } }, fields(tools(one), tools(two), tools({ "C" })))
    local function metadata(value)
      return { metadata = { a = { b = { c = value } } } }
    end
    assert.same(
      { metadata(2), { "metadata.a.b.c" } },
      fields(metadata(1), metadata(2), metadata(3))
    )
    local map, text = metadata({ d = 1 }), metadata("text")
    assert.same({ map, { "metadata.a.b.c" } }, fields(metadata(1), map, text))
    assert.same({ text, { "metadata.a.b.c" } }, fields(metadata(1), text, map))
    assert.same({ {}, { "license" } }, fields({ license = "A" }, {}, { license = "B" }))
    assert.same({ {}, {} }, fields({ license = "A" }, {}, { license = "A" }))
  end)

  it("leave a map empty where theirs has taken its last name out", function()
    local base = "---\nname: a\nmetadata:\n  k:\n    l: 1\n---\n"
    local _, _, document = skill_md.read(base:gsub("l: 1", "l: 2") .. "body\n")
    local theirs = skill_md.read((base:gsub("\n    l: 1", " {}")) .. "body\n")
    local head, places = field_merge.front_matter(skill_md.read(base .. "b\n"), document, theirs)
    assert.equal(document.source:sub(1, #head), head)
    assert.equal("metadata.k.l", places[1].name)
    assert.same({ "  k: {}\n" }, places[1].theirs)
  end)

  it("are refused where theirs of one field cannot be written without a loss", function()
    local base = "---\nname: a\nmetadata:\n  a: |+\n    x\n  b: 1\n\n  c: 2\n---\n"
    local _, _, document = skill_md.read(base:gsub("b: 1", "b: 2") .. "body\n")
    local theirs = skill_md.read((base:gsub("  b: 1\n\n", "")) .. "body\n")
    local head, err = field_merge.front_matter(skill_md.read(base .. "b\n"), document, theirs)
    assert.is_nil(head)
    assert.same({ "invalid", 3 }, { err.kind, err.line })
  end)
end)
