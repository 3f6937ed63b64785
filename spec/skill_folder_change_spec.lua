-- A folder is changed by one process at a time, as a whole or not at all.

local core = require("posthog.llm.core")
local lfs = require("lfs")

local change = require("posthog.llm.skill_folder.change")
local file_system = require("posthog.llm.util.file_system")
local folders = require("spec.support.folders")

local read, write, tree = folders.read, folders.write, folders.tree

local STAGE = ".posthog-skill.tmp"
local PLAN = '[{"path":"a.md","writes":false,"had":true,"missing":[],"number":1}]'

describe("a change of a folder", function()
  local root, dir, stage, guard, real

  before_each(function()
    root = folders.new()
    dir = root .. "/pdf-forms"
    stage = dir .. "/" .. STAGE
    guard = stage .. "/guard"
    write(dir, "a.md", "a\n")
    write(dir, "keep/b.md", "b\n")
    real = {
      remove = os.remove,
      rename = os.rename,
      mkdir = lfs.mkdir,
      lock = file_system.lock,
      link = lfs.link,
      create_file = file_system.create_file,
    }
  end)
  after_each(function()
    os.remove, os.rename, lfs.mkdir = real.remove, real.rename, real.mkdir -- luacheck: ignore
    file_system.lock, file_system.create_file, lfs.link = real.lock, real.create_file, real.link
    folders.remove(root)
  end)

  --- What a process that died has left: a.md was removed, its text is kept.
  local function leave()
    os.remove(dir .. "/a.md")
    lfs.mkdir(stage)
    write(stage, "plan", PLAN)
    write(stage, "1.old", "a\n")
    write(stage, "2.new", "never placed\n")
  end

  local function is_locked()
    local lock, why = core.lock(guard)
    if lock then
      lock:close()
    end
    return why == "locked"
  end

  --- Notes what is removed of our folder, and whether somebody else could get in then.
  local function watch_removals()
    local removed = {}
    function os.remove(path) -- luacheck: ignore
      local name = path:match("/%.posthog%-skill%.tmp/(.*)$")
      if name and lfs.symlinkattributes(path) then
        removed[#removed + 1] = name .. (is_locked() and "" or " while nobody held it")
      end
      return real.remove(path)
    end
    return removed
  end

  it("takes away what it needed while nobody else can get in, the guard at the end", function()
    local removed = watch_removals()
    assert(change.apply(dir, { ["a.md"] = "A\n", ["new/c.md"] = "c\n" }, { "keep/b.md" }, false))
    assert.same({ ["a.md"] = "A\n", ["new/c.md"] = "c\n" }, tree(dir))
    assert.is_nil(lfs.attributes(stage))
    assert.equal("guard", table.remove(removed))
    table.sort(removed)
    assert.same({ "1.old", "2.old", "plan" }, removed)
  end)

  describe("that writes one file", function()
    --- What is done to the disk, in order.
    local function watch()
      local done, sync, sync_file = {}, core.sync, file_system.sync
      local function note(what, path)
        done[#done + 1] = what .. " " .. path:sub(#root + 2):gsub("/$", "")
      end
      function file_system.create_file(path, ...)
        note("create", path)
        return real.create_file(path, ...)
      end
      function os.rename(from, to) -- luacheck: ignore
        note("rename to", to)
        return real.rename(from, to)
      end
      core.sync = function(path)
        note("sync", path)
        return sync(path)
      end
      file_system.sync = core.sync
      return done, function()
        core.sync, file_system.sync = sync, sync_file
      end
    end

    it("has its text on the disk before its name, and its name before it ends", function()
      local done, stop = watch()
      local ok, err = change.apply(dir, { ["a.md"] = "A\n" }, {}, false)
      stop()
      assert(ok, err)
      assert.same({
        "create pdf-forms/" .. STAGE .. "/1.new", -- which syncs it
        "rename to pdf-forms/a.md",
        "sync pdf-forms",
      }, done)
      assert.same({ ["a.md"] = "A\n", ["keep/b.md"] = "b\n" }, tree(dir))
    end)

    it("leaves the folder as it was where the file cannot get its name", function()
      for _, path in ipairs({ "a.md", "c.md" }) do
        function os.rename() -- luacheck: ignore
          return nil, "Input/output error"
        end
        local before = tree(root)
        local ok, err = change.apply(dir, { [path] = "new\n" }, {}, false)
        os.rename = real.rename -- luacheck: ignore
        assert.is_nil(ok)
        assert.matches(path .. ": cannot be written: Input/output error", err.message)
        assert.same(before, tree(root))
        assert.is_nil(lfs.attributes(stage))
      end
    end)

    it("does not write over what was changed meanwhile", function()
      local seen = { ["a.md"] = core.sha256("a\n") }
      write(dir, "a.md", "mine\n")
      local ok, err = change.apply(dir, { ["a.md"] = "A\n" }, {}, seen)
      assert.is_nil(ok)
      assert.equal("conflict", err.kind)
      assert.equal("mine\n", read(dir, "a.md"))
    end)

    it("is done, or as it was, where the process has died in it", function()
      for _, is_placed in ipairs({ false, true }) do
        write(dir, "a.md", is_placed and "A\n" or "a\n")
        lfs.mkdir(stage)
        write(stage, "guard", "")
        if not is_placed then
          write(stage, "1.new", "A\n")
        end
        assert.is_true(change.recover(dir))
        assert.same({ ["a.md"] = is_placed and "A\n" or "a\n", ["keep/b.md"] = "b\n" }, tree(dir))
        assert.is_nil(lfs.attributes(stage))
      end
    end)
  end)

  it("is led back while nobody else can get in, the guard at the end", function()
    leave()
    local removed = watch_removals()
    assert.is_true(change.recover(dir))
    assert.same({ ["a.md"] = "a\n", ["keep/b.md"] = "b\n" }, tree(dir))
    assert.is_nil(lfs.attributes(stage))
    assert.equal("guard", table.remove(removed))
    table.sort(removed)
    assert.same({ "2.new", "plan" }, removed)
  end)

  it("is neither begun nor led back while another holds the guard", function()
    leave()
    local lock = assert(core.lock(guard))
    local before = tree(root)
    for _, try in ipairs({
      function()
        return change.recover(dir)
      end,
      function()
        return change.apply(dir, { ["c.md"] = "c\n" }, { "keep/b.md" }, false)
      end,
    }) do
      local done, err = try()
      assert.is_nil(done)
      assert.equal("file", err.kind)
      assert.matches("another process is changing the folder", err.message)
      assert.same(before, tree(root))
    end
    lock:close()
    assert.is_true(change.recover(dir))
    assert.same({ ["a.md"] = "a\n", ["keep/b.md"] = "b\n" }, tree(dir))
  end)

  --- Somebody who has found our folder before we hold it.
  local function meet(act)
    function file_system.lock(path)
      act()
      return real.lock(path)
    end
  end

  it("is not begun when another process takes its place away meanwhile", function()
    meet(function()
      lfs.rmdir(stage)
    end)
    local done, err = change.apply(dir, { ["c.md"] = "c\n" }, {}, false)
    assert.is_nil(done)
    assert.matches("another process is changing the folder", err.message)
    meet(function()
      lfs.mkdir(guard)
    end)
    done, err = change.apply(dir, { ["c.md"] = "c\n" }, {}, false)
    assert.is_nil(done)
    assert.matches("cannot be written to: Is a directory", err.message)
    assert.same({ ["a.md"] = "a\n", ["keep/b.md"] = "b\n", [STAGE .. "/guard/"] = "" }, tree(dir))
  end)

  it("needs not be led back when another process has come to its end", function()
    leave()
    meet(function()
      folders.remove(stage)
    end)
    assert.is_true(change.recover(dir))
    meet(function()
      error("nothing is left")
    end)
    assert.is_true(change.recover(dir))
  end)

  it("leaves no folder that it has made when it cannot begin", function()
    function lfs.mkdir(path) -- luacheck: ignore
      if path:find(STAGE, 1, true) then
        return nil, "No space left on device"
      end
      return real.mkdir(path)
    end
    local done, err = change.apply(root .. "/new/deep", { ["c.md"] = "c\n" }, {}, false)
    assert.is_nil(done)
    assert.matches("cannot be written to: No space left on device", err.message)
    assert.is_nil(lfs.attributes(root .. "/new"))
  end)

  it("leaves no folder that it has made when it fails", function()
    function os.rename(from, to) -- luacheck: ignore
      if to:find("c.md", 1, true) then
        return nil, "Input/output error"
      end
      return real.rename(from, to)
    end
    local done, err = change.apply(root .. "/new/deep", { ["x/c.md"] = "c\n" }, {}, false)
    assert.is_nil(done)
    assert.matches("Input/output error", err.message)
    assert.is_nil(lfs.attributes(root .. "/new"))
  end)

  it("that can be neither finished nor led back is left to the next process", function()
    function os.rename(from, to) -- luacheck: ignore
      if to:find("keep/b.md", 1, true) or to == dir .. "/a.md" then
        return nil, "Input/output error"
      end
      return real.rename(from, to)
    end
    local done, err = change.apply(dir, { ["keep/b.md"] = "B\n" }, { "a.md" }, false)
    assert.is_nil(done)
    assert.matches("keep/b.md: cannot be written: Input/output error", err.message)
    assert.is_nil(read(dir, "a.md"))
    assert.is_false(is_locked())
    done, err = change.recover(dir)
    assert.is_nil(done)
    assert.matches("a.md: cannot be put back: Input/output error", err.message)
    assert.is_false(is_locked())
    os.rename = real.rename -- luacheck: ignore
    assert.is_true(change.recover(dir))
    assert.same({ ["a.md"] = "a\n", ["keep/b.md"] = "b\n" }, tree(dir))
  end)

  it("that has no plan of ours is left as it is, for anyone to look at", function()
    leave()
    write(stage, "plan", '[{"path":"../a.md","writes":false,"had":true,"missing":[],"number":1}]')
    local done, err = change.recover(dir)
    assert.is_nil(done)
    assert.matches("plan: cannot be followed", err.message)
    assert.is_false(is_locked())
    assert.equal("a\n", read(stage, "1.old"))
  end)

  describe("where files cannot be linked", function()
    before_each(function()
      lfs.link = function() -- luacheck: ignore
        return nil, "Operation not permitted"
      end
    end)

    it("is led back by copies", function()
      function os.rename(from, to) -- luacheck: ignore
        if to:find("c.md", 1, true) then
          return nil, "Input/output error"
        end
        return real.rename(from, to)
      end
      local before = tree(root)
      local changes = { ["a.md"] = "A\n", ["new/c.md"] = "c\n" }
      assert.is_nil(change.apply(dir, changes, { "keep/b.md" }, false))
      assert.same(before, tree(root))
      os.rename = real.rename -- luacheck: ignore
      assert(change.apply(dir, changes, { "keep/b.md" }, false))
      assert.same({ ["a.md"] = "A\n", ["new/c.md"] = "c\n" }, tree(dir))
    end)

    it("is not begun when a copy cannot be made", function()
      function file_system.create_file(path, ...)
        if path:find("%.old$") then
          return nil, "No space left on device"
        end
        return real.create_file(path, ...)
      end
      local before = tree(root)
      local done, err = change.apply(dir, { ["a.md"] = "A\n", ["c.md"] = "c\n" }, {}, false)
      assert.is_nil(done)
      assert.matches("a.md: cannot be kept: No space left on device", err.message)
      assert.same(before, tree(root))
    end)
  end)
end)
