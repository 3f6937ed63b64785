--- Changes a folder as a whole or not at all.
---
--- All new texts are written and synced into a folder of ours first, with a
--- plan of what is about to be done. What is about to go is linked there too.
--- Then each file is renamed into its place. If that fails, or the process
--- dies in it, the plan leads back: the folder is as it was.
---
--- Where one file is all that is written, its renaming is done or not, and needs no plan.

local digest = require("posthog.llm.util.digest")
local file_system = require("posthog.llm.util.file_system")
local lfs = require("lfs")

local disk = require("posthog.llm.skill_folder.disk")
local errors = require("posthog.llm.util.errors")
local atomic_file = require("posthog.llm.util.atomic_file")
local json = require("posthog.llm.json")
local paths = require("posthog.llm.skill_folder.paths")
local refuse = require("posthog.llm.skill_folder.refuse")

local change = {}

local MEANWHILE = "files were changed meanwhile; the folder was left as it was, do it again"

local GUARD = "guard" -- held by the process at work
local BUSY = "another process is changing the folder; try again when it is done"

--- @class posthog.llm.SkillFolderStep one path of a plan
--- @field path string
--- @field writes boolean whether there is a new text; otherwise the file goes
--- @field digest? string SHA-256 of the new text
--- @field had boolean whether a file was there before
--- @field missing string[] folders that have to be made for it, from the top
--- @field number integer names the copies: <number>.new and <number>.old

local function stage_of(dir)
  return dir .. "/" .. paths.STAGE
end

local function copy(stage, step, which)
  return ("%s/%d.%s"):format(stage, step.number, which)
end

