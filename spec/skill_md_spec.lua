-- SKILL.md as it is written: what changes when its fields do, and all that stays.

local front_matters = require("spec.support.front_matters")
local json = require("posthog.llm.json")
local merge = require("posthog.llm.skill_folder.merge")
local shell = require("spec.support.shell")
local skill_changes = require("spec.support.skill_changes")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local text = require("posthog.llm.skill_folder.text")
local yaml = require("posthog.llm.skill_folder.yaml")

local ROUNDS = tonumber(os.getenv("ROUNDS")) or 2000

--- The front matter of a SKILL.md after a change of its fields.
local function update(head, change)
  local source = "---\n" .. head .. "---\n\nbody\n"
  local fields = skill_md.normal(assert(skill_md.read(source)))
  change(fields)
  local updated = assert(skill_md.update(fields, source))
  return (assert(updated:match("^%-%-%-\n(.*)%-%-%-\n\nbody\n$"), updated))
end

describe("an update of SKILL.md", function()
  --- What it is for, the front matter, what is changed, and the front matter after it.
  local CASES = {
    {
      "keeps comments before, between, after and beside names, and their order",
      "# top\nname: a # n\n# between\ndescription: old # d\n\nlicense: MIT\n# end\n",
      function(fields)
        fields.description = "new"
      end,
      "# top\nname: a # n\n# between\ndescription: new # d\n\nlicense: MIT\n# end\n",
    },
    {
      "leaves the comments of what goes as lines",
      "name: a\nlicense: MIT # by legal\n# next\ncompatibility: c\n",
      function(fields)
        fields.license = ""
      end,
      "name: a\n# by legal\n# next\ncompatibility: c\n",
    },
    {
      "keeps the quotes of a value that changes, and of those that do not",
      "name: 'a'\ndescription: \"old\"\nlicense: 'MIT'\n",
      function(fields)
        fields.description, fields.license = "new", "it's"
      end,
      "name: 'a'\ndescription: \"new\"\nlicense: 'it''s'\n",
    },
    {
      "writes a text of lines below its name, and keeps what stood beside it",
      "name: a\ndescription: old # why\n  # deep\nmodel: x\n",
      function(fields)
        fields.description = "one\n\n  two"
      end,
      "name: a\ndescription: |- # why\n  one\n\n    two\n# deep\nmodel: x\n",
    },
    {
      "writes one line in place of several",
      "name: a\ndescription: > # why\n  one\n  two\nmodel: x\n",
      function(fields)
        fields.description = "new"
      end,
      "name: a\ndescription: new # why\nmodel: x\n",
    },
    {
      "changes one name of metadata and leaves its siblings alone",
      "metadata: # m\n  author: 'me' # who\n  # between\n  deep:\n    x: 1.0 # x\n    y: old # y\n  list:\n"
        .. "  - a # 1\n  - b # 2\n  # last\nname: a\n",
      function(fields)
        fields.metadata.deep.y = "new"
        fields.metadata.list = json.array({ "a", "c", "d" })
        fields.metadata.zz = true
      end,
      "metadata: # m\n  author: 'me' # who\n  # between\n  deep:\n    x: 1.0 # x\n    y: new # y\n  list:\n"
        .. "  - a # 1\n  - c\n  - d\n  # 2\n  zz: true\n  # last\nname: a\n",
    },
    {
      "takes names out of metadata, and metadata itself where it is empty",
      "name: a\nmetadata: # m\n  author: me # who\n    # deep\nlicense: MIT\n",
      function(fields)
        fields.metadata = json.object({})
      end,
      "name: a\n# m\n# who\n# deep\nlicense: MIT\n",
    },
    {
      "adds names to metadata that had none",
      "name: a\nmetadata: {} # m\nlicense: MIT\n",
      function(fields)
        fields.metadata.author = "me"
      end,
      "name: a\nmetadata: # m\n  author: me\nlicense: MIT\n",
    },
    {
      "keeps unknown names and comments in flow style",
      "{name: a, # n\n  model: x, description: 'old', # d\n  metadata: {k: [1, 2], z: y},}\n",
      function(fields)
        fields.description, fields.license = "new", "MIT"
        fields.metadata.k = json.array({ 1, 3 })
        fields.metadata.z = nil
      end,
      '{name: a, # n\n  model: x, description: "new", # d\n  metadata: {k: [1, 3]}, "license": "MIT",}\n',
    },
    {
      "keeps what stands after a line ...",
      "name: a\n...\n# no front matter: [\n",
      function(fields)
        fields.license = "MIT"
      end,
      "name: a\nlicense: MIT\n...\n# no front matter: [\n",
    },
    {
      "keeps the commas between tools",
      "allowed-tools: Read, Bash(git add:*) # t\n",
      function(fields)
        table.insert(fields.allowed_tools, "Write")
      end,
      "allowed-tools: Read, Bash(git add:*), Write # t\n",
    },
    {
      "keeps a list of tools one, with its comments",
      "allowed-tools:\n- Read # r\n# between\n- Bash(git add:*)\n- Edit\n",
      function(fields)
        fields.allowed_tools = { "Read", "Write", "Edit" }
      end,
      "allowed-tools:\n- Read # r\n- Write\n# between\n- Edit\n",
    },
    {
      "leaves tools as they are written where they have not changed",
      "allowed-tools: [ Read,Write ]\ndescription: old\n",
      function(fields)
        fields.description = "new"
      end,
      "allowed-tools: [ Read,Write ]\ndescription: new\n",
    },
    {
      "writes into a front matter of comments alone",
      "# nothing yet\n",
      function(fields)
        fields.name = "a"
      end,
      "# nothing yet\nname: a\n",
    },
  }

  for _, case in ipairs(CASES) do
    it(case[1], function()
      assert.equal(case[4], update(case[2], case[3]))
      assert.equal(case[2], update(case[2], function() end))
    end)
  end

  it("loses no comment, no unknown name and no value, whatever is changed", function()
    local seed = front_matters.seed()
    local random = front_matters.random(seed)
    local done, refused = 0, 0
    for round = 1, ROUNDS do
      local head = round % 3 == 0 and front_matters.make(random) or front_matters.skill(random)
      local source = "---\n" .. head .. "---\n\nbody\n"
      if random(5) == 1 then
        source = source:gsub("\n", "\r\n")
      end
      local fields = skill_md.read(source)
      if fields then
        local new = skill_changes.make(random, skill_md.normal(fields))
        local ok, is_done = pcall(skill_changes.check, source, new)
        assert.is_true(
          ok,
          ("seed %d: %s\n%s\n%s"):format(seed, tostring(is_done), source, skill_md.canonical(new))
        )
        done, refused = done + (is_done and 1 or 0), refused + (is_done and 0 or 1)
      end
    end
    assert.is_true(
      done > ROUNDS / 2 and refused <= ROUNDS / 1000,
      ("seed %d: %d refused"):format(seed, refused)
    )
  end)

  it("is refused with a line where it could not keep all that is there", function()
    local source = "---\nname: a # n\n...\nrest\n---\nbody\n"
    local updated, err = skill_md.update({ body = "body" }, source)
    assert.is_nil(updated)
    assert.equal("invalid", err.kind)
    assert.equal(2, err.line)
    assert.truthy(err.message:find("change it by hand", 1, true), err.message)
  end)

  it("is refused with a line where the changed text lacks something of the old one", function()
    local source = "---\nname: a # n\nmodel: x\ndescription: d\n---\nbody\n"
    local edit = yaml.edit
    for lost, line in pairs({ [" # n"] = 2, ["model: x\n"] = 3, ["l: x"] = 3 }) do
      yaml.edit = function(...)
        return (edit(...):gsub(lost, lost == "l: x" and "l: y" or ""))
      end
      local fields = skill_md.normal(assert(skill_md.read(source)))
      fields.description = "new"
      local updated, err = skill_md.update(fields, source)
      yaml.edit = edit
      assert.is_nil(updated)
      assert.equal(line, err.line)
      assert.truthy(err.message:find("without losing this line", 1, true), err.message)
    end
  end)

  it("reads the file once, and what it has written once", function()
    local read, count = yaml.read, 0
    yaml.read = function(...)
      count = count + 1
      return read(...)
    end
    local source = "---\nname: a\ndescription: one # c\n---\nbody\n"
    local labels = { ours = "o", theirs = "t" }
    local base = { name = "a", description = "d", body = "body" }
    local ours, _, document = skill_md.read(source)
    skill_md.update({ name = "a", description = "two", body = "b" }, source, document)
    local after_update = count
    merge.skill_md(base, source, { name = "b", description = "d", body = "body" }, labels, document)
    yaml.read = read
    assert.is_table(ours)
    assert.same({ 2, 3 }, { after_update, count })
  end)
end)

