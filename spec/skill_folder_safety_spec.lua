-- A pulled skill is somebody else's text, and disks fail.

local lfs = require("lfs")

local core = require("posthog.llm.core")
local file_system = require("posthog.llm.util.file_system")
local folders = require("spec.support.folders")
local live = require("spec.support.live")
local llm = require("posthog.llm")
local skill_folder = require("posthog.llm.skill_folder")

local t = live.session()
local fails = live.fails
local write, tree = folders.write, folders.tree

--- Paths that a server could send, and none of which may be written.
local HOSTILE = {
  "../x",
  "a/../../x",
  "..",
  ".",
  "a/./b",
  "/etc/x",
  "//x",
  "a//b",
  "a/",
  "",
  "C:/x",
  "c:x",
  "a\\..\\x",
  "..\\x",
  ".git/config",
  ".GIT/hooks/pre-commit",
  "sub/.git/config",
  ".git./config",
  ".git /config",
  ".gi\226\128\140t/config",
  "git~1/config",
  ".git::$INDEX_ALLOCATION/config",
  ".hg/hgrc",
  ".svn/entries",
  "SKILL.md",
  "skill.MD",
  "SKILL.md/x",
  "SKILL.md.",
  "\197\191KILL.md", -- a long s
  "S\226\132\170ILL.md", -- the sign of Kelvin
  "SKILL\194\173.md", -- a soft hyphen
  ".gi\239\184\143t/config", -- a variation selector
  ".posthog-skill.json",
  ".POSTHOG-skill.json",
  ".posthog-skill.tmp/plan",
  "a\nb",
  "a\0b",
  "a\27[2Jb",
  " a",
  "a ",
  ("x"):rep(256),
  ("x/"):rep(260) .. "x",
  "a\255b",
}

