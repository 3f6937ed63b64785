--- Reads that show what became of a lost write on a skill. Versions do not change
--- and have no holes, so each write has one place where it would be.

local body = require("posthog.llm.http.body")
local compare = require("posthog.llm.util.compare")
local errors = require("posthog.llm.util.errors")
local is_absent = require("posthog.llm.api.skills.absent")
local rules = require("posthog.llm.api.ambiguous.rules")
local stored = require("posthog.llm.api.ambiguous.stored")

--- Each function gives a probe: fun(lost: posthog.llm.Lost): posthog.llm.Finding
local probes = {}

--- @class posthog.llm.Finding what a probe has found out
--- @field verdict string of rules
--- @field value? any of the write, when it happened
--- @field response? posthog.llm.Response that shows it
--- @field why? string a sentence, when it was refused
--- @field current_version? integer what there is instead of the version to be
--- @field skill? string when the first version of the skill was made that it was found on

local UNKNOWN = { verdict = rules.UNKNOWN }

--- What a read has found: a 204 is nothing.
local function seen(value, err, response)
  if value == true then
    return nil, errors.no_content("skill"), response
  end
  return value, err, response
end

local function list(value)
  return type(value) == "table" and value or nil
end

--- The content of a file of a version.
--- @return string? nil: it could not be read, not even by a 404, for the version has it
local function content(skills, lost, skill, path)
  lost.files_read[skill] = true
  local file = seen(skills:file(skill.name, path, lost:options({ version = skill.version })))
  return file and file.content
end

--- A file does not say whose it is, and the skill may have gone, and another one
--- come under its name, while files were read.
--- @param result "equal"|"differs"|nil what came of a comparison
--- @return "equal"|"differs"|nil
local function confirm(skills, lost, result)
  local read = lost.files_read
  lost.files_read = {}
  for skill in pairs(read) do
    local again = seen(skills:get(skill.name, lost:options({ version = skill.version })))
    if not again or again.id ~= skill.id then
      return nil
    end
  end
  return result
end

local DEFAULT_TYPE = "text/plain"

--- Whether a file has the content type that was sent. What a server takes where
--- none is sent may change.
local function has_type(sent, there)
  if sent == nil then
    return there == DEFAULT_TYPE and "equal" or nil
  end
  return stored.text(sent, there)
end

--- Whether the bundled files of a version are these.
--- @param sent { path: string, content?: string, content_type?: string }[]
local function has_files(skills, lost, skill, sent)
  local left, count = stored.files(skill), 0
  for _ in pairs(left) do
    count = count + 1
  end
  if count ~= #sent then
    return "differs"
  end
  local result = "equal"
  local paths = {}
  for i, file in ipairs(sent) do
    paths[i] = stored.path(file.path, left)
    local there = left[paths[i]]
    if not there then
      return "differs"
    end
    result = stored.both(result, has_type(file.content_type, there.kind))
    left[paths[i]] = nil
  end
  for i, file in ipairs(sent) do
    if result == "differs" then
      break
    end
    local text = content(skills, lost, skill, paths[i])
    result = stored.both(result, text and stored.text(file.content, text))
  end
  return result
end

--- Whether two versions have the same files, but for the paths in `except`.
--- Only newer servers tell digests; where one does not, the files are read.
local function same_files(skills, lost, before, after, except)
  local one, other = stored.files(before), stored.files(after)
  for path in pairs(except) do
    one[path], other[path] = nil, nil
  end
  for path in pairs(other) do
    if not one[path] then
      return "differs"
    end
  end
  local result = "equal"
  for path, file in pairs(one) do
    local there = other[path]
    if not there or not compare.equal(file.kind, there.kind) then
      return "differs"
    elseif type(file.digest) == "string" and type(there.digest) == "string" then
      result = stored.both(result, file.digest == there.digest and "equal" or "differs")
    elseif result ~= "differs" then
      local old, new = content(skills, lost, before, path), content(skills, lost, after, path)
      result = stored.both(result, old and new and (old == new and "equal" or "differs") or nil)
    end
  end
  return result
