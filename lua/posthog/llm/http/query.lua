--- Query strings: parameters are encoded by their declared types, in declared order.

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
--- @param parameters posthog.llm.Parameter[]
--- @param others? string[] options that are neither
function query.spec(parameters, others)
  local known = {}
  for name in pairs(CALL_OPTIONS) do
    known[name] = true
  end
  for _, parameter in ipairs(parameters) do
    known[parameter[1]] = true
  end
  for _, name in ipairs(others or {}) do
    known[name] = true
  end
  return { parameters = parameters, known = known }
end

local NO_OPTIONS = {}

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
  if checked and checked.headers then
    for name, value in pairs(checked.headers) do
      check.header(name, value, level + 1)
    end
  end
  return checked or NO_OPTIONS
end

--- Splits an options table into the query string and the options of every call.
--- @param spec table from query.spec
--- @param options? table as the caller passed it
--- @param level integer as for error()
--- @return string? query encoded; nil when it has no parameter
--- @return table call_options
function query.read(spec, options, level)
  if options == nil then
    return nil, NO_OPTIONS
  end
  check.type(options, "table", "options", level + 1)
  check.known(options, spec.known, "options", level + 1)
  local parts = {}
  for _, parameter in ipairs(spec.parameters) do
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
  return parts[1] and table.concat(parts, "&") or nil, call_options(options, level + 1)
end

--- The options of a call whose response is not application/json.
--- @param given table from query.read
--- @return table call_options
function query.accepting_all(given)
  local own, headers = {}, { Accept = "*/*" }
  for name, value in pairs(given) do
    own[name] = value
  end
  for name, value in pairs(given.headers or {}) do
    headers[name:lower() == "accept" and "Accept" or name] = value
  end
  own.headers = headers
  return own
end

--- The options of a call that is to return `true` where the response would be the one of this ETag.
--- @param given table from query.read
--- @param etag string as the server sent it
--- @param level integer as for error()
--- @return table call_options
function query.unless_matching(given, etag, level)
  check.type(etag, "string", "etag", level + 1)
  check.header("If-None-Match", etag, level + 1)
  local own, headers = {}, { ["If-None-Match"] = etag }
  for name, value in pairs(given) do
    own[name] = value
  end
  for name, value in pairs(given.headers or {}) do
    headers[name] = value
  end
  own.headers = headers
  return own
end

--- Reads the option of iterators `prefetch`: pages to read ahead.
--- @param options? table one that query.read has checked
--- @param level integer as for error()
--- @return integer
function query.prefetch(options, level)
  if options == nil or options.prefetch == nil then
    return 0
  end
  return (check.integer(options.prefetch, "prefetch", level + 1, 0))
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
