--- posthog-llm skills with a whole root, and with several folders at once.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local command = require("spec.support.command")
local skill_text = require("spec.support.skill_text")
local skills_command = require("spec.support.skills_command")

local skill_md, has = skill_text.skill_md, skill_text.has
local documents = skills_command.documents

local _, folders = pcall(require, "spec.support.folders")

local FILES = {
  ["skills/alpha/SKILL.md"] = skill_md("alpha"),
  ["skills/beta/SKILL.md"] = skill_md("beta"),
  ["skills/gamma/SKILL.md"] = skill_md("gamma"),
}

skills_command.describe(busted, "posthog-llm skills of a root", FILES, function(t)
  local skills = t.skills

  it("go there and back, with a line for each and a summary", function()
    local dry = skills(0, { "push", "--all", "skills", "--dry-run" }).out
    has(dry, "would create skills/beta\n  added    SKILL.md\n")
    has(dry, "\n3 would be created\n")
    assert.equal(
      "created  skills/alpha version 1\n  added    SKILL.md\n"
        .. "created  skills/beta version 1\n  added    SKILL.md\n"
        .. "created  skills/gamma version 1\n  added    SKILL.md\n3 created\n",
      skills(0, { "push", "--all", "skills" }).out
    )
    assert.equal("3 as pulled\n", skills(0, { "status", "--all", "skills" }).out)
    assert.equal(
      "pulled   there/alpha version 1\npulled   there/beta version 1\n"
        .. "pulled   there/gamma version 1\n3 pulled\n",
      skills(0, { "pull", "--all", "there" }).out
    )
    assert.equal("3 unchanged\n", skills(0, { "pull", "--all", "there" }).out)
    folders.write(t.root, "there/alpha/SKILL.md", skill_md("alpha", "# Other\n"))
    folders.write(t.root, "there/delta/SKILL.md", skill_md("delta"))
    local told = skills(0, { "status", "--all", "there" }).out
    has(told, "alpha: changed here\n  local    SKILL.md\n")
    has(told, "delta: only here\n")
    has(told, "\n2 as pulled, 1 changed here, 1 only here\n")
    has(skills(0, { "push", "--all", "there", "--note", "n" }).out, "published there/alpha")
    told = skills(0, { "status", "--all", "skills" }).out
    has(told, "alpha: changed on the server\n  remote   SKILL.md\ndelta: only on the server\n")
    has(skills(0, { "push", "--all", "skills" }).out, "the server has version 2; a pull brings it")
  end)

  it("tells of gone skills, and removes their folders when asked", function()
    skills(0, { "push", "--all", "skills" })
    skills(0, { "archive", "beta", "--yes" })
    has(skills(0, { "pull", "--all", "skills" }).out, "--prune takes the folder away\n")
    has(skills(0, { "status", "--all", "skills" }).out, "beta: gone from the server\n")
    folders.write(t.root, "skills/beta/a.md", "mine")
    local refused = skills(3, { "pull", "--all", "skills", "--prune" })
    has(refused.err, "skills/beta/a.md: was never published\n")
    assert.equal("2 unchanged, 1 failed\n", refused.out)
    os.remove(t.root .. "/skills/beta/a.md")
    assert.equal(
      "removed  skills/beta\n2 unchanged, 1 removed\n",
      skills(0, { "pull", "--all", "skills", "--prune" }).out
    )
    skills(0, { "archive", "alpha", "--yes" })
    skills(0, { "archive", "gamma", "--yes" })
    local words = "--prune would take every folder of skills away; --yes means it"
    has(skills(3, { "pull", "--all", "skills", "--prune" }).err, words)
    has(skills(0, { "pull", "--all", "skills", "--prune", "--yes" }).out, "2 removed\n")
  end)

  it("go on after a failure, and exit with the highest code", function()
    folders.write(t.root, "skills/beta/SKILL.md", "no front matter")
    local result = skills(1, { "push", "--all", "skills" })
    has(result.out, "\n2 created, 1 failed\n")
    has(
      result.err,
      "posthog-llm: skills/beta: the folder cannot be pushed\nskills/beta/SKILL.md:1: "
    )
    result = skills(5, { "push", "--all", "skills" }, {
      env = { POSTHOG_PERSONAL_API_KEY = "phx_unknown" },
    })
    assert.equal("", result.out)
    folders.write(t.root, "file", "x")
    has(skills(1, { "pull", "--all", "file" }).err, "file: cannot be used as the root of skills")
  end)

  it("are told as not tried once somebody stops it", function()
    t.e:seed({ skills = 30 })
    t.e:fault({ match = { path = "name/" }, action = { delay = 1.5 } })
    local stopped = skills(130, { "pull", "--all", "there" }, {
      while_running = command.until_true("[ -f there/seeded-0002/.posthog-skill.json ]")
        .. "kill -INT $pid",
    })
    assert.matches("\n%d+ pulled, %d+ not tried\n$", stopped.out)
    assert.matches("not tried: seeded%-%d+, .* and %d+ more\n", stopped.err)
    t.e:faults({})
    has(skills(0, { "pull", "--all", "there" }).out, " unchanged\n")
  end)

  it("are a line of JSON each", function()
    skills(0, { "push", "--all", "skills" })
    skills(0, { "archive", "beta", "--yes" })
    folders.write(t.root, "skills/alpha/a.md", "a")
    local states = {}
    for _, row in ipairs(documents(skills(0, { "status", "--all", "skills", "--json" }).out)) do
      states[row.name] = row.state
      assert.is_table(row.files)
    end
    assert.same({ alpha = "local", beta = "archived", gamma = "same" }, states)
    local actions = {}
    for _, row in ipairs(documents(skills(0, { "push", "--all", "skills", "--json" }).out)) do
      actions[row.name] = row.action
    end
    assert.same({ alpha = "published", beta = "gone", gamma = "unchanged" }, actions)
    local pulled = documents(skills(0, { "pull", "--all", "there", "--json" }).out)
    assert.same({ "alpha", "pulled" }, { pulled[1].name, pulled[1].action })
  end)

  it("are pulled by their names, several at once", function()
    skills(0, { "push", "--all", "skills" })
    assert.equal(
      "pulled   alpha version 1\npulled   beta version 1\npulled   gamma version 1\n3 pulled\n",
      skills(0, { "pull", "alpha", "beta", "gamma" }).out
    )
    local result = skills(4, { "pull", "alpha", "nobody", "--into", "two" })
    assert.equal("pulled   two/alpha version 1\n1 pulled, 1 failed\n", result.out)
    has(result.err, "nobody")
  end)

  it("of several folders are asked for at the same time", function()
    skills(0, { "push", "--all", "skills" })
    t.e:fault({ match = { path = "llm_skills" }, action = { delay = 2 } })
    local result = skills(0, { "status", "skills/alpha", "skills/beta", "skills/gamma" })
    assert.matches("^alpha: [^\n]+\nbeta: [^\n]+\ngamma: ", result.out)
    local log = t.e:log()
    local times = {}
    for _, entry in ipairs(log) do
      times[#times + 1] = entry.at
    end
    table.sort(times)
    local most = times[#times] - times[#times - 1]
    assert.is_true(most < 1.8, "the last two were not at the same time: " .. most)
  end)

  it("refuse options that do not go together", function()
    for _, case in ipairs({
      { { "pull", "alpha", "--prune" }, "--prune: only with --all" },
      { { "pull", "--all", "--yes" }, "--yes: only with --prune" },
      { { "pull", "--all", "a", "b" }, "--all takes one root, not 2" },
      { { "pull", "--all", "--version", "1" }, "--version is of one skill" },
      { { "pull", "--all", "--into", "x" }, "--all and --into exclude each other" },
      { { "pull" }, "missing argument 'name', or --all" },
      { { "status", "--all", "--offline" }, "--offline and --all exclude each other" },
      { { "push", "--all", "a", "b" }, "--all takes one root, not 2" },
    }) do
      has(skills(2, case[1]).err, case[2])
    end
  end)

  it("come through a process that is killed, and two at once", function()
    t.e:seed({ skills = 12, versions = 2 })
    t.e:fault({ match = { path = "name/" }, action = { delay = 1.5 } })
    for i, seconds in ipairs({ 0.05, 1.55, 1.52 }) do
      local until_listed = command.until_true("[ -s there/.posthog-skills.json ]")
      skills(137, { "pull", "--all", "there", "--force" }, {
        while_running = ("%s sleep %.2f; kill -9 $pid"):format(until_listed, seconds),
      })
      os.remove(i == 1 and t.root .. "/there/.posthog-skills.json" or "")
    end
    t.e:faults({})
    local here = io.popen("pwd"):read("*l")
    local line = command.line({ "skills", "pull", "--all", "there", "--force" }, here)
    local second = "(" .. line .. " >second 2>&1; [ $? -le 1 ] || echo >wrong)"
    local first = t.run({ "skills", "pull", "--all", "there", "--force" }, {
      dir = t.root,
      while_running = second,
    })
    local code = first.code
    assert.is_true(code <= 1, "exit code " .. code) -- 1: the other one is at a folder
    assert.is_nil(folders.read(t.root, "wrong"), folders.read(t.root, "second"))
    skills(0, { "pull", "--all", "there" })
    has(skills(0, { "status", "--all", "there" }).out, "12 as pulled\n")
    for name in pairs(folders.tree(t.root .. "/there")) do
      assert.is_nil(name:find(".tmp", 1, true), name)
    end
  end)
end)
