--- Compares what a page shows with what came. Times, ids, ports and the like differ from run to run:
--- where the page shows one, one has to come. A line of three dots stands for any lines.

local shown = {}

--- What differs, as the page shows it and as it may come.
local DIFFERS = {
  { "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[.%d]*Z", "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[.%d]*Z" },
  { "%d%d%d%d%-%d%d%-%d%d %d%d:%d%d", "%d%d%d%d%-%d%d%-%d%d %d%d:%d%d" },
  { "%d%d%d%d%-%d%d%-%d%d", "%d%d%d%d%-%d%d%-%d%d" },
  { "%x+%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x", "%x+%-%x+%-%x+%-%x+%-%x+" },
  { "127%.0%.0%.1:%d+", "127%.0%.0%.1:%d+" },
  { "localhost:%d+", "localhost:%d+" },
  { "port %d+", "port %d+" },
  { "/tmp/posthog%-emulator%.%w+", "/[%w/._-]*posthog%-emulator%.%w+" },
  { "pid=%d+", "pid=%d+" },
  { "%d+ ms", "%d+ ms" },
  { "%d+ s apart", "%d+ s apart" },
  { "%d+ bytes", "%d+ bytes" },
}

--- The drawing of a bar differs in all its figures.
local BAR = "%[[#.]+%]"

local function escape(text)
  return (text:gsub("%p", "%%%0"))
end

--- @param line string as the page shows it
--- @return string pattern of what may come in its place
function shown.pattern(line)
  for i, pair in ipairs(DIFFERS) do
    line = line:gsub(pair[1], "\1" .. string.char(64 + i))
  end
  line = escape(line):gsub("%%?\1(%u)", function(mark)
    return DIFFERS[mark:byte() - 64][2]
  end)
  return "^" .. line .. "%s*$"
end

--- The rate and the time that is left, which a bar has once a second has passed: a quick machine is
--- done before.
local RATE = "  %d+/s.*$"

local function bar_pattern(line)
  local pattern = escape(line:gsub(RATE, "")):gsub("%%%[[%%#.]+%%%]", function()
    return BAR
  end)
  return "^" .. pattern:gsub("%d+", "%%d+") .. "%s*$", line:find(RATE) ~= nil
end

--- Whether a bar like that of the page was drawn.
local function has_bar(overwritten, line)
  local pattern, has_rate = bar_pattern(line)
  for _, drawn in ipairs(overwritten) do
    if drawn:find(pattern) or has_rate and drawn:gsub(RATE, ""):find(pattern) then
      return true
    end
  end
  return false
end

--- What a terminal shows: of what is written over, the last; without colours.
--- @param text string
--- @return string[] lines
--- @return string[] overwritten what stood in a line before
function shown.on_terminal(text)
  local lines, overwritten = {}, {}
  text = text:gsub("\r\n", "\n"):gsub("\27%[[%d;?]*%a", "")
  if text ~= "" and text:sub(-1) ~= "\n" then
    text = text .. "\n"
  end
  for line in text:gmatch("([^\n]*)\n") do
    local last = ""
    for part in (line .. "\r"):gmatch("([^\r]*)\r") do
      if part ~= "" then
        overwritten[#overwritten + 1] = part
        last = part
      end
    end
    lines[#lines + 1] = last
  end
  return lines, overwritten
end

--- @param expected string what the page shows
--- @param came string
--- @return string? problem nil: they agree
function shown.differs(expected, came)
  local lines, overwritten = shown.on_terminal(came)
  local at, any = 1, false
  for line in expected:gmatch("([^\n]*)\n") do
    if line == "..." then
      any = true
    elseif line:find(BAR) then
      if not has_bar(overwritten, line) then
        return ("no bar like this was seen: %s\nin:\n%s"):format(
          line,
          table.concat(overwritten, "\n")
        )
      end
    else
      local pattern = shown.pattern(line)
      while any and lines[at] and not lines[at]:find(pattern) do
        at = at + 1
      end
      if not (lines[at] or ""):find(pattern) then
        return ("the page shows: %s\nwhat came:      %s\nin all:\n%s"):format(
          line,
          lines[at] or "(nothing)",
          table.concat(lines, "\n")
        )
      end
      at, any = at + 1, false
    end
  end
  while not any and lines[at] == "" do
    at = at + 1
  end
  if not any and lines[at] then
    return ("the page does not show: %s\nin:\n%s"):format(lines[at], table.concat(lines, "\n"))
  end
end

return shown
