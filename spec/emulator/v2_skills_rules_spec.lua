local cjson = require("cjson")

local expect = require("spec.emulator.expect")

local t = expect.session({ profile = "current" })
local call, get, send, must, invalid, plain = t.call, t.get, t.send, t.must, t.invalid, t.plain

local P = "/api/projects/112358"
local S = P .. "/llm_skills/"
local ZOE, LI = "0192f3a4-6b1e-7c55-9d02-3f7be1c0a911", "018e44c0-91aa-7d10-8f3e-0c2b7aa1d4e2"
local OWN = { source = "a", seeded_by = "b", canonical_hash = "c", mine = "d" }

local function body_of(name, extra)
  local body = { name = name, description = "Finds things", body = "# One\n\ntext" }
  for key, value in pairs(extra or {}) do
    body[key] = value
  end
  return body
end

local function new_skill(name, extra, options)
  return must(201, "POST", S, body_of(name, extra), options)
end

--- The uuids of the owners, in one text.
local function owners_of(skill)
  local list = {}
  for i, owner in ipairs(skill.owners) do
    list[i] = owner.uuid
  end
  return table.concat(list, " ")
end

--- What is wrong with a skill, as "code path" in its order.
local function problems_of(skill)
  local list = {}
  for i, problem in ipairs(skill.spec_problems) do
    assert.equal("code file_path message", expect.keys(problem))
    local path = problem.file_path ~= cjson.null and " " .. problem.file_path or ""
    list[i] = problem.code .. path
  end
  return list
end

