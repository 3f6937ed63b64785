--- What posthog-llm skills does with the versions and the names of a skill: new, log, diff, restore,
--- rename.

local display = require("posthog.llm.cli.display")
local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local json = require("posthog.llm.json")
local list = require("posthog.llm.cli.list")
local needs = require("posthog.llm.cli.needs")
local parser = require("posthog.llm.cli.parser")

local history = {}

local function skill_folder()
  needs.module("lfs")
  return require("posthog.llm.skill_folder")
end

--- Lets an error about one of these arguments count as one of usage.
local function blame_arguments(context, args, names)
  for _, name in ipairs(names) do
    context.given[name] = args[name]
  end
end

--- The versions among the arguments as numbers.
local function read_versions(args, names, command)
  for _, name in ipairs(names) do
    local number = args[name] and parser.convert.count(args[name])
    if args[name] and not number then
      local message = ("invalid version '%s': a whole number above 0"):format(args[name])
      error(exits.usage(message, "posthog-llm skills " .. command), 0)
    end
    args[name] = number
  end
end

--- Calls the library with a bar for what it reads.
--- @param call fun(on_progress: fun(event: table)): any, posthog.llm.Error?
local function with_bar(context, call)
  local bar = context:progress("reading", "files")
  local result, err = call(function(event)
    if event.step == "read" then
      bar:at(event.done, event.total, event.path)
    else
      bar:say(event.path)
    end
  end)
  bar:finish()
  return result, err
end

function history.new(context, args)
  local dir = args.dir or args.name
  blame_arguments(context, { name = args.name, dir = dir }, { "name", "dir" })
  local made, err = skill_folder().new(args.name, dir)
  if not made then
    return nil, err
  elseif context.json then
    context.out:json(made)
    return
  end
  context.out:line("made ", made.path)
  for _, finding in ipairs(skill_folder().lint(dir) or {}) do
    context:note(made.path, ":", finding.line or 1, ": ", finding.level, ": ", finding.message)
  end
  context:note(
    "write it, check it by `skills lint`, and publish it by `skills push ",
    display.word(dir),
    "`"
  )
end

local MARKS = { added = "+", removed = "-", changed = "" }

--- "SKILL.md +notes.md -old.md"
local function changes_in_words(entry)
  local words = {}
  for i, change in ipairs(entry.changes) do
    words[i] = MARKS[change.change] .. change.path:gsub("%s", " ")
  end
  return table.concat(words, " ")
end

local NOT_COMPARED = "API v1 does not tell which bundled files have other content: "
  .. "`skills diff %s V1 V2` compares them"

function history.log(context, args)
  local is_all = true
  context:reader()
  list.print(context, args, {
    unit = "versions",
    header = { "VERSION", "MADE", "BY", "NOTE", "CHANGED" },
    right = { [1] = true },
    cells = function(entry)
      local user = type(entry.created_by) == "table" and entry.created_by or {}
      return {
        entry.version,
        display.time(entry.created_at),
        type(user.email) == "string" and user.email or "",
        (entry.note or ""):gsub("%s+", " "),
        changes_in_words(entry),
      }
    end,
    each = function(page)
      local each = skill_folder().log(context:client(), args.name, { limit = page })
      return function()
        local entry = each()
        is_all = is_all and (not entry or entry.compared)
        if entry then
          entry.changes = json.array(entry.changes)
        end
        return entry
      end
    end,
  })
  if not is_all then
    context:note(NOT_COMPARED:format(args.name))
  end
end

--- How the lines of a diff are shown.
local STYLES = { ["+"] = "green", ["-"] = "red", ["@"] = "cyan" }

--- Prints the diff of a file; the lines above its first hunk are the header.
local function print_diff(context, file)
  local is_head = true
  context.out:text(file.diff, function(line)
    local first = line:sub(1, 1)
    is_head = is_head and first ~= "@"
    return is_head and "bold" or STYLES[first]
  end)
end

local NEWER = "the folder is at version %d, and %d is the latest: `skills diff %s %d` shows what "
  .. "was changed here alone"

--- @param found posthog.llm.SkillComparison
local function print_comparison(context, found, dir)
  if context.json then
    found.dir, found.files = dir, json.array(found.files)
    context.out:json(found)
  else
    for _, file in ipairs(found.files) do
      print_diff(context, file)
    end
  end
  return #found.files > 0 and exits.FINDINGS or 0
end