--- Takes our folder away, the guard at the end, while it is held: nobody else
--- is in it before it is gone.
local function leave(stage, guard)
  local ok, iterator, state = pcall(lfs.dir, stage)
  if ok then
    local names = {}
    for name in iterator, state do
      names[#names + 1] = name
    end
    for _, name in ipairs(names) do
      if name ~= "." and name ~= ".." and name ~= GUARD then
        os.remove(stage .. "/" .. name)
      end
    end
  end
  os.remove(stage .. "/" .. GUARD)
  lfs.rmdir(stage)
  guard:close()
end

--- @param folders string[] from the top; those that hold something stay
local function remove_empty(dir, folders)
  local all = {}
  for i, folder in ipairs(folders) do
    all[i] = dir .. "/" .. folder
  end
  disk.remove_empty(all)
end

--- Whether a step was done, and the place is as it left it: who has changed the
--- file since, keeps what he has.
local function is_as_left(dir, step)
  local path = dir .. "/" .. step.path
  if not disk.is_inside(dir, step.path) then
    return false
  elseif not step.writes then
    return disk.kind(path) == nil
  end
  local is_placed = disk.kind(copy(stage_of(dir), step, "new")) == nil
  local now = is_placed and disk.kind(path) == "file" and disk.read(path)
  return now and digest.sha256(now) == step.digest
end

--- Puts back what a plan has changed so far. It may be run again.
--- @param steps posthog.llm.SkillFolderStep[]
--- @return true? done
--- @return posthog.llm.Error? err
local function undo(dir, steps)
  local stage = stage_of(dir)
  for i = #steps, 1, -1 do
    local step = steps[i]
    if step.writes and not step.had and is_as_left(dir, step) then
      os.remove(dir .. "/" .. step.path)
    end
    remove_empty(dir, step.missing)
  end
  for _, step in ipairs(steps) do
    local old = copy(stage, step, "old")
    if step.had and disk.kind(old) == "file" and is_as_left(dir, step) then
      local path = dir .. "/" .. step.path
      local made, err = disk.make_folder(path:match("^(.*)/"))
      if not made then
        return errors.failure(err)
      end
      local ok, why = os.rename(old, path)
      if not ok then
        return atomic_file.failure(path, "cannot be put back", why)
      end
    end
  end
  return true
end

--- Keeps others away until it is closed, or the process ends.
--- @return userdata? guard
--- @return string? why
local function guard_of(stage)
  local path = stage .. "/" .. GUARD
  local kind = disk.kind(path)
  if kind and kind ~= "file" then
    return nil, "guard is a " .. kind
  end
  local guard, why = file_system.lock(path)
  return guard, why == "locked" and BUSY or why
end

--- Makes our folder, and holds it.
--- @return userdata? guard
--- @return string? why
local function enter(stage)
  local made, why = lfs.mkdir(stage)
  if not made then
    return nil, disk.kind(stage) == "directory" and BUSY or why
  end
  local guard
  guard, why = guard_of(stage)
  if not guard and disk.kind(stage) == nil then
    why = BUSY -- who has taken it for one that a process left
  end
  return guard, why
end

--- Whether this is a plan of ours, and of nothing outside the folder: one may
--- have come with a folder of somebody else's.
local function is_plan(steps)
  if type(steps) ~= "table" then
    return false
  end
  for number, step in pairs(steps) do
    if type(step) ~= "table" or step.number ~= number or type(step.missing) ~= "table" then
      return false
    elseif step.path ~= paths.SKILL and step.path ~= paths.LOCK and paths.check(step.path) then
      return false
    end
    local above = {}
    for _, parent in ipairs(paths.parents(step.path)) do
      above[parent] = true
    end
    for _, folder in pairs(step.missing) do
      if not above[folder] then
        return false
      end
    end
  end
  return true
end

--- What a process that died was about to do; none: nothing was changed yet.
--- @return posthog.llm.SkillFolderStep[]? steps
--- @return posthog.llm.Error? err
local function read_plan(stage)
  local path = stage .. "/plan"
  local kind = disk.kind(path)
  if kind == nil then
    return {}
  end
  local source = kind == "file" and disk.read(path)
  local steps = source and json.decode(source)
  if not is_plan(steps) then
    local why = "it is not a plan of this library; check the files, and remove " .. stage
    return atomic_file.failure(path, "cannot be followed", why)
  end
  return steps
end

--- Leads back what a process that died has left.
--- @param dir string
--- @return true? done
--- @return posthog.llm.Error? err
function change.recover(dir)
  local stage = stage_of(dir)
  if disk.kind(stage) ~= "directory" then
    return true
  end
  local guard, why = guard_of(stage)
  if not guard and disk.kind(stage) == nil then
    return true -- whose it was has come to its end
  elseif not guard then
    return atomic_file.failure(stage, "cannot be used", why)
  end
  local done
  local steps, err = read_plan(stage)
  if steps then
    done, err = undo(dir, steps)
  end
  if not done then
    guard:close()
    return errors.failure(err)
  end
  leave(stage, guard)
  return true
end

--- @return posthog.llm.SkillFolderStep[]? steps
--- @return posthog.llm.Error? err
local function steps_of(dir, writes, removes)
  local steps = {}
  local function add(path, source)
    local step = { path = path, writes = source ~= nil, number = #steps + 1 }
    step.digest = source and digest.sha256(source)
    step.had = disk.kind(dir .. "/" .. path) == "file"
    step.missing = json.array({})
    for _, parent in ipairs(paths.parents(path)) do
      if disk.kind(dir .. "/" .. parent) ~= "directory" then
        step.missing[#step.missing + 1] = parent
      end
    end
    steps[#steps + 1] = step
  end
  table.sort(removes)
  for _, path in ipairs(removes) do
    add(path)
  end
  local names = {}
  for path in pairs(writes) do
    names[#names + 1] = path
  end
  table.sort(names)
  for _, path in ipairs(names) do
    add(path, writes[path])
  end
  return steps
end

--- Keeps the file that is about to go.
--- @return string? text of it
--- @return posthog.llm.Error? err
local function keep_old(dir, step)
  local path, old = dir .. "/" .. step.path, copy(stage_of(dir), step, "old")
  local linked = lfs.link(path, old)
  local text, err = disk.read(linked and old or path)
  if not text then
    return errors.failure(err)
  elseif not linked then -- a file system without links
    local ok, why = file_system.create_file(old, text, path)
    if not ok then
      return atomic_file.failure(path, "cannot be kept", why)
    end
  end
  return text
end

--- Whether it is done by renaming one file.
local function is_one_rename(steps)
  return #steps == 1 and steps[1].writes and #steps[1].missing == 0
end

--- @return true? done
--- @return posthog.llm.Error? err
local function write_plan(stage, steps)
  local ok, why = file_system.create_file(stage .. "/plan.new", (json.encode(json.array(steps))))
  if ok then
    ok, why = os.rename(stage .. "/plan.new", stage .. "/plan")
  end
  if not ok then
    return atomic_file.failure(stage .. "/plan", "cannot be written", why)
  end
  file_system.sync(stage)
  return true
end

--- Everything on the disk, nothing in its place yet.
--- @param seen table<string, string>|false
local function prepare(dir, steps, writes, seen)
  local stage = stage_of(dir)
  for _, step in ipairs(steps) do
    if step.writes then
      local like = step.had and dir .. "/" .. step.path or nil -- whose mode it gets
      local ok, why = file_system.create_file(copy(stage, step, "new"), writes[step.path], like)
      if not ok then
        return atomic_file.failure(dir .. "/" .. step.path, "cannot be written", why)
      end
    end
    local before, err
    if step.had and is_one_rename(steps) then
      before, err = disk.read(dir .. "/" .. step.path)
    elseif step.had then
      before, err = keep_old(dir, step)
    end
    if err then
      return errors.failure(err)
    elseif seen and seen[step.path] ~= (before and digest.sha256(before)) then
      local finding = { path = step.path, message = "was changed meanwhile" }
      return refuse.conflict(MEANWHILE, { finding })
    end
  end
  if is_one_rename(steps) then
    return true
  end
  return write_plan(stage, steps)
end

local function remove(dir, step)
  if step.had then
    local ok, why = os.remove(dir .. "/" .. step.path)
    if not ok then
      return atomic_file.failure(dir .. "/" .. step.path, "cannot be removed", why)
    end
  end
  remove_empty(dir, paths.parents(step.path))
  return true
end

local function place(dir, step)
  local path = dir .. "/" .. step.path
  if not disk.is_inside(dir, step.path) then -- removals may have made room
    local why = "a file or a link is in its way; move it away"
    return atomic_file.failure(path, "cannot be written", why)
  end
  local made, err = disk.make_folder(path:match("^(.*)/"))
  if not made then
    return errors.failure(err)
  end
  lfs.rmdir(path) -- an empty folder makes room, any other stays
  local ok, why = os.rename(copy(stage_of(dir), step, "new"), path)
  if not ok then
    why = disk.kind(path) == "directory" and "a folder is in its place; move it away" or why
    return atomic_file.failure(path, "cannot be written", why)
  end
  return true
end

--- Waits until the new names are on the disk: once for each folder, not for each file.
local function sync_names(dir, steps)
  local is_synced = {}
  for _, step in ipairs(steps) do
    local path = dir .. "/" .. step.path
    local above = path:match("^(.*)/")
    if step.writes and not is_synced[above] then
      is_synced[above] = true
      atomic_file.sync_name(path)
    end
  end
end

local function commit(dir, steps)
  for _, step in ipairs(steps) do
    local ok, err = (step.writes and place or remove)(dir, step)
    if not ok then
      return errors.failure(err)
    end
  end
  sync_names(dir, steps)
  return true
end

--- @param dir string made where it is not there
--- @param writes table<string, string> new texts by path
--- @param removes string[] paths of files that go, and of folders that are empty then
--- @param seen table<string, string>|false SHA-256 of each file as it was looked at: one that is
---   another by now is not written over; false: whatever is there may go
--- @return true? done
--- @return posthog.llm.Error? err kind "file", or "conflict"; the folder is as it was
function change.apply(dir, writes, removes, seen)
  local made, err = disk.make_folder(dir)
  if not made then
    return errors.failure(err)
  end
  local stage = stage_of(dir)
  local guard, why = enter(stage)
  if not guard then
    disk.remove_empty(made)
    return atomic_file.failure(dir, "cannot be written to", why)
  end
  local steps = steps_of(dir, writes, removes)
  local done
  done, err = prepare(dir, steps, writes, seen)
  if done then
    done, err = commit(dir, steps)
    if not done and not undo(dir, steps) then
      guard:close()
      return errors.failure(err) -- the plan stays, for change.recover
    end
  end
  os.remove(stage .. "/plan")
  leave(stage, guard)
  if not done then
    disk.remove_empty(made)
    return errors.failure(err)
  end
  if not is_one_rename(steps) then
    file_system.sync(dir) -- a plan that came back would lead back
  end
  return true
end

--- Two names that a folder may take for one: by case, and by how accents are written.
local PROBES = {
  case = { ".posthog-skill.probe", ".POSTHOG-skill.probe" },
  form = { ".posthog-skill.\195\164", ".posthog-skill.a\204\136" },
}

--- Whether a folder takes two names for one. One that is not there yet is as the
--- nearest one above it.
local function takes_for_one(dir, names)
  local at = dir:gsub("/+$", "")
  while at ~= "" and disk.kind(at) == nil do
    at = at:match("^(.*)/[^/]*$") or "."
  end
  local probe = at .. "/" .. names[1]
  os.remove(probe) -- of a process that died
  if not file_system.create_file(probe, "") then
    return false -- not to be written to, which is found out later
  end
  local is_one = lfs.attributes(at .. "/" .. names[2], "mode") ~= nil
  os.remove(probe)
  return is_one
end

--- Whether a folder takes "A" and "a" for the same.
--- @param dir string
--- @return boolean
function change.folds_case(dir)
  return takes_for_one(dir, PROBES.case)
end

--- Whether a folder takes "ä" in one code point and in two for the same.
--- @param dir string
--- @return boolean
function change.folds_form(dir)
  return takes_for_one(dir, PROBES.form)
end

--- What a folder sees no difference in.
--- @param dir string
--- @return posthog.llm.NameFolding|false
function change.folding(dir)
  local case, form = change.folds_case(dir), change.folds_form(dir)
  return case and form and "both" or case and "case" or form and "form"
end

return change
