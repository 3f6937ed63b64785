--- The name that somebody probably meant.

local nearest = {}

--- How many characters have to be changed, added, removed or swapped with their neighbour.
--- @param a string
--- @param b string
--- @return integer
local function distance(a, b)
  local before, row = {}, {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local older
    older, before, row = before, row, { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], older[j - 2] + 1)
      end
    end
  end
  return row[#b]
end

--- @param word string as it was typed
--- @param names string[]
--- @return string? name nil: none is near
function nearest.of(word, names)
  local found, least = nil, math.max(1, math.floor(#word / 3)) + 1
  for _, name in ipairs(names) do
    local far = distance(word, name)
    local begins = #word >= 2 and name:sub(1, #word) == word
    far = begins and math.min(far, 1) or far
    if far < least then
      found, least = name, far
    end
  end
  return found
end

return nearest
