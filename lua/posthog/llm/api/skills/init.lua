--- The versioned store of agent skills (doc/api.md 1.1 to 1.4, 2.1): the resource and its writes.

local calls = require("posthog.llm.util.calls")
local check = require("posthog.llm.util.check")
local compare = require("posthog.llm.util.compare")
local current = require("posthog.llm.api.skills.current")
local errors = require("posthog.llm.util.errors")
local fields_check = require("posthog.llm.api.skills.fields_check")
local known = require("posthog.llm.api.ambiguous.known")
local lists = require("posthog.llm.api.skills.lists")
local probes = require("posthog.llm.api.ambiguous.skills")
local item_fields = require("posthog.llm.api.item_fields")
local api_version = require("posthog.llm.api.versions.api_version")
local query = require("posthog.llm.http.query")
local shape = require("posthog.llm.http.shape")
local path_scope = require("posthog.llm.api.versions.path_scope")
local paths = require("posthog.llm.api.skills.paths")
local reads = require("posthog.llm.api.skills.reads")
local ambiguous = require("posthog.llm.api.ambiguous")

--- The versioned store of a project's agent skills. A skill is a Markdown body with bundled files,
--- kept in versions that count from 1; every write makes a new one. The key needs the scope
--- `llm_skill:read`, or `llm_skill:write` for the calls that write. [Skills](../skills.md) explains
--- versions, trimmed text and lost responses.
--- @class posthog.llm.Skills
local Skills = { __name = "posthog.llm.Skills" }
Skills.__index = Skills

local SKILL = { id = "string", name = shape.ASKED }

local BASE_VERSION = query.spec({ { "base_version", "integer", least = 1 } })
local NONE = query.spec({})

--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param state table the private part of the client
local function new(run, state)
  local follow = api_version.follow(path_scope.follow(run, state), state.api_version)
  local function learn(request)
    local value, err, response = follow(request)
    if type(value) == "table" then
      known.learn_skill(state.known, value.skill or value)
    end
    return errors.result(value, err, response)
  end
  return setmetatable({
    _run = learn,
    _api_version = state.api_version,
    _write = function(write)
      return ambiguous.write(learn, state, write)
    end,
    _first_version = function(name)
      return state.known.skills[name]
    end,
    _codec = state.settings.json,
    _max_retries = state.settings.max_retries,
    _connections = state.settings.max_connections,
  }, Skills)
end

--- The author of a write that makes a version is who published that version.
local function publisher(skill)
  return skill.created_by
end

--- Sends a write that makes a version.
--- @param request table method, path, json or query, and options
--- @param name? string of the skill that the response has to show; nil: the server decides about it
--- @param probe fun(lost: posthog.llm.Lost): posthog.llm.Finding
--- @param repeats? boolean the request names its base version, so that it can be repeated as long
---   as the name still belongs to the same skill
local function write(self, request, name, probe, repeats)
  request.idempotent = false
  request.shape, request.asked = SKILL, name
  request.repeats = repeats and 1 or nil
  return self._write({
    request = request,
    name = name,
    probe = probe,
    repeats = repeats,
    author = publisher,
  })
end

--- Creates a skill, as version 1.
---
--- ```lua
--- local skill, err = client.skills:create({
---   name = "tax-forms",
---   description = "Fill in tax forms.",
---   body = "# Tax forms\n\nRead references/rates.md first.",
---   files = { { path = "references/rates.md", content = "One line a rate." } },
--- })
--- if err and err.code == "unique" then
---   print("another skill has this name")
--- else
---   print(assert(skill, err).version) --> 1
--- end
--- ```
--- @param fields posthog.llm.SkillFields `name`, `description` and `body` are required by the
---   server
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Skill? skill
--- @return posthog.llm.Error? err kind `invalid`, code `unique`: the name is taken; kind `invalid`,
---   with `attr`: that field is missing or invalid; `ambiguous`: the skill may have been created
--- @return posthog.llm.Response? response
function Skills:create(fields, options)
  fields_check.check(fields, 2)
  local _, call_options = query.read(NONE, options, 2)
  local json_body = item_fields.on_wire(fields)
  return write(
    self,
    {
      method = "POST",
      path = paths.BASE,
      json = json_body,
      options = call_options,
    },
    type(fields.name) == "string" and compare.trim(fields.name) or nil,
    probes.create(self, json_body)
  )
end

--- Owners belong to the skill and not to a version of it (API v2).
local function is_owners_only(fields)
  for name in next, fields do
    if name ~= "owners" and name ~= "base_version" then
      return false
    end
  end
  return fields.owners ~= nil