end

--- Whether `after` is `before` with these edits in its files.
local function has_file_edits(skills, lost, before, after, file_edits)
  local one, other, edited = stored.files(before), stored.files(after), {}
  for _, entry in ipairs(file_edits) do
    local path = stored.path(entry.path, other)
    if not one[path] or not other[path] or not compare.equal(one[path].kind, other[path].kind) then
      return "differs"
    end
    edited[path] = entry.edits
  end
  local result = same_files(skills, lost, before, after, edited)
  for path, edits in pairs(edited) do
    if result == "differs" then
      break
    end
    local old, new = content(skills, lost, before, path), content(skills, lost, after, path)
    local text = old and stored.edited(old, edits)
    if old and not text then
      return "differs"
    end
    result = stored.both(result, text and new and stored.text(text, new) or nil)
  end
  return result
end

--- Whether the files of two versions differ by one path only.
--- @param from? string the path that is gone
--- @param to? string the path that is new
local function has_moved(skills, lost, before, after, from, to)
  local one, other, except = stored.files(before), stored.files(after), {}
  if from then
    from = stored.path(from, one)
    if not one[from] or other[from] then
      return "differs"
    end
    except[from] = true
  end
  if to then
    to = stored.path(to, other)
    if one[to] or not other[to] then
      return "differs"
    end
    except[to] = true
  end
  if from and to and not compare.equal(one[from].kind, other[to].kind) then
    return "differs"
  end
  local result = stored.carries(before, after, {})
  if result == "equal" then
    result = same_files(skills, lost, before, after, except)
  end
  if from and to and result == "equal" then
    local old, new = content(skills, lost, before, from), content(skills, lost, after, to)
    result = old and new and (old == new and "equal" or "differs") or nil
  end
  return result
end

--- Whether this call has made the version behind another.
--- @param is_ours fun(before: posthog.llm.Skill, after: posthog.llm.Skill): "equal"|"differs"|nil
local function made(skills, lost, before, after, response, is_ours)
  local evidence = { at = after.created_at, by = after.created_by }
  if lost:may_have_made(evidence, response) then
    evidence.content = confirm(skills, lost, is_ours(before, after))
  end
  return lost:has_made(evidence, response)
end

--- Looks at the version behind `base`.
local function next_version(skills, lost, name, base, is_ours)
  local before, _, response = seen(skills:get(name, lost:options({ version = base })))
  local latest = before and before.latest_version
  if type(latest) ~= "number" then
    return UNKNOWN
  end
  local first = before.first_version_created_at
  local evidence = {
    skill = lost:identity(before, response) and "same",
    requests = lost.repeated_on and "two" or "one",
    made = latest == base and "none" or nil,
  }
  if lost.repeated_on and lost.repeated_on ~= first then
    evidence.skill = nil
  end
  local after
  if latest > base then
    after, _, response = seen(skills:get(name, lost:options({ version = base + 1 })))
    if not after or after.first_version_created_at ~= first then
      return UNKNOWN
    end
    evidence.made = made(skills, lost, before, after, response, is_ours)
  end
  return {
    verdict = rules.decide(rules.NEXT_VERSION, evidence),
    value = after,
    response = response,
    why = ("version %d is somebody else's"):format(base + 1),
    current_version = latest,
    skill = first,
  }
end

