--- The user's own spend: a line for the status line, from a cache that all editors of the user
--- share, and a float. Drawing never waits, asks for nothing and does not load the core.

local account = require("posthog.nvim.account")
local config = require("posthog.nvim.config")
local message = require("posthog.nvim.message")
local task = require("posthog.nvim.task")

local spend = {}

local DAY = 86400 -- seconds
local LOOK = 5 -- seconds between two looks at the file
local REST = 1 -- seconds before the file is locked again, where nothing was asked for

--- What the cache file holds, as JSON.
--- @class posthog.nvim.SpendCache
--- @field at? number seconds since 1970: when `line` was made
--- @field line? string
--- @field calls number[] times of the calls of the last day, failures too

--- @class posthog.nvim.SpendView what is known of the file without reading it again
--- @field settings? string what the account was found by
--- @field account? posthog.nvim.Account nil: not known yet, or there is none
--- @field path? string of its file
--- @field looked number when the file was looked at, seconds of a clock that does not jump
--- @field modified? integer seconds, of the file
--- @field cache? posthog.nvim.SpendCache
--- @field refused? number when nothing was asked for, by the same clock
local view = { looked = -LOOK }

local is_asking = false

local function now()
  return vim.uv.hrtime() / 1e9
end

--- Where the files are, one for each account.
--- @return string path
function spend.folder()
  return vim.fn.stdpath("cache") .. "/posthog"
end

--- The file of an account. Its name is a digest of host and key, so that neither can be read off it.
local function path_of(found)
  local folder = spend.folder()
  pcall(vim.fn.mkdir, folder, "p", "0o700") -- a file that cannot be written there is met later
  return ("%s/spend-%s.json"):format(folder, vim.fn.sha256(found.id):sub(1, 24))
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  local ok, cache = pcall(vim.json.decode, text or "")
  if not ok or type(cache) ~= "table" then
    cache = {}
  end
  local line_is_known = type(cache.line) == "string" and type(cache.at) == "number"
  if not line_is_known or cache.at > os.time() then -- a clock that was set back: too old, too
    cache.at = nil
  end
  cache.line = type(cache.line) == "string" and cache.line or nil
  cache.calls = type(cache.calls) == "table" and cache.calls or {}
  return cache
end

--- Whole or not at all: other editors read it at any time.
--- @return boolean? written
local function write(path, cache)
  local temporary = ("%s.%d"):format(path, vim.fn.getpid())
  local file = io.open(temporary, "wb")
  if file then
    file:write(vim.json.encode(cache))
    file:close()
    return os.rename(temporary, path)
  end
end