end

--- The skill before a call that changes its owners: had it these owners already, finding them after
--- a lost response would prove nothing. Without retries a lost write is not read back, and nothing
--- is requested.
--- @return posthog.llm.Skill?
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
local function before_owners(self, name, call_options)
  if (call_options.max_retries or self._max_retries) == 0 then
    return nil
  end
  local skill, err, response = self:get(name, call_options)
  if err then
    return errors.failure(err, response)
  end
  return type(skill) == "table" and skill or nil
end

--- Publishes the next version. Fields that are absent stay as they are in the latest version. A
--- version is made even when nothing differs, except by `owners` alone, which belong to no version
--- (API v2).
---
--- ```lua
--- local skill = assert(client.skills:get("pdf-forms"))
--- local new, err = client.skills:publish("pdf-forms", {
---   base_version = skill.version,
---   edits = { { old = "first", new = "before you begin" } },
--- })
--- if err and err.kind == "conflict" then
---   print("somebody has published version " .. err.current_version)
--- else
---   print(assert(new, err).version) --> 4
--- end
--- ```
--- @param name string
--- @param fields posthog.llm.SkillChanges
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Skill? skill the new version, with its whole body
--- @return posthog.llm.Error? err kind `conflict`, with `current_version`: `base_version` is not
---   the latest, and nothing was changed; kind `invalid`, with `edit_index` and, for a file,
---   `file_path`: an edit does not apply; kind `not_found`; `ambiguous`: the version may have been
---   made
--- @return posthog.llm.Response? response
function Skills:publish(name, fields, options)
  check.segment(name, "name", 2)
  fields_check.check(fields, 2)
  if fields.base_version == nil and not is_owners_only(fields) then
    check.fail(2, "base_version is missing: the version that the change is based on")
  end
  fields_check.exclusive(fields, "body", "edits", 2)
  fields_check.exclusive(fields, "files", "file_edits", 2)
  local _, call_options = query.read(NONE, options, 2)
  local json_body = item_fields.on_wire(fields)
  local request = {
    method = "PATCH",
    path = paths.skill(name),
    json = json_body,
    options = call_options,
  }
  if is_owners_only(fields) then
    request.idempotent = false
    request.shape, request.asked = SKILL, name
    local before, err, response = before_owners(self, name, call_options)
    if err then
      return errors.failure(err, response)
    end
    local probe = probes.owners(self, name, json_body, before)
    return self._write({ request = request, name = name, probe = probe })
  end
  return write(self, request, name, probes.publish(self, name, json_body), true)
end

local LOCKED = "It may be a scout whose owner has locked it: then only the owner or an admin of "
  .. "the project can archive it"

--- Whether the API itself, and no check of keys or fields, has refused a call (doc/api.md 0.5).
local function is_locked(err)
  local is_refused = err.kind == "invalid" or err.kind == "forbidden" or err.kind == "conflict"
  return is_refused and err.detail ~= nil and err.type == nil and err.code == nil
end

--- Removes a skill with all its versions and frees its name. This cannot be undone, and is never
--- repeated when its response is lost.
---
--- ```lua
--- assert(client.skills:duplicate("pdf-forms", "pdf-forms-old"))
--- local archived = assert(client.skills:archive("pdf-forms-old"))
--- print(archived) --> true
--- ```
--- @param name string
--- @param options? posthog.llm.CallOptions
--- @return true? done
--- @return posthog.llm.Error? err kind `not_found`; `ambiguous`: it may have been archived
--- @return posthog.llm.Response? response
function Skills:archive(name, options)
  check.segment(name, "name", 2)
  local _, call_options = query.read(NONE, options, 2)
  local done, err, response = self._write({
    request = {
      method = "POST",
      path = paths.skill(name) .. "archive/",
      bare = true,
      idempotent = false,
      options = call_options,
    },
    name = name,
    probe = probes.archive(self, name),
  })
  if err and is_locked(err) then
    err.hint = LOCKED
  end
  return errors.result(done, err, response)
end

--- Copies the latest version of a skill, with its files, to a new skill.
---
--- ```lua
--- local copy = assert(client.skills:duplicate("pdf-forms", "web-forms"))
--- print(copy.name, copy.version) --> web-forms  1
--- ```
--- @param name string
--- @param new_name string as a new skill's: a-z, 0-9 and single hyphens, at most 64 characters
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Skill? skill the copy, as version 1
--- @return posthog.llm.Error? err kind `invalid`, attr `new_name`: the name is taken or invalid;
---   kind `not_found`; `ambiguous`: the copy may have been made
--- @return posthog.llm.Response? response
function Skills:duplicate(name, new_name, options)
  check.segment(name, "name", 2)
  check.segment(new_name, "new_name", 2)
  local _, call_options = query.read(NONE, options, 2)
  return write(self, {
    method = "POST",
    path = paths.skill(name) .. "duplicate/",
    json = { new_name = new_name },
    options = call_options,
  }, new_name, probes.duplicate(self, name, new_name))
