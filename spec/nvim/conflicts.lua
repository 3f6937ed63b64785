--- Two people or two editors who write to one skill, each in a process of its own.
--- spec/nvim_conflicts_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")

local SKILL = support.SKILL
local another_editor = support.another_editor
local control = support.control
local edit = support.edit
local equal = support.equal
local failure = support.failure
local given = support.given
local listen = support.listen
local matches = support.matches
local publish = support.publish
local replace = support.replace
local said = support.said
local status = support.status
local text = support.text
local wait = support.wait

local scenarios, it = support.list()

it("refuses a write over a version of somebody else, and leaves the text", function()
  local client = given()
  edit(SKILL)
  publish(client, function(body)
    return (body:gsub("two", "TWO"))
  end)
  replace("two", "zwei")
  local before = text()
  matches("has published version 2 at .*:PostHog merge", failure("write"))
  equal(
    { before, true, 2 },
    { text(), vim.bo.modified, assert(client.skills:get("pdf-forms")).version }
  )
  equal("pdf-forms 1 (latest 2), conflict", status())
end)

it("publishes on top of a version that has left the file alone", function()
  local client = given()
  edit(SKILL)
  assert(client.skills:create_file("pdf-forms", { path = "x.md", content = "x", base_version = 1 }))
  replace("two", "zwei")
  vim.cmd("write")
  equal({ false, "pdf-forms 3" }, { vim.bo.modified, status() })
  equal("x", assert(client.skills:file("pdf-forms", "x.md")).content)
end)

it("merges what others have changed elsewhere, in one step of undo", function()
  local client = given()
  edit(SKILL)
  replace("six", "sechs")
  local before = text()
  publish(client, function(body)
    return (body:gsub("one", "ONE"):gsub("three", "THREE"))
  end)
  failure("write")
  vim.bo.undolevels = vim.bo.undolevels
  vim.cmd("PostHog merge")
  matches("\nONE\ntwo\nTHREE\nfour\nfive\nsechs$", text())
  equal("pdf-forms 2", status())
  vim.cmd("silent undo")
  equal(before, text())
  matches("has published version 2", failure("write"))
  vim.cmd("silent redo")
  vim.cmd("write")
  equal({ false, "pdf-forms 3" }, { vim.bo.modified, status() })
  matches("ONE\ntwo\nTHREE\nfour\nfive\nsechs$", assert(client.skills:get("pdf-forms")).body)
end)

--- Both have changed "three", and each something else.
local function conflict()
  local client = given()
  edit(SKILL)
  replace("three", "mine")
  publish(client, function(body)
    return (body:gsub("one", "ONE"):gsub("three", "theirs"))
  end)
  failure("write")
  vim.cmd("PostHog merge")
  return client
end

it("keeps mine where both have changed the same lines, and shows theirs beside it", function()
  conflict()
  matches("\nONE\ntwo\nmine\nfour", text())
  equal(2, #vim.api.nvim_list_wins())
  local found = vim.diagnostic.get(0)
  equal(1, #found)
  matches("theirs: theirs", found[1].message)
  equal("mine", vim.api.nvim_buf_get_lines(0, found[1].lnum, found[1].lnum + 1, false)[1])
  matches("1 conflict to be decided", failure("write"))
end)

for side, lines in pairs({ mine = "mine", theirs = "theirs", both = "mine\ntheirs" }) do
  it("takes " .. side .. " where the cursor is", function()
    local client = conflict()
    vim.fn.search("^mine$")
    vim.cmd("PostHog take " .. side)
    equal(0, #vim.diagnostic.get(0))
    vim.cmd("write")
    matches("ONE\ntwo\n" .. lines .. "\nfour", assert(client.skills:get("pdf-forms")).body)
  end)
end

it("takes a conflict for decided when its lines are edited", function()
  local client = conflict()
  replace("^mine$", "neither")
  vim.cmd("write")
  matches("ONE\ntwo\nneither\nfour", assert(client.skills:get("pdf-forms")).body)
end)

it("takes a conflict for decided by diffget", function()
  local client = conflict()
  vim.fn.search("^mine$")
  vim.cmd("diffget")
  vim.cmd("write")
  matches("ONE\ntwo\ntheirs\nfour", assert(client.skills:get("pdf-forms")).body)
end)

it("publishes over the latest by :w!", function()
  local client = given()
  edit(SKILL)
  publish(client, function(body)
    return (body:gsub("two", "TWO"))
  end)
  replace("two", "zwei")
  vim.cmd("write!")
  equal("pdf-forms 3", status())
  matches("\nzwei\n", assert(client.skills:get("pdf-forms")).body)
end)

it("never merges with another skill that has taken the name", function()
  local client = given()
  edit(SKILL)
  assert(client.skills:archive("pdf-forms"))
  assert(
    client.skills:create({ name = "pdf-forms", description = "d", body = "of another person" })
  )
  replace("two", "zwei")
  matches("another one is named pdf%-forms now", failure("write"))
  listen()
  vim.cmd("PostHog merge")
  matches("another skill has the name now", said[#said])
  equal("of another person", assert(client.skills:get("pdf-forms")).body)
end)

it("says that a skill was archived meanwhile, and creates it anew by :w!", function()
  local client = given()
  edit(SKILL)
  assert(client.skills:archive("pdf-forms"))
  replace("two", "zwei")
  failure("write")
  equal(true, vim.bo.modified)
  vim.cmd("write!")
  equal(1, assert(client.skills:get("pdf-forms")).version)
end)

it("keeps the work of two editors on one skill", function()
  local client = given()
  local channel = another_editor()
  local function there(command)
    return vim.rpcrequest(channel, "nvim_exec2", command, { output = true }).output
  end
  edit(SKILL)
  there("edit " .. SKILL)
  replace("one", "eins")
  there("%s/six/sechs/")
  vim.cmd("write")
  local ran, err = pcall(there, "write")
  equal(false, ran)
  matches("has published version 2", err)
  there("PostHog merge")
  there("write")
  matches("eins\ntwo\nthree\nfour\nfive\nsechs$", assert(client.skills:get("pdf-forms")).body)
  vim.fn.jobstop(channel)
end)

it(
  "leaves a version of somebody else to the other buffers when a write goes on top of it",
  function()
    local client = given()
    edit(SKILL)
    edit("posthog://skills/pdf-forms/scripts/run.py")
    publish(client, function(body)
      return (body:gsub("two", "TWO"))
    end)
    replace("print(2)", "print(3)")
    vim.cmd("write")
    equal("pdf-forms 3", status())
    edit(SKILL)
    replace("five", "fuenf")
    matches("has published version 3", failure("write"))
    matches("\nTWO\n", assert(client.skills:get("pdf-forms")).body)
    edit("posthog://skills/pdf-forms@1/SKILL.md")
    equal("pdf-forms 1", status())
  end
)

it("calls nothing published when a buffer is wiped before its write meets a conflict", function()
  listen()
  local client = given()
  vim.g.posthog = { wait = 20 }
  edit(SKILL)
  wait(function()
    return status() == "pdf-forms 1"
  end)
  publish(client, function(body)
    return (body:gsub("two", "TWO"))
  end)
  control("faults", { { match = { method = "GET" }, action = { delay = 0.2 } } })
  replace("two", "zwei")
  vim.cmd("write")
  vim.cmd("bwipeout!")
  wait(function()
    return said[#said]:find("version 2", 1, true) ~= nil
  end)
  matches("has published version 2", said[#said])
end)

return scenarios
