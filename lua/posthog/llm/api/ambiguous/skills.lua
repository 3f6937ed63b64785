--- Probes for lost writes on skills: reads that show what became of them. Versions never change and
--- are numbered without gaps, so it is known which version a write would have made.

local body = require("posthog.llm.http.body")
local compare = require("posthog.llm.util.compare")
local errors = require("posthog.llm.util.errors")
local is_absent = require("posthog.llm.api.skills.absent")
local rules = require("posthog.llm.api.ambiguous.rules")
local stored = require("posthog.llm.api.ambiguous.stored")

--- Each function returns a probe: fun(lost: posthog.llm.Lost): posthog.llm.Finding
local probes = {}

--- @class posthog.llm.Finding the result of a probe
--- @field verdict string one of rules.HAPPENED, REFUSED, FREE, UNKNOWN
--- @field value? any the value of the write, when it happened
--- @field response? posthog.llm.Response the one that shows it
--- @field why? string when it was refused: the reason, as the end of a sentence
--- @field current_version? integer the latest version on the server
--- @field skill? string `first_version_created_at` of the skill that was read

local UNKNOWN = { verdict = rules.UNKNOWN }

--- The results of a read, in which an empty response (204) is an error.
local function content_of(value, err, response)
  if value == true then
    return nil, errors.no_content("skill"), response
  end
  return value, err, response
end

local function as_table(value)
  return type(value) == "table" and value or nil
end

--- The content of a file of a version.
--- @return string? nil: not readable; a 404 is no proof either, since the version lists the file
local function read_file(skills, lost, skill, path)
  lost.files_read[skill] = true
  local file = content_of(skills:file(skill.name, path, lost:options({ version = skill.version })))
  return file and file.content
end

--- A result of a comparison of files, if the skills are still the same. The response with a file
--- does not say which skill it belongs to, and the skill may have been replaced by another one of
--- the same name while its files were read.
--- @param result "equal"|"differs"|nil
--- @return "equal"|"differs"|nil
local function confirm(skills, lost, result)
  local skills_read = lost.files_read
  lost.files_read = {}
  for skill in pairs(skills_read) do
    local again = content_of(skills:get(skill.name, lost:options({ version = skill.version })))
    if not again or again.id ~= skill.id then
      return nil
    end
  end
  return result
end

local DEFAULT_TYPE = "text/plain"

--- Whether a file has the content type that was sent. If none was sent it should be the default;
--- since that may change on the server, another type proves nothing.
local function has_type(sent, actual)
  if sent == nil then
    return actual == DEFAULT_TYPE and "equal" or nil
  end
  return stored.text(sent, actual)
end

--- Whether a version has exactly these bundled files.
--- @param sent { path: string, content?: string, content_type?: string }[]
local function has_files(skills, lost, skill, sent)
  local remaining, count = stored.files(skill), 0
  for _ in pairs(remaining) do
    count = count + 1
  end
  if count ~= #sent then
    return "differs"
  end
  local result = "equal"
  local paths = {}
  for i, file in ipairs(sent) do
    paths[i] = stored.path(file.path, remaining)
    local actual = remaining[paths[i]]
    if not actual then
      return "differs"
    end
    result = stored.both(result, has_type(file.content_type, actual.kind))
    remaining[paths[i]] = nil
  end
  for i, file in ipairs(sent) do
    if result == "differs" then
      break
    end
    local text = read_file(skills, lost, skill, paths[i])
    result = stored.both(result, text and stored.text(file.content, text))
  end
  return result
end

--- Whether two versions have the same files, except for the paths in `except`. Compares digests
--- where the server returns them (API v2), else the contents.
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
    local counterpart = other[path]
    if not counterpart or not compare.equal(file.kind, counterpart.kind) then
      return "differs"
    elseif type(file.digest) == "string" and type(counterpart.digest) == "string" then
      result = stored.both(result, file.digest == counterpart.digest and "equal" or "differs")
    elseif result ~= "differs" then
      local old, new = read_file(skills, lost, before, path), read_file(skills, lost, after, path)
      result = stored.both(result, old and new and (old == new and "equal" or "differs") or nil)
    end
  end
  return result
