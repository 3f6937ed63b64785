--- Where in a text something is: lines and columns, both from 1. A column
--- counts characters of UTF-8, as editors do.

local compare = require("posthog.llm.util.compare")

local positions = {}

--- The position after a text that begins at a position.
--- @param line integer
--- @param column integer
--- @param text string
--- @return integer line
--- @return integer column
function positions.after(line, column, text)
  local _, breaks = text:gsub("\n", "")
  if breaks > 0 then
    return line + breaks, 1 + compare.length(text:match(".*\n(.*)$"))
  end
  return line, column + compare.length(text)
end

--- Words for a position.
function positions.words(line, column)
  return column and ("line %d, column %d"):format(line, column) or ("line %d"):format(line)
end

return positions
