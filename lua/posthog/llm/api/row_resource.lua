--- What datasets and dataset items have in common. Both are rows: listed in pages, created, read,
--- updated, and deleted by a mark (doc/api.md 1.6 to 1.15 and 2.2).

local ahead_requests = require("posthog.llm.http.ahead")
local translate_write = require("posthog.llm.api.versions.translate_write")
local body = require("posthog.llm.http.body")
local check = require("posthog.llm.util.check")
local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local find_created = require("posthog.llm.api.ambiguous.created")
local probes = require("posthog.llm.api.ambiguous.rows")
local pages = require("posthog.llm.api.pages")
local api_version = require("posthog.llm.api.versions.api_version")
local direct = require("posthog.llm.http.direct")
local query = require("posthog.llm.http.query")
local shape = require("posthog.llm.http.shape")
local ambiguous = require("posthog.llm.api.ambiguous")
local times = require("posthog.llm.util.time")
local field_names = require("posthog.llm.api.versions.field_names")
local item_fields = require("posthog.llm.api.item_fields")
local url = require("posthog.llm.http.url")

local name = field_names.name

local ROW = { id = shape.ASKED }

local row_resource = {
  --- The shape of a row. A request that names one has its id as `asked`.
  ROW = ROW,
}

local NO_OPTIONS = query.NO_OPTIONS
local NONE = query.spec({})

--- @class posthog.llm.RowKind
--- @field name string of the resource in a client
--- @field base string path of the collection
--- @field parameters posthog.llm.Parameter[] filters of its lists
--- @field only_current string[] the filters that only API v2 has
--- @field marks posthog.llm.Parameter[] parameters of delete, undelete, archive and restore
--- @field of_restore? string[] parameters of restore in addition to `marks`
--- @field shown table<string, string> the filters that the rows of a list show, with the field that
---   shows each
--- @field has_unique_names? boolean in API v2
--- @field of_get? posthog.llm.Parameter[] parameters of get
--- @field raw_fields? table<string, boolean> what get's option `raw` returns as JSON texts
--- @field change fun(self: table, request: table, id: string, base?: integer, archived?: boolean): any, posthog.llm.Error?, posthog.llm.Response? makes a write on a row of API v2; request: method, path, json, options; archived: the mark that the row is to have, if it may have it
---   already

--- Completes a request with what all requests of a row resource have.
--- @param request table method, path, and more of posthog.llm.Request; its `json` is its own; asked:
---   the id of the row that it names
--- @return posthog.llm.Request
local function complete(request)
  request.under = "projects"
  request.idempotent = request.idempotent or false
  request.shape = request.shape or ROW
  if request.json then
    request.json = item_fields.on_wire(request.json, true)
  end
  return request
end

--- Makes one request of a row resource.
--- @param self table the resource
--- @param request table method, path, and more of posthog.llm.Request
function row_resource.send(self, request)
  return self._run(complete(request))
end

--- Creates a row. In API v2 an item may have a client_item_id, by which the server recognises a
--- repeated create, and the names of datasets are unique.
local function create(self, kind, json, version, call_options)
  local is_keyed = version == "current" and type(json.client_item_id) == "string"
  local request = complete({
    method = "POST",
    path = kind.base,
    json = json,
    idempotent = is_keyed,
    shape = is_keyed and { id = "string", client_item_id = shape.same(json.client_item_id, true) }
      or nil,
    options = call_options,
  })
  if is_keyed then -- the response may be a row that another client has made
    return self._write({ request = request, probe = probes.keyed(self, kind.base, request.json) })
  end
  local is_unique = version == "current" and kind.has_unique_names
  return self._write({
    request = request,
    probe = is_unique and probes.named(self, kind.base, request.json) or nil,
    author = function(row)
      return row.created_by
    end,
  })
end

--- Reads one row; API v2 also returns an archived one.
local function get(self, path, id, call_options, parameters, raw_fields)
  local started
  if call_options == NO_OPTIONS and not raw_fields then
    local value, response
    value, response, started = self._read(path, parameters, ROW, id)
    if response then
      return value, nil, response
    end
  end
  return row_resource.send(self, {
    method = "GET",
    path = path,
    query = parameters,
    raw_fields = raw_fields,
    idempotent = true,
    asked = id,
    options = call_options,
    started = started,
  })
