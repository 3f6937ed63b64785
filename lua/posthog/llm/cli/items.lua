--- posthog-llm items ...

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local item_fields = require("posthog.llm.api.item_fields")
local later = require("posthog.llm.cli.later")
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
    each = function(page, wanted)
      return list.rows(context:reader().dataset_items, {
        dataset = dataset,
        limit = page,
        revision = args.revision,
      }, wanted)
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

local ITEM = { "item", "Its id." }
local DATA = {
  "--data",
  "A JSON object, @FILE, or - for standard input, the default.",
  value = "JSON",
}
local BASE_VERSION = {
  "--base-version",
  "Only if it still is at this version; API v2.",
  value = "N",
  convert = parser.convert.count,
}
--- An example that puts the id of an item into a variable.
local NEWEST = "id=$(posthog-llm --json items list --dataset golden --limit 1 | jq -r .id)"

--- @type posthog.llm.cli.Command
return {
  name = "items",
  summary = "list, show and change the items of datasets",
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
        takes = "dataset",
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
        { NEWEST, "the id of the newest one" },
        { 'posthog-llm items show "$id"', "all its fields" },
        { 'posthog-llm --json items show "$id" | jq .input', "one of them" },
      },
      pages = true,
      run = show,
    },
    {
      name = "create",
      summary = "create an item from JSON, and print its id",
      text = "Creates an item of the fields in the JSON: input, output (API v2: expected_output), "
        .. "metadata and so on. It is sent as it is written. For a file of many, use import.",
      options = {
        {
          "--dataset",
          "The dataset, by name or id; or in the JSON.",
          value = "DATASET",
          takes = "dataset",
        },
        DATA,
      },
      examples = {
        {
          'posthog-llm items create --dataset golden --data \'{"input": "What is 7 + 7?"}\'',
          "an item",
        },
        {
          'echo \'{"input": "Why?", "metadata": {"by": "me"}}\' | '
            .. "posthog-llm items create --dataset golden",
          "from a pipe",
        },
        {
          "id=$(posthog-llm -q items create --dataset golden --data '{\"input\": 1.50}')",
          "its id is printed",
        },
      },
      run = later("items.changes", "create"),
    },
    {
      name = "update",
      summary = "change fields of an item",
      text = "Changes the fields that are in the JSON, each as a whole, and leaves the others. The "
        .. "last one who writes wins, unless --base-version is given; exit code 3: it is another.",
      arguments = { ITEM },
      options = { DATA, BASE_VERSION },
      examples = {
        { NEWEST, "the id of the newest one" },
        {
          'posthog-llm items update "$id" --data \'{"metadata": {"reviewed": true}}\'',
          "one field",
        },
        { 'echo \'{"input": "What?"}\' | posthog-llm items update "$id"', "from a pipe" },
      },
      run = later("items.changes", "update"),
    },
    {
      name = "edit",
      summary = "change an item in your editor",
      text = "Opens the item as JSON in $VISUAL or $EDITOR, and sends what was changed. Exit code "
        .. "3: others changed it meanwhile. A text that is not taken is kept, it says where.",
      arguments = { ITEM },
      examples = {
        { NEWEST, "the id of the newest one" },
        { 'EDITOR=true posthog-llm items edit "$id"', "closed without a change: nothing is sent" },
        {
          'EDITOR="sed -i s/What/Which/" posthog-llm items edit "$id"',
          "any program that changes a file",
        },
      },
      run = later("items.edit"),
    },
    {
      name = "delete",
      summary = "delete an item",
      text = "Marks an item as deleted and prints its id, which undelete needs to restore it.",
      arguments = { ITEM },
      options = { { "-y --yes", "Do not ask." }, BASE_VERSION },
      examples = {
        { NEWEST, "the id of the newest one" },
        { 'posthog-llm items delete "$id" --yes', "without a question, as in a script" },
        { 'posthog-llm items undelete "$id"', "and back" },
      },
      run = later("items.changes", "delete"),
    },
    {
      name = "undelete",
      summary = "restore a deleted item",
      arguments = { ITEM },
      options = { BASE_VERSION },
      examples = {
        { NEWEST, "the id of the newest one" },
        { 'id=$(posthog-llm items delete "$id" --yes)', "what delete prints" },
        { 'posthog-llm items undelete "$id"', "is what undelete takes" },
      },
      run = later("items.changes", "undelete"),
    },
  },
}
