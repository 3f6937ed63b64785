local cjson = require("cjson")

local expect = require("spec.emulator.expect")

local t = expect.session()
local call, get, send, must, invalid, plain = t.call, t.get, t.send, t.must, t.invalid, t.plain
local keys, contains = expect.keys, expect.contains

local P = "/api/projects/112358"
local E = "/api/environments/112358"
local UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
local ROW_KEYS = "allowed_tools compatibility created_at created_by deleted description "
  .. "first_version_created_at id is_latest latest_version license metadata name outline "
  .. "updated_at version version_count"
local SKILL_KEYS = "allowed_tools body compatibility created_at created_by deleted description "
  .. "files first_version_created_at id is_latest latest_version license metadata name outline "
  .. "updated_at version version_count"

local function new_skill(name, extra)
  local body = { name = name, description = "Finds things", body = "# One\n\ntext" }
  for key, value in pairs(extra or {}) do
    body[key] = value
  end
  return must(201, "POST", E .. "/llm_skills/", body)
end

local function file(path, content)
  return { path = path, content = content or "content of " .. path }
end

describe("the emulator", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  describe("has skills that", function()
    it("are created with everything or the least, and read back", function()
      local least = new_skill("least")
      assert.equal(SKILL_KEYS, keys(least))
      local made, response = must(
        201,
        "POST",
        E .. "/llm_skills/",
        '{"name":"full","description":"d",'
          .. '"body":"# A #\\r\\n\\n## B c ##\\n####### no\\n#no\\n```\\n# code\\n```\\n\\n",'
          .. '"license":"MIT","compatibility":"c","allowed_tools":["Bash","Read"],'
          .. '"metadata":{"max":9223372036854775807,"e":[],"f":1.0},'
          .. '"files":[{"path":"b.md","content":" x \\n"},'
          .. '{"path":"a b/€.md","content":"y","content_type":"text/markdown"}]}'
      )
      contains('"metadata":{"max":9223372036854775807,"e":[],"f":1.0},', response.body)
      assert.same(
        { { level = 1, text = "A" }, { level = 2, text = "B c" }, { level = 1, text = "code" } },
        made.outline
      )
      assert.same({
        { path = "b.md", content_type = "text/plain" },
        { path = "a b/€.md", content_type = "text/markdown" },
      }, made.files)
      assert.equal("# A #\r\n\n## B c ##\n####### no\n#no\n```\n# code\n```", made.body)
      assert.same(
        { 1, 1, 1, true, false },
        { made.version, made.latest_version, made.version_count, made.is_latest, made.deleted }
      )
      assert.same(made, must(200, "GET", P .. "/llm_skills/name/full/"))
      contains(
        '"allowed_tools":[],"metadata":{},"files":[],"outline":[{',
        get(P .. "/llm_skills/name/least/").body
      )
      local page = must(200, "GET", E .. "/llm_skills/")
      assert.same(
        { 2, "full", ROW_KEYS },
        { page.count, page.results[1].name, keys(page.results[1]) }
      )
      assert.equal("least", must(200, "GET", E .. "/llm_skills/?order_by=-name").results[1].name)
      must(200, "GET", E .. "/llm_skills/?order_by=junk")
      assert.equal(1, must(200, "GET", E .. "/llm_skills/?search=FINDS").count)
    end)

    it("check the fields of a request", function()
      new_skill("taken")
      local good = { name = "n", description = "d", body = "b" }
      local cases = {
        { "name", "", "blank" },
        { "name", "A", "invalid_name" },
        { "name", "a--b", "invalid_name" },
        { "name", "a-", "invalid_name" },
        { "name", "new", "reserved_name" },
        { "name", ("a"):rep(65), "max_length" },
        { "name", "taken", "unique" },
        { "description", ("d"):rep(4097), "max_length" },
        { "description", cjson.null, "null" },
        { "body", " ", "blank" },
        { "body", ("b"):rep(1000001), "max_size" },
        { "license", ("l"):rep(256), "max_length" },
        { "compatibility", ("c"):rep(501), "max_length" },
        { "allowed_tools", "Bash", "not_a_list" },
        { "metadata", "text", "not_a_dict" },
        { "allowed_tools", { true }, "invalid_input", "allowed_tools__0" },
        { "files", "text", "not_a_list", "files__non_field_errors" },
        { "files", { file("a"), file("..") }, "{}" },
        { "files", { file("a"), file("a") }, "unique" },
      }
      local many = {}
      for i = 1, 51 do
        many[i] = file("f" .. i)
      end
      cases[#cases + 1] = { "files", many, "max_count" }
      for _, case in ipairs(cases) do
        local body = {}
        for key, value in pairs(good) do
          body[key] = value
        end
        body[case[1]] = case[2]
        invalid(send("POST", E .. "/llm_skills/", body), case[3], case[4] or case[1])
      end
      local garbled = send(
        "POST",
        E .. "/llm_skills/",
        { name = "n", description = "d", body = "b", files = { { path = "a" } } }
      )
      assert.equal("files", garbled.json.attr)
      contains("code='required'", garbled.json.code)
      assert.equal(1, #t.e:state().projects["112358"].skills)
    end)

    it("get a plain 404 when they are unknown", function()
      new_skill("alpha")
      for _, target in ipairs({
        "/llm_skills/name/beta/",
        "/llm_skills/resolve/name/beta/",
        "/llm_skills/name/beta/files/a/",
        "/llm_skills/name/alpha/?version=2",
        "/llm_skills/name/alpha/files/a/",
      }) do
        plain(get(E .. target), 404)
      end
      plain(call("POST", E .. "/llm_skills/name/beta/archive/"), 404)
      invalid(get(E .. "/llm_skills/name/alpha/?version=0"), "min_value", "version")
      invalid(get(E .. "/llm_skills/name/alpha/?version=x"), "invalid_input", "version")
      must(200, "GET", E .. "/llm_skills/name/alpha/?version=")
    end)

    it("are published: new versions, edits, conflicts", function()
      new_skill("alpha", { license = "MIT", files = { file("a.md", "one two one"), file("b.md") } })
      local path = E .. "/llm_skills/name/alpha/"
      local second = must(200, "PATCH", path, { base_version = 1, description = "new" })
      assert.same(
        { 2, "new", "MIT", 2, "# One\n\ntext" },
        { second.version, second.description, second.license, #second.files, second.body }
      )
      assert.equal("Finds things", must(200, "GET", path .. "?version=1").description)
      local old = must(200, "GET", path .. "?version=1")
      assert.same({ false, 2, 2 }, { old.is_latest, old.latest_version, old.version_count })

      local third = must(200, "PATCH", path, {
        base_version = "2",
        edits = {
          { old = "One", new = "Two" },
          { old = "Two", new = "Three" },
        },
      })
      assert.equal("# Three\n\ntext", third.body)
      must(200, "PATCH", path, {
        base_version = 3,
        file_edits = { { path = "a.md", edits = { { old = "two", new = "2" } } } },
      })
      assert.equal("one 2 one", must(200, "GET", path .. "files/a.md/").content)
      assert.equal("one two one", must(200, "GET", path .. "files/a.md/?version=3").content)

      local conflict = send("PATCH", path, { base_version = 3 })
      plain(conflict, 409, "current_version detail")
      assert.equal(4, conflict.json.current_version)
      plain(
        send("PATCH", path, { base_version = 4, edits = { { old = "t", new = "u" } } }),
        400,
        "detail edit_index"
      )
      local twice = send("PATCH", path, {
        base_version = 4,
        file_edits = {
          {
            path = "a.md",
            edits = { { old = "2", new = "" }, { old = "one", new = "1" } },
          },
        },
      })
      plain(twice, 400, "detail edit_index file_path")
      assert.same({ 1, "a.md" }, { twice.json.edit_index, twice.json.file_path })
      for _, case in ipairs({
        { "{}", "required", "base_version" },
        { '{"base_version":null}', "null", "base_version" },
        { '{"base_version":4,"body":"b","edits":[{"old":"t","new":"u"}]}', "invalid_input" },
        {
          '{"base_version":4,"files":[],'
            .. '"file_edits":[{"path":"a.md","edits":[{"old":"2","new":""}]}]}',
          "invalid_input",
        },
        { '{"base_version":4,"edits":[]}', "empty", "edits__non_field_errors" },
        { '{"base_version":4,"file_edits":[]}', "empty", "file_edits__non_field_errors" },
        { '{"base_version":4,"license":null}', "null", "license" },
      }) do
        invalid(send("PATCH", path, case[1]), case[2], case[3])
      end
      assert.equal(4, t.e:state().projects["112358"].skills[1].version)
      assert.equal(5, must(200, "PATCH", path, '{"base_version":4,"files":[]}').version)
      assert.same({}, t.e:state().projects["112358"].skills[1].files)
      t.e:settings({ version_limit = 5 })
      plain(send("PATCH", path, { base_version = 5 }), 400)
    end)

    it("are archived for good and duplicated at version 1", function()
      new_skill("alpha", { files = { file("a.md") } })
      must(200, "PATCH", E .. "/llm_skills/name/alpha/", { base_version = 1 })
      local copy =
        must(201, "POST", E .. "/llm_skills/name/alpha/duplicate/", { new_name = "beta" })
      assert.same({ "beta", 1, "a.md" }, { copy.name, copy.version, copy.files[1].path })
      plain(
        send("POST", E .. "/llm_skills/name/alpha/duplicate/", { new_name = "beta" }),
        400,
        "attr detail"
      )
      invalid(send("POST", E .. "/llm_skills/name/alpha/duplicate/", {}), "required", "new_name")
      local gone = call("POST", E .. "/llm_skills/name/alpha/archive/")
      assert.same({ 204, "" }, { gone.status, gone.body })
      plain(get(E .. "/llm_skills/name/alpha/"), 404)
      assert.equal(1, new_skill("alpha").version)
    end)

    it("are resolved with their version history", function()
      local name = t.e:seed({ skills = 1, versions = 7 }).skills[1]
      local path = E .. "/llm_skills/resolve/name/" .. name .. "/"
      local function page(query)
        local body = must(200, "GET", path .. query)
        local numbers = {}
        for i, version in ipairs(body.versions) do
          assert.equal("created_at created_by id is_latest version", keys(version))
          numbers[i] = ("%d"):format(version.version)
        end
        return { body.skill.version, table.concat(numbers), body.has_more }
      end
      assert.same({ 7, "7654321", false }, page(""))
      assert.same({ 7, "765", true }, page("?limit=3"))
      assert.same({ 7, "321", false }, page("?limit=3&before_version=4"))
      assert.same({ 7, "321", false }, page("?limit=4&offset=4"))
      assert.same({ 7, "", false }, page("?before_version=1"))
      assert.same({ 7, "", false }, page("?offset=7"))
      assert.same({ 2, "76", true }, page("?version=2&limit=2"))
      local body = must(200, "GET", path)
      assert.equal("has_more skill versions", keys(body))
      assert.equal(SKILL_KEYS, keys(body.skill))
      local third = body.versions[5]
      assert.same({ 3, "7", true }, page("?version_id=" .. third.id .. "&limit=1"))
      assert.same({ 3, "7", true }, page("?version=3&version_id=" .. third.id .. "&limit=1"))
      plain(get(path .. "?version=4&version_id=" .. third.id), 404)
      plain(get(path .. "?version_id=" .. UNKNOWN_ID), 404)
      for _, case in ipairs({
        { "?limit=0", "min_value", "limit" },
        { "?limit=101", "max_value", "limit" },
        { "?offset=-1", "min_value", "offset" },
        { "?before_version=0", "min_value", "before_version" },
        { "?offset=0&before_version=2", "invalid_input" },
        { "?version_id=x", "invalid_input", "version_id" },
      }) do
        invalid(get(path .. case[1]), case[2], case[3])
      end
    end)
  end)

  describe("has skill files that", function()
    local path = E .. "/llm_skills/name/alpha/"

    it("are created, read, renamed and deleted, each write a version", function()
      new_skill("alpha")
      local made = must(201, "POST", path .. "files/", { path = "a b/100%.md", content = "text\n" })
      assert.same(
        { 2, { { path = "a b/100%.md", content_type = "text/plain" } } },
        { made.version, made.files }
      )
      local got = must(200, "GET", path .. "files/a%20b/100%25.md/")
      assert.same({ path = "a b/100%.md", content = "text", content_type = "text/plain" }, got)
      must(200, "GET", path .. "files/a%20b%2F100%25.md///")
      local renamed = must(
        200,
        "POST",
        path .. "files-rename/",
        { old_path = "a b/100%.md", new_path = "x?y#z+€.md", base_version = 2 }
      )
      assert.same({ 3, "x?y#z+€.md" }, { renamed.version, renamed.files[1].path })
      plain(get(path .. "files/a%20b/100%25.md/"), 404)
      local deleted = must(200, "DELETE", path .. "files/x%3Fy%23z+%E2%82%AC.md/?base_version=3")
      assert.same({ 4, {} }, { deleted.version, deleted.files })
      must(200, "GET", path .. "files/x%3Fy%23z+%E2%82%AC.md/?version=3")
      plain(get(path .. "files/%FF/"), 404)
      must(404, "GET", path .. "files/a%0Ab/")
    end)

    it("refuse bad input before anything else", function()
      for _, case in ipairs({
        { "files/", { content = "c" }, "required", "path" },
        { "files/", { path = "a", content = " \n" }, "blank", "content" },
        { "files/", { path = "../a", content = "c" }, "invalid_input", "path" },
        { "files/", { path = "a\\..\\b", content = "c" }, "invalid_input", "path" },
        { "files/", { path = "/a", content = "c" }, "invalid_input", "path" },
        { "files/", { path = ("p"):rep(501), content = "c" }, "max_length", "path" },
        { "files/", { path = "a", content = ("é"):rep(500001) }, "max_size", "content" },
        { "files/", { path = "a", content = "c", base_version = 0 }, "min_value", "base_version" },
        { "files-rename/", { old_path = "a" }, "required", "new_path" },
        { "files-rename/", { old_path = "a", new_path = "a " }, "invalid_input" },
        {
          "files-rename/",
          '{"old_path":"a","new_path":"b","base_version":null}',
          "null",
          "base_version",
        },
      }) do
        invalid(send("POST", path .. case[1], case[2]), case[3], case[4])
      end
      plain(get(path .. "files/../archive/"), 400)
      plain(get(path .. "files/%2Fetc/"), 400)
      invalid(call("DELETE", path .. "files/a/?base_version=x"), "invalid_input", "base_version")
    end)

    it("check skill, version, limits, file and target in that order", function()
      new_skill("alpha", { files = { file("a"), file("b") } })
      plain(
        send(
          "POST",
          E .. "/llm_skills/name/nope/files-rename/",
          { old_path = "x", new_path = "y", base_version = 9 }
        ),
        404
      )
      plain(
        send("POST", path .. "files-rename/", { old_path = "x", new_path = "y", base_version = 9 }),
        409,
        "current_version detail"
      )
      plain(call("DELETE", path .. "files/x/?base_version=9"), 409, "current_version detail")
      plain(send("POST", path .. "files-rename/", { old_path = "x", new_path = "b" }), 404)
      plain(send("POST", path .. "files-rename/", { old_path = "a", new_path = "b" }), 409)
      plain(send("POST", path .. "files/", { path = "a", content = "c" }), 409)
      t.e:settings({ file_limit = 2 })
      plain(send("POST", path .. "files/", { path = "c", content = "c" }), 400)
      t.e:settings({ version_limit = 1 })
      plain(call("DELETE", path .. "files/nope/"), 400)
      assert.equal(1, t.e:state().projects["112358"].skills[1].version)
    end)
  end)
end)
