--- posthog-llm skills new, search, log, diff, restore, rename: as a user runs them.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson.safe").new()
local command = require("spec.support.command")
local skill_text = require("spec.support.skill_text")
local skills_command = require("spec.support.skills_command")
local shell = require("spec.support.shell")

local skill_md, has = skill_text.skill_md, skill_text.has

local _, folders = pcall(require, "spec.support.folders")

local FILES = {
  ["pdf-forms/SKILL.md"] = skill_md("pdf-forms"),
  ["pdf-forms/a.md"] = "1\n2\n3\n",
}

skills_command.describe(busted, "a skill's life from a shell", FILES, function(t, profile)
  local is_v1 = profile == "reference"
  local skills = t.skills
  local read, write = folders.read, folders.write

  --- Two versions: a.md changes.
  local function publish_two()
    skills(0, { "push", "pdf-forms" })
    write(t.root, "pdf-forms/a.md", "1\n2\nthree\n")
    skills(0, { "push", "pdf-forms", "--note", "as words" })
  end

  local function json_of(code, args, options)
    args[#args + 1] = "--json"
    return assert(cjson.decode(skills(code, args, options).out))
  end

  it("new makes a folder that can be linted and pushed, and overwrites nothing", function()
    has(skills(0, { "new", "web-forms" }).out, "made web-forms/SKILL.md\n")
    has(skills(0, { "lint", "web-forms" }).err, "no problems")
    assert.equal("sub/tax/SKILL.md", json_of(0, { "new", "tax", "sub/tax" }).path)
    skills(0, { "push", "web-forms", "sub/tax" })
    has(skills(0, { "new", "two", "it's a/two" }).err, [[`skills push 'it'\''s a/two'`]])
    has(skills(1, { "new", "web-forms" }).err, "is not overwritten")
    has(skills(2, { "new", "Web" }).err, "lowercase letters")
    has(skills(2, { "new", "new" }).err, "reserved")
    has(skills(2, { "new", "a", "b" }).err, "has to have the skill's name")
    has(skills(1, { "new", "a", "pdf-forms/a.md/a" }).err, "pdf-forms/a.md")
    assert.is_nil(read(t.root, "b/SKILL.md"))
  end)

  it("search finds texts, and where they are", function()
    skills(0, { "push", "pdf-forms" })
    local found = skills(0, { "search", is_v1 and "Fills" or "# Forms" })
    has(found.out, "pdf-forms")
    if is_v1 then
      has(found.err, "only names and descriptions were searched")
    else
      has(found.out, "body:")
      assert.equal("body", json_of(0, { "search", "# Forms" }).matches[1].matched_field)
    end
    local none = skills(0, { "search", "no such text" })
    has(none.err, "no skill has this text")
    assert.equal("", skills(0, { "search", "no such text", "--json" }).out)
    has(skills(2, { "search", " " }).err, "is empty")
    skills(2, { "search", ("x"):rep(201) })
    skills(2, { "search" })
  end)

  it("search survives invalid matches", function()
    if is_v1 then
      return
    end
    skills(0, { "push", "pdf-forms" })
    t.e:fault({
      match = { path = "search/" },
      action = {
        status = 200,
        headers = { ["Content-Type"] = "application/json" },
        body = '{"count":2,"next":null,"results":[{"id":"a","name":"pdf-forms","version":1,'
          .. '"matches":[2,null,{"matched_field":3,"line":"x","excerpt":{}}],"description":[]},7]}',
      },
    })
    has(skills(0, { "search", "Fills" }).out, "pdf-forms")
    skills(0, { "search", "Fills", "--json" })
  end)

  it("search is not repeated after a 503", function()
    if is_v1 then
      return
    end
    skills(0, { "push", "pdf-forms" })
    local before = #t.e:log()
    t.e:fault({
      match = { path = "search/" },
      action = { status = 503, body = '{"detail":"Too slow."}' },
    })
    has(skills(1, { "search", "forms" }).err, "Too slow")
    assert.equal(1, #t.e:log(before))
  end)

  it("log shows what each version has changed", function()
    publish_two()
    local shown = skills(0, { "log", "pdf-forms" })
    has(shown.out, "VERSION  MADE")
    has(shown.out, "+SKILL.md +a.md\n")
    if is_v1 then
      has(shown.err, "`skills diff pdf-forms V1 V2` compares them")
    else
      has(shown.out, "as words  a.md\n")
    end
    local list = {}
    for line in skills(0, { "log", "pdf-forms", "--json" }).out:gmatch("[^\n]+") do
      list[#list + 1] = assert(cjson.decode(line))
    end
    assert.same({ 2, 1 }, { list[1].version, list[2].version })
    assert.equal("SKILL.md", list[2].changes[1].path)
    assert.equal(not is_v1, list[1].compared)
    has(skills(0, { "log", "pdf-forms", "--limit", "1" }).out, "\n      2  ")
    skills(4, { "log", "nobody" })
    skills(2, { "log" })
  end)

  it("diff shows what a push would publish, and ends with 7", function()
    assert.equal("", skills(0, { "push", "pdf-forms" }).err)
    assert.equal("", skills(0, { "diff", "pdf-forms" }).out)
    write(t.root, "pdf-forms/a.md", "1\n2\nthree\n")
    local shown = skills(7, { "diff", "pdf-forms" })
    assert.equal(
      "diff --git a/a.md b/a.md\n--- a/a.md\tversion 1\n+++ b/a.md\tfolder\n@@ -1,3 +1,3 @@\n"
        .. " 1\n 2\n-3\n+three\n",
      shown.out
    )
    assert.equal("", shown.err)
    assert.equal(shown.out, skills(7, { "diff" }, { dir = t.root .. "/pdf-forms" }).out)
    assert.equal(shown.out, skills(7, { "diff", "./pdf-forms/", "1" }).out)
    if shell.run("command -v git") == "" then
      pending("git is not installed")
      return
    end
    write(t.root, "d", shown.out)
    local said, status = shell.run(("cd '%s/pdf-forms' && git apply -R ../d"):format(t.root))
    assert.equal(0, status, said)
    assert.equal("1\n2\n3\n", read(t.root, "pdf-forms/a.md"))
    skills(0, { "diff", "pdf-forms" })
    local found = json_of(0, { "diff", "pdf-forms" })
    assert.same({ "pdf-forms", "pdf-forms", 1, 1, {} }, {
      found.name,
      found.dir,
      found.from,
      found.pulled,
      found.files,
    })
  end)

  it("diff compares versions by the name of the skill", function()
    publish_two()
    os.rename(t.root .. "/pdf-forms", t.root .. "/elsewhere")
    local last = skills(7, { "diff", "pdf-forms" }).out
    has(last, "--- a/a.md\tversion 1\n+++ b/a.md\tversion 2\n")
    assert.equal(last, skills(7, { "diff", "pdf-forms", "1" }).out)
    assert.equal(last, skills(7, { "diff", "elsewhere", "1", "2" }).out)
    assert.equal("", skills(0, { "diff", "pdf-forms", "2", "2" }).out)
    has(skills(7, { "diff", "pdf-forms", "2", "1" }).out, "-three\n+3\n")
    local found = json_of(7, { "diff", "pdf-forms", "1", "2" })
    assert.same({ 1, 2, nil }, { found.from, found.to, found.dir })
    assert.same({ "a.md", "changed", false, 1, 1 }, {
      found.files[1].path,
      found.files[1].change,
      found.files[1].binary,
      found.files[1].added,
      found.files[1].removed,
    })
    skills(4, { "diff", "pdf-forms", "9" })
    skills(4, { "diff", "pdf-forms", "1", "9" })
    skills(4, { "diff", "nobody" })
    has(skills(2, { "diff", "pdf-forms", "first" }).err, "invalid version 'first'")
    has(skills(2, { "diff", "pdf-forms", "0" }).err, "invalid version '0'")
    skills(1, { "diff", "./nowhere" })
    write(t.root, "empty/notes.txt", "x")
    has(skills(1, { "diff", "./empty" }).err, "no SKILL.md and no lock file")
    has(skills(1, { "diff", "./empty", "1", "2" }).err, "no SKILL.md and no lock file")
  end)

  it("diff says that others have published since", function()
    skills(0, { "push", "pdf-forms" })
    skills(0, { "pull", "pdf-forms", "other" })
    write(t.root, "other/a.md", "one\n2\n3\n")
    skills(0, { "push", "other" })
    has(skills(7, { "diff", "pdf-forms" }).err, "`skills diff pdf-forms 1` shows what was changed")
    assert.equal("", skills(0, { "diff", "pdf-forms", "1" }).out)
  end)

  it("diff has colours on a terminal, plain text in a pipe, and none with NO_COLOR", function()
    publish_two()
    local args = { "diff", "pdf-forms", "1", "2" }
    local screen = { terminal = 80, screen = true, env = { PAGER = "cat" } }
    local shown = skills(7, args, screen).out
    has(shown, "\27[31m-3\27[m\n")
    has(shown, "\27[32m+three\27[m\n")
    has(shown, "\27[36m@@ -1,3 +1,3 @@\27[m\n")
    has(shown, "\27[1m--- a/a.md")
    screen.env.NO_COLOR = "1"
    assert.is_nil(skills(7, args, screen).out:find("\27[3", 1, true))
    assert.is_nil(skills(7, args).out:find("\27", 1, true))
  end)

  it("diff does not let a text of somebody else control the terminal", function()
    write(t.root, "pdf-forms/a.md", "\27]0;title\7\n\tof a tab\n")
    skills(0, { "push", "pdf-forms" })
    local screen = { terminal = 80, screen = true, env = { PAGER = "cat" } }
    os.rename(t.root .. "/pdf-forms", t.root .. "/elsewhere")
    local shown = skills(7, { "diff", "pdf-forms" }, screen).out
    has(shown, "title")
    has(shown, "+\tof a tab")
    assert.is_nil(shown:find("\27]0", 1, true))
  end)

  it("restore publishes an old version again, once", function()
    publish_two()
    has(
      skills(0, { "restore", "pdf-forms", "1" }).out,
      "restored pdf-forms version 1 as version 3\n"
    )
    has(skills(0, { "restore", "pdf-forms", "1" }).out, "unchanged pdf-forms version 3")
    skills(0, { "pull", "pdf-forms" })
    assert.equal("1\n2\n3\n", read(t.root, "pdf-forms/a.md"))
    local done = json_of(0, { "restore", "pdf-forms", "2", "--note", "words again" })
    assert.same({ action = "published", name = "pdf-forms", restored = 2, version = 4 }, done)
    if not is_v1 then
      has(skills(0, { "log", "pdf-forms", "--limit", "1" }).out, "words again")
    end
    skills(4, { "restore", "pdf-forms", "9" })
    skills(4, { "restore", "nobody", "1" })
    skills(2, { "restore", "pdf-forms", "old" })
    skills(2, { "restore", "pdf-forms" })
    skills(2, { "restore", "pdf-forms", "1", "--note", ("x"):rep(401) })
  end)

  it("restore tells a conflict and a lost response", function()
    publish_two()
    local JSON = { ["Content-Type"] = "application/json" }
    local body = '{"detail":"Stale.","current_version":3}'
    t.e:fault({
      match = { method = "PATCH" },
      action = { status = 409, body = body, headers = JSON },
    })
    has(skills(3, { "restore", "pdf-forms", "1" }).err, "nothing was restored")
    t.e:faults({
      { match = { method = "PATCH" }, action = { close = "after" } },
      {
        match = { method = "GET", path = "llm_skills/name/pdf%-forms/%?" },
        action = { status = 500 },
      },
    })
    local lost = skills(1, { "restore", "pdf-forms", "1" }).err
    has(lost, "Do it again: where it has happened, nothing is sent.")
    t.e:faults({})
    has(skills(0, { "restore", "pdf-forms", "1" }).out, "unchanged pdf-forms version 3")
  end)

  it("rename moves the skill and its folder", function()
    publish_two()
    local yes = is_v1 and "--yes" or nil
    local done = skills(0, { "rename", "pdf-forms", "forms", yes })
    has(
      done.out,
      "renamed pdf-forms to forms version " .. (is_v1 and 1 or 2) .. "\nthe folder is forms\n"
    )
    if is_v1 then
      has(done.err, "the history of pdf-forms, 2 versions, is gone")
    end
    has(read(t.root, "forms/SKILL.md"), "\nname: forms\n")
    has(skills(0, { "push", "forms" }).out, "unchanged forms")
    skills(4, { "show", "pdf-forms" })
    local again = json_of(0, { "rename", "pdf-forms", "forms", yes })
    assert.same({ "forms", "pdf-forms" }, { again.name, again.from })
    skills(4, { "rename", "nobody", "somebody", yes })
    has(skills(2, { "rename", "forms", "Forms", yes }).err, "lowercase letters")
    has(skills(2, { "rename", "forms", "forms", yes }).err, "the same")
    has(skills(2, { "rename", "forms", "new", yes }).err, "reserved")
    write(t.root, "notes/SKILL.md", skill_md("notes"))
    has(skills(2, { "rename", "forms", "f", "notes", yes }).err, "has no lock file")
    skills(0, { "push", "notes" })
    skills(3, { "rename", "forms", "notes", yes })
    skills(0, { "show", "forms" })
  end)

  it("rename asks where the history is lost", function()
    publish_two()
    if not is_v1 then
      skills(0, { "rename", "pdf-forms", "forms" })
      return
    end
    local refused = skills(2, { "rename", "pdf-forms", "forms" })
    has(refused.err, "--yes allows that")
    skills(4, { "show", "forms" })
    local answered = { terminal = 80, screen = true, typed = command.answer("[y/N]", "n\\n") }
    has(skills(1, { "rename", "pdf-forms", "forms" }, answered).out, "not renamed")
    skills(4, { "show", "forms" })
    answered.typed = command.answer("[y/N]", "y\\n")
    has(skills(0, { "rename", "pdf-forms", "forms" }, answered).out, "renamed pdf-forms to forms")
    skills(4, { "show", "pdf-forms" })
  end)

  it("each command ends with 5 without a valid key, and with 130 when it is interrupted", function()
    publish_two()
    local COMMANDS = {
      { "search", "text" },
      { "log", "pdf-forms" },
      { "diff", "pdf-forms" },
      { "restore", "pdf-forms", "1" },
      { "rename", "pdf-forms", "forms" },
    }
    for _, words in ipairs(COMMANDS) do
      skills(5, words, { env = { POSTHOG_PERSONAL_API_KEY = "phx_wrong" } })
      t.e:fault({ action = { delay = { answer = 30 } } })
      local interrupt = command.until_asked(t.e, "llm_skills") .. "kill -INT $pid"
      local out = skills(130, words, { while_running = interrupt })
      has(out.err, "interrupted")
      t.e:faults({})
    end
    has(skills(0, { "show", "pdf-forms", "--file", "a.md" }).out, "three")
  end)

  it("rename that was killed goes on", function()
    publish_two()
    t.e:fault({ match = { method = "POST" }, action = { delay = { answer = 30 } } })
    command.run({ "skills", "rename", "pdf-forms", "forms", is_v1 and "--yes" or nil }, {
      dir = t.root,
      env = {
        POSTHOG_HOST = t.e.url,
        POSTHOG_PROJECT_ID = "112358",
        POSTHOG_PERSONAL_API_KEY = command.KEY,
      },
      while_running = command.until_asked(t.e, "POST") .. "kill -9 $pid",
    })
    t.e:faults({})
    skills(0, { "rename", "pdf-forms", "forms", is_v1 and "--yes" or nil })
    has(skills(0, { "push", "forms" }).out, "unchanged forms")
    skills(4, { "show", "pdf-forms" })
  end)
end)
