--- Buffers that list: the overview, skills, the files of a skill, datasets, their items.

local account = require("posthog.nvim.account")
local config = require("posthog.nvim.config")
local message = require("posthog.nvim.message")
local open = require("posthog.nvim.open")
local task = require("posthog.nvim.task")
local uri = require("posthog.nvim.uri")

local list = {}

local api = vim.api

--- @class posthog.nvim.Entry
--- @field text string one line
--- @field name? string of the buffer that it opens

--- The account of each list, by buffer.
--- @type table<integer, posthog.nvim.Account>
local accounts = {}

--- The entries of each list, by buffer.
--- @type table<integer, posthog.nvim.Entry[]>
local entries = {}

--- How often each list was requested: of two responses the later one is not always that of the
--- later request.
--- @type table<integer, integer>
local loads = {}

--- How many items a list shows, by buffer.
--- @type table<integer, integer>
local shown = {}

local function pad(text, width)
  return text .. (" "):rep(math.max(0, width - vim.fn.strdisplaywidth(text)))
end

--- Rows of two columns.
local function rows(pairs_of_text)
  local width = 0
  for _, row in ipairs(pairs_of_text) do
    width = math.max(width, math.min(40, vim.fn.strdisplaywidth(row[1])))
  end
  local made = {}
  for i, row in ipairs(pairs_of_text) do
    local text = row[2] and row[2] ~= "" and pad(row[1], width) .. "  " .. row[2] or row[1]
    made[i] = { text = message.clean(text), name = row[3] }
  end
  return made
end

local READERS = {}

function READERS.overview()
  return rows({
    { "skills/", "", uri.format({ kind = "skills" }) },
    { "datasets/", "", uri.format({ kind = "datasets" }) },
  })
end

function READERS.skills(client)
  local found = {}
  for skill in client.skills:each({ order_by = "name" }) do
    found[#found + 1] =
      { skill.name, skill.description or "", uri.format({ kind = "files", name = skill.name }) }
  end
  table.sort(found, function(a, b)
    return a[1] < b[1]
  end)
  return rows(found)
end

function READERS.files(client, at)
  local skill = task.must(client.skills:get(at.name, { version = at.version }))
  local paths = {}
  for _, file in ipairs(skill.files or {}) do
    paths[#paths + 1] = file.path
  end
  table.sort(paths)
  table.insert(paths, 1, "SKILL.md")
  local found = {}
  for i, path in ipairs(paths) do
    found[i] = { path, "", uri.of_file(at.name, path, at.version) }
  end
  return rows(found)
end

function READERS.datasets(client)
  local found = {}
  for dataset in client.datasets:each() do
    found[#found + 1] = {
      dataset.name,
      dataset.description or "",
      uri.format({ kind = "items", dataset = dataset.id }),
    }
  end
  table.sort(found, function(a, b)
    return a[1] < b[1]
  end)
  return rows(found)
end

--- Some rows of a dataset; one more line, where there are more of them.
function READERS.items(client, at, wanted)
  local found, most = {}, wanted or config.get().items
  for row in client.dataset_items:each({ dataset = at.dataset, limit = math.min(most, 100) }) do
    if #found == most then
      found[#found + 1] = { "...", ("R loads %d more"):format(config.get().items), uri.format(at) }
      break
    end
    local text = require("posthog.llm.json").encode(row.input) or ""
    found[#found + 1] = {
      row.id,
      vim.fn.strcharpart(text, 0, 100),
      uri.format({ kind = "item", dataset = at.dataset, item = row.id }),
    }
  end
  table.insert(found, 1, { "new.json", "", uri.format({ kind = "item", dataset = at.dataset }) })
  return rows(found)
end

--- The entry under the cursor of a list.
--- @param number integer
--- @return posthog.nvim.Entry?
local function at_cursor(number)
  return (entries[number] or {})[api.nvim_win_get_cursor(0)[1]]
end

local function set_maps(number, at)
  local function map(key, action, description)
    vim.keymap.set("n", key, function()
      local ran, err = pcall(action)
      if not ran then
        message.error(message.of_error(err))
      end
    end, { buffer = number, nowait = true, desc = description })
  end
  map("<CR>", function()
    local entry = at_cursor(number)
    if entry and entry.name then
      open.edit(entry.name, accounts[number])
    end
  end, "PostHog: open the entry")
  map("-", function()
    local parent = uri.parent(at)
    if parent then
      open.edit(parent, accounts[number])
    end
  end, "PostHog: go up")
  map("R", function()
    if at.kind == "items" then
      shown[number] = (shown[number] or config.get().items) + config.get().items
    end
    vim.cmd("edit")
  end, "PostHog: read the list again; of items, load more")
end

local EMPTY = { skills = "no skills yet: :PostHog new NAME", datasets = "no datasets yet" }

--- @param found? posthog.nvim.Entry[] nil: not known yet
local function fill(number, at, found)
  if found and #found == 0 and EMPTY[at.kind] then
    found = { { text = EMPTY[at.kind] } }
  end
  found = found or {}
  local lines = {}
  for i, entry in ipairs(found) do
    lines[i] = entry.text
  end
  entries[number] = found
  vim.bo[number].modifiable = true
  vim.bo[number].undolevels = -1
  api.nvim_buf_set_lines(number, 0, -1, false, lines)
  vim.bo[number].modifiable = false
  vim.bo[number].modified = false
end

--- Loads a list into its buffer.
--- @param number integer
--- @param at posthog.nvim.Uri
--- @return string command for :execute
function list.load(number, at)
  local reader = READERS[at.kind]
  if not reader then
    return message.as_command(("%s cannot be shown"):format(uri.format(at)))
  end
  vim.bo[number].modeline = false
  vim.bo[number].buftype = "nofile"
  vim.bo[number].bufhidden = "unload" -- what is shown again is read again
  vim.bo[number].swapfile = false
  vim.bo[number].filetype = "posthog"
  set_maps(number, at)
  fill(number, at)
  local name = api.nvim_buf_get_name(number)
  if at.kind ~= "overview" then
    accounts[number] = accounts[number] or account.of_new(name)
  end
  local client = accounts[number] and accounts[number].client
  local failure
  local load = (loads[number] or 0) + 1
  loads[number] = load
  local in_time = task.run(
    "list " .. uri.format(at),
    function()
      return reader(client, at, shown[number])
    end,
    config.get().wait,
    function(is_late, err, found)
      if not api.nvim_buf_is_loaded(number) or loads[number] ~= load then
        return
      elseif err then
        failure = message.of_error(err)
        if is_late then
          message.error(failure)
        end
        return
      end
      fill(number, at, found)
    end
  )
  if not in_time then
    message.info("waiting for the server; the list comes when it is there")
  end
  return failure and message.as_command(failure) or ""
end

return list
