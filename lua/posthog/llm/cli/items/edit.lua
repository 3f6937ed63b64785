--- posthog-llm items edit: an item in the user's editor. Only what was changed is sent, and nothing
--- that others have written meanwhile is overwritten. A text that is not sent is kept.

local changes = require("posthog.llm.cli.items.changes")
local editor = require("posthog.llm.cli.editor")
local errors = require("posthog.llm.util.errors")
local item_text = require("posthog.llm.cli.items.text")

--- The fields that can be changed, by the names of each API version.
local NAMES = {
  reference = {
    "input",
    "output",
    "metadata",
    "ref_trace_id",
    "ref_timestamp",
    "ref_source_id",
  },
  current = { "input", "expected_output", "metadata" },
}

--- @param row table
--- @return string[]
local function names_of(client, row)
  local is_current = client:profile() == "current" or rawget(row, "version") ~= nil
  return NAMES[is_current and "current" or "reference"]
end

--- The fields whose text was changed; one that was taken out is left alone.
--- @param before posthog.llm.cli.ItemText
--- @param after posthog.llm.cli.ItemText
--- @return table? fields nil: none
local function changed(before, after)
  local fields
  for name, compact in pairs(after.compact) do
    if before.compact[name] ~= compact then
      fields = fields or {}
      fields[name] = after.fields[name]
    end
  end
  return fields
end

--- Reads the item once more before it is changed: API v1 knows no versions.
--- @return posthog.llm.Error? err
local function check_same(items, id, names, text)
  local row, err = items:get(id, { raw = true })
  if not row then
    return err
  elseif item_text.write(row, names) ~= text then
    local message = "others have changed the item meanwhile"
    return errors.new({ kind = "conflict", message = message })
  end
end

--- Adds to an error where the text is.
local function kept_at(err, path)
  local told = errors.copy(err)
  local message = errors.describe(err):gsub("%.$", "")
  told.message = ("%s; your text is kept in %s"):format(message, path)
  for _, name in ipairs({ "status", "attr", "current_version", "limit", "request_id", "hint" }) do
    told[name] = nil -- the message has them
  end
  return told
end

--- @param context posthog.llm.cli.Context
--- @param session { items: table, row: table, names: string[], text: string, before: posthog.llm.cli.ItemText, path: string }
--- @return table? row nil with no error: nothing was changed
--- @return posthog.llm.Error? err
local function once(context, session)
  local edited, err = editor.open(context, session.path)
  if err then
    return nil, err
  elseif edited == session.text then
    return nil
  end
  local allowed = {}
  local after
  after, err = item_text.read(edited, allowed)
  if not after then
    err.message = ("%s: %s"):format(session.path, err.message)
    err.is_mendable = true
    return nil, err
  end
  local fields = changed(session.before, after)
  if not fields then
    return nil
  end
  local row = session.row
  fields.base_version = row.version
  if row.version == nil then
    err = check_same(session.items, row.id, session.names, session.text)
    if err then
      return nil, err
    end
  end
  row, err = session.items:update(row.id, fields)
  err = err or changes.check(row, fields)
  if err then
    err.is_mendable = err.kind == "invalid"
    return nil, err
  end
  return row
end

local function text_of(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

--- @param context posthog.llm.cli.Context
--- @param args table
--- @return integer? code
--- @return posthog.llm.Error? err
return function(context, args)
  local client = context:reader()
  local items = client.dataset_items
  local row, err = items:get(args.item, { raw = true })
  if not row then
    return nil, err
  elseif rawget(row, "archived") == true then
    local words = "the item is deleted; restore it first: items undelete " .. row.id
    return nil, errors.new({ kind = "invalid", message = words })
  end
  local names = names_of(client, row)
  local text = item_text.write(row, names)
  local session = { items = items, row = row, names = names, text = text }
  session.before = assert(item_text.read(text, {}))
  session.path, err = editor.keep("posthog-item-" .. row.id:sub(1, 8), ".json", text)
  if not session.path then
    return nil, err
  end
  local saved
  repeat
    saved, err = once(context, session)
    local again = err and err.is_mendable and context:can_ask()
    if again then
      context.err:line(errors.describe(err))
      again = context:confirm("Edit it again?")
    end
  until not again
  local left = err and text_of(session.path)
  if left and left ~= text then
    return nil, kept_at(err, session.path)
  end
  os.remove(session.path)
  if err then
    return nil, err
  elseif not saved then
    return context:note("nothing was changed, and nothing was sent")
  end
  local version = saved.version and ("; it is version %d"):format(saved.version) or ""
  context:print_row(saved, "item ", saved.id, " is changed", version)
end
