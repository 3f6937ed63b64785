--- posthog-llm datasets create, delete and undelete. Each prints the id.

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local json = require("posthog.llm.json")
local find_dataset = require("posthog.llm.api.find_dataset")

local changes = {}

--- @param text string
--- @return any? metadata
function changes.metadata(text)
  local value = json.decode(text)
  if text:find("^%s*{") and value ~= nil then
    return value
  end
  return nil, "invalid JSON object"
end

function changes.create(context, args)
  local client = context:reader()
  local there, err = find_dataset.find(client, args.name)
  if there then
    local words = "there is a dataset %q already: %s"
    return nil, errors.new({ kind = "conflict", message = words:format(args.name, there.id) })
  elseif err.kind ~= "not_found" then
    return nil, err
  end
  local row
  row, err = find_dataset.create(client, {
    name = args.name,
    description = args.description,
    metadata = args.metadata,
  })
  if not row then
    return nil, err
  end
  context:print_row(row, "dataset ", row.name, " is created")
end

function changes.delete(context, args)
  local client = context:reader()
  local row, err = find_dataset.find(client, args.dataset)
  if not row then
    return nil, err
  end
  local question = ("Delete dataset %q, %s?"):format(row.name, row.id)
  if not args.yes and not context:can_ask() then
    error(exits.usage("--yes is needed without a terminal to ask on"), 0)
  elseif not args.yes and not context:confirm(question) then
    return nil, errors.new({ kind = "cancelled", message = "not deleted" })
  end
  local name = row.name
  row, err = client.datasets:delete(row.id)
  if not row then
    return nil, err
  elseif row == true then
    return nil, errors.no_content("dataset")
  end
  context:print_row(row, "dataset ", name, " is deleted; restore it: datasets undelete ", row.id)
end

function changes.undelete(context, args)
  local client, id = context:reader(), args.dataset
  if not find_dataset.is_id(id) then
    local row, err = find_dataset.find(client, id, true)
    if not row and client:profile() == "reference" then
      local words = "this server finds deleted datasets by id only: give the id that delete printed"
      err = errors.new({ kind = "not_found", message = words })
    end
    if not row then
      return nil, err
    end
    id = row.id
  end
  local row, err = client.datasets:undelete(id)
  if not row then
    return nil, err
  elseif row == true then
    return nil, errors.no_content("dataset")
  end
  context:print_row(row, "dataset ", row.name, " is back")
end

return changes
