--- :checkhealth posthog: what the plugin needs, and what is wrong with it here.

local health = {}

local report = vim.health

local function check_neovim()
  if vim.fn.has("nvim-0.10") == 0 then
    report.error("Neovim 0.10 or newer is needed")
    return false
  end
  report.ok("Neovim " .. tostring(vim.version()))
  return true
end

local function check_core()
  local loaded, llm = pcall(require, "posthog.llm")
  if not loaded then
    local why = tostring(llm):gsub("^.-posthog%.llm: ", "")
    report.error(why, { ":PostHog build compiles it; it takes a C compiler and curl" })
    return false
  end
  local files = vim.api.nvim_get_runtime_file("lua/posthog/llm/core.so", false)
  report.ok(("%s%s"):format(llm._VERSION, files[1] and ", its core is " .. files[1] or ""))
  return true
end

local function check_settings()
  local warnings = require("posthog.nvim.config").warnings()
  for _, warning in ipairs(warnings) do
    report.warn(warning)
  end
  if #warnings == 0 then
    report.ok("vim.g.posthog")
  end
end

--- One read, and what it fails with.
local function check_read(words, call)
  local value, err = call()
  if value ~= nil then
    report.ok(words)
  else
    report.error(("%s: %s"):format(words, tostring(err)))
  end
end

local function check_spend()
  local state = require("posthog.nvim.spend").state()
  local age = state.age and ("%d s old"):format(state.age) or "empty"
  local words = "the cache of spend() is %s; %d of %d calls made within a day"
  report.info(words:format(age, state.calls, state.most))
end

local function check_account()
  local found, account = pcall(function()
    return require("posthog.nvim.account").current()
  end)
  if not found then
    return report.error(tostring(account), {
      "set POSTHOG_PERSONAL_API_KEY and POSTHOG_PROJECT_ID, or run posthog-llm login, "
        .. "or name key_command or key_file in vim.g.posthog",
    })
  end
  report.ok("key: " .. account.source)
  check_read("skills can be read", function()
    return account.client.skills:list({ limit = 1, deadline = 10, max_retries = 0 })
  end)
  check_read("datasets can be read", function()
    return account.client.datasets:list({ limit = 1, deadline = 10, max_retries = 0 })
  end)
  check_spend()
end

local function check_swap()
  if vim.o.swapfile then
    report.ok("swap files keep unpublished text after a crash")
  else
    report.warn("'swapfile' is off: text that is not published is lost in a crash")
  end
end

--- Run by :checkhealth.
function health.check()
  report.start("posthog")
  if check_neovim() and check_core() then
    check_settings()
    check_account()
  end
  check_swap()
end

return health
