--- What :PostHog does.

local account = require("posthog.nvim.account")
local base = require("posthog.nvim.base")
local buffer = require("posthog.nvim.buffer")
local config = require("posthog.nvim.config")
local conflicts = require("posthog.nvim.conflicts")
local core = require("posthog.nvim.core")
local message = require("posthog.nvim.message")
local open = require("posthog.nvim.open")
local task = require("posthog.nvim.task")
local uri = require("posthog.nvim.uri")

local commands = {}

local api = vim.api

--- The state of the present buffer, which has to show a text.
--- @return posthog.nvim.State state
--- @return integer number
local function text_here()
  local number = api.nvim_get_current_buf()
  local state = buffer.state(number)
  if not state then
    error("this buffer is not a file of a skill, nor an item: :PostHog open NAME", 0)
  end
  return state, number
end

--- The state of the present buffer, which has to be a file of a skill.
--- @return posthog.nvim.State state
--- @return integer number
local function here()
  local state, number = text_here()
  if state.at.kind ~= "file" then
    error("this buffer is not a file of a skill: :PostHog open NAME", 0)
  end
  return state, number
end

--- Runs something for the present window and tells how it went. What opens a buffer then does so
--- in that window, also when the user has gone on to another.
local function act(words, fn, done)
  local window = api.nvim_get_current_win()
  task.run(words, fn, config.get().wait, function(_, err, ...)
    if err then
      return message.error(message.of_error(err))
    elseif not api.nvim_win_is_valid(window) then
      return message.info(words .. ": the window is gone")
    end
    local results = { ... }
    local ran, why = pcall(api.nvim_win_call, window, function()
      done(unpack(results))
    end)
    if not ran then
      message.error(message.of_error(why))
    end
  end)
end

local RUN = {}

--- @param arguments string[]
function RUN.open(arguments)
  local name, path = table.concat(arguments, " "):match("^([^/]+)/?(.*)$")
  if not name then
    return open.edit(uri.format({ kind = "skills" }))
  end
  open.edit(uri.of_file(name, path ~= "" and path or "SKILL.md"))
end

function RUN.new(arguments)
  if not arguments[1] then
    error(":PostHog new NAME: the name of the skill is missing", 0)
  end
  core.load()
  local reason = require("posthog.llm.skill_folder.lint").name_error(arguments[1])
  if reason then
    error(reason, 0)
  end
  open.edit(uri.of_file(arguments[1]))
  local found = base.of(api.nvim_get_current_buf())
  if found and not found.is_new then
    message.warn(("there is a skill %s already, and this is its text"):format(arguments[1]))
  end
end

function RUN.publish(arguments, is_forced)
  local _, number = text_here()
  local note = table.concat(arguments, " ")
  local failure = buffer.publish(number, is_forced, note ~= "" and note or nil)
  if failure then
    error(failure, 0)
  end
end

function RUN.merge()
  local _, number = text_here()
  require("posthog.nvim.merge").run(number)
end

function RUN.take(arguments)
  local _, number = text_here()
  local side = arguments[1]
  if side ~= "mine" and side ~= "theirs" and side ~= "both" then
    error(":PostHog take mine, theirs or both", 0)
  end
  local taken, reason = conflicts.take(number, api.nvim_win_get_cursor(0)[1] - 1, side)
  if not taken then
    error(reason or "there is no conflict in this line: ]d goes to the next one", 0)
  end
  buffer.show_state(number)
end

--- The version beside the buffer, in diff mode.
function RUN.diff(arguments)
  local state, number = here()
  local found, wanted = base.of(number), arguments[1]
  local named = (wanted or ""):match("^[1-9]%d*$")
  local version = named or (wanted == nil and found and found.version) or nil
  if wanted and wanted ~= "latest" and not version then
    error((":PostHog diff %s: a version or latest is expected"):format(wanted), 0)
  end
  local function show(v)
    open.diff(uri.of_file(state.at.name, state.at.path, v), state.account)
  end
  if version then
    return show(version)
  end
  act("diff", function()
    return task.must(state.account.client.skills:get(state.at.name)).version
  end, show)
end

