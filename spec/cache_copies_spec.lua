-- What posthog.llm.cache makes of a response, and what it takes for a copy of it.
local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local server = require("posthog.llm.cache.server")
local store = require("posthog.llm.cache.store")

local function skill(fields)
  local all = { id = "i1", name = "pdf", version = 2, body = "text", metadata = { owner = "me" } }
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  return all
end

--- The parts of a cache whose server answers with this skill.
local function parts(answer, keep_users)
  return {
    client = {
      skills = {
        get = function()
          return answer
        end,
      },
    },
    store = { dict = { incr = function() end } },
    keep_users = keep_users,
  }
end

local function fetch(answer, version, keep_users)
  return server.skill(parts(answer, keep_users), { skill = "pdf", version = version }, 0)
end

describe("what the cache keeps of a skill", function()
  local PEOPLE = {
    created_by = { email = "a@example.com" },
    created_by_id = 7,
    owner = "a",
    owner_ids = json.array({ 7 }),
    reviewers = json.array({ { email = "b@example.com" }, { distinct_id = "c@example.com" } }),
    files = json.array({ { path = "a.md", created_by = { email = "d@example.com" } } }),
    spec = { maintainer = { email = "e@example.com" } },
  }

  it("names nobody, at no depth and under no name, and keeps metadata", function()
    local text, note = fetch(skill(PEOPLE))
    assert.equal("2 i1", note)
    assert.same({
      id = "i1",
      name = "pdf",
      version = 2,
      body = "text",
      metadata = { owner = "me" },
      reviewers = {},
      files = { { path = "a.md" } },
      spec = {},
    }, json.decode(text))
  end)

  it("names people with keep_users", function()
    local kept =
      json.decode((fetch(skill({ created_by = { email = "a@example.com" } }), nil, true)))
    assert.equal("a@example.com", kept.created_by.email)
  end)

  for what, version in pairs({
    none = false,
    text = "2",
    zero = 0,
    ["below zero"] = -1,
    half = 1.5,
    huge = 1e300,
  }) do
    it("is nothing of one whose version is " .. what .. ": the response is at fault", function()
      local answer = skill({ version = version })
      local text, err = fetch(answer)
      assert.is_nil(text)
      assert.equal("decode", err.kind)
      assert.matches("an integer from 1 was expected", err.message, 1, true)
    end)
  end

  it("is nothing of another version than was asked for", function()
    local text, err = fetch(skill(), 3)
    assert.is_nil(text)
    assert.matches("has version 2 where 3 was expected", err.message, 1, true)
  end)

  it("is nothing of another skill than was asked for", function()
    local text, err = fetch(skill({ name = "other" }))
    assert.is_nil(text)
    assert.equal("decode", err.kind)
    assert.matches("has the skill other where pdf was expected", err.message, 1, true)
  end)

  it("is the skill of an id that was asked for", function()
    local id = "018f0000-0000-4000-8000-000000000001"
    local entry = { skill = id }
    assert.is_string((server.skill(parts(skill({ id = id })), entry, 0)))
  end)

  local function fetch_file(path, answer)
    local all = parts()
    function all.client.skills.file()
      return { path = answer, content = "text" }
    end
    return server.file(all, { skill = "pdf", version = 2, path = path }, 0)
  end

  it("is nothing of another file than was asked for", function()
    local text, err = fetch_file("a.md", "b.md")
    assert.is_nil(text)
    assert.matches("has the file b.md where a.md was expected", err.message, 1, true)
    assert.is_string((fetch_file("a\\b.md", "a/b.md")))
  end)
end)

