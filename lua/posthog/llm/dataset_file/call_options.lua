--- The options of the calls on dataset files: which there are, and how they are checked.

local check = require("posthog.llm.util.check")

local call_options = {}

call_options.DEFAULTS = {
  concurrency = 8,
  --- Pages to read ahead: as many as are of use (api/listing.lua).
  prefetch = "auto",
  --- Seconds after which a request that was cut off is taken as lost: what a server has taken in, it
  --- has done by then or will not do.
  settle = 10,
}

local KNOWN = {
  import = {
    format = "string",
    fields = "any",
    values = "string",
    separator = "string",
    records = "string",
    on_start = "function",
    concurrency = "integer",
    create = "boolean",
    dry_run = "boolean",
    give_up = "boolean",
    reject_all = "boolean",
    journal = "string",
    rejects = "string",
    settle = "number",
    on_progress = "function",
  },
  export = {
    format = "string",
    fields = "any",
    revision = "integer",
    prefetch = "pages",
    on_progress = "function",
  },
  sync = {
    key = "string",
    prune = "boolean",
    allow_empty = "boolean",
    dry_run = "boolean",
    create = "boolean",
    format = "string",
    fields = "any",
    values = "string",
    separator = "string",
    records = "string",
    on_start = "function",
    concurrency = "integer",
    give_up = "boolean",
    reject_all = "boolean",
    journal = "string",
    settle = "number",
    prefetch = "pages",
    on_progress = "function",
  },
  diff = {
    key = "any",
    format = "string",
    fields = "any",
    values = "string",
    separator = "string",
    records = "string",
    on_start = "function",
    revision = "integer",
    prefetch = "pages",
    on_progress = "function",
  },
}

--- How an option is checked, by what is expected.
local CHECKS = {}
for _, name in ipairs({ "string", "number", "boolean" }) do
  CHECKS[name] = function(value, what, level)
    check.type(value, name, what, level + 1)
  end
end

function CHECKS.integer(value, what, level)
  check.integer(value, what, level + 1, 1)
end

--- Pages to read ahead.
function CHECKS.pages(value, what, level)
  if value ~= "auto" then
    check.integer(value, what, level + 1, 0)
  end
end

CHECKS["function"] = function(value, what, level)
  if not check.callable(value) then
    check.fail(level + 1, "%s: function expected, got %s", what, check.type_name(value))
  end
end

--- Checks what all calls take.
--- @param kind "import"|"export"|"diff"|"sync"
--- @param client any
--- @param dataset any
--- @param options any
--- @param level integer as for error()
--- @return table options
function call_options.check(kind, client, dataset, options, level)
  if type(client) ~= "table" or type(client.dataset_items) ~= "table" then
    check.fail(level + 1, "client: a client expected, got %s", check.type_name(client))
  end
  check.type(dataset, "string", "dataset", level + 1)
  if dataset == "" then
    check.fail(level + 1, "dataset is empty")
  end
  options = options or {}
  check.type(options, "table", "options", level + 1)
  check.known(options, KNOWN[kind], "options", level + 1)
  for name, expected in pairs(KNOWN[kind]) do
    local value = options[name]
    if value ~= nil and expected ~= "any" then
      CHECKS[expected](value, name, level + 1)
    end
  end
  if options.values ~= nil and options.values ~= "json" and options.values ~= "text" then
    check.fail(level + 1, 'values: "json" or "text" expected, got %q', options.values)
  elseif options.separator ~= nil and not options.separator:find('^[^"\r\n]$') then
    check.fail(level + 1, "separator: one character expected")
  elseif options.settle ~= nil and not (options.settle >= 0 and options.settle < 1e6) then
    check.fail(level + 1, "settle: seconds expected, got %s", tostring(options.settle))
  end
  return options
end

--- Fills in what was not given.
--- @param options table
--- @param defaults table
--- @return table all
function call_options.with_defaults(options, defaults)
  local all = {}
  for name, value in pairs(defaults) do
    all[name] = value
  end
  for name, value in pairs(options) do
    all[name] = value
  end
  return all
end

return call_options
