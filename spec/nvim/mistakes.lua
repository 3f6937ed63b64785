--- :PostHog with arguments that are wrong: each is named, with the way out, and nothing is done. In a
--- process of its own; spec/nvim_mistakes_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")

local SKILL = support.SKILL
local edit = support.edit
local equal = support.equal
local given = support.given
local matches = support.matches
local said = support.said

local scenarios, it = support.list()

--- Runs a command in the buffer of the skill. @return what it has told
local function told(command)
  vim.cmd("silent! only | silent! diffoff! | silent! %bwipeout!")
  edit(SKILL)
  local before = #said
  vim.cmd("PostHog" .. command)
  vim.wait(20000, function()
    return #said > before
  end, 5)
  equal(before + 1, #said, command)
  assert(not said[#said]:find("%.lua:%d"), said[#said]) -- no place of the code
  return said[#said]
end

local TOO_MANY = {
  ["merge x"] = "nothing",
  ["history 3"] = "nothing",
  ["delete scripts/run.py"] = "nothing",
  ["archive pdf-forms"] = "nothing",
  ["undelete x"] = "nothing",
  ["cancel all"] = "nothing",
  ["spend today"] = "nothing",
  ["build now"] = "nothing",
  ["take mine theirs"] = "mine, theirs or both",
  ["diff 1 2"] = "a version or latest",
  ["rename new name"] = "the new name",
  ["new two words"] = "the name of a skill",
}

it("does nothing where a command gets more words than it takes, or a !", function()
  local client = given()
  support.listen()
  for command, takes in pairs(TOO_MANY) do
    local name, rest = command:match("^(%S+) (.*)$")
    equal(
      ("posthog: :PostHog %s takes %s, and not %q"):format(name, takes, rest),
      told(" " .. command)
    )
  end
  for _, command in ipairs({ "merge", "delete", "archive", "rename x", "cancel" }) do
    matches("^posthog: :PostHog %a+ takes no !: :PostHog! publish does$", told("! " .. command))
  end
  equal(1, assert(client.skills:get("pdf-forms")).version)
end)

local WRONG = {
  { "colour", ":PostHog colour is not known; there are archive, build, " },
  { "Open x", ":PostHog Open is not known; there are " },
  { "open ../x", 'no skill can be named ".."' },
  {
    "open pdf-forms/../x",
    'there is no file "../x", and there can be none: the path has the part ..',
  },
  { "open pdf-forms//x", 'there is no file "/x", and there can be none: the path is absolute' },
  {
    "open A_B",
    'there is no skill "A_B", and there can be none: name "A_B": use lowercase letters',
  },
  { "open pdf-forms@0", 'invalid version in "pdf-forms@0": posthog://skills/NAME@3/SKILL.md is' },
  { "open pdf-forms@9", "has no version 9" },
  { "open pdf-forms@1/none.txt", "version 1 of pdf-forms has no file none.txt" },
  { "new", ":PostHog new NAME: the name of the skill is missing" },
  { "new A_B", 'name "A_B": use lowercase letters, digits and single hyphens between them' },
  { "new a/b", 'name "a/b": use lowercase letters, digits and single hyphens between them' },
  { "take", ":PostHog take mine, theirs or both" },
  { "take ours", ":PostHog take mine, theirs or both" },
  { "take mine", "there is no conflict in this line: ]d goes to the next one" },
  { "diff 0", ":PostHog diff 0: a version or latest is expected" },
  { "diff 1e0", ":PostHog diff 1e0: a version or latest is expected" },
  { "diff nan", ":PostHog diff nan: a version or latest is expected" },
  { "diff 99999999999", 'invalid version in "pdf-forms@99999999999"' },
  { "rename", ":PostHog rename NEW: the new name is missing" },
  { "rename pdf-forms", "the skill is named pdf-forms already" },
  { "delete", "SKILL.md cannot be deleted: :PostHog archive takes the whole skill away" },
  { "undelete", "this buffer is not an item of a dataset" },
  { "dataset none", 'there is no dataset "none"' },
  { "import", ":PostHog import FILE DATASET" },
  { "import /nonexistent golden", "/nonexistent: cannot be read: No such file or directory" },
  { "export golden", ":PostHog export DATASET FILE" },
  { "export golden /", "/ exists: give another name, or delete it first" },
  { "export golden /x", 'export to "/x": its name has to end in .jsonl, .json or .csv' },
}

it("says what is wrong with an argument, and what is expected", function()
  local client = given()
  support.listen()
  for _, case in ipairs(WRONG) do
    local words = told(" " .. case[1])
    assert(words:find(case[2], 1, true), case[1] .. ": " .. words)
  end
  equal(1, assert(client.skills:get("pdf-forms")).version)
end)

it("opens a buffer for a skill and a file that there can be", function()
  given()
  vim.cmd("PostHog new fresh")
  matches("name: fresh", support.text())
  vim.cmd("PostHog open pdf-forms/notes/new file.md")
  equal("posthog://skills/pdf-forms/notes/new file.md", vim.api.nvim_buf_get_name(0))
  equal({ "", true }, { support.text(), vim.bo.modifiable })
end)

return scenarios