describe("a merge of SKILL.md", function()
  local LABELS = { ours = "this folder", theirs = "version 2" }
  local SOURCE =
    "---\nname: a # n\ndescription: mine # d\nmetadata:\n  x: 1 # x\n  y: 2\nmodel: m\n---\nbody\n"

  local function fields_of(changes)
    local metadata = json.object({ x = 1, y = 1 })
    local fields = { name = "a", description = "d", body = "body", metadata = metadata }
    for name, value in pairs(changes) do
      fields[name] = value
    end
    return fields
  end

  it("takes what each side has changed, name by name, in metadata too", function()
    local theirs = fields_of({ license = "MIT", metadata = json.object({ x = 5, y = 1, z = 7 }) })
    local merged, conflicts = merge.skill_md(fields_of({}), SOURCE, theirs, LABELS)
    assert.equal(0, conflicts)
    assert.equal(
      "---\nname: a # n\ndescription: mine # d\nmetadata:\n  x: 5 # x\n  y: 2\n  z: 7\nmodel: m\n"
        .. "license: MIT\n---\nbody\n",
      merged
    )
  end)

  it("marks only the lines that both have changed, and keeps all others", function()
    local theirs = fields_of({ description = "theirs", license = "MIT" })
    local source = SOURCE:gsub("\n", "\r\n")
    local merged, conflicts = merge.skill_md(fields_of({}), source, theirs, LABELS)
    assert.equal(1, conflicts)
    assert.equal(
      (
        "---\nname: a # n\n<<<<<<< this folder\ndescription: mine # d\n=======\n"
        .. "description: theirs # d\n>>>>>>> version 2\nmetadata:\n  x: 1 # x\n  y: 2\nmodel: m\n"
        .. "license: MIT\n---\nbody\n"
      ):gsub("\n", "\r\n"),
      merged
    )
  end)
end)

