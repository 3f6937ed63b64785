--- Lists of skills (doc/api.md 2.1, 4.1).

local api_version = require("posthog.llm.api.versions.api_version")
local errors = require("posthog.llm.util.errors")
local pages = require("posthog.llm.api.pages")
local paths = require("posthog.llm.api.skills.paths")
local query = require("posthog.llm.http.query")

local lists = {}

--- Filters that only API v2 has.
local ONLY_CURRENT = { "category", "owner_id", "created_by_id" }

--- @param others posthog.llm.Parameter[]
--- @param options string[] that are not query parameters
local function spec(others, options)
  local parameters = {
    { "search", "string" },
    { "order_by", "string" },
    { "category", "string" },
    { "owner_id", "integer", least = 1 },
    { "created_by_id", "integer", least = 1 },
    { "limit", "integer", least = 1 },
  }
  for _, parameter in ipairs(others) do
    parameters[#parameters + 1] = parameter
  end
  return query.spec(parameters, options)
end

local LIST = spec({ { "offset", "integer", least = 0 } }, { "etag" })
local EACH = spec({}, { "prefetch" })

--- The first of the given filters that only API v2 has; nil: none of them.
local function only_current_filter(options)
  for _, name in ipairs(ONLY_CURRENT) do
    if options and options[name] ~= nil then
      return name
    end
  end
end

--- Whether the rows show that the server does not have these filters and has ignored them.
local function is_unfiltered(page)
  local first = type(page) == "table" and page.results[1]
  return type(first) == "table" and first.category == nil
end

--- @param class table of the skills resource
function lists.define(class)
  --- @class posthog.llm.Skills
  local Skills = class

  --- @param option? string the filter that only API v2 has
  local function fetch(self, encoded, call_options, option)
    local function run()
      return self._run({
        method = "GET",
        path = paths.BASE,
        query = encoded,
        idempotent = true,
        shape = pages.SHAPE,
        options = call_options,
      })
    end
    if not option then
      return run()
    end
    local page, err, response = api_version.only_current(self._api_version, run, option)
    if is_unfiltered(page) then
      page, err = nil, api_version.ignored(option)
    end
    return errors.result(page, err, response)
  end

  --- One page of the project's skills, in their latest versions, newest first; the rows have no
  --- `body`. Where an `etag` is given and nothing in the project has changed since, the result is
  --- `true`, from a response without content (304).
  ---
  --- ```lua
  --- local page = assert(client.skills:list({ search = "pdf-forms", order_by = "name", limit = 10 }))
  --- for _, skill in ipairs(page.results) do
  ---   print(skill.name, skill.version, skill.description) --> pdf-forms  7  Fill PDF forms.
  --- end
  --- ```
  --- @param options? posthog.llm.SkillList
  --- @return posthog.llm.Page|true|nil page its `results` are [skills](#skill)
  --- @return posthog.llm.Error? err
  --- @return posthog.llm.Response? response `headers.ETag` is the `etag` of the next call, and
  ---   `headers["X-Skills-Version"]` grows with each new version in the project (API v2)
  function Skills:list(options)
    local parameters, call_options = query.read(LIST, options, 2)
    if options and options.etag ~= nil then
      call_options = query.unless_matching(call_options, options.etag, 2)
    end
    return fetch(self, parameters, call_options, only_current_filter(options))
  end

  --- All skills of the project, in their latest versions, newest first; they have no `body`. No
  --- skill comes twice, also when others are created meanwhile. One request for each page; none
  --- before the first step.
  ---
  --- ```lua
  --- local names = {}
  --- for skill in client.skills:each({ order_by = "name" }) do
  ---   names[#names + 1] = skill.name
  --- end
  --- print(table.concat(names, " ")) --> pdf-forms tax-forms web-forms
  --- ```
  --- @param options? posthog.llm.SkillEach
  --- @return fun(): posthog.llm.Skill? iterator for a generic `for`; raises the error of a page
  ---   that fails
  function Skills:each(options)
    local first, call_options = query.read(EACH, options, 2)
    local ahead
    call_options, ahead = query.prefetch(options, call_options, 2)
    local option = only_current_filter(options)
    return pages.rows(function(parameters)
      return fetch(self, parameters, call_options, option)
    end, first, ahead)
  end
end

return lists
