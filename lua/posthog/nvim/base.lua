--- Which version the text of a buffer is based on. It goes with the text through undo: each load,
--- merge and publish is noted with the undo state that it made, and the newest note on the way to
--- the present state counts. So whoever undoes a merge has the old base again, and the conflict.

local base = {}

--- @class posthog.nvim.Note
--- @field seq integer undo state
--- @field tick integer of the buffer
--- @field joined? string its lines, of a text that was loaded
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
--- @return table<integer, true> states
--- @return integer present
local function ancestors(buffer)
  local tree = state_of(buffer)
  local seen = { [0] = true }
  if tree.seq_cur == 0 then
    return seen, 0
  end
  return collect(tree.entries, tree.seq_cur, seen) or seen, tree.seq_cur
end

local function joined(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\n")
end

--- Is the text one that no change has led to? So it is when a swap file is recovered into the buffer
--- during a load, or after it.
local function is_foreign(buffer, note, seq)
  return note.joined ~= nil
    and seq == note.seq
    and vim.api.nvim_buf_get_changedtick(buffer) ~= note.tick
    and joined(buffer) ~= note.joined
end

--- Notes what the present text of a buffer is based on.
--- @param buffer integer
--- @param document posthog.nvim.Document
function base.note(buffer, document)
  local list = notes[buffer] or {}
  notes[buffer] = list
  list[#list + 1] = {
    seq = state_of(buffer).seq_cur,
    tick = vim.api.nvim_buf_get_changedtick(buffer),
    document = document,
  }
end

--- Starts anew: the text was loaded, and what was before it is gone.
--- @param buffer integer
--- @param document? posthog.nvim.Document
function base.reset(buffer, document)
  notes[buffer] = nil
  if document then
    base.note(buffer, document)
    notes[buffer][1].joined = joined(buffer)
  end
end

--- @param buffer integer
--- @return posthog.nvim.Document? document nil: the text came from nowhere (a swap file)
function base.of(buffer)
  local list, way, seq = notes[buffer] or {}, ancestors(buffer)
  for i = #list, 1, -1 do
    local note = list[i]
    if way[note.seq] then
      return not is_foreign(buffer, note, seq) and note.document or nil
    end
  end
end

--- A publish of this buffer has made a version: each of its texts that was based on the one before
--- it is based on the new one, so that an undo of the published change can be published too.
--- @param buffer integer
--- @param before? posthog.nvim.Document
--- @param made posthog.nvim.Document
function base.replace(buffer, before, made)
  for _, note in ipairs(notes[buffer] or {}) do
    if note.document == before then
      note.document = made
    end
  end
end

--- The skill has another name now.
--- @param buffer integer
--- @param old string
--- @param new string
function base.rename(buffer, old, new)
  for _, note in ipairs(notes[buffer] or {}) do
    local document = note.document
    if document.name == old then
      local renamed = vim.tbl_extend("force", document, { name = new })
      if document.fields then
        renamed.fields = vim.tbl_extend("force", document.fields, { name = new })
      end
      note.document = renamed
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
