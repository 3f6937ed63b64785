--- Which version the text of a buffer is based on. It goes with the text through undo: each load,
--- merge and publish is noted with the undo state that it made, and the newest note on the way to
--- the present state counts. So whoever undoes a merge has the old base again, and the conflict.

local base = {}

--- @class posthog.nvim.Note
--- @field seq integer undo state
--- @field document posthog.nvim.Document

--- @type table<integer, posthog.nvim.Note[]> by buffer, oldest first
local notes = {}

--- Adds the undo states between the root and one of them to a set. An entry with `alt` stands where
--- another branch begins.
local function collect(entries, wanted, seen)
  for _, entry in ipairs(entries) do
    if entry.alt then
      local way = collect(entry.alt, wanted, vim.deepcopy(seen))
      if way then
        return way
      end
    end
    seen[entry.seq] = true
    if entry.seq == wanted then
      return seen
    end
  end
end

local function state_of(buffer)
  return vim.api.nvim_buf_call(buffer, function()
    return vim.fn.undotree()
  end)
end

--- The undo states that the present text came through.
local function ancestors(buffer)
  local tree = state_of(buffer)
  local seen = { [0] = true }
  if tree.seq_cur == 0 then
    return seen
  end
  return collect(tree.entries, tree.seq_cur, seen) or seen
end

--- Notes what the present text of a buffer is based on.
--- @param buffer integer
--- @param document posthog.nvim.Document
function base.note(buffer, document)
  local list = notes[buffer] or {}
  notes[buffer] = list
  list[#list + 1] = { seq = state_of(buffer).seq_cur, document = document }
end

--- Starts anew: the text was loaded, and what was before it is gone.
--- @param buffer integer
--- @param document? posthog.nvim.Document
function base.reset(buffer, document)
  notes[buffer] = nil
  if document then
    base.note(buffer, document)
  end
end

--- @param buffer integer
--- @return posthog.nvim.Document? document nil: the text came from nowhere (a swap file)
function base.of(buffer)
  local list, way = notes[buffer] or {}, ancestors(buffer)
  for i = #list, 1, -1 do
    if way[list[i].seq] then
      return list[i].document
    end
  end
end

--- A publish of this editor has made a version: whatever was based on the one before it, and did
--- not hold the published file, is based on the new one.
--- @param buffer integer
--- @param before integer version
--- @param made posthog.nvim.Document
function base.advance(buffer, before, made)
  for _, note in ipairs(notes[buffer] or {}) do
    local document = note.document
    if document.name == made.name and document.version == before then
      note.document = vim.tbl_extend("force", document, {
        version = made.version,
        author = made.author,
        at = made.at,
      })
    end
  end
end

return base