describe("what the cache keeps of the list of skills", function()
  --- A server with these pages; each is { names, headers, further? }, or { 304, headers }. The last one
  --- is repeated.
  local function list_of(pages)
    local asked = {}
    local all = parts()
    function all.client.skills:list(options)
      asked[#asked + 1] = options
      local page = pages[#asked] or pages[#pages]
      local response = { headers = page[2] }
      if page[1] == 304 then
        return true, nil, response
      end
      local results = {}
      for i, name in ipairs(page[1]) do
        results[i] = skill({ name = name })
      end
      return { results = results, next = page[3], count = page.count }, nil, response
    end
    return all, asked
  end

  local function read(pages, old)
    local all, asked = list_of(pages)
    local text, _, seconds = server.list(all, {}, math.huge, old and json.encode(old))
    return json.decode(text), asked, seconds
  end

  local TAG, MOVED = { ETag = '"1"', ["X-Skills-Version"] = "7" }, { ["X-Skills-Version"] = "8" }

  it("is its tag, which the next request has", function()
    local list = read({ { { "a", "b" }, { ETag = 'W/"1"' } } })
    assert.equal('W/"1"', list.etag)
    assert.same({ a = "2 i1", b = "2 i1" }, list.rows)
    local same, asked = read({ { 304, {} } }, list)
    assert.same(list, same)
    assert.equal('W/"1"', asked[1].etag)
  end)

  it("has no tag of a page where nothing tells of the others", function()
    assert.is_nil(read({ { { "a" }, { ETag = '"1"' }, "more" }, { { "b" }, {} } }).etag)
    assert.equal('"1"', read({ { { "a" }, TAG, "more" }, { { "b" }, TAG } }).etag)
    assert.is_nil(read({ { { "a" }, TAG, "more" }, { { "b" }, MOVED } }).etag)
  end)

  it("is read anew when the project has moved although the page has not", function()
    local list, asked = read(
      { { 304, MOVED }, { { "b" }, TAG } },
      { etag = '"1"', version = "7", rows = {} }
    )
    assert.same({ b = "2 i1" }, list.rows)
    assert.is_nil(asked[2].etag)
  end)

  it("ends where the pages do not", function()
    local list, asked = read({ { { "a" }, TAG, "more" } })
    assert.equal(2, #asked)
    assert.is_nil(list.etag)
    local many = {}
    for page = 1, 30 do
      local names = {}
      for i = 1, 100 do
        names[i] = ("n%d-%d"):format(page, i)
      end
      many[page] = { names, TAG, "more" }
    end
    list, asked = read(many)
    assert.equal(10, #asked)
    assert.is_nil(list.etag)
    local late = list_of({ { { "a" }, TAG, "more" } })
    assert.is_nil(json.decode((server.list(late, {}, 0))).etag)
  end)

  it("bears a count that is not a number", function()
    assert.equal('"1"', read({ { { "a" }, TAG, count = "x" } }).etag)
  end)

  for what, tag in pairs({
    ["not UTF-8"] = '"\233"',
    ["huge"] = '"' .. ("x"):rep(5000) .. '"',
    ["empty"] = "",
    ["two lines"] = '"a\r\nX: y"',
  }) do
    it("is without a tag that is " .. what, function()
      local list = read({ { { "a" }, { ETag = tag } } })
      assert.is_nil(list.etag)
      assert.is_true(list.no_etag)
    end)
  end

  it("is fresh for an hour only where it says that there is none", function()
    assert.equal(3600, server.longest("{}"))
    assert.is_nil(server.longest('{"rows":{}}'))
  end)
end)

describe("a failure in the cache", function()
  it("is kept when a header of the response is not UTF-8", function()
    local err = errors.new({ kind = "server", message = "x", request_id = "ab\233", status = 500 })
    local kept = store.decode(store.encode(err))
    assert.equal("ab?", kept.request_id)
    assert.equal(500, kept.status)
  end)
end)

describe("a copy from Redis", function()
  local ENTRY = { skill = "pdf" }

  local function is_copy(text, note, entry)
    return server.is_copy({}, entry or ENTRY, text, note or "2 i1")
  end

  it("is taken when it is that of the entry", function()
    assert.is_true(is_copy(json.encode(skill())))
    assert.is_true(is_copy('{"path":"a","content":"x"}', "", { skill = "pdf", path = "a" }))
    assert.is_true(is_copy('{"rows":{}}', "", {}))
  end)

  for what, text in pairs({
    ["cut off"] = '{"id":"i1","na',
    ["a number"] = "5",
    ["an array"] = "[1]",
    null = "null",
    ["an empty object"] = "{}",
    ["too deep"] = ("["):rep(5000),
    ["another skill"] = json.encode(skill({ name = "other" })),
    ["of another version than its note"] = json.encode(skill({ version = 3 })),
    ["with a body that is not a text"] = json.encode(skill({ body = 7 })),
    ["with people"] = json.encode(skill({ created_by = { email = "a@example.com" } })),
  }) do
    it("is not taken when it is " .. what, function()
      assert.is_false(is_copy(text))
    end)
  end

  it("is not taken for another file, version or list", function()
    assert.is_false(is_copy('{"path":"b","content":"x"}', "", { skill = "pdf", path = "a" }))
    assert.is_false(is_copy('{"path":"a","content":7}', "", { skill = "pdf", path = "a" }))
    assert.is_false(is_copy(json.encode(skill()), nil, { skill = "pdf", version = 9 }))
    assert.is_false(is_copy('{"rows":5}', "", {}))
    assert.is_false(is_copy('{"rows":{},"etag":5}', "", {}))
    assert.is_false(is_copy('{"rows":{},"etag":"a\\r\\nb"}', "", {}))
  end)
end)
