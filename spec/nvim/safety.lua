--- What the plugin keeps, and keeps to itself: texts of a crash, writes by autocommands, names, the key.
--- Each in a process of its own; spec/nvim_safety_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")
local terminal = require("spec.nvim.terminal")

local SKILL = support.SKILL
local control = support.control
local edit = support.edit
local equal = support.equal
local failure = support.failure
local given = support.given
local matches = support.matches
local publish = support.publish
local replace = support.replace
local status = support.status
local text = support.text
local wait = support.wait

local RUN = "posthog://skills/pdf-forms/scripts/run.py"

local scenarios, it = support.list()

local function body_of(client)
  return assert(client.skills:get("pdf-forms")).body
end

--- An editor at home, with swap files and a memory.
local function at_home(settings, env)
  return terminal.start(settings, { keeps_files = true, env = env })
end

--- An editor that has changed the skill is killed. What another one shows after it has recovered that.
--- @param settings? table of the other one
local function crash_and_recover(settings, before)
  local term = at_home()
  term:type(":edit " .. SKILL .. "<CR>")
  term:shows("# PDF forms")
  term:type("Goof the crash<Esc>:preserve<CR>")
  term:shows("File preserved")
  local pid = term:lua("vim.fn.getpid()")
  vim.uv.kill(pid, "sigkill")
  term:wait(function()
    return vim.uv.kill(pid, 0) ~= 0
  end)
  before()
  term = at_home(settings)
  term:type(":edit " .. SKILL .. "<CR>")
  term:wait(function()
    if term:screen():find("-- More --", 1, true) then
      term:type("<Space>")
      vim.wait(200)
    end
    return term:screen():find("(R)ecover", 1, true)
  end, "nothing offers to recover")
  term:type("r")
  term:dismiss(function()
    local lines = vim.rpcrequest(term.channel, "nvim_buf_get_lines", 0, 0, -1, false)
    return table.concat(lines, "\n"):find("of the crash", 1, true)
  end, "the text of the crash is not here")
  return term
end

it("recovers what a killed editor had, and takes it for no change of the latest version", function()
  local client = given()
  local term = crash_and_recover(nil, function()
    publish(client, function(body)
      return (body:gsub("two", "TWO"))
    end)
  end)
  matches("\ntwo\n", term:text())
  term:type("Goand more<Esc>:write<CR>")
  term:shows("from a swap file")
  term:type("<CR>")
  matches("\nTWO\n", body_of(client))
  term:type(":PostHog diff latest<CR>")
  term:wait(function()
    return #term:request("nvim_list_wins") == 2
  end)
  term:type("/two<CR>do:write!<CR>")
  term:wait(function()
    return term:lua("require('posthog.nvim').status()") == "pdf-forms 3"
  end)
  matches("\nTWO\nthree\nfour\nfive\nsix\nof the crash\nand more$", body_of(client))
end)

it("keeps what was recovered when the server's text comes late", function()
  local client = given()
  local term = crash_and_recover({ wait = 20 }, function()
    control("faults", { { match = { method = "GET" }, action = { delay = 1 } } })
  end)
  vim.wait(3000)
  matches("of the crash$", term:text())
  control("faults", {})
  term:type(":write<CR>")
  term:shows("from a swap file")
  term:type("<CR>:write!<CR>")
  term:wait(function()
    return body_of(client):find("of the crash$")
  end)
end)

it("keeps what was recovered when the text cannot be read", function()
  local client = given()
  local term = crash_and_recover({ wait = 5000 }, function()
    control("faults", { { match = { method = "GET" }, action = { status = 403 } } })
  end)
  matches("of the crash$", term:text())
  control("faults", {})
  term:type("Goand more<Esc>:write<CR>")
  term:shows("from a swap file")
  term:type("<CR>:write!<CR>")
  term:wait(function()
    return body_of(client):find("and more$")
  end)
end)

--- Whatever an editor at home has written, by the paths of the files.
local function files_at_home()
  local found = {}
  for name, kind in vim.fs.dir(vim.env.HOME, { depth = 12 }) do
    if kind == "file" then
      local file = io.open(vim.env.HOME .. "/" .. name, "rb")
      found[name] = file and file:read("*a") or ""
      if file then
        file:close()
      end
    end
  end
  return found
end

