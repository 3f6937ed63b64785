-- What a write answers is what was stored; the folder keeps what its author wrote.

local folders = require("spec.support.folders")
local json = require("posthog.llm.json")
local live = require("spec.support.live")
local skill_folder = require("posthog.llm.skill_folder")

local fails = live.fails
local read, write, tree = folders.read, folders.write, folders.tree

local LOCK = ".posthog-skill.json"
local HEAD = "---\nname: pdf-forms # ours\ndescription: Fills forms.\nmetadata:\n  team: docs\n"
local BODY = "---\n\n# Forms\n\none\ntwo\nthree\n"

describe("a skill of which the server keeps less than it is sent", function()
  local t = live.session({ profile = "current" })
  local root, here, there, client

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    t.e:settings({ create_own_metadata = "dropped" })
    client = t.client()
    root = folders.new()
    here, there = root .. "/pdf-forms", root .. "/x/pdf-forms"
    write(here, "a.md", "alpha\n")
  end)
  after_each(function()
    folders.remove(root)
  end)

  local function skill(metadata, dir, body)
    write(dir or here, "SKILL.md", HEAD .. (metadata or "") .. (body or BODY))
  end

  local function push(dir, options)
    return assert(skill_folder.push(client, dir or here, options))
  end

  local function pull(dir)
    return assert(skill_folder.pull(client, "pdf-forms", dir or there))
  end

  local function writes()
    local count = 0
    for _, entry in ipairs(t.e:log()) do
      count = count + (entry.method ~= "GET" and 1 or 0)
    end
    return count
  end

  --- Says that nothing is to be done, here nor there.
  local function rests(dir)
    dir = dir or here
    local before, count = tree(dir), writes()
    assert.equal("unchanged", push(dir).action)
    local pulled = pull(dir)
    assert.same({ {}, {} }, { pulled.written, pulled.removed })
    for _, row in ipairs(assert(skill_folder.status(client, dir))) do
      assert.equal("same", row.state, row.path)
    end
    assert.equal(count, writes())
    assert.same(before, tree(dir))
  end

  --- From now on the server is one that makes something else of what it is sent.
  local function altering(alter)
    local real = t.client()
    client = {
      profile = function()
        return real:profile()
      end,
    }
    client.skills = setmetatable({
      create = function(_, fields)
        return real.skills:create(alter(fields))
      end,
      publish = function(_, name, fields)
        return real.skills:publish(name, alter(fields))
      end,
    }, {
      __index = function(_, name)
        return function(_, ...)
          return real.skills[name](real.skills, ...)
        end
      end,
    })
  end

  it("is not published again for a key that was dropped, which stays in the file", function()
    skill("  source: docs/forms\n")
    local source = read(here, "SKILL.md")
    local pushed = push()
    assert.equal("created", pushed.action)
    assert.same({
      {
        path = "SKILL.md",
        line = 6,
        key = "metadata.source",
        message = "metadata.source: the server does not keep it; it stays in this file",
      },
    }, pushed.not_stored)
    assert.is_nil(assert(client.skills:get("pdf-forms")).metadata.source)
    assert.equal(source, read(here, "SKILL.md"))
    rests()
    assert.same(pushed.not_stored, push().not_stored)
    assert.same(pushed.not_stored, assert(skill_folder.status(client, here)).not_stored)
    assert.equal(source, read(here, "SKILL.md"))

    skill("  source: docs/forms\n", nil, BODY .. "four\n")
    assert.equal(2, push().version)
    rests()
    skill("  source: docs/others\n", nil, BODY .. "four\n") -- said anew, so it is tried anew
    pushed = push()
    assert.equal(3, pushed.version)
    assert.equal(1, #pushed.not_stored)
    rests()
    skill(nil, nil, BODY .. "four\n") -- and taken away by its author
    assert.same({ "unchanged", {} }, { push().action, push().not_stored })
    assert.is_nil(read(here, LOCK):find("not_stored", 1, true))
  end)

  it("keeps the line when others change fields, keys or the body", function()
    skill("  source: docs/forms\n")
    push()
    pull()
    local function others(from, to)
      write(there, "SKILL.md", (read(there, "SKILL.md"):gsub(from, to)))
      assert.equal("published", push(there).action)
    end
    others("Fills forms%.", "Fills all forms.")
    assert.same({ "SKILL.md" }, pull(here).written)
    others("team: docs", "team: web")
    assert.same({ "SKILL.md" }, pull(here).written)
    others("one", "ONE")
    write(here, "SKILL.md", (read(here, "SKILL.md"):gsub("three", "THREE")))
    assert.same({ "SKILL.md" }, push(here).merged)
    local text = read(here, "SKILL.md")
    for _, part in ipairs({ "source: docs/forms\n", "# ours", "all forms", "ONE", "THREE", "web" }) do
      assert.truthy(text:find(part, 1, true), part .. "\n" .. text)
    end
    rests()
  end)

  it("keeps its own value where the server has another in its place", function()
    t.e:settings({ create_own_metadata = "kept" })
    skill("  source: first\n")
    assert.same({}, push().not_stored)
    skill("  source: second\n")
    local pushed = push()
    assert.equal(
      'metadata.source: the server has another value in its place ("first"); this file keeps its own',
      pushed.not_stored[1].message
    )
    assert.equal("first", assert(client.skills:get("pdf-forms")).metadata.source)
    rests()
    assert.truthy(read(here, "SKILL.md"):find("source: second", 1, true))
    skill() -- the server keeps the key all the same
    assert.equal("published", push().action)
    assert.equal("metadata.source", push().not_stored[1].key)
    rests()
    assert.is_nil(read(here, "SKILL.md"):find("source", 1, true))
  end)

  it("is not deleted a line of by a lock of before, which does not know", function()
    skill("  source: docs/forms\n")
    push()
    -- Such a lock has what was sent for what is stored.
    local digest = require("posthog.llm.util.digest").sha256
    local skill_md = require("posthog.llm.skill_folder.skill_md")
    local fields = assert(skill_folder.parse(read(here, "SKILL.md")))
    local lock = assert(json.decode(read(here, LOCK)))
    lock.not_stored = nil
    lock.files["SKILL.md"] = digest(skill_md.canonical(fields))
    write(here, LOCK, (json.encode(lock)))
    assert.equal("unchanged", push().action)
    assert.truthy(read(here, "SKILL.md"):find("source: docs/forms", 1, true))
    rests()
  end)

  it("counts as pulled from what the server has made of each field and file", function()
    altering(function(fields)
      fields.license = "MIT License"
      fields.description = fields.description:upper()
      fields.allowed_tools = { "Read" }
      fields.metadata = { team = "docs", level = tostring(fields.metadata.level) }
      fields.body = fields.body .. "\nadded by the server"
      for i, file in ipairs(fields.files) do
        file.content = file.path == "a.md" and "altered" or file.content
        if file.path == "dropped.md" then
          table.remove(fields.files, i)
        end
      end
      return fields
    end)
    skill("  level: 5\n")
    write(
      here,
      "SKILL.md",
      (read(here, "SKILL.md"):gsub("meta", "license: MIT\nallowed-tools: Read Edit\nmeta"))
    )
    write(here, "dropped.md", "d\n")
    write(here, "kept.md", "k\n")
    local before = tree(here, LOCK)
    local pushed = push()
    local told = {}
    for _, finding in ipairs(pushed.not_stored) do
      told[#told + 1] = ("%s:%s %s"):format(finding.path, finding.line or "-", finding.key or "-")
    end
    assert.same({
      "SKILL.md:3 description",
      "SKILL.md:4 license",
      "SKILL.md:5 allowed-tools",
      "SKILL.md:8 metadata.level",
      "SKILL.md:- -",
      "a.md:- -",
      "dropped.md:- -",
    }, told)
    assert.same(before, tree(here, LOCK))
    rests()
    write(here, "kept.md", "changed\n")
    pushed = push()
    assert.same({ { path = "kept.md", change = "changed" } }, pushed.changes)
    rests()
    write(here, "dropped.md", "another\n") -- said anew
    assert.same({ { path = "dropped.md", change = "added" } }, push().changes)
    rests()
    os.remove(here .. "/dropped.md")
    assert.same({ "unchanged", 6 }, { push().action, #push().not_stored })
    rests()
  end)

  it("is as it was sent where the response does not say", function()
    skill()
    local real = t.client()
    client = setmetatable({
      skills = setmetatable({
        create = function(_, fields)
          local made = assert(real.skills:create(fields))
          return { id = made.id, name = made.name, version = made.version }
        end,
        resolve = function(_, ...)
          return real.skills:resolve(...)
        end,
      }, {}),
    }, {
      __index = {
        profile = function()
          return nil
        end,
      },
    })
    assert.same({}, push().not_stored)
    client = real
    assert.equal("unchanged", push().action)
  end)

  it("is overwritten by a forced pull, line and all", function()
    skill("  source: docs/forms\n")
    push()
    write(here, "SKILL.md", (read(here, "SKILL.md"):gsub("one", "ONE")))
    assert(skill_folder.pull(client, "pdf-forms", here, { force = true }))
    assert.is_nil(read(here, "SKILL.md"):find("source", 1, true))
    rests()
  end)

  it("is not read from a lock that a merge left in conflict, whose line is named", function()
    skill("  source: docs/forms\n")
    push()
    local lock = read(here, LOCK)
    local version = lock:match('  "version": %d+,\n')
    local sides = "<<<<<<< HEAD\n" .. version .. "=======\n" .. version .. ">>>>>>> other\n"
    local at = lock:find(version, 1, true)
    write(here, LOCK, lock:sub(1, at - 1) .. sides .. lock:sub(at + #version))
    local pushed, err = skill_folder.push(client, here)
    assert.is_nil(pushed)
    assert.equal("file", err.kind)
    assert.truthy(err.message:find("line 4 is a conflict marker of version control", 1, true))
    assert.truthy(err.message:find("git checkout --ours or --theirs", 1, true))
    write(here, LOCK, lock)
    rests()
  end)

  it("is not read from a lock whose notes are damaged", function()
    skill("  source: docs/forms\n")
    push()
    local lock = read(here, LOCK)
    for _, rows in ipairs({
      '"x"',
      "[1]",
      "[{}]",
      '[{"path":"SKILL.md"}]',
      '[{"path":"a.md","sent":1}]',
      '[{"path":"a.md","sent":"x","stored":1}]',
      '[{"path":"SKILL.md","key":[1]}]',
      '[{"path":"SKILL.md","key":[]}]',
      '[{"path":"SKILL.md","key":["body"],"sent":"a","stored":"b"}]',
      '[{"path":"SKILL.md","key":["license"],"sent":"a"}]',
      '[{"path":"SKILL.md","key":["license"],"sent":{},"stored":"b"}]',
      '[{"path":"SKILL.md","key":["allowed_tools"],"sent":"a","stored":["b"]}]',
      '[{"path":"SKILL.md","key":["allowed_tools"],"sent":[{}],"stored":["b"]}]',
      '[{"path":"SKILL.md","key":["metadata"],"sent":"a"}]',
      '[{"path":"a.md","key":["metadata","source"],"sent":"a"}]',
    }) do
      write(here, LOCK, (lock:gsub('("not_stored": )%b[]', "%1" .. rows)))
      fails("file", nil, skill_folder.push(client, here))
    end
  end)

  describe("with names of tools that have blanks", function()
    before_each(function()
      skill("allowed-tools: Bash(git add:*) Read\n")
    end)

    it("is refused by lint, a dry run and a push, with line and way out, and not sent", function()
      local findings = assert(skill_folder.lint(here))
      assert.equal(1, #findings)
      assert.same(
        { "SKILL.md", 6, "error", "tool_has_blank" },
        { findings[1].path, findings[1].line, findings[1].level, findings[1].code }
      )
      for _, part in ipairs({ '"Bash(git add:*)"', "`split_tools`", "or write it without" }) do
        assert.truthy(findings[1].message:find(part, 1, true), findings[1].message)
      end
      for _, options in ipairs({ {}, { dry_run = true } }) do
        local _, err = skill_folder.push(client, here, options)
        fails("invalid", nil, nil, err)
        assert.same({ "SKILL.md", 6 }, { err.problems[1].path, err.problems[1].line })
      end
      t.silent()
    end)

    it("is pushed with `split_tools` as PostHog's import divides them, and rests", function()
      local source = read(here, "SKILL.md")
      local pushed = push(nil, { split_tools = true })
      assert.same({ "allowed-tools", 6 }, { pushed.not_stored[1].key, pushed.not_stored[1].line })
      local tools = assert(client.skills:get("pdf-forms")).allowed_tools
      assert.same({ "Bash(git", "add:*)", "Read" }, tools)
      assert.same({}, assert(skill_folder.lint(here)))
      rests()
      write(here, "a.md", "changed\n")
      assert.equal("published", push().action) -- the folder knows by then
      rests()
      assert.equal(source, read(here, "SKILL.md"))
    end)

    it(
      "is pulled with the names joined again, by who has it anew and who has it already",
      function()
        push(nil, { split_tools = true })
        local line = "\nallowed-tools: Bash(git add:*) Read\n"
        local pulled = pull()
        assert.equal("allowed-tools", pulled.not_stored[1].key)
        assert.truthy(read(there, "SKILL.md"):find(line, 1, true))
        assert.same({}, assert(skill_folder.lint(there)))
        rests(there)
        os.remove(there .. "/" .. LOCK) -- the server's version tells it
        assert.same({}, pull().written)
        rests(there)

        write(there, "SKILL.md", (read(there, "SKILL.md"):gsub(" Read", " Read Bash(git rm:*)")))
        local _, err = skill_folder.push(client, there)
        fails("invalid", nil, nil, err) -- said anew
        push(there, { split_tools = true })
        assert.same({ "SKILL.md" }, pull(here).written)
        line = "\nallowed-tools: Bash(git add:*) Read Bash(git rm:*)\n"
        assert.truthy(read(here, "SKILL.md"):find(line, 1, true), read(here, "SKILL.md"))
        rests()
        assert(skill_folder.pull(client, "pdf-forms", here, { force = true }))
        assert.truthy(read(here, "SKILL.md"):find(line, 1, true))
        rests()
      end
    )
  end)

  describe("that was unpacked from PostHog's export", function()
    local CODEX =
      "interface:\n  display_name: Pdf forms\n  short_description: Fills forms,\n    many.\n"

    before_each(function()
      skill("  version: '3'\n")
      write(here, "agents/openai.yaml", CODEX)
    end)

    it("is pushed without what the export has added, and says so", function()
      local warned = assert(skill_folder.lint(here))
      assert.same({ "exported", "exported" }, { warned[1].code, warned[2].code })
      local before = tree(here)
      local pushed = push()
      assert.same(
        { { path = "SKILL.md", change = "added" }, { path = "a.md", change = "added" } },
        pushed.changes
      )
      local told = {}
      for _, finding in ipairs(pushed.not_stored) do
        told[finding.key or finding.path] = finding.line or 0
        assert.truthy(finding.message:find("export of PostHog", 1, true))
      end
      assert.same({ ["agents/openai.yaml"] = 0, ["metadata.version"] = 6 }, told)
      local made = assert(client.skills:get("pdf-forms"))
      assert.same({ team = "docs" }, made.metadata)
      assert.equal(1, #made.files)
      rests()
      skill("  version: '3'\n", nil, BODY .. "four\n")
      assert.same({ { path = "SKILL.md", change = "changed" } }, push().changes)
      rests()
      before["SKILL.md"], before[LOCK] = read(here, "SKILL.md"), read(here, LOCK)
      assert.same(before, tree(here))
    end)

    it("is taken for the skill that it was exported from", function()
      skill(nil, there)
      write(there, "a.md", "alpha\n")
      push(there)
      assert.equal("unchanged", push(here).action)
      rests(here)
    end)

    it("is known by the file that the export adds, and by the version beside it", function()
      for text, is_generated in pairs({
        [CODEX] = true,
        ["interface:\n  display_name: PDF forms\n  short_description: 'Fills forms.'\n"] = true,
        ["interface:\r\n  display_name: 'Pdf forms'\r\n  short_description: d\r\n"] = true,
        ["interface:\n  display_name: Forms by us\n"] = false,
        [CODEX .. "  icon_small: x.png\n"] = false,
        [CODEX .. "policy:\n  allow_implicit_invocation: false\n"] = false,
        ["dependencies:\n  tools: []\n"] = false,
      }) do
        for _, version in ipairs({ "", "  version: '3'\n", "  version: '1.0'\n" }) do
          folders.remove(here)
          skill(version)
          write(here, "agents/openai.yaml", text)
          local codes = {}
          for i, finding in ipairs(assert(skill_folder.lint(here))) do
            codes[i] = finding.code
          end
          local is_numbered = version:find("3", 1, true) ~= nil
          local is_known = is_generated or (is_numbered and text:find("Forms by us", 1, true))
          assert.equal(
            is_known and (is_numbered and "exported exported" or "exported") or "",
            table.concat(codes, " "),
            text .. version
          )
        end
      end
    end)

    it("keeps them where they are the skill's own", function()
      write(here, "agents/openai.yaml", CODEX .. "  icon: x.png\n")
      local pushed = push()
      assert.same({}, pushed.not_stored)
      assert.equal("3", assert(client.skills:get("pdf-forms")).metadata.version)
      rests()

      write(here, "agents/openai.yaml", CODEX) -- part of the skill by now
      assert.same({ { path = "agents/openai.yaml", change = "changed" } }, push().changes)
      rests()
      os.remove(here .. "/" .. LOCK) -- which the server's version tells too
      assert.equal("unchanged", push().action)
      rests()
    end)
  end)

  it("is told of what the server says against it, by push, pull, status and lint", function()
    skill()
    write(here, "A.md", "x\n")
    local pushed = push()
    assert.same(
      { { "file_path_collides", "a.md" } },
      { { pushed.spec_problems[1].code, pushed.spec_problems[1].file_path } }
    )
    assert.same(pushed.spec_problems, push().spec_problems)
    assert.same(pushed.spec_problems, pull().spec_problems)
    assert.same(pushed.spec_problems, assert(skill_folder.status(client, here)).spec_problems)
    assert.same(pushed.spec_problems, assert(skill_folder.status(nil, here)).spec_problems)
    os.remove(here .. "/A.md")
    local findings = assert(skill_folder.lint(here))
    assert.equal("spec_problem", findings[1].code)
    assert.truthy(findings[1].message:find("bundle and marketplace", 1, true))
    assert.same({}, push().spec_problems)
    assert.same({}, assert(skill_folder.lint(here)))
  end)
end)
