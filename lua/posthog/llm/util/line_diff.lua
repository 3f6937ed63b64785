--- The lines that differ between two texts: the algorithm of E. Myers ("An O(ND) difference
--- algorithm and its variations", 1986) in linear space.

local line_diff = {}

--- Steps after which the search stops and divides the part at the point that it has reached. For
--- texts with little in common this bounds the time; the result may not be the shortest.
local MAX_STEPS = 400

local NEVER = math.huge

--- Lines that differ: `count` lines from the first on. With a count of 0 the position is before the
--- first.
--- @class posthog.llm.LineHunk
--- @field a integer first line of the old text, from 1
--- @field a_count integer
--- @field b integer first line of the new text, from 1
--- @field b_count integer

--- The lines of a text, each with its end; the last may have none.
--- @param text string
--- @return string[]
function line_diff.split(text)
  local lines = {}
  for line in text:gmatch("[^\n]*\n?") do
    if line ~= "" then
      lines[#lines + 1] = line
    end
  end
  return lines
end

--- Numbers the lines, equal lines alike: comparing numbers is faster.
local function numbering()
  local numbers, count = {}, 0
  return function(lines)
    local list = {}
    for i, line in ipairs(lines) do
      if not numbers[line] then
        count = count + 1
        numbers[line] = count
      end
      list[i] = numbers[line]
    end
    return list
  end
end

--- One side of a search: how far each diagonal (a minus b) is reached.
local function start_side(at, diagonal)
  return { reached = { [diagonal] = at }, low = diagonal, high = diagonal }
end

--- Makes room for one more step: the diagonals that can be reached then.
local function widen(side, lowest, highest, outside)
  if side.low > lowest then
    side.low = side.low - 1
    side.reached[side.low - 1] = outside
  else
    side.low = side.low + 1
  end
  if side.high < highest then
    side.high = side.high + 1
    side.reached[side.high + 1] = outside
  else
    side.high = side.high - 1
  end
end

--- The farthest point of a forward search, within the part.
local function farthest(side, part)
  local best, best_a, best_b = -1, nil, nil
  for diagonal = side.low, side.high, 2 do
    local a = math.min(side.reached[diagonal], part.a_end)
    local b = a - diagonal
    if b > part.b_end then
      a, b = part.b_end + diagonal, part.b_end
    end
    if a + b > best then
      best, best_a, best_b = a + b, a, b
    end
  end
  return best_a, best_b
end

--- A point on a shortest path through the part, which begins and ends with lines that differ.
--- @param part { a: integer, a_end: integer, b: integer, b_end: integer } ends are exclusive
local function divide(old, new, part)
  local lowest, highest = part.a - part.b_end, part.a_end - part.b
  local start, finish = part.a - part.b, part.a_end - part.b_end
  local is_odd = (start - finish) % 2 ~= 0
  local forward, backward = start_side(part.a, start), start_side(part.a_end, finish)
  local from, back = forward.reached, backward.reached
  for step = 1, NEVER do
    widen(forward, lowest, highest, -1)
    for diagonal = forward.high, forward.low, -2 do
      local above, below = from[diagonal - 1], from[diagonal + 1]
      local a = above >= below and above + 1 or below
      local b = a - diagonal
      while a < part.a_end and b < part.b_end and old[a] == new[b] do
        a, b = a + 1, b + 1
      end
      from[diagonal] = a
      local meets = is_odd and diagonal >= backward.low and diagonal <= backward.high
      if meets and back[diagonal] <= a then
        return a, b
      end
    end
    widen(backward, lowest, highest, NEVER)
    for diagonal = backward.high, backward.low, -2 do
      local above, below = back[diagonal - 1], back[diagonal + 1]
      local a = above < below and above or below - 1
      local b = a - diagonal
      while a > part.a and b > part.b and old[a - 1] == new[b - 1] do
        a, b = a - 1, b - 1
      end
      back[diagonal] = a
      local meets = not is_odd and diagonal >= forward.low and diagonal <= forward.high
      if meets and a <= from[diagonal] then
        return a, b
      end
    end
    if step >= MAX_STEPS then
      return farthest(forward, part)
    end
  end
end

--- Marks the lines without a counterpart. Uses a list of parts, not recursion.
local function mark(old, new, old_changed, new_changed)
  local parts = { { a = 1, a_end = #old + 1, b = 1, b_end = #new + 1 } }
  while #parts > 0 do
    local part = table.remove(parts)
    while part.a < part.a_end and part.b < part.b_end and old[part.a] == new[part.b] do
      part.a, part.b = part.a + 1, part.b + 1
    end
    while
      part.a < part.a_end
      and part.b < part.b_end
      and old[part.a_end - 1] == new[part.b_end - 1]
    do
      part.a_end, part.b_end = part.a_end - 1, part.b_end - 1
    end
    if part.a == part.a_end or part.b == part.b_end then
      for i = part.a, part.a_end - 1 do
        old_changed[i] = true
      end
      for i = part.b, part.b_end - 1 do
        new_changed[i] = true
      end
    else
      local a, b = divide(old, new, part)
      parts[#parts + 1] = { a = part.a, a_end = a, b = part.b, b_end = b }
      parts[#parts + 1] = { a = a, a_end = part.a_end, b = b, b_end = part.b_end }
    end
  end
end

--- The lines that also occur in the other text: only they take part in the search.
--- @return integer[] numbers of these lines
--- @return integer[] positions of these lines
local function common(list, other)
  local has, found, positions = {}, {}, {}
  for _, n in ipairs(other) do
    has[n] = true
  end
  for i, n in ipairs(list) do
    if has[n] then
      found[#found + 1], positions[#positions + 1] = n, i
    end
  end
  return found, positions
end

local function spread(changed, positions, count)
  local all = {}
  for i = 1, count do
    all[i] = true
  end
  for i, position in ipairs(positions) do
    all[position] = changed[i] or false
  end
  return all
end

local function gather(old_changed, new_changed, old_count, new_count)
  local hunks, a, b = {}, 1, 1
  while a <= old_count or b <= new_count do
    local hunk = { a = a, b = b }
    while a <= old_count and old_changed[a] do
      a = a + 1
    end
    while b <= new_count and new_changed[b] do
      b = b + 1
    end
    hunk.a_count, hunk.b_count = a - hunk.a, b - hunk.b
    if hunk.a_count + hunk.b_count > 0 then
      hunks[#hunks + 1] = hunk
    end
    a, b = a + 1, b + 1
  end
  return hunks
end

--- Lines inserted between, or deleted from, equal lines have several possible positions: the last
--- one is taken, as in git. A hunk that then touches the next is merged with it.
local function slide(hunks, old, new)
  local settled = {}
  for i = #hunks, 1, -1 do
    local hunk, after = hunks[i], settled[#settled]
    local lines = hunk.a_count == 0 and new or hunk.b_count == 0 and old or nil
    local first, count = "a", hunk.a_count
    if lines == new then
      first, count = "b", hunk.b_count
    end
    local limit = after and after.a or #old + 1
    while
      lines
      and hunk.a + hunk.a_count < limit
      and lines[hunk[first]] == lines[hunk[first] + count]
    do
      hunk.a, hunk.b = hunk.a + 1, hunk.b + 1
    end
    if after and hunk.a + hunk.a_count == after.a then
      after.a, after.a_count = hunk.a, hunk.a_count + after.a_count
      after.b, after.b_count = hunk.b, hunk.b_count + after.b_count
    else
      settled[#settled + 1] = hunk
    end
  end
  local ordered = {}
  for i = #settled, 1, -1 do
    ordered[#ordered + 1] = settled[i]
  end
  return ordered
end

--- The changes that turn the old lines into the new ones, in order.
--- @param old_lines string[]
--- @param new_lines string[]
--- @return posthog.llm.LineHunk[]
function line_diff.hunks(old_lines, new_lines)
  local number = numbering()
  local old, new = number(old_lines), number(new_lines)
  local old_common, old_positions = common(old, new)
  local new_common, new_positions = common(new, old)
  local old_changed, new_changed = {}, {}
  mark(old_common, new_common, old_changed, new_changed)
  old_changed = spread(old_changed, old_positions, #old)
  new_changed = spread(new_changed, new_positions, #new)
  return slide(gather(old_changed, new_changed, #old, #new), old, new)
end

return line_diff
