--- The methods of skills that only API v2 has (doc/api.md 2.1).

local check = require("posthog.llm.util.check")
local errors = require("posthog.llm.util.errors")
local probes = require("posthog.llm.api.ambiguous.skills")
local api_version = require("posthog.llm.api.versions.api_version")
local paths = require("posthog.llm.api.skills.paths")
local query = require("posthog.llm.http.query")
local shape = require("posthog.llm.http.shape")

local current = {}

local NONE = query.spec({})
local VERSION = query.spec({ { "version", "integer", least = 1 } })
local BUNDLE = query.spec({
  { "content", "string" },
  { "limit", "integer", least = 1, most = 100 },
})

--- Header fields of a bundle that count its skills.
local BUNDLE_COUNTS = {
  included = "x-skills-included",
  dropped = "x-skills-dropped",
  skipped = "x-skills-skipped",
}

--- @param class table that of skills
function current.define(class)
  --- @class posthog.llm.Skills
  local Skills = class

  local function only_current(self, request)
    return api_version.only_current(self._api_version, function()
      return self._run(request)
    end)
  end

  --- The `first_version_created_at` of a skill, which identifies it under any name. It is requested
  --- unless an earlier response has shown it.
  --- @return string?
  --- @return posthog.llm.Error? err
  --- @return posthog.llm.Response? response
  local function identity(self, name, call_options)
    local first = self._first_version(name)
    -- Without retries a lost write is not read back, and the identity is not needed.
    if first or (call_options.max_retries or self._max_retries) == 0 then
      return first
    end
    local skill, err, response = self:get(name, call_options)
    if err then
      return errors.failure(err, response)
    end
    return type(skill) == "table" and skill.first_version_created_at or nil
  end

  --- Searches names, descriptions, bodies and Markdown files for a text. API v2 only. It is not
  --- repeated after a 503, which says that the search took more than five seconds: narrow the text.
  ---
  --- ```lua
  --- local found = assert(client.skills:search("one line a field"))
  --- for _, skill in ipairs(found.results) do
  ---   for _, match in ipairs(skill.matches) do
  ---     print(skill.name, match.path or match.matched_field, match.excerpt)
  ---   end
  --- end
  --- ```
  --- @param text string 1 to 200 characters
  --- @param options? posthog.llm.CallOptions
  --- @return { count: integer, results: posthog.llm.SkillFound[] }? found at most ten skills
  --- @return posthog.llm.Error? err kind `server`, status 503: the search took too long
  --- @return posthog.llm.Response? response
  function Skills:search(text, options)
    local encoded = query.text(text, "text", 2)
    local _, call_options = query.read(NONE, options, 2)
    return only_current(self, {
      method = "GET",
      path = paths.BASE .. "search/",
      query = "query=" .. encoded,
      idempotent = true,
      costly = true,
      shape = { results = "list" },
      options = call_options,
    })
  end

  --- Renames a skill; its versions stay. API v2 only; on API v1 use
  --- [skill_folder.rename](skill_folder.md#skill_folderrename), which copies the skill.
  ---
  --- ```lua
  --- local skill = assert(client.skills:rename("tax-forms", "tax-returns"))
  --- print(skill.name, skill.version) --> tax-returns  1
  --- ```
  --- @param name string
  --- @param new_name string as a new skill's: a-z, 0-9 and single hyphens, at most 64 characters
  --- @param options? posthog.llm.CallOptions
  --- @return posthog.llm.Skill? skill
  --- @return posthog.llm.Error? err kind `invalid`, code `unique`: the name is taken; code
  ---   `reserved_prefix`: the server keeps such names for itself; kind `not_found`; `ambiguous`: it
  ---   may have been renamed
  --- @return posthog.llm.Response? response
  function Skills:rename(name, new_name, options)
    check.segment(name, "name", 2)
    check.segment(new_name, "new_name", 2)
    local _, call_options = query.read(NONE, options, 2)
    return api_version.only_current(self._api_version, function()
      local first, err, response = identity(self, name, call_options)
      if err then
        return errors.failure(err, response)
      end
      return self._write({
        request = {
          method = "POST",
          path = paths.skill(name) .. "rename/",
          json = { new_name = new_name },
          idempotent = false,
          shape = { id = "string", name = shape.same(new_name) },
          options = call_options,
        },
        name = name,
        probe = probes.rename(self, name, new_name, first),
      })
    end)
  end

  --- A skill as the text of a SKILL.md, with its front matter, as the server writes it. API v2
  --- only; [skill_folder.render](skill_folder.md#skill_folderrender) makes one of a skill on any
  --- server.
  ---
  --- ```lua
  --- local file = assert(client.skills:skill_md("pdf-forms"))
  --- print(file.version, file.frontmatter.description) --> 7  Fill PDF forms.
  --- ```
  --- @param name string
  --- @param options? posthog.llm.SkillVersionOptions
  --- @return posthog.llm.SkillMdFile? file
  --- @return posthog.llm.Error? err kind `not_found`: no such skill or version
  --- @return posthog.llm.Response? response
  function Skills:skill_md(name, options)
    check.segment(name, "name", 2)
    local parameters, call_options = query.read(VERSION, options, 2)
    local file, err, response = only_current(self, {
      method = "GET",
      path = paths.skill(name) .. "skill-md/",
      query = parameters,
      idempotent = true,
      shape = { content = "string", name = shape.same(name, true) },
      options = call_options,
    })
    local wanted = options and options.version
    if wanted and type(file) == "table" and file.version ~= wanted then
      local message = "the server has sent version %s: it does not know the option"
      message = message:format(tostring(file.version))
      file, err = nil, errors.new({ kind = "decode", option = "version", message = message })
    end
    return errors.result(file, err, response)
  end

  --- Many skills as one zip archive, in memory. API v2 only. The server limits it to 30 a minute
  --- and 300 an hour.
  ---
  --- ```lua
  --- local bundle = assert(client.skills:bundle({ content = "full", limit = 100 }))
  --- local file = assert(io.open("skills.zip", "wb"))
  --- file:write(bundle.data)
  --- file:close()
  --- print(bundle.included, bundle.dropped) --> 3  0
  --- ```
  --- @param options? posthog.llm.SkillBundleOptions
  --- @return posthog.llm.SkillBundle? bundle
  --- @return posthog.llm.Error? err kind `not_found`: the project does not have it switched on
  --- @return posthog.llm.Response? response
  function Skills:bundle(options)
    local encoded, call_options = query.read(BUNDLE, options, 2)
    local bundle, err, response = only_current(self, {
      method = "GET",
      path = paths.BASE .. "bundle/",
      query = encoded,
      idempotent = true,
      raw = true,
      numbers = BUNDLE_COUNTS,
      options = query.accepting_all(call_options),
    })
    if bundle == true then -- 204
      err = errors.no_content("archive")
    elseif bundle and bundle.data:sub(1, 2) ~= "PK" then
      local message = "the response is not a zip archive: is it the right host?"
      err = errors.new({ kind = "decode", option = "host", message = message })
    end
    return errors.result(bundle, err, response)
  end
end

return current
