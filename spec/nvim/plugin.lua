--- What is to hold of the editor plugin in a real Neovim, each in a process of its own: pairs of a
--- sentence and a function. spec/nvim_plugin_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")

local SKILL = support.SKILL
local another_editor = support.another_editor
local checkhealth = support.checkhealth
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

it("loads nothing, starts nothing and asks for nothing before it is used", function()
  vim.wait(30)
  for name in pairs(package.loaded) do
    assert(not name:find("^posthog"), name .. " is loaded")
  end
  equal(0, #requests())
  equal(2, vim.fn.exists(":PostHog"))
end)

it("opens a skill as a SKILL.md, with the filetype of its name and nothing to undo", function()
  given()
  edit(SKILL)
  matches(
    "^%-%-%-\nname: pdf%-forms\ndescription: Fills in PDF forms%.\n%-%-%-\n\n# PDF forms\n",
    text()
  )
  equal({ "markdown", "acwrite", false, 0 }, {
    vim.bo.filetype,
    vim.bo.buftype,
    vim.bo.modified,
    vim.fn.undotree().seq_last,
  })
  equal("pdf-forms 1", status())
end)

it("opens bundled files whatever characters their paths hold", function()
  given()
  edit("posthog://skills/pdf-forms/references/a b%#.md")
  equal("spaced", text())
  edit("posthog://skills/pdf-forms/scripts/run.py")
  equal({ "print(1)\nprint(2)", "python" }, { text(), vim.bo.filetype })
end)

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

it("opens a version read-only, and refuses to write it", function()
  given()
  edit(SKILL)
  replace("two", "zwei")
  vim.cmd("write")
  edit("posthog://skills/pdf-forms@1/SKILL.md")
  matches("\ntwo\n", text())
  equal({ true, false }, { vim.bo.readonly, vim.bo.modifiable })
  matches("this is a version, which never changes", failure("write!"))
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

it("shows an error in place of a text, and never as one", function()
  listen()
  control("faults", { { match = { method = "GET" }, action = { status = 500 } } })
  vim.g.posthog = { wait = 20000 }
  matches("HTTP 500", failure("edit " .. SKILL))
  equal({ "", false }, { text(), vim.bo.modifiable })
end)

it("never runs what a body says: modelines, commands, source", function()
  given("# vim: set tabstop=77 :\n\nvim: set tabstop=77 :")
  vim.o.modeline = true
  edit(SKILL)
  assert(vim.bo.tabstop ~= 77, "a modeline was run")
  matches("E484", failure("source " .. SKILL))
  matches("only a whole buffer", failure("1,2write! " .. SKILL))
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

it("goes through its lists by <CR> and -", function()
  given()
  edit("posthog://")
  equal("skills/\ndatasets/", text())
  vim.api.nvim_feedkeys(vim.keycode("<CR>"), "xt", false)
  matches("^pdf%-forms%s+Fills in PDF forms%.$", text())
  vim.api.nvim_feedkeys(vim.keycode("<CR>"), "xt", false)
  equal("SKILL.md\nreferences/a b%#.md\nscripts/run.py", text())
  vim.api.nvim_feedkeys(vim.keycode("j<CR>"), "xt", false)
  equal("spaced", text())
  edit("posthog://skills/pdf-forms/")
  vim.api.nvim_feedkeys("-", "xt", false)
  equal("posthog://skills/", vim.api.nvim_buf_get_name(0))
end)

it("reads a list again when it is shown again, and says where it is empty", function()
  edit("posthog://skills/")
  equal("no skills yet: :PostHog new NAME", text())
  vim.api.nvim_feedkeys(vim.keycode("<CR>"), "xt", false)
  equal("posthog://skills/", vim.api.nvim_buf_get_name(0))
  given()
  edit("posthog://datasets/")
  equal("no datasets yet", text())
  edit("posthog://skills/")
  matches("^pdf%-forms", text())
  vim.api.nvim_feedkeys(vim.keycode("<CR>"), "xt", false)
  equal("posthog://skills/pdf-forms/", vim.api.nvim_buf_get_name(0))
end)

it("shows the response to the later request, also where it comes first", function()
  given()
  vim.g.posthog = { wait = 20 }
  control("faults", { { match = { path = "skills" }, action = { delay = 1, times = 1 } } })
  edit("posthog://skills/")
  wait(function()
    return #requests() > 0
  end)
  assert(other().skills:create({ name = "a-second", description = "d", body = "b" }))
  vim.cmd("edit")
  wait(function()
    return text():find("a%-second")
  end)
  vim.wait(1500)
  matches("a%-second", text())
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

it(
  "leaves no diff mode behind where the version is not there, and says when nothing is written",
  function()
    listen()
    given()
    edit(SKILL)
    vim.cmd("PostHog diff 7")
    wait(function()
      return #said > 0
    end)
    matches("has no version 7", said[#said])
    equal({ false, 1 }, { vim.wo.diff, #vim.api.nvim_list_wins() })
    vim.cmd("write")
    matches("nothing to write: the server has this text", said[#said])
  end
)

it("lists versions in the location list, and opens one", function()
  given()
  edit(SKILL)
  replace("two", "zwei")
  vim.cmd("PostHog publish said in German")
  vim.cmd("PostHog history")
  local list = vim.fn.getloclist(0)
  equal(2, #list)
  matches("^version 2  %d+%-%d+%-%d+ %d+:%d+", list[1].text)
  local note = assert(other().skills:get("pdf-forms")).version_description
  equal(vim.env.EMULATOR_PROFILE == "current" and "said in German" or nil, note)
  vim.cmd("lnext")
  equal("posthog://skills/pdf-forms@1/SKILL.md", vim.api.nvim_buf_get_name(0))
end)

it("picks by vim.ui.select", function()
  given()
  local asked = {}
  vim.ui.select = function(items, options, done)
    asked[#asked + 1] = options.kind
    done(options.kind == "posthog.skill" and items[1] or items[3])
  end
  vim.cmd("PostHog")
  wait(function()
    return vim.api.nvim_buf_get_name(0) == "posthog://skills/pdf-forms/scripts/run.py"
  end)
  equal({ "posthog.skill", "posthog.file" }, asked)
end)

it("completes commands and names", function()
  given()
  local words = vim.fn.getcompletion("PostHog me", "cmdline")
  equal({ "merge" }, words)
  equal({ "pdf-forms" }, vim.fn.getcompletion("PostHog open pdf", "cmdline"))
  equal({ "both", "mine", "theirs" }, vim.fn.getcompletion("PostHog take ", "cmdline"))
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

it("takes the line ends of a text for its file format, and gives them back", function()
  local client = other()
  assert(client.skills:create({
    name = "pdf-forms",
    description = "d",
    body = "b",
    files = { { path = "dos.bat", content = "one\r\ntwo" } },
  }))
  edit("posthog://skills/pdf-forms/dos.bat")
  equal({ "one\ntwo", "dos" }, { text(), vim.bo.fileformat })
  replace("two", "drei")
  vim.cmd("write")
  equal("one\r\ndrei", assert(client.skills:file("pdf-forms", "dos.bat")).content)
end)

it("names the unknown and the secret in vim.g.posthog, once", function()
  listen()
  given()
  vim.g.posthog = { colour = "red", api_key = "phx_secret", wait = "long" }
  edit(SKILL)
  equal(1, #said)
  matches("vim%.g%.posthog%.colour is unknown", said[1])
  matches("vim%.g%.posthog%.api_key is not used", said[1])
  matches("vim%.g%.posthog%.wait: number expected, got string", said[1])
  assert(not said[1]:find("phx_secret", 1, true))
end)

it("takes the key from a command or a file, and shows it nowhere", function()
  given()
  vim.env.POSTHOG_PERSONAL_API_KEY = nil
  local path = vim.fn.tempname()
  vim.fn.writefile({ "phx_emulator_all" }, path)
  vim.g.posthog = { key_file = path, host = vim.env.POSTHOG_HOST, project = 112358 }
  edit(SKILL)
  equal("pdf-forms 1", status())
  vim.g.posthog = {
    key_command = { "echo", "phx_emulator_wrong" },
    host = vim.env.POSTHOG_HOST,
    project = 112358,
  }
  local words = failure("edit posthog://skills/pdf-forms/scripts/run.py")
  matches("401", words)
  assert(not words:find("phx_emulator_wrong", 1, true), words)
end)

it("says what is missing where there is no key", function()
  vim.env.POSTHOG_PERSONAL_API_KEY = nil
  local words = failure("edit " .. SKILL)
  matches("POSTHOG_PERSONAL_API_KEY", words)
  assert(not words:find("traceback", 1, true), words)
end)

it("loads a large skill, and takes a version of it", function()
  local client = given(("a line of text\n"):rep(60000))
  vim.g.posthog = { wait = 20000 }
  edit(SKILL)
  equal(60005, vim.api.nvim_buf_line_count(0))
  vim.api.nvim_buf_set_lines(0, -1, -1, false, { "the end" })
  vim.cmd("write")
  equal(false, vim.bo.modified)
  matches("the end$", assert(client.skills:get("pdf-forms")).body)
end)

it("finds all well by :checkhealth", function()
  local shown = checkhealth()
  matches("OK Neovim 0%.%d+", shown)
  matches("OK posthog%-llm 0%.", shown)
  matches("OK credentials: POSTHOG_PERSONAL_API_KEY", shown)
  matches("OK skills read: llm_skill:read", shown)
  matches("OK datasets read: dataset:read", shown)
  assert(not shown:find("ERROR"), shown)
  assert(not shown:find("phx_emulator", 1, true), shown)
end)

it("names what is wrong by :checkhealth: the key, the settings", function()
  vim.env.POSTHOG_PERSONAL_API_KEY = "phx_wrong"
  vim.g.posthog = { colour = 1 }
  local shown = checkhealth()
  matches("WARNING vim%.g%.posthog%.colour is unknown", shown)
  matches("ERROR key accepted: the key is not valid", shown)
  vim.env.POSTHOG_PERSONAL_API_KEY = nil
  shown = checkhealth()
  matches("ERROR credentials: no key: ", shown)
  matches("or set POSTHOG_PERSONAL_API_KEY", shown)
end)

--- Every name that a pattern finds, once.
local function names_in(texts, pattern)
  local found = {}
  for name in texts:gmatch(pattern) do
    found[name] = true
  end
  local names = vim.tbl_keys(found)
  table.sort(names)
  return names
end

it(
  "tells all its commands, settings, maps, events and functions in its help, and no more",
  function()
    local help = table.concat(vim.fn.readfile("doc/posthog.txt"), "\n") .. "\n"
    local code = ""
    for _, path in ipairs(vim.fn.glob("lua/posthog/nvim/*.lua", true, true)) do
      code = code .. table.concat(vim.fn.readfile(path), "\n")
    end
    equal(require("posthog.nvim.commands").names(), names_in(help, "%*:PostHog%-(%l+)%*"))
    equal(names_in(code, 'fire%("(%a+)"'), names_in(help, "%*PostHog(%u%a+)%*"))
    local maps = {}
    for _, map in ipairs(vim.api.nvim_get_keymap("n")) do
      maps[#maps + 1] = map.lhs:match("^<Plug>%(PostHog.*%)$")
    end
    table.sort(maps)
    equal(maps, names_in(help, "%*(<Plug>%(PostHog[%a-]*%))%*"))
    local config = require("posthog.nvim.config")
    local settings = vim.tbl_keys(vim.tbl_extend("error", config.TYPES, config.SPEND_TYPES))
    table.sort(settings)
    local section = help:match("%*g:posthog%*.-\n=====")
    equal(settings, names_in(section, "\n([%l_]+)\t"))
    local functions = vim.tbl_keys(require("posthog.nvim"))
    table.sort(functions)
    equal(functions, names_in(help, '`require%("posthog%.nvim"%)%.([%l_]+)%('))
  end
)

it("has a help of lines that fit, with tags that are there once", function()
  local lines = vim.fn.readfile("doc/posthog.txt")
  vim.bo.tabstop = 8
  for number, line in ipairs(lines) do
    local width = vim.fn.strdisplaywidth(line)
    assert(width <= 78, ("doc/posthog.txt:%d is %d columns wide"):format(number, width))
  end
  local folder = vim.fn.tempname()
  vim.fn.mkdir(folder .. "/doc", "p")
  vim.fn.writefile(lines, folder .. "/doc/posthog.txt")
  vim.cmd("helptags " .. folder .. "/doc") -- fails where one is there twice
  vim.opt.runtimepath:prepend(folder)
  vim.cmd("help posthog-conflicts")
  matches("Conflicts", text())
end)

it("fires its events with data", function()
  local client, events = given(), {}
  for _, name in ipairs({ "Loaded", "Published", "Conflict", "Failed" }) do
    vim.api.nvim_create_autocmd("User", {
      pattern = "PostHog" .. name,
      callback = function(event)
        events[#events + 1] = { name, event.data.version or event.data.err:match("HTTP %d+") }
      end,
    })
  end
  edit(SKILL)
  replace("two", "zwei")
  vim.cmd("write")
  publish(client, function(body)
    return (body:gsub("zwei", "dos"))
  end)
  replace("zwei", "deux")
  failure("write")
  control("faults", { { match = { method = "PATCH" }, action = { status = 500 } } })
  failure("write!")
  equal(
    { { "Loaded", 1 }, { "Published", 2 }, { "Conflict", 3 }, { "Failed", "HTTP 500" } },
    events
  )
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

it("opens nothing when nothing is picked, and a skill of one file without asking for it", function()
  given()
  assert(other().skills:create({ name = "short", description = "One body.", body = "all" }))
  local asked, pick = {}, nil
  vim.ui.select = function(items, options, done)
    asked[#asked + 1] = options.kind
    done(pick and vim.tbl_filter(function(item)
      return item.name == pick
    end, items)[1])
  end
  vim.cmd("PostHog")
  wait(function()
    return #asked == 1
  end)
  vim.wait(60)
  equal("", vim.api.nvim_buf_get_name(0))
  pick = "short"
  vim.cmd("PostHog")
  wait(function()
    return text():find("all$") ~= nil
  end)
  equal({ "posthog.skill", "posthog.skill" }, asked)
end)

it("shows the errors of the library, call and host included", function()
  listen()
  vim.env.POSTHOG_PERSONAL_API_KEY = "phx_unknown"
  vim.cmd("PostHog spend")
  vim.cmd("PostHog")
  wait(function()
    return #said == 2
  end)
  table.sort(said)
  matches("^posthog: skills:each: auth: the key is not valid", said[1])
  matches("^posthog: spend:get: auth: the key is not valid", said[2])
end)

it("loads its buffers again when a session is restored", function()
  given()
  edit(SKILL)
  vim.cmd("split")
  edit("posthog://skills/pdf-forms/scripts/run.py")
  local path = vim.fn.tempname() .. ".vim"
  vim.cmd("mksession " .. path)
  vim.cmd("silent %bwipeout!")
  vim.cmd("silent source " .. path)
  wait(function()
    return text() == "print(1)\nprint(2)"
  end)
  equal("pdf-forms 1", status())
  edit(SKILL)
  matches("# PDF forms", text())
  replace("two", "zwei")
  vim.cmd("write")
  equal("pdf-forms 2", status())
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

it("asks for ! where a text comes from a swap file, whose base nobody knows", function()
  given()
  local swap = vim.fn.tempname()
  vim.fn.mkdir(swap, "p")
  vim.o.directory = swap .. "//"
  local channel = another_editor()
  vim.rpcrequest(channel, "nvim_exec2", "set swapfile directory=" .. swap .. "// updatecount=1", {})
  vim.rpcrequest(channel, "nvim_exec2", "edit " .. SKILL, {})
  vim.rpcrequest(channel, "nvim_exec2", "%s/two/of the crash/", {})
  vim.rpcrequest(channel, "nvim_exec2", "preserve", {})
  vim.uv.kill(vim.fn.jobpid(channel), "sigkill")
  vim.fn.jobwait({ channel })
  vim.o.swapfile = true
  vim.cmd("silent! recover " .. vim.fn.fnameescape(vim.fn.glob(swap .. "/*", true, true)[1]))
  matches("of the crash", text())
  equal(SKILL, vim.api.nvim_buf_get_name(0))
  matches("swap file", failure("write"))
  vim.cmd("write!")
  matches("of the crash", assert(other().skills:get("pdf-forms")).body)
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

it("runs no escape of a name or a description", function()
  local client = other()
  assert(client.skills:create({
    name = "odd",
    description = "a\27[31mred\7 | %{expr} \r x",
    body = "b",
  }))
  edit("posthog://skills/")
  assert(not text():find("%c"), vim.inspect(text()))
  matches("red", text())
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

it("opens bundled files by gf, relative to the file or to the skill", function()
  given("See [the script](scripts/run.py) and (../outside.md).")
  edit(SKILL)
  vim.fn.search("scripts/run")
  vim.cmd("normal! gf")
  equal("posthog://skills/pdf-forms/scripts/run.py", vim.api.nvim_buf_get_name(0))
  equal("print(1)\nprint(2)", text())
  edit(SKILL)
  vim.fn.search("\\.\\./outside")
  local ran = pcall(vim.cmd, "normal! gf")
  equal({ false, SKILL }, { ran, vim.api.nvim_buf_get_name(0) })
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

it("keeps emoji, quotes and spaces in names of files, and in texts", function()
  local client = given()
  local path = 'notes/it\'s "a" 100% 🦔.md'
  edit("posthog://skills/pdf-forms/" .. path)
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { "ünï 🦔 'q' \"d\" %s" })
  vim.cmd("write")
  equal("ünï 🦔 'q' \"d\" %s", assert(client.skills:file("pdf-forms", path)).content)
end)

it("offers pickers a preview of what they list", function()
  given()
  local number
  vim.ui.select = function(items, options)
    number = options.preview_item(items[1]).buf
  end
  vim.cmd("PostHog")
  wait(function()
    return number and vim.api.nvim_buf_line_count(number) > 3
  end)
  equal("markdown", vim.bo[number].filetype)
  equal("# PDF forms", vim.api.nvim_buf_get_lines(number, 5, 6, false)[1])
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

it("runs no command that the path of a file holds", function()
  given()
  vim.ui.select = function(items, options, done)
    done(options.kind == "posthog.skill" and items[1] or "x\nlua=rawset(_G,_VERSION,true)")
  end
  vim.cmd("PostHog")
  wait(function()
    return vim.api.nvim_buf_get_name(0) ~= ""
  end)
  vim.wait(50)
  equal(nil, rawget(_G, _VERSION))
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

it("asks each key command for its own key", function()
  given()
  vim.env.POSTHOG_PERSONAL_API_KEY = nil
  local function use(key)
    vim.g.posthog = { key_command = { "echo", key }, host = vim.env.POSTHOG_HOST, project = 112358 }
  end
  use("phx_emulator_all")
  edit(SKILL)
  use("phx_emulator_wrong")
  matches("401", failure("edit posthog://skills/pdf-forms/scripts/run.py"))
end)

it("opens a bundled file whose path holds a space, by :PostHog open", function()
  given()
  vim.cmd("PostHog open pdf-forms/references/a b%#.md")
  equal("spaced", text())
end)

it("waits for no time that Neovim does not know", function()
  given()
  for _, value in ipairs({ -1, 0.5, math.huge }) do
    vim.g.posthog = { wait = value, items = value }
    vim.cmd("silent! %bwipeout!")
    edit(SKILL)
    wait(function()
      return status() == "pdf-forms 1"
    end)
  end
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

it("copies within the account of the buffer, whatever the settings name by then", function()
  local client = given()
  edit("posthog://skills/pdf-forms/scripts/run.py")
  vim.g.posthog = { key_command = { "echo", "phx_emulator_wrong" } }
  vim.cmd("write posthog://skills/pdf-forms/scripts/copy.py")
  equal("print(1)\nprint(2)", assert(client.skills:file("pdf-forms", "scripts/copy.py")).content)
end)

it("opens versions, links and entries of lists with the account of the buffer", function()
  given("See scripts/run.py.")
  edit("posthog://skills/pdf-forms/")
  edit(SKILL)
  replace("Fills", "Fills (now)")
  vim.cmd("write")
  vim.g.posthog = { project = 271828 } -- has no such skill
  vim.fn.search("scripts/run")
  vim.cmd("normal! gf")
  equal("print(1)\nprint(2)", text())
  vim.cmd("buffer " .. vim.fn.fnameescape(SKILL))
  vim.cmd("PostHog diff 1")
  matches("Fills in PDF forms", text())
  vim.cmd("only")
  vim.cmd("buffer " .. vim.fn.fnameescape("posthog://skills/pdf-forms/"))
  vim.api.nvim_feedkeys(vim.keycode("2G<CR>"), "xt", false)
  equal("spaced", text())
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
