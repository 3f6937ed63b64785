--- Another name for a skill: on the server, and in a folder that was pulled from it.
---
--- API v2 renames a skill with all its versions. API v1 cannot: there the skill is copied under the
--- new name, the copy is compared with it, and only then the skill is archived, with its history.
--- Before the archive, each step can be repeated: whoever is stopped runs it again, and it goes on
--- from what it finds.

local errors = require("posthog.llm.util.errors")
local folder_name = require("posthog.llm.skill_folder.folder_name")
local is_absent = require("posthog.llm.api.skills.absent")
local lint = require("posthog.llm.skill_folder.lint")
local option_names = require("posthog.llm.util.option_names")
local refuse = require("posthog.llm.skill_folder.refuse")
local whole = require("posthog.llm.skill_folder.whole")

local rename = {}

local ROUNDS = 3 -- copies that are made anew because somebody publishes meanwhile
local HISTORY = 10 -- versions of which an unfinished copy may be one

--- @class posthog.llm.SkillRenaming
--- @field client posthog.llm.Client
--- @field name string
--- @field new_name string
--- @field options { drop_history?: boolean }
--- @field progress fun(step: string, path: string, done: integer, total: integer)
--- @field folder? posthog.llm.RenamedFolder

--- The latest version of a skill.
--- @return posthog.llm.WholeVersion|false|nil latest false: there is no such skill
--- @return posthog.llm.Error? err
local function read_latest(self, name)
  local latest, err = whole.read(self.client, name)
  if latest then
    return latest
  elseif is_absent(err, name) then
    return false, err
  end
  return errors.failure(err)
end

local ONLY_COPY = "this server has API v1, which cannot rename a skill: it would be copied to "
  .. "%s as version 1, and then archived with the history of its %d version%s, for good; %s "
  .. "allows that"

--- The error where the history would be lost, and nobody has said that it may.
local function ask_first(self, source)
  local count = source.snapshot.version
  local code = option_names.code("drop_history")
  local message = ONLY_COPY:format(self.new_name, count, count == 1 and "" or "s", code)
  return errors.failure(errors.new({
    kind = "invalid",
    option = "drop_history",
    message = message,
  }))
end

local TAKEN = "%s is there already, and has other content than %s: take another name, or archive "
  .. "one of the two yourself; nothing was archived"

--- Whether the new name belongs to an untouched copy of an earlier version: of one that was made
--- before somebody published.
--- @return boolean? is_copy
--- @return posthog.llm.Error? err
local function is_earlier_copy(self, copy, source)
  if copy.snapshot.version ~= 1 then
    return false
  end
  local last = source.snapshot.version - 1
  for version = last, math.max(1, last - HISTORY + 1), -1 do
    local earlier, err = whole.read(self.client, self.name, version)
    local is_same
    if earlier then
      is_same, err = whole.same(self.client, copy, earlier, self.progress)
    end
    if is_same == nil then
      return errors.failure(err)
    elseif is_same then
      return true
    end
  end
  return false
end

--- Brings the copy to what the skill is now.
--- @return boolean? done false: to be looked at again
--- @return posthog.llm.Error? err
local function bring_up(self, copy, source)
  local is_copy, err = is_earlier_copy(self, copy, source)
  if is_copy == nil then
    return errors.failure(err)
  elseif not is_copy then
    return refuse.conflict(TAKEN:format(self.new_name, self.name))
  end
  local note = ("Version %d of %s"):format(source.snapshot.version, self.name)
  local made
  made, err = whole.publish(self.client, self.new_name, source, copy.snapshot, note, self.progress)
  if not made then
    return errors.failure(err)
  end
  return false
end

--- One look at both names, and what it calls for.
--- @return posthog.llm.WholeVersion|false|nil copy that is equal to the skill; false: look again
--- @return posthog.llm.WholeVersion|posthog.llm.Error source or err
local function look(self)
  local source, err = read_latest(self, self.name)
  if source == false and self.is_copied then
    err.message = ("%s was archived by somebody else meanwhile; %s is a copy of it"):format(
      self.name,
      self.new_name
    )
  end
  if not source then
    return errors.failure(err)
  end
  local copy
  copy, err = read_latest(self, self.new_name)
  if copy == nil then
    return errors.failure(err)
  elseif not copy then
    local made
    made, err = self.client.skills:duplicate(self.name, self.new_name)
    if not made then
      return errors.failure(err)
    end
    self.is_copied = true
    return false
  end
  local is_same
  is_same, err = whole.same(self.client, source, copy, self.progress)
  if is_same == nil then
    return errors.failure(err)
  elseif is_same then
    return copy, source
  end
  local done
  done, err = bring_up(self, copy, source)
  if done == nil then
    return errors.failure(err)
  end
  return false
end

local BUSY = "others publish %s again and again: %s is a copy of an earlier version of it; nothing "
  .. "was archived, do it again when it is quiet"

--- Makes the copy, and compares it.
--- @return posthog.llm.WholeVersion? copy
--- @return posthog.llm.WholeVersion|posthog.llm.Error source or err
local function copy_whole(self)
  for _ = 1, 2 * ROUNDS do
    local copy, source = look(self)
    if copy == nil then
      return errors.failure(source)
    elseif copy then
      return copy, source
    end
  end
  return refuse.conflict(BUSY:format(self.name, self.new_name))
end

