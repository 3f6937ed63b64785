--- The buffers of the plugin: what :e and :w do in them.

local account = require("posthog.nvim.account")
local base = require("posthog.nvim.base")
local config = require("posthog.nvim.config")
local conflicts = require("posthog.nvim.conflicts")
local core = require("posthog.nvim.core")
local lines = require("posthog.nvim.lines")
local message = require("posthog.nvim.message")
local pace = require("posthog.nvim.pace")
local task = require("posthog.nvim.task")
local uri = require("posthog.nvim.uri")

local buffer = {}

local api = vim.api

--- What reads and writes the texts of a kind of buffer.
local KINDS = { file = "posthog.nvim.document", item = "posthog.nvim.item" }

--- @param at posthog.nvim.Uri
--- @return table? source with load, save, conflict, written, unmergeable
function buffer.source(at)
  if KINDS[at.kind] then
    core.load() -- for a line of its own where it cannot be
    return require(KINDS[at.kind])
  end
end

--- @class posthog.nvim.State
--- @field at posthog.nvim.Uri
--- @field account posthog.nvim.Account that the buffer came from
--- @field is_loading boolean
--- @field is_writing boolean
--- @field is_recovered? boolean its text came from a swap file, and not from the server
--- @field confirms? boolean the inner :write that marks the text as written
--- @field paths? table<string, true> of the files that the skill has
--- @field latest? posthog.nvim.Document a newer version, which a write has met

--- @type table<integer, posthog.nvim.State>
local states = {}

--- @param number integer
--- @return posthog.nvim.State?
function buffer.state(number)
  return states[number]
end

local function is_current(number, state)
  return api.nvim_buf_is_loaded(number) and states[number] == state
end

--- Fires a User event with data.
local function fire(event, data)
  api.nvim_exec_autocmds("User", { pattern = "PostHog" .. event, modeline = false, data = data })
end
buffer.fire = fire

--- What an event tells of a text.
local function event_data(number, found)
  return {
    buffer = number,
    name = found.name,
    path = found.path,
    dataset = found.dataset,
    item = found.id,
    version = found.version,
  }
end

--- Does the skill of a buffer have such a file?
--- @param state posthog.nvim.State
--- @param path string
--- @return boolean
function buffer.has_file(state, path)
  return state.paths ~= nil and state.paths[path] or false
end

--- What b:posthog says, for status lines.
function buffer.show_state(number)
  local state = states[number]
  if not state or not api.nvim_buf_is_valid(number) then
    return
  end
  local found = base.of(number)
  vim.b[number].posthog = {
    name = state.at.name or state.at.item or "new item",
    path = state.at.path,
    version = found and found.version,
    latest = state.latest and state.latest.version or found and found.version,
    state = state.is_loading and "loading"
      or state.is_writing and "writing"
      or (state.latest or conflicts.count(number) > 0) and "conflict"
      or found and found.is_new and "new"
      or "ready",
  }
end

--- {==== :e ====

local function set_options(number, at)
  local options = vim.bo[number]
  options.modeline = false -- before the first line is there: those of a body are text
  options.buftype = "acwrite"
  options.swapfile = vim.o.swapfile
  local filetype = vim.filetype.match({ filename = at.path or "item.json", buf = number })
  if filetype and options.filetype ~= filetype then
    options.filetype = filetype
  end
  if at.kind == "file" then
    options.includeexpr = "v:lua.require'posthog.nvim.links'.resolve(v:fname)"
  end
  if at.version then
    options.readonly = true
  end
end

--- A swap file was recovered into the buffer: nobody knows what that text is based on.
local function keep_recovered(number, state)
  state.is_loading, state.is_recovered = false, true
  base.reset(number)
  conflicts.clear(number)
  if not state.at.version then
    vim.bo[number].modifiable = true
  end
  buffer.show_state(number)
end

--- What a load has come to.
--- @return string? failure
local function finish_load(number, state, is_late, err, found)
  if not is_current(number, state) or state.is_recovered then
    return
  end
  state.is_loading = false
  if err then
    if is_late and not (type(err) == "table" and err.kind == "cancelled") then
      message.error(message.of_error(err))
    end
    buffer.show_state(number)
    return message.of_error(err)
  end
  local is_skill_md = state.at.path == "SKILL.md" and not state.at.version
  lines.fill(number, found.text, not state.was_loaded)
  state.was_loaded, state.latest, state.paths = true, nil, found.paths
  conflicts.clear(number)
  base.reset(number, found)
  if state.at.version then
    vim.bo[number].modifiable = false
  end
  set_options(number, state.at)
  buffer.show_state(number)
  if is_skill_md then
    require("posthog.nvim.lint").attach(number, state.at.name)
  end
  if is_late then
    message.info(("%s is here"):format(api.nvim_buf_get_name(number)))
  end
  fire("Loaded", event_data(number, found))
end

local function load_text(number, at)
  local before = states[number]
  local state = {
    at = at,
    account = before and before.account or account.of_new(api.nvim_buf_get_name(number)),
    is_loading = true,
    was_loaded = before and before.was_loaded,
  }
  states[number] = state
  base.reset(number) -- what is typed after a load that fails is based on nothing
  set_options(number, at)
  vim.bo[number].modifiable = false
  local failure
  local in_time = task.run(
    "load " .. api.nvim_buf_get_name(number),
    function()
      return buffer.source(at).load(state.account.client, at)
    end,
    config.get().wait,
    function(is_late, err, found)
      failure = finish_load(number, state, is_late, err, found)
    end
  )
  if not in_time then
    message.info("waiting for the server; the text comes when it is there")
  end
  return failure and message.as_command(failure) or ""
end

--- Notes that Neovim has recovered a swap file into a buffer: BufReadPost.
--- @param number integer
--- @return string command for :execute
function buffer.on_recover(number)
  local state = states[number]
  if state and not base.of(number) then
    keep_recovered(number, state)
  end
  return ""
end

--- Loads a buffer: BufReadCmd.
--- @param number integer
--- @param name string
--- @return string command for :execute
function buffer.on_read(number, name)
  local at, reason = uri.parse(name)
  if not at then
    return message.as_command(reason)
  end
  local ran, command = pcall(function()
    if buffer.source(at) then
      return load_text(number, at)
    end
    return require("posthog.nvim.list").load(number, at)
  end)
  return ran and command or message.as_command(message.of_error(command))
end

-- }====

