--- posthog-llm items create, update, delete and undelete. Each prints the id.

local data_option = require("posthog.llm.cli.data_option")
local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local find_dataset = require("posthog.llm.api.find_dataset")
local item_text = require("posthog.llm.cli.items.text")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local terminal = require("posthog.llm.util.terminal")
local stored = require("posthog.llm.api.ambiguous.stored")

local changes = {}

--- What a change has made of an item. What the response shows is what is stored.
--- @param row table|true of the response
--- @param fields table<string, any> that were sent
--- @return posthog.llm.Error? err it shows something else
function changes.check(row, fields)
  if row == true then
    return errors.no_content("item")
  end
  for name, value in pairs(json.decode(json.encode(fields))) do
    local is_shown = row[name] ~= nil and not (name == "metadata" and value == json.null) -- {} there
    if is_shown and stored.has_row_fields(row, { [name] = value }) == "differs" then
      local words = "the server has answered, but the item has another %s than was sent"
      return errors.new({ kind = "decode", message = words:format(name) })
    end
  end
end

--- The text of --data or of standard input.
--- @return string
local function source_of(args)
  local data = args.data
  if data == nil and terminal.columns(0) then
    local words = "no item: give --data, or JSON on standard input"
    error(exits.usage(words), 0)
  end
  local path = data and data:match("^@(.+)$")
  if data and data ~= "-" and not path then
    return data
  end
  return data_option.read(path or "-")
end

--- @param more table<string, boolean>
--- @return table fields
local function read_fields(args, more)
  local source = source_of(args)
  if not source:find("%S") then
    error(exits.usage('the item is empty: JSON is expected, such as {"input": "..."}'), 0)
  end
  local item, err = item_text.read(source, more)
  if not item then
    local words = "the item: " .. err.message
    if source:find("}%s*\n%s*{") then
      words = words .. "; for a file of many, use `datasets import`"
    end
    error(exits.usage(words), 0)
  end
  return item.fields
end

function changes.create(context, args)
  local fields = read_fields(args, { dataset = true })
  if args.dataset and fields.dataset then
    error(exits.usage("the dataset is given twice: by --dataset and in the item"), 0)
  elseif not args.dataset and type(fields.dataset) ~= "string" then
    error(exits.usage("--dataset is required: the dataset that gets the item"), 0)
  end
  local client = context:reader()
  local dataset, err = find_dataset.find(client, args.dataset or fields.dataset)
  if not dataset then
    return nil, err
  end
  fields.dataset = dataset.id
  local row, response
  row, err, response = client.dataset_items:create(fields)
  if not row then
    return nil, err
  elseif row == true then
    return nil, errors.no_content("item")
  end
  local is_old = response.status == 200
  local words = is_old and " was in the dataset already, by its client_item_id" or " is created"
  context:print_row(row, "item ", row.id, words)
end

function changes.update(context, args)
  local fields = read_fields(args, {})
  if next(fields) == nil then
    error(exits.usage("the item has no fields: nothing would be changed"), 0)
  end
  fields.base_version = args.base_version
  local row, err = context:reader().dataset_items:update(args.item, fields)
  err = err or changes.check(row, fields)
  if err then
    return nil, err
  end
  local version = row.version and ("; it is version %d"):format(row.version) or ""
  context:print_row(row, "item ", row.id, " is changed", version)
end

function changes.delete(context, args)
  local items = context:reader().dataset_items
  if not args.yes and not context:can_ask() then
    error(exits.usage("--yes is needed without a terminal to ask on"), 0)
  elseif not args.yes then
    local row, err = items:get(args.item)
    if not row then
      return nil, err
    end
    local question = ("Delete item %s, %s?"):format(row.id, json_text.excerpt(row.input))
    if not context:confirm(question) then
      return nil, errors.new({ kind = "cancelled", message = "not deleted" })
    end
  end
  local row, err = items:delete(args.item, { base_version = args.base_version })
  if not row then
    return nil, err
  elseif row == true then
    return nil, errors.no_content("item")
  end
  local words = " is deleted; restore it: items undelete "
  context:print_row(row, "item ", row.id, words, row.id)
end

function changes.undelete(context, args)
  local items = context:reader().dataset_items
  local row, err = items:undelete(args.item, { base_version = args.base_version })
  if not row then
    return nil, err
  elseif row == true then
    return nil, errors.no_content("item")
  end
  context:print_row(row, "item ", row.id, " is back")
end

return changes
