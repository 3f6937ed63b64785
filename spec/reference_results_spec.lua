--- What the reference tells of the tools' results is what they return.

local book = require("tools.reference.book")
local emulator = require("spec.emulator")
local llm = require("posthog.llm")
local markdown = require("tools.reference.markdown")

local has_folders = pcall(require, "lfs")
local all = book.read()

describe("a table of a result in the reference", function()
  if not has_folders then
    pending("lfs is not there for this Lua")
    return
  end
  local skill_folder = require("posthog.llm.skill_folder")
  local dataset_file = require("posthog.llm.dataset_file")
  local server, client, folder

  setup(function()
    server = emulator.start()
    client =
      llm.new({ host = server.url, personal_api_key = "phx_emulator_all", project_id = 112358 })
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder)
  end)
  teardown(function()
    client:close()
    server:stop()
    os.execute("rm -rf " .. folder)
  end)

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
    return folder .. "/" .. name
  end

  --- @param class string
  --- @param value table a result of that class
  local function compare(class, value)
    local told, wrong = {}, {}
    for _, field in ipairs(markdown.all_fields_of(all, class)) do
      told[field.name] = true
      if value[field.name] == nil and not field.optional then
        wrong[#wrong + 1] = field.name .. " is not returned"
      end
    end
    for name in pairs(value) do
      if type(name) == "string" and not told[name] then
        wrong[#wrong + 1] = name .. " is not told of"
      end
    end
    assert.same({}, wrong, class)
  end

  it("has every field of the functions of skill_folder", function()
    local made =
      assert(skill_folder.new("pdf-forms", folder .. "/pdf-forms", { description = "A" }))
    compare("posthog.llm.SkillNew", made)
    compare("posthog.llm.SkillPush", assert(skill_folder.push(client, made.dir)))
    local event
    local function on_progress(now)
      event = now
    end
    local pulled = skill_folder.pull(client, "pdf-forms", folder .. "/b/pdf-forms", {
      on_progress = on_progress,
    })
    compare("posthog.llm.SkillPull", assert(pulled))
    compare("posthog.llm.SkillFolderEvent", event)
    write("pdf-forms/notes.md", "Mind the fonts.\n")
    local pushed = assert(skill_folder.push(client, made.dir))
    compare("posthog.llm.SkillFileChange", pushed.changes[1])
    local list = assert(skill_folder.status(client, made.dir))
    compare("posthog.llm.SkillStatusList", list)
    compare("posthog.llm.SkillStatus", list[1])
    local found = assert(skill_folder.compare_versions(client, "pdf-forms"))
    compare("posthog.llm.SkillComparison", found)
    compare("posthog.llm.SkillFileDifference", found.files[1])
    compare("posthog.llm.SkillLogEntry", skill_folder.log(client, "pdf-forms")())
    for _, finding in ipairs(assert(skill_folder.lint(made.dir))) do
      compare("posthog.llm.SkillFinding", finding)
    end
    local all_pulled =
      skill_folder.pull_all(client, folder .. "/root", { on_progress = on_progress })
    compare("posthog.llm.SkillPullAll", assert(all_pulled))
    compare("posthog.llm.SkillPull", all_pulled.pulled[1])
    compare("posthog.llm.SkillRootEvent", event)
    compare("posthog.llm.SkillRootStatus", skill_folder.status_all(client, folder .. "/root")[1])
    compare("posthog.llm.SkillPushAll", skill_folder.push_all(client, folder .. "/root")[1])
    local renamed = skill_folder.rename(client, "pdf-forms", "forms", { drop_history = true })
    compare("posthog.llm.SkillRename", assert(renamed))
  end)

  it("has every field of the functions of dataset_file", function()
    local path = write("golden.csv", "input,output\nWhat is 2 + 2?,4\nWho?,Me\n")
    local found
    local summary = assert(dataset_file.import(client, "golden", path, {
      create = true,
      on_start = function(what)
        found = what
      end,
    }))
    compare("posthog.llm.DatasetImport", summary)
    compare("posthog.llm.dataset_file.Found", found)
    local dry = dataset_file.import(client, "golden", path, { dry_run = true })
    compare("posthog.llm.DatasetImport", assert(dry))
    local copy = folder .. "/copy.jsonl"
    compare("posthog.llm.DatasetExport", assert(dataset_file.export(client, "golden", copy)))
    compare("posthog.llm.DatasetDiff", assert(dataset_file.diff(client, "golden", path)))
    local options = { key = "input", prune = true }
    compare("posthog.llm.DatasetSync", assert(dataset_file.sync(client, "golden", path, options)))
    options.dry_run = true
    compare("posthog.llm.DatasetSync", assert(dataset_file.sync(client, "golden", path, options)))
  end)

  it("has every field of a response, of a forecast, of an account and of a rate limit", function()
    local own = client:with({ pace = { per_minute = 100 } })
    local spend, _, response = own.spend:get()
    local seen = {}
    for _, field in ipairs(all.classes["posthog.llm.Response"].fields) do
      seen[field.name] = response[field.name]
    end
    compare("posthog.llm.Response", seen)
    compare("posthog.llm.PaceLeft", own:pace()[1])
    local spend_report = require("posthog.llm.spend_report")
    compare("posthog.llm.SpendForecast", spend_report.forecast(spend, { budget = 2000 }))
    local credentials = require("posthog.llm.credentials")
    local account = assert(credentials.find({ personal_api_key = "phx_x", source = "the spec" }))
    compare("posthog.llm.Credentials", account)
    own:close()
  end)
end)
