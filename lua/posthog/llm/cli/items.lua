--- posthog-llm items ...

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local item_fields = require("posthog.llm.api.item_fields")
local list = require("posthog.llm.cli.list")
local parser = require("posthog.llm.cli.parser")
local display = require("posthog.llm.cli.display")

local function list_items(context, args)
  local dataset
  if args.dataset then
    local row, err = require("posthog.llm.api.find_dataset").find(context:reader(), args.dataset)
    if not row then
      return nil, err
    end
    dataset = row.id
  end
  local json_text = require("posthog.llm.util.json_text")
  local ok, raised = pcall(list.print, context, args, {
    unit = "items",
    header = { "ID", "CREATED", "INPUT" },
    cells = function(item)
      return { item.id, display.time(item.created_at), json_text.excerpt(item.input) }
    end,
    each = function(page)
      return context:reader().dataset_items:each({
        dataset = dataset,
        limit = page,
        revision = args.revision,
      })
    end,
  })
  if not ok and not dataset and errors.is(raised) and raised.attr == "dataset" then
    raised = exits.usage("--dataset is required: this server lists only the items of one dataset")
  end
  if not ok then
    error(raised, 0)
  end
end

--- The names in both API versions; a row has one name of each pair.
local PLAIN = { "id", "dataset", "version" }
for _, field in ipairs(item_fields.FIELDS) do
  if field.kind ~= "json" then
    PLAIN[#PLAIN + 1] = field.v1
    PLAIN[#PLAIN + 1] = field.name
  end
end

local function show(context, args)
  local item, err = context:reader().dataset_items:get(args.item, { revision = args.revision })
  if not item then
    return nil, err
  elseif context.json then
    return context.out:json(item)
  end
  local fields = {}
  for _, name in ipairs(PLAIN) do
    fields[#fields + 1] = { name, rawget(item, name) }
  end
  fields[#fields + 1] = { "created", display.time(item.created_at) }
  fields[#fields + 1] = { "updated", display.time(item.updated_at) }
  fields[#fields + 1] = { "deleted", display.is_deleted(item) and "yes" or nil }
  display.fields(context.out, fields)
  for _, name in ipairs(item_fields.FREE_JSON) do
    display.block(context.out, name, rawget(item, name))
  end
end

local REVISION = {
  "--revision",
  "The state at this revision of the dataset; API v2.",
  value = "N",
  convert = parser.convert.count,
}

--- @type posthog.llm.cli.Command
return {
  name = "items",
  summary = "list and show the items of datasets",
  examples = {
    { "posthog-llm items list --dataset golden", "the items of a dataset" },
    { "posthog-llm --json items list --dataset golden | jq .input", "a field of each" },
    { "posthog-llm help items show", "how to show one" },
  },
  commands = {
    {
      name = "list",
      summary = "list items, newest first",
      options = list.options({
        "--dataset",
        "Only of this dataset, by name or id; API v2 requires it.",
        value = "DATASET",
      }, REVISION),
      examples = {
        { "posthog-llm items list --dataset golden --limit 10", "the newest ten" },
        { "posthog-llm items list --dataset golden --all", "all, on a terminal too" },
        { "posthog-llm --json items list --dataset golden", "as JSON, one item a line" },
      },
      run = list_items,
    },
    {
      name = "show",
      summary = "show an item",
      arguments = { { "item", "Its id." } },
      options = { REVISION },
      examples = {
        {
          "id=$(posthog-llm --json items list --dataset golden --limit 1 | jq -r .id)",
          "the id of the newest one",
        },
        { 'posthog-llm items show "$id"', "all its fields" },
        { 'posthog-llm --json items show "$id" | jq .input', "one of them" },
      },
      pages = true,
      run = show,
    },
  },
}
