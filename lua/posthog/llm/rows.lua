--- What datasets and dataset items have in common: rows in pages, created,
--- read, updated, and deleted by a mark (contract 1.6 to 1.15).

local body = require("posthog.llm.body")
local check = require("posthog.llm.check")
local compare = require("posthog.llm.compare")
local core = require("posthog.llm.core")
local errors = require("posthog.llm.errors")
local find_created = require("posthog.llm.find_created")
local pages = require("posthog.llm.pages")
local query = require("posthog.llm.query")
local times = require("posthog.llm.times")

local rows = {}

local ROW = { id = "string" }
local NONE = query.spec({})

--- Gives a class the methods of a resource of rows.
--- @param class table
--- @param name string of the resource in a client
--- @param base string path of the collection
--- @param parameters posthog.llm.Parameter[] filters of its lists
function rows.define(class, name, base, parameters)
  local list_spec = query.spec(parameters)
  local each_spec = query.spec(parameters, { "prefetch" })

  local function row_path(id)
    return base .. core.escape(id) .. "/"
  end

  local function fetch(self, encoded, call_options)
    return self._run({
      method = "GET",
      under = "projects",
      path = base,
      query = encoded,
      idempotent = true,
      shape = pages.SHAPE,
      options = call_options,
    })
  end

  --- An empty list of ids is no filter to the server, which would then answer
  --- with every row.
  local function selects_nothing(options)
    return options and options.id__in and #options.id__in == 0
  end

  function class:list(options)
    check.self(self, class, name, 2)
    local encoded, call_options = query.read(list_spec, options, 2)
    if selects_nothing(options) then
      return pages.empty()
    end
    return fetch(self, encoded, call_options)
  end

  function class:each(options)
    check.self(self, class, name, 2)
    local first, call_options = query.read(each_spec, options, 2)
    local ahead = query.prefetch(options, 2)
    local nothing = selects_nothing(options)
    return pages.each(function(encoded)
      if nothing then
        return pages.empty()
      end
      return fetch(self, encoded, call_options)
    end, first, ahead)
  end

  function class:get(id, options)
    check.self(self, class, name, 2)
    check.segment(id, "id", 2)
    local _, call_options = query.read(NONE, options, 2)
    return self._run({
      method = "GET",
      under = "projects",
      path = row_path(id),
      idempotent = true,
      shape = ROW,
      options = call_options,
    })
  end

  function class:create(fields, options)
    check.self(self, class, name, 2)
    check.type(fields, "table", "fields", 2)
    local _, call_options = query.read(NONE, options, 2)
    return self._run({
      method = "POST",
      under = "projects",
      path = base,
      json = body.prepare(fields),
      idempotent = false,
      shape = ROW,
      options = call_options,
    })
  end

  function class:find_created(fields, since, options)
    check.self(self, class, name, 2)
    check.type(fields, "table", "fields", 2)
    if type(since) == "string" and not times.iso(since) then
      check.fail(2, "since: %q is no time such as 2026-03-14T07:26:53Z", since)
    elseif type(since) ~= "number" and type(since) ~= "string" then
      local got = check.type_name(since)
      check.fail(2, "since: seconds since 1970 or a timestamp expected, got %s", got)
    end
    local _, call_options = query.read(NONE, options, 2)
    local sent, err = compare.canonical(body.prepare(fields), self._codec)
    if not sent then
      return errors.failure(err)
    end
    return find_created(function(encoded)
      return fetch(self, encoded, call_options)
    end, sent, since)
  end

  --- The last writer wins, so that the same update twice is the same as once.
  local function update(self, id, fields, call_options)
    return self._run({
      method = "PATCH",
      under = "projects",
      path = row_path(id),
      json = body.prepare(fields),
      idempotent = true,
      shape = ROW,
      options = call_options,
    })
  end

  function class:update(id, fields, options)
    check.self(self, class, name, 2)
    check.segment(id, "id", 2)
    check.type(fields, "table", "fields", 2)
    local _, call_options = query.read(NONE, options, 2)
    return update(self, id, fields, call_options)
  end

  function class:delete(id, options)
    check.self(self, class, name, 2)
    check.segment(id, "id", 2)
    local _, call_options = query.read(NONE, options, 2)
    return update(self, id, { deleted = true }, call_options)
  end

  function class:undelete(id, options)
    check.self(self, class, name, 2)
    check.segment(id, "id", 2)
    local _, call_options = query.read(NONE, options, 2)
    return update(self, id, { deleted = false }, call_options)
  end

  function class:destroy(id, options)
    check.self(self, class, name, 2)
    check.segment(id, "id", 2)
    local _, call_options = query.read(NONE, options, 2)
    local value, err, response = self._run({
      method = "DELETE",
      under = "projects",
      path = row_path(id),
      idempotent = true,
      options = call_options,
    })
    if err and (err.status == 405 or err.status == 403) then
      err.message = err.message .. "; rows are not destroyed, use :delete, which marks them"
    end
    if err then
      return errors.failure(err, response)
    end
    return value, nil, response
  end
end

--- @param class table
--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param state table the private part of the client
function rows.new(class, run, state)
  return setmetatable({ _run = run, _codec = state.settings.json }, class)
end

return rows
