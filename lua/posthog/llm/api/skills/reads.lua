--- The methods of skills that read one skill: body, history, files (doc/api.md 1.1, 1.2, 3.2).

local check = require("posthog.llm.util.check")
local compare = require("posthog.llm.util.compare")
local errors = require("posthog.llm.util.errors")
local fields_check = require("posthog.llm.api.skills.fields_check")
local json = require("posthog.llm.json")
local pages = require("posthog.llm.api.pages")
local paths = require("posthog.llm.api.skills.paths")
local query = require("posthog.llm.http.query")
local shape = require("posthog.llm.http.shape")

local reads = {}

local LONGEST_BODY = 1000000 -- bytes, and therefore the most code points

local SKILL = { id = "string", name = shape.ASKED }
local FILE = { path = shape.ASKED, content = "string" }
local RESOLVED = { skill = { name = shape.ASKED }, versions = "list" }

local VERSION = query.spec({ { "version", "integer", least = 1 } })
local RESOLVE = query.spec({
  { "version", "integer", least = 1 },
  { "version_id", "id" },
  { "limit", "integer", least = 1, most = 100 },
  { "offset", "integer", least = 0 },
  { "before_version", "integer", least = 1 },
})
local VERSIONS = query.spec({ { "limit", "integer", least = 1, most = 100 } }, { "prefetch" })

--- Whether a server may redirect a read of this name to another one: API v2 knows a skill by the
--- UUID of a version too, and redirects to its name (doc/api.md 0.8). A UUID is also a possible name.
local function is_uuid(name)
  return #name == 36 and name:find("^%x+%-%x+%-%x+%-%x+%-%x+$") ~= nil
end

--- The shape of a skill. Which version is the latest, the server decides; one that the call names is
--- the one that the response has to show.
--- @param options? table with `version` or `version_id`
local function shape_of_skill(options)
  local version, id = options and options.version, options and options.version_id
  if version == nil and id == nil then
    return SKILL
  end
  return {
    id = id and shape.same(id) or "string",
    name = shape.ASKED,
    version = shape.same(version, true),
  }
end

local function is_count(value)
  return type(value) == "number" and value >= 0 and value < 2 ^ 53 and value == math.floor(value)
end

local function incomplete(response, message, ...)
  message = "the body is incomplete: " .. message:format(...)
  return errors.failure(errors.new({ kind = "decode", message = message }), response)
end