end

--- Adds a file, which makes a new version. There is no call that changes a file: use
--- [publish](#clientskillspublish) with `file_edits`.
---
--- ```lua
--- local skill = assert(client.skills:get("pdf-forms"))
--- skill = assert(client.skills:create_file("pdf-forms", {
---   path = "references/fonts.md",
---   content = "Mind the fonts.",
---   base_version = skill.version,
--- }))
--- print(skill.version, #skill.files) --> 5  3
--- ```
--- @param name string
--- @param fields posthog.llm.SkillNewFile
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Skill? skill the new version
--- @return posthog.llm.Error? err kind `conflict`, with `current_version`: `base_version` is not
---   the latest; kind `conflict`, without it: the path is taken; kind `invalid`: an invalid path,
---   or too many files; kind `not_found`; `ambiguous`: the version may have been made
--- @return posthog.llm.Response? response
function Skills:create_file(name, fields, options)
  check.segment(name, "name", 2)
  fields_check.check(fields, 2)
  check.new_file_path(fields.path, "path", 2)
  check.type(fields.content, "string", "content", 2)
  local _, call_options = query.read(NONE, options, 2)
  local json_body = item_fields.on_wire(fields)
  return write(self, {
    method = "POST",
    path = paths.skill(name) .. "files/",
    json = json_body,
    options = call_options,
  }, name, probes.create_file(self, name, json_body))
end

--- Renames a file, which makes a new version. Its content and type stay.
---
--- ```lua
--- local skill = assert(client.skills:get("pdf-forms"))
--- local ok, err = client.skills:rename_file("pdf-forms", "references/sizes.md", "sizes.md", {
---   base_version = skill.version, -- with it the call is retried, and a lost response is resolved
--- })
--- print(assert(ok, err).version) --> 6
--- ```
--- @param name string
--- @param old_path string
--- @param new_path string relative; `.`, `..` and empty segments raise
--- @param options? posthog.llm.SkillBaseOptions
--- @return posthog.llm.Skill? skill the new version
--- @return posthog.llm.Error? err kind `conflict`, with `current_version`: `base_version` is not
---   the latest; kind `conflict`, without it: `new_path` is taken; kind `not_found`: no such skill
---   or file; `ambiguous`: the version may have been made
--- @return posthog.llm.Response? response
function Skills:rename_file(name, old_path, new_path, options)
  check.segment(name, "name", 2)
  check.file_path(old_path, "old_path", 2)
  check.new_file_path(new_path, "new_path", 2)
  local _, call_options = query.read(BASE_VERSION, options, 2)
  local base = options and options.base_version
  return write(self, {
    method = "POST",
    path = paths.skill(name) .. "files-rename/",
    json = item_fields.on_wire({ old_path = old_path, new_path = new_path, base_version = base }),
    options = call_options,
  }, name, probes.rename_file(self, name, base, old_path, new_path), base ~= nil)
end

--- Deletes a file, which makes a new version. Older versions keep the file.
---
--- ```lua
--- local skill = assert(client.skills:get("pdf-forms"))
--- skill = assert(client.skills:delete_file("pdf-forms", "references/fonts.md", {
---   base_version = skill.version,
--- }))
--- print(skill.version, #skill.files) --> 7  2
--- ```
--- @param name string
--- @param path string
--- @param options? posthog.llm.SkillBaseOptions
--- @return posthog.llm.Skill? skill the new version
--- @return posthog.llm.Error? err kind `conflict`, with `current_version`: `base_version` is not
---   the latest; kind `not_found`: no such skill or file; `ambiguous`: the version may have been
---   made
--- @return posthog.llm.Response? response
function Skills:delete_file(name, path, options)
  check.segment(name, "name", 2)
  check.file_path(path, "path", 2)
  local parameters, call_options = query.read(BASE_VERSION, options, 2)
  local base = options and options.base_version
  return write(self, {
    method = "DELETE",
    path = paths.file(name, path),
    query = parameters,
    options = call_options,
  }, name, probes.delete_file(self, name, base, path), base ~= nil)
end

reads.define(Skills)
lists.define(Skills)
current.define(Skills)
calls.publish(Skills, "skills")

return { new = new }
