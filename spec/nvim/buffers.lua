--- What buffers and lists show of skills, and how they are opened, each in a process of its own.
--- spec/nvim_buffers_spec.lua names them as tests.

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
local other = support.other
local replace = support.replace
local requests = support.requests
local said = support.said
local status = support.status
local text = support.text
local wait = support.wait

local scenarios, it = support.list()

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

it("opens a bundled file whose path holds a space, by :PostHog open", function()
  given()
  vim.cmd("PostHog open pdf-forms/references/a b%#.md")
  equal("spaced", text())
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

return scenarios