end

--- Reads one row whose content is needed: an empty response is an error.
--- @param self table a row resource
--- @param path string of the row, which may be another resource's
--- @param id string of the row
--- @param call_options table
--- @return table? row
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function row_resource.read(self, path, id, call_options)
  local row, err, response = get(self, path, id, call_options)
  if row == true then -- 204
    err = errors.no_content("row")
  end
  return errors.result(row, err, response)
end

--- @param kind posthog.llm.RowKind
--- @param id string
function row_resource.path(kind, id)
  return kind.base .. url.escape(id) .. "/"
end

--- Reads the dataset of items.
local function read_dataset(self, id, call_options)
  return row_resource.read(self, "datasets/" .. url.escape(id) .. "/", id, call_options)
end

--- Reads one page of rows, which have the field names of both API versions.
--- @param fields table the shape of the page
local function read_page(self, path, encoded, call_options, fields)
  local page, err, response, started
  if call_options == NO_OPTIONS then
    page, response, started = self._read(path, encoded, fields)
  end
  if not response then
    page, err, response = row_resource.send(self, {
      method = "GET",
      path = path,
      query = encoded,
      idempotent = true,
      shape = fields,
      options = call_options,
      started = started,
    })
  end
  if err then
    return errors.failure(err, response)
  end
  local rows = type(page) == "table" and page.results or {}
  for i = 1, #rows do -- of a list there may be a thousand
    name(rows[i])
  end
  return page, nil, response
end

--- The result of a call: a row with the field names of both API versions.
local function named(value, err, response)
  if err then
    return errors.failure(err, response)
  end
  return field_names.name(value), nil, response
end

--- The result of a call that sets or removes the mark of a row. A server that does not know the mark
--- ignores it, and says so only by the row that it returns.
--- @param deleted boolean whether the row is to have it
local function marked(deleted, row, err, response)
  if not err and type(row) == "table" and row.deleted ~= nil then
    if (row.deleted == true) ~= deleted then
      local words = "the server has answered, but the row is %s deleted"
      local message = words:format(deleted and "not" or "still")
      err =
        errors.new({ kind = "decode", status = response and response.status, message = message })
    end
  end
  return errors.result(row, err, response)
end

--- The options of a call that may make several requests, which share one deadline.
local function within(self, call_options)
  return {
    timeout = call_options.timeout,
    deadline = call_options.deadline,
    max_retries = call_options.max_retries,
    headers = call_options.headers,
    expires = clock.now() + (call_options.deadline or self._deadline),
    [ahead_requests.OPTION] = call_options[ahead_requests.OPTION],
  }
end

--- The shape of a page, whose rows show by what they were selected.
--- @param kind posthog.llm.RowKind
--- @param filters? table
local function shape_of_page(kind, filters)
  if filters then
    for filter, field in next, kind.shown do
      if filters[filter] ~= nil then
        return pages.shape(field, filters[filter])
      end
    end
  end
  return pages.SHAPE
end

