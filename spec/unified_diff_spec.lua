-- Differences in the unified format: patch and git apply make the new text of them.

local is_able, folders = pcall(require, "spec.support.folders")
local shell = require("spec.support.shell")
local unified_diff = require("posthog.llm.util.unified_diff")

local SEED = tonumber(os.getenv("SPEC_SEED")) or 20261130

local NAMES = { "f.md", "a b.md", "\195\164/\195\188.md", 'q"uo\\te.md' }
local LINES = { "a", "b", "c", "", "x y", "d\r", "-- e", "@@ -1 +1 @@" }

local function diff(old, new, more)
  local file = { path = "f.md", old = old, new = new, old_label = "version 3" }
  for name, value in pairs(more or {}) do
    file[name] = value
  end
  return unified_diff.file(file)
end

describe("a unified diff", function()
  it("has the form of git, with what the texts are of behind their names", function()
    local text, added, removed = diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nV\n6\n7\n8\n9\n")
    assert.equal(
      "diff --git a/f.md b/f.md\n--- a/f.md\tversion 3\n+++ b/f.md\t\n@@ -2,7 +2,7 @@\n"
        .. " 2\n 3\n 4\n-5\n+V\n 6\n 7\n 8\n",
      text
    )
    assert.same({ 1, 1 }, { added, removed })
  end)

  it("is empty for equal texts", function()
    assert.same({ "", 0, 0 }, { diff("a\n", "a\n") })
    assert.equal("", (diff("", "")))
  end)

  it("says that a file is new or gone, and whether it may be run", function()
    assert.equal(
      "diff --git a/f.md b/f.md\nnew file mode 100755\n--- /dev/null\n+++ b/f.md\t\n@@ -0,0 +1 @@\n+a\n",
      (diff(nil, "a\n", { is_executable = true }))
    )
    assert.equal(
      "diff --git a/f.md b/f.md\ndeleted file mode 100644\n--- a/f.md\tversion 3\n+++ /dev/null\n"
        .. "@@ -1 +0,0 @@\n-a\n",
      (diff("a\n", nil))
    )
    assert.equal("diff --git a/f.md b/f.md\nnew file mode 100644\n", (diff(nil, "")))
  end)

  it("says where the last line has no end", function()
    local text = diff("a\nb", "a\nb\n")
    assert.truthy(text:find("\n a\n-b\n\\ No newline at end of file\n+b\n", 1, true), text)
  end)

  it("does not show what is no text", function()
    local file = { path = "x.png", new = "a\0b", is_binary = true }
    assert.equal("Binary files /dev/null and b/x.png differ\n", (unified_diff.file(file)))
  end)

  it("names no second file by a path that has a newline in it", function()
    local text = diff("a\n", "b\n", { path = "x\n+++ b/y" })
    assert.equal('diff --git "a/x\\n+++ b/y" "b/x\\n+++ b/y"\n', text:match("^[^\n]*\n"))
    assert.is_nil(text:find("\n+++ b/y", 1, true))
  end)

  local function random_text()
    local lines = {}
    for i = 1, math.random(0, 16) do
      lines[i] = LINES[math.random(#LINES)]
    end
    local text = table.concat(lines, "\n")
    return math.random(3) > 1 and text ~= "" and text .. "\n" or text
  end

  for _, tool in ipairs({ "patch -s -p1 --binary -i ../d", "git apply -p1 ../d" }) do
    local program = tool:match("^%a+")
    it("is what " .. program .. " makes the new text of", function()
      if not is_able then
        pending("luafilesystem is not there for this Lua")
        return
      elseif shell.run("command -v " .. program) == "" then
        pending(program .. " is not installed")
        return
      end
      math.randomseed(SEED)
      for _ = 1, 60 do
        local root = folders.new()
        local name = NAMES[math.random(#NAMES)]
        local old, new = random_text(), random_text()
        local chance = math.random(8)
        old = (chance ~= 1 or new == "") and old or nil
        new = (chance ~= 2 or old == "") and new or nil
        folders.write(root, "work/there", "")
        if old then
          folders.write(root, "work/" .. name, old)
        end
        local text = diff(old, new, { path = name, new_label = "folder" })
        folders.write(root, "d", text)
        assert.equal(old == new, text == "")
        if text ~= "" then
          local said, status = shell.run(("cd '%s/work' && %s"):format(root, tool))
          assert.equal(0, status, said .. "\n" .. text)
          assert.equal(new, folders.read(root, "work/" .. name), text)
        end
        folders.remove(root)
      end
    end)
  end
end)