--- @param skills posthog.llm.Skills
--- @param name string
--- @param fields posthog.llm.SkillChanges as they go out
function probes.publish(skills, name, fields)
  return function(lost)
    local sent, err = body.canonical(fields, skills._codec)
    if err then
      return UNKNOWN
    end
    return next_version(skills, lost, name, fields.base_version, function(before, after)
      local edits = list(sent.edits)
      if edits then
        sent.body = stored.edited(before.body, edits)
        if not sent.body then
          return "differs"
        end
      end
      local result =
        stored.both(stored.has_fields(after, sent), stored.carries(before, after, sent))
      if result == "differs" then
        return result
      elseif list(sent.files) then
        return stored.both(result, has_files(skills, lost, after, sent.files))
      end
      local file_edits = list(sent.file_edits) or {}
      return stored.both(result, has_file_edits(skills, lost, before, after, file_edits))
    end)
  end
end

local HISTORY = 100 -- versions that may have been made since

--- Looks at every version made since.
local function any_version(skills, lost, name, is_ours)
  local resolved, _, response = seen(skills:resolve(name, lost:options({ limit = HISTORY })))
  for _, version in ipairs(resolved and resolved.versions or {}) do
    if lost:time_of(version.created_at, response) ~= "since" then
      break
    end
    local who = { at = version.created_at, by = version.created_by }
    if version.version > 1 and lost:may_have_made(who, response) then
      local before = seen(skills:get(name, lost:options({ version = version.version - 1 })))
      local after, _, shown = seen(skills:get(name, lost:options({ version = version.version })))
      local evidence = {}
      if before and after and before.first_version_created_at == after.first_version_created_at then
        evidence.made = made(skills, lost, before, after, shown, is_ours)
      end
      local verdict = rules.decide(rules.ANY_VERSION, evidence)
      if verdict ~= rules.UNKNOWN then
        return { verdict = verdict, value = after, response = shown }
      end
    end
  end
  return UNKNOWN
end

--- @param base? integer without it the version may be any
local function version_after(skills, name, base, is_ours)
  return function(lost)
    local function has(before, after)
      return is_ours(lost, before, after)
    end
    if base then
      return next_version(skills, lost, name, base, has)
    end
    return any_version(skills, lost, name, has)
  end
end

function probes.rename_file(skills, name, base, old_path, new_path)
  return version_after(skills, name, base, function(lost, before, after)
    return has_moved(skills, lost, before, after, old_path, new_path)
  end)
end

function probes.delete_file(skills, name, base, path)
  return version_after(skills, name, base, function(lost, before, after)
    return has_moved(skills, lost, before, after, path, nil)
  end)
end

--- @param skills posthog.llm.Skills
--- @param name string
--- @param fields { path: string, content: string, content_type?: string, base_version?: integer }
function probes.create_file(skills, name, fields)
  return version_after(skills, name, fields.base_version, function(lost, before, after)
    local result = has_moved(skills, lost, before, after, nil, fields.path)
    if result == "differs" then
      return result
    end
    local files = stored.files(after)
    local path = stored.path(fields.path, files)
    result = stored.both(result, has_type(fields.content_type, files[path].kind))
    local text = content(skills, lost, after, path)
    return stored.both(result, text and stored.text(fields.content, text))
  end)
end

--- Looks at the first version of a name.
--- @param is_ours fun(skill: posthog.llm.Skill): "equal"|"differs"|nil
local function first_version(skills, lost, name, is_ours)
  local skill, _, response = seen(skills:get(name, lost:options({ version = 1 })))
  if not skill then
    return UNKNOWN
  end
  local evidence = { at = skill.created_at, by = skill.created_by }
  local identity = lost:identity(skill, response)
  -- What had the name before was not made now. It is asked no more, so that this read is the last
  -- one.
  if not identity and lost:may_have_made(evidence, response) then
    evidence.content = confirm(skills, lost, is_ours(skill))
  end
  return {
    verdict = rules.decide(rules.FIRST_VERSION, {
      made = lost:has_made(evidence, response),
      skill = identity,
    }),
    value = skill,
    response = response,
    why = "the name belongs to another skill",
  }
end

