-- Lists of skills, and what the newest server tells of them.

local clock = require("posthog.llm.clock")
local live = require("spec.support.live")

local fails = live.fails

describe("lists of skills on API v2", function()
  local t = live.session({ profile = "current" })
  local client

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client()
  end)

  local function create(name, fields)
    local all = { name = name, description = "d", body = "b" }
    for field, value in pairs(fields or {}) do
      all[field] = value
    end
    return assert(client.skills:create(all))
  end

  local function names(options)
    local found = {}
    for skill in client.skills:each(options) do
      found[#found + 1] = skill.name
    end
    table.sort(found)
    local listed = {}
    for i, skill in ipairs(assert(client.skills:list(options)).results) do
      listed[i] = skill.name
    end
    table.sort(listed)
    assert.same(found, listed)
    return found
  end

  it("are filtered by category, owner and author", function()
    local mine = create("pdf-forms")
    create("signals-scout-errors", { owners = {} })
    local user = mine.created_by.id
    assert.same({ "pdf-forms" }, names({ category = "" }))
    assert.same({ "signals-scout-errors" }, names({ category = "scouts" }))
    assert.same({ "pdf-forms" }, names({ owner_id = user }))
    assert.same({ "pdf-forms", "signals-scout-errors" }, names({ created_by_id = user }))
    assert.same({}, names({ owner_id = user, category = "scouts" }))
    local since = #t.e:log()
    assert(client.skills:list({ category = "", owner_id = 5.0, created_by_id = 6, limit = 2 }))
    assert.truthy(
      t.only(since).target:find("?category=&owner_id=5&created_by_id=6&limit=2", 1, true)
    )
  end)

  it("have the fields of API v2 in their rows", function()
    create("pdf-forms", { files = { { path = "a.md", content = "ä\nb" } } })
    local row = assert(client.skills:list()).results[1]
    assert.same({ "", {} }, { row.category, row.spec_problems })
    assert.equal(1, #row.owners)
    local file = assert(client.skills:get("pdf-forms")).files[1]
    assert.same({ 2, 3, 4 }, { file.line_count, file.char_count, file.size })
    assert.equal(64, #file.sha256)
  end)

  it("are true, and no error, when nothing has changed since their ETag", function()
    create("pdf-forms")
    assert(client.skills:list()) -- the path by which the server is asked is known from here on
    local page, _, response = client.skills:list({ limit = 5 })
    assert.equal("pdf-forms", page.results[1].name)
    local etag, version = response.headers.ETag, response.headers["X-Skills-Version"]
    assert.truthy(etag:find('^W/"'))
    assert.truthy(version:find("^1%.0%.%d+$"))
    local same, err, unchanged = client.skills:list({ limit = 5, etag = etag })
    assert.same({ true, nil, 304 }, { same, err, unchanged.status })
    assert.equal(etag, unchanged.headers.ETag)
    assert.equal(1, unchanged.attempts)
    create("other")
    page, err, response = client.skills:list({ limit = 5, etag = etag })
    assert.is_nil(err)
    assert.equal(2, #page.results)
    assert.not_equal(version, response.headers["X-Skills-Version"])
    assert.not_equal(etag, response.headers.ETag)
    live.misuses({
      {
        "etag: string expected",
        function()
          client.skills:list({ etag = 1 })
        end,
      },
      {
        "If-None-Match",
        function()
          client.skills:list({ etag = "a\nb" })
        end,
      },
      {
        'unknown option "etag"',
        function()
          client.skills:each({ etag = "a" })
        end,
      },
    })
  end)

  it("are an error if a 304 arrives for an unconditional request", function()
    t.answer(304)
    fails("redirect", nil, client.skills:list())
    local value = client:request("GET", "/api/x/", { headers = { ["if-none-match"] = '"a"' } })
    assert.is_true(value)
  end)

  it("show that the server has API v2", function()
    assert.is_nil(client:profile())
    create("pdf-forms")
    require("posthog.llm.api.versions.api_version").forget()
    assert(client.skills:list())
    assert.equal("current", client:profile())
    require("posthog.llm.api.versions.api_version").forget()
    assert(client.skills:resolve("pdf-forms"))
    assert.equal("current", client:profile())
  end)
end)

describe("a skill on API v2", function()
  local t = live.session({ profile = "current" })
  local sleep = clock.sleep
  local client

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client()
    assert(client.skills:create({ name = "pdf-forms", description = "d", body = "first" }))
    assert(client.skills:publish("pdf-forms", { base_version = 1, body = "second" }))
  end)
  after_each(function()
    clock.sleep = sleep
  end)

  it("that does not exist shows the API version, and the error names similar ones", function()
    require("posthog.llm.api.versions.api_version").forget()
    for what, call in pairs({
      get = function()
        return client.skills:get("pdf-form")
      end,
      resolve = function()
        return client.skills:resolve("pdf-form")
      end,
      publish = function()
        return client.skills:publish("pdf-form", { base_version = 1 })
      end,
      archive = function()
        return client.skills:archive("pdf-form")
      end,
      duplicate = function()
        return client.skills:duplicate("pdf-form", "x")
      end,
    }) do
      local value, err = call()
      fails("not_found", { type = "skill_not_found" }, value, err)
      assert.truthy(tostring(err):find('; did you mean "pdf-forms"?', 1, true), what)
      assert.equal("current", client:profile())
    end
    local _, err = client.skills:get("pdf-forms", { version = 9 })
    assert.truthy(err.message:find("; the latest is version 2", 1, true), err.message)
    _, err = client.skills:get("nothing-like-it")
    assert.is_nil(err.message:find("did you mean", 1, true))
  end)

  it("is not suggested in an error if its name is invalid", function()
    local body = '{"detail":"No.","type":"skill_not_found","skill_name":"a","suggestions":%s}'
    for suggestions, words in pairs({
      ['["a\\nb","\\u001b[2J",5,null,{}]'] = "No.",
      ["{}"] = "No.",
      ["5"] = "No.",
      ['["ab","ac"]'] = 'No; did you mean "ab", "ac"?',
    }) do
      t.answer(404, body:format(suggestions))
      local _, err = client.skills:get("a")
      assert.equal(words, err.message)
    end
  end)

  it("is given as SKILL.md of any version, never of another one", function()
    local file = assert(client.skills:skill_md("pdf-forms", { version = 1 }))
    assert.equal(1, file.version)
    assert.truthy(file.content:find("first", 1, true))
    assert.equal(2, assert(client.skills:skill_md("pdf-forms")).version)
    t.answer(200, '{"name":"pdf-forms","version":2,"content":"x","frontmatter":{}}')
    fails("decode", { option = "version" }, client.skills:skill_md("pdf-forms", { version = 1 }))
  end)

  it("that is locked is not archived, and the error says who could", function()
    for _, status in ipairs({ 400, 403, 409 }) do
      t.e:settings({ locked_skills = "pdf-forms", locked_status = status })
      local done, err = client.skills:archive("pdf-forms")
      assert.is_nil(done)
      assert.is_nil(err.ambiguous)
      assert.truthy(tostring(err):find("This skill is locked", 1, true))
      assert.truthy(tostring(err):find("only the owner or an admin of the project", 1, true))
    end
    t.e:settings({ locked_skills = "" })
    assert.is_true(client.skills:archive("pdf-forms"))
    local _, err = client.skills:archive("pdf-forms")
    assert.is_nil(tostring(err):find("admin", 1, true))
  end)

  it("is searched once where the search takes the server too long", function()
    clock.sleep = function()
      return true
    end
    t.e:settings({ search = "timeout" })
    local since = #t.e:log()
    local found, err = t.client({ max_retries = 2 }).skills:search("needle")
    fails("server", { status = 503, attempts = 1 }, found, err)
    local searches = 0
    for _, entry in ipairs(t.e:log(since)) do
      searches = searches + (entry.target:find("/search/", 1, true) and 1 or 0)
    end
    assert.equal(1, searches)
  end)
end)

describe("lists of skills on API v1", function()
  local t = live.session({ profile = "reference" })

  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  it("are not returned unfiltered where the server does not know the filter", function()
    local client = t.client()
    assert(client.skills:create({ name = "pdf-forms", description = "d", body = "b" }))
    for name, value in pairs({ category = "", owner_id = 1, created_by_id = 1 }) do
      local page, err = client.skills:list({ [name] = value })
      fails("invalid", { option = name }, page, err)
      live.raises("invalid", { option = name }, client.skills:each({ [name] = value }))
    end
    local since = #t.e:log()
    fails("invalid", nil, t.client({ profile = "reference" }).skills:list({ owner_id = 1 }))
    t.silent(since)
  end)

  it("are returned completely if the server has no ETag", function()
    local client = t.client()
    assert(client.skills:create({ name = "pdf-forms", description = "d", body = "b" }))
    assert.equal(1, #assert(client.skills:list({ etag = 'W/"a"' })).results)
  end)
end)