--- The calls of the last day.
local function recent(calls)
  local list = {}
  for _, at in ipairs(calls) do
    local age = type(at) == "number" and os.time() - at or -1
    list[#list + 1] = age >= 0 and age < DAY and at or nil
  end
  return list
end

local PAUSE = 300 -- seconds after a call that has failed

local function is_old(cache, settings)
  return os.time() - (cache.at or 0) > settings.refresh
end

--- @param is_wanted boolean whether the user waits for it
--- @return string? reason why nothing is asked for now
local function refusal(cache, settings, is_wanted)
  local calls = recent(cache.calls)
  if #calls >= settings.max_per_day then
    return ("%d calls of today are used up (vim.g.posthog.spend.max_per_day)"):format(
      settings.max_per_day
    )
  elseif is_wanted then
    return nil
  elseif not is_old(cache, settings) then
    return "another editor has asked meanwhile"
  end
  local last = math.max(0, unpack(calls))
  if os.time() - last < math.min(PAUSE, settings.refresh) then
    return "the last call has failed"
  end
end

--- Asks the server, unless another editor does so now. The call is counted before it is made.
--- @param found posthog.nvim.Account
--- @param done? fun(err: any, response?: table)
local function ask(found, done)
  local settings, path = config.get().spend, path_of(found)
  local lock, why = require("posthog.llm.util.file_system").lock(path .. ".lock")
  local cache = read(path)
  local refused = refusal(cache, settings, done ~= nil)
  if not lock then
    refused = why == "locked" and "another editor is asking" or ("%s: %s"):format(path, why)
  end
  if refused then
    if lock then
      lock:close()
    end
    view.looked, view.refused = -LOOK, now()
    return done and done(refused)
  end
  cache.calls = recent(cache.calls)
  cache.calls[#cache.calls + 1] = os.time()
  if not write(path, cache) then -- a call that cannot be counted is not made
    if lock then
      lock:close()
    end
    view.refused = now()
    return done and done(("%s cannot be written"):format(path))
  end
  is_asking = true
  task.run(
    "spend",
    function()
      return task.must(found.client.spend:get({ date_from = settings.from }))
    end,
    0,
    function(_, err, response)
      is_asking, view.looked = false, -LOOK
      if response then
        local made, line = pcall(require("posthog.llm.spend_report").line, response, {
          width = 60,
          budget = settings.budget,
          now = os.time(),
        })
        cache = read(path)
        cache.at, cache.line = os.time(), made and line or ""
        write(path, cache)
        vim.cmd("redrawstatus")
      end
      lock:close()
      if done then
        done(err, response)
      end
    end
  )
end

--- The settings that say whose spend it is, as a text.
local function settings_now()
  local settings = config.get()
  return vim.inspect({ settings.host, settings.project, settings.key_command, settings.key_file })
end

--- Finds out whose cache it is; nothing is asked of the server for it.
local function find_account()
  local ran, found = pcall(account.current)
  view.account = ran and found or nil
  view.path = ran and path_of(found) or nil
end

local function look()
  if now() - view.looked < LOOK then
    return
  end
  view.looked = now()
  local stat = vim.uv.fs_stat(view.path)
  local modified = stat and stat.mtime.sec * 1e9 + stat.mtime.nsec
  if modified ~= view.modified then
    view.modified, view.cache = modified, read(view.path)
  end
end

--- A line for 'statusline'. Where it is older than `refresh`, a newer one is asked for meanwhile.
--- @return string line "" where none is known
function spend.line()
  local settings_then = settings_now()
  if view.settings ~= settings_then then
    view = { looked = -LOOK, settings = settings_then }
    vim.schedule(find_account) -- it may load the core
  end
  if not view.path then
    return ""
  end
  look()
  local cache, settings = view.cache or { calls = {} }, config.get().spend
  local is_due = not refusal(cache, settings, false)
  if is_due and not is_asking and now() - (view.refused or -REST) >= REST then
    is_asking = true
    vim.schedule(function()
      is_asking = false
      if view.account then
        ask(view.account)
      end
    end)
  end
  return cache.line or ""
end

local function show(response)
  local width = math.max(40, math.min(100, vim.o.columns - 8))
  local text = require("posthog.llm.spend_report").text(response, {
    width = width,
    budget = config.get().spend.budget,
    now = os.time(),
  })
  local lines = vim.split(vim.trim(text), "\n", { plain = true })
  local number = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(number, 0, -1, false, lines)
  vim.bo[number].bufhidden, vim.bo[number].modifiable = "wipe", false
  local height = math.min(#lines, vim.o.lines - 6)
  vim.api.nvim_open_win(number, true, {
    relative = "editor",
    style = "minimal",
    border = "rounded",
    title = " Spend ",
    width = width,
    height = height,
    row = math.max(0, math.floor((vim.o.lines - height) / 2) - 1),
    col = math.max(0, math.floor((vim.o.columns - width) / 2)),
  })
  vim.keymap.set("n", "q", "<Cmd>close<CR>", { buffer = number, desc = "PostHog: close" })
end

--- Shows the spend in a float.
function spend.float()
  ask(account.current(), function(err, response)
    if err then
      message.error(message.of_error(err))
    else
      show(response)
    end
  end)
end

--- When the cache was filled, and how many calls were made within a day; for :checkhealth.
--- @return { age?: integer, calls: integer, most: integer } state age in seconds
function spend.state()
  local cache = read(path_of(account.current()))
  return {
    age = cache.at and os.time() - cache.at,
    calls = #recent(cache.calls),
    most = config.get().spend.max_per_day,
  }
end

return spend
