--- How rows are displayed: times, fields, long values.

local json = require("posthog.llm.json")

local display = {}

--- @param text any ISO 8601, as the API gives it
--- @return string? "2026-03-14 07:26"
function display.time(text)
  if type(text) ~= "string" then
    return nil
  end
  local day, minute = text:match("^(%d+%-%d+%-%d+)T(%d+:%d+)")
  return day and day .. " " .. minute or text
end

--- @param row table of either API version
function display.is_deleted(row)
  return row.deleted == true or row.archived == true
end

local function is_nothing(value)
  return value == nil
    or value == json.null
    or value == ""
    or (type(value) == "table" and next(value) == nil)
end

--- A name and a value a line; those that are not there are left out.
--- @param screen posthog.llm.cli.Screen
--- @param fields any[][] names and values
function display.fields(screen, fields)
  local there, widest = {}, 0
  for _, field in ipairs(fields) do
    if not is_nothing(field[2]) then
      there[#there + 1] = field
      widest = math.max(widest, #field[1])
    end
  end
  for _, field in ipairs(there) do
    screen:line({ field[1], "bold" }, (" "):rep(widest + 2 - #field[1]), tostring(field[2]))
  end
end

--- A value that may be long, below its name: text as it is, all else as JSON.
--- @param screen posthog.llm.cli.Screen
--- @param name string
--- @param value any nil: nothing is displayed
function display.block(screen, name, value)
  if is_nothing(value) then
    return
  end
  local text = value
  if type(value) ~= "string" then
    text = json.encode(value)
  end
  screen:line("")
  screen:line({ name, "bold" })
  screen:text((("\n" .. text):gsub("\n", "\n  "):gsub("\n +%f[\n]", "\n"):sub(2)) .. "\n")
end

return display
