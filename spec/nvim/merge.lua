--- How the plugin puts two changes of a SKILL.md together: its front matter field by field, the body
--- line by line, each in a process of its own.

-- luacheck: globals vim

local support = require("spec.nvim.support")

local SKILL = support.SKILL
local edit = support.edit
local equal = support.equal
local failure = support.failure
local matches = support.matches
local replace = support.replace
local said = support.said
local status = support.status
local text = support.text

local scenarios, it = support.list()

--- The front matter as a user likes it: of another order, with comments and a name of their own.
local OWN = [[
---
# for the team of forms
name: pdf-forms
license: 'MIT'   # as all of ours
x-owner: forms
description: >-
  Fills in
  PDF forms.
metadata:
  team: forms # not the guild
  stage: "beta"
---

one
two
three
]]

local FIELDS = {
  name = "pdf-forms",
  description = "Fills in PDF forms.",
  license = "MIT",
  body = "one\ntwo\nthree",
  metadata = { team = "forms", stage = "beta" },
}

--- A skill in a buffer with the front matter that a user likes. @return client of somebody else
local function given()
  local client = support.other()
  assert(client.skills:create(FIELDS))
  edit(SKILL)
  vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(vim.trim(OWN), "\n"))
  return client
end

--- Publishes other fields, as somebody else.
local function publish(client, fields)
  local skill = assert(client.skills:get("pdf-forms"))
  fields.base_version = skill.version
  assert(client.skills:publish("pdf-forms", fields))
end

