--- What to look for when the answer to a write on a skill is lost. Versions do
--- not change and have no holes, so each write has one place where it would be.

local body = require("posthog.llm.http.body")
local compare = require("posthog.llm.util.compare")
local errors = require("posthog.llm.util.errors")

local looks = {}

--- What every version has besides its files.
local CARRIED = { "body", "description", "license", "compatibility", "allowed_tools", "metadata" }

--- Content types by path.
local function manifest(skill)
  local files = {}
  for _, file in ipairs(skill.files or {}) do
    files[file.path] = file.content_type or ""
  end
  return files
end

--- What a look has found: a 204 is nothing.
local function seen(value, err, answer)
  if value == true then
    return nil, errors.new({ kind = "decode", message = "the answer is empty" }), answer
  end
  return value, err, answer
end

local function list(value)
  return type(value) == "table" and value or nil
end

--- The text after edits, each of which fits exactly one place; nil: one does not.
local function edited(text, edits)
  for _, edit in ipairs(edits) do
    local old = compare.trim(edit.old)
    local first, last = text:find(old, 1, true)
    if not first or text:find(old, first + 1, true) then
      return nil
    end
    text = text:sub(1, first - 1) .. compare.trim(edit.new) .. text:sub(last + 1)
  end
  return text
end

--- The path as servers store it: newer ones turn the backslash.
local function stored_path(path, files)
  local turned = path:gsub("\\", "/")
  return files[path] and path or turned
end

--- Whether the bundled files of a version are these.
--- @param sent { path: string, content?: string, content_type?: string }[]
--- @return boolean? nil: it could not be read
local function has_files(skills, lost, skill, sent)
  local left, n = manifest(skill), 0
  for _ in pairs(left) do
    n = n + 1
  end
  if n ~= #sent then
    return false
  end
  for _, file in ipairs(sent) do
    local path = stored_path(file.path, left)
    local kind = left[path]
    if not kind or (file.content_type and file.content_type ~= kind) then
      return false
    end
    left[path] = nil
  end
  for _, file in ipairs(sent) do
    local path = stored_path(file.path, manifest(skill))
    local stored = seen(skills:file(skill.name, path, lost:options({ version = skill.version })))
    if not stored then -- not even by a 404: the version has it, so the skill has gone meanwhile
      return nil
    elseif not compare.field(file.content, stored.content) then
      return false
    end
  end
  return true
end

--- Whether a version has the fields that were sent.
--- @param codec? table the caller's own
local function has_fields(skill, fields, codec)
  for _, name in ipairs(CARRIED) do
    local sent = fields[name]
    if sent ~= nil then
      if name == "metadata" or name == "allowed_tools" then
        sent = body.canonical(sent, codec)
      end
      if not compare.field(sent, skill[name]) then
        return false
      end
    end
  end
  return true
end

--- Whether a version differs from the one before in these fields only.
local function carries(before, after, changed)
  for _, name in ipairs(CARRIED) do
    if changed[name] == nil and not compare.field(before[name], after[name]) then
      return false
    end
  end
  return true
end

local OTHER = "version %d is somebody else's"

--- Looks at the version behind `base`.
--- @param is_ours fun(before: posthog.llm.Skill, after: posthog.llm.Skill): boolean? nil: it cannot be told
local function next_version(skills, lost, name, base, is_ours)
  local after, _, answer = seen(skills:get(name, lost:options({ version = base + 1 })))
  if not after then
    return "unknown"
  end
  local ours = lost:may_have_made(after, answer)
  if ours then
    local before = seen(skills:get(name, lost:options({ version = base })))
    ours = before and is_ours(before, after)
  end
  if ours then
    return "ours", after, answer
  elseif ours == false then
    return "not ours", OTHER:format(base + 1)
  end
  return "unknown"
end

--- Whether `after` is `before` with these edits in its files.
local function has_edits(skills, lost, before, after, file_edits)
  if not compare.equal(manifest(before), manifest(after)) then
    return false
  end
  local files = manifest(after)
  for _, entry in ipairs(file_edits) do
    if not files[stored_path(entry.path, files)] then
      return false
    end
    local old =
      seen(skills:file(before.name, entry.path, lost:options({ version = before.version })))
    local new = old
      and seen(skills:file(after.name, entry.path, lost:options({ version = after.version })))
    if not new then
      return nil
    end
    local text = edited(old.content, entry.edits)
    if not text or not compare.field(text, new.content) then
      return false
    end
  end
  return true
end

--- @param skills posthog.llm.Skills
--- @param name string
--- @param fields posthog.llm.SkillChanges as they were sent
function looks.publish(skills, name, fields)
  return function(lost)
    return next_version(skills, lost, name, fields.base_version, function(before, after)
      local sent, edits = {}, list(fields.edits)
      for _, field in ipairs(CARRIED) do
        sent[field] = fields[field]
      end
      if edits then
        sent.body = edited(before.body, edits)
      end
      if edits and not sent.body then
        return false
      elseif not (has_fields(after, sent, skills._codec) and carries(before, after, sent)) then
        return false
      elseif list(fields.files) then
        return has_files(skills, lost, after, fields.files)
      end
      return has_edits(skills, lost, before, after, list(fields.file_edits) or {})
    end)
  end