describe("a pulled skill", function()
  local root, dir, client

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client()
    root = folders.new()
    dir = root .. "/in/pdf-forms"
  end)
  after_each(function()
    folders.remove(root)
  end)

  --- A client whose server sends these files.
  local function hostile(files)
    local list = {}
    for i, file in ipairs(files) do
      list[i] = { path = file.path or file, content_type = "text/plain" }
    end
    local skill = {
      id = "01a201c3-f751-701b-9c56-03ffb16537a6",
      name = "pdf-forms",
      version = 1,
      description = "d",
      body = "b",
      files = list,
      first_version_created_at = "2026",
    }
    return {
      skills = {
        resolve = function()
          return { skill = skill, versions = {}, has_more = false }
        end,
        file = function(_, _, path)
          return { path = path, content = "owned", content_type = "x" }
        end,
      },
    }
  end

  it("writes no path outside, nor one that is git's or ours", function()
    for _, path in ipairs(HOSTILE) do
      local pulled, err = skill_folder.pull(hostile({ "fine.md", path }), "pdf-forms", dir)
      fails("invalid", nil, pulled, err)
      assert.equal(path, err.problems[1].path)
      assert.same({}, tree(root), ("%q"):format(path))
    end
    assert(#HOSTILE >= 20)
  end)

  it("names all invalid paths at once, also in a push and in a status", function()
    local _, err = skill_folder.pull(hostile({ "../x", "ok", "/y" }), "pdf-forms", dir)
    assert.equal(2, #err.problems)
    write(dir, "SKILL.md", "---\nname: pdf-forms\ndescription: d\n---\nb\n")
    fails(
      "invalid",
      nil,
      skill_folder.push(
        setmetatable({
          profile = function() end,
        }, { __index = hostile({ "../x" }) }),
        dir
      )
    )
    fails("invalid", nil, skill_folder.status(hostile({ "../x" }), dir))
  end)

  it("writes nothing when the response has such a path", function()
    assert(client.skills:create({ name = "pdf-forms", description = "d", body = "b" }))
    local answer =
      assert(client:request("GET", "/api/projects/:project_id/llm_skills/resolve/name/pdf-forms/"))
    answer.skill.files = { { path = "../../evil.md", content_type = "text/plain" } }
    t.answer(200, (assert(core.encode(answer))))
    fails("invalid", nil, skill_folder.pull(client, "pdf-forms", dir))
    assert.same({}, tree(root))
  end)

  it("is refused when the response is not valid", function()
    assert(client.skills:create({ name = "pdf-forms", description = "d", body = "b" }))
    local path = "/api/projects/:project_id/llm_skills/resolve/name/pdf-forms/"
    for field, values in pairs({
      name = { "../pdf-forms", "other", 1 },
      version = { "1", 1.5, 0, -1 },
      id = { 5, llm.null },
      body = { 5, llm.null },
      files = { "x", { "x" }, { {} }, { { path = 5 } } },
    }) do
      for _, value in ipairs(values) do
        local answer = assert(client:request("GET", path))
        answer.skill[field] = value
        t.answer(200, (assert(core.encode(answer))))
        local pulled, err = skill_folder.pull(client, "pdf-forms", dir)
        t.e:faults({})
        fails("decode", nil, pulled, err)
        assert.same({}, tree(root), field)
      end
    end
    local answer = assert(client:request("GET", path))
    for field, value in pairs({
      description = 5,
      license = {},
      allowed_tools = { 5, {} },
      metadata = llm.array({ 1 }),
      first_version_created_at = 5,
    }) do
      answer.skill[field] = value
    end
    t.answer(200, (assert(core.encode(answer))))
    assert(skill_folder.pull(client, "pdf-forms", dir))
    assert.equal("pdf-forms", skill_folder.parse(folders.read(dir, "SKILL.md")).name)
  end)

  it("may make a folder of a file, and a file of a folder", function()
    write(dir, "SKILL.md", "---\nname: pdf-forms\ndescription: d\n---\n\nb\n")
    write(dir, "a", "file\n")
    write(dir, "b/c/d.md", "deep\n")
    assert(skill_folder.push(client, dir))
    local there = root .. "/there/pdf-forms"
    assert(skill_folder.pull(client, "pdf-forms", there))
    os.remove(dir .. "/a")
    os.execute("rm -r '" .. dir .. "/b'")
    write(dir, "a/x/y.md", "deep\n")
    write(dir, "b", "file\n")
    assert(skill_folder.push(client, dir))
    assert(skill_folder.pull(client, "pdf-forms", there))
    assert.same(tree(dir), tree(there))
  end)

  it("has no file that is also a folder, and no path twice", function()
    fails("invalid", nil, skill_folder.pull(hostile({ "a", "a/b" }), "pdf-forms", dir))
    fails("invalid", nil, skill_folder.pull(hostile({ "a", "a" }), "pdf-forms", dir))
    assert.same({}, tree(root))
  end)

  it("has no two paths that differ by case where a folder cannot hold both", function()
    local change = require("posthog.llm.skill_folder.change")
    local folds_case = change.folds_case
    change.folds_case = function()
      return true
    end
    local _, err = skill_folder.pull(hostile({ "A.md", "a.md" }), "pdf-forms", dir)
    local _, deeper = skill_folder.pull(hostile({ "A/x.md", "a/y.md" }), "pdf-forms", dir)
    change.folds_case = folds_case
    fails("invalid", nil, nil, err)
    fails("invalid", nil, nil, deeper)
    assert.same({}, tree(root))
    assert(skill_folder.pull(hostile({ "A.md", "a.md" }), "pdf-forms", dir))
    assert.equal("owned\n", folders.read(dir, "a.md"))
  end)

  --- Two paths that some folders take for one, and what such a folder takes no note of.
  local TWINS = {
    { "\195\132.md", "\195\164.md", "case" }, -- Ä and ä
    { "\195\164.md", "a\204\136.md", "form" }, -- in one code point and in two
    { "\195\132.md", "a\204\136.md", "both" },
    { "stra\195\159e/x.md", "STRASSE/y.md", "case" },
    { "\225\186\158", "ss", "case" },
    { "a", "\239\188\161", "no" }, -- a full-width A is folded to a full-width a
    { "\196\177.md", "i.md", "no" }, -- an i without a dot
    { "\196\176.md", "i.md", "no" }, -- an I with one
    { "\206\163.md", "\207\130.md", "case" }, -- a capital sigma and a final one
    { "\237\149\156.md", "\225\132\146\225\133\161\225\134\171.md", "form" }, -- Hangul
  }

  it("has no two paths that are one in its folder by Unicode's case or form", function()
    local change = require("posthog.llm.skill_folder.change")
    local folds_case, folds_form = change.folds_case, change.folds_form
    for _, folding in ipairs({ "case", "form", "both" }) do
      change.folds_case = function()
        return folding ~= "form"
      end
      change.folds_form = function()
        return folding ~= "case"
      end
      for i, twin in ipairs(TWINS) do
        local there = ("%s/%s%d"):format(root, folding, i)
        local pulled, err = skill_folder.pull(hostile({ twin[1], twin[2] }), "pdf-forms", there)
        local is_one = twin[3] == folding or (folding == "both" and twin[3] ~= "no")
        assert.equal(is_one, pulled == nil, folding .. " " .. i)
        if is_one then
          fails("invalid", nil, pulled, err)
          assert.is_nil(lfs.attributes(there))
        else
          folders.remove(there)
        end
      end
    end
    change.folds_case, change.folds_form = folds_case, folds_form
    for i, twin in ipairs(TWINS) do -- and here, where they are two
      local there = ("%s/here%d"):format(root, i)
      assert(skill_folder.pull(hostile({ twin[1], twin[2] }), "pdf-forms", there))
      assert.equal("owned\n", folders.read(there, twin[1]))
      assert.equal("owned\n", folders.read(there, twin[2]))
    end
  end)

  it("has the names that the server gave it where a file system lists others", function()
    local disk = require("posthog.llm.skill_folder.disk")
    local kind, read = disk.kind, disk.read
    for _, names in ipairs({
      { "\195\164.md", "a\204\136.md" }, -- in one code point, and as HFS+ lists it
      { "Read me.md", "READ ME.md" },
      { "sub/\195\132/x.md", "sub/\195\164/x.md" },
    }) do
      local given, listed = names[1], names[2]
      t.reset()
      folders.remove(root)
      write(dir, "SKILL.md", "---\nname: pdf-forms\ndescription: d\n---\n\nb\n")
      write(dir, given, "x\n")
      assert(skill_folder.push(client, dir))
      os.remove(dir .. "/" .. given)
      write(dir, listed, "x\n")
      local function gone_and_new()
        return #assert(skill_folder.push(client, dir, { dry_run = true })).changes
      end
      assert.equal(2, gone_and_new()) -- here they are two files
      local function found(path)
        return path == dir .. "/" .. given and dir .. "/" .. listed or path
      end
      disk.kind = function(path)
        return kind(found(path))
      end
      disk.read = function(path)
        return read(found(path))
      end
      local changes = gone_and_new()
      local pushed = assert(skill_folder.push(client, dir))
      local pulled = assert(skill_folder.pull(client, "pdf-forms", dir))
      disk.kind, disk.read = kind, read
      assert.same({ 0, "unchanged", {} }, { changes, pushed.action, pulled.written })
    end
  end)

  it("does not go through symbolic links", function()
    folders.write(root, "out/kept.md", "kept")
    folders.write(dir, "x", "")
    os.remove(dir .. "/x")
    assert(lfs.link(root .. "/out", dir .. "/sub", true))
    assert(lfs.link(root .. "/out/kept.md", dir .. "/file.md", true))
    assert(lfs.link(root .. "/out/new.md", dir .. "/dangling.md", true))
    local before = tree(root)
    for _, path in ipairs({ "sub/kept.md", "sub/new.md", "file.md", "dangling.md" }) do
      for _, force in ipairs({ true, false }) do
        fails(
          "invalid",
          nil,
          skill_folder.pull(hostile({ path }), "pdf-forms", dir, { force = force })
        )
        assert.same(before, tree(root), path)
      end
    end
  end)

  it("gives a push nothing that a link in it leads to, a secret say", function()
    write(dir, "SKILL.md", "---\nname: pdf-forms\ndescription: d\n---\n\nb\n")
    folders.write(root, "out/secret", "phx_secret")
    assert(lfs.link(root .. "/out", dir .. "/sub", true))
    assert(lfs.link(root .. "/out/secret", dir .. "/file.md", true))
    local pushed, err = skill_folder.push(client, dir)
    fails("invalid", nil, pushed, err)
    assert.truthy(err.message:find("file.md: is a link", 1, true), err.message)
    assert.truthy(err.message:find("sub: is a link", 1, true), err.message)
    pushed = assert(skill_folder.push(client, dir, { skip_binary = true }))
    assert.equal("created", pushed.action)
    for _, path in ipairs({ "file.md", "sub/secret" }) do
      fails("not_found", nil, client.skills:file("pdf-forms", path))
    end
  end)

  it("does not overwrite a file that a push left out", function()
    write(dir, "SKILL.md", "---\nname: pdf-forms\ndescription: d\n---\n\nb\n")
    write(dir, "x.md", "x\n")
    assert(skill_folder.push(client, dir))
    local there = root .. "/there/pdf-forms"
    assert(skill_folder.pull(client, "pdf-forms", there))
    write(there, "x.md", "new\n")
    assert(skill_folder.push(client, there))
    write(dir, "x.md", "\0")
    fails("invalid", nil, skill_folder.push(client, dir, { skip_binary = true }))
    assert.equal("\0", folders.read(dir, "x.md"))
    fails("conflict", nil, skill_folder.pull(client, "pdf-forms", dir)) -- no markers in it
    assert.equal("\0", folders.read(dir, "x.md"))
    assert(skill_folder.pull(client, "pdf-forms", dir, { force = true }))
    assert.equal("new", folders.read(dir, "x.md")) -- no newline was at its end
  end)

  it(
    "leaves files in the folder the modes that they have, in a pull, a merge and an undo",
    function()
      local MODES = { ["run.sh"] = "rwxr-xr-x", ["own.sh"] = "rwx------", ["a.md"] = "rw-r-----" }
      local function modes(of)
        local found = {}
        for path in pairs(MODES) do
          found[path] = lfs.attributes(of .. "/" .. path, "permissions")
        end
        return found
      end
      local there = root .. "/there/pdf-forms"
      write(dir, "SKILL.md", "---\nname: pdf-forms\ndescription: d\n---\n\nb\n")
      for path in pairs(MODES) do
        write(dir, path, "1\n2\n3\n4\n5\n")
      end
      assert(skill_folder.push(client, dir))
      assert(skill_folder.pull(client, "pdf-forms", there))
      assert(core.set_mode(there .. "/run.sh", 493)) -- 0755
      assert(core.set_mode(there .. "/own.sh", 448)) -- 0700
      assert(core.set_mode(there .. "/a.md", 416)) -- 0640
      assert.same(MODES, modes(there))

      local function publish(from, to)
        for path in pairs(MODES) do
          write(dir, path, (folders.read(dir, path):gsub(from, to)))
        end
        assert(skill_folder.push(client, dir))
      end
      publish("1", "one")
      assert.equal(3, #assert(skill_folder.pull(client, "pdf-forms", there)).written)
      assert.same(MODES, modes(there))
      publish("2", "two")
      for path in pairs(MODES) do
        local file = assert(io.open(there .. "/" .. path, "wb"))
        assert(file:write("one\n2\n3\n4\nfive\n"))
        file:close()
      end
      assert.equal(3, #assert(skill_folder.push(client, there)).merged)
      assert.equal("one\ntwo\n3\n4\nfive\n", folders.read(there, "run.sh"))
      assert.same(MODES, modes(there))

      publish("3", "three") -- and with a folder in the place of the last file, nothing is done
      os.remove(there .. "/run.sh")
      write(there, "run.sh/x", "")
      local link = lfs.link
      for _, makes_links in ipairs({ true, false }) do
        if not makes_links then
          lfs.link = function()
            return nil
          end
        end
        local pulled = skill_folder.pull(client, "pdf-forms", there, { force = true })
        lfs.link = link
        assert.is_nil(pulled)
        local found = modes(there)
        assert.same({ MODES["a.md"], MODES["own.sh"] }, { found["a.md"], found["own.sh"] })
        assert.equal("one\ntwo\n3\n4\nfive\n", folders.read(there, "own.sh"))
      end
    end
  )

  it("has no executable files", function()
    assert(skill_folder.pull(hostile({ "run.sh" }), "pdf-forms", dir))
    for _, name in ipairs({ "run.sh", "SKILL.md", ".posthog-skill.json" }) do
      assert.is_nil(lfs.attributes(dir .. "/" .. name, "permissions"):find("x"))
    end
  end)

  describe("that cannot be written", function()
    local before
    before_each(function()
      write(dir, "SKILL.md", "---\nname: pdf-forms\ndescription: d\n---\n\nb\n")
      write(dir, "a.md", "a\n")
      write(dir, "keep/b.md", "b\n")
      assert(skill_folder.push(client, dir))
      local there = root .. "/other/pdf-forms"
      assert(skill_folder.pull(client, "pdf-forms", there))
      write(there, "a.md", "A\n")
      write(there, "big.md", ("x"):rep(200000))
      write(there, "new/c.md", "c\n")
      os.remove(there .. "/keep/b.md")
      assert(skill_folder.push(client, there))
      before = tree(dir)
    end)

    it("leaves the folder as it was when the network fails half-way", function()
      t.e:fault({ match = { path = "files/big.md" }, action = { status = 500 } })
      fails("server", nil, skill_folder.pull(client, "pdf-forms", dir))
      assert.same(before, tree(dir))
      t.e:faults({})
      t.e:fault({ match = { path = "files/new" }, action = { close = "before" } })
      fails("network", nil, skill_folder.pull(client, "pdf-forms", dir))
      assert.same(before, tree(dir))
    end)

    it("leaves the folder as it was at every step of the disk", function()
      local rename, steps = os.rename, 0
      repeat
        steps = steps + 1
        local count = 0
        os.rename = function(...) -- luacheck: ignore
          count = count + 1
          if count == steps then
            return nil, "the disk is gone"
          end
          return rename(...)
        end
        local pulled, err = skill_folder.pull(client, "pdf-forms", dir)
        os.rename = rename -- luacheck: ignore
        if not pulled then
          fails("file", nil, pulled, err)
          assert.same(before, tree(dir), "step " .. steps)
        end
      until count < steps
      assert.truthy(steps > 4)
      assert.equal("A\n", folders.read(dir, "a.md"))
    end)

    --- A program that pulls, and that `extra` is put in front of.
    local function program(extra)
      write(root, "program.lua", extra .. ([[
        local llm = require("posthog.llm")
        local client = llm.new({ personal_api_key = "phx_emulator_all", project_id = 112358,
          host = %q })
        local ok, err = require("posthog.llm.skill_folder").pull(client, "pdf-forms", %q)
        io.write(tostring(ok), " ", tostring(err))]]):format(t.e.url, dir))
      return os.getenv("LUA") .. " " .. root .. "/program.lua 2>&1"
    end

    local function output(command)
      local pipe = assert(io.popen(command))
      local said = pipe:read("*a")
      pipe:close()
      return said
    end

    it("is restored after the process was killed, at every step", function()
      local steps, said = 0
      repeat
        steps = steps + 1
        said = output(program(([[
          local rename, left = os.rename, %d
          os.rename = function(...)
            left = left - 1
            if left == 0 then os.execute("kill -9 $PPID") end
            return rename(...)
          end]]):format(steps)))
        if not said:find("^table") then
          assert.is_nil(said:find("nil ", 1, true), said)
          assert.truthy(lfs.attributes(dir .. "/.posthog-skill.tmp"), said)
          assert(skill_folder.status(nil, dir))
          assert.same(before, tree(dir), "step " .. steps)
        end
      until said:find("^table") or steps > 20
      assert.truthy(steps > 4 and steps <= 20)
      assert.equal("A\n", folders.read(dir, "a.md"))
    end)

    it("says that the disk is full, and leaves the folder as it was", function()
      local said = output("trap '' XFSZ; ulimit -f 100; " .. program(""))
      local words = "^nil skill_folder%.pull: file: .*big%.md: cannot be written: "
      assert.truthy(said:find(words), said)
      assert.same(before, tree(dir))
    end)

    it("says that a folder cannot be written to", function()
      local made = file_system.create_file
      file_system.create_file = function()
        return nil, "Read-only file system"
      end
      local pulled, err = skill_folder.pull(client, "pdf-forms", dir)
      file_system.create_file = made
      fails("file", nil, pulled, err)
      assert.truthy(err.message:find("cannot be written: Read-only file system", 1, true))
      assert.same(before, tree(dir))
      fails("file", nil, skill_folder.pull(client, "pdf-forms", "/proc/no-skill"))
      fails("file", nil, skill_folder.push(client, root .. "/nowhere"))
    end)

    it("is not mixed with what another process writes at the same time", function()
      local stage = dir .. "/.posthog-skill.tmp"
      write(stage, "guard", "")
      local pipe = assert(
        io.popen(
          os.getenv("LUA")
            .. [[ -e '
        local core = require("posthog.llm.core")
        local lock = assert(core.lock("]]
            .. stage
            .. [[/guard"))
        assert(io.open("]]
            .. root
            .. [[/ready", "w")):close() io.read("*l") lock:close()' ]],
          "w"
        )
      )
      local tries = 0
      while not lfs.attributes(root .. "/ready") and tries < 1000 do
        tries = tries + 1
        core.sleep(0.01)
      end
      local pulled, err = skill_folder.pull(client, "pdf-forms", dir)
      pipe:write("\n")
      pipe:close()
      fails("file", nil, pulled, err)
      assert.truthy(err.message:find("another process", 1, true))
      assert(skill_folder.pull(client, "pdf-forms", dir))
    end)
  end)

  it("is reported in one error that has no key", function()
    local _, err = skill_folder.pull(hostile({ "../phx" }), "pdf-forms", dir)
    assert.is_nil(tostring(err):find("\n"))
  end)
end)
