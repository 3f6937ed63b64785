--- Puts the latest version of a file and the text of its buffer together.

local base = require("posthog.nvim.base")
local buffer = require("posthog.nvim.buffer")
local config = require("posthog.nvim.config")
local conflicts = require("posthog.nvim.conflicts")
local document = require("posthog.nvim.document")
local line_diff = require("posthog.llm.util.line_diff")
local message = require("posthog.nvim.message")
local task = require("posthog.nvim.task")
local three_way = require("posthog.llm.util.three_way")
local uri = require("posthog.nvim.uri")

local merge = {}

local api = vim.api

--- Lines without their ends, as a buffer has them.
local function slice(lines, first, count)
  local part = {}
  for i = 1, count do
    part[i] = (lines[first + i - 1]:gsub("\r?\n$", ""))
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
  local ours = lines_of(buffer.text(number))
  local pieces = three_way.pieces(base_lines, ours, theirs)
  local open, taken = {}, 0
  for i = #pieces, 1, -1 do
    local piece = pieces[i]
    if piece.kind == "theirs" then
      local lines = slice(theirs, piece.theirs, piece.theirs_count)
      local first = piece.ours - 1
      api.nvim_buf_set_lines(number, first, first + piece.ours_count, false, lines)
      taken = taken + 1
    elseif piece.kind == "conflict" then
      open[#open + 1] = piece
    end
  end
  -- The places of conflicts, in the text as it is now.
  local line = 0
  local at = {}
  for _, piece in ipairs(pieces) do
    at[piece] = line
    line = line + (piece.kind == "theirs" and piece.theirs_count or piece.ours_count)
  end
  for i = #open, 1, -1 do
    local piece = open[i]
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
local function show_beside(number, latest)
  local window = vim.fn.bufwinid(number)
  if window == -1 then
    return
  end
  api.nvim_win_call(window, function()
    local name = uri.of_file(latest.name, latest.path, latest.version)
    vim.cmd("diffthis")
    vim.cmd("rightbelow vertical diffsplit " .. vim.fn.fnameescape(name))
  end)
  api.nvim_set_current_win(window)
end

local function finish(number, before, latest)
  if latest.is_new then
    return message.warn("the server has no such file any more; :w! creates it again")
  elseif before and before.first ~= latest.first then
    return message.warn(
      "another skill has the name now: the texts have nothing in common to merge by"
    )
  elseif before and before.version == latest.version then
    return message.info("nothing to merge: the text is based on the latest version")
  end
  local taken = apply(number, before, latest)
  base.note(number, latest)
  buffer.state(number).latest = nil
  conflicts.show(number)
  buffer.show_state(number)
  local open = conflicts.count(number)
  if open > 0 then
    show_beside(number, latest)
    local words = "%d of their changes taken; %d conflicts: decide each by :PostHog take mine, "
      .. "theirs or both, by do or by editing"
    message.warn(words:format(taken, open))
  else
    message.info(
      ("version %d merged, %d changes taken; :w publishes"):format(latest.version, taken)
    )
  end
end

--- Merges the latest version into a buffer.
--- @param number integer
function merge.run(number)
  local state, before = buffer.state(number), base.of(number)
  if not state or state.at.kind ~= "file" or state.at.version then
    return message.error("this buffer is no file of a skill that can be changed")
  elseif not before then
    return message.error(
      "the version that the text is based on is not known: :PostHog diff shows how it differs"
    )
  end
  local tick = api.nvim_buf_get_changedtick(number)
  task.run(
    "merge",
    function()
      return document.load(state.account.client, { name = state.at.name, path = state.at.path })
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
