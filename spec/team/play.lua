--- Two people and CI on one store, at random: at the end nobody's line is lost, every conflict was
--- told, and the store and all folders are equal.

local chances = require("spec.soak.chance")
local emulator = require("spec.emulator")
local folders = require("spec.support.folders")
local ledger = require("spec.team.ledger")
local llm = require("posthog.llm")
local person = require("spec.team.person")
local skill_folder = require("posthog.llm.skill_folder")

local play = {}

local MOST = 5 -- skills
local ROUNDS = 12 -- until all is equal

local STEPS = {
  { "edit", weight = 40 },
  { "pull_all", weight = 12 },
  { "push_all", weight = 14 },
  { "push_one", weight = 8 },
  { "delete_file", weight = 5 },
  { "create", weight = 6 },
  { "rename", weight = 2 },
  { "archive", weight = 2 },
  { "prune", weight = 2 },
  { "kill_pull", weight = 4, kills = true },
  { "kill_push", weight = 5, kills = true },
}

local function new_name(team)
  team.names = team.names + 1
  return "skill-" .. team.names
end

local function any_name(team)
  local page = assert(team.client.skills:list({ limit = 100 }))
  return team.chance:of(page.results) and team.chance:of(page.results).name, #page.results
end

--- What a call has refused is seen to now, or later.
local function follow(team, who, failed)
  for _, place in ipairs(failed) do
    if place.dir and team.chance:falls(0.7) then
      who:follow(place.dir, place.err)
    else
      who.told = who.told + 1
    end
  end
end

local act = {}

function act.edit(team, who)
  local dir = team.chance:of(who:dirs())
  if dir then
    who:edit(dir)
  end
end

function act.delete_file(team, who)
  local dir = team.chance:of(who:dirs())
  if dir then
    who:delete_file(dir)
  end
end

function act.create(team, who)
  local _, count = any_name(team)
  if count < MOST then
    who:new_skill(new_name(team))
  end
end

function act.pull_all(team, who)
  follow(team, who, who:pull_all())
end

function act.prune(team, who)
  follow(team, who, who:pull_all(true))
end

function act.push_all(team, who)
  follow(team, who, who:push_all())
end

function act.push_one(team, who)
  local dir = team.chance:of(who:dirs())
  if dir then
    follow(team, who, who:push_one(dir))
  end
end

function act.rename(team)
  local name = any_name(team)
  local skills = team.client.skills
  if not name then
    return
  elseif team.profile == "current" then
    assert(skills:rename(name, new_name(team)))
  else
    team.ledger:remember(name)
    assert(skills:duplicate(name, new_name(team)))
    assert(skills:archive(name))
  end
end

function act.archive(team)
  local name, count = any_name(team)
  if name and count > 1 then
    team.ledger:remember(name)
    assert(team.client.skills:archive(name))
  end
end

function act.kill_pull(_, who)
  who:be_killed("pull")
end

function act.kill_push(_, who)
  who:be_killed("push")
end