--- The versions of the skill, in the location list.
function RUN.history()
  local state = here()
  local window = api.nvim_get_current_win()
  act("history", function()
    local list = {}
    for version in state.account.client.skills:versions(state.at.name) do
      list[#list + 1] = version
    end
    return list
  end, function(list)
    local entries = {}
    for i, version in ipairs(list) do
      local user = type(version.created_by) == "table" and version.created_by or {}
      local at = (version.created_at or ""):sub(1, 16):gsub("T", " ")
      local text = ("version %d  %s  %s"):format(version.version, at, user.first_name or "")
      local name = uri.of_file(state.at.name, state.at.path, version.version)
      account.pass_on(name, state.account)
      entries[i] = {
        filename = name,
        lnum = 1,
        text = message.clean(text),
      }
    end
    vim.fn.setloclist(window, {}, " ", { title = "versions of " .. state.at.name, items = entries })
    vim.cmd("lopen")
  end)
end

--- Renames the skill, and with it its buffers and what they are based on.
function RUN.rename(arguments)
  local state, number = here()
  local new = arguments[1]
  if not new then
    error(":PostHog rename NEW: the new name is missing", 0)
  elseif new == state.at.name then
    error(("the skill is named %s already"):format(new), 0)
  elseif vim.bo[number].modified then
    error("the buffer has changes: write them first", 0)
  end
  local old = state.at.name
  act("rename", function()
    return task.must(state.account.client.skills:rename(old, new))
  end, function()
    buffer.rename_skill(state.account, old, new)
    message.info(("skill %s is named %s now"):format(old, new))
  end)
end

--- Asks before something is taken away.
local function confirms(question)
  return vim.fn.confirm(question, "&Yes\n&No", 2) == 1
end

local function delete_file(state, number)
  local found = base.of(number)
  if state.at.path == "SKILL.md" then
    error("SKILL.md cannot be deleted: :PostHog archive takes the whole skill away", 0)
  elseif not found or not found.version or found.is_new then
    error("the server has no such file", 0)
  elseif not confirms(("Delete %s of %s?"):format(state.at.path, state.at.name)) then
    return
  end
  act("delete", function()
    return task.must(state.account.client.skills:delete_file(state.at.name, state.at.path, {
      base_version = found.version,
    }))
  end, function(skill)
    local words = "version %d of %s is without %s"
    message.info(words:format(skill.version, state.at.name, state.at.path))
    vim.cmd("silent! bwipeout " .. number) -- a text that is not published stays
  end)
end

--- Marks an item as deleted, or takes the mark away.
local function mark_item(state, method)
  if state.at.kind ~= "item" or not state.at.item then
    error("this buffer is not an item of a dataset", 0)
  end
  act(method, function()
    local items = state.account.client.dataset_items
    return task.must(items[method](items, state.at.item))
  end, function()
    local cure = method == "delete" and "; :PostHog undelete brings it back" or ""
    message.info(("the item is %sd%s"):format(method, cure))
  end)
end

function RUN.delete()
  local state, number = text_here()
  if state.at.kind == "file" then
    return delete_file(state, number)
  elseif confirms("Delete this item?") then
    mark_item(state, "delete")
  end
end

function RUN.undelete()
  mark_item((text_here()), "undelete")
end

--- There is no undo, so the name is to be typed.
function RUN.archive()
  local state = here()
  local typed =
    vim.fn.input(("Archive skill %s with all its versions? Type its name: "):format(state.at.name))
  if typed ~= state.at.name then
    return message.info("nothing was archived")
  end
  act("archive", function()
    return task.must(state.account.client.skills:archive(state.at.name))
  end, function()
    message.info(("skill %s is archived; :w! in its buffer creates it anew"):format(state.at.name))
  end)
end

function RUN.spend()
  require("posthog.nvim.spend").float()
end

--- The items of a dataset, by its name, which may hold blanks, or its id; without one the list of all.
function RUN.dataset(arguments)
  local name = table.concat(arguments, " ")
  if name == "" then
    return open.edit(uri.format({ kind = "datasets" }))
  end
  act("dataset", function()
    local client = account.current().client
    return task.must(require("posthog.llm.api.find_dataset").find(client, name)).id
  end, function(id)
    open.edit(uri.format({ kind = "items", dataset = id }))
  end)
end

function RUN.import(arguments)
  local path = table.remove(arguments, 1)
  local dataset = table.concat(arguments, " ")
  if dataset == "" then
    error([[:PostHog import FILE DATASET; a blank in FILE is written "\ "]], 0)
  end
  require("posthog.nvim.transfer").import(vim.fn.fnamemodify(vim.fs.normalize(path), ":p"), dataset)
end

function RUN.export(arguments)
  local path = table.remove(arguments)
  local dataset = table.concat(arguments, " ")
  if dataset == "" then
    error([[:PostHog export DATASET FILE; a blank in FILE is written "\ "]], 0)
  end
  require("posthog.nvim.transfer").export(dataset, vim.fn.fnamemodify(vim.fs.normalize(path), ":p"))
end

function RUN.cancel()
  local count = task.cancel_all()
  message.info(count == 0 and "nothing is running" or ("%d cancelled"):format(count))
end

function RUN.build()
  message.info("compiling the C core")
  vim.cmd("redraw")
  message.info(require("posthog.nvim.build").run().message)
end

--- Picks a skill and a file of it.
local function pick()
  act("list of skills", function()
    local list = {}
    for skill in account.current().client.skills:each() do
      list[#list + 1] = skill
    end
    return list
  end, function(list)
    require("posthog.nvim.pick").skill(list)
  end)
end

--- How many words these take at most, and which.
--- @type table<string, { most: integer, words: string? }>
local TAKES = {
  archive = { most = 0 },
  build = { most = 0 },
  cancel = { most = 0 },
  delete = { most = 0 },
  diff = { most = 1, words = "a version or latest" },
  history = { most = 0 },
  merge = { most = 0 },
  new = { most = 1, words = "the name of a skill" },
  rename = { most = 1, words = "the new name" },
  spend = { most = 0 },
  take = { most = 1, words = "mine, theirs or both" },
  undelete = { most = 0 },
}

--- What is left over is no part of what was meant: nothing is done then.
local function check_words(name, words, bang)
  local takes = TAKES[name]
  if takes and #words > takes.most then
    local text = ":PostHog %s takes %s, and not %q"
    error(text:format(name, takes.words or "nothing", table.concat(words, " ")), 0)
  elseif bang and name ~= "publish" then
    error((":PostHog %s takes no !: :PostHog! publish does"):format(name), 0)
  end
end

--- @return string[] names of the commands
function commands.names()
  local names = vim.tbl_keys(RUN)
  table.sort(names)
  return names
end

--- Runs one command.
--- @param command { fargs: string[], bang: boolean } of nvim_create_user_command
function commands.run(command)
  local arguments = vim.deepcopy(command.fargs)
  local name = table.remove(arguments, 1)
  local ran, err = pcall(function()
    if name == nil then
      check_words("", arguments, command.bang)
      return pick()
    elseif not RUN[name] then
      local unknown = ":PostHog %s is not known; there are %s"
      error(unknown:format(name, table.concat(commands.names(), ", ")), 0)
    end
    check_words(name, arguments, command.bang)
    RUN[name](arguments, command.bang)
  end)
  if not ran then
    message.error(message.of_error(err))
  end
end

return commands
