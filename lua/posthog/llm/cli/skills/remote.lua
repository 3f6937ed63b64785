--- What posthog-llm skills does on the server alone.

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local list = require("posthog.llm.cli.list")
local display = require("posthog.llm.cli.display")

local remote = {}

--- A value of the server for a column; one line.
local function cell(value)
  if type(value) == "string" then
    return (value:gsub("%s+", " "))
  end
  return type(value) == "number" and value or ""
end

function remote.list(context, args)
  return list.print(context, args, {
    unit = "skills",
    header = { "NAME", "VERSION", "DESCRIPTION" },
    right = { [2] = true },
    cells = function(skill)
      return { cell(skill.name), cell(skill.version), cell(skill.description) }
    end,
    each = function(page, wanted)
      local options = { search = args.search, order_by = args.order_by, limit = page }
      options.prefetch = list.prefetch(page, wanted)
      options.category = args.category
      return context:reader().skills:each(options)
    end,
  })
end

function remote.versions(context, args)
  return list.print(context, args, {
    unit = "versions",
    header = { "VERSION", "MADE", "BY" },
    right = { [1] = true },
    cells = function(version)
      local user = type(version.created_by) == "table" and version.created_by or {}
      return { cell(version.version), display.time(version.created_at), cell(user.email) }
    end,
    each = function(page, wanted)
      local options = { limit = page, prefetch = list.prefetch(page, wanted) }
      return context:reader().skills:versions(args.name, options)
    end,
  })
end

--- An entry for each bundled file.
local function print_files(context, skill)
  local files = type(skill.files) == "table" and skill.files or {}
  local at = 0
  return list.print(context, { all = true }, {
    unit = "files",
    header = { "PATH", "TYPE" },
    cells = function(file)
      return { cell(file.path), cell(file.content_type) }
    end,
    each = function()
      return function()
        at = at + 1
        return files[at]
      end
    end,
  })
end

function remote.show(context, args)
  local skills, options = context:reader().skills, { version = args.version }
  if args.file and args.files then
    error(exits.usage("--file and --files exclude each other", "posthog-llm skills show"), 0)
  end
  local found, err
  if args.file then
    found, err = skills:file(args.name, args.file, options)
  else
    found, err = skills:get(args.name, options)
  end
  if not found then
    return nil, err
  elseif args.files then
    print_files(context, found)
  elseif context.json then
    context.out:json(found)
  else
    local text = found.content or found.body
    if type(text) ~= "string" then
      return nil, errors.new({ kind = "decode", message = "the response has no text" })
    end
    context.out:text(text)
  end
end

--- The version to change: the one that is asked for, or the latest.
--- @return integer? version
--- @return posthog.llm.Error? err
local function base_of(context, args)
  if args.base_version then
    return args.base_version
  end
  local found, err = context:reader().skills:resolve(args.name, { limit = 1 })
  if not found then
    return nil, err
  elseif type(found.skill.version) ~= "number" then
    return nil, errors.new({ kind = "decode", message = "the response has no version" })
  end
  return found.skill.version
end

--- Says which version a write has made.
--- @param what string
local function made(context, skill, err, what)
  if not skill then
    return nil, err
  elseif skill == true then
    return nil, errors.no_content("skill")
  elseif context.json then
    context.out:json(skill)
  else
    context.out:line(what, ": ", skill.name, " version ", cell(skill.version))
  end
end

--- Changes the files of the version that is asked for, or of the latest.
--- @param change fun(skills: posthog.llm.Skills, options: table): table?, posthog.llm.Error?
--- @param what string
local function change_files(context, args, change, what)
  local base, err = base_of(context, args)
  if not base then
    return nil, err
  end
  local skill
  skill, err = change(context:reader().skills, { base_version = base })
  return made(context, skill, err, what)
end

function remote.rename_file(context, args)
  return change_files(context, args, function(skills, options)
    return skills:rename_file(args.name, args.old, args.new, options)
  end, ("renamed %s to %s"):format(args.old, args.new))
end

function remote.delete_file(context, args)
  return change_files(context, args, function(skills, options)
    return skills:delete_file(args.name, args.path, options)
  end, "deleted " .. args.path)
end

function remote.duplicate(context, args)
  local skill, err = context:reader().skills:duplicate(args.name, args.new)
  return made(context, skill, err, "copied " .. args.name)
end

--- Whether somebody means it.
--- @return boolean? means_it
--- @return posthog.llm.Error? err there is nothing to archive
local function confirmed(context, args)
  if args.yes then
    return true
  elseif not context:can_ask() then
    local words = "archive takes all versions away and cannot be undone: give --yes to mean it"
    error(exits.usage(words, "posthog-llm skills archive"), 0)
  end
  local found, err = context:reader().skills:resolve(args.name, { limit = 1 })
  if not found then
    return nil, err
  end
  local question = "Archive %s and all its versions, up to %s? This cannot be undone."
  return context:confirm(question:format(args.name, cell(found.skill.version)))
end

function remote.archive(context, args)
  local yes, err = confirmed(context, args)
  if err then
    return nil, err
  elseif not yes then
    context.err:line("posthog-llm: not archived")
    return exits.FAILURE
  end
  local done
  done, err = context:reader().skills:archive(args.name)
  if not done then
    return nil, err
  elseif context.json then
    context.out:json({ name = args.name, archived = true })
  else
    context.out:line("archived ", args.name)
  end
end

return remote
