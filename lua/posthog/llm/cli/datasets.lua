--- posthog-llm datasets ...

local later = require("posthog.llm.cli.later")
local list = require("posthog.llm.cli.list")
local parser = require("posthog.llm.cli.parser")
local display = require("posthog.llm.cli.display")

local function list_datasets(context, args)
  return list.print(context, args, {
    unit = "datasets",
    header = { "ID", "CREATED", "NAME" },
    cells = function(dataset)
      return { dataset.id, display.time(dataset.created_at), dataset.name }
    end,
    each = function(page, wanted)
      return list.rows(context:reader().datasets, {
        search = args.search,
        order_by = args.order_by,
        archived = args.deleted or nil,
        limit = page,
      }, wanted)
    end,
  })
end

local function show(context, args)
  local client = context:reader()
  local row, err = require("posthog.llm.api.find_dataset").find(client, args.dataset)
  if not row then
    return nil, err
  elseif context.json then
    return context.out:json(row)
  end
  local page
  page, err = client.dataset_items:list({ dataset = row.id, limit = 1 })
  if not page then
    return nil, err
  end
  display.fields(context.out, {
    { "name", row.name },
    { "id", row.id },
    { "created", display.time(row.created_at) },
    { "updated", display.time(row.updated_at) },
    { "revision", row.current_revision },
    { "deleted", display.is_deleted(row) and "yes" or nil },
    { "items", page.count },
  })
  display.block(context.out, "description", row.description)
  display.block(context.out, "metadata", row.metadata)
end

local DATASET = { "dataset", "Its name or id.", takes = "dataset" }
local SOURCE = {
  "file",
  "JSONL, JSON, CSV, TSV, also .gz; - is standard input.",
  takes = "file",
}
local TARGET = { "file", ".jsonl, .json or .csv; - is standard output.", takes = "file" }
local YES = { "-y --yes", "Do not ask." }

local REVISION = {
  "--revision",
  "As the dataset was at this revision; API v2.",
  value = "N",
  convert = parser.convert.count,
}
local PREFETCH = {
  "--prefetch",
  "Pages to read ahead; default: as many as are useful, 31 at most.",
  value = "N",
  convert = parser.convert.count_or_none,
}

local CONCURRENCY = {
  "--concurrency",
  "Requests at a time; default: 8.",
  minor = true,
  value = "N",
  convert = parser.convert.count,
}
local SETTLE = {
  "--settle",
  "Wait before lost rows are read back; default: 10.",
  minor = true,
  value = "SECONDS",
  convert = parser.convert.seconds,
}
local REJECT_ALL =
  { "--reject-all", "Go on where the first ten are refused for one reason.", minor = true }
local GIVE_UP =
  { "--give-up", "Reject what fails ten times, even if all else is done.", minor = true }

local FORMATS = { "jsonl", "json", "csv" }

--- How the records of a file are read.
local READING = {
  {
    "--format",
    "jsonl, json or csv; default: found out.",
    value = "FORMAT",
    choices = FORMATS,
  },
  {
    "--field",
    "A field or a part, as metadata.source, from a column.",
    value = "NAME=COLUMN",
    many = true,
    convert = later("datasets.files", "pair"),
  },
  {
    "--values",
    "json or text: how cells of CSV are read; default: json.",
    value = "KIND",
    choices = { "json", "text" },
  },
  {
    "--separator",
    "Between the cells of CSV: a character or tab.",
    value = "CHAR",
    convert = later("datasets.files", "separator"),
  },
  {
    "--records",
    "Where the list is in a JSON object, as data.rows.",
    value = "PATH",
  },
}

