--- Lists of skills (doc/api.md 2.1, 4.1).

local api_version = require("posthog.llm.api.versions.api_version")
local errors = require("posthog.llm.util.errors")
local pages = require("posthog.llm.api.pages")
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

--- @class posthog.llm.SkillList: posthog.llm.CallOptions
--- @field search? string text in name or description
--- @field order_by? string a field, or "-field"
--- @field category? string API v2; "": only skills that have none
--- @field owner_id? integer of a user; API v2
--- @field created_by_id? integer of a user; API v2
--- @field limit? integer
--- @field offset? integer
--- @field etag? string `response.headers.ETag` of an earlier call with the same options

--- @class posthog.llm.SkillEach: posthog.llm.CallOptions
--- @field search? string text in name or description
--- @field order_by? string a field, or "-field"
--- @field category? string API v2; "": only skills that have none
--- @field owner_id? integer of a user; API v2
--- @field created_by_id? integer of a user; API v2
--- @field limit? integer rows per page
--- @field prefetch? integer pages to read ahead, at the same time as the one needed; default 0

--- @param class table of the skills resource
--- @param path string
function lists.define(class, path)
  --- @class posthog.llm.Skills
  local Skills = class

  --- @param option? string the filter that only API v2 has
  local function fetch(self, encoded, call_options, option)
    local function run()
      return self._run({
        method = "GET",
        path = path,
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

  --- One page of skills, newest first; the rows have no `body`. With `etag`, `true` where nothing
  --- in the project has changed since: a response without content, 304. The headers of the response
  --- have ETag and, on API v2, X-Skills-Version, which grows with each new version in the project.
  --- @param options? posthog.llm.SkillList
  --- @return posthog.llm.Page|true|nil page
  --- @return posthog.llm.Error? err
  --- @return posthog.llm.Response? response
  function Skills:list(options)
    local parameters, call_options = query.read(LIST, options, 2)
    if options and options.etag ~= nil then
      call_options = query.unless_matching(call_options, options.etag, 2)
    end
    return fetch(self, parameters, call_options, only_current_filter(options))
  end

  --- All skills, page by page; `limit` is the size of a page.
  --- @param options? posthog.llm.SkillEach
  --- @return fun(): posthog.llm.Skill? iterator raises the error of a page that fails
  function Skills:each(options)
    local first, call_options = query.read(EACH, options, 2)
    local ahead = query.prefetch(options, 2)
    local option = only_current_filter(options)
    return pages.rows(function(parameters)
      return fetch(self, parameters, call_options, option)
    end, first, ahead)
  end
end

return lists