--- Reads the rest of a long body, which API v2 truncates (doc/api.md 3.2), from the same version.
--- Offsets and lengths are the server's, in code points.
--- @return posthog.llm.Skill? skill with the whole body
--- @return posthog.llm.Error?
--- @return posthog.llm.Response?
local function complete(self, request, skill, last)
  local version, total = skill.version, skill.body_total_length
  local parts, offset, following = { skill.body }, 0, skill.body_next_offset
  if type(skill.body) ~= "string" or not is_count(version) then
    return incomplete(last, "the response has no body or no version")
  end
  while following ~= nil and following ~= json.null do
    if not is_count(following) or following <= offset then
      return incomplete(last, "the offset after %d is %s", offset, tostring(following))
    end
    offset = following
    request.query = ("version=%d&body_offset=%d"):format(version, offset)
    if is_count(total) and total > offset then
      request.query = request.query .. ("&body_length=%d"):format(total - offset)
    end
    local part, err, response = self._run(request)
    if not part then
      return errors.failure(err, response)
    elseif part == true or type(part.body) ~= "string" then
      return incomplete(response, "the response at offset %d has no body", offset)
    elseif part.version ~= version or part.id ~= skill.id then
      return incomplete(response, "the server continued with another version")
    end
    parts[#parts + 1] = part.body
    following, last = part.body_next_offset, response
  end
  skill.body = table.concat(parts)
  if type(total) == "number" and compare.length(skill.body) ~= total then
    return incomplete(last, "%d characters instead of %g", compare.length(skill.body), total)
  end
  skill.body_next_offset = nil
  return skill, nil, last
end

--- @param class table of the skills resource
function reads.define(class)
  --- @class posthog.llm.Skills
  local Skills = class

  --- A skill with its whole body. One request; on API v2, whose responses hold a part of a long body,
  --- one more for each further part, of the same version.
  ---
  --- ```lua
  --- local skill, err = client.skills:get("pdf-forms")
  --- if err and err.kind == "not_found" then
  ---   print("no skill has this name")
  --- else
  ---   assert(skill, err)
  ---   print(skill.version, #skill.files) --> 3  2
  --- end
  --- local first = assert(client.skills:get("pdf-forms", { version = 1 }))
  --- ```
  --- @param name string
  --- @param options? posthog.llm.SkillVersionOptions
  --- @return posthog.llm.Skill? skill
  --- @return posthog.llm.Error? err kind `not_found`: no skill has the name, or it lacks the version;
  ---   on API v2 `err.body` has `suggestions` (names) or `available_versions`
  --- @return posthog.llm.Response? response
  function Skills:get(name, options)
    check.segment(name, "name", 2)
    local parameters, call_options = query.read(VERSION, options, 2)
    if self._api_version.get() == "current" then
      local whole = ("body_length=%d"):format(LONGEST_BODY)
      parameters = parameters and parameters .. "&" .. whole or whole
    end
    local request = {
      method = "GET",
      path = paths.skill(name),
      query = parameters,
      idempotent = true,
      shape = shape_of_skill(options),
      asked = name,
      moves = is_uuid(name),
      options = call_options,
    }
    local skill, err, response = self._run(request)
    if type(skill) == "table" and (skill.body_next_offset or skill.body_total_length) then
      return complete(self, request, skill, response)
    end
    return errors.result(skill, err, response)
  end

  --- A skill, with its whole body, and one page of its history, newest first: one request.
  ---
  --- ```lua
  --- local page = assert(client.skills:resolve("pdf-forms", { limit = 2 }))
  --- print(page.skill.version, #page.versions, page.has_more) --> 3  2  true
  --- ```
  --- @param name string
  --- @param options? posthog.llm.SkillResolve
  --- @return { skill: posthog.llm.Skill, versions: posthog.llm.SkillVersion[], has_more: boolean }?
  ---   resolved `has_more`: there are older versions; ask for them by `before_version`
  --- @return posthog.llm.Error? err kind `not_found`: no skill has the name, or it lacks the version
  --- @return posthog.llm.Response? response
  function Skills:resolve(name, options)
    check.segment(name, "name", 2)
    local parameters, call_options = query.read(RESOLVE, options, 2)
    if options then
      fields_check.exclusive(options, "offset", "before_version", 2)
    end
    return self._run({
      method = "GET",
      path = paths.history(name),
      query = parameters,
      idempotent = true,
      shape = options and { skill = shape_of_skill(options), versions = "list" } or RESOLVED,
      asked = name,
      moves = is_uuid(name),
      options = call_options,
    })
  end

  --- The history of a skill, newest first, to its first version. Versions that are published
  --- meanwhile do not affect it. One request for each page; none before the first step.
  ---
  --- ```lua
  --- for version in client.skills:versions("pdf-forms") do
  ---   local author = version.created_by -- nil: the account was removed
  ---   print(version.version, version.created_at, author and author.email)
  --- end
  --- ```
  --- @param name string
  --- @param options? posthog.llm.SkillVersionsOptions
  --- @return fun(): posthog.llm.SkillVersion? iterator for a generic `for`; raises the error of a
  ---   page that fails
  function Skills:versions(name, options)
    check.segment(name, "name", 2)
    local _, call_options = query.read(VERSIONS, options, 2)
    local limit = options and options.limit or 100
    local ahead
    call_options, ahead = query.prefetch(options, call_options, 2)
    local reader = pages.reader(function(before)
      return self._run({
        method = "GET",
        path = paths.history(name),
        query = ("limit=%d"):format(limit)
          .. (before and ("&before_version=%d"):format(before) or ""),
        idempotent = true,
        shape = RESOLVED,
        asked = name,
        moves = is_uuid(name),
        options = call_options,
      })
    end, ahead)
    local function guess(before) -- versions are numbered without gaps
      return before - limit > 1 and before - limit or nil
    end
    local before, more = nil, true
    local next_row = pages.stream(function()
      if not more then
        return nil
      end
      local page, err, response = reader:page(before, before and guess)
      if not page then
        return nil, err, response
      elseif page == true then -- 204
        return nil, errors.no_content("history")
      end
      local first, last = page.versions[1], page.versions[#page.versions]
      local newest = type(first) == "table" and first.version or nil
      local version = type(last) == "table" and last.version or nil
      if last == nil then
        more = false
      elseif not (is_count(version) and is_count(newest)) or (before and newest >= before) then
        return nil, errors.new({ kind = "decode", message = "the history does not advance" })
      else
        before, more = version, page.has_more == true and version > 1
        if more then
          reader:ahead(before, guess)
        end
      end
      return page.versions
    end)
    return next_row, nil, nil, ahead and ahead:closing()
  end

  --- A bundled file with its content. One request for each file; the list of files is in
  --- `skill.files`.
  ---
  --- ```lua
  --- local file = assert(client.skills:file("pdf-forms", "references/fields.md", { version = 1 }))
  --- print(file.content) --> One line a field.
  --- ```
  --- @param name string
  --- @param path string relative, its segments separated by "/"; `.`, `..` and empty segments raise
  --- @param options? posthog.llm.SkillVersionOptions
  --- @return posthog.llm.SkillFile? file
  --- @return posthog.llm.Error? err kind `not_found`: no such skill, version or file
  --- @return posthog.llm.Response? response
  function Skills:file(name, path, options)
    check.segment(name, "name", 2)
    check.file_path(path, "path", 2)
    local parameters, call_options = query.read(VERSION, options, 2)
    return self._run({
      method = "GET",
      path = paths.file(name, path),
      query = parameters,
      idempotent = true,
      shape = FILE,
      asked = path,
      options = call_options,
    })
  end
end

return reads
