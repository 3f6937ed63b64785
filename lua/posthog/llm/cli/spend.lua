--- posthog-llm spend: reports of the LLM spend of the key's owner.

local exits = require("posthog.llm.cli.exits")
local parser = require("posthog.llm.cli.parser")
local times = require("posthog.llm.util.time")

local FORMATS = { "text", "line", "markdown", "csv", "html", "json" }
local BY_ENDING = {
  csv = "csv",
  htm = "html",
  html = "html",
  json = "json",
  markdown = "markdown",
  md = "markdown",
  txt = "text",
}
local BUCKETS = { "5", "15", "30", "60" }
local TIME = "!%Y-%m-%dT%H:%M:%SZ"
local NARROWEST, WIDEST = 20, 1000 -- columns of a report

local function usage(message)
  error(exits.usage(message, "posthog-llm spend"), 0)
end

--- Determines the format, and refuses combinations of options that exclude each other, before any
--- request.
local function check(context, args)
  if context.json and args.format and args.format ~= "json" then
    usage("--json prints the server's response and excludes --format: give only one of them")
  elseif context.json and args.compare then
    usage("--json prints one response of the server; to compare two use --format json")
  elseif context.json and args.output and not args.format then
    usage("--json prints to standard output; for a file use --format json")
  elseif args.output and not args.format then
    local ending = args.output:match("[^/]%.(%w+)$")
    args.format = ending and BY_ENDING[ending:lower()] or nil
    if ending and not args.format then
      local words =
        "--output: invalid extension '.%s': .html, .md, .csv, .json or .txt, or give --format"
      usage(words:format(ending))
    end
  elseif args.format == "html" and not args.output and context.out.columns then
    usage("a page of HTML is for a browser, not for a terminal: give --output FILE")
  end
  if args.width and (args.width < NARROWEST or args.width > WIDEST) then
    usage(("--width: %d is not from %d to %d"):format(args.width, NARROWEST, WIDEST))
  end
end

--- @return number? seconds since 1970
local function instant(timestamp)
  return type(timestamp) == "string" and times.iso(timestamp) or nil
end

--- Requests the period of the same length just before that of a response.
--- @return posthog.llm.SpendReport?
--- @return posthog.llm.Error?
local function before(client, spend, query)
  local start, stop = instant(spend.summary.date_from), instant(spend.summary.date_to)
  if not (start and stop and stop > start) then
    local errors = require("posthog.llm.util.errors")
    local words = "--compare: the response does not say which period it covers"
    return nil, errors.new({ kind = "decode", message = words })
  end
  local older = {}
  for name, value in pairs(query) do
    older[name] = value
  end
  older.date_from = os.date(TIME, math.floor(start) - math.floor(stop - start + 0.5))
  older.date_to = os.date(TIME, math.floor(start))
  return client.spend:get(older)
end

--- @return integer? columns
local function width_of(context, args)
  local terminal = not args.output and context.out.columns
  if args.width then
    return args.width
  elseif terminal then
    return math.max(NARROWEST, math.min(terminal, WIDEST))
  end
end

--- @return true?
--- @return posthog.llm.Error?
local function save(path, text)
  local file, err = require("posthog.llm.util.atomic_file").open(path)
  if not file then
    return nil, err
  end
  local ok
  ok, err = file:write(text)
  if ok then
    ok, err = file:commit()
  end
  return ok and true, err
end

local function report(context, args, spend, older)
  local spend_report = require("posthog.llm.spend_report")
  local format = args.format or "text"
  local text = spend_report[format](spend, {
    compare = older,
    rows = args.rows,
    width = width_of(context, args),
    color = context.out.color and not args.output,
    ascii = args.ascii or (context.out.ascii and not args.output),
    budget = args.budget,
  })
  if text:sub(-1) ~= "\n" then
    text = text .. "\n"
  end
  if args.output then
    return save(args.output, text)
  elseif format == "json" then -- the other formats contain only clean text
    context.out:json_text(text)
  else
    context.out:report(text)
  end
  return true
end

local function spend(context, args)
  check(context, args)
  context.client_options.keep_null = true
  local client = context:client()
  local query = {
    date_from = args.from,
    date_to = args.to,
    product = args.product,
    limit = args.limit,
    bucket_minutes = args.bucket and tonumber(args.bucket),
    refresh = args.refresh,
  }
  local latest, err = client.spend:get(query)
  local older
  if latest and args.compare then
    older, err = before(client, latest, query)
  end
  if err then
    return nil, err
  end
  if context.json and not args.format then
    context.out:json(latest)
  else
    local ok
    ok, err = report(context, args, latest, older)
    if not ok then
      return nil, err
    end
  end
  if args.budget then
    local forecast = require("posthog.llm.spend_report").forecast(latest, { budget = args.budget })
    if forecast.reached then
      context.out:flush() -- so that on a terminal the note stands below
      context:note("the budget is reached")
      return exits.BUDGET
    end
  end
end

--- @type posthog.llm.cli.Command
return {
  name = "spend",
  summary = "report the LLM spend of the key's owner",
  text = "Report the LLM spend of the key's owner: the costs by day, product, model and tool. A "
    .. "budget counts from the start of the report's period. The key needs the scope user:read.",
  options = {
    { "--from", "Start: 2026-04-23 or -2w (h d w m q y); default: -30d.", value = "WHEN" },
    { "--to", "End, exclusive; default: now.", value = "WHEN" },
    { "--product", "Product; default: posthog_code.", value = "NAME" },
    { "--compare", "Compare with the period just before." },
    {
      "--budget",
      "Forecast when it is reached; exit code 6 if it is.",
      value = "DOLLARS",
      convert = parser.convert.dollars,
    },
    {
      "--format",
      "text, line, markdown, csv, html or json.",
      value = "NAME",
      choices = FORMATS,
    },
    {
      "--output",
      "Write to this file, in the format of its extension.",
      value = "FILE",
      takes = "file",
    },
    {
      "--limit",
      "Rows to ask for, 1 to 200; default: 50.",
      value = "N",
      convert = parser.convert.count,
    },
    {
      "--bucket",
      "Ask for buckets of 5, 15, 30 or 60 minutes.",
      value = "N",
      choices = BUCKETS,
    },
    { "--refresh", "Bypass the server's cache of five minutes." },
    { "--rows", "Rows of each table; default: 10.", value = "N", convert = parser.convert.count },
    {
      "--width",
      "Columns, 20 to 1000; default: the terminal's.",
      value = "N",
      convert = parser.convert.count,
    },
    { "--ascii", "Draw with ASCII only." },
  },
  examples = {
    { "posthog-llm spend", "what the last 30 days cost" },
    { "posthog-llm spend --from -7d --compare", "the last week compared with the one before" },
    { "posthog-llm spend --from -7d --budget 4000", "how far a budget goes" },
    { "posthog-llm spend --output spend.html", "a page with charts; also .csv, .md, .json" },
  },
  pages = true,
  run = spend,
}
