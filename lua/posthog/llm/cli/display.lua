--- Displays rows: times, fields, long values.

local json = require("posthog.llm.json")

local display = {}

--- @param text any ISO 8601, as in the API
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

--- A word as a shell reads it, in quotes.
--- @param text string
--- @return string
function display.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- The same where it needs them: for commands that are shown.
--- @param text string
--- @return string
function display.word(text)
  return text:find("^[%w@%%+=:,./_-]+$") and text or display.quote(text)
end

local function is_nothing(value)
  return value == nil
    or value == json.null
    or value == ""
    or (type(value) == "table" and next(value) == nil)
end

--- Prints fields, a line for each, without those that have no value.
--- @param screen posthog.llm.cli.Screen
--- @param fields any[][] names and values
function display.fields(screen, fields)
  local present, widest = {}, 0
  for _, field in ipairs(fields) do
    if not is_nothing(field[2]) then
      present[#present + 1] = field
      widest = math.max(widest, #field[1])
    end
  end
  for _, field in ipairs(present) do
    screen:line({ field[1], "bold" }, (" "):rep(widest + 2 - #field[1]), tostring(field[2]))
  end
end

--- Prints a value that may be long, below its name: a text as it is, other values as JSON.
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
