--- :checkhealth posthog: what the plugin needs, and what is wrong with it here. Everything that is
--- wrong is one entry, with what mends it.

local health = {}

--- Neovim 0.7 has no vim.health, and 0.9 other names.
local function reporter(name)
  local module = vim.health or require("health")
  return module[name] or module["report_" .. name]
end

local report = {
  start = reporter("start"),
  ok = reporter("ok"),
  info = reporter("info"),
  warn = reporter("warn"),
  error = reporter("error"),
}

local function check_neovim()
  if vim.fn.has("nvim-0.10") == 0 then
    local version = vim.version()
    local words = "Neovim 0.10 or newer is needed, and this is %d.%d.%d"
    report.error(words:format(version.major, version.minor, version.patch), {
      "install a newer Neovim; the library itself works from 0.7.2 on, by make nvim",
    })
    return false
  end
  report.ok("Neovim " .. tostring(vim.version()))
  return true
end

--- What is to be done where the core cannot be used.
local function cures_of_core()
  local obstacle = require("posthog.nvim.build").obstacle()
  if obstacle then
    return { obstacle, "then compile the core: :PostHog build" }
  end
  return { "compile it: :PostHog build" }
end

local function check_core()
  local loaded, llm = pcall(function()
    return require("posthog.nvim.core").load()
  end)
  if not loaded then
    report.error(tostring(llm), cures_of_core())
    return false
  end
  local files = vim.api.nvim_get_runtime_file("lua/posthog/llm/core.so", false)
  report.ok(("%s%s"):format(llm._VERSION, files[1] and ", its core is " .. files[1] or ""))
  return true
end

--- Files of which one alone may be on the runtimepath.
local SINGLE =
  { "lua/posthog/nvim/init.lua", "lua/posthog/llm/init.lua", "lua/posthog/llm/core.so" }

--- The folders on the runtimepath that have a file, each once.
local function folders_with(name)
  local folders, seen = {}, {}
  for _, path in ipairs(vim.api.nvim_get_runtime_file(name, true)) do
    local real = vim.uv.fs_realpath(path) or path
    if not seen[real] then
      seen[real] = true
      folders[#folders + 1] = path:sub(1, -#name - 2)
    end
  end
  return folders
end

--- A second copy, as of another plugin manager or of `make nvim`, is a mixture of versions.
local function check_copies()
  for _, name in ipairs(SINGLE) do
    local folders = folders_with(name)
    if #folders > 1 then
      local used = table.remove(folders, 1)
      local words = "%s is on the runtimepath %d times: %s is used, and not %s"
      report.warn(words:format(name, #folders + 1, used, table.concat(folders, ", ")), {
        "remove all copies but one, and restart Neovim",
      })
      return
    end
  end
end

local function check_settings()
  local warnings = require("posthog.nvim.config").warnings()
  for _, warning in ipairs(warnings) do
    report.warn(warning, { "change vim.g.posthog; :help g:posthog" })
  end
  if #warnings == 0 then
    report.ok("vim.g.posthog")
  end
end

--- A file with the key that others may read.
local function check_key_file()
  local path = require("posthog.nvim.config").get().key_file
  local stat = path and vim.uv.fs_stat(vim.fs.normalize(path))
  if stat and stat.mode % 64 ~= 0 then
    local words = "other users have access to the key in %s (mode %04o)"
    report.warn(words:format(path, stat.mode % 512), { "run: chmod 600 " .. path })
  end
end

--- How each outcome of a check is shown.
local SHOWN = {
  ok = report.ok,
  fail = report.error,
  warn = report.warn,
  unknown = report.info,
}

--- The checks that `posthog-llm doctor` makes, with what this editor uses.
local function check_account()
  local ran, found, err, given = pcall(function()
    return require("posthog.nvim.account").find()
  end)
  if not ran then
    return report.error(tostring(found), { "change vim.g.posthog; :help g:posthog" })
  end
  for _, check in ipairs(require("posthog.llm.checks").run(found, err, given, "nvim")) do
    local show = SHOWN[check.status]
    if show then
      local text = ("%s: %s"):format(check.name:gsub("_", " "), check.message)
      show(require("posthog.nvim.message").clean(text), check.cure and { check.cure } or nil)
    end
  end
  return found ~= nil
end

--- Can files be made in a folder, which Neovim would create?
local function is_writable(folder)
  pcall(vim.fn.mkdir, folder, "p", "0o700")
  return vim.fn.isdirectory(folder) == 1 and vim.uv.fs_access(folder, "W") == true
end

local function check_spend()
  local spend = require("posthog.nvim.spend")
  if not is_writable(spend.folder()) then
    return report.warn(
      ("%s cannot be written: spend() stays empty, and asks for nothing"):format(spend.folder()),
      { "make it a folder of yours, or set XDG_CACHE_HOME to one" }
    )
  end
  local state = spend.state()
  local age = state.age and ("%d s old"):format(state.age) or "empty"
  local words = "the cache of spend() is %s; %d of %d calls made within a day"
  report.info(words:format(age, state.calls, state.most))
end

local function check_swap()
  if not vim.go.swapfile then -- the report's own buffer has none
    return report.warn("'swapfile' is off: text that is not published is lost in a crash", {
      "set swapfile",
    })
  end
  for folder in vim.gsplit(vim.o.directory, ",", { plain = true }) do
    if is_writable(vim.fn.expand((folder:gsub("//$", "")))) then
      return report.ok("swap files keep unpublished text after a crash")
    end
  end
  report.warn(
    "no folder of 'directory' can be written: there are no swap files, and text that is "
      .. "not published is lost in a crash",
    {
      ("make one of them a folder of yours: %s"):format(vim.o.directory),
    }
  )
end

--- Run by :checkhealth.
function health.check()
  report.start("posthog")
  if not check_neovim() then
    return
  end
  local has_core = check_core()
  check_copies()
  check_settings()
  if has_core then
    check_key_file()
    if check_account() then
      check_spend()
    end
  end
  check_swap()
end

return health