describe("the emulator on API v2 holds skills to rules:", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  it("the names of tools hold no whitespace", function()
    new_skill("alpha", { allowed_tools = { " Read ", "mcp__a__b" } })
    for _, tool in ipairs({ "Bash(git add:*)", "a\tb", "a\nb", "a\194\160b", "a\227\128\128b" }) do
      local tools = { "Read", tool }
      invalid(
        send("POST", S, body_of("beta", { allowed_tools = tools })),
        "invalid_input",
        "allowed_tools"
      )
      invalid(
        send("PATCH", S .. "name/alpha/", { base_version = 1, allowed_tools = tools }),
        "invalid_input",
        "allowed_tools"
      )
    end
    must(200, "PATCH", S .. "name/alpha/", { base_version = 1, allowed_tools = { "Ünï" } })
    t.e:settings({ profile = "reference" })
    new_skill("older", { allowed_tools = { "Bash(git add:*)" } })
  end)

  it("three keys of metadata are the server's own, whatever a publish sends", function()
    local made = new_skill("alpha", { metadata = OWN })
    assert.same(OWN, made.metadata)
    local path = S .. "name/alpha/"
    local second = must(200, "PATCH", path, {
      base_version = 1,
      metadata = { source = "x", seeded_by = "y", k = 1 },
    })
    assert.same({ source = "a", seeded_by = "b", canonical_hash = "c", k = 1 }, second.metadata)
    local third = must(200, "PATCH", path, '{"base_version":2,"metadata":{}}')
    assert.same({ source = "a", seeded_by = "b", canonical_hash = "c" }, third.metadata)
    assert.same(third.metadata, must(200, "PATCH", path, { base_version = 3 }).metadata)
    new_skill("beta")
    assert.same(
      { k = 1 },
      must(200, "PATCH", S .. "name/beta/", {
        base_version = 1,
        metadata = { source = "x", k = 1 },
      }).metadata
    )
  end)

  it("whether a create drops these keys too is a setting", function()
    t.e:settings({ create_own_metadata = "dropped" })
    assert.same({ mine = "d" }, new_skill("alpha", { metadata = OWN }).metadata)
    assert.same({}, new_skill("beta").metadata)
  end)

  it("a copy has no seeded_by, and is owned by who made it", function()
    new_skill("alpha", { metadata = OWN, owners = { ZOE, LI } })
    local copy = must(
      201,
      "POST",
      S .. "name/alpha/duplicate/",
      { new_name = "beta" },
      { key = "phx_emulator_li" }
    )
    assert.same({ source = "a", canonical_hash = "c", mine = "d" }, copy.metadata)
    assert.equal(LI, owners_of(copy))
    assert.same(OWN, must(200, "GET", S .. "name/alpha/").metadata)
  end)

  it("a new skill is owned by its creator unless it names others, also after an archive", function()
    assert.equal(ZOE, owners_of(new_skill("alpha")))
    assert.equal(ZOE, owners_of(must(200, "PATCH", S .. "name/alpha/", { base_version = 1 })))
    assert.equal(LI, owners_of(new_skill("beta", { owners = { LI } })))
    assert.equal("", owners_of(new_skill("gamma", {}, { key = "phx_emulator_gone" })))
    must(204, "POST", S .. "name/beta/archive/")
    assert.equal(ZOE, owners_of(new_skill("beta")))
    assert.equal(ZOE, owners_of(must(200, "GET", S .. "resolve/name/beta/").skill))
    t.e:settings({ first_owner = "nobody" })
    assert.equal("", owners_of(new_skill("delta")))
    assert.equal(LI, owners_of(new_skill("epsilon", { owners = { LI } })))
  end)

  it("names of PostHog's own skills are not created", function()
    invalid(send("POST", S, body_of("review-hog-sample")), "reserved_name", "name")
    t.e:settings({ bundled_skills = "first second" })
    invalid(send("POST", S, body_of("second")), "reserved_name", "name")
    new_skill("seco")
    new_skill("review-hog-sample")
  end)

  it("names move neither into nor out of the prefixes of PostHog", function()
    new_skill("plain")
    new_skill("signals-scout-a")
    for name, new_name in pairs({
      plain = "review-hog-a",
      ["signals-scout-a"] = "plainer",
    }) do
      local path = S .. "name/" .. name .. "/rename/"
      invalid(send("POST", path, { new_name = new_name }), "reserved_prefix", "new_name")
    end
    local path = S .. "name/signals-scout-a/rename/"
    invalid(send("POST", path, { new_name = "review-hog-a" }), "reserved_prefix", "new_name")
    must(200, "POST", path, { new_name = "signals-scout-b" })
    must(200, "POST", S .. "name/plain/rename/", { new_name = "scouts-1" })
    must(200, "POST", S .. "name/scouts-1/rename/", { new_name = "community-1" })
  end)

  it("a locked skill is not archived", function()
    new_skill("signals-scout-a")
    t.e:settings({ locked_skills = "signals-scout-a" })
    plain(call("POST", S .. "name/signals-scout-a/archive/"), 400)
    t.e:settings({ locked_status = 409 })
    plain(call("POST", S .. "name/signals-scout-a/archive/"), 409)
    must(200, "GET", S .. "name/signals-scout-a/")
    t.e:settings({ locked_skills = "" })
    must(204, "POST", S .. "name/signals-scout-a/archive/")
  end)

  it("what is wrong with a skill is listed with it, and keeps it out of the bundle", function()
    assert.same({}, problems_of(new_skill("good", { files = { { path = "a/b", content = "c" } } })))
    local made = new_skill("alpha", {
      files = {
        { path = "docs", content = "c" },
        { path = "docs/a.md", content = "c" },
        { path = "Docs/A.md", content = "c" },
      },
    })
    local expected = { "file_path_shadows_directory docs", "file_path_collides Docs/A.md" }
    assert.same(expected, problems_of(made))
    assert.same(expected, problems_of(must(200, "GET", S .. "?search=alpha").results[1]))
    t.e:settings({ profile = "reference" })
    new_skill("older", {
      description = ("d"):rep(1025),
      files = {
        { path = "skill.md", content = "c" },
        { path = "a\\b.md", content = "c" },
        { path = "./c.md", content = "c" },
      },
    })
    t.e:settings({ profile = "current" })
    assert.same({
      "description_too_long",
      "file_path_invalid skill.md",
      "file_path_not_canonical a\\b.md",
      "file_path_not_canonical ./c.md",
    }, problems_of(must(200, "GET", S .. "name/older/")))
    local bundle = get(S .. "bundle/").headers
    assert.same({ "1", "2" }, { bundle["x-skills-included"], bundle["x-skills-skipped"] })
  end)

  it("size and digest of a file are null where they are not known", function()
    t.e:settings({ file_digests = false })
    local made = new_skill("alpha", { files = { { path = "a.md", content = "é\nb" } } })
    assert.same({
      path = "a.md",
      content_type = "text/plain",
      line_count = 2,
      char_count = 3,
      size = cjson.null,
      sha256 = cjson.null,
    }, made.files[1])
    t.e:settings({ file_digests = true })
    assert.equal(4, must(200, "GET", S .. "name/alpha/").files[1].size)
  end)

  it("a search looks into Markdown only, and shows 300 characters", function()
    new_skill("alpha", {
      body = ("é"):rep(400),
      files = {
        { path = "notes.txt", content = "needle" },
        { path = "refs/NOTES.MD", content = "needle" },
        { path = "needle.py", content = "x" },
      },
    })
    local matches = must(200, "GET", S .. "search/?query=needle").results[1].matches
    assert.same({
      { matched_field = "file_content", path = "refs/NOTES.MD", line = 1, excerpt = "needle" },
      { matched_field = "file_path", path = "needle.py", excerpt = "needle.py" },
    }, matches)
    local long = must(200, "GET", S .. "search/?query=%C3%A9").results[1].matches[1]
    assert.equal(("é"):rep(300), long.excerpt)
  end)

  it("a search that takes too long is a 503", function()
    t.e:settings({ search = "timeout" })
    plain(get(S .. "search/?query=a"), 503)
    invalid(get(S .. "search/?query="), "blank", "query")
  end)
end)
