--- Encodes the bodies of requests and decodes those of responses.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")

local body = {}

local array_mt = core.array_mt

--- Decoders by their settings, shared by all clients: mostly there are two.
local decoders = setmetatable({}, { __mode = "v" })

--- @param free? string[] fields of free JSON, in which null is kept; nil: null is kept everywhere
--- @param settings { max_json_depth: integer, max_decode_seconds: number }
--- @return userdata decoder
function body.decoder(free, settings)
  local depth, seconds = settings.max_json_depth, settings.max_decode_seconds
  local name = ("%s %d %.17g"):format(free and table.concat(free, " ") or "-", depth, seconds)
  local decoder = decoders[name]
  if not decoder then
    decoder = core.decoder({
      keep_null = not free,
      free = free,
      max_depth = depth,
      max_seconds = seconds,
    })
    decoders[name] = decoder
  end
  return decoder
end

--- Removes the nulls that a codec of the caller's leaves in.
--- @param is_free table<string, boolean> fields in which null is kept
local function drop_null(value, is_free)
  if type(value) ~= "table" then
    return value
  end
  for name, field in pairs(value) do
    if type(name) == "number" or not is_free[name] then
      if field == core.null and type(name) == "string" then
        value[name] = nil
      else
        drop_null(field, is_free)
      end
    end
  end
  return value
end

local function decode_by(codec, text, is_free)
  local ok, value, err = pcall(codec.decode, text)
  if not ok then
    value, err = nil, value
  end
  if value == nil then
    return nil, tostring(err or "the codec returned nothing")
  end
  return is_free and drop_null(value, is_free) or value
end

--- Decodes the body of a finished transfer and frees it.
--- @return any? value
--- @return string? message
--- @return integer? position
--- @return string? limit "max_depth" or "max_seconds", when one was exceeded
function body.decode(transfer, settings)
  if settings.json then
    return decode_by(settings.json, transfer:body(), settings.is_free)
  end
  return transfer:decode(settings.decoder, settings.max_excerpt_bytes)
end

--- Replaces some fields of a decoded object by the JSON text that each had in the response.
--- @param value table decoded from the text
--- @param text string valid JSON
--- @param names table<string, boolean>
--- @return table value
function body.keep_raw(value, text, names)
  for _, part in ipairs(json_text.parts(text)) do
    if names[part.name] then
      value[part.name] = json.raw(part.text) or value[part.name]
    end
  end
  return value
end

--- Decodes the body of an error response, which need not be JSON.
--- @return any? value nil when it is not JSON
function body.decode_error(transfer, settings)
  return (transfer:decode(settings.error_decoder, settings.max_excerpt_bytes))
end

local function is_marked_empty(value)
  return type(value) == "table" and next(value) == nil and getmetatable(value) == array_mt
end

--- Encodes a body by a codec that may not be able to encode an empty list: each empty list among
--- the fields is written here as [].
local function encode_fields(codec, fields)
  local has_empty = false
  for _, value in next, fields do
    has_empty = has_empty or is_marked_empty(value)
  end
  if not has_empty or fields[1] ~= nil then
    return codec.encode(fields)
  end
  local parts = {}
  for name, value in next, fields do
    local text, err = "[]", nil
    if not is_marked_empty(value) then
      text, err = codec.encode(value)
    end
    if type(text) ~= "string" then
      return nil, err
    end
    parts[#parts + 1] = codec.encode(tostring(name)) .. ":" .. text
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Encodes by the caller's codec.
--- @return string? text
--- @return posthog.llm.Error?
function body.encode_by(codec, value)
  local encode = type(value) == "table" and encode_fields
    or function()
      return codec.encode(value)
    end
  local ok, text, err = pcall(encode, codec, value)
  if ok and type(text) == "string" then
    return text
  end
  local message = "the body cannot be encoded: " .. tostring(ok and err or text)
  return nil, errors.new({ kind = "invalid", message = message })
end

--- A value as it would come back from the server: encoded, and decoded by the codec of responses.
--- @param value any
--- @param codec? { decode: function, encode: function } the caller's own
--- @return any? value nil: it cannot be encoded
--- @return posthog.llm.Error? err
function body.canonical(value, codec)
  if codec then
    local text, err = body.encode_by(codec, value)
    if not text then
      return nil, err
    end
    return codec.decode(text)
  end
  local text, err = json.encode(value)
  if not text then
    return nil, err
  end
  return json.decode(text)
end

return body
