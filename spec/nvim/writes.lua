--- What is sent of a buffer, and what is known of it afterwards, each in a process of its own.
--- spec/nvim_writes_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")

local SKILL = support.SKILL
local control = support.control
local edit = support.edit
local equal = support.equal
local failure = support.failure
local given = support.given
local given_item = support.given_item
local listen = support.listen
local matches = support.matches
local other = support.other
local publish = support.publish
local replace = support.replace
local requests = support.requests
local said = support.said
local status = support.status
local text = support.text
local wait = support.wait

local scenarios, it = support.list()

it("publishes by :w, one version a write, and none for a text that is the same", function()
  local client = given()
  edit(SKILL)
  replace("two", "zwei")
  vim.cmd("write")
  equal({ false, "pdf-forms 2" }, { vim.bo.modified, status() })
  matches("\nzwei\n", assert(client.skills:get("pdf-forms")).body)
  vim.cmd("write")
  equal(2, assert(client.skills:get("pdf-forms")).version)
  edit("posthog://skills/pdf-forms/scripts/run.py")
  replace("print(2)", "print(3)")
  vim.cmd("write")
  local skill = assert(client.skills:get("pdf-forms"))
  equal(3, skill.version)
  equal("print(1)\nprint(3)", assert(client.skills:file("pdf-forms", "scripts/run.py")).content)
  equal("spaced", assert(client.skills:file("pdf-forms", "references/a b%#.md")).content)
end)

it("creates a skill of a name that is new, and a file of a path that is new", function()
  local client = other()
  vim.cmd("PostHog new fresh-one")
  matches("^%-%-%-\nname: fresh%-one\n", text())
  equal("fresh-one (new)", status())
  vim.api.nvim_buf_set_lines(0, -1, -1, false, { "What to do." })
  vim.cmd("write")
  equal("# Fresh one\n\nWhat to do.", assert(client.skills:get("fresh-one")).body)
  edit("posthog://skills/fresh-one/references/new.md")
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { "new" })
  vim.cmd("write")
  equal("new", assert(client.skills:file("fresh-one", "references/new.md")).content)
  equal("fresh-one 2", status())
end)

it("lets undo tell whether a text is the one that was written", function()
  given()
  edit(SKILL)
  replace("two", "zwei")
  vim.cmd("write")
  replace("three", "drei")
  equal(true, vim.bo.modified)
  vim.cmd("silent undo")
  equal(false, vim.bo.modified)
  vim.cmd("silent undo")
  equal(true, vim.bo.modified)
  vim.cmd("silent redo")
  equal(false, vim.bo.modified)
end)

it(
  "stays modified while a slow server has not confirmed, and is not in the way of typing",
  function()
    local client = given()
    vim.g.posthog = { wait = 60 }
    edit(SKILL)
    wait(function()
      return status() == "pdf-forms 1"
    end)
    control("faults", { { match = { method = "PATCH" }, action = { delay = 4 } } })
    replace("two", "zwei")
    local from = vim.uv.hrtime()
    vim.cmd("write")
    local waited = (vim.uv.hrtime() - from) / 1e6
    assert(waited < 3500, ("waited %g ms"):format(waited))
    equal({ true, "pdf-forms 1, writing" }, { vim.bo.modified, status() })
    wait(function()
      return status() == "pdf-forms 2"
    end)
    equal(false, vim.bo.modified)
    vim.cmd("silent undo")
    equal(true, vim.bo.modified)
    vim.cmd("silent redo")
    equal(false, vim.bo.modified)
    matches("\nzwei\n", assert(client.skills:get("pdf-forms")).body)
  end
)

it("stays modified for what is typed while a write is on its way", function()
  local client = given()
  vim.g.posthog = { wait = 60 }
  edit(SKILL)
  wait(function()
    return status() == "pdf-forms 1"
  end)
  control("faults", { { match = { method = "PATCH" }, action = { delay = 0.4 } } })
  replace("two", "zwei")
  vim.cmd("write")
  replace("four", "vier")
  matches("a write of this skill is on its way", failure("write"))
  wait(function()
    return status() == "pdf-forms 2"
  end)
  equal(true, vim.bo.modified)
  matches("\nfour\n", assert(client.skills:get("pdf-forms")).body)
  control("faults", {})
  vim.cmd("write")
  wait(function()
    return status() == "pdf-forms 3"
  end)
  matches("\nvier\n", assert(client.skills:get("pdf-forms")).body)
end)

