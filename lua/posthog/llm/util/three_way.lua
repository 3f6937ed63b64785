--- Merges two changed versions of one text, line by line.

local line_diff = require("posthog.llm.util.line_diff")

local three_way = {}

--- Two conflicts with so few lines between them are shown as one.
local CLOSE = 3

--- A run of lines: its range in each of the three texts, and which side the result takes it from.
--- @class posthog.llm.MergePiece
--- @field kind "same"|"ours"|"theirs"|"both"|"conflict" unchanged, or changed by whom; "both": both
---   made the same change
--- @field base integer first line in the base, from 1
--- @field base_count integer
--- @field ours integer
--- @field ours_count integer
--- @field theirs integer
--- @field theirs_count integer

--- Groups hunks of both sides that touch, in order. The shift of a side is how far its lines after
--- the group have moved.
local function groups(ours, theirs)
  local list = {}
  local o, t, o_shift, t_shift = 1, 1, 0, 0
  while ours[o] or theirs[t] do
    local at = math.min(ours[o] and ours[o].a or math.huge, theirs[t] and theirs[t].a or math.huge)
    local group = { base = at, ours = at + o_shift, theirs = at + t_shift, by = {} }
    local finish = at
    local grown
    repeat
      grown = false
      if ours[o] and ours[o].a <= finish then
        finish = math.max(finish, ours[o].a + ours[o].a_count)
        o_shift = o_shift + ours[o].b_count - ours[o].a_count
        o, grown, group.by.ours = o + 1, true, true
      end
      if theirs[t] and theirs[t].a <= finish then
        finish = math.max(finish, theirs[t].a + theirs[t].a_count)
        t_shift = t_shift + theirs[t].b_count - theirs[t].a_count
        t, grown, group.by.theirs = t + 1, true, true
      end
    until not grown
    group.base_count = finish - at
    group.ours_count = finish + o_shift - group.ours
    group.theirs_count = finish + t_shift - group.theirs
    list[#list + 1] = group
  end
  return list
end

local function slice(lines, first, count)
  local part = {}
  for i = 1, count do
    part[i] = lines[first + i - 1]
  end
  return part
end

--- Splits a conflict, so that lines that both sides have are outside of it.
local function refine(piece, ours, theirs)
  local ours_part = slice(ours, piece.ours, piece.ours_count)
  local theirs_part = slice(theirs, piece.theirs, piece.theirs_count)
  local parts, o, t = {}, 1, 1
  local function add(kind, o_count, t_count)
    if o_count + t_count > 0 then
      parts[#parts + 1] = {
        kind = kind,
        base = piece.base,
        base_count = 0,
        ours = piece.ours + o - 1,
        ours_count = o_count,
        theirs = piece.theirs + t - 1,
        theirs_count = t_count,
      }
      o, t = o + o_count, t + t_count
    end
  end
  for _, hunk in ipairs(line_diff.hunks(ours_part, theirs_part)) do
    add("both", hunk.a - o, hunk.b - t)
    add("conflict", hunk.a_count, hunk.b_count)
  end
  add("both", #ours_part - o + 1, #theirs_part - t + 1)
  if #parts == 0 then -- both sides have deleted all of it
    piece.kind = "both"
    return { piece }
  end
  parts[1].base_count = piece.base_count
  for i = 2, #parts do
    parts[i].base = piece.base + piece.base_count
  end
  return parts
end

local function extend(piece, other)
  piece.base_count = piece.base_count + other.base_count
  piece.ours_count = piece.ours_count + other.ours_count
  piece.theirs_count = piece.theirs_count + other.theirs_count
end

--- Joins two conflicts with at most CLOSE lines between them that both sides have.
local function join(pieces)
  local joined = {}
  for _, piece in ipairs(pieces) do
    local between, before = joined[#joined], joined[#joined - 1]
    local is_close = before
      and (between.kind == "same" or between.kind == "both")
      and between.ours_count <= CLOSE
    if is_close and piece.kind == "conflict" and before.kind == "conflict" then
      extend(before, table.remove(joined))
      extend(before, piece)
    else
      joined[#joined + 1] = piece
    end
  end
  return joined
end

local function kind_of(by)
  return by.ours and by.theirs and "conflict" or by.ours and "ours" or "theirs"
end

--- The merge of three texts as runs of lines, in order.
--- @param base string[] lines, each with its end
--- @param ours string[]
--- @param theirs string[]
--- @return posthog.llm.MergePiece[]
function three_way.pieces(base, ours, theirs)
  local pieces, b, o, t = {}, 1, 1, 1
  local function same(count)
    if count > 0 then
      pieces[#pieces + 1] = {
        kind = "same",
        base = b,
        base_count = count,
        ours = o,
        ours_count = count,
        theirs = t,
        theirs_count = count,
      }
      b, o, t = b + count, o + count, t + count
    end
  end
  for _, group in ipairs(groups(line_diff.hunks(base, ours), line_diff.hunks(base, theirs))) do
    same(group.base - b)
    local kind = kind_of(group.by)
    group.kind, group.by = kind, nil
    for _, piece in ipairs(kind == "conflict" and refine(group, ours, theirs) or { group }) do
      pieces[#pieces + 1] = piece
    end
    b = group.base + group.base_count
    o, t = group.ours + group.ours_count, group.theirs + group.theirs_count
  end
  same(#base - b + 1)
  return join(pieces)
end

local function append(result, lines, first, count)
  for i = first, first + count - 1 do
    result[#result + 1] = lines[i]
  end
end

--- The line end of a text, for the markers.
local function line_end(lines)
  return lines[1] and lines[1]:find("\r\n$") and "\r\n" or "\n"
end

--- A side of a conflict; its last line gets an end, so that the marker begins a line.
local function append_side(result, lines, first, count, ending)
  append(result, lines, first, count)
  if count > 0 and not result[#result]:find("\n$") then
    result[#result] = result[#result] .. ending
  end
end

--- Merges texts. What both sides have changed differently is put between markers, as git does.
--- @param base string
--- @param ours string
--- @param theirs string
--- @param labels { ours: string, theirs: string } names of the sides in the markers
--- @return string merged
--- @return integer conflicts
function three_way.merge(base, ours, theirs, labels)
  local base_lines, ours_lines = line_diff.split(base), line_diff.split(ours)
  local theirs_lines = line_diff.split(theirs)
  local result, conflicts, ending = {}, 0, line_end(ours_lines)
  for _, piece in ipairs(three_way.pieces(base_lines, ours_lines, theirs_lines)) do
    if piece.kind == "conflict" then
      conflicts = conflicts + 1
      result[#result + 1] = "<<<<<<< " .. labels.ours .. ending
      append_side(result, ours_lines, piece.ours, piece.ours_count, ending)
      result[#result + 1] = "=======" .. ending
      append_side(result, theirs_lines, piece.theirs, piece.theirs_count, ending)
      result[#result + 1] = ">>>>>>> " .. labels.theirs .. ending
    elseif piece.kind == "theirs" then
      append(result, theirs_lines, piece.theirs, piece.theirs_count)
    else
      append(result, ours_lines, piece.ours, piece.ours_count)
    end
  end
  return table.concat(result), conflicts
end

return three_way