--- Whether a word means a folder: there is one that holds a skill, or it can be nothing else.
local function is_folder(word)
  if word:find("/", 1, true) or word == "." or word == ".." then
    return true
  end
  for _, name in ipairs({ "SKILL.md", ".posthog-skill.json" }) do
    local file = io.open(word .. "/" .. name, "rb")
    if file then
      file:close()
      return true
    end
  end
  return false
end

--- The name of a folder's skill.
local function name_of(dir)
  local found, err = skill_folder().status(nil, dir)
  if not found then
    return nil, err
  elseif not found.name then
    local message = dir .. " holds no skill: there is no SKILL.md and no lock file"
    return nil, errors.new({ kind = "invalid", message = message })
  end
  return found.name
end

--- @return posthog.llm.SkillComparison? found
--- @return posthog.llm.Error? err
local function compare(context, args)
  local dir = is_folder(args.what) and args.what or nil
  local name, err = args.what, nil
  if dir and args.to then
    name, err = name_of(dir)
  end
  if not name then
    return nil, err
  end
  return with_bar(context, function(on_progress)
    if dir and not args.to then
      local options = { version = args.from, hidden = args.hidden, on_progress = on_progress }
      return skill_folder().compare(context:client(), dir, options)
    end
    local options = { from = args.from, to = args.to, on_progress = on_progress }
    return skill_folder().compare_versions(context:client(), name, options)
  end)
end

function history.diff(context, args)
  args.what = args.what or "."
  read_versions(args, { "from", "to" }, "diff")
  local found, err = compare(context, args)
  if not found then
    return nil, err
  end
  local dir = not found.to and args.what or nil
  local code = print_comparison(context, found, dir)
  local pulled, latest = found.pulled, found.from
  if dir and not args.from and pulled and latest and pulled < latest then
    context:note(NEWER:format(pulled, latest, dir, pulled))
  end
  return code
end

local AGAIN = "Do it again: where it has happened, nothing is sent."

function history.restore(context, args)
  read_versions(args, { "version" }, "restore")
  local is_published = false
  local skill, err = with_bar(context, function(on_progress)
    return skill_folder().restore(context:reader(), args.name, args.version, {
      note = args.note,
      on_progress = function(event)
        is_published = is_published or event.step == "publish"
        on_progress(event)
      end,
    })
  end)
  if not skill then
    if err.ambiguous then
      err.hint = AGAIN
    end
    return nil, err
  elseif context.json then
    context.out:json({
      name = skill.name,
      version = skill.version,
      restored = args.version,
      action = is_published and "published" or "unchanged",
    })
  elseif is_published then
    context.out:line(
      ("restored %s version %d as version %d"):format(skill.name, args.version, skill.version)
    )
  else
    local words = "unchanged %s version %d: it has the content of version %d"
    context.out:line(words:format(skill.name, skill.version, args.version))
  end
end

--- The folder that is to follow: the one that is named, or one of the old or the new name that was
--- pulled.
local function folder_of(args)
  if args.dir then
    return args.dir
  end
  for _, dir in ipairs({ args.name, args.new_name }) do
    local file = io.open(dir .. "/.posthog-skill.json", "rb")
    if file then
      file:close()
      return dir
    end
  end
end

local QUESTION = "This server has API v1, which cannot rename. Copy %s to %s as version 1, and "
  .. "archive %s with its history, for good?"

--- Renames, and asks where the history would be lost.
local function rename(context, args, drop_history)
  local result, err = with_bar(context, function(on_progress)
    return skill_folder().rename(context:client(), args.name, args.new_name, {
      dir = folder_of(args),
      drop_history = drop_history,
      on_progress = on_progress,
    })
  end)
  if result or drop_history or err.option ~= "drop_history" or not context:can_ask() then
    return result, err
  elseif not context:confirm(QUESTION:format(args.name, args.new_name, args.name)) then
    return nil, nil
  end
  return rename(context, args, true)
end

local LEFT = "the history of %s, %d version%s, is gone with it: API v1 cannot rename"

function history.rename(context, args)
  blame_arguments(context, args, { "new_name", "dir" })
  context.given.drop_history = true
  local result, err = rename(context, args, args.yes or nil)
  if err then
    return nil, err
  elseif not result then
    context.err:line("posthog-llm: not renamed")
    return exits.FAILURE
  elseif context.json then
    context.out:json(result)
    return
  end
  context.out:line("renamed ", result.from, " to ", result.name, " version ", result.version)
  if result.dir then
    context.out:line(
      "the folder is ",
      result.dir,
      result.dir_stays and "; " .. result.dir_stays or ""
    )
  end
  local count = result.archived_versions
  if count then
    context:note(LEFT:format(result.from, count, count == 1 and "" or "s"))
  end
end

return history
