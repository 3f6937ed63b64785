-- The rules that lint, a dry run and a push go by, one by one.

local folders = require("spec.support.folders")
local live = require("spec.support.live")
local rules = require("posthog.llm.skill_folder.rules")
local skill_folder = require("posthog.llm.skill_folder")

local BODY = "---\n\nb\n"

--- A folder that breaks a rule: lines of the front matter, files, and where and how it is told.
local CASES = {
  { code = "name_reserved", name = "new" },
  { code = "name_reserved_now", name = "scouts" },
  { code = "name_reserved_now", name = "community" },
  { code = "name_reserved_now", name = "review-hog" },
  { code = "name_malformed", name = "New" },
  { code = "name_malformed", name = "scouts_1" },
  { code = "name_too_long", name = ("x"):rep(65) },
  { code = "description_empty", description = '""' },
  { code = "description_too_long", description = ("é"):rep(1025), line = 3 },
  { code = "tool_has_blank", more = "allowed-tools: Bash(git add:*) Read\n", line = 4 },
  { code = "tool_has_blank", more = "allowed-tools:\n  - My\194\160Tool\n", line = 5 },
  { code = "tool_has_blank", more = "allowed-tools:\n- Read\n- 'Bash(git add:*)'\n", line = 6 },
  { code = "tool_has_blank", more = "allowed-tools: >\n  Read,\n  Bash(git add:*)\n", line = 6 },
  { code = "tool_empty", more = 'allowed-tools: ["", Read]\n', line = 4 },
  { code = "has_nul", more = 'license: "a\\0b"\n', line = 4 },
  { code = "has_nul", more = 'metadata:\n  a: [{b: "\\0"}]\n', line = 4 },
  { code = "number_too_large", more = "metadata:\n  a: 18446744073709551616\n", line = 4 },
  { code = "number_too_large", more = "metadata:\n  a: -9223372036854775809000\n", line = 4 },
  { code = "field_too_long", more = "license: " .. ("x"):rep(256) .. "\n", line = 4 },
  { code = "body_empty", body = "---\n\n", line = 5 },
  { code = "body_too_large", body = "---\n" .. ("x"):rep(1000001), line = 5 },
  { code = "file_empty", files = { ["a.md"] = "\n" }, path = "a.md" },
  { code = "init_empty", files = { ["a/__init__.py"] = "" }, path = "a/__init__.py" },
  { code = "not_text", files = { ["a.png"] = "x\n\0" }, path = "a.png", line = 2 },
  { code = "file_too_large", files = { ["a.md"] = ("x"):rep(1000001) }, path = "a.md" },
  { code = "file_path_invalid", files = { ["a\\b"] = "x" }, path = "a\\b" },
}

