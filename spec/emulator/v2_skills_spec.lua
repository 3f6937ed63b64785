local cjson = require("cjson")

local expect = require("spec.emulator.expect")

local t = expect.session({ profile = "current" })
local call, get, send, must, envelope, invalid, plain =
  t.call, t.get, t.send, t.must, t.envelope, t.invalid, t.plain
local keys, contains = expect.keys, expect.contains

local P = "/api/projects/112358"
local E = "/api/environments/112358"
local S = P .. "/llm_skills/"
local UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
local ZOE, LI = "0192f3a4-6b1e-7c55-9d02-3f7be1c0a911", "018e44c0-91aa-7d10-8f3e-0c2b7aa1d4e2"
local ROW_KEYS = "allowed_tools category compatibility created_at created_by deleted description "
  .. "first_version_created_at id is_latest latest_version license metadata name outline owners "
  .. "spec_problems updated_at version version_count version_description"
local SKILL_KEYS = "allowed_tools body body_next_offset body_total_length category compatibility "
  .. "created_at created_by deleted description files first_version_created_at id is_latest "
  .. "latest_version license metadata name outline owners spec_problems updated_at version "
  .. "version_count version_description"

local function new_skill(name, extra, options)
  local body = { name = name, description = "Finds things", body = "# One\n\ntext" }
  for key, value in pairs(extra or {}) do
    body[key] = value
  end
  return must(201, "POST", S, body, options)
end

--- The names of a list, in its order.
local function names(query)
  local list = {}
  for i, row in ipairs(must(200, "GET", S .. query).results) do
    list[i] = row.name
  end
  return table.concat(list, " ")
end

