-- A tour of posthog-llm: skills with their files and versions, a dataset of
-- 230 items, and a spend report.
--
--     make demo                             against the local emulator
--     lua5.4 examples/tour.lua --live       the reading part, against PostHog, with
--                                           POSTHOG_PERSONAL_API_KEY and
--                                           POSTHOG_PROJECT_ID in the environment

-- Finds the library of this checkout; an installed one needs none of this.
local root = arg[0]:match("^(.*)/examples/[^/]*$") or arg[0]:find("/", 1, true) and "." or ".."
local built = jit and "luajit" or _VERSION:match("%d%.%d")
package.path = root .. "/lua/?.lua;" .. root .. "/lua/?/init.lua;" .. package.path
package.cpath = root .. "/build/" .. built .. "/?.so;" .. package.cpath

local llm = require("posthog.llm")

local client = llm.new() -- key, project and host come from the environment

local function title(text)
  print("\n" .. text .. "\n" .. ("-"):rep(#text))
end

local function say(...)
  print("  " .. string.format(...))
end

-- A program may assert: the error is a table whose text is one readable line.
local function must(value, err)
  if value == nil then
    io.stderr:write("tour: ", tostring(err), "\n")
    os.exit(1)
  end
  return value
end

local function file_names(skill)
  local names = {}
  for i, file in ipairs(skill.files or {}) do
    names[i] = file.path
  end
  table.sort(names)
  return #names > 0 and table.concat(names, ", ") or "no files"
end

local function write_skill()
  title("A skill with two files")
  local skill = must(client.skills:create({
    name = "pdf-forms",
    description = "Fill PDF forms from a table of values.",
    body = "# PDF forms\n\nRead `references/fields.md` first.\n\n## Steps\n\n1. List the fields.\n",
    allowed_tools = { "Bash", "Read" },
    files = {
      { path = "references/fields.md", content = "# Fields\n\nOne line a field." },
      { path = "references/größe & maß.md", content = "# Sizes\n\nIn points." },
    },
  }))
  say("created %s, version %d: %s", skill.name, skill.version, file_names(skill))

  local file = must(client.skills:file("pdf-forms", "references/größe & maß.md"))
  say("read %s: %d bytes of %s", file.path, #file.content, file.content_type)

  skill = must(
    client.skills:rename_file(
      "pdf-forms",
      "references/größe & maß.md",
      "references/sizes.md",
      { base_version = skill.version }
    )
  )
  say("renamed a file, version %d: %s", skill.version, file_names(skill))
  return skill
end

local function handle_conflict(skill)
  title("Two writers")
  -- Somebody else publishes while we still look at the older version.
  must(client.skills:publish("pdf-forms", {
    base_version = skill.version,
    edits = { { old = "List the fields.", new = "List the fields, then fill them." } },
  }))

  local ok, err = client.skills:delete_file("pdf-forms", "references/sizes.md", {
    base_version = skill.version,
  })
  assert(ok == nil and err.kind == "conflict")
  say("%s", tostring(err))

  -- Look at what is there now, decide, and try again on top of it.
  local resolved = must(client.skills:resolve("pdf-forms", { version = err.current_version }))
  say("version %d says: %s", resolved.skill.version, resolved.skill.body:match("1%. [^\n]*"))
  skill = must(client.skills:delete_file("pdf-forms", "references/sizes.md", {
    base_version = resolved.skill.version,
  }))
  say("deleted on top of it, version %d: %s", skill.version, file_names(skill))

  for version in client.skills:versions("pdf-forms") do
    local who = version.created_by and version.created_by.email or "somebody"
    say(
      "version %d by %s at %s%s",
      version.version,
      who,
      version.created_at,
      version.is_latest and " (latest)" or ""
    )
  end
end

local function fill_dataset()
  title("A dataset of 230 items")
  local dataset = must(client.datasets:create({
    name = "golden answers",
    metadata = { owner = "evals", tags = llm.array({}) },
  }))

  -- Eight requests at a time; results keep their places.
  local jobs = {}
  for i = 1, 230 do
    jobs[i] = function()
      return client.dataset_items:create({
        dataset = dataset.id,
        input = { question = ("What is %d * %d?"):format(i, i) },
        output = { answer = i * i, exact = true, note = llm.null },
        metadata = { n = i },
      })
    end
  end
  local items, errors = llm.gather(jobs, { concurrency = 8 })
  if errors then
    must(nil, select(2, next(errors)))
  end
  say("created %d items in %s", #items, dataset.name)

  local seen, sum = 0, 0
  for item in client.dataset_items:each({ dataset = dataset.id, limit = 50 }) do
    seen, sum = seen + 1, sum + item.output.answer
  end
  say("read %d items page by page; the answers add up to %d", seen, sum)

  must(client.datasets:delete(dataset.id))
  local gone, err = client.datasets:get(dataset.id)
  local marked = gone and gone.deleted and "marked as deleted" -- by newer servers, not hidden
  say("after the soft delete: %s", marked or tostring(err))
  must(client.datasets:undelete(dataset.id))
  say("after undelete: %s", must(client.datasets:get(dataset.id)).name)
end

local function bars(heading, rows, name_of)
  say("%s", heading)
  local most = 0
  for _, row in ipairs(rows) do
    most = math.max(most, row.cost_usd)
  end
  for _, row in ipairs(rows) do
    local width = most > 0 and math.floor(row.cost_usd / most * 30 + 0.5) or 0
    say("  %-26s %9.2f  %s", name_of(row):sub(1, 26), row.cost_usd, ("#"):rep(width))
  end
end

local function report_spend()
  title("Spend of the last seven days")
  local spend, err = client.spend:get({ date_from = "-7d", limit = 8 })
  if not spend then
    say("no spend here: %s", tostring(err))
    return
  end
  local summary = spend.summary
  say(
    "%s to %s: %.2f USD in %d events",
    summary.date_from,
    summary.date_to,
    summary.total_cost_usd,
    summary.event_count
  )
  bars("by product (USD)", spend.by_product.items, function(row)
    return row.product or "no product"
  end)
  bars("by model (USD)", spend.by_model.items, function(row)
    return row.model or "unknown model"
  end)
  bars("by tool (USD; a call may count for several)", spend.by_tool.items, function(row)
    return row.tool or "no tool"
  end)
end

local function read_only()
  title("Skills")
  local shown = 0
  for skill in client.skills:each({ limit = 20 }) do
    say("%-32s version %-4d %s", skill.name, skill.version, skill.description:sub(1, 40))
    shown = shown + 1
    if shown == 20 then
      break
    end
  end
  say("%d shown", shown)

  title("Datasets")
  local page = must(client.datasets:list({ limit = 20 }))
  for _, dataset in ipairs(page.results) do
    say("%s  %s", dataset.id, dataset.name)
  end
  say("%d in all", page.count)
end

if arg[1] == "--live" then
  read_only()
elseif not tostring(client):find("//127.0.0.1", 1, true) then
  io.stderr:write("tour: it writes; run `make demo`, or pass --live to read only\n")
  os.exit(2)
else
  handle_conflict(write_skill())
  fill_dataset()
end
report_spend()
client:close()
