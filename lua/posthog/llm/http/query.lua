--- Query strings: parameters are encoded by their declared types, in declared order.

local ahead = require("posthog.llm.http.ahead")
local check = require("posthog.llm.util.check")
local CALL_OPTIONS = require("posthog.llm.http.call_options")
local core = require("posthog.llm.util.core")

local query = {}

local escape = core.escape

--- @class posthog.llm.Parameter
--- @field [1] string name
--- @field [2] "integer"|"string"|"boolean"|"id"|"ids"|"strings" ids: a list of ids; strings: a
---   string or a list of them
--- @field omit_empty? boolean an empty string is not sent
--- @field least? integer
--- @field most? integer

local function joined(list, what, level, each)
  local parts = {}
  check.list(list, what, level + 1)
  for i, value in ipairs(list) do
    each(value, ("%s[%d]"):format(what, i), level + 1)
    parts[i] = escape(value)
  end
  return table.concat(parts, ",")
end

local function text(value, what, level)
  check.type(value, "string", what, level + 1)
end

--- Encodes a single string parameter.
--- @return string encoded
function query.text(value, what, level)
  check.type(value, "string", what, level + 1)
  return escape(value)
end

--- No encoder ends in a tail call to something that may raise: the missing stack frame would shift
--- the level.
local ENCODERS = {
  integer = function(value, what, level, parameter)
    return ("%d"):format(check.integer(value, what, level + 1, parameter.least, parameter.most))
  end,
  string = query.text,
  boolean = function(value, what, level)
    check.type(value, "boolean", what, level + 1)
    return tostring(value)
  end,
  id = function(value, what, level)
    check.segment(value, what, level + 1)
    return escape(value)
  end,
  ids = function(value, what, level)
    return (joined(value, what, level + 1, check.segment))
  end,
  strings = function(value, what, level)
    if type(value) == "string" then
      return escape(value)
    end
    return (joined(value, what, level + 1, text))
  end,
}

--- Declares what a method takes in its options table: query parameters, and the options of every
--- call.
--- @class posthog.llm.QuerySpec
--- @field parameters posthog.llm.Parameter[]
--- @field known table<string, integer|boolean> of each option: the index of a parameter, true for
---   an option of every call, false for another

--- @param parameters posthog.llm.Parameter[]
--- @param others? string[] options that are neither
--- @return posthog.llm.QuerySpec
function query.spec(parameters, others)
  local known = {}
  for name in pairs(CALL_OPTIONS) do
    known[name] = true
  end
  for i, parameter in ipairs(parameters) do
    known[parameter[1]] = i
  end
  for _, name in ipairs(others or {}) do
    known[name] = false
  end
  return { parameters = parameters, known = known }
end

--- The options of a call without any of its own.
query.NO_OPTIONS = {}

local NO_OPTIONS = query.NO_OPTIONS

--- Checks the options of a call: timeout, deadline, max_retries, headers.
--- @return table options
local function call_options(options, level)
  local checked
  for name, rule in pairs(CALL_OPTIONS) do
    if options[name] ~= nil then
      checked = checked or {}
      checked[name] = rule(options[name], name, level + 1)
    end
  end
  if options[ahead.OPTION] then
    checked = checked or {}
    checked[ahead.OPTION] = options[ahead.OPTION]
  end
  if checked and checked.headers then
    for name, value in pairs(checked.headers) do
      check.header(name, value, level + 1)
    end
  end
  return checked or NO_OPTIONS
end

--- Which of the declared parameters may be given: few are, of many. Raises at an unknown option.
--- @param spec posthog.llm.QuerySpec
--- @param options table
--- @param level integer as for error()
--- @return integer first index of a parameter; 1 above the last: none is given
--- @return integer last
--- @return boolean of_call whether an option of every call may be given
local function given_range(spec, options, level)
  local known, first, last, of_call = spec.known, #spec.parameters + 1, 0, false
  for name in pairs(options) do
    local place = known[name]
    if place == true or name == ahead.OPTION then
      of_call = true
    elseif place == nil then
      check.known(options, known, "options", level + 1)
    elseif place then
      first, last = place < first and place or first, place > last and place or last
    end
  end
  if getmetatable(options) ~= nil then -- it may have options that pairs does not show
    return 1, #spec.parameters, true
  end
  return first, last, of_call