describe("the emulator on API v2 has skills that", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  it("have owners, a category, descriptions of versions, and more about files", function()
    local made, response = must(201, "POST", S, {
      name = "alpha",
      description = "d",
      body = "b",
      owners = { LI, ZOE, LI },
      files = { { path = "a\\é.md", content = "één\ntwee\n" } },
    })
    assert.equal(SKILL_KEYS, keys(made))
    assert.same(
      { "", cjson.null, cjson.null, 1 },
      { made.category, made.version_description, made.body_next_offset, made.body_total_length }
    )
    assert.same({ LI, ZOE }, { made.owners[1].uuid, made.owners[2].uuid })
    contains('"id":9007199254740993', response.body)
    assert.same({
      path = "a/é.md",
      content_type = "text/plain",
      line_count = 2,
      char_count = 8,
      size = 10,
      sha256 = "cc87b3826d07ba9d8920c79b5aa51f0e58c3b61c24ab01eebb85434550ec9c96",
    }, made.files[1])
    local page = must(200, "GET", S)
    assert.equal(ROW_KEYS, keys(page.results[1]))
    local least = send("POST", S, '{"name":"least","description":"d","body":"b","owners":[]}')
    contains('"owners":[],', least.body)
    assert.equal("één\ntwee", must(200, "GET", S .. "name/alpha/files/a%5C%C3%A9.md/").content)
  end)

  it("come with 8000 characters of their body; writes and resolve have it whole", function()
    local body = ("Zeile mit Ünïcode 🦔.\n"):rep(800) .. "end"
    local length = 21 * 800 + 3
    local made = new_skill("long", { body = body })
    assert.same({ length, cjson.null }, { made.body_total_length, made.body_next_offset })
    assert.is_true(made.body == body)
    assert.equal(body, must(200, "GET", S .. "resolve/name/long/").skill.body)
    local parts, offset, count = {}, 0, 0
    repeat
      local page = must(200, "GET", S .. ("name/long/?version=1&body_offset=%d"):format(offset))
      assert.same({ length, SKILL_KEYS }, { page.body_total_length, keys(page) })
      count = count + 1
      parts[count], offset = page.body, page.body_next_offset
    until offset == cjson.null
    assert.equal(3, count)
    assert.is_true(table.concat(parts) == body)
    local part = must(200, "GET", S .. "name/long/?body_offset=17&body_length=6")
    assert.same({ " 🦔.\nZe", 23 }, { part.body, part.body_next_offset })
    for query, expected in pairs({
      ["body_offset=90000"] = { "", cjson.null },
      ["body_length=90000"] = { body, cjson.null },
      [("body_offset=%d&body_length=3"):format(length - 3)] = { "end", cjson.null },
      [("body_offset=%d&body_length=2"):format(length - 3)] = { "en", length - 1 },
    }) do
      local page = must(200, "GET", S .. "name/long/?" .. query)
      assert.same(expected, { page.body, page.body_next_offset }, query)
    end
    invalid(get(S .. "name/long/?body_offset=-1"), "min_value", "body_offset")
    invalid(get(S .. "name/long/?body_length=0"), "min_value", "body_length")
    assert.equal(
      body .. "!",
      must(
        200,
        "PATCH",
        S .. "name/long/",
        { base_version = 1, edits = { { old = "end", new = "end!" } } }
      ).body
    )
  end)

  it("are found by the id of a version too: a redirect to the name", function()
    local first = new_skill("alpha")
    must(200, "PATCH", S .. "name/alpha/", { base_version = 1 })
    local response = get(S .. "name/" .. first.id .. "/?version=1")
    assert.same(
      { 302, S .. "name/alpha/?version=1", "" },
      { response.status, response.headers.location, response.body }
    )
    assert.equal(
      "/posthog" .. S .. "name/alpha/",
      get("/posthog" .. S .. "name/" .. first.id).headers.location
    )
    assert.equal(404, get(S .. "name/" .. UNKNOWN_ID .. "/").status)
  end)

  it("name what there is when a name or version is unknown", function()
    new_skill("trace-triage")
    new_skill("zebra")
    must(200, "PATCH", S .. "name/zebra/", { base_version = 1 })
    local response = get(S .. "name/trace-triagee/")
    plain(response, 404, "detail skill_name suggestions type")
    assert.same(
      { "skill_not_found", "trace-triagee", { "trace-triage" } },
      { response.json.type, response.json.skill_name, response.json.suggestions }
    )
    contains('"suggestions":[]', get(S .. "name/qqqqqqqqq/").body)
    for _, case in ipairs({
      { "PATCH", "" },
      { "POST", "archive/" },
      { "POST", "duplicate/" },
      { "POST", "rename/" },
      { "GET", "skill-md/" },
      { "POST", "files/" },
      { "POST", "files-rename/" },
      { "DELETE", "files/a/" },
    }) do
      plain(send(case[1], S .. "name/nope/" .. case[2]), 404, "detail skill_name suggestions type")
    end
    for _, target in ipairs({ "name/zebra/?version=9", "name/zebra/skill-md/?version=9" }) do
      local version = get(S .. target)
      plain(version, 404, "available_versions detail skill_name type")
      assert.same(
        { "skill_version_not_found", { 1, 2 } },
        { version.json.type, version.json.available_versions }
      )
    end
    plain(get(S .. "resolve/name/nope/"), 404, "detail skill_name suggestions type")
    for _, target in ipairs({ "resolve/name/zebra/?version=9", "name/nope/files/a/" }) do
      plain(get(S .. target), 404)
    end
  end)

  it("are looked up before the input is checked", function()
    for _, case in ipairs({
      { "PATCH", "name/nope/" },
      { "POST", "name/nope/duplicate/" },
      { "POST", "name/nope/rename/" },
      { "POST", "name/nope/files/" },
      { "POST", "name/nope/files-rename/" },
      { "GET", "name/nope/?version=0" },
      { "DELETE", "name/nope/files/a/?base_version=0" },
      { "GET", "resolve/name/nope/?limit=0" },
    }) do
      assert.equal(404, send(case[1], S .. case[2], case[1] ~= "GET" and "{}" or nil).status)
    end
  end)

  it("check their fields more strictly than API v1", function()
    local good = { name = "n", description = "d", body = "b" }
    local owners = {}
    for i = 1, 26 do
      owners[i] = ZOE
    end
    local files = {}
    for i = 1, 201 do
      files[i] = { path = "f" .. i, content = "c" }
    end
    for _, case in ipairs({
      { "name", "new", "reserved_name" },
      { "name", "scouts", "reserved_name" },
      { "name", "review-hog", "reserved_name" },
      { "name", "community", "reserved_name" },
      { "description", ("é"):rep(1025), "max_length" },
      { "owners", owners, "max_length" },
      { "owners", { "x" }, "invalid_input", "owners__0" },
      { "owners", { UNKNOWN_ID }, "does_not_exist" },
      { "files", files, "max_count" },
    }) do
      local body = { name = good.name, description = good.description, body = good.body }
      body[case[1]] = case[2]
      invalid(send("POST", S, body), case[3], case[4] or case[1])
    end
    files[201] = nil
    new_skill("alpha", { description = ("é"):rep(1024), files = files })
    for _, path in ipairs({
      "a//b",
      "./a",
      "a/.",
      "a/",
      "/a",
      "a\1b",
      "SKILL.md",
      "skill.md",
      ".",
      "a\\..\\b",
    }) do
      invalid(
        send("POST", S .. "name/alpha/files/", { path = path, content = "c" }),
        "invalid_input",
        "path"
      )
    end
    plain(get(S .. "name/alpha/files/a//b/"), 400)
    plain(send("POST", S .. "name/alpha/files/", { path = "dir/skill.md", content = "c" }), 400)
  end)

  it("change owners without a version, and describe a version", function()
    new_skill("alpha")
    local path = S .. "name/alpha/"
    local owned = must(200, "PATCH", path, { owners = { LI } })
    assert.same({ 1, LI }, { owned.version, owned.owners[1].uuid })
    local second = must(200, "PATCH", path, { base_version = 1, version_description = "why" })
    assert.same(
      { 2, "why", LI },
      { second.version, second.version_description, second.owners[1].uuid }
    )
    assert.equal(2, must(200, "PATCH", path, { base_version = 2, owners = { LI } }).version)
    plain(send("PATCH", path, { base_version = 1, owners = { LI } }), 409, "current_version detail")
    local third = must(200, "PATCH", path, '{"base_version":2,"owners":[],"license":""}')
    assert.same({ 3, cjson.null, {} }, { third.version, third.version_description, third.owners })
    assert.equal("why", must(200, "GET", path .. "?version=2").version_description)
    invalid(send("PATCH", path, { owners = { LI }, body = "x" }), "required", "base_version")
    invalid(
      send("PATCH", path, { base_version = 3, version_description = ("x"):rep(401) }),
      "max_length",
      "version_description"
    )
  end)

  it("keep some keys of their metadata to themselves", function()
    new_skill("alpha", { metadata = { source = "import", a = 1 } })
    local path = S .. "name/alpha/"
    local second = must(
      200,
      "PATCH",
      path,
      { base_version = 1, metadata = { source = "mine", seeded_by = "me", b = 2 } }
    )
    assert.same({ source = "import", b = 2 }, second.metadata)
  end)

  it("are read, but not published, with a description that older servers allowed", function()
    t.e:settings({ profile = "reference" })
    local long = ("d"):rep(1025)
    new_skill("alpha", { description = long, owners = { ZOE } })
    t.e:settings({ profile = "current" })
    local path = S .. "name/alpha/"
    assert.same({ long, {} }, { must(200, "GET", path).description, must(200, "GET", path).owners })
    plain(send("PATCH", path, { base_version = 1, body = "x" }), 400)
    assert.equal(2, must(200, "PATCH", path, { base_version = 1, description = "d" }).version)
  end)

  it("are filtered by author, owner and category", function()
    new_skill("a", { owners = { ZOE } }, { key = "phx_emulator_li" })
    new_skill("b", { owners = { LI, ZOE } })
    new_skill("c", {}, { key = "phx_emulator_gone" })
    t.e:seed({ skills = 1, category = "triage" })
    for query, expected in pairs({
      ["?created_by_id=48213"] = "seeded-0001 b",
      ["?created_by_id=9007199254740993"] = "a",
      ["?created_by_id=9007199254740992"] = "",
      ["?owner_id=48213"] = "seeded-0001 b a",
      ["?owner_id=1"] = "",
      ["?category=triage"] = "seeded-0001",
      ["?category="] = "c b a",
      ["?category=&search=B&owner_id=48213"] = "b",
      ["?order_by=name"] = "a b c seeded-0001",
    }) do
      assert.equal(expected, names(query), query)
    end
    invalid(get(S .. "?owner_id=x"), "invalid_input", "owner_id")
  end)

  it("are renamed to a name that is free and valid", function()
    local made = new_skill("alpha")
    new_skill("taken")
    local path = S .. "name/alpha/rename/"
    local renamed = must(200, "POST", path, { new_name = "beta" })
    assert.same({ made.id, "beta", 1 }, { renamed.id, renamed.name, renamed.version })
    assert.equal(404, get(S .. "name/alpha/").status)
    for _, case in ipairs({
      { "taken", "unique" },
      { "Beta", "invalid_name" },
      { "scouts", "reserved_name" },
      { "signals-scout-1", "reserved_prefix" },
      { "", "blank" },
    }) do
      invalid(send("POST", S .. "name/beta/rename/", { new_name = case[1] }), case[2], "new_name")
    end
    assert.equal("beta taken", names("?order_by=name"))
  end)

  it("are searched, in files too", function()
    new_skill("trace-triage", {
      description = "Slow generations",
      body = "# A\n\nZeitzone: UTC",
      files = { { path = "references/limits.md", content = "one\n\nA window is 24 h.  " } },
    })
    new_skill("other", { body = "nothing\nwindow" })
    local found = must(200, "GET", S .. "search/?query=WINDOW")
    assert.same({
      count = 2,
      results = {
        {
          name = "other",
          description = "Finds things",
          matches = { { matched_field = "body", line = 2, excerpt = "window" } },
        },
        {
          name = "trace-triage",
          description = "Slow generations",
          matches = {
            {
              matched_field = "file_content",
              path = "references/limits.md",
              line = 3,
              excerpt = "A window is 24 h.",
            },
          },
        },
      },
    }, found)
    local twice = must(200, "GET", S .. "search/?query=t")
    assert.equal(2, #twice.results[2].matches)
    assert.equal("name", twice.results[2].matches[1].matched_field)
    contains('"results":[]', get(S .. "search/?query=zzz").body)
    t.e:seed({ skills = 11 })
    assert.equal(10, must(200, "GET", S .. "search/?query=seeded").count)
    invalid(get(S .. "search/"), "required", "query")
    invalid(get(S .. "search/?query="), "blank", "query")
    invalid(get(S .. "search/?query=" .. ("q"):rep(201)), "max_length", "query")
  end)

  it("are exported as SKILL.md", function()
    new_skill("alpha", { description = "Finds: things", license = "MIT", body = "# One" })
    must(
      200,
      "PATCH",
      S .. "name/alpha/",
      '{"base_version":1,"body":"# Two",' .. '"allowed_tools":["Bash"],"metadata":{"k":1}}'
    )
    assert.same({
      name = "alpha",
      version = 1,
      content = '---\nname: alpha\ndescription: "Finds: things"\nlicense: MIT\n---\n\n# One\n',
      frontmatter = { name = "alpha", description = "Finds: things", license = "MIT" },
    }, must(200, "GET", S .. "name/alpha/skill-md/?version=1"))
    local latest = must(200, "GET", S .. "name/alpha/skill-md/")
    assert.same(
      { 2, { "Bash" }, { k = 1 } },
      { latest.version, latest.frontmatter["allowed-tools"], latest.frontmatter.metadata }
    )
    contains('\nallowed-tools: ["Bash"]\nmetadata: {"k":1}\n---\n\n# Two\n', latest.content)
  end)

  --- The texts in a zip archive by path, read by the unzip command.
  local function unzip(bytes)
    local name = t.e.prefix .. "/bundle.zip"
    local file = assert(io.open(name, "wb"))
    file:write(bytes)
    file:close()
    local function output(arguments)
      local pipe = assert(io.popen("unzip " .. arguments:format("'" .. name .. "'") .. " 2>&1"))
      local text = pipe:read("*a")
      pipe:close()
      return text
    end
    contains("No errors detected", output("-t %s"))
    local texts = {}
    for path in output("-Z1 %s"):gmatch("[^\n]+") do
      texts[path] = output("-p %s '" .. path .. "'")
    end
    return texts
  end

  it("are exported as a bundle: stubs, or everything", function()
    new_skill("alpha", { body = "# A", files = { { path = "x/y.md", content = "why" } } })
    new_skill("beta")
    t.e:settings({ profile = "reference" })
    new_skill("long", { description = ("d"):rep(1025) })
    t.e:settings({ profile = "current" })
    local response = get(S .. "bundle/", { headers = { "Accept: application/zip" } })
    assert.same({ 200, "application/zip", "2", "0", "1" }, {
      response.status,
      response.headers["content-type"],
      response.headers["x-skills-included"],
      response.headers["x-skills-dropped"],
      response.headers["x-skills-skipped"],
    })
    local stubs = unzip(response.body)
    assert.equal("alpha/SKILL.md beta/SKILL.md", keys(stubs))
    assert.is_nil(stubs["alpha/SKILL.md"]:find("# A", 1, true))
    local full = get(S .. "bundle/?content=full&limit=1")
    assert.same(
      { "1", "1" },
      { full.headers["x-skills-included"], full.headers["x-skills-dropped"] }
    )
    assert.same({
      ["alpha/SKILL.md"] = "---\nname: alpha\ndescription: Finds things\n---\n\n# A\n",
      ["alpha/x/y.md"] = "why",
    }, unzip(full.body))
    for _, case in ipairs({
      { "content=all", "invalid_choice", "content" },
      { "limit=0", "min_value", "limit" },
      { "limit=101", "max_value", "limit" },
    }) do
      invalid(get(S .. "bundle/?" .. case[1]), case[2], case[3])
    end
    assert.equal(406, get(S, { headers = { "Accept: application/zip" } }).status)
  end)

  it("have bundles that may be switched off, and a limit for them", function()
    t.e:settings({ bundle = "absent" })
    plain(get(S .. "bundle/"), 404)
    t.e:settings({ bundle = "unknown" })
    plain(get(S .. "bundle/"), 503)
    t.e:settings({ bundle = "serve", bundle_rate_limit = 1 })
    must(200, "GET", S .. "bundle/")
    envelope(get(S .. "bundle/"), 429, "throttled_error", "throttled")
    must(200, "GET", S)
  end)

  it("are not exported, since no key has a scope for it", function()
    new_skill("alpha")
    envelope(get(S .. "name/alpha/export/"), 403, "authentication_error", "permission_denied")
  end)

  it("are also served below environments, with a warning, until that is dropped", function()
    local _, response = must(200, "GET", E .. "/llm_skills/?a=b")
    assert.equal("<" .. S .. '?a=b>; rel="successor-version"', response.headers.link)
    t.e:settings({ environments = "absent" })
    envelope(get(E .. "/llm_skills/"), 404, "invalid_request", "not_found")
    envelope(
      call("GET", S .. "name/x/files-rename/"),
      403,
      "authentication_error",
      "permission_denied"
    )
  end)
end)
