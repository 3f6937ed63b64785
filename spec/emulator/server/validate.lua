--- Declarative checks of body fields and query parameters, with the framework's order and codes.
---
--- A field is { name, kind, required =, null =, blank =, max =, min =, max_bytes =, check =,
--- when = }. `check(value, attr)` runs last and throws; what it returns replaces the value. A field
--- whose `when()` says no is ignored. Only the first error is reported, in the order in
--- which the fields are declared.

local responses = require("server.responses")
local json = require("server.json")
local jsonb = require("server.jsonb")
local request = require("server.request")
local text = require("server.text")
local times = require("server.times")

local validate = {}

local function invalid(attr, code, detail, ...)
  error(responses.invalid(attr, code, select("#", ...) > 0 and detail:format(...) or detail))
end

local PYTHON_TYPES = { string = "str", object = "dict", array = "list", boolean = "bool" }

local function python_type(raw)
  local kind = json.kind(raw)
  if kind == "number" then
    return raw:find("[.eE]") and "float" or "int"
  end
  return PYTHON_TYPES[kind]
end

--- @type table<string, fun(raw: string, field: table, attr: string): any>
local kinds = {}

function kinds.json(raw)
  jsonb.check(raw)
  return json.raw(raw)
end

function kinds.object(raw, _, attr)
  if json.kind(raw) ~= "object" then
    invalid(
      attr,
      "not_a_dict",
      'Expected a dictionary of items but got type "%s".',
      python_type(raw)
    )
  end
  return kinds.json(raw)
end

--- The text of a string or number; nil and a reason otherwise.
local function scalar_text(raw)
  local kind = json.kind(raw)
  if kind == "number" then
    return raw
  end
  if kind ~= "string" then
    return nil, "type"
  end
  local value = json.decode(raw)
  if not value then
    return nil, "surrogate"
  end
  return value
end

function kinds.string(raw, field, attr)
  local value, reason = scalar_text(raw)
  if reason == "surrogate" then
    invalid(
      attr,
      "surrogate_characters_not_allowed",
      "Surrogate characters are not allowed: U+D800 to U+DFFF."
    )
  elseif not value then
    invalid(attr, "invalid_input", "Not a valid string.")
  end
  value = text.trim(value)
  if value == "" then
    if not field.blank then
      invalid(attr, "blank", "This field may not be blank.")
    end
    return value
  end
  if field.max and text.length(value) > field.max then
    invalid(attr, "max_length", "Ensure this field has no more than %d characters.", field.max)
  end
  if value:find("%z") then
    invalid(attr, "null_characters_not_allowed", "Null characters are not allowed.")
  end
  if field.max_bytes and #value > field.max_bytes then
    invalid(attr, "max_size", "Ensure this field has no more than %d bytes.", field.max_bytes)
  end
  return value
end

function kinds.integer(raw, field, attr)
  local value = scalar_text(raw)
  local digits = value and #value < 1000 and text.trim(value):match("^([+-]?%d+)%.?0*$")
  local number = digits and tonumber((digits:gsub("^%+", "")))
  if not number then
    invalid(attr, "invalid_input", "A valid integer is required.")
  end
  if field.min and number < field.min then
    invalid(attr, "min_value", "Ensure this value is greater than or equal to %d.", field.min)
  end
  if field.max and number > field.max then
    invalid(attr, "max_value", "Ensure this value is less than or equal to %d.", field.max)
  end
  return number
end

local BOOLEANS = {}
for word in ("t T y Y yes Yes YES true True TRUE on On ON 1"):gmatch("%S+") do
  BOOLEANS[word] = true
end
for word in ("f F n N no No NO false False FALSE off Off OFF 0 0.0"):gmatch("%S+") do
  BOOLEANS[word] = false
end

function kinds.boolean(raw, field, attr)
  local value = json.kind(raw) == "boolean" and raw or scalar_text(raw)
  if field.null and (value == "null" or value == "Null" or value == "NULL" or value == "") then
    return json.null
  end
  if BOOLEANS[value or ""] == nil then
    invalid(attr, "invalid_input", "Must be a valid boolean.")
  end
  return BOOLEANS[value]
end

function kinds.timestamp(raw, _, attr)
  local moment = json.kind(raw) == "string" and times.parse(json.decode(raw) or "")
  if not moment then
    invalid(
      attr,
      "invalid_input",
      "Datetime has wrong format. Use one of these formats instead: "
        .. "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
    )
  end
  return moment
end

