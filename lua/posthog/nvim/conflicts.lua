--- Places of a buffer where a merge has met two changes of the same lines. The text there is the
--- user's own until it is decided; no markers stand in it.

local conflicts = {}

local api = vim.api

local namespace = api.nvim_create_namespace("posthog.conflicts")

--- @class posthog.nvim.Conflict
--- @field mark integer extmark over the lines
--- @field mine string[] lines, without their ends
--- @field theirs string[]
--- @field field? string of the front matter that it is the value of

--- @type table<integer, posthog.nvim.Conflict[]> by buffer
local places = {}

--- The lines of a conflict now. @return integer first, integer last 0-based, the end exclusive
local function range(buffer, conflict)
  local found = api.nvim_buf_get_extmark_by_id(buffer, namespace, conflict.mark, { details = true })
  if #found == 0 then
    return nil
  end
  return found[1], math.max(found[1], found[3].end_row or found[1])
end

--- Is the text there still what the user had before the merge?
local function is_open(buffer, conflict)
  local first, last = range(buffer, conflict)
  if not first then
    return false
  end
  return vim.deep_equal(api.nvim_buf_get_lines(buffer, first, last, false), conflict.mine)
end

--- Takes away those that an edit, or :diffget, has decided.
local function refresh(buffer)
  local left = {}
  for _, conflict in ipairs(places[buffer] or {}) do
    if is_open(buffer, conflict) then
      left[#left + 1] = conflict
    else
      api.nvim_buf_del_extmark(buffer, namespace, conflict.mark)
    end
  end
  places[buffer] = left
  return left
end

--- Shows them as diagnostics, so that ]d goes from one to the next.
function conflicts.show(buffer)
  local list = {}
  for _, conflict in ipairs(refresh(buffer)) do
    local first, last = range(buffer, conflict)
    list[#list + 1] = {
      lnum = first,
      end_lnum = last,
      col = 0,
      severity = vim.diagnostic.severity.ERROR,
      source = "posthog",
      message = ("both sides have changed %s; theirs: %s"):format(
        conflict.field or "this",
        #conflict.theirs > 0 and table.concat(conflict.theirs, "\n") or "(nothing)"
      ),
    }
  end
  vim.diagnostic.set(namespace, buffer, list)
end

--- Notes a conflict at lines of the buffer.
--- @param buffer integer
--- @param place posthog.nvim.Place
function conflicts.add(buffer, place)
  local list, last = places[buffer] or {}, place.first + place.count
  places[buffer] = list
  list[#list + 1] = {
    mark = api.nvim_buf_set_extmark(buffer, namespace, place.first, 0, {
      end_row = last,
      right_gravity = false,
      end_right_gravity = true,
      strict = false,
    }),
    mine = api.nvim_buf_get_lines(buffer, place.first, last, false),
    theirs = place.theirs,
    field = place.field,
  }
end

--- @param buffer integer
--- @return integer
function conflicts.count(buffer)
  return api.nvim_buf_is_valid(buffer) and #refresh(buffer) or 0
end

--- @param buffer integer
function conflicts.clear(buffer)
  places[buffer] = nil
  if api.nvim_buf_is_valid(buffer) then
    api.nvim_buf_clear_namespace(buffer, namespace, 0, -1)
    vim.diagnostic.reset(namespace, buffer)
  end
end

--- Decides the conflict at a line.
--- @param buffer integer
--- @param line integer from 0
--- @param side "mine"|"theirs"|"both"
--- @return boolean taken
--- @return string? reason why it cannot be decided so; nil: there is none
function conflicts.take(buffer, line, side)
  for i, conflict in ipairs(refresh(buffer)) do
    local first, last = range(buffer, conflict)
    if line >= first and line <= math.max(first, last - 1) then
      if side == "both" and conflict.field then
        return false, conflict.field .. " has one value: :PostHog take mine or theirs, or edit it"
      elseif side ~= "mine" then
        local lines =
          vim.list_extend(side == "both" and vim.deepcopy(conflict.mine) or {}, conflict.theirs)
        api.nvim_buf_set_lines(buffer, first, last, false, lines)
      end
      api.nvim_buf_del_extmark(buffer, namespace, conflict.mark)
      table.remove(places[buffer], i)
      conflicts.show(buffer)
      return true
    end
  end
  return false
end

return conflicts
