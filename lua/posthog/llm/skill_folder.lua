--- Skills as folders: SKILL.md with front matter, and the bundled files beside
--- it, as the Agent Skills format has it.
---
---     local skill_folder = require("posthog.llm.skill_folder")
---     assert(skill_folder.pull(client, "pdf-forms", "skills/pdf-forms"))
---     -- edit
---     local pushed = assert(skill_folder.push(client, "skills/pdf-forms"))
---     print(pushed.action, pushed.version)
---
--- Needs luafilesystem.
--- Prints nothing. The network never blocks more than any call of the client.

local lazy = require("posthog.llm.util.lazy")
local calls = require("posthog.llm.util.calls")
local check = require("posthog.llm.util.check")
local compare = require("posthog.llm.util.compare")
local errors = require("posthog.llm.util.errors")
local comparison = lazy("posthog.llm.skill_folder.compare")
local folders = require("posthog.llm.skill_folder.folder")
local lint = require("posthog.llm.skill_folder.lint")
local log = lazy("posthog.llm.skill_folder.log")
local new = lazy("posthog.llm.skill_folder.new")
local pull = lazy("posthog.llm.skill_folder.pull")
local pull_all = lazy("posthog.llm.skill_folder.pull_all")
local push = lazy("posthog.llm.skill_folder.push")
local rename = lazy("posthog.llm.skill_folder.rename")
local restore = lazy("posthog.llm.skill_folder.restore")
local push_all = lazy("posthog.llm.skill_folder.push_all")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local status = require("posthog.llm.skill_folder.status")
local status_all = lazy("posthog.llm.skill_folder.status_all")