--- A UUID in the usual form, or nil.
function validate.uuid(value)
  local hex = value:lower():gsub("^urn:uuid:", ""):gsub("[{}]", ""):gsub("-", "")
  if #hex ~= 32 or hex:find("%X") then
    return nil
  end
  return ("%s-%s-%s-%s-%s"):format(
    hex:sub(1, 8),
    hex:sub(9, 12),
    hex:sub(13, 16),
    hex:sub(17, 20),
    hex:sub(21)
  )
end

function kinds.uuid(raw, _, attr)
  if json.kind(raw) ~= "string" then
    invalid(
      attr,
      "incorrect_type",
      "Incorrect type. Expected pk value, received %s.",
      python_type(raw)
    )
  end
  local value = json.decode(raw) or ""
  local uuid = validate.uuid(value)
  if not uuid then
    invalid(attr, "invalid_input", "“" .. value .. "” is not a valid UUID.")
  end
  return uuid
end

--- A list of strings.
function kinds.strings(raw, field, attr)
  if json.kind(raw) ~= "array" then
    invalid(attr, "not_a_list", 'Expected a list of items but got type "%s".', python_type(raw))
  end
  local list = {}
  for i, element in ipairs(json.elements(raw)) do
    if json.kind(element) == "null" then
      invalid(("%s__%d"):format(attr, i - 1), "null", "This field may not be null.")
    end
    list[i] = kinds.string(element, field.each or {}, ("%s__%d"):format(attr, i - 1))
  end
  return list
end

--- A list of objects, each with `field.fields`. An error in an element comes out garbled: only the
--- first element's errors are printed at all, and as a dictionary.
function kinds.objects(raw, field, attr)
  if json.kind(raw) ~= "array" then
    invalid(
      attr .. "__non_field_errors",
      "not_a_list",
      'Expected a list of items but got type "%s".',
      python_type(raw)
    )
  end
  local elements = json.elements(raw)
  if field.min and #elements < field.min then
    invalid(attr .. "__non_field_errors", "empty", "This list may not be empty.")
  end
  local list = {}
  for i, element in ipairs(elements) do
    local ok, result = pcall(function()
      if json.kind(element) ~= "object" then
        invalid("non_field_errors", "invalid", "Invalid data. Expected a dictionary.")
      end
      return validate.members(json.members(element), field.fields)
    end)
    if not ok then
      local problem = type(result) == "table" and result.problem
      if not problem then
        error(result, 0)
      end
      local printed = i > 1 and "{}"
        or ("{'%s': [ErrorDetail(string='%s', code='%s')]}"):format(
          problem.attr,
          problem.detail,
          problem.code
        )
      error(responses.invalid(attr, printed, printed))
    end
    list[i] = result
  end
  return list
end

--- Checks raw members against fields.
--- @param partial boolean? absent fields are never an error
--- @return table values by name; absent ones are nil, null is json.null
function validate.members(members, fields, partial)
  local values = {}
  for _, field in ipairs(fields) do
    local name = field[1]
    local raw = (not field.when or field.when()) and members[name]
    if not raw then
      if field.required and not partial then
        invalid(name, "required", "This field is required.")
      end
    elseif json.kind(raw) == "null" then
      if not field.null then
        invalid(name, "null", "This field may not be null.")
      end
      values[name] = json.null
    else
      values[name] = kinds[field[2]](raw, field, name)
      if field.check and values[name] ~= json.null then
        values[name] = field.check(values[name], name) or values[name]
      end
    end
  end
  return values
end

--- The fields of the body.
function validate.body(ctx, fields, partial)
  return validate.members(request.members(ctx), fields, partial)
end

--- The same of a body that may hold nothing else.
function validate.strict_body(ctx, fields, partial)
  local members, known = request.members(ctx), {}
  for _, field in ipairs(fields) do
    known[field[1]] = true
  end
  local unknown = {}
  for name in pairs(members) do
    if not known[name] then
      unknown[#unknown + 1] = name
    end
  end
  table.sort(unknown)
  if unknown[1] then
    invalid(unknown[1], "invalid_input", "Unknown field.")
  end
  return validate.members(members, fields, partial)
end

--- The parameters of the query. An empty one that is not required counts as absent, unless
--- `strict`.
function validate.query(ctx, fields, strict)
  local members = {}
  for _, field in ipairs(fields) do
    local value = ctx.query[field[1]]
    if value and (value ~= "" or field.required or strict) then
      members[field[1]] = json.string(value)
    end
  end
  return validate.members(members, fields)
end

return validate
