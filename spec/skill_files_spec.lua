local cjson = require("cjson")

local live = require("spec.support.live")
local llm = require("posthog.llm")

local t = live.session()
local fails = live.fails

local NAME = "/api/environments/112358/llm_skills/name/pdf-forms/"

--- Paths of files that are awkward on the wire, and what they become there.
local PATHS = {
  ["a b/€.md"] = "a%20b/%E2%82%AC.md",
  ["100%.md"] = "100%25.md",
  ["x?y#z"] = "x%3Fy%23z",
  ["a+b"] = "a%2Bb",
  ["deep/er/and/deeper.txt"] = "deep/er/and/deeper.txt",
  ["..."] = "...",
  [".hidden/..x"] = ".hidden/..x",
  ["%2e%2e/x"] = "%252e%252e/x",
  ["archive"] = "archive",
  ["a&b=c;d,e'f\"g"] = "a%26b%3Dc%3Bd%2Ce%27f%22g",
  ["e\204\129.md"] = "e%CC%81.md", -- not composed
  ["\240\159\152\128.md"] = "%F0%9F%98%80.md",
}

describe("the files of skills", function()
  local skills

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    skills = t.client().skills
    assert(skills:create({
      name = "pdf-forms",
      description = "d",
      body = "b",
      files = { { path = "a.md", content = "alpha" } },
    }))
  end)

  local function paths_of(skill)
    local list = {}
    for i, file in ipairs(skill.files) do
      list[i] = file.path
    end
    table.sort(list)
    return table.concat(list, " ")
  end

  it("are created, read, renamed and deleted, each a version of the skill", function()
    local created, err, response = skills:create_file("pdf-forms", {
      path = "b/c.py",
      content = "print(1)",
      content_type = "text/x-python",
      base_version = 1.0,
    })
    assert.is_nil(err)
    assert.equal(201, response.status)
    assert.same({ 2, "a.md b/c.py" }, { created.version, paths_of(created) })

    local file = assert(skills:file("pdf-forms", "b/c.py"))
    assert.same({ path = "b/c.py", content = "print(1)", content_type = "text/x-python" }, file)

    local renamed =
      assert(skills:rename_file("pdf-forms", "b/c.py", "d.py", { base_version = 2.0 }))
    assert.same({ 3, "a.md d.py" }, { renamed.version, paths_of(renamed) })
    assert.equal("print(1)", assert(skills:file("pdf-forms", "d.py")).content)

    local deleted = assert(skills:delete_file("pdf-forms", "d.py", { base_version = 3.0 }))
    assert.same({ 4, "a.md" }, { deleted.version, paths_of(deleted) })
    fails("not_found", { status = 404 }, skills:file("pdf-forms", "d.py"))
    assert.equal("print(1)", assert(skills:file("pdf-forms", "d.py", { version = 3 })).content)

    t.sent({
      "POST " .. NAME .. "files/",
      "GET " .. NAME .. "files/b/c.py/",
      "POST " .. NAME .. "files-rename/",
      "GET " .. NAME .. "files/d.py/",
      "DELETE " .. NAME .. "files/d.py/?base_version=3",
      "GET " .. NAME .. "files/d.py/",
      "GET " .. NAME .. "files/d.py/?version=3",
    }, 1)
    local log = t.e:log(1)
    assert.truthy(log[1].body:find('"base_version":1[,}]'))
    assert.truthy(log[3].body:find('"base_version":2[,}]'))
    assert.same(
      { old_path = "b/c.py", new_path = "d.py", base_version = 2 },
      cjson.decode(log[3].body)
    )
    assert.equal("", log[5].body or "")
    assert.is_nil(log[5].raw_header:lower():find("content-type", 1, true))
  end)

  it("need no base version: then the last writer wins", function()
    assert(skills:create_file("pdf-forms", { path = "b", content = "x" }))
    assert(skills:rename_file("pdf-forms", "b", "c"))
    assert(skills:rename_file("pdf-forms", "c", "d", {}))
    assert(skills:delete_file("pdf-forms", "d"))
    local log = t.e:log(1)
    for _, entry in ipairs(log) do
      assert.is_nil((entry.body or ""):find("base_version", 1, true))
      assert.is_nil(entry.target:find("?", 1, true))
    end
    assert.same({ old_path = "b", new_path = "c" }, cjson.decode(log[2].body))
    assert.equal(5, assert(skills:get("pdf-forms")).version)
  end)

  it("may have any name, which comes back as it was sent", function()
    local list = {}
    for path in pairs(PATHS) do
      list[#list + 1] = { path = path, content = "in " .. path }
    end
    assert(skills:publish("pdf-forms", { base_version = 1, files = list }))
    local before = #t.e:log()
    for path, encoded in pairs(PATHS) do
      local file = assert(skills:file("pdf-forms", path))
      assert.same({ path, "in " .. path }, { file.path, file.content })
      assert.equal(NAME .. "files/" .. encoded .. "/", t.only(before).target)
      before = before + 1
    end
    for path, encoded in pairs(PATHS) do
      assert(skills:rename_file("pdf-forms", path, "new/" .. path))
      assert.same({ old_path = path, new_path = "new/" .. path }, cjson.decode(t.only(before).body))
      local skill = assert(skills:delete_file("pdf-forms", "new/" .. path))
      for _, file in ipairs(skill.files) do
        assert.not_equal("new/" .. path, file.path)
      end
      assert.equal(NAME .. "files/new/" .. encoded .. "/", t.only(before + 1).target)
      before = before + 2
    end
    assert.same({}, assert(skills:get("pdf-forms")).files)
  end)

  it("conflict with the current version when the base is old", function()
    assert(skills:publish("pdf-forms", { base_version = 1, body = "newer" }))
    local stale = { base_version = 1 }
    local conflict = { status = 409, current_version = 2 }
    fails(
      "conflict",
      conflict,
      skills:create_file("pdf-forms", { path = "b", content = "x", base_version = 1 })
    )
    fails("conflict", conflict, skills:rename_file("pdf-forms", "a.md", "b", stale))
    fails("conflict", conflict, skills:delete_file("pdf-forms", "a.md", stale))
    local skill = assert(skills:get("pdf-forms"))
    assert.same({ 2, "a.md" }, { skill.version, paths_of(skill) })
    assert.same({ base_version = 1 }, stale)
  end)

  it("conflict without a current version when the path is taken", function()
    assert(skills:create_file("pdf-forms", { path = "b", content = "x" }))
    for _, result in ipairs({
      { skills:create_file("pdf-forms", { path = "a.md", content = "x" }) },
      { skills:rename_file("pdf-forms", "b", "a.md", { base_version = 2 }) },
    }) do
      local value, err = result[1], result[2]
      fails("conflict", { status = 409 }, value, err)
      assert.is_nil(err.current_version)
      assert.is_nil(err.ambiguous)
    end
    assert.equal("alpha", assert(skills:file("pdf-forms", "a.md")).content)
  end)

  it("are not found when they are unknown", function()
    fails("not_found", { status = 404 }, skills:file("pdf-forms", "b"))
    fails("not_found", { status = 404 }, skills:file("nobody", "a.md"))
    fails("not_found", { status = 404 }, skills:file("pdf-forms", "a.md", { version = 7 }))
    fails("not_found", { status = 404 }, skills:rename_file("pdf-forms", "b", "c"))
    fails("not_found", { status = 404 }, skills:delete_file("pdf-forms", "b"))
    fails(
      "not_found",
      { status = 404 },
      skills:create_file("nobody", { path = "b", content = "x" })
    )
    for _, entry in ipairs(t.e:log(1)) do
      assert.is_nil(entry.target:find("/api/projects/", 1, true))
    end
  end)

  it("are subject to the server's limits and refusals", function()
    t.e:settings({ file_limit = 1 })
    fails(
      "invalid",
      { status = 400 },
      skills:create_file("pdf-forms", { path = "b", content = "x" })
    )
    fails(
      "invalid",
      { status = 400, attr = "content", code = "blank" },
      skills:create_file("pdf-forms", { path = "b", content = "  " })
    )
    fails("invalid", { status = 400 }, skills:rename_file("pdf-forms", "a.md", "a.md"))
    assert.equal(1, assert(skills:get("pdf-forms")).version)
  end)

  it("are sent with unknown fields too", function()
    local fields = { path = "b", content = "x", colour = { 1, llm.null } }
    assert(skills:create_file("pdf-forms", fields))
    assert.same(
      { path = "b", content = "x", colour = { 1, cjson.null } },
      cjson.decode(t.only(1).body)
    )
  end)

  it("are accepted only as a file: a path and its content", function()
    for _, body in ipairs({ '{"path":"a.md"}', '{"content":"x"}', "[]", '"x"', "null", "" }) do
      t.answer(200, body)
      local value, err = skills:file("pdf-forms", "a.md")
      fails("decode", { status = 200 }, value, err)
    end
  end)
end)
