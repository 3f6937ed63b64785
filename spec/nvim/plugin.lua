--- The editor plugin itself, its settings, key, help, health and events, each in a process of its own.
--- spec/nvim_plugin_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")

local SKILL = support.SKILL
local checkhealth = support.checkhealth
local control = support.control
local edit = support.edit
local equal = support.equal
local failure = support.failure
local given = support.given
local listen = support.listen
local matches = support.matches
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

it("completes commands and names", function()
  given()
  local words = vim.fn.getcompletion("PostHog me", "cmdline")
  equal({ "merge" }, words)
  equal({ "pdf-forms" }, vim.fn.getcompletion("PostHog open pdf", "cmdline"))
  equal({ "both", "mine", "theirs" }, vim.fn.getcompletion("PostHog take ", "cmdline"))
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

it("copies within the account of the buffer, whatever the settings name by then", function()
  local client = given()
  edit("posthog://skills/pdf-forms/scripts/run.py")
  vim.g.posthog = { key_command = { "echo", "phx_emulator_wrong" } }
  vim.cmd("write posthog://skills/pdf-forms/scripts/copy.py")
  equal("print(1)\nprint(2)", assert(client.skills:file("pdf-forms", "scripts/copy.py")).content)
end)

return scenarios
