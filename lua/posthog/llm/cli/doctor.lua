--- posthog-llm doctor: finds out what is wrong with an account, and how to fix it.

local checks = require("posthog.llm.checks")
local display = require("posthog.llm.util.display")
local exits = require("posthog.llm.cli.exits")

local MARKS = {
  ok = { "ok", "green" },
  fail = { "FAIL", "red" },
  warn = { "warn", "yellow" },
  unknown = { "unknown", "dim" },
  skipped = { "skipped", "dim" },
}
local MARK, NAME, WIDEST = 9, 15, 80 -- columns

--- Wraps a text to a number of columns; longer words are not broken.
local function wrapped(text, columns)
  local lines, line = {}, nil
  for word in text:gmatch("%S+") do
    if line and display.width(line) + 1 + display.width(word) > columns then
      lines[#lines + 1], line = line, word
    else
      line = line and line .. " " .. word or word
    end
  end
  lines[#lines + 1] = line
  return lines
end

--- Prints one check.
local function show(screen, check)
  local mark = MARKS[check.status]
  local room = math.max(20, math.min(screen.columns or WIDEST, WIDEST) - MARK - NAME)
  local indent = (" "):rep(MARK + NAME)
  local lines = wrapped(display.clean(check.message), room)
  local name = display.pad(check.name:gsub("_", " "), NAME)
  screen:line({ display.pad(mark[1], MARK), mark[2] }, name, lines[1])
  for i = 2, #lines do
    screen:line(indent, lines[i])
  end
  for i, line in ipairs(wrapped(check.cure or "", room - 3)) do
    screen:line(indent, i == 1 and "-> " or "   ", { line, "bold" })
  end
end

--- Prints checks that were skipped for the same reason, on one line.
local function show_skipped(screen, list, first)
  local last = first
  while list[last + 1] and list[last + 1].status == "skipped" do
    last = last + 1
  end
  local words = last > first and ("and %d more, %s"):format(last - first, list[first].message)
    or list[first].message
  show(screen, { name = list[first].name, status = "skipped", message = words })
  return last
end

local function show_all(screen, all)
  local list, i = {}, 1
  for _, check in ipairs(all) do -- write checks are irrelevant if reading failed
    if check.status ~= "skipped" or not check.name:find("_write$") then
      list[#list + 1] = check
    end
  end
  while list[i] do
    if list[i].status == "skipped" then
      i = show_skipped(screen, list, i)
    else
      show(screen, list[i])
    end
    i = i + 1
  end
end

--- The result for --json; doc/credentials.md describes it.
local function document(list, account, code)
  return {
    ok = code == 0,
    exit_code = code,
    source = account and account.source,
    host = account and account.host,
    project_id = account and account.project_id,
    checks = list,
  }
end

--- How to change what a flag has set.
local function setter(flag, value)
  return value and { another = "give another " .. flag, to = "give " .. flag .. " %s" } or nil
end

local function doctor(context, args)
  local account, err = context:account()
  local list = checks.run(account, err, {
    key = setter("--key-file", args.key_file),
    project = setter("--project", args.project),
    host = setter("--host", args.host),
  })
  local failure = checks.first_failure(list)
  local code = failure and exits.of(failure) or 0
  if context.json then
    context.out:json(document(list, account, code))
  else
    show_all(context.out, list)
  end
  return code
end

--- @type posthog.llm.cli.Command
return {
  name = "doctor",
  summary = "find out why it does not work",
  text = "Check where key, project and host come from, the connection to the server, and what the "
    .. "key is allowed to do, and say how to fix what fails. Nothing is written to the account. "
    .. "The exit code is that of the first failure.",
  examples = {
    { "posthog-llm doctor", "what is wrong, and how to fix it" },
    { "posthog-llm doctor --host eu --project 42", "the same for another host and project" },
    { "posthog-llm --json doctor | jq '.checks[] | select(.status == \"fail\")'", "what failed" },
  },
  run = doctor,
}