--- Merges, and returns what is noted of it: the line and what it says.
local function merge()
  support.listen()
  matches("has published version", failure("write"))
  vim.cmd("PostHog merge")
  local list = {}
  for _, found in ipairs(vim.diagnostic.get(0)) do
    if found.severity == vim.diagnostic.severity.ERROR then
      list[#list + 1] = { found.lnum + 1, found.message }
    end
  end
  return list
end

local function line(number)
  return vim.api.nvim_buf_get_lines(0, number - 1, number, false)[1]
end

it(
  "takes a field in that somebody else has changed, and leaves the rest as it is written",
  function()
    local client = given()
    replace("two", "zwei")
    publish(client, {
      description = "Fills in forms.",
      metadata = { team = "guild", stage = "beta", level = 3 },
    })
    equal({}, merge())
    local expected = OWN:gsub("Fills in\n  PDF forms%.", "Fills in forms.")
      :gsub("team: forms", "team: guild")
      :gsub('(stage: "beta"\n)', "%1  level: 3\n")
      :gsub("two", "zwei")
    local shown = text():gsub(">%-\n  Fills", "Fills")
    equal(vim.trim((expected:gsub(">%-\n  Fills", "Fills"))), shown)
    vim.cmd("write")
    local skill = assert(client.skills:get("pdf-forms"))
    equal({ 3, "Fills in forms.", "MIT" }, { skill.version, skill.description, skill.license })
    equal({ "guild", "beta", 3 }, {
      skill.metadata.team,
      skill.metadata.stage,
      skill.metadata.level,
    })
  end
)

it("meets no conflict where two have changed fields that stand side by side", function()
  local client = given()
  replace("stage: .*", 'stage: "final"')
  publish(client, { metadata = { team = "guild", stage = "beta" } })
  equal({}, merge())
  matches('team: guild # not the guild\n  stage: "final"', text())
end)

it("shows a conflict in the field that both have changed, and in no other", function()
  local client = given()
  replace("'MIT'", "Apache-2.0")
  replace("team: forms", "team: mine")
  publish(client, {
    license = "BSD-3-Clause",
    body = "one\ntwo\nTHREE",
    metadata = { team = "theirs", stage = "final" },
  })
  equal({
    { 4, "both sides have changed license; theirs: license: BSD-3-Clause   # as all of ours" },
    { 10, "both sides have changed metadata.team; theirs:   team: theirs # not the guild" },
  }, merge())
  equal("license: Apache-2.0   # as all of ours", line(4))
  equal({ "  team: mine # not the guild", '  stage: "final"' }, { line(10), line(11) })
  matches("one\ntwo\nTHREE$", text())
  matches("2 conflicts to be decided", failure("write"))
  vim.api.nvim_win_set_cursor(0, { 4, 0 })
  vim.cmd("PostHog take theirs")
  vim.api.nvim_win_set_cursor(0, { 10, 0 })
  vim.cmd("PostHog take mine")
  vim.cmd("write")
  local skill = assert(client.skills:get("pdf-forms"))
  equal({ "BSD-3-Clause", "mine", "final" }, {
    skill.license,
    skill.metadata.team,
    skill.metadata.stage,
  })
end)

it("refuses both values of a field, and takes what is typed there", function()
  local client = given()
  replace("'MIT'", "Apache-2.0")
  publish(client, { license = "BSD-3-Clause" })
  equal(1, #merge())
  vim.api.nvim_win_set_cursor(0, { 4, 0 })
  vim.cmd("PostHog take both")
  matches("license has one value: :PostHog take mine or theirs, or edit it", said[#said])
  replace("Apache-2.0 ", "Apache-2.0 OR BSD-3-Clause ")
  vim.cmd("write")
  equal("Apache-2.0 OR BSD-3-Clause", assert(client.skills:get("pdf-forms")).license)
end)

it("shows a field that one has taken out and the other changed", function()
  local client = given()
  replace("license:.*\\n", "")
  publish(client, { license = "BSD-3-Clause" })
  local found = merge()
  matches("both sides have changed license; theirs: license: BSD%-3%-Clause$", found[1][2])
  vim.api.nvim_win_set_cursor(0, { found[1][1], 0 })
  vim.cmd("PostHog take theirs")
  vim.cmd("write")
  equal("BSD-3-Clause", assert(client.skills:get("pdf-forms")).license)
  replace("license:.*", "license: ISC")
  publish(client, { license = "" })
  found = merge()
  matches("both sides have changed license; theirs: %(nothing%)", found[1][2])
  vim.api.nvim_win_set_cursor(0, { found[1][1], 0 })
  vim.cmd("PostHog take theirs")
  vim.cmd("write")
  equal("", assert(client.skills:get("pdf-forms")).license or "")
end)

it("merges fields in one step of undo, after which the old base is met again", function()
  local client = given()
  replace("three", "drei")
  local before = text()
  vim.bo.undolevels = vim.bo.undolevels
  publish(client, { description = "Fills in forms.", body = "ONE\ntwo\nthree" })
  equal({}, merge())
  equal("pdf-forms 2", status())
  vim.cmd("silent undo")
  equal(before, text())
  matches("has published version 2", failure("write"))
end)

it("merges by lines where the front matter cannot be read", function()
  local client = given()
  replace("license:.*", "license: [a")
  vim.g.posthog = { lint = false }
  publish(client, { body = "ONE\ntwo\nthree" })
  support.listen()
  vim.cmd("PostHog merge")
  matches("\nlicense: %[a\n", text())
  matches("ONE\ntwo\nthree$", text())
end)

it("takes in that somebody else has changed how the lines of a file end", function()
  local client = support.given()
  edit("posthog://skills/pdf-forms/scripts/run.py")
  assert(client.skills:publish("pdf-forms", {
    base_version = 1,
    file_edits = {
      {
        path = "scripts/run.py",
        edits = { { old = "print(1)\nprint(2)", new = "print(1)\r\nprint(2)" } },
      },
    },
  }))
  vim.api.nvim_buf_set_lines(0, -1, -1, false, { "print(3)" })
  failure("write")
  vim.cmd("PostHog merge")
  equal({ "dos", "print(1)\nprint(2)\nprint(3)" }, { vim.bo.fileformat, text() })
  vim.cmd("write")
  local file = assert(client.skills:file("pdf-forms", "scripts/run.py"))
  equal("print(1)\r\nprint(2)\r\nprint(3)", file.content)
end)

return scenarios