--- Adds the methods that read to a class.
local function define_reads(class, kind)
  local list_spec = query.spec(kind.parameters)
  local each_spec = query.spec(kind.parameters, { "prefetch" })
  local get_spec = query.spec(kind.of_get or {}, kind.raw_fields and { "raw" })

  --- @param filters? table by which the rows are selected
  local function fetch(self, encoded, call_options, filters)
    return read_page(self, kind.base, encoded, call_options, shape_of_page(kind, filters))
  end

  --- The server takes an empty list of ids for no filter, and would return every row.
  local function selects_nothing(options)
    return options and options.id__in and #options.id__in == 0
  end

  --- The first option that only API v2 has; nil: there is none.
  local function only_current_option(options)
    for _, option in ipairs(kind.only_current) do
      if options and options[option] then
        return option
      end
    end
  end

  --- Reads a page. API v1 ignores a filter that it does not know, and would return other rows;
  --- those are never passed on.
  local function select_page(self, options, encoded, call_options)
    local option = only_current_option(options)
    if not option then
      return fetch(self, encoded, call_options, options)
    end
    call_options = within(self, call_options)
    local _, err, response
    if not self._api_version.get() and options.dataset then
      _, err, response = read_dataset(self, options.dataset, call_options)
    elseif not self._api_version.get() then
      _, err, response = fetch(self, "limit=1", call_options)
    end
    if err then
      return errors.failure(err, response)
    end
    return api_version.only_current(self._api_version, function()
      return fetch(self, encoded, call_options, options)
    end, option)
  end

  local function get_revision(self, path, id, call_options, encoded, raw_fields)
    return api_version.only_current(self._api_version, function()
      return get(self, path, id, call_options, encoded, raw_fields)
    end, "revision")
  end

  function class:list(options)
    local encoded, call_options = query.read(list_spec, options, 2)
    if selects_nothing(options) then
      return pages.empty()
    end
    return select_page(self, options, encoded, call_options)
  end

  function class:each(options)
    local first, call_options = query.read(each_spec, options, 2)
    local ahead
    call_options, ahead = query.prefetch(options, call_options, 2)
    local nothing = selects_nothing(options)
    return pages.rows(function(encoded)
      if nothing then
        return pages.empty()
      end
      return select_page(self, options, encoded, call_options)
    end, first, ahead)
  end

  function class:get(id, options)
    local path = kind.base .. check.segment(id, "id", 2) .. "/"
    local encoded, call_options = query.read(get_spec, options, 2)
    local raw_fields
    if options and options.raw ~= nil then
      check.type(options.raw, "boolean", "raw", 2)
      raw_fields = options.raw and kind.raw_fields or nil
    end
    if encoded then
      return named(get_revision(self, path, id, call_options, encoded, raw_fields))
    end
    return named(get(self, path, id, call_options, nil, raw_fields))
  end

  function class:find_created(fields, since, options)
    check.type(fields, "table", "fields", 2)
    if type(since) == "string" and not times.iso(since) then
      check.fail(2, "since: invalid time %q: give one such as 2026-03-14T07:26:53Z", since)
    elseif type(since) ~= "number" and type(since) ~= "string" then
      local got = check.type_name(since)
      check.fail(2, "since: seconds since 1970 or a timestamp expected, got %s", got)
    end
    local _, call_options = query.read(NONE, options, 2)
    local sent, err = body.canonical(item_fields.on_wire(fields), self._codec)
    if not sent then
      return errors.failure(err)
    end
    return find_created(function(encoded)
      return fetch(self, encoded, call_options, sent)
    end, sent, since)
  end
end

