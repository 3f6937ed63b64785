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

local skill_folder = {}

local LONGEST_NOTE = 400 -- code points; doc/api.md 2.1, publish

--- @alias posthog.llm.SkillFolderProgress fun(event: { step: "read"|"write"|"publish",
---   path: string, done: integer, total: integer })

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

--- @alias posthog.llm.SkillRootProgress fun(event: { step: "pull"|"status"|"push", name: string,
---   done: integer, total: integer })

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

--- @class posthog.llm.SkillPull
--- @field name string
--- @field version integer that the folder is now at
--- @field written string[] paths
--- @field removed string[] paths
--- @field merged string[] those of `written` that have the changes of both sides
--- @field unchanged string[] paths
--- @field not_stored posthog.llm.SkillNotStoredFinding[] what of the folder the server does not keep
--- @field spec_problems posthog.llm.SpecProblem[] what the server says against the skill; API v2

--- Brings a skill into a folder, which need not be there. What was changed in
--- the folder stays, merged with what the server has; a pull that fails leaves
--- the folder as it was.
--- @param client posthog.llm.Client
--- @param name string
--- @param dir string
--- @param options? { version?: integer, force?: boolean, on_progress?: posthog.llm.SkillFolderProgress }
---   version: the latest; force: the server's files overwrite the folder's
--- @return posthog.llm.SkillPull? result
--- @return posthog.llm.Error? err kind "conflict": `conflicts` names the files that have markers
---   now, `result` is what was done; without `conflicts` nothing was done. Kind "invalid": the
---   skill has files that cannot be in a folder, or its SKILL.md has a line here that the change of
---   others would lose, `problems`. Kind "file": the disk
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

--- @class posthog.llm.SkillPush
--- @field name string
--- @field action "created"|"published"|"unchanged"
--- @field version? integer of the server's skill now; of a dry run, before
--- @field changes { path: string, change: "added"|"changed"|"removed" }[] against the server's latest
--- @field written string[] paths that came into the folder from the server's latest
--- @field removed string[] paths that went from the folder, as others had removed them
--- @field merged string[] those of `written` that have the changes of both sides
--- @field skipped string[] what `skip_binary` left out
--- @field left_out string[] hidden files that are not part of the skill
--- @field not_stored posthog.llm.SkillNotStoredFinding[] what of the folder the version does not have,
---   as the server did not keep it; it stays in the folder
--- @field spec_problems posthog.llm.SpecProblem[] what the server says against the skill; API v2

--- Publishes a folder as one new version, or creates the skill; sends nothing
--- when nothing has changed. What others have published since the pull is
--- merged into the folder first.
--- @param client posthog.llm.Client
--- @param dir string
--- @param options? { note?: string, prune?: boolean, dry_run?: boolean, force?: boolean,
---   skip_binary?: boolean, split_tools?: boolean, hidden?: boolean,
---   on_progress?: posthog.llm.SkillFolderProgress }
---   note: of the version, for servers that keep one, 400 characters; prune: removes files on the
---   server that the folder never had; dry_run: writes nothing, here nor there; force: publishes
---   the folder as it is, whatever the server has; skip_binary: leaves out what the API cannot
---   hold; split_tools: divides names of tools at their blanks, which the API does not accept;
---   hidden: takes files whose names begin with a dot
--- @return posthog.llm.SkillPush? result
--- @return posthog.llm.Error? err kind "invalid" with `problems`; kind "conflict", with `conflicts`
---   where there is something to resolve; kind "file"; and those of client.skills
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

--- @class posthog.llm.SkillStatus
--- @field path string
--- @field state posthog.llm.SkillFolderState "new": only here, and never on the server; "gone":
---   removed here; "local", "remote", "both": changed on that side, or removed on the server

