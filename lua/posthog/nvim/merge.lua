--- Puts the latest version of a file and the text of its buffer together.

local base = require("posthog.nvim.base")
local buffer = require("posthog.nvim.buffer")
local config = require("posthog.nvim.config")
local conflicts = require("posthog.nvim.conflicts")
local lines = require("posthog.nvim.lines")
local line_diff = require("posthog.llm.util.line_diff")
local message = require("posthog.nvim.message")
local open = require("posthog.nvim.open")
local task = require("posthog.nvim.task")
local three_way = require("posthog.llm.util.three_way")
local uri = require("posthog.nvim.uri")

local merge = {}

local api = vim.api

--- Lines without their ends, as a buffer has them.
local function slice(list, first, count)
  local part = {}
  for i = 1, count do
    part[i] = (list[first + i - 1]:gsub("\r?\n$", ""))
  end
  return part
end

--- Takes their changes into the buffer, from the bottom to the top, as one step to undo: whatever
--- both have changed stays as it is here, and is noted.
--- @return integer taken
local function apply(number, before, latest)
  local function lines_of(text)
    return line_diff.split((text:gsub("\r\n", "\n")))
  end
  local base_lines, theirs = lines_of(before.text), lines_of(latest.text)
  local ours = lines_of(lines.text(number))
  local pieces = three_way.pieces(base_lines, ours, theirs)
  local unresolved, taken = {}, 0
  for i = #pieces, 1, -1 do
    local piece = pieces[i]
    if piece.kind == "theirs" then
      local taken_lines = slice(theirs, piece.theirs, piece.theirs_count)
      local first = piece.ours - 1
      api.nvim_buf_set_lines(number, first, first + piece.ours_count, false, taken_lines)
      taken = taken + 1
    elseif piece.kind == "conflict" then
      unresolved[#unresolved + 1] = piece
    end
  end
  -- The places of conflicts, in the text as it is now.
  local line = 0
  local at = {}
  for _, piece in ipairs(pieces) do
    at[piece] = line
    line = line + (piece.kind == "theirs" and piece.theirs_count or piece.ours_count)
  end
  for i = #unresolved, 1, -1 do
    local piece = unresolved[i]
    conflicts.add(
      number,
      at[piece],
      slice(ours, piece.ours, piece.ours_count),
      slice(theirs, piece.theirs, piece.theirs_count)
    )
  end
  return taken
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
        message.error(tostring(err))
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