end

--- Whether the files of `after` are those of `before` with these edits.
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
    local old, new = read_file(skills, lost, before, path), read_file(skills, lost, after, path)
    local text = old and stored.edited(old, edits)
    if old and not text then
      return "differs"
    end
    result = stored.both(result, text and new and stored.text(text, new) or nil)
  end
  return result
end

--- Whether the files of two versions differ by one path only.
--- @param from? string the path that was removed
--- @param to? string the path that was added
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
    local old, new = read_file(skills, lost, before, from), read_file(skills, lost, after, to)
    result = old and new and (old == new and "equal" or "differs") or nil
  end
  return result
end

--- Whether this call has made the version after another one.
--- @param is_ours fun(before: posthog.llm.Skill, after: posthog.llm.Skill): "equal"|"differs"|nil
local function made(skills, lost, before, after, response, is_ours)
  local evidence = { at = after.created_at, by = after.created_by }
  if lost:may_have_made(evidence, response) then
    evidence.content = confirm(skills, lost, is_ours(before, after))
  end
  return lost:has_made(evidence, response)
end

--- Examines the version after `base`.
local function next_version(skills, lost, name, base, is_ours)
  local before, _, response = content_of(skills:get(name, lost:options({ version = base })))
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
    after, _, response = content_of(skills:get(name, lost:options({ version = base + 1 })))
    if not after or after.first_version_created_at ~= first then
      return UNKNOWN
    end
    evidence.made = made(skills, lost, before, after, response, is_ours)
  end
  return {
    verdict = rules.decide(rules.NEXT_VERSION, evidence),
    value = after,
    response = response,
    why = ("version %d was made by somebody else"):format(base + 1),
    current_version = latest,
    skill = first,
  }
end

--- @param skills posthog.llm.Skills
--- @param name string
--- @param fields posthog.llm.SkillChanges as they are sent
function probes.publish(skills, name, fields)
  return function(lost)
    local sent, err = body.canonical(fields, skills._codec)
    if err then
      return UNKNOWN
    end
    return next_version(skills, lost, name, fields.base_version, function(before, after)
      local edits = as_table(sent.edits)
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
      end
      local files
      if as_table(sent.files) then
        files = has_files(skills, lost, after, sent.files)
      else
        local file_edits = as_table(sent.file_edits) or {}
        files = has_file_edits(skills, lost, before, after, file_edits)
      end
      return stored.both(result, files)
    end)
  end
end

local HISTORY = 100 -- versions to examine at most

--- Examines every version made since the call began.
local function any_version(skills, lost, name, is_ours)
  local resolved, _, response = content_of(skills:resolve(name, lost:options({ limit = HISTORY })))
  for _, version in ipairs(resolved and resolved.versions or {}) do
    local who = { at = version.created_at, by = version.created_by }
    if version.version > 1 and lost:may_have_made(who, response) then
      local before = content_of(skills:get(name, lost:options({ version = version.version - 1 })))
      local after, _, after_response =
        content_of(skills:get(name, lost:options({ version = version.version })))
      local evidence = {}
      if before and after and before.first_version_created_at == after.first_version_created_at then
        evidence.made = made(skills, lost, before, after, after_response, is_ours)
      end
      local verdict = rules.decide(rules.ANY_VERSION, evidence)
      if verdict ~= rules.UNKNOWN then
        return { verdict = verdict, value = after, response = after_response }
      end
    end
  end
  return UNKNOWN
end

--- @param base? integer nil: the change may be in any version
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
    local text = read_file(skills, lost, after, path)
    return stored.both(result, text and stored.text(fields.content, text))
  end)
end

