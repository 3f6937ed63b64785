local folders = require("spec.support.folders")
local live = require("spec.support.live")
local llm = require("posthog.llm")
local skill_folder = require("posthog.llm.skill_folder")

local t = live.session()
local fails = live.fails
local read, write, tree = folders.read, folders.write, folders.tree

local LOCK = ".posthog-skill.json"
local SKILL = "---\nname: pdf-forms\ndescription: Fills forms.\n---\n\n# Forms\n\none\ntwo\nthree\n"

describe("a skill folder", function()
  local root, here, client

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client()
    root = folders.new()
    here = root .. "/pdf-forms"
    write(root, "pdf-forms/SKILL.md", SKILL)
    write(here, "a.md", "alpha\nbeta\ngamma\n")
    write(here, "b/c.py", "print(1)\n")
  end)
  after_each(function()
    folders.remove(root)
  end)

  local function writes_since(since)
    local list = {}
    for _, entry in ipairs(t.e:log(since)) do
      if entry.method ~= "GET" then
        list[#list + 1] = entry.method
      end
    end
    return table.concat(list, " ")
  end

  local function states(list)
    local all = {}
    for _, row in ipairs(list) do
      all[row.path] = row.state
    end
    return all
  end

  it("is created, published as one version, and not sent when nothing has changed", function()
    local pushed = assert(skill_folder.push(client, here))
    assert.same({ "created", 1, "pdf-forms" }, { pushed.action, pushed.version, pushed.name })
    assert.same({
      { path = "SKILL.md", change = "added" },
      { path = "a.md", change = "added" },
      { path = "b/c.py", change = "added" },
    }, pushed.changes)
    assert.equal("POST", writes_since(0))

    local since = #t.e:log()
    assert.equal("unchanged", assert(skill_folder.push(client, here)).action)
    write(here, "a.md", "alpha\nbeta\ngamma\n\n\n") -- the server would not see it
    assert.equal("unchanged", assert(skill_folder.push(client, here)).action)
    assert.equal("", writes_since(since))

    write(here, "a.md", "ALPHA\n")
    os.remove(here .. "/b/c.py")
    write(here, "new.txt", "new")
    since = #t.e:log()
    pushed = assert(skill_folder.push(client, here, { note = "Shouts." }))
    assert.same({ "published", 2 }, { pushed.action, pushed.version })
    assert.same({
      { path = "a.md", change = "changed" },
      { path = "b/c.py", change = "removed" },
      { path = "new.txt", change = "added" },
    }, pushed.changes)
    assert.equal("PATCH", writes_since(since))
    local skill = assert(client.skills:get("pdf-forms"))
    assert.equal(2, #skill.files)
    assert.equal("# Forms\n\none\ntwo\nthree", skill.body)
    assert.equal("ALPHA", assert(client.skills:file("pdf-forms", "a.md")).content)
  end)

  it("is not taken for new by a 404 that says nothing of the skill", function()
    local elsewhere = t.client({ project_id = 5, max_retries = 0 })
    fails("not_found", nil, skill_folder.status(elsewhere, here))
    fails("not_found", nil, skill_folder.push(elsewhere, here))
    t.e:fault({
      match = { method = "GET" },
      action = {
        status = 404,
        body = "no upstream\n",
        headers = { ["Content-Type"] = "text/plain" },
      },
    })
    fails("not_found", nil, skill_folder.status(client, here))
    fails("not_found", nil, skill_folder.push(client, here))
    assert.equal("", writes_since(0))
  end)

  it("is opened once in a push, and its SKILL.md is parsed once", function()
    local change = require("posthog.llm.skill_folder.change")
    local disk = require("posthog.llm.skill_folder.disk")
    local yaml = require("posthog.llm.skill_folder.yaml")
    local read_yaml, recover, scan = yaml.read, change.recover, disk.scan
    local reads, opened, scans = 0, 0, 0
    disk.scan = function(...)
      scans = scans + 1
      return scan(...)
    end
    yaml.read = function(...)
      reads = reads + 1
      return read_yaml(...)
    end
    change.recover = function(...)
      opened = opened + 1
      return recover(...)
    end
    local function count(text)
      reads, opened, scans = 0, 0, 0
      if text then
        write(here, "SKILL.md", SKILL .. text)
      end
      local action = assert(skill_folder.push(client, here)).action
      assert.equal(1, scans)
      return { action, reads, opened }
    end
    local counts = { count(), count(), count("four\n"), count("four\nfive\n") }
    yaml.read, change.recover, disk.scan = read_yaml, recover, scan
    assert.same(
      { { "created", 1, 1 }, { "unchanged", 1, 1 }, { "published", 1, 1 }, { "published", 1, 1 } },
      counts
    )
    assert.equal(3, assert(client.skills:get("pdf-forms")).version)
    local all = states(assert(skill_folder.status(client, here)))
    assert.same({ ["SKILL.md"] = "same", ["a.md"] = "same", ["b/c.py"] = "same" }, all)
  end)

  it("is pulled, brought up to date, and pulled at an older version", function()
    assert(skill_folder.push(client, here))
    local there = root .. "/x/pdf-forms"
    local pulled = assert(skill_folder.pull(client, "pdf-forms", there))
    assert.equal(1, pulled.version)
    assert.same({ "SKILL.md", "a.md", "b/c.py" }, pulled.written)
    assert.same(tree(here), tree(there))

    write(here, "a.md", "ALPHA\n")
    os.remove(here .. "/b/c.py")
    os.remove(here .. "/b")
    assert(skill_folder.push(client, here))
    pulled = assert(skill_folder.pull(client, "pdf-forms", there))
    assert.same(
      { 2, { "a.md" }, { "b/c.py" }, { "SKILL.md" } },
      { pulled.version, pulled.written, pulled.removed, pulled.unchanged }
    )
    assert.same(tree(here), tree(there))
    assert.is_nil(tree(there)["b/"]) -- no empty folder is left

    pulled = assert(skill_folder.pull(client, "pdf-forms", there, { version = 1 }))
    assert.equal(1, pulled.version)
    assert.equal("alpha\nbeta\ngamma\n", read(there, "a.md"))
    assert.equal("print(1)\n", read(there, "b/c.py"))
    pulled = assert(skill_folder.pull(client, "pdf-forms", there, { version = 1 }))
    assert.same({ {}, {} }, { pulled.written, pulled.removed })
  end)

  it("shows by status what has changed on which side", function()
    assert.same(
      { ["SKILL.md"] = "new", ["a.md"] = "new", ["b/c.py"] = "new" },
      states(assert(skill_folder.status(client, here)))
    )
    for _, name in ipairs({ "local", "both", "gone", "remote", "taken" }) do
      write(here, name .. ".md", "first\n")
    end
    assert(skill_folder.push(client, here))
    local there = root .. "/x/pdf-forms"
    assert(skill_folder.pull(client, "pdf-forms", there))
    write(there, "remote.md", "r")
    write(there, "both.md", "r")
    write(there, "added.md", "r")
    os.remove(there .. "/taken.md")
    assert(skill_folder.push(client, there))
    write(here, "local.md", "l")
    write(here, "both.md", "l")
    write(here, "new.md", "l")
    os.remove(here .. "/gone.md")
    local before = tree(here)
    local list = assert(skill_folder.status(client, here))
    assert.same({ "pdf-forms", 1, 2 }, { list.name, list.version, list.latest })
    assert.same({
      ["SKILL.md"] = "same",
      ["a.md"] = "same",
      ["b/c.py"] = "same",
      ["local.md"] = "local",
      ["remote.md"] = "remote",
      ["both.md"] = "both",
      ["new.md"] = "new",
      ["gone.md"] = "gone",
      ["added.md"] = "remote",
      ["taken.md"] = "remote",
    }, states(list))
    local since = #t.e:log()
    local offline = states(assert(skill_folder.status(nil, here)))
    assert.same(
      { "local", "gone", "same", "new" },
      { offline["both.md"], offline["gone.md"], offline["remote.md"], offline["new.md"] }
    )
    t.silent(since)
    assert.same(before, tree(here))
  end)

  describe("merged with what others have published", function()
    local there

    before_each(function()
      there = root .. "/x/pdf-forms"
      write(here, "m.md", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")
      assert(skill_folder.push(client, here))
      assert(skill_folder.pull(client, "pdf-forms", there))
    end)

    local CHANGES = {
      none = function() end,
      changed = function(dir, line)
        write(dir, "m.md", (read(dir, "m.md"):gsub(line, "x" .. line)))
      end,
      removed = function(dir)
        os.remove(dir .. "/m.md")
      end,
    }
    local BASE = "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    --- What is in the folder and on the server afterwards; false: nothing.
    local TABLE = {
      { "none", "none", BASE, "unchanged" },
      { "none", "changed", "x1\n2\n3\n4\n5\n6\n7\n8\n9\n", "unchanged" },
      { "none", "removed", nil, "unchanged" },
      { "changed", "none", "1\n2\n3\n4\n5\n6\n7\n8\nx9\n", "published" },
      { "changed", "changed", "x1\n2\n3\n4\n5\n6\n7\n8\nx9\n", "published" },
      { "changed", "removed", "1\n2\n3\n4\n5\n6\n7\n8\nx9\n", "conflict" },
      { "removed", "none", nil, "published" },
      { "removed", "changed", "x1\n2\n3\n4\n5\n6\n7\n8\n9\n", "conflict" },
      { "removed", "removed", nil, "unchanged" },
    }
    for _, case in ipairs(TABLE) do
      it(
        ("becomes what a merge of git makes of it: %s here, %s there"):format(case[1], case[2]),
        function()
          CHANGES[case[2]](there, "1")
          assert(skill_folder.push(client, there))
          CHANGES[case[1]](here, "9")
          local latest = assert(client.skills:get("pdf-forms")).version
          local pushed, err = skill_folder.push(client, here)
          assert.equal(case[3], read(here, "m.md"))
          if case[4] == "conflict" then
            fails("conflict", nil, pushed, err)
            assert.equal("m.md", err.conflicts[1].path)
            assert.truthy(err.message:find("nothing was published", 1, true))
            assert.equal(latest, assert(client.skills:get("pdf-forms")).version)
            assert.equal(
              case[1] == "changed" and "published" or "unchanged",
              assert(skill_folder.push(client, here)).action
            ) -- as it was left
          else
            assert.is_nil(err, tostring(err))
            assert.equal(case[4], pushed.action)
            local both = case[1] == "changed" and case[2] == "changed"
            local comes = case[2] == "changed" and case[1] ~= "removed"
            local goes = case[2] == "removed" and case[1] == "none"
            assert.same(
              { comes and { "m.md" } or {}, goes and { "m.md" } or {}, both and { "m.md" } or {} },
              { pushed.written, pushed.removed, pushed.merged }
            )
          end
          local file = client.skills:file("pdf-forms", "m.md")
          assert.equal(read(here, "m.md"), file and file.content .. "\n")
          assert.same({ "unchanged" }, { assert(skill_folder.push(client, here)).action })
        end
      )
    end

    it("has markers where both changed the same, and is pushed once they are gone", function()
      CHANGES.changed(there, "5")
      assert(skill_folder.push(client, there))
      write(here, "m.md", (BASE:gsub("5", "mine")))
      local _, found = skill_folder.push(client, here)
      fails("conflict", nil, nil, found)
      assert.equal(5, found.conflicts[1].line)
      assert.equal(found.summary .. ": m.md " .. found.conflicts[1].message, found.message)
      local text = read(here, "m.md")
      local marked = "<<<<<<< this folder\nmine\n=======\nx5\n>>>>>>> version 2\n"
      assert.truthy(text:find(marked, 1, true), text)
      local _, err = skill_folder.push(client, here)
      fails("invalid", nil, nil, err)
      assert.same({ "m.md", 5 }, { err.problems[1].path, err.problems[1].line })
      local unresolved = assert(skill_folder.status(client, here)).unresolved
      assert.same({ "m.md", 5 }, { unresolved[1].path, unresolved[1].line })
      _, err = skill_folder.pull(client, "pdf-forms", here)
      fails("conflict", nil, nil, err)
      assert.same(unresolved, err.problems)
      assert.is_nil(err.conflicts)
      write(here, "m.md", (BASE:gsub("5", "ours")))
      assert.equal(3, assert(skill_folder.push(client, here)).version)
    end)

    it("merges fields and body of SKILL.md apart", function()
      write(there, "SKILL.md", (SKILL:gsub("Fills forms.", "Fills all forms."):gsub("one", "ONE")))
      assert(skill_folder.push(client, there))
      write(
        here,
        "SKILL.md",
        (SKILL:gsub("%-%-%-\nname", "---\n# ours\nlicense: MIT # so\nname"):gsub("three", "THREE"))
      )
      assert.equal("published", assert(skill_folder.push(client, here)).action)
      assert.equal(
        "---\n# ours\nlicense: MIT # so\nname: pdf-forms\n"
          .. "description: Fills all forms.\n---\n\n# Forms\n\nONE\ntwo\nTHREE\n",
        read(here, "SKILL.md")
      )
    end)

    it("has markers in the front matter when both changed a field", function()
      write(there, "SKILL.md", (SKILL:gsub("Fills forms.", "Theirs.")))
      assert(skill_folder.push(client, there))
      write(here, "SKILL.md", (SKILL:gsub("Fills forms.", "Ours.")))
      fails("conflict", nil, skill_folder.push(client, here))
      assert.truthy(
        read(here, "SKILL.md"):find("description: Ours.\n=======\ndescription: Theirs.\n", 1, true)
      )
      fails("invalid", nil, skill_folder.push(client, here))
      write(here, "SKILL.md", (SKILL:gsub("Fills forms.", "Both.")))
      assert.equal(3, assert(skill_folder.push(client, here)).version)
    end)

    it("writes nothing in a dry run, here nor there", function()
      CHANGES.changed(there, "1")
      assert(skill_folder.push(client, there))
      CHANGES.changed(here, "9")
      local before, since = tree(here), #t.e:log()
      local planned = assert(skill_folder.push(client, here, { dry_run = true }))
      assert.same({ "published", 2 }, { planned.action, planned.version })
      assert.same({ { path = "m.md", change = "changed" } }, planned.changes)
      assert.equal("", writes_since(since))
      assert.same(before, tree(here))
    end)

    it("merges without git, and without a file for it", function()
      CHANGES.changed(there, "1")
      assert(skill_folder.push(client, there))
      CHANGES.changed(here, "9")
      local execute, tmpname = os.execute, os.tmpname
      -- luacheck: globals os.execute os.tmpname
      os.execute, os.tmpname = nil, nil
      local ran, pushed, err = pcall(skill_folder.push, client, here)
      os.execute, os.tmpname = execute, tmpname
      assert.is_true(ran, pushed)
      assert.is_nil(err, tostring(err))
      assert.equal("published", pushed.action)
      assert.equal("x1\n2\n3\n4\n5\n6\n7\n8\nx9\n", read(here, "m.md"))
    end)

    it("is only overwritten with force", function()
      CHANGES.changed(there, "5")
      write(there, "theirs.md", "t")
      assert(skill_folder.push(client, there))
      write(here, "m.md", "mine")
      write(here, "untracked.md", "u")
      local pushed = assert(skill_folder.push(client, here, { force = true }))
      assert.equal(3, pushed.version)
      fails("not_found", nil, client.skills:file("pdf-forms", "theirs.md"))
      write(there, "m.md", "other")
      write(there, "mine.md", "m")
      local pulled = assert(skill_folder.pull(client, "pdf-forms", there, { force = true }))
      assert.same({ "m.md", "untracked.md" }, pulled.written)
      assert.same({ "theirs.md" }, pulled.removed)
      assert.equal("m", read(there, "mine.md"))
    end)
  end)

  it("without a lock is not mixed with a skill that differs, except with force", function()
    assert(skill_folder.push(client, here))
    local other = root .. "/y/pdf-forms"
    write(other, "SKILL.md", SKILL)
    write(other, "a.md", "another\n")
    local before = tree(other)
    fails("conflict", nil, skill_folder.push(client, other))
    local _, err = skill_folder.pull(client, "pdf-forms", other)
    fails("conflict", nil, nil, err)
    assert.same({ { path = "a.md", message = "is not the server's" } }, err.problems)
    assert.same(before, tree(other))
    assert(skill_folder.pull(client, "pdf-forms", other, { force = true }))
    assert.equal("alpha\nbeta\ngamma\n", read(other, "a.md"))
  end)

  it("without a lock keeps files of the server, unless `prune` is set", function()
    assert(skill_folder.push(client, here))
    local other = root .. "/y/pdf-forms"
    write(other, "SKILL.md", SKILL)
    write(other, "d.md", "d")
    assert.same(
      { { path = "d.md", change = "added" } },
      assert(skill_folder.push(client, other, { dry_run = true })).changes
    )
    local pushed = assert(skill_folder.push(client, other, { prune = true }))
    assert.equal(3, #pushed.changes)
    assert.equal(1, #assert(client.skills:get("pdf-forms")).files)
  end)

  it("recognizes a skill of the same name that was made after an archive", function()
    assert(skill_folder.push(client, here))
    assert(client.skills:archive("pdf-forms"))
    fails("not_found", nil, skill_folder.push(client, here))
    assert(client.skills:create({ name = "pdf-forms", description = "d", body = "other" }))
    local before = tree(here)
    fails("conflict", nil, skill_folder.push(client, here))
    fails("conflict", nil, skill_folder.pull(client, "pdf-forms", here))
    assert.same(before, tree(here))
    -- One with more versions is another by when it was made.
    assert(client.skills:publish("pdf-forms", { base_version = 1, body = "another" }))
    fails("conflict", nil, skill_folder.push(client, here))
    fails("conflict", nil, skill_folder.pull(client, "pdf-forms", here))
    assert.same(before, tree(here))
    assert.equal(3, assert(skill_folder.push(client, here, { force = true })).version)
  end)

  it("reports how far it is", function()
    assert(skill_folder.push(client, here))
    local events = {}
    assert(skill_folder.pull(client, "pdf-forms", root .. "/x/pdf-forms", {
      on_progress = function(event)
        events[#events + 1] = event.step .. " " .. event.done
      end,
    }))
    assert.same({ "read 1", "read 2", "write 1", "write 2", "write 3" }, events)
  end)

  it("is pulled and pushed inside llm.gather", function()
    assert(skill_folder.push(client, here))
    local jobs = {}
    for i = 1, 3 do
      jobs[i] = function()
        return skill_folder.pull(client, "pdf-forms", root .. "/g" .. i)
      end
    end
    local values, errors = llm.gather(jobs)
    assert.is_nil(errors)
    for i = 1, 3 do
      assert.equal(1, values[i].version)
      assert.same(tree(here), tree(root .. "/g" .. i))
    end
  end)

  it("is safe with names that have a meaning in a shell", function()
    local there = root .. '/it\'s $(touch pwned) `id` "x"\n;'
    assert(skill_folder.push(client, here))
    assert(skill_folder.pull(client, "pdf-forms", there))
    assert.same(tree(here), tree(there))
  end)

  it("is refused when its lock file belongs to another one", function()
    assert(skill_folder.push(client, here))
    assert.truthy(read(here, LOCK):find('"version": 1', 1, true))
    for _, text in ipairs({
      "",
      "{}",
      "[1]",
      '{"format":2}',
      (read(here, LOCK):gsub('"a.md"', '"../a.md"')),
    }) do
      write(here, LOCK, text)
      fails("file", nil, skill_folder.push(client, here))
    end
  end)

  it("raises at the caller for misuse", function()
    live.misuses({
      {
        "client: what llm.new returns",
        function()
          skill_folder.pull({}, "a", "b")
        end,
      },
      {
        "dir: the path of a folder",
        function()
          skill_folder.push(client, "")
        end,
      },
      {
        'unknown option "prun"',
        function()
          skill_folder.push(client, "x", { prun = true })
        end,
      },
      {
        "version: number expected",
        function()
          skill_folder.pull(client, "a", "b", { version = true })
        end,
      },
      {
        "note: 400 characters",
        function()
          skill_folder.push(client, here, { note = ("x"):rep(401) })
        end,
      },
      {
        "name",
        function()
          skill_folder.pull(client, "a/b", "b")
        end,
      },
      {
        "source: string expected",
        function()
          skill_folder.parse(nil)
        end,
      },
    })
  end)
end)
