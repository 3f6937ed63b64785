--- Pickers, by vim.ui.select: whichever the user has put in its place shows them.

local account = require("posthog.nvim.account")
local config = require("posthog.nvim.config")
local document = require("posthog.nvim.document")
local lines = require("posthog.nvim.lines")
local message = require("posthog.nvim.message")
local open = require("posthog.nvim.open")
local task = require("posthog.nvim.task")
local uri = require("posthog.nvim.uri")

local pick = {}

--- A file in a buffer that a picker may show, filled when it has come.
local function preview(name, path)
  local number = vim.api.nvim_create_buf(false, true)
  vim.bo[number].bufhidden = "wipe"
  vim.bo[number].filetype = vim.filetype.match({ filename = path }) or ""
  local function load()
    return document.load(account.current().client, { name = name, path = path })
  end
  task.run("preview of " .. name, load, 0, function(_, err, found)
    if not err and vim.api.nvim_buf_is_valid(number) then
      lines.fill(number, found.text, true)
    end
  end)
  return { buf = number }
end

--- Picks one of the files of a skill, where it has several, and opens it.
local function pick_file(skill)
  local paths = {}
  for _, one in ipairs(skill.files or {}) do
    paths[#paths + 1] = one.path
  end
  table.sort(paths)
  table.insert(paths, 1, "SKILL.md")
  if #paths == 1 then
    return open.try(uri.of_file(skill.name))
  end
  vim.ui.select(paths, {
    prompt = skill.name,
    kind = "posthog.file",
    preview_item = function(path)
      return preview(skill.name, path)
    end,
  }, function(path)
    if path then
      open.try(uri.of_file(skill.name, path))
    end
  end)
end

local function file(name)
  local function load()
    return task.must(account.current().client.skills:get(name))
  end
  task.run("files of " .. name, load, config.get().wait, function(_, err, skill)
    if err then
      return message.error(message.of_error(err))
    end
    pick_file(skill)
  end)
end

--- @param skills posthog.llm.Skill[]
function pick.skill(skills)
  if #skills == 0 then
    return message.info("there are no skills yet: :PostHog new NAME")
  end
  vim.ui.select(skills, {
    prompt = "Skill",
    kind = "posthog.skill",
    preview_item = function(skill)
      return preview(skill.name, "SKILL.md")
    end,
    format_item = function(skill)
      return message.clean(("%s: %s"):format(skill.name, skill.description or ""))
    end,
  }, function(skill)
    if skill then
      file(skill.name)
    end
  end)
end

return pick
