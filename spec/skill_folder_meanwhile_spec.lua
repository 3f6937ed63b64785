-- What people do in a folder while, or after, the library is at work in it.

local lfs = require("lfs")

local folders = require("spec.support.folders")
local live = require("spec.support.live")
local merge = require("posthog.llm.skill_folder.merge")
local send_ahead = require("posthog.llm.http.send_ahead")
local skill_folder = require("posthog.llm.skill_folder")

local fails = live.fails
local read, write, tree = folders.read, folders.write, folders.tree

local LOCK, STAGE = ".posthog-skill.json", ".posthog-skill.tmp"
local SKILL = "---\nname: pdf-forms\ndescription: d\n---\n\nbody\n"

for _, profile in ipairs({ "reference", "current" }) do
  describe("a skill folder and " .. live.api_name[profile] .. ":", function()
    local t = live.session({ profile = profile })
    local root, dir, there, client

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      client = t.client()
      root = folders.new()
      dir, there = root .. "/pdf-forms", root .. "/there/pdf-forms"
      write(root, "pdf-forms/SKILL.md", SKILL)
      write(dir, "a.md", "one\ntwo\nthree\n")
      write(dir, "b.md", "b\n")
      assert(skill_folder.push(client, dir))
      assert(skill_folder.pull(client, "pdf-forms", there))
    end)
    after_each(function()
      folders.remove(root)
    end)

    --- Publishes these files from elsewhere.
    local function publish(files)
      for path, text in pairs(files) do
        write(there, path, text)
      end
      assert(skill_folder.push(client, there))
    end

    it("what is edited while texts are read is not written over", function()
      publish({ ["a.md"] = "one\ntwo\nTHREE\n", ["b.md"] = "B\n" })
      write(dir, "a.md", "ONE\ntwo\nthree\n") -- to be merged, for which more is read
      local function edit(event)
        if event.step == "read" and event.path == "a.md" then
          write(dir, "b.md", "mine\n")
        end
      end
      local before = #t.e:log()
      local pushed, err = skill_folder.push(client, dir, { on_progress = edit })
      fails("conflict", nil, pushed, err)
      assert.same({ { path = "b.md", message = "was changed meanwhile" } }, err.problems)
      assert.equal("ONE\ntwo\nthree\n", read(dir, "a.md"))
      assert.equal("mine\n", read(dir, "b.md"))
      for _, entry in ipairs(t.e:log(before)) do
        assert.equal("GET", entry.method)
      end
      assert.is_nil(lfs.attributes(dir .. "/" .. STAGE))
    end)

    it("a root is looked at while the server makes its list", function()
      local at_last = t.client({
        on_response = function()
          write(dir, "a.md", "later\n")
        end,
      })
      local function states()
        local by_name = {}
        for _, one in ipairs(assert(skill_folder.status_all(at_last, root))) do
          by_name[one.name] = one.state
        end
        return by_name
      end
      assert.same({ ["pdf-forms"] = "same" }, states())
      assert.same({ ["pdf-forms"] = "local" }, states())
    end)

    it("the list of a root is asked for before its folders are opened", function()
      local attributes, is_asked = lfs.symlinkattributes, false
      local opened = {}
      lfs.symlinkattributes = function(path, ...) -- luacheck: ignore
        if path:find("/pdf-forms/", 1, true) then
          opened[#opened + 1] = is_asked
        end
        return attributes(path, ...)
      end
      local send = send_ahead.send
      send_ahead.send = function(...)
        is_asked = true
        return send(...)
      end
      local list, err = skill_folder.status_all(t.client(), root)
      send_ahead.send = send
      lfs.symlinkattributes = attributes -- luacheck: ignore
      assert(list, err)
      assert.truthy(#opened > 0)
      for _, was_asked in ipairs(opened) do
        assert.is_true(was_asked)
      end
    end)

    it("a folder that cannot be a root asks the server for nothing", function()
      local before = #t.e:log()
      for _, call in ipairs({ skill_folder.status_all, skill_folder.push_all }) do
        fails("file", nil, call(client, dir .. "/a.md"))
      end
      assert.equal(before, #t.e:log())
    end)

    it("a push publishes what it has checked, and what is edited then is a change", function()
      write(dir, "a.md", "checked\n")
      local at_first = t.client({
        on_response = function()
          write(dir, "a.md", "later\n")
        end,
      })
      local pushed = assert(skill_folder.push(at_first, dir))
      assert.equal("published", pushed.action)
      assert.equal("checked", assert(client.skills:file("pdf-forms", "a.md")).content)
      assert.equal("later\n", read(dir, "a.md"))
      assert.equal("local", assert(skill_folder.status(client, dir))[2].state)
      assert(skill_folder.push(client, dir))
      assert.equal("later", assert(client.skills:file("pdf-forms", "a.md")).content)
    end)

    it("a file that is left out here, and that others have published, is compared", function()
      write(dir, ".notes.md", "mine\n")
      write(there, ".notes.md", "theirs\n")
      local function states()
        local by_path = {}
        for _, row in ipairs(assert(skill_folder.status(client, dir))) do
          by_path[row.path] = row.state
        end
        return by_path
      end
      assert.is_nil(states()[".notes.md"])
      assert(skill_folder.push(client, there, { hidden = true }))
      assert.equal("both", states()[".notes.md"])
    end)

    it("what is removed or made while texts are read is not written over", function()
      write(dir, "c.md", "one\ntwo\nthree\n")
      assert(skill_folder.push(client, dir))
      assert(skill_folder.pull(client, "pdf-forms", there))
      publish({ ["b.md"] = "B\n", ["c.md"] = "one\ntwo\nTHREE\n" })
      write(dir, "c.md", "ONE\ntwo\nthree\n")
      local merge_texts = merge.texts
      merge.texts = function(...) -- when the files have been looked at
        os.remove(dir .. "/b.md")
        return merge_texts(...)
      end
      local pulled, err = skill_folder.pull(client, "pdf-forms", dir)
      merge.texts = merge_texts
      fails("conflict", nil, pulled, err)
      assert.equal("b.md", err.problems[1].path)
      assert.is_nil(read(dir, "b.md"))
      assert.equal("ONE\ntwo\nthree\n", read(dir, "c.md"))
      write(dir, "b.md", "b\n")
      assert(skill_folder.pull(client, "pdf-forms", dir))
      assert.equal("ONE\ntwo\nTHREE\n", read(dir, "c.md"))
    end)

    it("a file that was removed here is not reported as unchanged", function()
      os.remove(dir .. "/SKILL.md")
      assert.same({ "a.md", "b.md" }, assert(skill_folder.pull(client, "pdf-forms", dir)).unchanged)
      assert.is_nil(read(dir, "SKILL.md"))
      assert(skill_folder.pull(client, "pdf-forms", dir, { force = true }))
      assert.equal(SKILL, read(dir, "SKILL.md"))
    end)

    it("an empty response changes nothing", function()
      publish({ ["a.md"] = "A\n" })
      local before = tree(dir)
      for _, path in ipairs({ "resolve", "files/" }) do
        t.e:fault({ match = { method = "GET", path = path }, action = { status = 204 } })
        fails("decode", nil, skill_folder.pull(client, "pdf-forms", dir))
        fails("decode", nil, skill_folder.pull(client, "pdf-forms", root .. "/new/pdf-forms"))
        fails("decode", nil, skill_folder.push(client, dir))
        t.e:faults({})
        assert.same(before, tree(dir))
      end
      assert(skill_folder.pull(client, "pdf-forms", dir))
      write(dir, "a.md", "mine\n")
      t.e:fault({ match = { method = "PATCH" }, action = { status = 204 } })
      fails("decode", { ambiguous = true }, skill_folder.push(client, dir))
      t.e:faults({})
      assert.equal("published", assert(skill_folder.push(client, dir)).action)
    end)

    it("lines whose ends differ on one side are not a change of each line", function()
      publish({ ["a.md"] = "one\ntwo\nTHREE\n" })
      write(dir, "a.md", "one\r\ntwo\r\nthree\r\n")
      assert.same({ "a.md" }, assert(skill_folder.pull(client, "pdf-forms", dir)).written)
      assert.equal("one\r\ntwo\r\nTHREE\r\n", read(dir, "a.md"))
      assert.equal("unchanged", assert(skill_folder.push(client, dir)).action)
      publish({ ["a.md"] = "one\ntwo\nTHREE\nfour\n" })
      write(dir, "a.md", "ONE\r\ntwo\r\nTHREE\r\n")
      assert.same({ "a.md" }, assert(skill_folder.pull(client, "pdf-forms", dir)).merged)
      assert.equal("ONE\r\ntwo\r\nTHREE\r\nfour\r\n", read(dir, "a.md"))
      assert(skill_folder.push(client, dir))
      assert.equal("ONE\ntwo\nTHREE\nfour", client.skills:file("pdf-forms", "a.md").content)
      write(there, "a.md", "ONE\ntwo\nTHREE\nfour\n")
      assert(skill_folder.pull(client, "pdf-forms", there))
      assert.equal("ONE\ntwo\nTHREE\nfour\n", read(there, "a.md")) -- each in its own way
    end)

    it("a checkout with CRLF is no change, and stays one way in all of each file", function()
      for path, source in pairs(tree(dir)) do
        write(dir, path, (source:gsub("\r?\n", "\r\n")))
      end
      local before = tree(dir)
      for _, row in ipairs(assert(skill_folder.status(client, dir))) do
        assert.equal("same", row.state, row.path)
      end
      assert.equal("unchanged", assert(skill_folder.push(client, dir)).action)
      assert.same(before, tree(dir))
      publish({
        ["new.md"] = "n\nm\n",
        ["SKILL.md"] = "---\nname: pdf-forms\ndescription: Another.\n---\n\nother\nbody\n",
      })
      assert(skill_folder.pull(client, "pdf-forms", dir))
      local count = 0
      for path, source in pairs(tree(dir, LOCK)) do
        assert.is_nil(source:find("[^\r]\n"), path)
        count = count + 1
      end
      assert.is_true(count >= 3)
      assert.truthy(read(dir, "SKILL.md"):find("description: Another.\r\n---\r\n", 1, true))
      assert.equal("n\r\nm\r\n", read(dir, "new.md"))
      write(dir, "b.md", "x\r\ny\r\n")
      assert.equal("published", assert(skill_folder.push(client, dir)).action)
      assert.equal("x\ny", client.skills:file("pdf-forms", "b.md").content)
      assert.equal("other\nbody", client.skills:get("pdf-forms").body)
    end)

    it("a push that merges reads SKILL.md once, and what it has merged once", function()
      local yaml = require("posthog.llm.skill_folder.yaml")
      publish({ ["SKILL.md"] = (SKILL:gsub("body", "new body")) })
      write(dir, "SKILL.md", (SKILL:gsub("description: d", "description: mine # why")))
      local read_yaml, count = yaml.read, 0
      yaml.read = function(...)
        count = count + 1
        return read_yaml(...)
      end
      local pushed = assert(skill_folder.push(client, dir))
      yaml.read = read_yaml
      assert.same({ "published", { "SKILL.md" }, 2 }, { pushed.action, pushed.merged, count })
      local merged = SKILL:gsub("body", "new body")
        :gsub("description: d", "description: mine # why")
      assert.equal(merged, read(dir, "SKILL.md"))
    end)

    it("a line that could not be kept refuses the change of others, and force takes it", function()
      local metadata = "metadata:\n  a: |+\n    x\n  b: 1\n\n  c: 2\n"
      local source = SKILL:gsub("\n%-%-%-\n\n", "\n" .. metadata .. "---\n\n")
      write(dir, "SKILL.md", source)
      assert(skill_folder.push(client, dir))
      assert(skill_folder.pull(client, "pdf-forms", there))
      publish({ ["SKILL.md"] = (source:gsub("  b: 1\n\n", "")) })
      local before = tree(dir)
      local pulled, err = skill_folder.pull(client, "pdf-forms", dir)
      fails("invalid", { summary = "the folder was left as it was" }, pulled, err)
      assert.same({ "SKILL.md", 4 }, { err.problems[1].path, err.problems[1].line })
      assert.truthy(err.message:find("change it by hand", 1, true), err.message)
      fails("invalid", nil, skill_folder.push(client, dir))
      assert.same(before, tree(dir))
      assert(skill_folder.pull(client, "pdf-forms", dir, { force = true }))
      assert.same({ a = "x\n", c = 2 }, skill_folder.parse(read(dir, "SKILL.md")).metadata)
    end)

    it("an empty folder makes room for a file, another is reported as in the way", function()
      publish({ new = "n\n" })
      write(dir, "new/x/mine.md", "m\n")
      local before = tree(dir)
      local pulled, err = skill_folder.pull(client, "pdf-forms", dir)
      fails("file", { file = dir .. "/new" }, pulled, err)
      assert.truthy(err.message:find("a folder is in its place", 1, true))
      assert.same(before, tree(dir))
      os.remove(dir .. "/new/x/mine.md")
      lfs.rmdir(dir .. "/new/x")
      assert(skill_folder.pull(client, "pdf-forms", dir))
      assert.equal("n\n", read(dir, "new"))
    end)
  end)
end

describe("a skill folder that came from somebody else", function()
  local t = live.session()
  local root, dir, client

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client()
    root = folders.new()
    dir = root .. "/pdf-forms"
    write(root, "pdf-forms/SKILL.md", SKILL)
    write(dir, "a.md", "a\n")
    write(root, "kept.md", "kept\n")
  end)
  after_each(function()
    folders.remove(root)
  end)

  --- What is left by a process that died while it wrote.
  local function leave(plan, files)
    lfs.mkdir(dir .. "/" .. STAGE)
    write(dir, STAGE .. "/plan", plan)
    for name, text in pairs(files or {}) do
      write(dir, STAGE .. "/" .. name, text)
    end
  end

  it("has no plan by which anything else is written or removed", function()
    lfs.link(root, dir .. "/up", true)
    for _, plan in ipairs({
      '[{"path":"../kept.md","writes":true,"had":true,"missing":[],"number":1}]',
      '[{"path":"../kept.md","writes":true,"had":false,"missing":[],"number":1}]',
      '[{"path":".git/config","writes":false,"had":true,"missing":[],"number":1}]',
      '[{"path":"x/y","writes":true,"had":false,"missing":["../there"],"number":1}]',
      '[{"path":"a.md","writes":true,"had":true,"missing":[],"number":"../1"}]',
      '[{"path":5,"writes":true,"had":true,"missing":[],"number":1}]',
      '[{"path":"a.md","writes":true,"had":true,"missing":5,"number":1}]',
      '[{"path":"a.md","writes":true,"had":true,"missing":[5],"number":1}]',
      '{"path":"a.md"}',
      "[5]",
      "5",
      "null",
      "",
      '[{"path":"a.md"',
    }) do
      leave(plan, { ["1.old"] = "owned\n" })
      local before = tree(root)
      before["pdf-forms/" .. STAGE .. "/guard"] = ""
      local problems, err = skill_folder.lint(dir)
      fails("file", { file = dir .. "/" .. STAGE .. "/plan" }, problems, err)
      assert.same(before, tree(root), plan)
    end
    leave(
      '[{"path":"up/kept.md","writes":false,"had":true,"missing":[],"number":1},'
        .. '{"path":"up/new.md","writes":false,"had":true,"missing":[],"number":2}]',
      { ["1.old"] = "owned\n", ["2.old"] = "owned\n" }
    )
    assert(skill_folder.lint(dir))
    assert.equal("kept\n", read(root, "kept.md"))
    assert.is_nil(read(root, "new.md"))
  end)

  it("has no symbolic links in the place of our own files that are followed", function()
    lfs.mkdir(dir .. "/" .. STAGE)
    assert(lfs.link(root .. "/made", dir .. "/" .. STAGE .. "/guard", true))
    fails("file", nil, skill_folder.lint(dir))
    assert.is_nil(read(root, "made"))
    os.execute("rm -r " .. dir .. "/" .. STAGE)

    assert(lfs.link(root .. "/kept.md", dir .. "/" .. LOCK, true))
    fails("file", { file = dir .. "/" .. LOCK }, skill_folder.lint(dir))
    os.remove(dir .. "/" .. LOCK)

    assert(lfs.link(root .. "/kept.md", dir .. "/.posthog-skill.probe", true))
    local other = root .. "/other/pdf-forms"
    write(other, "SKILL.md", SKILL)
    write(other, "X.md", "1\n")
    write(other, "x.md", "2\n") -- whether the folder can hold both is tried out
    assert(skill_folder.push(client, other))
    assert(skill_folder.pull(client, "pdf-forms", dir, { force = true }))
    assert.equal("kept\n", read(root, "kept.md"))
  end)

  it("keeps what was edited after a process died in it", function()
    local digest = require("posthog.llm.core").sha256("new\n")
    local plan = (
      '[{"path":"a.md","writes":true,"had":true,"missing":[],"number":1,"digest":%q},'
      .. '{"path":"gone.md","writes":false,"had":true,"missing":[],"number":2},'
      .. '{"path":"m.md","writes":true,"had":false,"missing":[],"number":3,"digest":%q}]'
    ):format(digest, digest)
    local old = { ["1.old"] = "a\n", ["2.old"] = "gone\n" }

    write(dir, "a.md", "new\n") -- all was done, nothing was edited
    write(dir, "m.md", "new\n")
    leave(plan, old)
    assert(skill_folder.status(nil, dir))
    assert.same({ ["SKILL.md"] = SKILL, ["a.md"] = "a\n", ["gone.md"] = "gone\n" }, tree(dir))

    local edited = {
      ["SKILL.md"] = SKILL,
      ["a.md"] = "edited\n",
      ["gone.md"] = "edited\n",
      ["m.md"] = "edited\n",
    }
    for path, text in pairs(edited) do
      write(dir, path, text)
    end
    leave(plan, old)
    assert(skill_folder.status(nil, dir))
    assert.same(edited, tree(dir))

    old["1.new"], old["3.new"] = "new\n", "new\n" -- nothing was done yet
    leave(plan, old)
    assert(skill_folder.status(nil, dir))
    assert.same(edited, tree(dir))
  end)

  it("is left as one of several processes pulled it", function()
    for version = 1, 4 do
      for i = 1, 4 do
        write(dir, i .. ".md", ("%d\n"):format(version))
      end
      assert(skill_folder.push(client, dir))
    end
    write(
      root,
      "program.lua",
      ([[
      local llm = require("posthog.llm")
      local client = llm.new({ personal_api_key = "phx_emulator_all", project_id = 112358,
        host = %q })
      for i = 1, 12 do
        local options = { version = i %% 4 + 1 }
        local pull = require("posthog.llm.skill_folder").pull
        local pulled, err = pull(client, "pdf-forms", %q, options)
        local is_busy = err and (err.message:find("another process") or err.kind == "conflict")
        if not pulled and not is_busy then print(err) end
      end]]):format(t.e.url, dir)
    )
    local command = "for i in 1 2 3; do %s %s/program.lua 2>&1 & done; wait"
    local pipe = assert(io.popen(command:format(os.getenv("LUA") or "lua5.4", root)))
    local said = pipe:read("*a")
    pipe:close()
    assert.equal("", said)
    local version = assert(skill_folder.status(nil, dir)).version
    for i = 1, 4 do
      assert.equal(version .. "\n", read(dir, i .. ".md"))
    end
    assert.is_nil(lfs.attributes(dir .. "/" .. STAGE))
  end)

  it("has no name, and no lock, that is used without a check", function()
    for _, name in ipairs({ "..", ".", "''", "a/b", "'a\tb'" }) do
      write(dir, "SKILL.md", (SKILL:gsub("pdf%-forms", name)))
      local since = #t.e:log()
      fails("invalid", nil, skill_folder.status(client, dir))
      assert.equal(since, #t.e:log())
    end
    write(dir, "SKILL.md", SKILL)
    assert(skill_folder.push(client, dir))
    local lock = read(dir, LOCK)
    for old, values in pairs({
      ['"pdf%-forms"'] = { '".."', '""', '"a/b"', '"a\\n"', "5" },
      ['"version": 1'] = { '"version": 1e300', '"version": "1"', '"version": 9007199254740993' },
      ["^{"] = { "<<<<<<< HEAD\n{", "[" },
      ['"a.md"'] = { '"../a.md"' },
      ["\n}\n$"] = { "" },
    }) do
      for _, new in ipairs(values) do
        write(dir, LOCK, (lock:gsub(old, (new:gsub("%%", "%%%%")), 1)))
        local before = tree(dir)
        for _, call in ipairs({
          function()
            return skill_folder.status(client, dir)
          end,
          function()
            return skill_folder.push(client, dir)
          end,
          function()
            return skill_folder.pull(client, "pdf-forms", dir, { force = true })
          end,
        }) do
          local value, err = call()
          fails("file", { file = dir .. "/" .. LOCK }, value, err)
          local cure = new:find("<<<<", 1, true) and "keep one side" or "remove it"
          assert.truthy(err.message:find(cure, 1, true), err.message)
        end
        assert.same(before, tree(dir), new)
      end
    end
  end)
end)