describe("line ends of SKILL.md", function()
  it("are one kind in a file, that of most of its lines", function()
    assert.equal("\n", (text.newline("")))
    assert.equal("\n", (text.newline("a")))
    assert.same({ "\n" }, { text.newline("a\nb\n") })
    assert.same({ "\r\n" }, { text.newline("a\r\nb\r\n") })
    assert.same({ "\r\n", 2 }, { text.newline("a\r\nb\nc\r\n") })
    assert.same({ "\r\n", 1 }, { text.newline("\na\r\nb\r\n") })
    assert.same({ "\n", 1 }, { text.newline("a\r\nb\n") })
    assert.same({ "\n", 3 }, { text.newline("a\nb\nc\r\n") })
  end)

  it("are all as they were after an update, and LF for the server", function()
    local source = "---\r\nname: a\r\ndescription: d # c\r\n---\r\n\r\none\r\ntwo\r\n"
    local fields = skill_md.normal(assert(skill_md.read(source)))
    assert.equal("one\ntwo", fields.body)
    fields.description, fields.body = "x\ny", "one\nthree\nfour"
    assert.equal(
      "---\r\nname: a\r\ndescription: |- # c\r\n  x\r\n  y\r\n---\r\n\r\none\r\nthree\r\nfour\r\n",
      (skill_md.update(fields, source))
    )
    assert.equal(text.digest("a\nb\n"), text.digest("a\r\nb"))
    assert.equal("a\nb", text.server("a\r\nb\r\n"))
  end)
end)

describe("the modules of SKILL.md", function()
  it("take no module but those of util and json", function()
    local said = shell.run([[
LUA_PATH="lua/?.lua;lua/?/init.lua" ]] .. (os.getenv("LUA") or "lua5.4") .. [[ -e '
local allowed = { ["posthog.llm.json"] = true, ["posthog.llm.core"] = true }
local function check(name)
  local ours = name:find("^posthog%.llm%.util%.") or name:find("^posthog%.llm%.skill_folder%.")
  assert(ours or allowed[name], "asks for " .. name)
end
local searchers = package.searchers or package.loaders
table.insert(searchers, 1, check)
for _, name in ipairs({ "yaml", "text", "skill_md", "merge" }) do
  require("posthog.llm.skill_folder." .. name)
end
local names = {}
for name in pairs(package.loaded) do
  local own = name:match("^posthog%.llm%.skill_folder%.([%w_]+)")
  if own and not (" field_merge merge skill_md text tools yaml "):find(" " .. own .. " ", 1, true) then
    names[#names + 1] = name
  end
end
print("loaded", table.concat(names, " "))
']])
    assert.equal("loaded\t\n", said)
  end)
end)