--- Tells what has changed since the pull, on which side.
--- @param client? posthog.llm.Client nil: only what has changed here, without the network
--- @param dir string
--- @param options? { hidden?: boolean, on_progress?: posthog.llm.SkillFolderProgress }
--- @return posthog.llm.SkillStatus[]? list in order of paths; with the fields `name`, `version`
---   (pulled), `latest` (the server's), `unresolved`, the places of conflicts' markers, and
---   `not_stored` and `spec_problems`, as push returns them
--- @return posthog.llm.Error? err
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

--- @class posthog.llm.SkillPlace
--- @field name string
--- @field dir string
--- @field err? posthog.llm.Error

--- @class posthog.llm.SkillPullAll
--- @field pulled posthog.llm.SkillPull[] those that have come or have changed, each with its `dir`
--- @field unchanged integer
--- @field failed posthog.llm.SkillPlace[] with `err`, as pull returns it
--- @field gone posthog.llm.SkillPlace[] folders whose skill the server does not have any more
--- @field pruned posthog.llm.SkillPlace[] those of them that were taken away; `left`: but for files
---   that were never the skill's
--- @field not_tried posthog.llm.SkillPlace[] what an error that would meet all has kept from it

--- Brings all skills of the project into the folders of a root, at most eight requests at a time.
--- One failure does not stop the others. Where nothing has changed on the server, that is one
--- request, or one for each hundred skills on API v1.
--- @param client posthog.llm.Client
--- @param root string a folder, which need not be there
--- @param options? { names?: string[], prune?: boolean, force?: boolean, yes?: boolean,
---   concurrency?: integer, on_progress?: posthog.llm.SkillRootProgress }
---   names: only these, each asked for by itself; prune: takes away the folders of skills that are
---   gone from the server, not one with changes; force: overwrites what has changed here, and takes
---   away what has; yes: prunes also when the server has no skills at all, or the root is another
---   project's
--- @return posthog.llm.SkillPullAll? result also where some have failed
--- @return posthog.llm.Error? err what would meet every skill; `result`: what was done before
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

--- @alias posthog.llm.SkillRootState
--- | "same"      as pulled, and as on the server
--- | "local"     changed here
--- | "remote"    changed on the server
--- | "both"      changed on both sides
--- | "conflict"  has markers of a conflict
--- | "new"       here only, and never on the server
--- | "absent"    on the server only: a pull brings it
--- | "archived"  pulled, and gone from the server since
--- | "failed"    `err` says why it cannot be told

--- @class posthog.llm.SkillRootStatus
--- @field name string
--- @field dir? string nil: "absent"
--- @field state posthog.llm.SkillRootState
--- @field files posthog.llm.SkillStatus[] path and state of each, as status has them
--- @field version? integer pulled
--- @field latest? integer the server's
--- @field unresolved? { path: string, line: integer, message: string }[] places of markers
--- @field err? posthog.llm.Error

--- Tells where all skills of a root and of the project stand. Texts are read only of skills that
--- others have published since.
--- @param client posthog.llm.Client
--- @param root string
--- @param options? { hidden?: boolean, on_progress?: posthog.llm.SkillRootProgress }
--- @return posthog.llm.SkillRootStatus[]? list in order of names
--- @return posthog.llm.Error? err
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

--- @class posthog.llm.SkillPushAll: posthog.llm.SkillPush
--- @field dir string
--- @field action "created"|"published"|"unchanged"|"behind"|"gone"|"failed"|"not tried" "behind":
---   nothing has changed here, and the server has a later version; "gone": nor has anything, and the
---   skill was archived. Only of the first three, and not always, there are lists of paths
--- @field latest? integer the server's version, of "behind"
--- @field err? posthog.llm.Error of "failed", as push returns it

--- Publishes each folder of a root that has changed, at most eight requests at a time: a list,
--- and two requests for each. Never archives a skill.
--- @param client posthog.llm.Client
--- @param root string
--- @param options? { note?: string, prune?: boolean, dry_run?: boolean, force?: boolean,
---   skip_binary?: boolean, split_tools?: boolean, hidden?: boolean,
---   on_progress?: posthog.llm.SkillRootProgress } as those of push
--- @return posthog.llm.SkillPushAll[]? results one for each folder, in order of names
--- @return posthog.llm.Error? err what would meet every folder; `result`: the list so far
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

--- Checks a folder against the API's limits and the Agent Skills format.
--- @param dir string
--- @param options? { hidden?: boolean }
--- @return posthog.llm.SkillFinding[]? findings none: it can be pushed
--- @return posthog.llm.Error? err kind "file": it cannot be read
function skill_folder.lint(dir, options)
  check_dir(dir, 2)
  options = read_options("lint", options, 2)
  local folder, err = folders.look_at(dir, options.hidden)
  if not folder then
    return errors.failure(err)
  end
  return (lint.run(folder))
end

--- @class posthog.llm.SkillFileDifference
--- @field path string
--- @field change "added"|"changed"|"removed"
--- @field binary boolean it is not text, and `diff` only says that it differs
--- @field added integer lines
--- @field removed integer lines
--- @field diff string in the unified format of git

--- @class posthog.llm.SkillComparison
--- @field name string
--- @field from? integer version; nil: a folder whose skill is not on the server, or before version 1
--- @field to? integer version; nil: the folder
--- @field pulled? integer version that the folder was pulled at
--- @field files posthog.llm.SkillFileDifference[] in order of paths; none: there is no difference

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

--- Tells what turns a version on the server into the folder: file by file, what a push would
--- publish. White space at the ends of files, how lines end, and what the server does not keep are
--- no difference.
--- @param client posthog.llm.Client
--- @param dir string
--- @param options? { version?: integer, hidden?: boolean, on_progress?: posthog.llm.SkillFolderProgress }
---   version: the latest
--- @return posthog.llm.SkillComparison? comparison
--- @return posthog.llm.Error? err kind "invalid": the folder holds no skill; "not_found"; "file"
function skill_folder.compare(client, dir, options)
  return errors.result(compare_folder(client, dir, options, 2))
end

--- Tells what turns one version of a skill into another.
--- @param client posthog.llm.Client
--- @param name string
--- @param options? { from?: integer, to?: integer, on_progress?: posthog.llm.SkillFolderProgress }
---   to: the latest; from: the one before `to`
--- @return posthog.llm.SkillComparison? comparison
--- @return posthog.llm.Error? err kind "not_found": there is no such skill or version
function skill_folder.compare_versions(client, name, options)
  return errors.result(compare_versions(client, name, options, 2))
end

--- The same as `compare`, as one text that `patch -p1` and `git apply` take.
--- @param client posthog.llm.Client
--- @param dir string
--- @param options? { version?: integer, hidden?: boolean, on_progress?: posthog.llm.SkillFolderProgress }
--- @return string? diff "": there is no difference
--- @return posthog.llm.Error? err
function skill_folder.diff(client, dir, options)
  return errors.result(text_of(compare_folder(client, dir, options, 2)))
end

--- The same as `compare_versions`, as one text.
--- @param client posthog.llm.Client
--- @param name string
--- @param options? { from?: integer, to?: integer, on_progress?: posthog.llm.SkillFolderProgress }
--- @return string? diff "": there is no difference
--- @return posthog.llm.Error? err
function skill_folder.diff_versions(client, name, options)
  return errors.result(text_of(compare_versions(client, name, options, 2)))
end

--- @class posthog.llm.SkillLogEntry
--- @field version integer
--- @field created_at? string
--- @field created_by? posthog.llm.User
--- @field is_latest? boolean
--- @field note? string of the version; API v2
--- @field changes { path: string, change: "added"|"changed"|"removed" }[] against the version before
--- @field compared boolean false: files may have changed that are not in `changes`, as this server
---   does not tell (API v1)

--- The versions of a skill, newest first, with what each has changed. It reads each version, eight
--- at a time.
--- @param client posthog.llm.Client
--- @param name string
--- @param options? { limit?: integer } limit: versions in a page of the list, 1 to 100
--- @return fun(): posthog.llm.SkillLogEntry? iterator raises the error of a read that fails
function skill_folder.log(client, name, options)
  check_client(client, 2)
  check.segment(name, "name", 2)
  options = read_options("log", options, 2)
  return log.each(client, name, options)
end

--- Publishes what an old version held, all fields and files, as a new version. Nothing is sent where
--- the latest version has that content: then the result is the latest version, and there is no
--- progress "publish".
--- @param client posthog.llm.Client
--- @param name string
--- @param version integer
--- @param options? { note?: string, on_progress?: posthog.llm.SkillFolderProgress }
---   note: of the new version, for servers that keep one; else it says which version it was
--- @return posthog.llm.Skill? skill the latest version now
--- @return posthog.llm.Error? err kind "conflict": somebody has published meanwhile
function skill_folder.restore(client, name, version, options)
  check_client(client, 2)
  check.segment(name, "name", 2)
  check.integer(version, "version", 2, 1)
  local progress
  options, progress = read_options("restore", options, 2)
  check_note(options.note, 2)
  return errors.result(restore.run(client, name, version, options, progress))
end

--- @class posthog.llm.SkillRename
--- @field name string the new one
--- @field from string the old one
--- @field version integer of the skill now
--- @field history? boolean whether its versions came along; nil: an earlier run has renamed it
--- @field archived_versions? integer that did not
--- @field dir? string where the folder is now
--- @field dir_stays? string why the folder has not the new name

--- Gives a skill another name; with `dir`, the lock of the folder, the name in its SKILL.md and its
--- own name follow. API v1 has no call for it: there the skill is copied, the copy compared with it,
--- and the skill archived with its history, which has to be allowed by `drop_history`. Whoever is
--- stopped in the middle calls it again.
--- @param client posthog.llm.Client
--- @param name string
--- @param new_name string
--- @param options? { dir?: string, drop_history?: boolean, on_progress?: posthog.llm.SkillFolderProgress }
--- @return posthog.llm.SkillRename? result
--- @return posthog.llm.Error? err kind "invalid", option "drop_history": API v1; kind "conflict": the
---   new name is taken, somebody publishes meanwhile, or the folder has to be pulled first
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

--- Makes a folder for a new skill, with a SKILL.md to fill in. Overwrites nothing.
--- @param name string
--- @param dir string its last part is the name
--- @param options? { description?: string }
--- @return { name: string, dir: string, path: string }? made path: of the SKILL.md
--- @return posthog.llm.Error? err kind "invalid", option "name" or "dir"; kind "file"
function skill_folder.new(name, dir, options)
  check.type(name, "string", "name", 2)
  check_dir(dir, 2)
  options = read_options("new", options, 2)
  return errors.result(new.run(name, dir, options))
end

--- Reads a SKILL.md.
--- @param source string
--- @return posthog.llm.SkillMd? fields by the API's names; `body` is what follows, as it stands
--- @return posthog.llm.Error? err kind "invalid"; `line` is the place
function skill_folder.parse(source)
  check.type(source, "string", "source", 2)
  local fields, err = skill_md.read(source)
  if not fields then
    return errors.failure(err)
  end
  return fields
end

--- Writes a SKILL.md that parse reads back.
--- @param fields posthog.llm.SkillMd or a skill as client.skills returns it
--- @return string
function skill_folder.render(fields)
  check.type(fields, "table", "fields", 2)
  return skill_md.render(fields)
end

calls.tool(skill_folder, "skill_folder")

return skill_folder
