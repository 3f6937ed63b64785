--- A progress bar with rate and remaining time, only on a terminal.

local clock = require("posthog.llm.host.clock")

--- @class posthog.llm.cli.Progress
local Progress = {}
Progress.__index = Progress

local EACH = 0.1 -- seconds between two drawings
local BAR = 20 -- columns

--- @param screen posthog.llm.cli.Screen
--- @param what string
--- @param unit? string
--- @param off? boolean
--- @return posthog.llm.cli.Progress
function Progress.new(screen, what, unit, off)
  return setmetatable({
    screen = screen,
    what = what,
    unit = unit or "",
    off = off or not screen.has_cursor,
    began = clock.now(),
    drawn = -1,
  }, Progress)
end

--- @return string "0:07", "1:02:09"
local function duration(seconds)
  local s = math.floor(seconds + 0.5)
  local minutes = math.floor(s / 60)
  if minutes < 60 then
    return ("%d:%02d"):format(minutes, s % 60)
  end
  return ("%d:%02d:%02d"):format(math.floor(minutes / 60), minutes % 60, s % 60)
end

local function rate(done, seconds)
  local each = done / math.max(seconds, 0.001)
  return (each < 10 and "%.1f/s" or "%.0f/s"):format(each)
end

--- @param bar string "" when the total is unknown
--- @return string line without the bar, if there is no room for it
local function line_of(what, bar, parts, room)
  local rest = table.concat(parts, "  ")
  local whole = what .. "  " .. (bar == "" and "" or bar .. "  ") .. rest
  return #whole <= room and whole or what .. "  " .. rest
end

--- Shows the progress. What was done before this run counts for the bar, but not for the rate.
--- @param done integer
--- @param total? integer
--- @param note? string after it
--- @param is_estimate? boolean whether the total is
function Progress:at(done, total, note, is_estimate)
  if self.off then
    return
  end
  local now = clock.now()
  self.first = self.first or done
  if now - self.drawn < EACH and done ~= total and not note then
    return
  end
  self.drawn = now
  local parts, bar = {}, ""
  local seconds, here = now - self.began, done - self.first
  if total and total > 0 then
    local full = math.floor(BAR * done / total)
    bar = ("[%s%s]"):format(("#"):rep(full), ("."):rep(BAR - full))
    parts[1] = ("%d/%s%d %s"):format(done, is_estimate and "~" or "", total, self.unit)
    parts[2] = ("%d%%"):format(math.floor(100 * done / total))
  else
    parts[1] = ("%d %s"):format(done, self.unit)
  end
  if here > 0 and seconds > 0.5 then
    parts[#parts + 1] = rate(here, seconds)
    if total and total > done then
      parts[#parts + 1] = duration((total - done) * seconds / here) .. " left"
    end
  end
  parts[#parts + 1] = note
  self.screen:status((line_of(self.what, bar, parts, self.screen.columns - 1):gsub(" +$", "")))
end

--- Shows the present step, when there is nothing to count.
--- @param note string
function Progress:say(note)
  if not self.off then
    self.screen:status(self.what .. "  " .. note)
  end
end

--- Removes the bar.
function Progress:finish()
  self.screen:clear()
end

return Progress