--- {==== :w ====

--- Marks the text as written, as Neovim does it after its own writes: undo then knows.
local function confirm(number, state)
  state.confirms = true
  local written = pcall(api.nvim_buf_call, number, function()
    vim.cmd("silent keepalt write!")
  end)
  state.confirms = false
  if not written then -- as in the command-line window, or with 'nowrite'
    vim.bo[number].modified = false
  end
end

local function tell_conflict(number, state, outcome)
  state.latest = outcome.document
  fire("Conflict", event_data(number, outcome.document))
  return buffer.source(state.at).conflict(base.of(number), outcome.document)
end

--- The other buffers of the skill follow to the new version.
local function advance_others(number, state, before, made)
  for other, at in pairs(states) do
    local is_live = at.account == state.account and not at.at.version
    if other ~= number and is_live and api.nvim_buf_is_valid(other) then
      base.advance(other, before, made)
      buffer.show_state(other)
    end
  end
end

--- An item that was created has a name of its own from now on.
local function take_name(number, state, made)
  state.at = { kind = "item", dataset = made.dataset, item = made.id }
  api.nvim_buf_set_name(number, uri.format(state.at))
end

--- The text is the server's now.
local function settle(number, state, found, tick, is_late, outcome)
  local made = outcome.document
  state.latest = nil
  base.replace(number, found, made)
  base.note(number, made)
  conflicts.clear(number)
  if outcome.action == "created" then
    take_name(number, state, made)
  end
  if api.nvim_buf_get_changedtick(number) == tick then
    if is_late then
      confirm(number, state)
    else
      vim.bo[number].modified = false
    end
  end
  if outcome.action ~= "unchanged" then
    if outcome.on then
      advance_others(number, state, outcome.on, made)
    end
    if state.at.name then
      pace.count(state.at.name)
    end
    message.info(buffer.source(state.at).written(made))
    fire("Published", event_data(number, made))
  else
    message.info("nothing to write: the server has this text")
  end
end

--- What a write has come to.
--- @return string? failure
local function finish_write(number, state, found, tick, is_late, err, outcome)
  state.is_writing = false
  local failure = err and message.of_error(err)
  if type(err) == "table" and err.kind == "cancelled" then
    failure = "the write was cancelled; whether the server has made it, the next :w finds out"
  end
  if not is_current(number, state) then
    if outcome and outcome.action == "conflict" then
      failure = buffer.source(state.at).conflict(found, outcome.document)
    end
    message.info(failure or buffer.source(state.at).written(outcome.document))
    return
  elseif err then
    fire("Failed", { buffer = number, err = failure })
  elseif outcome.action == "conflict" then
    failure = tell_conflict(number, state, outcome)
  else
    settle(number, state, found, tick, is_late, outcome)
  end
  buffer.show_state(number)
  return failure
end

--- Why a write of a text is refused before anything is sent.
local function refusal(number, state, source, force)
  if state.at.version then
    return "this is a version, which never changes: put its text into the buffer of the skill"
  elseif state.is_loading then
    return "the text is not here yet"
  elseif state.is_writing then
    return "a write of this skill is on its way; wait for it, or :PostHog cancel"
  end
  for other, at in pairs(states) do
    local is_same = at.at.name == state.at.name and state.at.name
    if other ~= number and at.is_writing and is_same then
      return "a write of this skill is on its way; wait for it, or :PostHog cancel"
    end
  end
  if conflicts.count(number) > 0 and not force then
    return message.count(conflicts.count(number), "conflict")
      .. " to be decided: :PostHog take mine, theirs or both"
  end
  local found = base.of(number)
  if not found and not force then
    return "the text is not the server's (from a swap file?): :PostHog diff shows how it differs, "
      .. ":w! publishes it"
  end
  if state.at.path == "SKILL.md" and config.get().lint then
    local reason = require("posthog.nvim.lint").check(number, state.at.name, source)
    if reason then
      return reason
    end
  end
  return state.at.name and pace.refusal(state.at.name)
end

--- Gives the buffers of a skill the name that it has now.
--- @param from posthog.nvim.Account
--- @param old string
--- @param new string
function buffer.rename_skill(from, old, new)
  for number, state in pairs(states) do
    local is_its = state.account == from and state.at.name == old and not state.at.version
    if is_its and api.nvim_buf_is_valid(number) then
      state.at.name = new
      base.rename(number, old, new)
      api.nvim_buf_set_name(number, uri.format(state.at))
      buffer.show_state(number)
    end
  end
end

--- Makes a buffer the one of a text that was created by it: after :saveas, or :file and :write.
--- @param number integer
--- @param at posthog.nvim.Uri
--- @param from posthog.nvim.Account
--- @param made posthog.nvim.Document|posthog.nvim.Item
--- @param tick integer of the buffer when its text was taken: what was typed since is not written
function buffer.adopt(number, at, from, made, tick)
  states[number] = { at = at, account = from, was_loaded = true, paths = made.paths }
  base.reset(number, made)
  conflicts.clear(number)
  set_options(number, at)
  if made.id then
    take_name(number, states[number], made)
  end
  if api.nvim_buf_get_changedtick(number) == tick then
    vim.bo[number].modified = false
  end
  buffer.show_state(number)
end

--- Does Neovim write all to quit? QuitPre comes before the writes of :wqa, and after that of :wq.
local is_quitting = false

local function note_quit(value)
  is_quitting = value
  if value then
    vim.schedule(function() -- when the command has ended, or the first of its writes waits
      is_quitting = false
    end)
  end
end

--- Publishes a buffer of a skill.
--- @param number integer
--- @param force boolean over whatever is there
--- @param note? string of the version
--- @return string? failure
function buffer.publish(number, force, note)
  local state = states[number]
  local source, tick = lines.text(number), api.nvim_buf_get_changedtick(number)
  local refused = refusal(number, state, source, force)
  if refused then
    return refused
  end
  local found = base.of(number)
  state.is_writing = true
  buffer.show_state(number)
  local failure
  local quits, settings = is_quitting, config.get()
  local function send()
    local options = { at = state.at, force = force, note = note }
    return buffer.source(state.at).save(state.account.client, found, source, options)
  end
  local function finish(is_late, err, outcome)
    failure = finish_write(number, state, found, tick, is_late, err, outcome)
    if is_late and failure then
      message.error(failure)
    end
  end
  local name, wait = api.nvim_buf_get_name(number), quits and settings.quit_wait or settings.wait
  local in_time = task.run("write " .. name, send, wait, finish)
  note_quit(quits)
  if not in_time then
    message.info("on its way; stays modified until the server confirms it")
  end
  return failure
end

--- Writes a buffer: BufWriteCmd.
--- @param number integer
--- @param name string what is written to
--- @param bang integer
--- @return string command for :execute
function buffer.on_write(number, name, bang)
  local state = states[number]
  if state and state.confirms then
    vim.bo[number].modified = false
    return ""
  end
  local ran, result = pcall(function()
    local own = api.nvim_buf_get_name(number)
    if name ~= own or not state or uri.format(state.at) ~= name then
      return require("posthog.nvim.save_as").run(number, name)
    elseif not buffer.source(state.at) then
      return message.as_command("this list cannot be written")
    end
    api.nvim_exec_autocmds("BufWritePre", { buffer = number, modeline = false })
    local failure = buffer.publish(number, bang == 1)
    if failure then
      return message.as_command(failure)
    elseif not vim.bo[number].modified then
      api.nvim_exec_autocmds("BufWritePost", { buffer = number, modeline = false })
    end
    return ""
  end)
  return ran and result or message.as_command(message.of_error(result))
end

--- What can be done to whole buffers alone.
--- @param name string
--- @return string command for :execute
function buffer.refuse(name)
  return message.as_command(("only a whole buffer can be read or written: %s"):format(name))
end

--- Waits until no write is on its way.
local function wait_for_writes(milliseconds)
  vim.wait(milliseconds, function()
    for number, state in pairs(states) do
      if api.nvim_buf_is_valid(number) and state.is_writing then
        return false
      end
    end
    return true
  end, 5)
end

--- Waits for what is on its way: QuitPre.
function buffer.on_quit()
  wait_for_writes(config.get().quit_wait)
  note_quit(true)
end

local LEAVE_WAIT = 3000 -- milliseconds

--- Neovim leaves, whatever is modified: what was sent may still arrive. VimLeavePre.
function buffer.on_leave()
  wait_for_writes(LEAVE_WAIT)
end

-- }====

return buffer
