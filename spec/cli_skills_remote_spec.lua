--- posthog-llm skills: every subcommand that works on the server alone, as a user runs it.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

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

  local function edit(dir, path, from, to)
    write(dir, path, (read(dir, path):gsub(from, to)))
  end

  it("shows skills, versions and files", function()
    skills(0, { "push", "pdf-forms" })
    edit(t.root, "pdf-forms/SKILL.md", "# Forms", "# More")
    skills(0, { "push", "pdf-forms" })
    has(skills(0, { "list" }).out, "pdf-forms        2  Fills forms.\n")
    assert.equal("# More", skills(0, { "show", "pdf-forms" }).out)
    assert.equal("# Forms", skills(0, { "show", "pdf-forms", "--version", "1" }).out)
    assert.equal(LINES:sub(1, -2), skills(0, { "show", "pdf-forms", "--file", "a.md" }).out)
    assert.matches(
      "^PATH +TYPE\na.md +text/markdown\n$",
      skills(0, { "show", "pdf-forms", "--files" }).out
    )
    assert.matches(
      "\n +2  %d%d%d%d%-.*zoe.nunez@example.net\n +1  ",
      skills(0, { "versions", "pdf-forms" }).out
    )
    skills(2, { "show", "pdf-forms", "--files", "--file", "a.md" })
    skills(4, { "show", "pdf-forms", "--file", "none.md" })
    skills(4, { "pull", "nobody" })
    local files = documents(skills(0, { "show", "pdf-forms", "--files", "--json" }).out)
    assert.equal("a.md", files[1].path)
    assert.equal("# More", documents(skills(0, { "show", "pdf-forms", "--json" }).out)[1].body)
    assert.same(
      { 2, 1 },
      (function()
        local list = documents(skills(0, { "versions", "pdf-forms", "--json" }).out)
        return { list[1].version, list[2].version }
      end)()
    )
  end)

  it("renames and deletes files, and names the version that this makes", function()
    skills(0, { "push", "pdf-forms" })
    assert.equal(
      "renamed a.md to b/c.md: pdf-forms version 2\n",
      skills(0, { "rename-file", "pdf-forms", "a.md", "b/c.md" }).out
    )
    has(
      skills(3, { "delete-file", "pdf-forms", "b/c.md", "--base-version", "1" }).err,
      "current version 2"
    )
    assert.equal(
      "deleted b/c.md: pdf-forms version 3\n",
      skills(0, { "delete-file", "pdf-forms", "b/c.md", "--base-version", "2" }).out
    )
    skills(4, { "delete-file", "pdf-forms", "b/c.md" })
    skills(4, { "rename-file", "nobody", "a", "b" })
    skills(2, { "rename-file", "pdf-forms", "a", "../b" })
    skills(0, { "push", "pdf-forms", "--force" })
    local made = documents(skills(0, { "delete-file", "pdf-forms", "a.md", "--json" }).out)
    assert.equal(5, made[1].version)
  end)

  it("duplicates a skill under another name", function()
    skills(0, { "push", "pdf-forms" })
    assert.equal(
      "copied pdf-forms: copy version 1\n",
      skills(0, { "duplicate", "pdf-forms", "copy" }).out
    )
    assert.equal(1, skills(1, { "duplicate", "pdf-forms", "copy" }).code)
    local copy = skills(0, { "duplicate", "copy", "two", "--json" }).out
    assert.equal("two", documents(copy)[1].name)
  end)

  it("archives a skill with --yes, or when the user confirms", function()
    skills(0, { "push", "pdf-forms" })
    has(skills(2, { "archive", "pdf-forms" }).err, "--yes")
    local function asked(code, answer, name)
      return skills(
        code,
        { "archive", name or "pdf-forms" },
        { terminal = 80, screen = true, typed = answer }
      ).out
    end
    has(asked(1, "printf '\\n'"), "not archived")
    has(asked(1, "printf 'no\\n'"), "[y/N]")
    has(asked(1, "printf '\\004'"), "not archived")
    skills(130, { "archive", "pdf-forms" }, t.stop_at("resolve"))
    asked(4, "printf 'y\\n'", "nobody")
    assert.equal(1, t.writes())
    has(asked(0, "printf 'y\\n'"), "archived pdf-forms")
    skills(4, { "archive", "pdf-forms", "--yes" })
    skills(0, { "push", "pdf-forms", "--force" })
    local told = skills(0, { "archive", "pdf-forms", "-y", "--json" }).out
    assert.same({ name = "pdf-forms", archived = true }, documents(told)[1])
  end)

  it("lists the skills of a category, and never all in their place", function()
    skills(0, { "push", "pdf-forms" })
    local options = { "list", "--category", "scouts" }
    if profile == "current" then
      write(t.root, "signals-scout-a/SKILL.md", skill_md("signals-scout-a"))
      skills(0, { "push", "signals-scout-a" })
      local listed = skills(0, options).out
      has(listed, "signals-scout-a")
      lacks(listed, "pdf-forms")
    else
      local refused = skills(1, options)
      has(refused.err, "--category: only API v2 has this; this server has API v1")
      lacks(refused.out, "pdf-forms")
    end
  end)

  it("does not take a response without a text for an empty one", function()
    skills(0, { "push", "pdf-forms" })
    t.e:fault({
      match = { method = "GET" },
      action = { status = 200, body = '{"id":"1","name":"pdf-forms","version":1}' },
    })
    skills(1, { "show", "pdf-forms" })
  end)
end)