local function check(team)
  local roots = {}
  for i, who in ipairs(team.people) do
    roots[i] = who.root
    who:check_told()
  end
  local lost = team.ledger:lost(roots)
  assert(#lost == 0, "lost: " .. table.concat(lost, ", "))
end

--- One round in which everybody sees to what is left.
--- @return boolean is_equal
local function settle(team)
  local is_equal = true
  for _, who in ipairs(team.people) do
    for _, call in ipairs({ "pull_all", "push_all" }) do
      for _, place in ipairs(who[call](who, true)) do
        is_equal = false
        who:follow(place.dir, place.err)
      end
    end
  end
  for _, who in ipairs(team.people) do
    for _, row in ipairs(assert(skill_folder.status_all(team.client, who.root))) do
      is_equal = is_equal and row.state == "same"
    end
  end
  return is_equal
end

local function trimmed(text)
  return (text:gsub("^%s+", ""):gsub("%s+$", ""))
end

--- The texts of the store, and those of a root, by their paths.
local function texts_of(team)
  local texts = {}
  for row in team.client.skills:each() do
    local skill = assert(team.client.skills:get(row.name))
    texts[row.name .. "/SKILL.md"] = trimmed(skill.body)
    for _, file in ipairs(skill.files) do
      local content = assert(team.client.skills:file(row.name, file.path)).content
      texts[row.name .. "/" .. file.path] = trimmed(content)
    end
  end
  return texts
end

local function texts_in(root)
  local texts = {}
  for path, text in pairs(folders.tree(root)) do
    if path:find("^[^.]") and path:find("%.md$") then
      if path:find("SKILL%.md$") then
        text = text:gsub("^%-%-%-\n.-\n%-%-%-\n", "")
      end
      texts[path] = trimmed(text)
    end
  end
  return texts
end

local function assert_equal(expected, found, who)
  for _, pair in ipairs({ { expected, found }, { found, expected } }) do
    for path, text in pairs(pair[1]) do
      local other = pair[2][path]
      assert(text == other, ("%s: %s differs:\n%s\n-- and:\n%s"):format(who, path, text, other))
    end
  end
end

local function play_all(team, options)
  local done, until_time = {}, options.seconds and os.time() + options.seconds
  for step = 1, options.steps do
    if until_time and os.time() >= until_time then
      break
    end
    local kind, who = team.chance:weighted(STEPS), team.chance:of(team.people)
    local what = options.mild and kind.kills and "edit" or kind[1]
    team.at = ("step %d, %s of %s"):format(step, what, who.name)
    done[what] = (done[what] or 0) + 1
    act[what](team, who)
    if step % 20 == 0 then
      check(team)
    end
    team.steps = step
  end
  team.at = "the end"
  local rounds = 1
  while not settle(team) do
    rounds = rounds + 1
    assert(rounds <= ROUNDS, "the folders do not become equal")
  end
  check(team)
  local store = texts_of(team)
  for _, who in ipairs(team.people) do
    assert_equal(store, texts_in(who.root), who.name)
  end
  return done, rounds
end

--- @param options { seed: integer, steps: integer, seconds?: integer, mild?: boolean, profile: string }
---   mild: nobody is killed, and all is the same for the same seed
--- @return table result steps, lines, versions, told, done by kind; raises what is wrong, with seed
---   and step
function play.run(options)
  local e = emulator.start({ profile = options.profile })
  e:settings({ environments = "serve", dataset_limit = 0, log = false })
  local client = llm.new({
    personal_api_key = "phx_emulator_all",
    project_id = 112358,
    host = e.url,
  })
  local team = {
    e = e,
    client = client,
    profile = options.profile,
    chance = chances.new(options.seed, 7),
    ledger = ledger.new(client),
    names = 0,
    steps = 0,
    here = io.popen("pwd"):read("*l"),
    people = {},
  }
  for i, name in ipairs({ "anna", "ben", "ci" }) do
    team.people[i] = person.new(team, name)
  end
  team.people[1]:new_skill(new_name(team))
  local ok, done, rounds = xpcall(function()
    return play_all(team, options)
  end, function(err)
    return type(err) == "string" and debug.traceback(err) or tostring(err)
  end)
  local told, versions = 0, 0
  for _, who in ipairs(team.people) do
    told = told + who.told
    if ok or not options.keep then
      folders.remove(who.root)
    end
  end
  for _ in pairs(team.ledger.read) do
    versions = versions + 1
  end
  e:stop()
  client:close()
  if not ok then
    error(("seed %d, %s, %s: %s"):format(options.seed, options.profile, team.at, done), 0)
  end
  local lines = team.ledger.count
  return {
    steps = team.steps,
    lines = lines,
    versions = versions,
    told = told,
    done = done,
    rounds = rounds,
  }
end

return play
