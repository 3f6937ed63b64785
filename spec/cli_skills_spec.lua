--- posthog-llm skills: every subcommand that works on folders, as a user runs it.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson.safe").new()
local command = require("spec.support.command")
local skill_text = require("spec.support.skill_text")
local skills_command = require("spec.support.skills_command")

local skill_md, has, lacks = skill_text.skill_md, skill_text.has, skill_text.lacks
local documents = skills_command.documents

local _, folders = pcall(require, "spec.support.folders")

local LINES = "1\n2\n3\n4\n5\n6\n7\n"

local FILES = { ["pdf-forms/SKILL.md"] = skill_md("pdf-forms"), ["pdf-forms/a.md"] = LINES }

skills_command.describe(busted, "posthog-llm skills", FILES, function(t, profile)
  local skills = t.skills

  local read, write = folders.read, folders.write

  --- A second folder of the skill, as somebody else has it.
  local function other()
    skills(0, { "pull", "pdf-forms", "there", "-q" })
    return t.root .. "/there"
  end

  local function edit(dir, path, from, to)
    write(dir, path, (read(dir, path):gsub(from, to)))
  end

  it("pushes what has changed and lists it", function()
    local made = skills(0, { "push", "pdf-forms" })
    assert.equal("  added    SKILL.md\n  added    a.md\ncreated pdf-forms version 1\n", made.out)
    assert.equal("", made.err)
    assert.equal("unchanged pdf-forms version 1\n", skills(0, { "push", "pdf-forms" }).out)
    os.remove(t.root .. "/pdf-forms/a.md")
    write(t.root, "pdf-forms/b.md", "b\n")
    edit(t.root, "pdf-forms/SKILL.md", "# Forms", "# All forms")
    local expected = "  changed  SKILL.md\n  removed  a.md\n  added    b.md\n"
    local before = t.writes()
    assert.equal(
      expected .. "would publish pdf-forms after version 1\n",
      skills(0, { "push", "pdf-forms", "--dry-run" }).out
    )
    assert.equal(before, t.writes())
    assert.equal(
      expected .. "published pdf-forms version 2\n",
      skills(0, { "push", "--note", "Better." }, { dir = t.root .. "/pdf-forms" }).out
    )
    assert.equal(before + 1, t.writes())
  end)

  it("prints one JSON document for each folder", function()
    write(t.root, "other/SKILL.md", skill_md("other"))
    local pushed = documents(skills(0, { "push", "other", "pdf-forms/", "--json" }).out)
    assert.same({ "other", "pdf-forms/" }, { pushed[1].dir, pushed[2].dir })
    assert.same(
      { "created", 1, "pdf-forms" },
      { pushed[2].action, pushed[2].version, pushed[2].name }
    )
    assert.same(
      { { path = "SKILL.md", change = "added" }, { path = "a.md", change = "added" } },
      pushed[2].changes
    )
    local pulled = documents(skills(0, { "pull", "pdf-forms", "there", "--json" }).out)
    assert.equal(1, #pulled)
    assert.same({ "SKILL.md", "a.md" }, pulled[1].written)
    write(t.root, "there/new.md", "n")
    local states = documents(skills(0, { "status", "there", "--json" }).out)[1]
    assert.same({ "pdf-forms", 1, 1 }, { states.name, states.version, states.latest })
    assert.same({ path = "new.md", state = "new" }, states.files[3])
    has(skills(0, { "push", "pdf-forms", "--json" }).out, '"changes":[]')
  end)

  it("names --skip-binary for what the API cannot hold, and an empty __init__.py", function()
    write(t.root, "pdf-forms/scripts/__init__.py", "\n")
    local err = skills(1, { "push", "pdf-forms", "--dry-run" }).err
    has(
      err,
      "\npdf-forms/scripts/__init__.py: is an empty __init__.py, and the API does not accept"
    )
    has(err, "write a line of comment into it; push with --skip-binary to leave it out\n")
    has(skills(0, { "push", "pdf-forms", "--skip-binary" }).out, "skipped  scripts/__init__.py\n")
  end)

  it("names --split-tools for tools with blanks, which it divides as PostHog does", function()
    write(
      t.root,
      "pdf-forms/SKILL.md",
      (skill_md("pdf-forms"):gsub("\n%-%-%-", "\nallowed-tools: Bash(git add:*) Read\n---", 1))
    )
    local place = 'pdf-forms/SKILL.md:4: allowed-tools: "Bash(git add:*)" has a blank'
    has(skills(1, { "lint", "pdf-forms" }).out, place)
    for _, args in ipairs({ { "push", "pdf-forms" }, { "push", "pdf-forms", "--dry-run" } }) do
      local err = skills(1, args).err
      has(err, place)
      has(
        err,
        "push with --split-tools, which divides it at the blanks as PostHog's own import does"
      )
    end
    assert.equal(0, t.writes())
    local pushed = skills(0, { "push", "pdf-forms", "--split-tools" })
    has(pushed.out, "created pdf-forms version 1\n")
    has(pushed.err, "pdf-forms/SKILL.md:4: allowed-tools: pushed divided at every blank")
    assert.equal("unchanged pdf-forms version 1\n", skills(0, { "push", "pdf-forms" }).out)
  end)

  it("says which line the server did not keep, and what it has against the skill", function()
    if profile ~= "current" then
      return -- API v1 keeps all, and says nothing
    end
    t.e:settings({ create_own_metadata = "dropped" })
    local metadata = "\nmetadata:\n  team: docs\n  source: docs\n---"
    write(t.root, "pdf-forms/SKILL.md", (skill_md("pdf-forms"):gsub("\n%-%-%-", metadata, 1)))
    write(t.root, "pdf-forms/A.md", "x")
    local line = "pdf-forms/SKILL.md:6: metadata.source: the server does not keep it; it stays in "
      .. "this file\n"
    local pushed = skills(0, { "push", "pdf-forms" })
    has(pushed.err, line)
    has(pushed.err, "pdf-forms/a.md: PostHog leaves the skill out of its bundle and marketplace: ")
    local again = skills(0, { "push", "pdf-forms" })
    assert.same({ "unchanged pdf-forms version 1\n", "" }, { again.out, again.err })
    has(skills(0, { "status", "pdf-forms" }).err, line)
    local states = documents(skills(0, { "status", "pdf-forms", "--json" }).out)[1]
    assert.equal("file_path_collides", states.spec_problems[1].code)
    assert.equal(6, states.not_stored[1].line)
    has(read(t.root, "pdf-forms/SKILL.md"), "  source: docs\n")
  end)

  it("pulls a skill, and says what it has written", function()
    skills(0, { "push", "pdf-forms" })
    folders.remove(t.root .. "/pdf-forms")
    assert.equal(
      "  written  SKILL.md\n  written  a.md\npulled pdf-forms version 1 into pdf-forms\n",
      skills(0, { "pull", "pdf-forms" }).out
    )
    assert.equal(LINES, read(t.root, "pdf-forms/a.md"))
    assert.equal(
      "unchanged pdf-forms version 1 in pdf-forms\n",
      skills(0, { "pull", "pdf-forms" }).out
    )
    edit(t.root, "pdf-forms/a.md", "7", "seven")
    skills(0, { "push", "pdf-forms" })
    skills(0, { "pull", "pdf-forms", "old", "--version", "1" })
    assert.equal(LINES, read(t.root, "old/a.md"))
  end)

  it("merges and says so, and reports conflicts by line until they are resolved", function()
    skills(0, { "push", "pdf-forms" })
    local there = other()
    edit(there, "a.md", "1", "one")
    write(there, "b.md", "b\n")
    skills(0, { "push", "there" })
    edit(t.root, "pdf-forms/a.md", "7", "seven")
    assert.equal(
      "pdf-forms: version 1 here, version 2 on the server\n" .. "  both     a.md\n  remote   b.md\n",
      skills(0, { "status", "pdf-forms" }).out
    )
    assert.equal(
      "pdf-forms: version 1\n  local    a.md\n",
      skills(0, { "status", "pdf-forms", "--offline" }).out
    )
    assert.equal(
      "  merged   a.md\n  written  b.md\ntook over what others have published\n"
        .. "  changed  a.md\npublished pdf-forms version 3\n",
      skills(0, { "push", "pdf-forms" }).out
    )

    edit(there, "a.md", "4", "four")
    has(skills(0, { "push", "there" }).out, "published pdf-forms version 4")
    edit(t.root, "pdf-forms/a.md", "4", "vier")
    edit(t.root, "pdf-forms/SKILL.md", "# Forms", "# All forms")
    local latest = "pdf-forms version 5\n"
    local conflict = skills(3, { "push", "pdf-forms" })
    assert.equal("", conflict.out)
    has(conflict.err, "pdf-forms: both sides have changed the same; nothing was published")
    has(conflict.err, "\npdf-forms/a.md:4: has changed on both sides")
    has(skills(1, { "push", "pdf-forms" }).err, "\npdf-forms/a.md:4: a conflict is not resolved")
    has(skills(1, { "lint", "pdf-forms" }).out, "pdf-forms/a.md:4: a conflict is not resolved")
    has(skills(0, { "status", "pdf-forms" }).out, "pdf-forms/a.md:4: a conflict is not resolved")
    local stays = skills(3, { "pull", "pdf-forms" }).err
    has(stays, "--force gives them up\npdf-forms/a.md:4: ")
    write(t.root, "pdf-forms/a.md", "one\n2\n3\nIV\n5\n6\nseven\n")
    has(skills(0, { "push", "pdf-forms" }).out, "published " .. latest)
    has(skills(0, { "pull", "pdf-forms", "there" }).out, "pulled " .. latest:sub(1, -2))
    assert.equal(read(t.root, "pdf-forms/a.md"), read(t.root, "there/a.md"))
  end)

  it("shows what a pull has written beside a conflict", function()
    skills(0, { "push", "pdf-forms" })
    local there = other()
    edit(there, "a.md", "1", "one")
    write(there, "b.md", "b\n")
    skills(0, { "push", "there" })
    edit(t.root, "pdf-forms/a.md", "1", "eins")
    local result = skills(3, { "pull", "pdf-forms" })
    assert.equal("  written  b.md\n", result.out)
    has(result.err, "pdf-forms/a.md:1: has changed on both sides")
  end)

  it("does not call the folder of a skill that is gone behind one of the same name", function()
    skills(0, { "push", "pdf-forms" })
    skills(0, { "archive", "pdf-forms", "--yes" })
    write(t.root, "other/pdf-forms/SKILL.md", skill_md("pdf-forms", "# Another one\n"))
    skills(0, { "push", "other/pdf-forms" })
    local shown = skills(3, { "status", "pdf-forms" })
    assert.equal("", shown.out)
    has(shown.err, "that the folder was pulled from is gone, and another one has its name")
  end)

  it("overwrites changed files only with --force", function()
    skills(0, { "push", "pdf-forms" })
    write(t.root, "x/pdf-forms/SKILL.md", skill_md("pdf-forms", "Other.\n"))
    local there = "x/pdf-forms"
    for _, args in ipairs({ { "push", there }, { "pull", "pdf-forms", there } }) do
      local err = skills(3, args).err
      has(err, "--force")
      has(err, "\nx/pdf-forms/SKILL.md: is not the server's\n")
    end
    skills(0, { "push", there, "--force" })
    has(skills(0, { "show", "pdf-forms" }).out, "Other.")
  end)

  it("lists all findings of a folder by line, and exits with 0 where it can be pushed", function()
    assert.equal("pdf-forms: no problems\n", skills(0, { "lint", "pdf-forms" }).err)
    write(t.root, "x/more/SKILL.md", skill_md("more"))
    assert.equal("2 folders: no problems\n", skills(0, { "lint", "pdf-forms", "x/more" }).err)
    write(t.root, "pdf-forms/SKILL.md", "---\nname: pdf-forms\ndescription: x\nmore: 1\n---\n\nx\n")
    local warned = skills(0, { "lint", "pdf-forms" })
    assert.equal("pdf-forms/SKILL.md:4: warning: more: the API has no field for it\n", warned.out)
    write(t.root, "pdf-forms/SKILL.md", skill_md("other"))
    write(t.root, "pdf-forms/x.bin", "a\nb\0c")
    local lines = 'pdf-forms/SKILL.md:2: name is "other", and the folder\'s is "pdf-forms"\n'
      .. "pdf-forms/x.bin:2: is binary: it has a zero byte; push with --skip-binary to leave it out\n"
    assert.equal(lines, skills(1, { "lint", "pdf-forms" }).out)
    assert.equal(
      "posthog-llm: pdf-forms: the folder cannot be pushed\n" .. lines,
      skills(1, { "push", "pdf-forms" }).err
    )
    local first = documents(skills(1, { "lint", "pdf-forms", "--json" }).out)[1]
    assert.same({ "pdf-forms/SKILL.md", 2, "error" }, { first.path, first.line, first.level })
    write(t.root, "pdf-forms/SKILL.md", skill_md("pdf-forms"))
    has(skills(0, { "push", "pdf-forms", "--skip-binary" }).out, "  skipped  x.bin\n")
    assert.equal(1, t.writes())
  end)

  it("prints in JSON, too, names of files that are not UTF-8", function()
    write(t.root, "pdf-forms/a\255.md", "x")
    local problem = documents(skills(1, { "lint", "pdf-forms", "--json" }).out)[1]
    assert.same({ "pdf-forms/a\\xff.md", "error" }, { problem.path, problem.level })
    local states = documents(skills(0, { "status", "pdf-forms", "--offline", "--json" }).out)[1]
    assert.same({ path = "a\\xff.md", state = "new" }, states.files[3])
  end)

  it("says what is wrong with a folder", function()
    write(t.root, "empty/README", "x")
    write(t.root, "broken/SKILL.md", "---\nname: broken\n\tdescription: [\n---\n\nx\n")
    has(
      skills(1, { "push" }, { dir = t.root .. "/empty" }).err,
      "\nSKILL.md: the file is missing: this folder is not a skill"
    )
    has(skills(1, { "push", "broken" }).err, "\nbroken/SKILL.md:3: ")
    local gone = skills(1, { "push", "nowhere" }).err
    assert.equal("posthog-llm: nowhere: cannot be read: No such file or directory\n", gone)
    has(skills(1, { "status", "empty" }).err, "SKILL.md has no valid name")
    assert.equal(0, t.writes())
  end)

  it("goes on with the other folders after a failure, and exits with the highest code", function()
    skills(0, { "push", "pdf-forms" })
    local there = other()
    edit(there, "a.md", "1", "one")
    skills(0, { "push", "there" })
    edit(t.root, "pdf-forms/a.md", "1", "eins")
    write(t.root, "empty/README", "x")
    write(t.root, "more/SKILL.md", skill_md("more"))
    local result = skills(3, { "push", "empty", "pdf-forms", "more" })
    assert.equal("  added    SKILL.md\ncreated more version 1\n", result.out)
    has(
      result.err,
      "posthog-llm: empty: the folder cannot be pushed\n" .. "empty/SKILL.md: the file is missing"
    )
    has(result.err, "posthog-llm: pdf-forms: both sides")
  end)

  it("stops where the other folders would fail too, and names them", function()
    write(t.root, "more/SKILL.md", skill_md("more"))
    local result = skills(
      5,
      { "push", "pdf-forms", "more", "x" },
      { env = { POSTHOG_PERSONAL_API_KEY = "phx_unknown" } }
    )
    has(result.err, "posthog-llm: not tried: more, x\n")
    assert.equal("", result.out)
    result = skills(
      5,
      { "push", "pdf-forms", "more", "x" },
      { env = { POSTHOG_PERSONAL_API_KEY = "phx_emulator_read" } }
    )
    has(result.err, "posthog-llm: not tried: more, x\n")
  end)

  it("leaves a folder that cannot be written to as it was, and says so", function()
    skills(0, { "push", "pdf-forms" })
    local there = other()
    edit(there, "a.md", "1", "one")
    skills(0, { "push", "there" })
    local before = folders.tree(t.root .. "/pdf-forms")
    -- Without its capabilities t.root may not write there either.
    local mortal = { through = "setpriv --bounding-set -all --inh-caps -all" }
    os.execute(("chmod -R a-w '%s/pdf-forms'"):format(t.root))
    for _, args in ipairs({ { "pull", "pdf-forms" }, { "push", "pdf-forms" } }) do
      local err = skills(1, args, mortal).err
      has(err, "posthog-llm: pdf-forms: cannot be written to: Permission denied")
    end
    has(skills(1, { "pull", "pdf-forms", "pdf-forms/x" }, mortal).err, "x: cannot be made: ")
    assert.same(before, folders.tree(t.root .. "/pdf-forms"))
  end)

  for what, case in pairs({
    ["has happened"] = { 30, "unchanged pdf-forms version 2\n" },
    ["has not happened"] = { { write = 30 }, "  changed  a.md\npublished pdf-forms version 2\n" },
  }) do
    it("says of a stopped push that " .. what .. " that it may have", function()
      skills(0, { "push", "pdf-forms" })
      write(t.root, "more/SKILL.md", skill_md("more"))
      edit(t.root, "pdf-forms/a.md", "1", "one")
      t.e:fault({ match = { method = "PATCH" }, action = { delay = case[1], times = 1 } })
      local stopped = skills(130, { "push", "pdf-forms", "more" }, t.stop_at("PATCH")).out
      has(stopped, "posthog-llm: pdf-forms: interrupted; the write in progress may or may not have")
      has(stopped, "\nPush again: it tells which, and nothing is published twice.\n")
      has(stopped, "\nposthog-llm: not tried: more\n")
      assert.equal(case[2], skills(0, { "push", "pdf-forms" }).out)
    end)
  end

  it("writes nothing when it is stopped in a pull, and says so", function()
    skills(0, { "push", "pdf-forms" })
    t.e:fault({ match = { path = "/files/" }, action = { delay = 30 } })
    local stopped = skills(130, { "pull", "pdf-forms", "there" }, t.stop_at("files")).out
    has(stopped, "posthog-llm: there: interrupted\nNothing was written.\n")
    assert.is_nil(read(t.root, "there/SKILL.md"))
  end)

  it("says that a push may have happened when the network is lost in it", function()
    skills(0, { "push", "pdf-forms" })
    edit(t.root, "pdf-forms/a.md", "1", "one")
    t.e:faults({
      { match = { method = "PATCH" }, action = { close = "after" } },
      { match = { method = "GET", path = "version=2" }, action = { status = 403, body = "{}" } },
    })
    local result = skills(1, { "push", "pdf-forms" })
    has(result.err, "Push again: it tells which")
    t.e:faults({})
    assert.equal("unchanged pdf-forms version 2\n", skills(0, { "push", "pdf-forms" }).out)
  end)

  it("names the hidden files that it leaves out, except with -q", function()
    write(t.root, "pdf-forms/.env", "x")
    has(skills(0, { "push", "pdf-forms", "--dry-run" }).err, "left out, as --hidden is not")
    has(skills(0, { "push", "pdf-forms", "--dry-run", "--hidden" }).out, "added    .env")
    assert.equal("", skills(0, { "push", "pdf-forms", "-q" }).err)
  end)

  it("shows a progress bar on a terminal, and none in a pipe", function()
    for i = 1, 20 do
      write(t.root, ("pdf-forms/f%02d.md"):format(i), "text " .. i)
    end
    skills(0, { "push", "pdf-forms" })
    local shown = skills(0, { "pull", "pdf-forms", "one" }, { terminal = 80 })
    has(shown.err, "[####################]  22/22 files  100%")
    assert.matches("\r\27%[K$", shown.err)
    lacks(shown.out, "\27")
    assert.equal("", skills(0, { "pull", "pdf-forms", "two" }).err)
    assert.equal("", skills(0, { "pull", "pdf-forms", "three", "-q" }, { terminal = 80 }).err)
  end)

  it("never lets a server control the terminal", function()
    local evil = "\27]0;owned\7\27[2J\r\194\155x\226\128\174"
    local json = cjson.encode(evil)
    local skill = (
      '{"id":"1","name":"pdf-forms","version":1,"description":%s,"body":%s,'
      .. '"files":[{"path":%s,"content_type":%s}],"created_by":{"email":%s}}'
    ):format(json, json, json, json, json)
    local resolved = (
      '{"skill":%s,"versions":[{"version":1,"created_at":%s,'
      .. '"created_by":{"email":%s}}],"has_more":false}'
    ):format(skill, json, json)
    local file = ('{"path":"a","content":%s}'):format(json)
    local page = ('{"count":1,"next":null,"previous":null,"results":[%s]}'):format(skill)
    local refused = ('{"type":"invalid_request","code":"x","detail":%s,"attr":%s}'):format(
      json,
      json
    )
    local function answer(method, path, body, status)
      return {
        match = { method = method, path = path },
        action = { status = status or 200, body = body },
      }
    end
    t.e:faults({
      answer("GET", "resolve/name/", resolved),
      answer("GET", "/files/", file),
      answer("GET", "llm_skills/name/", skill),
      answer("GET", "llm_skills/", page),
      answer("POST", "/duplicate/", (skill:gsub('"pdf%-forms"', '"x"'))),
      answer("POST", "", refused, 400),
      answer("PATCH", "", refused, 400),
      answer("DELETE", "", refused, 400),
    })
    write(t.root, "evil/SKILL.md", skill_md("evil"))
    write(t.root, "evil/\27[2J.md", "x")
    write(t.root, "evil/.\27[2J", "x")
    for _, case in ipairs({
      { 0, { "list" } },
      { 0, { "show", "pdf-forms" } },
      { 0, { "versions", "pdf-forms" } },
      { 0, { "show", "pdf-forms", "--files" } },
      { 0, { "show", "pdf-forms", "--file", "a" } },
      { 1, { "pull", "pdf-forms" } },
      { 1, { "status", "pdf-forms" } },
      { 1, { "push", "pdf-forms" } },
      { 1, { "rename-file", "pdf-forms", "a", "b" } },
      { 1, { "delete-file", "pdf-forms", "a" } },
      { 1, { "archive", "pdf-forms", "-y" } },
      { 0, { "duplicate", "pdf-forms", "x" } },
      { 0, { "list", "--json" } },
      { 0, { "show", "pdf-forms", "--json" } },
      { 0, { "status", "pdf-forms", "--offline" } },
      { 1, { "lint", "evil" } },
      { 1, { "push", "evil" } },
      { 1, { "lint", "evil", "--json" } },
      { 1, { "push", "\27[2J" } },
    }) do
      local told = table.concat(case[2], " ")
      local shown = skills(case[1], case[2], { terminal = 80, screen = true }).out
      shown = shown:gsub("\r[^\r\n]*\27%[K", ""):gsub("\27%[%d*m", "") -- bars, and our own colours
      assert.is_nil(shown:find("[%z\1-\8\11-\31\127]"), told .. ("\n%q"):format(shown))
      assert.is_nil(shown:find("\194[\128-\159]") or shown:find("\226\128\174"), told)
      if case[2][1] == "list" and case[2][2] then
        local row = documents(shown)[1]
        assert.equal(evil, row.body)
      end
    end
  end)
end)

command.describe(busted, "posthog-llm skills", function()
  it("says which module is missing, and how to get it", function()
    local lost = "package.preload.lfs = function() error('none') end"
    local result = command.run({ "skills", "lint" }, { env = { LUA_INIT = lost } })
    assert.equal(1, result.code)
    has(result.err, "is missing: apt-get install lua-filesystem")
  end)

  it("has help texts that fit a screen", function()
    for _, name in ipairs(require("posthog.llm.cli.skills").commands) do
      local help = command.run({ "skills", name.name, "--help" }).out
      assert.matches("\nOptions of every command", help)
      local count = 0
      for line in help:gmatch("([^\n]*)\n") do
        count = count + 1
        assert.is_true(#line <= 80, line)
      end
      assert.is_true(count > 5 and count <= 24, name.name)
    end
  end)
end)
