--- A folder for a new skill.

local atomic_file = require("posthog.llm.util.atomic_file")
local change = require("posthog.llm.skill_folder.change")
local disk = require("posthog.llm.skill_folder.disk")
local errors = require("posthog.llm.util.errors")
local file_system = require("posthog.llm.util.file_system")
local lint = require("posthog.llm.skill_folder.lint")
local paths = require("posthog.llm.skill_folder.paths")
local skill_md = require("posthog.llm.skill_folder.skill_md")

local new = {}

local DESCRIPTION = "What the skill does, and when to use it: agents decide by this text alone."

local BODY = [[
# %s

One sentence: what this is for.

## Steps

1. The first thing to do, as an instruction.
2. The next one. Long reference material goes into files beside this one, such as
   `references/fields.md`, which are read only when they are needed.

## Example

What is given, and what comes out.
]]

--- "pdf-forms" as a title: "Pdf forms".
local function title_of(name)
  return (name:gsub("%-", " "):gsub("^%l", string.upper))
end

local function invalid(option, message, ...)
  message = message:format(...)
  return errors.failure(errors.new({ kind = "invalid", option = option, message = message }))
end

local BOTH_NAMES = "the folder %s has to have the skill's name, %s, as its own: the Agent Skills "
  .. "format asks for that"

--- The name of a folder, which need not be there.
local function own_name(dir)
  local real = disk.kind(dir .. "/.") and file_system.real_path(dir)
  return (real or dir):match("([^/]+)/*$")
end

--- @return true? ok
--- @return posthog.llm.Error? err
local function check_place(name, dir)
  local kind = disk.kind(dir)
  if own_name(dir) ~= name then
    return invalid("dir", BOTH_NAMES, dir, name)
  elseif kind and disk.kind(dir .. "/.") ~= "directory" then
    return atomic_file.failure(dir, "cannot be made", "a " .. kind .. " is there")
  end
  for _, path in ipairs({ paths.SKILL, paths.LOCK }) do
    if disk.kind(dir .. "/" .. path) then
      local why = "it is there already: take another name, or move it away"
      return atomic_file.failure(dir .. "/" .. path, "is not overwritten", why)
    end
  end
  return true
end

--- @param name string
--- @param dir string
--- @param options { description?: string }
--- @return { name: string, dir: string, path: string }? made
--- @return posthog.llm.Error? err
function new.run(name, dir, options)
  local wrong = lint.name_error(name)
  if wrong then
    return invalid("name", "%s", wrong)
  end
  dir = dir:gsub("(.)/+$", "%1")
  local ok, err = change.recover(dir)
  if ok then
    ok, err = check_place(name, dir)
  end
  if not ok then
    return errors.failure(err)
  end
  local source = skill_md.render({
    name = name,
    description = options.description or DESCRIPTION,
    body = BODY:format(title_of(name)),
  })
  ok, err = change.apply(dir, { [paths.SKILL] = source }, {}, {})
  if not ok then
    return errors.failure(err)
  end
  return { name = name, dir = dir, path = dir .. "/" .. paths.SKILL }
end

return new