describe("a rule of skills", function()
  local t = live.session({ profile = "current" })
  local root, dir

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    root = folders.new()
  end)
  after_each(function()
    folders.remove(root)
  end)

  local function make(case)
    local name = case.name or "s"
    dir = root .. "/" .. name
    local head = ("---\nname: %s\ndescription: %s\n"):format(name, case.description or "d")
    folders.write(dir, "SKILL.md", head .. (case.more or "") .. (case.body or BODY))
    for path, text in pairs(case.files or {}) do
      folders.write(dir, path, text)
    end
  end

  for _, case in ipairs(CASES) do
    local shown = case.name or case.more or case.path or ""
    local title = ("%s %s is found by lint, a dry run and a push, and nothing is sent"):format(
      case.code,
      shown:sub(1, 40):gsub("[%s\128-\255]+", " ")
    )
    it(title, function()
      make(case)
      local findings = assert(skill_folder.lint(dir))
      assert.equal(1, #findings)
      local path = case.path or "SKILL.md"
      local line = case.line or (not case.path and (case.description and 3 or 2) or nil)
      assert.same(
        { case.code, "error", path, line },
        { findings[1].code, findings[1].level, findings[1].path, findings[1].line }
      )
      for _, dry_run in ipairs({ true, false }) do
        local _, err = skill_folder.push(t.client(), dir, { dry_run = dry_run })
        live.fails("invalid", nil, nil, err)
        assert.same({ path, line }, { err.problems[1].path, err.problems[1].line })
      end
      t.silent()
    end)
  end

  it("that a folder keeps to is one that the server keeps to as well", function()
    make({
      description = ("é"):rep(1024),
      more = ("license: %s\ncompatibility: %s\nallowed-tools: Bash(git:*) Read\n"):format(
        ("x"):rep(255),
        ("é"):rep(500)
      ),
      files = { ["a.md"] = ("x"):rep(1000000), ["b/__init__.py"] = "#\n" },
    })
    assert.same({}, assert(skill_folder.lint(dir)))
    local pushed = assert(skill_folder.push(t.client(), dir))
    assert.same({ "created", {}, {} }, { pushed.action, pushed.not_stored, pushed.spec_problems })
  end)

  it("of API v2 alone is a warning, or none, where the server is known to have API v1", function()
    make({ description = ("d"):rep(1025) })
    local client = t.client({ profile = "reference" })
    t.e:settings({ profile = "reference" })
    assert.equal("created", assert(skill_folder.push(client, dir)).action)
    make({ name = "scouts" })
    assert.equal("created", assert(skill_folder.push(client, dir)).action)
    make({ name = "t", description = ("d"):rep(4097) })
    local _, err = skill_folder.push(client, dir)
    live.fails("invalid", nil, nil, err)
    assert.equal(
      "description has 4097 characters; at most 4096 are allowed",
      err.problems[1].message
    )
  end)

  it("has its source, its words and a level", function()
    local count = 0
    for code, rule in pairs(rules.ALL) do
      assert.truthy(rule.level == "error" or rule.level == "warning", code)
      assert.truthy(rule.source ~= "" and rule.words ~= "", code)
      count = count + 1
    end
    assert(count > 25)
  end)

  it("is kept to by what both sides make together, and nothing is written nor sent", function()
    local client = t.client()
    make({})
    local there = root .. "/x/s"
    assert(skill_folder.push(client, dir))
    assert(skill_folder.pull(client, "s", there))
    for i = 1, 150 do
      folders.write(there, ("there%d.md"):format(i), "x")
      folders.write(dir, ("here%d.md"):format(i), "x")
    end
    assert(skill_folder.push(client, there))
    local before, since = folders.tree(dir), #t.e:log()
    for _, dry_run in ipairs({ true, false }) do
      local _, err = skill_folder.push(client, dir, { dry_run = dry_run })
      live.fails("invalid", nil, nil, err)
      assert.equal(
        "there are 300 files beside it; at most 200 are allowed",
        err.problems[1].message
      )
      assert.truthy(err.summary:find("with what others have published since", 1, true))
    end
    for _, entry in ipairs(t.e:log(since)) do
      assert.equal("GET", entry.method)
    end
    assert.same(before, folders.tree(dir))
    assert.equal(150, #assert(skill_folder.pull(client, "s", dir)).written)
  end)

  it("on versions is kept to before anything is sent", function()
    make({})
    local client = t.client()
    assert(skill_folder.push(client, dir))
    folders.write(dir, "a.md", "x")
    local full = {
      profile = function() end,
      skills = {
        resolve = function(_, ...)
          local found, err, response = client.skills:resolve(...)
          found.skill.version = 2000
          return found, err, response
        end,
      },
    }
    for _, dry_run in ipairs({ true, false }) do
      local since = #t.e:log()
      local _, err = skill_folder.push(full, dir, { dry_run = dry_run })
      live.fails("invalid", nil, nil, err)
      assert.truthy(err.message:find("the skill has 2000 versions", 1, true))
      assert.equal(1, #t.e:log(since))
    end
  end)

  it("warns of names by which PostHog takes a skill for one of its own kind", function()
    make({ name = "signals-scout-mine" })
    local findings = assert(skill_folder.lint(dir))
    assert.same(
      { "name_has_prefix", "warning", 2 },
      { findings[1].code, findings[1].level, findings[1].line }
    )
    assert(skill_folder.push(t.client(), dir))
    assert.same({}, assert(skill_folder.lint(dir)))
  end)

  it("warns of keys of metadata that PostHog keeps for itself, by their line", function()
    make({ more = "metadata:\n  team: a\n  source: b\n" })
    local findings = assert(skill_folder.lint(dir))
    assert.same(
      { "metadata_kept_by_server", "warning", 6 },
      { findings[1].code, findings[1].level, findings[1].line }
    )
  end)
end)