--- Skills as folders in the [Agent Skills](https://agentskills.io) layout, a `SKILL.md` and the
--- files beside it: `require("posthog.llm.skill_folder")`. It needs luafilesystem. [Skills as
--- folders](../skill_folder.md) explains merges, conflicts, the lock and what a server does not
--- keep. In each error of kind `file`, `err.file` is the file or folder of this machine.
--- @class posthog.llm.skill_folder
local skill_folder = {}

local LONGEST_NOTE = 400 -- code points; doc/api.md 2.1, publish

local OPTIONS = {
  pull = { version = "number", force = "boolean", on_progress = "function" },
  push = {
    note = "string",
    prune = "boolean",
    dry_run = "boolean",
    force = "boolean",
    skip_binary = "boolean",
    split_tools = "boolean",
    hidden = "boolean",
    on_progress = "function",
  },
  status = { hidden = "boolean", on_progress = "function" },
  lint = { hidden = "boolean" },
  diff = { version = "number", hidden = "boolean", on_progress = "function" },
  diff_versions = { from = "number", to = "number", on_progress = "function" },
  log = { limit = "number" },
  restore = { note = "string", on_progress = "function" },
  rename = { dir = "string", drop_history = "boolean", on_progress = "function" },
  new = { description = "string" },
  pull_all = {
    names = "table",
    prune = "boolean",
    force = "boolean",
    yes = "boolean",
    concurrency = "number",
    on_progress = "function",
  },
  status_all = { hidden = "boolean", on_progress = "function" },
}
OPTIONS.push_all = OPTIONS.push

--- @return table options
--- @return fun(step: string, path: string, done: integer, total: integer) progress
local function read_options(call, options, level)
  local known = OPTIONS[call]
  options = options or {}
  check.type(options, "table", "options", level + 1)
  check.known(options, known, "options", level + 1)
  for name, value in pairs(options) do
    check.type(value, known[name], name, level + 1)
  end
  local report = options.on_progress
  return options,
    function(step, path, done, total)
      if report then
        report({ step = step, path = path, done = done, total = total })
      end
    end
end

--- @return table options
--- @return fun(name: string, done: integer, total: integer) report
local function read_root_options(call, options, level)
  options = read_options(call, options, level + 1)
  local report, step = options.on_progress, call:match("^%a+")
  return options,
    function(name, done, total)
      if report then
        report({ step = step, name = name, done = done, total = total })
      end
    end
end

local function check_client(client, level)
  local is_client = type(client) == "table" and type(client.skills) == "table"
  if not is_client then
    check.fail(level + 1, "client: what llm.new returns is expected")
  end
end

local function check_dir(dir, level)
  check.type(dir, "string", "dir", level + 1)
  if dir == "" or dir:find("\0", 1, true) then
    check.fail(level + 1, "dir: the path of a folder is expected")
  end
end

local function check_note(note, level)
  if note and compare.length(note) > LONGEST_NOTE then
    check.fail(level + 1, "note: %d characters at most", LONGEST_NOTE)
  end
end

--- Brings a skill into a folder, which need not be there. What was changed in the folder stays,
--- merged with what the server has; a pull that fails leaves the folder as it was. One request;
--- where there is a version that the folder does not have, one more for each bundled file, on API
--- v2 for each that has changed.
---
--- ```lua
--- local pulled = assert(skill_folder.pull(client, "pdf-forms", "skills/pdf-forms"))
--- print(pulled.version, #pulled.written) --> 3  3
--- ```
--- @param client posthog.llm.Client
--- @param name string
--- @param dir string
--- @param options? posthog.llm.SkillPullOptions
--- @return posthog.llm.SkillPull? result
--- @return posthog.llm.Error? err kind `conflict`: `err.conflicts` names the files that have
---   markers now, and `err.result` is what was done; without `conflicts` nothing was done. Kind
---   `invalid`: the skill has files that cannot be in a folder, or a line here would be lost by the
---   change of others, `err.problems`. Kind `not_found`, `file`
function skill_folder.pull(client, name, dir, options)
  check_client(client, 2)
  check.segment(name, "name", 2)
  check_dir(dir, 2)
  local progress
  options, progress = read_options("pull", options, 2)
  if options.version then
    check.integer(options.version, "version", 2, 1)
  end
  local result, err = pull.run(client, name, dir, options, progress)
  if not result then
    return errors.failure(err)
  end
  return result
end

--- Publishes a folder as one new version, or creates the skill. What others have published since
--- the pull is merged into the folder first. One request, those of a pull where others have
--- published, and one that publishes; when nothing has changed, it is not sent.
---
--- ```lua
--- local file = assert(io.open("skills/pdf-forms/references/fields.md", "a"))
--- file:write("Dates are YYYY-MM-DD.\n")
--- file:close()
--- local pushed, err = skill_folder.push(client, "skills/pdf-forms", { note = "The form of dates" })
--- for _, conflict in ipairs(err and err.conflicts or {}) do
---   print(conflict.path, conflict.line, conflict.message)
--- end
--- print(assert(pushed, err).action, pushed.version) --> published  4
--- ```
--- @param client posthog.llm.Client
--- @param dir string
--- @param options? posthog.llm.SkillPushOptions
--- @return posthog.llm.SkillPush? result
--- @return posthog.llm.Error? err kind `invalid`, with `problems`: nothing was sent, and each line
---   to change is named; kind `conflict`, with `conflicts`: nothing was published, and the files
---   have markers; kind `conflict` without them: somebody publishes at the same time; kind `file`
function skill_folder.push(client, dir, options)
  check_client(client, 2)
  check_dir(dir, 2)
  local progress
  options, progress = read_options("push", options, 2)
  check_note(options.note, 2)
  local result, err, response = push.run(client, dir, options, progress)
  if not result then
    return errors.failure(err, response)
  end
  return result
end

--- Tells what has changed since the pull, on which side. The requests of a pull; none without a
--- client.
---
--- ```lua
--- local list = assert(skill_folder.status(client, "skills/pdf-forms"))
--- for _, file in ipairs(list) do
---   print(file.path, file.state)
--- end
--- print(list.version, list.latest)
--- ```
---
--- ```
--- SKILL.md	same
--- references/fields.md	same
--- references/sizes.md	same
--- 4	4
--- ```
--- @param client? posthog.llm.Client nil: only what has changed here, without the network
--- @param dir string
--- @param options? posthog.llm.SkillStatusOptions
--- @return posthog.llm.SkillStatus[]? list in order of paths; it also has the fields of a
---   [SkillStatusList](#skillstatuslist)
--- @return posthog.llm.Error? err kind `invalid`: the folder holds no skill; kind `file`
function skill_folder.status(client, dir, options)
  if client ~= nil then
    check_client(client, 2)
  end
  check_dir(dir, 2)
  local progress
  options, progress = read_options("status", options, 2)
  local list, err = status.run(client, dir, options, progress)
  if not list then
    return errors.failure(err)
  end
  return list
end

--- Brings all skills of the project into the folders of a root, at most eight at a time. One
--- failure does not stop the others. Where nothing has changed on the server, it is one request, or
--- one for each hundred skills on API v1.
---
--- ```lua
--- local all = assert(skill_folder.pull_all(client, "store", { prune = true }))
--- print(#all.pulled, all.unchanged, #all.failed) --> 1  0  0
--- for _, place in ipairs(all.failed) do
---   print(place.name, place.err)
--- end
--- ```
--- @param client posthog.llm.Client
--- @param root string a folder with a folder for each skill, which need not be there
--- @param options? posthog.llm.SkillPullAllOptions
--- @return posthog.llm.SkillPullAll? result also where some have failed
--- @return posthog.llm.Error? err one that every skill would meet, such as a key that is not valid;
---   `err.result` is what was done before
function skill_folder.pull_all(client, root, options)
  check_client(client, 2)
  check_dir(root, 2)
  local report
  options, report = read_root_options("pull_all", options, 2)
  if options.concurrency then
    check.integer(options.concurrency, "concurrency", 2, 1)
  end
  if options.names then
    check.list(options.names, "names", 2)
    for i, name in ipairs(options.names) do
      check.segment(name, ("names[%d]"):format(i), 2)
    end
    if options.prune then
      check.fail(2, "names and prune exclude each other")
    end
  end
  local result, err = pull_all.run(client, root, options, report)
  if not result then
    return errors.failure(err)
  end
  return result
end

--- Tells where all skills of a root and of the project stand. The requests of `pull_all`; texts are
--- read only of skills that others have published since.
---
--- ```lua
--- for _, skill in ipairs(assert(skill_folder.status_all(client, "store"))) do
---   print(skill.name, skill.state, skill.version) --> pdf-forms  same  4
--- end
--- ```
--- @param client posthog.llm.Client
--- @param root string
--- @param options? posthog.llm.SkillStatusAllOptions
--- @return posthog.llm.SkillRootStatus[]? list in order of names
--- @return posthog.llm.Error? err one that every skill would meet
function skill_folder.status_all(client, root, options)
  check_client(client, 2)
  check_dir(root, 2)
  local report
  options, report = read_root_options("status_all", options, 2)
  local list, err = status_all.run(client, root, options, report)
  if not list then
    return errors.failure(err)
  end
  return list
end

--- Publishes each folder of a root that has changed, at most eight at a time: the requests of
--- `pull_all`, and two for each. It never archives a skill.
---
--- ```lua
--- for _, pushed in ipairs(assert(skill_folder.push_all(client, "store", { note = "From CI" }))) do
---   print(pushed.name, pushed.action) --> pdf-forms  unchanged
--- end
--- ```
--- @param client posthog.llm.Client
--- @param root string
--- @param options? posthog.llm.SkillPushAllOptions
--- @return posthog.llm.SkillPushAll[]? results one for each folder, in order of names
--- @return posthog.llm.Error? err one that every folder would meet; `err.result` is the list so far
function skill_folder.push_all(client, root, options)
  check_client(client, 2)
  check_dir(root, 2)
  local report
  options, report = read_root_options("push_all", options, 2)
  check_note(options.note, 2)
  local results, err = push_all.run(client, root, options, report)
  if not results then
    return errors.failure(err)
  end
  return results
end

--- Checks a folder against the API's limits and the Agent Skills format, without the network.
---
--- ```lua
--- for _, finding in ipairs(assert(skill_folder.lint("skills/pdf-forms"))) do
---   print(finding.path, finding.line, finding.level, finding.message)
--- end
--- ```
--- @param dir string
--- @param options? posthog.llm.SkillLintOptions
--- @return posthog.llm.SkillFinding[]? findings none of level "error": it can be pushed
--- @return posthog.llm.Error? err kind `file`: it cannot be read
function skill_folder.lint(dir, options)
  check_dir(dir, 2)
  options = read_options("lint", options, 2)
  local folder, err = folders.look_at(dir, options.hidden)
  if not folder then
    return errors.failure(err)
  end
  return (lint.run(folder))
end

--- @return posthog.llm.SkillComparison? found
--- @return posthog.llm.Error? err
local function compare_folder(client, dir, options, level)
  check_client(client, level + 1)
  check_dir(dir, level + 1)
  local progress
  options, progress = read_options("diff", options, level + 1)
  if options.version then
    check.integer(options.version, "version", level + 1, 1)
  end
  return comparison.folder(client, dir, options, progress)
end

--- @return posthog.llm.SkillComparison? found
--- @return posthog.llm.Error? err
local function compare_versions(client, name, options, level)
  check_client(client, level + 1)
  check.segment(name, "name", level + 1)
  local progress
  options, progress = read_options("diff_versions", options, level + 1)
  for _, option in ipairs({ "from", "to" }) do
    if options[option] then
      check.integer(options[option], option, level + 1, 1)
    end
  end
  return comparison.versions(client, name, options.from, options.to, progress)
end

--- @return string? text
--- @return posthog.llm.Error? err
local function text_of(found, err)
  if not found then
    return errors.failure(err)
  end
  return comparison.text(found)
end

--- Tells what turns a version on the server into the folder, file by file: what a push would
--- publish. White space at the ends of files, how lines end, and what the server does not keep are
--- no difference. The requests of a pull.
---
--- ```lua
--- local found = assert(skill_folder.compare(client, "skills/pdf-forms", { version = 1 }))
--- for _, file in ipairs(found.files) do
---   print(file.path, file.change, file.added, file.removed)
--- end
--- ```
---
--- ```
--- SKILL.md	changed	1	0
--- references/fields.md	changed	1	0
--- references/sizes.md	added	1	0
--- ```
--- @param client posthog.llm.Client
--- @param dir string
--- @param options? posthog.llm.SkillCompareOptions
--- @return posthog.llm.SkillComparison? comparison
--- @return posthog.llm.Error? err kind `invalid`: the folder holds no skill; kind `not_found`:
---   there is no such version; kind `file`
function skill_folder.compare(client, dir, options)
  return errors.result(compare_folder(client, dir, options, 2))
end

--- Tells what turns one version of a skill into another. A request for each version and each of its
--- bundled files; on API v2 only for files that differ.
---
--- ```lua
--- local found = assert(skill_folder.compare_versions(client, "pdf-forms", { from = 1, to = 2 }))
--- print(found.files[1].path, found.files[1].change) --> references/sizes.md  added
--- ```
--- @param client posthog.llm.Client
--- @param name string
--- @param options? posthog.llm.SkillCompareVersionsOptions
--- @return posthog.llm.SkillComparison? comparison
--- @return posthog.llm.Error? err kind `not_found`: there is no such skill or version
function skill_folder.compare_versions(client, name, options)
  return errors.result(compare_versions(client, name, options, 2))
end

--- The same as `compare`, as one text that `patch -p1` and `git apply` take in the skill's folder.
---
--- ```lua
--- local diff = assert(skill_folder.diff(client, "skills/pdf-forms"))
--- print(diff == "") --> true
--- ```
--- @param client posthog.llm.Client
--- @param dir string
--- @param options? posthog.llm.SkillCompareOptions
--- @return string? diff "": there is no difference
--- @return posthog.llm.Error? err as of `compare`
function skill_folder.diff(client, dir, options)
  return errors.result(text_of(compare_folder(client, dir, options, 2)))
end

--- The same as `compare_versions`, as one text.
---
--- ```lua
--- local diff = assert(skill_folder.diff_versions(client, "pdf-forms", { from = 3, to = 4 }))
--- print(diff:match("@@.*"))
--- ```
---
--- ```
--- @@ -1 +1,2 @@
---  One line a field.
--- +Dates are YYYY-MM-DD.
---
--- ```
--- @param client posthog.llm.Client
--- @param name string
--- @param options? posthog.llm.SkillCompareVersionsOptions
--- @return string? diff "": there is no difference
--- @return posthog.llm.Error? err kind `not_found`: there is no such skill or version
function skill_folder.diff_versions(client, name, options)
  return errors.result(text_of(compare_versions(client, name, options, 2)))
end

--- The versions of a skill, newest first, with what each has changed. Each version is read, eight
--- at a time.
---
--- ```lua
--- for entry in skill_folder.log(client, "pdf-forms") do
---   for _, change in ipairs(entry.changes) do
---     print(entry.version, change.change, change.path)
---   end
--- end
--- ```
--- @param client posthog.llm.Client
--- @param name string
--- @param options? posthog.llm.SkillLogOptions
--- @return fun(): posthog.llm.SkillLogEntry? iterator for a generic `for`; raises the error of a
---   read that fails
function skill_folder.log(client, name, options)
  check_client(client, 2)
  check.segment(name, "name", 2)
  options = read_options("log", options, 2)
  return log.each(client, name, options)
end

--- Publishes what an old version held, all fields and files, as a new version. Nothing is sent
--- where the latest version has that content. Folders are not touched: pull them.
---
--- ```lua
--- local skill = assert(skill_folder.restore(client, "pdf-forms", 1))
--- print(skill.version, #skill.files) --> 5  1
--- ```
--- @param client posthog.llm.Client
--- @param name string
--- @param version integer the old one
--- @param options? posthog.llm.SkillRestoreOptions
--- @return posthog.llm.Skill? skill the latest version now
--- @return posthog.llm.Error? err kind `conflict`: somebody has published meanwhile, and nothing
---   was restored; kind `not_found`
function skill_folder.restore(client, name, version, options)
  check_client(client, 2)
  check.segment(name, "name", 2)
  check.integer(version, "version", 2, 1)
  local progress
  options, progress = read_options("restore", options, 2)
  check_note(options.note, 2)
  return errors.result(restore.run(client, name, version, options, progress))
end

--- Gives a skill another name. With `dir`, the folder follows: its lock, the name in its SKILL.md
--- and its own name. API v1 has no call for it: there the skill is copied, the copy compared with
--- it, and the skill archived with its history, for good. Whoever is stopped in the middle calls it
--- again.
---
--- ```lua
--- assert(skill_folder.pull(client, "pdf-forms", "skills/pdf-forms"))
--- local renamed = assert(skill_folder.rename(client, "pdf-forms", "fill-pdf", {
---   dir = "skills/pdf-forms",
---   drop_history = true, -- on API v1
--- }))
--- print(renamed.name, renamed.dir) --> fill-pdf  skills/fill-pdf
--- ```
--- @param client posthog.llm.Client
--- @param name string
--- @param new_name string
--- @param options? posthog.llm.SkillRenameOptions
--- @return posthog.llm.SkillRename? result
--- @return posthog.llm.Error? err kind `invalid`, option `drop_history`: the server has API v1;
---   kind `conflict`: the new name is taken, somebody publishes meanwhile, or the folder has to be
---   pulled first; kind `not_found`, `file`
function skill_folder.rename(client, name, new_name, options)
  check_client(client, 2)
  check.segment(name, "name", 2)
  check.segment(new_name, "new_name", 2)
  local progress
  options, progress = read_options("rename", options, 2)
  if options.dir then
    check_dir(options.dir, 2)
  end
  return errors.result(rename.run(client, name, new_name, options, progress))
end

--- Makes a folder for a new skill, with a SKILL.md to fill in. It overwrites nothing and sends
--- nothing.
---
--- ```lua
--- local made = assert(skill_folder.new("tax-forms", "skills/tax-forms", {
---   description = "Fill in tax forms.",
--- }))
--- print(made.path) --> skills/tax-forms/SKILL.md
--- ```
--- @param name string a-z, 0-9 and single hyphens, at most 64 characters
--- @param dir string its last part is the name
--- @param options? posthog.llm.SkillNewOptions
--- @return posthog.llm.SkillNew? made
--- @return posthog.llm.Error? err kind `invalid`, option `name` or `dir`; kind `file`: it is there
---   already, or cannot be written
function skill_folder.new(name, dir, options)
  check.type(name, "string", "name", 2)
  check_dir(dir, 2)
  options = read_options("new", options, 2)
  return errors.result(new.run(name, dir, options))
end

--- Reads the text of a SKILL.md.
---
--- ```lua
--- local fields, err = skill_folder.parse("---\nname: tax-forms\ndescription: Fill in tax forms.\n---\n# Tax\n")
--- print(assert(fields, err).name, fields.body) --> tax-forms  # Tax
--- ```
--- @param source string
--- @return posthog.llm.SkillMd? fields by the API's names; `body` is what follows, as it stands
--- @return posthog.llm.Error? err kind `invalid`; `err.line` is the place
function skill_folder.parse(source)
  check.type(source, "string", "source", 2)
  local fields, err = skill_md.read(source)
  if not fields then
    return errors.failure(err)
  end
  return fields
end

--- Writes a SKILL.md that `parse` reads back.
---
--- ```lua
--- local skill = assert(client.skills:get("fill-pdf"))
--- print(skill_folder.render(skill):match("^%-%-%-\n(.-)\n"))  --> name: fill-pdf
--- ```
--- @param fields posthog.llm.SkillMd or a skill as `client.skills` returns it
--- @return string text
function skill_folder.render(fields)
  check.type(fields, "table", "fields", 2)
  return skill_md.render(fields)
end

calls.tool(skill_folder, "skill_folder")

return skill_folder
