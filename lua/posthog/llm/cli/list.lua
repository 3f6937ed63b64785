--- What all commands that list rows share: the number of rows, the output as a table or as JSON,
--- page by page.

local Table = require("posthog.llm.cli.table")
local exits = require("posthog.llm.cli.exits")
local parser = require("posthog.llm.cli.parser")

local list = {}

local ON_TERMINAL = 30 -- rows, unless an option says otherwise
local PAGE_SIZE = 100
local AHEAD = 7 -- pages: with the one that is needed, one for each connection

--- The options of all these commands.
list.OPTIONS = {
  {
    "--limit",
    "The most rows to list; default on a terminal: 30.",
    value = "N",
    convert = parser.convert.count,
  },
  { "--all", "List all, also on a terminal." },
}

--- @param ... posthog.llm.cli.Option of the command alone
--- @return posthog.llm.cli.Option[] with OPTIONS appended
function list.options(...)
  local options = { ... }
  for _, option in ipairs(list.OPTIONS) do
    options[#options + 1] = option
  end
  return options
end

--- @return integer? most rows to print; nil: all
local function most_of(context, args)
  if args.limit and args.all then
    error(exits.usage("--limit and --all exclude each other"), 0)
  elseif args.limit or args.all or context.json or not context.out.columns then
    return args.limit
  end
  return ON_TERMINAL
end

local WINDOW = 10000 -- rows of which none comes twice

--- The rows of a resource, in memory that does not grow with their number.
--- @param resource table client.datasets or client.dataset_items
--- @param options table for its `list`, with limit
--- @param wanted? integer rows that are wanted; default: all
--- @return fun(): table?
function list.rows(resource, options, wanted)
  local listing = require("posthog.llm.api.listing")
  local next_row = listing(resource, options, "auto", WINDOW, wanted)
  return function()
    local row, err = next_row()
    if err then
      error(err, 0)
    end
    return row
  end
end

--- @class posthog.llm.cli.List
--- @field unit string "items"
--- @field header string[]
--- @field cells fun(row: table): any[]
--- @field right? table<integer, boolean> columns of numbers
--- @field each fun(page: integer, wanted?: integer): fun(): table? an iterator over rows, `page` rows
---   per request; wanted: rows that will be taken, default: all

--- How many pages are of use while the rows of one are printed, for the iterators of a client.
--- @param page integer rows of one
--- @param wanted? integer rows that will be taken; default: all
--- @return integer
function list.prefetch(page, wanted)
  return wanted and math.min(AHEAD, math.ceil(wanted / page) - 1) or AHEAD
end

--- Prints a list. The rows of a page are printed before the next page is waited for.
--- @param context posthog.llm.cli.Context
--- @param args table
--- @param wanted posthog.llm.cli.List
function list.print(context, args, wanted)
  local most = most_of(context, args)
  local rows = not context.json and Table.new(context.out, wanted.header, wanted.right) or nil
  local bar = context:progress("reading", wanted.unit)
  bar.off = bar.off or context.out.columns ~= nil -- there the rows themselves show the progress
  context.pending = rows
  local seen, more = 0, false
  -- One row more than is printed shows whether there are more.
  local taken = most and (args.limit or most + 1) or nil
  local page = math.min(PAGE_SIZE, taken or PAGE_SIZE)
  for row in wanted.each(page, taken) do
    if seen == most then
      more = true
      break
    end
    seen = seen + 1
    if rows then
      rows:add(wanted.cells(row))
    else
      context.out:json(row)
    end
    if seen % page == 0 then -- the next request, which has it printed too, may be long on its way
      if rows then
        rows:flush()
      end
      context.out:flush()
    end
    bar:at(seen, args.limit)
    if seen == args.limit or context.out.failed then
      break
    end
  end
  bar:finish()
  if rows then
    rows:finish()
  end
  if more then
    context:note(("these are the first %d; --all lists all, --limit N the first N"):format(most))
  end
end

return list