end

--- Splits an options table into the query string and the options of every call.
--- @param spec posthog.llm.QuerySpec
--- @param options? table as the caller passed it
--- @param level integer as for error()
--- @return string? query encoded; nil when it has no parameter
--- @return table call_options
function query.read(spec, options, level)
  if options == nil then
    return nil, NO_OPTIONS
  end
  check.type(options, "table", "options", level + 1)
  local first, last, of_call = given_range(spec, options, level + 1)
  local parameters, parts = spec.parameters, {}
  for i = first, last do
    local parameter = parameters[i]
    local name = parameter[1]
    local value = options[name]
    if value ~= nil then
      local encoded = ENCODERS[parameter[2]](value, name, level + 1, parameter)
      -- An empty list is not sent.
      if encoded ~= "" or not (type(value) == "table" or parameter.omit_empty) then
        parts[#parts + 1] = name .. "=" .. encoded
      end
    end
  end
  local encoded = parts[2] and table.concat(parts, "&") or parts[1]
  return encoded, of_call and call_options(options, level + 1) or NO_OPTIONS
end

--- The options of a call with a header field more, unless the caller has given that one.
--- @param given table from query.read
--- @return table call_options
local function with_header(given, field, default)
  local own, headers, lower = {}, { [field] = default }, field:lower()
  for name, value in pairs(given) do
    own[name] = value
  end
  for name, value in pairs(given.headers or {}) do
    headers[name:lower() == lower and field or name] = value
  end
  own.headers = headers
  return own
end

--- The options of a call whose response is not application/json.
--- @param given table from query.read
--- @return table call_options
function query.accepting_all(given)
  return with_header(given, "Accept", "*/*")
end

--- The options of a call that is to return `true` where the response would be the one of this ETag.
--- @param given table from query.read
--- @param etag string as the server sent it
--- @param level integer as for error()
--- @return table call_options
function query.unless_matching(given, etag, level)
  check.type(etag, "string", "etag", level + 1)
  check.header("If-None-Match", etag, level + 1)
  return with_header(given, "If-None-Match", etag)
end

--- Reads the option of iterators `prefetch`: pages to read ahead.
--- @param options? table one that query.read has checked
--- @param given table from query.read: the options of every call
--- @param level integer as for error()
--- @return table call_options for the calls that read pages
--- @return posthog.llm.Ahead? ahead nil: none is to be read ahead
function query.prefetch(options, given, level)
  if options == nil or options.prefetch == nil then
    return given
  end
  local depth = check.integer(options.prefetch, "prefetch", level + 1, 0)
  if depth == 0 then
    return given
  end
  local requests = ahead.new(depth)
  return requests:attach(given), requests
end

--- Parameters that must not be in a URL, since URLs are logged (doc/api.md 0.1).
local SECRET = { personal_api_key = true, token = true }

--- Refuses secrets in a query that the caller has encoded.
function query.check_encoded(encoded, level)
  for name in encoded:gmatch("[^&=]+") do
    if SECRET[name] then
      check.fail(level + 1, "path: %s does not belong in a URL", name)
    end
  end
end

--- Encodes the query table of client:request, which may have any parameters.
--- @param values table<string, string|number|boolean|table>
--- @param level integer as for error()
--- @return string?
function query.encode(values, level)
  check.type(values, "table", "query", level + 1)
  local names = {}
  for name in pairs(values) do
    check.type(name, "string", "query: a parameter's name", level + 1)
    if SECRET[name] then
      check.fail(level + 1, "query: %s does not belong in a URL", name)
    end
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    local value, what = values[name], ("query.%s"):format(name)
    local encoded
    if type(value) == "number" and value == math.floor(value) then
      encoded = ENCODERS.integer(value, what, level + 1, {})
    elseif type(value) == "number" then
      encoded = core.encode(value)
      if not encoded then
        check.fail(level + 1, "%s is not a finite number", what)
      end
    elseif type(value) == "boolean" then
      encoded = tostring(value)
    elseif type(value) == "table" then
      encoded = ENCODERS.strings(value, what, level + 1)
    else
      encoded = ENCODERS.string(value, what, level + 1)
    end
    names[i] = escape(name) .. "=" .. encoded
  end
  return names[1] and table.concat(names, "&") or nil
end

return query