--- Whether the skill is still as it was copied: API v1 has no guard for an archive.
--- @return boolean? is_still
--- @return posthog.llm.Error? err
local function is_still(self, source)
  local now, err = read_latest(self, self.name)
  if now == nil then
    return errors.failure(err)
  end
  return now and now.snapshot.id == source.snapshot.id
end

local NOT_ARCHIVED =
  "%s is there, but %s is not archived yet: %s. Do it again: it goes on from here"

local function not_archived(self, err)
  err.message = NOT_ARCHIVED:format(self.new_name, self.name, err.message:gsub("%.$", ""))
  return errors.failure(err)
end

--- Copies, lets the folder follow, archives.
--- @return table? result
--- @return posthog.llm.Error? err
local function by_copy(self)
  local copy, source, err, ok
  for _ = 1, ROUNDS do
    copy, source = copy_whole(self)
    if not copy then
      return errors.failure(source)
    end
    ok, err = is_still(self, source)
    if ok == nil then
      return not_archived(self, err)
    elseif ok then
      break
    end
  end
  if not ok then
    return refuse.conflict(BUSY:format(self.name, self.new_name))
  end
  if self.folder then
    ok, err = self.folder:follow(copy.snapshot)
    if not ok then
      return not_archived(self, err)
    end
  end
  ok, err = self.client.skills:archive(self.name)
  if not ok then
    return not_archived(self, err)
  end
  return {
    version = copy.snapshot.version,
    history = false,
    archived_versions = source.snapshot.version,
  }
end

--- Whether an error says that the server has no such route.
local function lacks_route(err, name)
  if err.kind == "not_found" then
    return err.code == "not_found" and not is_absent(err, name)
  end
  return err.code == "method_not_allowed"
end

local OWNED = "%s is there already: take another name, or archive that skill; nothing was renamed"

--- Renames by the API's own call.
--- @return table|false|nil result false: the server cannot
--- @return posthog.llm.Error? err
local function by_call(self)
  if self.client:profile() == "reference" then
    return false
  end
  local skill, err = self.client.skills:rename(self.name, self.new_name)
  if not skill and self.client:profile() ~= "current" and lacks_route(err, self.name) then
    return false
  elseif not skill and err.kind == "invalid" and err.code == "unique" then
    return refuse.conflict(OWNED:format(self.new_name)) -- as on API v1
  elseif not skill then
    return errors.failure(err)
  end
  local renamed
  renamed, err = whole.read(self.client, self.new_name) -- whatever the response says
  if not renamed then
    return errors.failure(err)
  end
  return { version = renamed.snapshot.version, history = true }
end

--- Lets the folder follow a skill that keeps its versions.
--- @return true? done
--- @return posthog.llm.Error? err
local function follow_renamed(self)
  if not self.folder or self.folder:has_followed() then
    return true
  end
  local snapshot, err = self.folder:renamed_version(self.client)
  if not snapshot then
    return errors.failure(err)
  end
  return self.folder:follow(snapshot)
end

local GONE = "there is no skill %s; %s is there, and may be what it was renamed to"

--- The old name is free: an earlier run may have come that far.
--- @return table? result
--- @return posthog.llm.Error? err
local function complete(self, absent)
  local there, err = read_latest(self, self.new_name)
  if there == nil then
    return errors.failure(err)
  elseif not there then
    return errors.failure(absent)
  end
  local folder = self.folder
  if not folder or not (folder:has_followed() or folder:is_of(there.snapshot)) then
    absent.message = GONE:format(self.name, self.new_name)
    return errors.failure(absent)
  end
  local ok
  ok, err = follow_renamed(self)
  if not ok then
    return errors.failure(err)
  end
  return { version = there.snapshot.version }
end

--- @return table? result
--- @return posthog.llm.Error? err
local function on_server(self)
  local source, err = read_latest(self, self.name)
  if source == nil then
    return errors.failure(err)
  elseif not source then
    return complete(self, err)
  end
  local ok = true
  if self.folder then
    ok, err = self.folder:check(source.snapshot)
  end
  if not ok then
    return errors.failure(err)
  end
  local result
  result, err = by_call(self)
  if result == nil then
    return errors.failure(err)
  elseif result then
    ok, err = follow_renamed(self)
    if not ok then
      err.message = ("%s is %s now, but the folder has not followed: %s"):format(
        self.name,
        self.new_name,
        err.message
      )
      return errors.failure(err)
    end
    return result
  end
  if not self.options.drop_history then
    return ask_first(self, source)
  elseif self.folder then
    ok, err = self.folder:check_copy(source.snapshot)
    if not ok then
      return errors.failure(err)
    end
  end
  return by_copy(self)
end

--- @param client posthog.llm.Client
--- @param name string
--- @param new_name string
--- @param options { dir?: string, drop_history?: boolean }
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @return posthog.llm.SkillRename? result
--- @return posthog.llm.Error? err
function rename.run(client, name, new_name, options, progress)
  local wrong = name == new_name and "old and new name are the same" or lint.name_error(new_name)
  if wrong then
    return errors.failure(errors.new({ kind = "invalid", option = "new_name", message = wrong }))
  end
  local self = {
    client = client,
    name = name,
    new_name = new_name,
    options = options,
    progress = progress,
  }
  local err
  if options.dir then
    self.folder, err = folder_name.open(options.dir, name, new_name)
    if not self.folder then
      return errors.failure(err)
    end
  end
  local result
  result, err = on_server(self)
  if not result then
    return errors.failure(err)
  end
  result.name, result.from = new_name, name
  if self.folder then
    result.dir, result.dir_stays = self.folder:move()
  end
  return result
end

return rename