it("leaves text and 'modified' when the server is gone, and goes on when it is back", function()
  given()
  edit(SKILL)
  replace("two", "zwei")
  control("faults", { { match = { method = "PATCH" }, action = { status = 500 } } })
  matches("HTTP 500", failure("write"))
  equal(true, vim.bo.modified)
  control("faults", {})
  vim.cmd("write")
  equal({ false, "pdf-forms 2" }, { vim.bo.modified, status() })
end)

it("creates by another name, and never over what exists", function()
  local client = given()
  assert(client.skills:create({ name = "taken", description = "d", body = "taken" }))
  edit(SKILL)
  matches("taken/SKILL.md exists", failure("write posthog://skills/taken/SKILL.md"))
  equal("taken", assert(client.skills:get("taken")).body)
  matches(
    'its name is "pdf%-forms" and the skill\'s is "other"',
    failure("write posthog://skills/other/SKILL.md")
  )
  vim.cmd("write posthog://skills/pdf-forms/copy.md")
  matches("# PDF forms", assert(client.skills:file("pdf-forms", "copy.md")).content)
end)

it("says that a skill which is to be new is there already", function()
  listen()
  given()
  vim.cmd("PostHog new pdf-forms")
  equal("posthog: there is a skill pdf-forms already, and this is its text", said[#said])
  vim.cmd("PostHog new pdf-forms-2")
  equal(1, #said)
end)

it("says what has become of a write that was cancelled, and finds out by the next", function()
  listen()
  local client = given()
  vim.g.posthog = { wait = 60 }
  edit(SKILL)
  wait(function()
    return status() == "pdf-forms 1"
  end)
  control("faults", { { match = { method = "PATCH" }, action = { delay = 4, times = 1 } } })
  replace("two", "zwei")
  vim.cmd("write")
  wait(function()
    local log = requests()
    return log[#log].method == "PATCH"
  end)
  vim.cmd("PostHog cancel")
  wait(function()
    return said[#said]:find("the write was cancelled; whether the server has made it", 1, true)
  end)
  equal(true, vim.bo.modified)
  wait(function()
    return client.skills:get("pdf-forms").version == 2
  end)
  vim.g.posthog = { wait = 20000 }
  vim.cmd("write")
  equal({ false, 2 }, { vim.bo.modified, assert(client.skills:get("pdf-forms")).version })
end)

it("refuses the eleventh version within a minute", function()
  local client = given()
  edit(SKILL)
  for i = 1, 10 do
    vim.api.nvim_buf_set_lines(0, -1, -1, false, { "line " .. i })
    vim.cmd("write")
  end
  vim.api.nvim_buf_set_lines(0, -1, -1, false, { "once more" })
  matches("10 versions of pdf%-forms were published within a minute", failure("write"))
  equal({ 11, true }, { assert(client.skills:get("pdf-forms")).version, vim.bo.modified })
end)

it("waits for a write that is on its way before :wqa quits", function()
  local client = given()
  vim.g.posthog = { wait = 20 }
  edit(SKILL)
  wait(function()
    return status() == "pdf-forms 1"
  end)
  control("faults", { { match = { method = "PATCH" }, action = { delay = 0.3 } } })
  replace("two", "zwei")
  vim.cmd("write")
  vim.cmd("doautocmd <nomodeline> QuitPre")
  equal({ false, "pdf-forms 2" }, { vim.bo.modified, status() })
  matches("\nzwei\n", assert(client.skills:get("pdf-forms")).body)
end)

it("waits longer for the writes of :wqa itself", function()
  local client = given()
  vim.g.posthog = { wait = 20 }
  edit(SKILL)
  wait(function()
    return status() == "pdf-forms 1"
  end)
  edit("posthog://skills/pdf-forms/scripts/run.py")
  wait(function()
    return status() == "pdf-forms 1"
  end)
  replace("print(1)", "print(9)")
  vim.cmd("buffer SKILL.md")
  replace("two", "zwei")
  control("faults", { { match = { method = "PATCH" }, action = { delay = 0.2 } } })
  local written
  vim.api.nvim_create_autocmd("VimLeavePre", {
    callback = function()
      written = client.skills:get("pdf-forms")
      local file = client.skills:file("pdf-forms", "scripts/run.py").content
      local ok = written.body:find("zwei", 1, true) and file:find("print(9)", 1, true)
      if not ok or written.version ~= 3 then
        io.stderr:write("not all was written: version ", written.version, "\n")
        vim.cmd("cquit 3")
      end
    end,
  })
  vim.o.hidden = true
  vim.cmd("wqall")
end)

it("waits for a write that is on its way when Neovim is left by :qa!", function()
  given()
  vim.g.posthog = { wait = 20 }
  edit(SKILL)
  wait(function()
    return status() == "pdf-forms 1"
  end)
  control("faults", { { match = { method = "PATCH" }, action = { delay = 0.3 } } })
  replace("two", "zwei")
  vim.cmd("write")
  vim.cmd("doautocmd <nomodeline> VimLeavePre")
  equal("pdf-forms 2", status())
end)

it("undoes what an autocommand has changed on the way to the server as one text", function()
  local client = given()
  edit(SKILL)
  vim.api.nvim_create_autocmd("BufWritePre", {
    pattern = "posthog://*",
    command = [[silent! keeppatterns %s/\s\+$//e]],
  })
  replace("two", "two   ")
  vim.cmd("write")
  matches("\ntwo\nthree", assert(client.skills:get("pdf-forms")).body)
  equal(false, vim.bo.modified)
end)

--- What is shown at the lines of the buffer.
local function shown()
  local list = {}
  for _, found in ipairs(vim.diagnostic.get(0)) do
    local severity = vim.diagnostic.severity[found.severity]
    list[#list + 1] = ("%d %s %s"):format(found.lnum + 1, severity, found.message)
  end
  return list
end

it("shows what would be refused while one types, and refuses it before anything is sent", function()
  local client = given()
  edit(SKILL)
  equal({}, shown())
  replace("^description:.*$", "description:")
  wait(function()
    return #shown() > 0
  end)
  matches("^3 %u+ .*description", shown()[1])
  vim.api.nvim_buf_set_lines(0, 2, 3, false, {
    "description: Fills in forms.",
    "allowed-tools: Bash(git add:*) Read",
  })
  local since = #requests()
  matches("SKILL%.md:4: ", failure("write"))
  equal(since, #requests())
  matches("^4 ERROR ", shown()[1])
  vim.api.nvim_buf_set_lines(0, 3, 4, false, { "allowed-tools: Read" })
  vim.cmd("write")
  equal({}, shown())
  equal({ "Read" }, assert(client.skills:get("pdf-forms")).allowed_tools)
end)

it("shows nothing where lint is switched off", function()
  vim.g.posthog = { lint = false }
  given()
  edit(SKILL)
  replace("^description:.*$", "description:")
  vim.wait(500)
  equal({}, shown())
end)

it("takes a version with the same text for its own, as after a lost response", function()
  local client = given()
  edit(SKILL)
  replace("two", "zwei")
  publish(client, function(body)
    return (body:gsub("two", "zwei"))
  end)
  vim.cmd("write")
  equal({ false, "pdf-forms 2", 2 }, {
    vim.bo.modified,
    status(),
    assert(client.skills:get("pdf-forms")).version,
  })
end)

it("publishes once when the response to a write is lost", function()
  local client = given()
  vim.g.posthog = { wait = 20000 }
  edit(SKILL)
  control("faults", { { match = { method = "PATCH" }, action = { close = "after", times = 1 } } })
  replace("two", "zwei")
  vim.cmd("write")
  equal({ false, "pdf-forms 2" }, { vim.bo.modified, status() })
  equal(2, assert(client.skills:get("pdf-forms")).version)
end)

it("deletes a file after asking, and an item, which comes back", function()
  local answer = 2
  vim.fn.confirm = function()
    return answer
  end
  local client = given()
  edit("posthog://skills/pdf-forms/scripts/run.py")
  vim.cmd("PostHog delete")
  equal(1, assert(client.skills:get("pdf-forms")).version)
  answer = 1
  vim.cmd("PostHog delete")
  wait(function()
    return vim.api.nvim_buf_get_name(0) ~= "posthog://skills/pdf-forms/scripts/run.py"
  end)
  equal(1, #assert(client.skills:get("pdf-forms")).files)
  local _, dataset, id = given_item("1")
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  vim.cmd("PostHog delete")
  equal(0, #assert(client.dataset_items:list({ dataset = dataset })).results)
  vim.cmd("PostHog undelete")
  equal(1, #assert(client.dataset_items:list({ dataset = dataset })).results)
end)

it("archives after the name was typed, and not for another word", function()
  local typed = "no"
  vim.fn.input = function()
    return typed
  end
  local client = given()
  edit(SKILL)
  vim.cmd("PostHog archive")
  assert(client.skills:get("pdf-forms"))
  typed = "pdf-forms"
  vim.cmd("PostHog archive")
  equal(nil, (client.skills:get("pdf-forms")))
end)

it("saves a copy by :saveas, which creates, and goes on in it", function()
  local client = given()
  edit("posthog://skills/pdf-forms/scripts/run.py")
  vim.cmd("saveas posthog://skills/pdf-forms/scripts/copy.py")
  equal("print(1)\nprint(2)", assert(client.skills:file("pdf-forms", "scripts/copy.py")).content)
  equal("posthog://skills/pdf-forms/scripts/copy.py", vim.api.nvim_buf_get_name(0))
  equal(false, vim.bo.modified)
  matches("exists", failure("saveas posthog://skills/pdf-forms/SKILL.md"))
end)

it("publishes the undo of what it has published", function()
  local client = given()
  edit(SKILL)
  replace("two", "zwei")
  vim.cmd("write")
  vim.cmd("silent undo")
  vim.cmd("write")
  equal({ false, "pdf-forms 3" }, { vim.bo.modified, status() })
  matches("\ntwo\n", assert(client.skills:get("pdf-forms")).body)
end)

it("sends every write of a read-only buffer that was confirmed late", function()
  local client = given()
  vim.g.posthog = { wait = 20 }
  edit(SKILL)
  wait(function()
    return status() == "pdf-forms 1"
  end)
  control("faults", { { match = { method = "PATCH" }, action = { delay = 0.2 } } })
  vim.bo.readonly = true
  for i, change in ipairs({ { "two", "zwei" }, { "zwei", "deux" } }) do
    replace(change[1], change[2])
    vim.cmd("write!")
    wait(function()
      return status() == "pdf-forms " .. i + 1
    end)
  end
  equal(false, vim.bo.modified)
  matches("\ndeux\n", assert(client.skills:get("pdf-forms")).body)
end)

it("keeps a text that is not published when its file is deleted", function()
  vim.fn.confirm = function()
    return 1
  end
  local client = given()
  edit("posthog://skills/pdf-forms/scripts/run.py")
  replace("print(2)", "print(3)")
  vim.cmd("PostHog delete")
  equal(1, #assert(client.skills:get("pdf-forms")).files)
  equal({ "print(1)\nprint(3)", true }, { text(), vim.bo.modified })
  matches("was deleted meanwhile", failure("write"))
end)

it("gives all buffers of a skill the new name", function()
  if vim.env.EMULATOR_PROFILE ~= "current" then
    return -- older servers cannot
  end
  local client = given()
  edit("posthog://skills/pdf-forms/scripts/run.py")
  vim.o.hidden = true
  edit(SKILL)
  vim.cmd("PostHog rename forms")
  wait(function()
    return vim.api.nvim_buf_get_name(0) == "posthog://skills/forms/SKILL.md"
  end)
  vim.cmd("buffer run.py")
  equal("posthog://skills/forms/scripts/run.py", vim.api.nvim_buf_get_name(0))
  replace("print(1)", "print(9)")
  vim.cmd("write")
  equal("print(9)\nprint(2)", assert(client.skills:file("forms", "scripts/run.py")).content)
end)

it("counts no write that failed among the versions of a minute", function()
  given()
  edit(SKILL)
  replace("two", "zwei")
  control("faults", { { match = { method = "PATCH" }, action = { status = 400 } } })
  for _ = 1, 12 do
    matches("HTTP 400", failure("write"))
  end
  control("faults", {})
  vim.cmd("write")
  equal("pdf-forms 2", status())
end)

return scenarios
