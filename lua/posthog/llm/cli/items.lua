--- posthog-llm items ...

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local item_fields = require("posthog.llm.api.item_fields")
local parser = require("posthog.llm.cli.parser")
local shown = require("posthog.llm.cli.shown")

local PAGE = 100

local function each(context, args, dataset, visit)
  local client = context:reader()
  local most = args.limit or math.huge
  local seen = 0
  local options = { dataset = dataset, limit = math.min(PAGE, most), revision = args.revision }
  for item in client.dataset_items:each(options) do
    seen = seen + 1
    visit(item, seen)
    if seen >= most then
      break
    end
  end
end

local function list(context, args)
  local dataset
  if args.dataset then
    local row, err = require("posthog.llm.api.find_dataset").find(context:reader(), args.dataset)
    if not row then
      return nil, err
    end
    dataset = row.id
  end
  local rows = {}
  local bar = context:progress("reading", "items")
  local json_text = require("posthog.llm.util.json_text")
  local ok, raised = pcall(each, context, args, dataset, function(item, n)
    if context.json then
      context.out:json(item)
    else
      rows[n] = { item.id, shown.time(item.created_at), json_text.excerpt(item.input) }
      bar:at(n, args.limit)
    end
  end)
  bar:finish()
  if not ok then
    if not dataset and errors.is(raised) and raised.attr == "dataset" then
      raised = exits.usage("--dataset is needed: this server lists one dataset's items only")
    end
    error(raised, 0)
  elseif not context.json then
    context.out:table({ "ID", "CREATED", "INPUT" }, rows)
  end
end

--- Names of both versions of the API; a row has one of each pair.
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
  fields[#fields + 1] = { "created", shown.time(item.created_at) }
  fields[#fields + 1] = { "updated", shown.time(item.updated_at) }
  fields[#fields + 1] = { "deleted", shown.is_deleted(item) and "yes" or nil }
  shown.fields(context.out, fields)
  for _, name in ipairs(item_fields.FREE_JSON) do
    shown.block(context.out, name, rawget(item, name))
  end
end

local REVISION = {
  "--revision",
  "At this revision of the dataset; newer servers.",
  value = "N",
  convert = parser.convert.count,
}

--- @type posthog.llm.cli.Command
return {
  name = "items",
  summary = "look at the items of datasets",
  commands = {
    {
      name = "list",
      summary = "list items, newest first",
      options = {
        { "--dataset", "Of this one, by name or id; newer servers need it.", value = "DATASET" },
        { "--limit", "No more than so many.", value = "N", convert = parser.convert.count },
        REVISION,
      },
      examples = {
        { "posthog-llm items list --dataset golden --limit 10", "the newest ten" },
        { "posthog-llm --json items list --dataset golden", "all of each, a line each" },
      },
      run = list,
    },
    {
      name = "show",
      summary = "show an item",
      arguments = { { "item", "Its id." } },
      options = { REVISION },
      examples = {
        { "posthog-llm items show 0198c5a2-7be4-7000-8000-0a9b8c7d6e5f", "all fields of one" },
      },
      run = show,
    },
  },
}