--- @param skills posthog.llm.Skills
--- @param fields posthog.llm.SkillFields as they go out
function probes.create(skills, fields)
  return function(lost)
    local sent, err = body.canonical(fields, skills._codec)
    if err then
      return UNKNOWN
    end
    return first_version(skills, lost, compare.trim(fields.name), function(skill)
      local result = stored.has_fields(skill, sent)
      if result == "differs" then
        return result
      end
      return stored.both(result, has_files(skills, lost, skill, list(sent.files) or {}))
    end)
  end
end

--- Whether a skill is a copy of a version that was the latest of its source at
--- some time since the call began.
local function is_copy(skills, lost, name, copy)
  local resolved, _, response = seen(skills:resolve(name, lost:options({ limit = HISTORY })))
  if not resolved then
    return nil
  end
  local result = "differs"
  for _, version in ipairs(resolved.versions) do
    local source = seen(skills:get(name, lost:options({ version = version.version })))
    local same = source and stored.carries(source, copy, {})
    if same == "equal" then
      same = same_files(skills, lost, source, copy, {})
    end
    if same == "equal" and stored.is_later(copy.created_at, version.created_at) then
      return "equal"
    elseif same ~= "differs" then
      result = nil
    end
    if lost:time_of(version.created_at, response) == "before" then
      break -- the ones below were not the latest any more
    end
  end
  return result
end

function probes.duplicate(skills, name, new_name)
  return function(lost)
    return first_version(skills, lost, new_name, function(copy)
      return is_copy(skills, lost, name, copy)
    end)
  end
end

function probes.archive(skills, name)
  return function(lost)
    local resolved, err, response = seen(skills:resolve(name, lost:options({ limit = 1 })))
    local gone = not resolved and response and is_absent(err, name)
    return {
      verdict = rules.decide(rules.ARCHIVE, { skill = gone and "gone" or nil }),
      value = true,
      response = response,
    }
  end
end

--- @param skills posthog.llm.Skills
--- @param name string
--- @param new_name string
--- @param first string when the first version of the skill was made that is renamed
function probes.rename(skills, name, new_name, first)
  return function(lost)
    local function holder(of)
      local skill, err, response = seen(skills:get(of, lost:options()))
      if skill then
        return skill.first_version_created_at == first and "it" or "other", skill, response
      end
      return response and is_absent(err, of) and "gone" or nil
    end
    local new, skill, response = holder(new_name)
    local old
    if new == "other" then -- what is in the way has to be there when all else has been read
      old = holder(name)
      new, skill, response = holder(new_name)
    end
    return {
      verdict = rules.decide(rules.RENAME, { new = new, old = old }),
      value = skill,
      response = response,
      why = "the name belongs to another skill",
    }
  end
end

--- Whether a skill has these owners.
--- @param owners any UUIDs, as they go out
--- @return "equal"|"differs"|nil nil: the server does not tell owners
local function has_owners(skill, owners)
  if not list(skill.owners) or not list(owners) then
    return nil
  end
  local left = {}
  for _, uuid in ipairs(owners) do
    left[tostring(uuid):lower()] = true
  end
  for _, owner in ipairs(skill.owners) do
    local uuid = list(owner) and owner.uuid or owner
    if not left[uuid] then
      return "differs"
    end
    left[uuid] = nil
  end
  return next(left) == nil and "equal" or "differs"
end

--- Owners alone make no version; on an older server, which does not know them,
--- they make one that changes nothing.
--- @param skills posthog.llm.Skills
--- @param name string
--- @param fields posthog.llm.SkillChanges as they go out
function probes.owners(skills, name, fields)
  local as_version = fields.base_version and probes.publish(skills, name, fields)
  return function(lost)
    local skill, _, response = seen(skills:get(name, lost:options()))
    if not skill then
      return UNKNOWN
    elseif not list(skill.owners) then
      return as_version and as_version(lost) or UNKNOWN
    end
    return {
      verdict = rules.decide(rules.OWNERS, { owners = has_owners(skill, fields.owners) }),
      value = skill,
      response = response,
    }
  end
end

return probes