--- Examines the first version of the skill with a name.
--- @param is_ours fun(skill: posthog.llm.Skill): "equal"|"differs"|nil
local function first_version(skills, lost, name, is_ours)
  local skill, _, response = content_of(skills:get(name, lost:options({ version = 1 })))
  if not skill then
    return UNKNOWN
  end
  local evidence = { at = skill.created_at, by = skill.created_by }
  local identity = lost:identity(skill, response)
  -- A skill that had the name before the call was not made by it: no further read is needed.
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
--- @param fields posthog.llm.SkillFields as they are sent
function probes.create(skills, fields)
  return function(lost)
    local sent, err = body.canonical(fields, skills._codec)
    if err or type(fields.name) ~= "string" then
      return UNKNOWN
    end
    return first_version(skills, lost, compare.trim(fields.name), function(skill)
      local result = stored.has_fields(skill, sent)
      if result == "differs" then
        return result
      end
      return stored.both(result, has_files(skills, lost, skill, as_table(sent.files) or {}))
    end)
  end
end

--- Whether a skill is a copy of a version that was the latest one of its source at some time since
--- the call began.
--- @return "equal"|nil nil is no proof that it is none: a version may be unreadable, or past HISTORY
local function is_copy(skills, lost, name, copy)
  local resolved, _, response = content_of(skills:resolve(name, lost:options({ limit = HISTORY })))
  for _, version in ipairs(resolved and resolved.versions or {}) do
    local source = content_of(skills:get(name, lost:options({ version = version.version })))
    if
      source
      and stored.is_later(copy.created_at, version.created_at)
      and stored.carries(source, copy, {}) == "equal"
      and same_files(skills, lost, source, copy, {}) == "equal"
    then
      return "equal"
    elseif lost:time_of(version.created_at, response) == "before" then
      return nil -- older versions were not the latest any more when the call began
    end
  end
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
    local resolved, err, response = content_of(skills:resolve(name, lost:options({ limit = 1 })))
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
--- @param first string `first_version_created_at` of the skill to rename
function probes.rename(skills, name, new_name, first)
  return function(lost)
    local function holder(of)
      local skill, _, response = content_of(skills:get(of, lost:options()))
      if skill then
        return skill.first_version_created_at == first and "it" or "other", skill, response
      end
    end
    local new, skill, response = holder(new_name)
    local old
    if new == "other" then -- read again at the end: the name must still be taken then
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
--- @param skill posthog.llm.Skill
--- @param owners any UUIDs, as they are sent
--- @return "equal"|"differs"|nil nil: the server does not return owners
local function has_owners(skill, owners)
  if not as_table(skill.owners) or not as_table(owners) then
    return nil
  end
  local remaining = {}
  for _, uuid in ipairs(owners) do
    remaining[tostring(uuid):lower()] = true
  end
  for _, owner in ipairs(skill.owners) do
    local uuid = as_table(owner) and owner.uuid or owner
    if not remaining[uuid] then
      return "differs"
    end
    remaining[uuid] = nil
  end
  return next(remaining) == nil and "equal" or "differs"
end

--- Owners alone do not make a version; on API v1, which ignores them, they make one that changes
--- nothing.
--- @param skills posthog.llm.Skills
--- @param name string
--- @param fields posthog.llm.SkillChanges as they are sent
--- @param before posthog.llm.Skill? the skill as it was before the call
function probes.owners(skills, name, fields, before)
  local first = before and before.first_version_created_at
  local as_version = fields.base_version and probes.publish(skills, name, fields)
  return function(lost)
    local skill, _, response = content_of(skills:get(name, lost:options()))
    if not skill then
      return UNKNOWN
    elseif not as_table(skill.owners) then
      return as_version and as_version(lost) or UNKNOWN
    end
    return {
      verdict = rules.decide(rules.OWNERS, {
        skill = first and skill.first_version_created_at == first and "same" or nil,
        before = before and has_owners(before, fields.owners),
        owners = has_owners(skill, fields.owners),
      }),
      value = skill,
      response = response,
    }
  end
end

return probes
