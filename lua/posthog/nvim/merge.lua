--- Puts the latest version of a file and the text of its buffer together.

local base = require("posthog.nvim.base")
local buffer = require("posthog.nvim.buffer")
local config = require("posthog.nvim.config")
local conflicts = require("posthog.nvim.conflicts")
local field_merge = require("posthog.llm.skill_folder.field_merge")
local lines = require("posthog.nvim.lines")
local line_diff = require("posthog.llm.util.line_diff")
local message = require("posthog.nvim.message")
local open = require("posthog.nvim.open")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local task = require("posthog.nvim.task")
local text = require("posthog.llm.skill_folder.text")
local three_way = require("posthog.llm.util.three_way")
local uri = require("posthog.nvim.uri")

local merge = {}

local api = vim.api

--- A change of the buffer: lines in place of others, which are counted from 0 as they stand before it.
--- @class posthog.nvim.Edit
--- @field first integer
--- @field count integer
--- @field lines string[]

--- Lines of the buffer, once all is edited, that both sides have changed.
--- @class posthog.nvim.Place
--- @field first integer from 0
--- @field count integer
--- @field theirs string[]
--- @field field? string of the front matter whose value they are

--- Merges three texts line by line.
--- @param start integer line of the buffer at which ours begins
--- @param shift integer by how many lines the edits above move it
--- @return posthog.nvim.Edit[]
--- @return posthog.nvim.Place[]
local function by_lines(before, ours, latest, start, shift)
  local edits, places, line = {}, {}, start + shift
  for _, piece in ipairs(three_way.pieces(before, ours, latest)) do
    local count = piece.ours_count
    local theirs = vim.list_slice(latest, piece.theirs, piece.theirs + piece.theirs_count - 1)
    if piece.kind == "theirs" then
      edits[#edits + 1] = { first = start + piece.ours - 1, count = count, lines = theirs }
      count = #theirs
    elseif piece.kind == "conflict" then
      places[#places + 1] = { first = line, count = count, theirs = theirs }
    end
    line = line + count
  end
  return edits, places
end

--- Merges the front matter field by field.
--- @return posthog.nvim.Edit[]? edits nil: it cannot be, so that its lines have to do
--- @return posthog.nvim.Place[] places
--- @return integer shift of the lines below
local function by_fields(before, document, latest)
  local head, found = field_merge.front_matter(before.fields, document, latest.fields)
  if not head then
    return nil, {}, 0
  end
  local old = lines.split(document.source:sub(1, document.parts.body - 1))
  local new = lines.split(head)
  local edits, places = {}, {}
  for _, hunk in ipairs(line_diff.hunks(old, new)) do
    local changed = vim.list_slice(new, hunk.b, hunk.b + hunk.b_count - 1)
    edits[#edits + 1] = { first = hunk.a - 1, count = hunk.a_count, lines = changed }
  end
  for i, place in ipairs(found) do
    places[i] = {
      first = place.line - 1,
      count = place.count,
      theirs = (lines.split(table.concat(place.theirs))),
      field = place.name,
    }
  end
  return edits, places, #new - #old
end

--- The lines behind the front matter of a text that was rendered.
local function body_of(rendered)
  local _, _, document = skill_md.read(rendered)
  return (lines.split(rendered:sub(document.parts.body)))
end

--- Merges the texts as what they are: of a SKILL.md the front matter by fields, all else by lines.
--- @return posthog.nvim.Edit[]
--- @return posthog.nvim.Place[]
local function plan(number, before, latest)
  local ours = api.nvim_buf_get_lines(number, 0, -1, false)
  local document, _
  if before.fields and latest.fields then
    _, _, document = skill_md.read(text.unix(lines.text(number)))
  end
  if document then
    local edits, places, shift = by_fields(before, document, latest)
    if edits then
      local start = document.body_line - 1
      local body = vim.list_slice(ours, document.body_line)
      local more, others = by_lines(body_of(before.text), body, body_of(latest.text), start, shift)
      return vim.list_extend(edits, more), vim.list_extend(places, others)
    end
  end
  return by_lines((lines.split(before.text)), ours, (lines.split(latest.text)), 0, 0)
end

--- How the lines end is theirs, where they alone have changed it.
--- @return integer taken
local function take_format(number, before, latest)
  local _, was = lines.split(before.text)
  local _, there = lines.split(latest.text)
  if was == there or vim.bo[number].fileformat ~= was then
    return 0
  end
  vim.bo[number].fileformat = there
  return 1
end

--- Takes their changes into the buffer, from the bottom to the top, as one step to undo: whatever
--- both have changed stays as it is here, and is noted.
--- @return integer taken
local function apply(number, before, latest)
  local edits, places = plan(number, before, latest)
  for i = #edits, 1, -1 do
    local edit = edits[i]
    api.nvim_buf_set_lines(number, edit.first, edit.first + edit.count, false, edit.lines)
  end
  for _, place in ipairs(places) do
    conflicts.add(number, place)
  end
  return #edits + take_format(number, before, latest)
end

--- Shows the version that they have published beside the buffer, in diff mode.
local function show_beside(number, at, from, latest)
  local window = vim.fn.bufwinid(number)
  if window == -1 or at.kind ~= "file" then
    return
  end
  api.nvim_win_call(window, function()
    open.diff(uri.of_file(latest.name, latest.path, latest.version), from)
  end)
  api.nvim_set_current_win(window)
end

local function finish(number, before, latest)
  local state = buffer.state(number)
  local reason = buffer.source(state.at).unmergeable(before, latest)
  if reason then
    return message.warn(reason)
  elseif latest.text == before.text and latest.version == before.version then
    return message.info("nothing to merge: the text is based on the latest version")
  end
  local taken = apply(number, before, latest)
  base.note(number, latest)
  state.latest = nil
  conflicts.show(number)
  buffer.show_state(number)
  local left = conflicts.count(number)
  if left > 0 then
    show_beside(number, state.at, state.account, latest)
    local words = "%s taken, %s left: decide each by :PostHog take mine, theirs or both, by do or "
      .. "by editing"
    message.warn(words:format(message.count(taken, "change"), message.count(left, "conflict")))
  else
    message.info(message.count(taken, "change") .. " taken; :w publishes")
  end
end

--- The latest version of what a buffer shows.
local function latest_of(at)
  return { name = at.name, path = at.path, dataset = at.dataset, item = at.item }
end

--- Merges the latest version into a buffer.
--- @param number integer
function merge.run(number)
  local state, before = buffer.state(number), base.of(number)
  if not state or state.at.version then
    return message.error("this buffer is not a file of a skill, nor an item, that can be changed")
  elseif not before then
    return message.error(
      "the version that the text is based on is not known: :PostHog diff shows how it differs"
    )
  end
  local tick = api.nvim_buf_get_changedtick(number)
  task.run(
    "merge",
    function()
      return buffer.source(state.at).load(state.account.client, latest_of(state.at))
    end,
    config.get().wait,
    function(_, err, latest)
      if err then
        message.error(message.of_error(err))
      elseif not api.nvim_buf_is_valid(number) then
        message.info("the buffer is gone")
      elseif api.nvim_buf_get_changedtick(number) ~= tick then
        message.warn("the text has changed meanwhile: :PostHog merge again")
      else
        finish(number, before, latest)
      end
    end
  )
end

return merge