end

--- Whether the files of two versions differ by one path only.
--- @param from? string the path that is gone
--- @param to? string the path that is new
local function moved(before, after, from, to)
  local expected, found = manifest(before), manifest(after)
  local kind = from and expected[from]
  if from then
    if not kind then
      return false
    end
    expected[from] = nil
  end
  if to then
    to = stored_path(to, found)
    if expected[to] or not found[to] then
      return false
    end
    expected[to] = kind or found[to]
  end
  return compare.equal(expected, found) and carries(before, after, {})
end

function looks.rename_file(skills, name, base, old_path, new_path)
  return function(lost)
    return next_version(skills, lost, name, base, function(before, after)
      return moved(before, after, old_path, new_path)
    end)
  end
end

function looks.delete_file(skills, name, base, path)
  return function(lost)
    return next_version(skills, lost, name, base, function(before, after)
      return moved(before, after, path, nil)
    end)
  end
end

--- Whether a version's file has what was sent; nil: it could not be read.
local function has_file(skills, lost, skill, fields)
  local path = stored_path(fields.path, manifest(skill))
  local file = seen(skills:file(skill.name, path, lost:options({ version = skill.version })))
  if not file then
    return nil
  end
  return compare.field(fields.content, file.content)
    and (fields.content_type == nil or fields.content_type == file.content_type)
end

local HISTORY = 100 -- versions that may have been made since

--- Without a base the file is sought in every version made since.
local function anywhere(skills, lost, name, fields)
  local resolved, _, answer = seen(skills:resolve(name, lost:options({ limit = HISTORY })))
  if not resolved then
    return "unknown"
  end
  for _, version in ipairs(resolved.versions) do
    if not lost:may_have_made(version, answer) then
      break
    elseif version.version > 1 then
      local verdict, skill, shown = next_version(
        skills,
        lost,
        name,
        version.version - 1,
        function(before, after)
          return moved(before, after, nil, fields.path) and has_file(skills, lost, after, fields)
        end
      )
      if verdict ~= "not ours" then
        return verdict, skill, shown
      end
    end
  end
  local there, err = seen(skills:file(name, fields.path, lost:options()))
  if there then
    return "not ours", "the path is taken by another file"
  end
  return "unknown", err
end

--- @param skills posthog.llm.Skills
--- @param name string
--- @param fields { path: string, content: string, content_type?: string, base_version?: integer }
function looks.create_file(skills, name, fields)
  return function(lost)
    if not fields.base_version then
      return anywhere(skills, lost, name, fields)
    end
    return next_version(skills, lost, name, fields.base_version, function(before, after)
      return moved(before, after, nil, fields.path) and has_file(skills, lost, after, fields)
    end)
  end
end

local TAKEN = "the name belongs to another skill"

--- Looks at the first version of a name.
--- @param is_ours fun(skill: posthog.llm.Skill): boolean?
local function first_version(skills, lost, name, is_ours)
  local skill, _, answer = seen(skills:get(name, lost:options({ version = 1 })))
  if not skill then
    return "unknown"
  end
  local ours = lost:may_have_made(skill, answer)
  if ours then
    ours = is_ours(skill)
  end
  if ours then
    return "ours", skill, answer
  elseif ours == false then
    return "not ours", TAKEN
  end
  return "unknown"
end

--- @param skills posthog.llm.Skills
--- @param fields posthog.llm.SkillFields as they were sent
function looks.create(skills, fields)
  return function(lost)
    return first_version(skills, lost, compare.trim(fields.name), function(skill)
      return has_fields(skill, fields, skills._codec)
        and has_files(skills, lost, skill, list(fields.files) or {})
    end)
  end
end

function looks.duplicate(skills, name, new_name)
  return function(lost)
    return first_version(skills, lost, new_name, function(copy)
      local source, _, answer = seen(skills:get(name, lost:options()))
      if not source then
        return nil
      end
      local same = carries(source, copy, {}) and compare.equal(manifest(source), manifest(copy))
      if not same and lost:may_have_made(source, answer) then
        return nil -- the source has a newer version than the one that was copied
      end
      return same
    end)
  end
end

--- Whether the name is gone, or another skill's already.
--- @return posthog.llm.Verdict
--- @return posthog.llm.Response? answer that shows it
function looks.archive(skills, lost, name)
  local resolved, err, answer = seen(skills:resolve(name, lost:options({ limit = 1 })))
  if not resolved then
    return err.status == 404 and answer and "ours" or "unknown", answer
  elseif lost:is_older_than(resolved.skill.first_version_created_at, answer) then
    return "ours", answer
  end
  return "not ours"
end

return looks
