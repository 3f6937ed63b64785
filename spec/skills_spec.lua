local cjson = require("cjson")

local live = require("spec.support.live")
local llm = require("posthog.llm")

local t = live.session()
local fails, all = live.fails, live.all

local BASE = "/api/environments/112358/llm_skills/"
local NAME = BASE .. "name/pdf-forms/"

describe("the methods of client.skills", function()
  local skills

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    skills = t.client().skills
  end)

  --- A skill with two files, version 1; returns the number of its log entry.
  local function make()
    assert(skills:create({
      name = "pdf-forms",
      description = "Fills in forms",
      body = "# Forms\n\nFill them in.\n\n## Checks\n\nCheck them.",
      files = {
        { path = "a.md", content = "alpha" },
        { path = "b/c.py", content = "print(1)", content_type = "text/x-python" },
      },
    }))
    return 1
  end

  local function paths_of(skill)
    local list = {}
    for i, file in ipairs(skill.files) do
      list[i] = file.path
    end
    table.sort(list)
    return table.concat(list, " ")
  end

  describe("create", function()
    it("send the fields as they are and return the skill", function()
      local skill, err, response = skills:create({
        name = "pdf-forms",
        description = "Füllt Formulare aus",
        body = "# One\n\ntext",
        license = "MIT",
        allowed_tools = { "Bash", "Read" },
        metadata = { nested = { list = llm.array() }, none = llm.null },
        files = { { path = "x/€.md", content = "euro" } },
      })
      assert.is_nil(err)
      assert.equal(201, response.status)
      assert.equal("pdf-forms", skill.name)
      assert.equal(1, skill.version)
      assert.equal("Füllt Formulare aus", skill.description)
      assert.same({ "Bash", "Read" }, skill.allowed_tools)
      assert.same({ { level = 1, text = "One" } }, skill.outline)
      assert.equal("x/€.md", skill.files[1].path)
      assert.equal(llm.null, skill.metadata.none)
      assert.equal("[]", llm.json.encode(skill.metadata.nested.list))
      assert.is_true(skill.is_latest)

      local entry = t.only()
      assert.equal("POST", entry.method)
      assert.equal(BASE, entry.target)
      local sent = cjson.decode(entry.body)
      assert.same({ { path = "x/€.md", content = "euro" } }, sent.files)
      assert.equal(cjson.null, sent.metadata.none)
      assert.truthy(entry.body:find('"list":[]', 1, true))
      assert.is_nil(entry.body:find("compatibility", 1, true))
      assert.is_nil(entry.body:find("base_version", 1, true))
      assert.truthy(entry.raw_header:find("\r\nAuthorization: Bearer phx_emulator_all\r\n"))
      assert.truthy(entry.raw_header:find("\r\nContent%-Type: application/json\r\n"))
    end)

    it("send empty lists as [] and other empty tables as {}", function()
      local fields = {
        name = "pdf-forms",
        description = "d",
        body = "b",
        files = {},
        allowed_tools = {},
        metadata = {},
        owners = {},
      }
      local skill = assert(skills:create(fields))
      local body = t.only().body
      for _, name in ipairs({ "files", "allowed_tools", "owners" }) do
        assert.truthy(body:find('"' .. name .. '":[]', 1, true), name)
      end
      assert.truthy(body:find('"metadata":{}', 1, true))
      assert.equal("[]", llm.json.encode(skill.files))
      assert.equal("{}", llm.json.encode(skill.metadata))
      assert.is_nil(getmetatable(fields.files), "the caller's table was changed")
    end)

    it("keep empty tables below metadata as the caller marked them", function()
      local metadata = { files = {}, edits = llm.array(), tools = { files = {} } }
      assert(skills:create({ name = "x", description = "d", body = "b", metadata = metadata }))
      local sent = llm.json.decode(t.only().body).metadata
      assert.equal("{}", llm.json.encode(sent.files))
      assert.equal("[]", llm.json.encode(sent.edits))
      assert.equal("{}", llm.json.encode(sent.tools.files))
    end)

    it("send unknown fields, and null where the caller says null", function()
      t.answer(201, '{"id":"i","name":"x","novelty":{"a":[null]},"license":null}')
      local skill = assert(skills:create({ name = "x", colour = "red", license = llm.null }))
      assert.same({ name = "x", colour = "red", license = cjson.null }, cjson.decode(t.only().body))
      assert.same({ llm.null }, skill.novelty.a)
      assert.is_nil(skill.license)
    end)

    it("report a name that is taken, and what a field lacks", function()
      make()
      fails(
        "invalid",
        { status = 400, code = "unique", attr = "name" },
        skills:create({ name = "pdf-forms", description = "d", body = "b" })
      )
      fails(
        "invalid",
        { status = 400, code = "required", attr = "description", type = "validation_error" },
        skills:create({ name = "other", body = "b" })
      )
    end)

    it("return what cannot be encoded as an error with its path, and send nothing", function()
      for path, fields in pairs({
        ["metadata.ratio"] = { metadata = { ratio = 0 / 0 } },
        ["metadata.list[2]"] = { metadata = { list = { 1, print } } },
        ["description"] = { description = "\255" },
        ["files[1].content"] = { files = { { path = "a", content = "\237\160\128" } } },
      }) do
        local value, err = skills:create(fields)
        fails("invalid", { path = path }, value, err)
        assert.is_nil(err.status)
        assert.is_nil(err.ambiguous)
      end
      t.silent()
    end)
  end)

  describe("list and each", function()
    it("return pages and all rows, newest first, without bodies", function()
      local made = t.e:seed({ skills = 5 }).skills
      local page, err, response = skills:list({ limit = 2, offset = 1 })
      assert.is_nil(err)
      assert.equal(200, response.status)
      assert.equal(5, page.count)
      assert.equal(2, #page.results)
      assert.is_nil(page.results[1].body)
      assert.truthy(page.next:find("limit=2&offset=3", 1, true))
      assert.truthy(page.previous)
      local names = all(skills:each({ limit = 2 }), "name")
      assert.equal(5, #names)
      table.sort(names)
      table.sort(made)
      assert.same(made, names)
      t.sent({
        "GET " .. BASE .. "?limit=2&offset=1",
        "GET " .. BASE .. "?limit=2",
        "GET " .. BASE .. "?limit=2&offset=2",
        "GET " .. BASE .. "?limit=2&offset=4",
      })
    end)

    it("pass filters on, encoded, and integral floats without a fraction", function()
      make()
      local page = assert(skills:list({
        search = "a+b &=#€/%",
        order_by = "-version_count",
        limit = 5.0,
        offset = 0.0,
      }))
      assert.equal(0, page.count)
      assert.same({}, page.results)
      assert.is_nil(page.next)
      assert.equal(0, #all(skills:each({ search = "nothing" })))
      t.sent({
        "GET "
          .. BASE
          .. "?search=a%2Bb%20%26%3D%23%E2%82%AC%2F%25"
          .. "&order_by=-version_count&limit=5&offset=0",
        "GET " .. BASE .. "?search=nothing",
      }, 1)
    end)

    it("send no parameter when nothing is asked for", function()
      assert(skills:list())
      assert(skills:list({}))
      t.sent({ "GET " .. BASE, "GET " .. BASE })
      local entry = t.e:log()[1]
      assert.is_nil(entry.raw_header:lower():find("content-type", 1, true))
      assert.is_nil(entry.raw_header:lower():find("content-length", 1, true))
      assert.equal("", entry.body or "")
    end)
  end)

  describe("get", function()
    it("return the latest version, or the one asked for", function()
      make()
      assert(skills:publish("pdf-forms", { base_version = 1, body = "new" }))
      local latest, err, response = skills:get("pdf-forms")
      assert.is_nil(err)
      assert.equal("new", latest.body)
      assert.equal(2, latest.version)
      assert.equal(200, response.status)
      local first = assert(skills:get("pdf-forms", { version = 1.0 }))
      assert.equal("# Forms\n\nFill them in.\n\n## Checks\n\nCheck them.", first.body)
      assert.is_false(first.is_latest)
      assert.equal(2, first.latest_version)
      if t.profile == "reference" then
        t.sent({ "GET " .. NAME, "GET " .. NAME .. "?version=1" }, 2)
      else -- whose server would cut a long body
        t.sent({
          "GET " .. NAME .. "?body_length=1000000",
          "GET " .. NAME .. "?version=1&body_length=1000000",
        }, 2)
      end
    end)

    it("percent-encode any name", function()
      for name, encoded in pairs({
        ["a b"] = "a%20b",
        ["€"] = "%E2%82%AC",
        ["100%"] = "100%25",
        ["x?y#z"] = "x%3Fy%23z",
        ["a+b"] = "a%2Bb",
        ["..."] = "...",
        ["%2e%2e"] = "%252e%252e",
        [":project_id"] = "%3Aproject_id",
        ["a\\b"] = "a%5Cb",
        ["A-Za~_."] = "A-Za~_.",
      }) do
        local before = #t.e:log()
        fails("not_found", { status = 404 }, skills:get(name))
        local path, query = t.only(before).target:match("^([^?]*)%??(.*)$")
        assert.equal(BASE .. "name/" .. encoded .. "/", path)
        assert.is_truthy(query == "" or query == "body_length=1000000", query)
      end
    end)

    it("distinguish an unknown skill and an unknown version from an unknown project", function()
      make()
      fails("not_found", { status = 404, type = nil }, skills:get("nobody"))
      fails("not_found", { status = 404 }, skills:get("pdf-forms", { version = 9 }))
      local elsewhere = t.client({ project_id = 1 }).skills
      fails("not_found", { status = 404, code = "not_found" }, elsewhere:get("pdf-forms"))
      fails("forbidden", { status = 403 }, t.client({ project_id = 314159 }).skills:get("x"))
    end)
  end)

  describe("resolve and versions", function()
    it("return a skill with a page of its history", function()
      local name = t.e:seed({ skills = 1, versions = 5 }).skills[1]
      local resolved, err, response = skills:resolve(name, { version = 2, limit = 2 })
      assert.is_nil(err)
      assert.equal(200, response.status)
      assert.equal(2, resolved.skill.version)
      assert.equal("string", type(resolved.skill.body))
      assert.equal(2, #resolved.versions)
      assert.same({ 5, 4 }, { resolved.versions[1].version, resolved.versions[2].version })
      assert.is_true(resolved.has_more)
      local by_id = assert(skills:resolve(name, { version_id = resolved.versions[2].id }))
      assert.equal(4, by_id.skill.version)
      local older = assert(skills:resolve(name, { before_version = 2 }))
      assert.equal(1, #older.versions)
      assert.is_false(older.has_more)
      assert.equal(4, assert(skills:resolve(name, { offset = 1 })).versions[1].version)
      assert.equal(5, #assert(skills:resolve(name)).versions)
      local resolve = "GET " .. BASE .. "resolve/name/" .. name .. "/"
      t.sent({
        resolve .. "?version=2&limit=2",
        resolve .. "?version_id=" .. resolved.versions[2].id,
        resolve .. "?before_version=2",
        resolve .. "?offset=1",
        resolve,
      })
      fails("not_found", { status = 404 }, skills:resolve("nobody"))
      fails(
        "invalid",
        { status = 400, attr = "version_id" },
        skills:resolve(name, { version_id = "no-uuid" })
      )
    end)

    it("return the whole history, newest first, while others publish", function()
      local name = t.e:seed({ skills = 1, versions = 5 }).skills[1]
      local numbers = {}
      for version in skills:versions(name, { limit = 2 }) do
        numbers[#numbers + 1] = version.version
        if #numbers == 2 then
          assert(skills:publish(name, { base_version = 5, body = "meanwhile" }))
        end
      end
      assert.same({ 5, 4, 3, 2, 1 }, numbers)
      local resolve = BASE .. "resolve/name/" .. name .. "/"
      t.sent({
        "GET " .. resolve .. "?limit=2",
        "PATCH " .. BASE .. "name/" .. name .. "/",
        "GET " .. resolve .. "?limit=2&before_version=4",
        "GET " .. resolve .. "?limit=2&before_version=2",
      })
      assert.equal(6, #all(skills:versions(name)))
    end)

    it("raise the error of a history that cannot be read", function()
      live.raises("not_found", { status = 404 }, skills:versions("nobody"))
      local stuck =
        '{"skill":{"name":"x"},"versions":[{"version":3},{"version":2}],"has_more":true}'
      t.answer(200, stuck)
      local next_version = skills:versions("x")
      assert.same({ 3, 2 }, { next_version().version, next_version().version })
      live.raises("decode", {}, next_version)
      for _, versions in ipairs({ '{"a":1}', "[1]", '[{"version":"3"}]', "[null]", "7" }) do
        t.answer(200, '{"skill":{"name":"x"},"has_more":true,"versions":' .. versions .. "}")
        live.raises("decode", {}, skills:versions("x"))
      end
      t.answer(204)
      live.raises("decode", {}, skills:versions("x"))
    end)
  end)

  describe("publish", function()
    it("make the next version out of a body, and carry the rest over", function()
      make()
      local skill, err, response = skills:publish("pdf-forms", { base_version = 1.0, body = "new" })
      assert.is_nil(err)
      assert.equal(200, response.status)
      assert.equal(2, skill.version)
      assert.equal("new", skill.body)
      assert.equal("a.md b/c.py", paths_of(skill))
      local entry = t.only(1)
      assert.equal("PATCH", entry.method)
      assert.equal(NAME, entry.target)
      assert.truthy(entry.body:find('"base_version":1[,}]'))
      assert.same({ base_version = 1, body = "new" }, cjson.decode(entry.body))
    end)

    it("apply edits to the body and to files", function()
      make()
      local skill = assert(skills:publish("pdf-forms", {
        base_version = 1,
        edits = { { old = "Fill them in.", new = "Complete them." } },
        file_edits = { { path = "a.md", edits = { { old = "alpha", new = "beta" } } } },
      }))
      assert.equal("# Forms\n\nComplete them.\n\n## Checks\n\nCheck them.", skill.body)
      assert.equal("beta", assert(skills:file("pdf-forms", "a.md")).content)
      assert.equal("alpha", assert(skills:file("pdf-forms", "a.md", { version = 1 })).content)
    end)

    it("report which edit does not apply, and to which file", function()
      make()
      fails(
        "invalid",
        { status = 400, edit_index = 1 },
        skills:publish("pdf-forms", {
          base_version = 1,
          edits = { { old = "Fill", new = "x" }, { old = "absent", new = "y" } },
        })
      )
      fails(
        "invalid",
        { status = 400, edit_index = 0, file_path = "a.md" },
        skills:publish("pdf-forms", {
          base_version = 1,
          file_edits = { { path = "a.md", edits = { { old = "omega", new = "" } } } },
        })
      )
      assert.equal(1, assert(skills:get("pdf-forms")).version)
    end)

    it("replace all files, and remove them with an empty list", function()
      make()
      local skill = assert(skills:publish("pdf-forms", {
        base_version = 1,
        files = { { path = "only.md", content = "x" } },
      }))
      assert.equal("only.md", paths_of(skill))
      skill = assert(skills:publish("pdf-forms", { base_version = 2, files = {} }))
      assert.same({}, skill.files)
      local body = t.only(2).body
      assert.truthy(body:find('"files":[]', 1, true))
      for _, name in ipairs({ "edits", "file_edits" }) do
        local before = #t.e:log()
        fails(
          "invalid",
          { status = 400 },
          skills:publish("pdf-forms", { base_version = 3, [name] = {} })
        )
        assert.truthy(t.only(before).body:find('"' .. name .. '":[]', 1, true))
      end
      fails(
        "invalid",
        { status = 400 },
        skills:publish(
          "pdf-forms",
          { base_version = 3, file_edits = { { path = "only.md", edits = {} } } }
        )
      )
      assert.truthy(t.only(#t.e:log() - 1).body:find('"edits":[]', 1, true))
    end)

    it("report that someone else published, with the version to edit instead", function()
      make()
      assert(skills:publish("pdf-forms", { base_version = 1, body = "theirs" }))
      local value, err = skills:publish("pdf-forms", { base_version = 1, body = "mine" })
      fails("conflict", { status = 409, current_version = 2 }, value, err)
      assert.is_nil(err.ambiguous)
      assert.equal("theirs", assert(skills:get("pdf-forms")).body)
      fails("not_found", { status = 404 }, skills:publish("nobody", { base_version = 1 }))
    end)
  end)

  describe("archive and duplicate", function()
    it("free a name, and return true for the empty response", function()
      make()
      local done, err, response = skills:archive("pdf-forms")
      assert.is_true(done)
      assert.is_nil(err)
      assert.equal(204, response.status)
      local entry = t.only(1)
      assert.equal("POST", entry.method)
      assert.equal(NAME .. "archive/", entry.target)
      assert.equal("", entry.body or "")
      assert.truthy(entry.raw_header:find("\r\nContent%-Length: 0\r\n"))
      assert.is_nil(entry.raw_header:lower():find("content-type", 1, true))
      fails("not_found", { status = 404 }, skills:get("pdf-forms"))
      fails("not_found", { status = 404 }, skills:archive("pdf-forms"))
    end)

    it("do not take an archive for done where the response is not that of the API", function()
      make()
      for _, body in ipairs({ "{}", "[]", "true", "<html>" }) do
        t.e:faults({ { match = { path = "/archive/" }, action = { status = 200, body = body } } })
        local done, err = skills:archive("pdf-forms")
        fails("decode", { status = 200 }, done, err)
        assert.is_true(err.ambiguous)
        assert.equal(body, err.body)
        assert.matches("a response without content was expected", err.message, 1, true)
      end
      t.e:faults({})
      assert(skills:get("pdf-forms"))
    end)

    it("copy the latest version under another name", function()
      make()
      local copy, err, response = skills:duplicate("pdf-forms", "other")
      assert.is_nil(err)
      assert.equal(201, response.status)
      assert.same({ "other", 1 }, { copy.name, copy.version })
      assert.equal("a.md b/c.py", paths_of(copy))
      local entry = t.only(1)
      assert.equal(NAME .. "duplicate/", entry.target)
      assert.equal('{"new_name":"other"}', entry.body)
      fails("invalid", { status = 400, attr = "new_name" }, skills:duplicate("pdf-forms", "other"))
      fails("not_found", { status = 404 }, skills:duplicate("nobody", "third"))
    end)
  end)
end)
