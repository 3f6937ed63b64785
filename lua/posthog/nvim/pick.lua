--- Pickers, by vim.ui.select: whichever the user has put in its place shows them.

local account = require("posthog.nvim.account")
local config = require("posthog.nvim.config")
local message = require("posthog.nvim.message")
local task = require("posthog.nvim.task")
local uri = require("posthog.nvim.uri")

local pick = {}

local function edit(name)
  vim.cmd("edit " .. vim.fn.fnameescape(name))
end

--- Picks a file of a skill, where it has more than one, and opens it.
local function file(name)
  task.run(
    "files of " .. name,
    function()
      return task.must(account.current().client.skills:get(name))
    end,
    config.get().wait,
    function(_, err, skill)
      if err then
        return message.error(tostring(err))
      end
      local paths = {}
      for _, one in ipairs(skill.files or {}) do
        paths[#paths + 1] = one.path
      end
      table.sort(paths)
      table.insert(paths, 1, "SKILL.md")
      if #paths == 1 then
        return edit(uri.of_file(name))
      end
      vim.ui.select(paths, { prompt = name, kind = "posthog.file" }, function(path)
        if path then
          edit(uri.of_file(name, path))
        end
      end)
    end
  )
end

--- @param skills posthog.llm.Skill[]
function pick.skill(skills)
  if #skills == 0 then
    return message.info("there are no skills yet: :PostHog new NAME")
  end
  vim.ui.select(skills, {
    prompt = "Skill",
    kind = "posthog.skill",
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