--- Adds the methods that write to a class.
local function define_writes(class, kind)
  local mark_spec = query.spec(kind.marks)
  local restore_spec = query.spec(kind.marks, kind.of_restore)

  function class:create(fields, options)
    field_names.check(fields, 2)
    local _, call_options = query.read(NONE, options, 2)
    call_options = within(self, call_options)
    return named(translate_write(self._api_version, {
      fields = fields,
      is_new = true,
      send = function(json, version)
        return create(self, kind, json, version, call_options)
      end,
      probe = function()
        local dataset = fields.dataset
        if type(dataset) ~= "string" then
          return row_resource.send(self, {
            method = "GET",
            path = kind.base,
            query = "limit=1",
            idempotent = true,
            shape = pages.SHAPE,
            options = call_options,
          })
        end
        return read_dataset(self, dataset, call_options)
      end,
    }))
  end

  --- Sets or removes the mark of a row: a field in API v1, a call of its own in API v2.
  local function mark(self, id, deleted, base, call_options)
    local path = row_resource.path(kind, id)
    local row, err, response = named(translate_write(self._api_version, {
      fields = { deleted = deleted, base_version = base },
      is_new = false,
      marks = true,
      send = function(json, version)
        if version == "current" then
          return kind.change(self, {
            method = "POST",
            path = path .. (deleted and "archive/" or "restore/"),
            options = call_options,
          }, id, base, deleted)
        end
        return row_resource.send(self, {
          method = "PATCH",
          path = path,
          json = json,
          idempotent = true,
          asked = id,
          options = call_options,
        })
      end,
      probe = function()
        return row_resource.read(self, path, id, call_options)
      end,
    }))
    return marked(deleted, row, err, response)
  end

  --- Whether a write only sets or removes the mark.
  local function is_mark(fields)
    local first, value = next(fields)
    return (first == "deleted" or first == "archived")
      and next(fields, first) == nil
      and type(value) == "boolean"
  end

  function class:update(id, fields, options)
    check.segment(id, "id", 2)
    field_names.check(fields, 2)
    local _, call_options = query.read(NONE, options, 2)
    call_options = within(self, call_options)
    if is_mark(fields) then
      local _, deleted = next(fields)
      return mark(self, id, deleted, nil, call_options)
    end
    local path = row_resource.path(kind, id)
    return named(translate_write(self._api_version, {
      fields = fields,
      is_new = false,
      send = function(json, version)
        local request = { method = "PATCH", path = path, json = json, options = call_options }
        if version == "current" then
          return kind.change(self, request, id, json.base_version)
        end
        request.idempotent = true -- repeating an update has no further effect
        request.asked = id
        return row_resource.send(self, request)
      end,
      probe = function()
        return row_resource.read(self, path, id, call_options)
      end,
    }))
  end

  for method, deleted in pairs({ delete = true, undelete = false }) do
    class[method] = function(self, id, options)
      check.segment(id, "id", 2)
      local _, call_options = query.read(mark_spec, options, 2)
      local base = options and options.base_version
      return mark(self, id, deleted, base, within(self, call_options))
    end
  end

  for method, word in pairs({ archive = "archive/", restore = "restore/" }) do
    class[method] = function(self, id, options)
      check.segment(id, "id", 2)
      local restores = method == "restore"
      local _, call_options = query.read(restores and restore_spec or mark_spec, options, 2)
      local source = options and options.source_version
      source = source and check.integer(source, "source_version", 2, 1)
      local path = row_resource.path(kind, id) .. word
      return named(api_version.only_current(self._api_version, function()
        local request = { method = "POST", path = path, options = within(self, call_options) }
        request.json = source and { source_version = source }
        return kind.change(self, request, id, options and options.base_version)
      end))
    end
  end

  function class:destroy(id, options)
    check.segment(id, "id", 2)
    local _, call_options = query.read(NONE, options, 2)
    local value, err, response = self._run({
      method = "DELETE",
      under = "projects",
      path = row_resource.path(kind, id),
      idempotent = true,
      options = call_options,
    })
    if response and err and (err.kind == "invalid" or err.kind == "forbidden") then
      local words = "%s; rows cannot be destroyed: use :delete, which marks them as deleted"
      err.message = words:format((err.message:gsub("%.$", "")))
    end
    return errors.result(value, err, response)
  end
end

local HISTORY = query.spec({ { "limit", "integer", least = 1 } }, { "prefetch" })

--- Adds an iterator over the history of a row, newest first, which only API v2 has.
--- @param class table
--- @param method string
--- @param word string the last part of the path
--- @param identity string the field that is unique in the history
--- @param owner string the field that shows whose history it is
function row_resource.define_history(class, method, word, identity, owner)
  class[method] = function(self, id, options)
    check.segment(id, "id", 2)
    local first, call_options = query.read(HISTORY, options, 2)
    local ahead
    call_options, ahead = query.prefetch(options, call_options, 2)
    local path, fields = row_resource.path(class._kind, id) .. word, pages.shape(owner, id)
    return pages.rows(function(encoded)
      return api_version.only_current(self._api_version, function()
        return read_page(self, path, encoded, call_options, fields)
      end)
    end, first, ahead, identity)
  end
end

--- Adds the methods of a row resource to a class.
--- @param class table
--- @param kind posthog.llm.RowKind
function row_resource.define(class, kind)
  class._kind = kind
  define_reads(class, kind)
  define_writes(class, kind)
end

--- @param class table
--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param state table the private part of the client
function row_resource.new(class, run, state)
  local followed = api_version.follow(run, state.api_version)
  return setmetatable({
    _run = followed,
    _read = api_version.follow_reads(direct.reader(state, "projects"), state.api_version),
    _write = function(write)
      return ambiguous.write(followed, state, write)
    end,
    _api_version = state.api_version,
    _codec = state.settings.json,
    _deadline = state.settings.deadline,
    _connections = state.settings.max_connections,
  }, class)
end

return row_resource