local function reading_and(options)
  local all = {}
  for _, part in ipairs({ options, READING }) do
    for _, option in ipairs(part) do
      all[#all + 1] = option
    end
  end
  return all
end

--- @type posthog.llm.cli.Command
return {
  name = "datasets",
  summary = "import, export, compare and sync datasets",
  text = "Datasets, and files of their items. A dataset is given by its name or id.",
  examples = {
    { "posthog-llm datasets import golden golden.csv", "the records of a file, each once" },
    { "posthog-llm datasets export golden golden.jsonl", "the items as a file" },
    { "posthog-llm datasets diff golden golden.jsonl --key id", "how they differ" },
  },
  commands = {
    {
      name = "list",
      summary = "list the datasets",
      options = list.options(
        { "--search", "Only those with this text.", value = "TEXT" },
        { "--order-by", "created_at or updated_at; -created_at: newest first.", value = "FIELD" },
        { "--deleted", "The deleted ones; not every server can list them." }
      ),
      examples = {
        { "posthog-llm datasets list", "all datasets; on a terminal the first 30" },
        { "posthog-llm datasets list --search gold --limit 5", "some of them" },
        { "posthog-llm --json datasets list", "all of each, a line each" },
      },
      run = list_datasets,
    },
    {
      name = "show",
      summary = "show a dataset",
      arguments = { DATASET },
      examples = {
        { "posthog-llm datasets show golden", "its fields, and how many items it has" },
        { "posthog-llm --json datasets show golden", "all fields, as JSON" },
        { "posthog-llm --json datasets show golden | jq -r .id", "its id" },
      },
      pages = true,
      run = show,
    },
    {
      name = "create",
      summary = "create a dataset and print its id",
      text = "Creates a dataset and prints its id. If the name is taken, it is a conflict.",
      arguments = { { "name", "Its name." } },
      options = {
        { "--description", "What it is for.", value = "TEXT" },
        {
          "--metadata",
          "A JSON object.",
          value = "JSON",
          convert = later("datasets.changes", "metadata"),
        },
      },
      examples = {
        { "posthog-llm datasets create silver --description 'Reviewed by hand'", "a new dataset" },
        {
          'posthog-llm datasets create bronze --metadata \'{"owner": "evals"}\'',
          "with metadata",
        },
        { "id=$(posthog-llm datasets create drafts)", "its id is printed" },
      },
      run = later("datasets.changes", "create"),
    },
    {
      name = "import",
      summary = "import the records of a file as items, each once",
      text = "Imports the records of FILE, each once; the same command goes on after a stop. "
        .. "Exit code 7: some are rejected, mend and import FILE.rejects.jsonl; 8: a limit.",
      arguments = { DATASET, SOURCE },
      options = reading_and({
        { "--create", "Create the dataset if it does not exist." },
        { "--dry-run", "Only check the file." },
        CONCURRENCY,
        {
          "--journal",
          "Records what was sent; default: FILE.journal.",
          minor = true,
          value = "PATH",
          takes = "file",
        },
        {
          "--rejects",
          "Rejected records; default: FILE.rejects.jsonl.",
          minor = true,
          value = "PATH",
          takes = "file",
        },
        SETTLE,
        REJECT_ALL,
        GIVE_UP,
      }),
      examples = {
        { "posthog-llm datasets import golden golden.csv --dry-run", "is the file valid?" },
        { "posthog-llm datasets import more more.jsonl --create", "a new dataset from a file" },
        {
          "posthog-llm datasets import golden mended.rejects.jsonl",
          "rejected records, mended",
        },
        {
          "posthog-llm datasets import golden q.csv --field input=question --field output=answer",
          "two columns of a table",
        },
        {
          "gzip -c more.jsonl | posthog-llm datasets import golden - --dry-run",
          "of a pipe, unpacked",
        },
      },
      run = later("datasets.files", "import"),
    },
    {
      name = "export",
      summary = "write the items of a dataset to a file",
      text = "Writes the items to FILE, newest first, as the lists of items have them; the "
        .. "server's own export, of which API v2 makes ten a day, is not used. The file is "
        .. "complete in the end, or as it was before. To standard output (-) items go as they "
        .. "come, as JSONL.",
      arguments = { DATASET, TARGET },
      options = {
        {
          "--format",
          "jsonl, json or csv; default: by the name of FILE.",
          value = "FORMAT",
          choices = FORMATS,
        },
        {
          "--fields",
          "Only these, such as id,input.",
          value = "NAMES",
          convert = parser.convert.names,
        },
        REVISION,
        PREFETCH,
      },
      examples = {
        { "posthog-llm datasets export golden golden.jsonl", "every value as it is" },
        { "posthog-llm datasets export golden table.csv --fields input,output", "a table" },
        { "posthog-llm datasets export golden - | jq .input", "into a pipe" },
      },
      run = later("datasets.files", "export"),
    },
    {
      name = "diff",
      summary = "show how a file and a dataset differ",
      text = "Shows what is in FILE only (+), in the dataset only (-), and changed (~). "
        .. "The exit code is 0 where they are the same, and 7 where they differ.",
      arguments = { DATASET, SOURCE },
      options = reading_and({
        { "--key", "Field that tells items apart, such as id.", value = "NAME" },
        REVISION,
        PREFETCH,
      }),
      examples = {
        { "posthog-llm datasets diff golden golden.jsonl --key id", "what was changed, by id" },
        { "posthog-llm datasets diff more more.jsonl", "which items are here or there alone" },
        { "posthog-llm --json datasets diff golden golden.jsonl", "for a program" },
      },
      run = later("datasets.files", "diff"),
    },
    {
      name = "sync",
      summary = "make a dataset equal to a file",
      text = "Creates, changes and, with --prune, deletes items until the dataset is as FILE. "
        .. "Exit code 3: others changed an item meanwhile, it is left; 7: rejected; 8: a limit.",
      arguments = { DATASET, SOURCE },
      options = {
        { "--key", "What tells items apart, as metadata.id; required.", value = "FIELD" },
        { "--prune", "Delete the items that the file lacks." },
        { "--dry-run", "Only show what would change." },
        { "-y --yes", "With --prune also where the file has no records." },
        { "--create", "Create the dataset if it does not exist." },
        READING[2],
        READING[1],
        READING[3],
        READING[4],
        READING[5],
        {
          "--journal",
          "Of a run that was stopped; default: FILE.sync.journal.",
          minor = true,
          value = "PATH",
          takes = "file",
        },
        SETTLE,
      },
      examples = {
        {
          "posthog-llm datasets sync golden golden.jsonl --key id --dry-run",
          "what would change, as a diff",
        },
        {
          "posthog-llm datasets sync more more.jsonl --key input --create --prune",
          "the dataset has what the file has, and nothing else",
        },
        {
          "posthog-llm datasets sync golden q.csv --key question --field input=question "
            .. "--field output=answer",
          "two columns of a table",
        },
      },
      run = later("datasets.sync"),
    },
    {
      name = "delete",
      summary = "delete a dataset",
      text = "Marks a dataset as deleted and prints its id, which undelete needs to restore it.",
      arguments = { DATASET },
      options = { YES },
      examples = {
        { "posthog-llm datasets delete silver --yes", "without a question, as in a script" },
        { "id=$(posthog-llm datasets delete bronze --yes)", "its id is printed" },
        { "posthog-llm --json datasets delete drafts --yes", "for a program" },
      },
      run = later("datasets.changes", "delete"),
    },
    {
      name = "undelete",
      summary = "restore a deleted dataset",
      arguments = { { "dataset", "Its id; with API v2 its name, too." } },
      examples = {
        { "id=$(posthog-llm datasets delete more --yes)", "what delete prints" },
        { 'posthog-llm datasets undelete "$id"', "is what undelete takes" },
        { "posthog-llm datasets show more", "it is back" },
      },
      run = later("datasets.changes", "undelete"),
    },
  },
}
