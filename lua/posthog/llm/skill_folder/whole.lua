--- A version as it is stored, to the byte, and whether two have the same content.

local check = require("posthog.llm.util.check")
local compare = require("posthog.llm.util.compare")
local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local remote = require("posthog.llm.skill_folder.remote")
local rules = require("posthog.llm.skill_folder.rules")

local whole = {}

local TEXTS = { "description", "body", "license", "compatibility" }

--- The fields of a version that publish can carry; a field that says nothing is sent as such.
local function fields_of(skill)
  local fields = {}
  for _, name in ipairs(TEXTS) do
    fields[name] = type(skill[name]) == "string" and skill[name] or ""
  end
  local is_list = type(skill.allowed_tools) == "table"
  fields.allowed_tools = json.array(is_list and skill.allowed_tools or {})
  fields.metadata = json.object(type(skill.metadata) == "table" and skill.metadata or {})
  return fields
end

--- @class posthog.llm.WholeVersion
--- @field snapshot posthog.llm.SkillSnapshot
--- @field skill posthog.llm.Skill as it came
--- @field fields table

--- Reads a version; its files are read by `load`.
--- @param client posthog.llm.Client
--- @param name string
--- @param version? integer default: the latest
--- @return posthog.llm.WholeVersion? read
--- @return posthog.llm.Error? err
function whole.read(client, name, version)
  local snapshot, err, skill = remote.read(client, name, version)
  if not snapshot then
    return errors.failure(err)
  elseif type(skill.files) ~= "table" then -- no list is not an empty one
    err = errors.new({ kind = "decode", message = "the response has no list of files" })
    return errors.failure(err)
  end
  return { snapshot = snapshot, skill = skill, fields = fields_of(skill) }
end

--- Whether the API takes a path, as a part of a URL and as that of a file.
local function is_path(path)
  return (pcall(check.new_file_path, path, "path", 1))
end

local UNFIT = "version %d of %s has a file whose path cannot be asked for or published: %q"

--- @param client posthog.llm.Client
--- @param version posthog.llm.WholeVersion
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @return true? done
--- @return posthog.llm.Error? err
function whole.load(client, version, progress)
  local snapshot = version.snapshot
  for _, path in ipairs(snapshot.paths) do
    if not is_path(path) then
      local message = UNFIT:format(snapshot.version, snapshot.name, path)
      return errors.failure(errors.new({ kind = "invalid", message = message }))
    end
  end
  return remote.load(client, version.snapshot, version.snapshot.paths, progress)
end

--- Metadata without the keys that the server keeps for itself: a write does not set them, and
--- a copy need not have them.
local function own_metadata(metadata)
  local own = json.object({})
  for key, value in pairs(metadata) do
    own[key] = value
  end
  for _, key in ipairs(rules.OWN_METADATA) do
    own[key] = nil
  end
  return own
end

local function same_fields(a, b)
  for _, name in ipairs(TEXTS) do
    if a[name] ~= b[name] then
      return false
    end
  end
  return compare.equal(a.allowed_tools, b.allowed_tools)
    and compare.equal(own_metadata(a.metadata), own_metadata(b.metadata))
end

--- Whether two versions have the same files by what their lists say; nil: their texts have to be
--- compared.
local function same_lists(a, b)
  if #a.paths ~= #b.paths then
    return false
  end
  local result = true
  for _, path in ipairs(a.paths) do
    if a.types[path] ~= b.types[path] then
      return false
    elseif not a.sums[path] or not b.sums[path] then
      result = nil
    elseif a.sums[path] ~= b.sums[path] then
      return false
    end
  end
  return result
end

--- Whether two versions have the same content. Reads the texts of files only where nothing else tells.
--- @param client posthog.llm.Client
--- @param a posthog.llm.WholeVersion
--- @param b posthog.llm.WholeVersion
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @return boolean? is_same
--- @return posthog.llm.Error? err
function whole.same(client, a, b, progress)
  if not same_fields(a.fields, b.fields) then
    return false
  end
  local result = same_lists(a.snapshot, b.snapshot)
  if result ~= nil then
    return result
  end
  for _, version in ipairs({ a, b }) do
    local ok, err = whole.load(client, version, progress)
    if not ok then
      return errors.failure(err)
    end
  end
  for path, content in pairs(a.snapshot.contents) do
    if b.snapshot.contents[path] ~= content then
      return false
    end
  end
  return true
end

--- What publishes this content as another version. Its files have to be loaded.
--- @param version posthog.llm.WholeVersion
--- @return table fields
function whole.payload(version)
  local snapshot, fields = version.snapshot, {}
  for name, value in pairs(version.fields) do
    fields[name] = value
  end
  fields.files = json.array({})
  for i, path in ipairs(snapshot.paths) do
    fields.files[i] = {
      path = path,
      content = snapshot.contents[path],
      content_type = snapshot.types[path],
    }
  end
  return fields
end

local OTHER = "%s was archived meanwhile, and another skill has its name: that one has this "
  .. "content as version %d now; its version %d is what it was"

local UNSURE = "the response is not the version that was published"

--- Publishes a version's content as the next version of a skill.
--- @param client posthog.llm.Client
--- @param name string
--- @param version posthog.llm.WholeVersion
--- @param latest posthog.llm.SkillSnapshot of that skill, as it was seen
--- @param note string for servers that keep one
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @return posthog.llm.Skill? skill
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function whole.publish(client, name, version, latest, note, progress)
  local ok, err = whole.load(client, version, progress)
  if not ok then
    return errors.failure(err)
  end
  local fields, base = whole.payload(version), latest.version
  fields.base_version, fields.version_description = base, note
  progress("publish", name, 0, 1)
  local skill, failed, response = client.skills:publish(name, fields)
  if not skill then
    return errors.failure(failed, response)
  elseif skill == true or skill.name ~= name or skill.version ~= base + 1 then
    failed = errors.new({ kind = "decode", message = UNSURE, ambiguous = true })
    return errors.failure(failed, response)
  end
  local created = skill.first_version_created_at
  if type(created) == "string" and created ~= latest.created then -- versions count from 1 again
    local message = OTHER:format(name, skill.version, base)
    return errors.failure(errors.new({ kind = "conflict", message = message }), response)
  end
  progress("publish", name, 1, 1)
  return skill, nil, response
end

return whole