it("writes the key into no file: shada, swap, undo, session, cache; and into no message", function()
  given()
  local secret = "phx_emulator_all"
  local path = vim.env.HOME .. "/key"
  vim.fn.writefile({ secret }, path)
  local term = at_home({ key_file = path, host = vim.env.POSTHOG_HOST, project = 112358 }, {
    POSTHOG_PERSONAL_API_KEY = "",
    SHELL = "/bin/sh",
  })
  term:type(":set undofile updatecount=1 shada+=! sessionoptions+=globals,localoptions<CR>")
  term:type(":edit " .. SKILL .. "<CR>")
  term:shows("# PDF forms")
  term:type(":%s/two/zwei/<CR>:write<CR>")
  term:shows("version 2 of pdf-forms is published")
  term:type(":lua vim.api.nvim_echo({ { require('posthog.nvim').spend() } }, true, {})<CR>")
  term:type(":PostHog open nothing-here<CR>:checkhealth posthog<CR>")
  term:shows("posthog-llm")
  term:type(":PostHog spend<CR>")
  term:shows("LLM spend")
  term:type("q:edit " .. RUN .. "<CR>")
  term:shows("print(2)")
  term:type("Gothree<Esc>:preserve<CR>:mksession! ~/session.vim<CR>:wshada!<CR>")
  local kinds
  local function are_all_written()
    kinds = {}
    for name in pairs(files_at_home()) do
      kinds[name:match("[^./]*$")] = true
    end
    return kinds.shada and kinds.swp and kinds.vim and kinds.json
  end
  vim.wait(20000, are_all_written, 50)
  assert(not term:messages():find(secret, 1, true), term:messages())
  term:type(":verbose let g: | verbose let b: | verbose set all<CR>")
  term:shows("-- More --")
  assert(not term:screen():find(secret, 1, true), term:screen())
  for name, content in pairs(files_at_home()) do
    assert(name == "key" or not content:find(secret, 1, true), name .. " has the key")
  end
  for _, kind in ipairs({ "shada", "swp", "vim", "json" }) do
    assert(kinds[kind], "nothing was written that ends in ." .. kind)
  end
  term:type("<C-C>:qall!<CR>")
end)

it("publishes what 'autowriteall' writes when one goes on to another buffer", function()
  local client = given()
  vim.o.autowriteall, vim.o.hidden = true, false
  edit(SKILL)
  replace("two", "zwei")
  edit(RUN)
  matches("\nzwei\n", body_of(client))
  replace("print(2)", "print(3)")
  vim.cmd("buffer SKILL.md")
  equal("print(1)\nprint(3)", assert(client.skills:file("pdf-forms", "scripts/run.py")).content)
  equal("pdf-forms 3", status())
end)

it("stays where 'autowriteall' meets a conflict, or a server that is slow", function()
  local client = given()
  vim.o.autowriteall, vim.o.hidden = true, false
  edit(SKILL)
  publish(client, function(body)
    return (body:gsub("two", "TWO"))
  end)
  replace("two", "zwei")
  failure("edit " .. RUN)
  equal({ SKILL, true }, { vim.api.nvim_buf_get_name(0), vim.bo.modified })
  matches("\nTWO\n", body_of(client))
  vim.cmd("edit!")
  replace("TWO", "zwei")
  vim.g.posthog = { wait = 20 }
  control("faults", { { match = { method = "PATCH" }, action = { delay = 0.3 } } })
  failure("edit " .. RUN)
  equal(SKILL, vim.api.nvim_buf_get_name(0))
  wait(function()
    return not vim.bo.modified
  end)
  matches("\nzwei\n", body_of(client))
end)

it(
  "publishes by autocommands that write: when a buffer is left, and all when the focus is",
  function()
    local client = given()
    vim.o.hidden = true
    vim.api.nvim_create_autocmd("BufLeave", { pattern = "posthog://*", command = "silent! update" })
    vim.api.nvim_create_autocmd("FocusLost", { nested = true, command = "silent! wall" })
    edit(SKILL)
    replace("two", "zwei")
    edit(RUN) -- not nested: Neovim's own :write, and BufWriteCmd with it, waits for FocusLost
    replace("print(2)", "print(3)")
    vim.cmd("doautocmd <nomodeline> FocusLost")
    matches("\nzwei\n", body_of(client))
    equal("print(1)\nprint(3)", assert(client.skills:file("pdf-forms", "scripts/run.py")).content)
    for _, number in ipairs(vim.api.nvim_list_bufs()) do
      equal(false, vim.bo[number].modified)
    end
  end
)

it("publishes all buffers of a skill by :wall, and leaves modified what has to wait", function()
  local client = given()
  vim.o.hidden = true
  edit(SKILL)
  replace("two", "zwei")
  edit(RUN)
  replace("print(2)", "print(3)")
  vim.g.posthog = { wait = 20 }
  control("faults", { { match = { method = "PATCH" }, action = { delay = 1 } } })
  pcall(vim.cmd, "wall")
  local first = vim.fn.bufnr(SKILL)
  wait(function()
    return not vim.bo[first].modified
  end)
  equal(true, vim.bo.modified)
  control("faults", {})
  pcall(vim.cmd, "wall")
  wait(function()
    return assert(client.skills:get("pdf-forms")).version == 3
  end)
  matches("\nzwei\n", body_of(client))
  equal("print(1)\nprint(3)", assert(client.skills:file("pdf-forms", "scripts/run.py")).content)
end)

it("keeps no undo file whose changes would be of another text", function()
  given()
  vim.o.undofile, vim.o.undodir = true, vim.fn.tempname()
  vim.fn.mkdir(vim.o.undodir, "p")
  edit(SKILL)
  replace("two", "zwei")
  vim.cmd("write")
  vim.cmd("bwipeout")
  edit(SKILL)
  equal(0, vim.fn.undotree().seq_last)
  matches("\nzwei\n", text())
end)

it("shows escapes of a text as text", function()
  given("a \27]0;title\7 b \27[31mred\27[m \194\155 c")
  local term = terminal.start()
  term:type(":edit " .. SKILL .. "<CR>")
  term:shows("a ^[]0;title^G b ^[[31mred^[[m <9b> c")
  term:type("Gox<Esc>:write<CR>")
  term:shows("version 2 of pdf-forms is published")
end)

return scenarios
