--- Checks of arguments. Misuse raises, at the line that made the call: every function takes the
--- `level` that error() would take in its caller.

local core = require("posthog.llm.util.core")

local check = {}

--- Wrappers between a method and its caller (util/calls.lua): never the line to report.
local passed_over = setmetatable({}, { __mode = "k" })

--- Misuse is never reported at a line of this function, but at its caller.
--- @param f function
function check.pass_over(f)
  passed_over[f] = true
end

--- Raises misuse. The command replaces this function by its own: there the arguments come from
--- the user, not from a program.
--- @param text string
--- @param level integer as for error()
function check.raise(text, level)
  error("posthog.llm: " .. text, level + 1)
end

--- @param level integer as for error()
--- @param message string a format
--- @param ... any for the format
function check.fail(level, message, ...)
  local text = message:format(...):gsub("\r", "\\r"):gsub("\\?\n", "\\n") -- as %q does not
  level = level + 1
  local info = debug.getinfo(level, "f")
  while info and passed_over[info.func] do
    level = level + 1
    info = debug.getinfo(level, "f")
  end
  check.raise(text, level)
end

--- The name of a value's type, with null distinguished from other light userdata.
--- @return string
function check.type_name(value)
  if value == core.null then
    return "null"
  end
  return type(value)
end

--- @param value any
--- @param expected string a name that type() gives
--- @param what string its name in the message
--- @param level integer as for error()
function check.type(value, expected, what, level)
  if type(value) ~= expected then
    check.fail(level + 1, "%s: %s expected, got %s", what, expected, check.type_name(value))
  end
end

--- An integer in either form of Lua's numbers: 5 and 5.0 are both 5.
--- @return integer
function check.integer(value, what, level, least, most)
  if type(value) ~= "number" then
    check.fail(level + 1, "%s: integer expected, got %s", what, check.type_name(value))
  end
  if value ~= math.floor(value) or value >= 2 ^ 63 or value < -2 ^ 63 then
    check.fail(level + 1, "%s: integer expected, got %s", what, tostring(value))
  end
  if (least and value < least) or (most and value > most) then
    local range = most and ("%d to %d"):format(least, most) or ("at least %d"):format(least)
    check.fail(level + 1, "%s: %s expected, got %d", what, range, value)
  end
  return math.tointeger and math.tointeger(value) or value
end

--- @return number seconds
function check.seconds(value, what, level)
  check.type(value, "number", what, level + 1)
  if not (value > 0 and value < 1e6) then
    local got = tostring(value)
    check.fail(level + 1, "%s: a positive number of seconds expected, got %s", what, got)
  end
  return value
end

--- Bytes of a name, an id or a path: more than any of the API has, and little enough for a URL and
--- for the key of a dictionary.
local LONGEST = 4096
local TOO_LONG = ("is longer than %d bytes"):format(LONGEST)

--- A single segment of a path: a skill's name, an id.
--- @return string percent-encoded
function check.segment(value, what, level)
  if type(value) ~= "string" then
    check.type(value, "string", what, level + 1)
  end
  local escaped = core.escape(value)
  local is_long = #value > LONGEST
  if escaped == value and not is_long and value ~= "" and value ~= "." and value ~= ".." then
    return escaped -- the usual case, and a quarter of the work
  end
  local reason
  if is_long then
    reason = TOO_LONG
  elseif value == "" then
    reason = "is empty"
  elseif value == "." or value == ".." then
    reason = "is a dot segment"
  elseif value:find("/", 1, true) then
    reason = "contains a slash"
  elseif value:find("%c") then
    reason = "contains a control character"
  end
  if reason then
    check.fail(level + 1, "%s %s", what, reason)
  end
  return escaped
end

--- The path of a bundled file. A backslash counts as a slash when dot segments are looked for, as
--- on the server (doc/api.md 1.1).
function check.file_path(value, what, level)
  check.type(value, "string", what, level + 1)
  if #value > LONGEST then
    check.fail(level + 1, "%s %s", what, TOO_LONG)
  elseif value:find("%c") then
    check.fail(level + 1, "%s contains a control character", what)
  end
  for segment in (value:gsub("\\", "/") .. "/"):gmatch("([^/]*)/") do
    if segment == "" then
      check.fail(level + 1, "%s %q has an empty segment", what, value)
    elseif segment == "." or segment == ".." then
      check.fail(level + 1, "%s %q has a dot segment", what, value)
    end
  end
end

--- A path that is to be written. The rules of API v2 apply on every server, so that a skill can
--- move between servers (doc/api.md 1.1).
function check.new_file_path(value, what, level)
  check.file_path(value, what, level + 1)
  if value:find("^%s") or value:find("%s$") then
    local words = "%s %q begins or ends with white space, which the server cuts"
    check.fail(level + 1, words, what, value)
  elseif value:lower() == "skill.md" then
    check.fail(level + 1, "%s %q is the skill's own body", what, value)
  end
end

--- A dense list, possibly empty.
function check.list(value, what, level)
  check.type(value, "table", what, level + 1)
  local n = 0
  for _ in pairs(value) do
    n = n + 1
  end
  if n ~= #value then
    check.fail(level + 1, "%s: list expected, got a table with other keys", what)
  end
end

--- @param given table
--- @param known table a set of names, or a map by name
--- @param what string its name in the message
--- @param level integer as for error()
function check.known(given, known, what, level)
  for name in pairs(given) do
    if known[name] == nil then
      local names = {}
      for other in pairs(known) do
        names[#names + 1] = other
      end
      table.sort(names)
      check.fail(
        level + 1,
        "%s: unknown option %s; known are %s",
        what,
        type(name) == "string" and ("%q"):format(name) or tostring(name),
        table.concat(names, ", ")
      )
    end
  end
end

--- @param value any
--- @return boolean
function check.callable(value)
  if type(value) == "function" then
    return true
  end
  local mt = getmetatable(value)
  return type(mt) == "table" and type(mt.__call) == "function"
end

--- Header fields that only the client may set: those that authenticate and route the request, and
--- those that frame it (a wrong one would let the server misread where the next request begins).
local RESERVED = {
  authorization = true,
  host = true,
  connection = true,
  ["content-length"] = true,
  ["transfer-encoding"] = true,
  te = true,
  trailer = true,
  upgrade = true,
}

--- A field name and value that may go into a header (RFC 9110 5.1, 5.5).
function check.header(name, value, level)
  if type(name) ~= "string" or not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
    check.fail(level + 1, "headers: %s is not a header name", ("%q"):format(tostring(name)))
  end
  if type(value) ~= "string" and type(value) ~= "number" then
    check.fail(level + 1, "headers[%q]: string expected, got %s", name, check.type_name(value))
  end
  if tostring(value):gsub("\t", ""):find("[%c%z]") then
    check.fail(level + 1, "headers[%q] contains a line break or a control character", name)
  elseif RESERVED[name:lower()] then
    check.fail(level + 1, "headers: %s is set by the client", name)
  end
end

return check
