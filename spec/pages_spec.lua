local cjson = require("cjson")

local live = require("spec.support.live")

local t = live.session()
local all = live.all

local DATASETS = "/api/projects/112358/datasets/"

--- One page as JSON.
local function page(ids, following, count)
  local results = {}
  for i, id in ipairs(ids) do
    results[i] = ('{"id":"%s"}'):format(id)
  end
  return ('{"count":%d,"next":%s,"previous":null,"results":[%s]}'):format(
    count or 4,
    cjson.encode(following or cjson.null),
    table.concat(results, ",")
  )
end

describe("the iterator each", function()
  local datasets

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    datasets = t.client().datasets
  end)

  local function newest_first(made)
    local list = {}
    for i = #made, 1, -1 do
      list[#list + 1] = made[i]
    end
    return list
  end

  it("reads all rows over many pages, each once, in order, and only when it needs them", function()
    local made = t.e:seed({ datasets = 23 }).datasets
    local iterator = datasets:each({ limit = 5 })
    t.silent()
    assert.equal(made[23], iterator().id)
    assert.equal(1, #t.e:log())
    for _ = 1, 4 do
      iterator()
    end
    assert.equal(1, #t.e:log())
    iterator()
    assert.equal(2, #t.e:log())
    assert.equal(17, #all(iterator))
    assert.equal(5, #t.e:log())
    assert.is_nil(iterator())
    assert.is_nil(iterator())
    assert.equal(5, #t.e:log())
    assert.same(newest_first(made), all(datasets:each({ limit = 5 }), "id"))
    assert.same(newest_first(made), all(datasets:each(), "id"))
    t.sent({ "GET " .. DATASETS }, 10)
  end)

  it("uses only the path and query of next, whatever its host", function()
    local made = t.e:seed({ datasets = 5 }).datasets
    for _, origin in ipairs({
      "http://internal:8000",
      "https://us.posthog.com",
      "http://127.0.0.1:1",
      "HTTPS://[::1]:443",
    }) do
      t.e:settings({ link_origin = origin })
      local since = #t.e:log()
      assert.same(newest_first(made), all(datasets:each({ limit = 2, search = "Seeded" }), "id"))
      local log = t.e:log(since)
      assert.equal(3, #log)
      for i, entry in ipairs(log) do
        assert.equal(DATASETS, entry.target:match("^[^?]*"))
        assert.truthy(entry.target:find("search=Seeded", 1, true))
        assert.equal(i > 1, entry.target:find("offset=" .. 2 * i - 2, 1, true) ~= nil)
        assert.truthy(entry.raw_header:find("Host: " .. t.e.url:match("//(.*)"), 1, true))
      end
    end
  end)

  it("stays below the path prefix of the host, whether next has it or not", function()
    local made = t.e:seed({ datasets = 5 }).datasets
    local prefixed = t.client(nil, "/posthog").datasets
    for _, origin in ipairs({ "", "http://internal:8000" }) do
      t.e:settings({ link_origin = origin })
      local since = #t.e:log()
      assert.same(newest_first(made), all(prefixed:each({ limit = 2 }), "id"))
      t.sent({
        "GET /posthog" .. DATASETS .. "?limit=2",
        "GET /posthog" .. DATASETS .. "?limit=2&offset=2",
        "GET /posthog" .. DATASETS .. "?limit=2&offset=4",
      }, since)
    end
  end)

  it("stays below a prefix that resembles the API's own", function()
    t.script(
      "^/api/v1/api/projects/112358/datasets/%?limit=2$",
      { page({ "a", "b" }, "http://internal/api/projects/112358/datasets/?limit=2&offset=2") }
    )
    local rows = t.client(nil, "/api/v1/").datasets:each({ limit = 2 })
    assert.same({ "a", "b" }, { rows().id, rows().id })
    live.raises("not_found", { status = 404 }, rows)
    t.sent({
      "GET /api/v1" .. DATASETS .. "?limit=2",
      "GET /api/v1" .. DATASETS .. "?limit=2&offset=2",
    })
  end)

  it("follows a next with the other path scope, and keeps its own", function()
    for asked, named in pairs({ projects = "environments", environments = "projects" }) do
      local path = ("/api/%s/112358/llm_skills/"):format(asked)
      local link = ("https://x/api/%s/112358/llm_skills/?limit=1&offset=1"):format(named)
      t.script("llm_skills", { page({ "a" }, link), page({ "b" }) })
      local since = #t.e:log()
      local skills = t.client({ scope_prefix = asked }).skills
      assert.same({ "a", "b" }, all(skills:each({ limit = 1 }), "id"))
      t.sent({ "GET " .. path .. "?limit=1", "GET " .. path .. "?limit=1&offset=1" }, since)
    end
  end)

  it("takes a next that is only a path or a query", function()
    t.script("datasets", {
      page({ "a" }, DATASETS .. "?limit=1&offset=1"),
      page({ "b" }, "?limit=1&offset=2"),
      page({ "c" }, "//internal" .. DATASETS .. "?offset=3&limit=1#top"),
      page({ "d" }),
    })
    assert.same({ "a", "b", "c", "d" }, all(datasets:each({ limit = 1 }), "id"))
    t.sent({
      "GET " .. DATASETS .. "?limit=1",
      "GET " .. DATASETS .. "?limit=1&offset=1",
      "GET " .. DATASETS .. "?limit=1&offset=2",
      "GET " .. DATASETS .. "?offset=3&limit=1",
    })
  end)

  it("returns a row once although rows are created in the meantime", function()
    local made = t.e:seed({ datasets = 6 }).datasets
    local ids = {}
    for row in datasets:each({ limit = 2 }) do
      ids[#ids + 1] = row.id
      if #ids <= 3 then
        assert(datasets:create({ name = "meanwhile " .. #ids }))
      end
    end
    assert.same(newest_first(made), ids)
  end)

  it("gets to the end although far more rows than a page are created at once", function()
    local made = t.e:seed({ datasets = 32 }).datasets
    local ids = {}
    for row in datasets:each({ limit = 1 }) do
      ids[#ids + 1] = row.id
      if #ids == 30 then
        t.e:seed({ datasets = 30 })
      end
    end
    assert.same(newest_first(made), ids)
    assert.equal(62, #t.e:log())
  end)

  it("does not stop for a count, a short page or an empty one", function()
    local link = "https://x" .. DATASETS .. "?limit=2&offset="
    t.script("datasets", {
      page({ "a" }, link .. 2, 0),
      page({}, link .. 4, 1),
      page({ "b", "a" }, link .. 6, 1),
      page({ "c" }, nil, 99),
    })
    assert.same({ "a", "b", "c" }, all(datasets:each({ limit = 2 }), "id"))
    assert.equal(4, #t.e:log())
  end)

  it("sends one request for an empty list", function()
    assert.same({}, all(datasets:each()))
    assert.equal(1, #t.e:log())
    assert.same({}, all(datasets:each({ offset = 50 })))
    assert.equal(2, #t.e:log())
  end)

  local BEYOND = "https://x" .. DATASETS
  for what, link in pairs({
    ["that stands still"] = BEYOND .. "?limit=2",
    ["that goes back"] = BEYOND .. "?limit=2&offset=1",
    ["without an offset"] = BEYOND .. "?limit=2&cursor=x",
    ["that leads to another resource"] = "https://x/api/projects/112358/dataset_items/?offset=4",
    ["that leads to another project"] = "https://x/api/projects/271828/datasets/?offset=4",
    ["that leads below the resource"] = BEYOND .. "x/?offset=4",
    ["that leads out by dots"] = BEYOND .. "../llm_skills/?offset=4",
    ["that is not an API path"] = "https://x/login?offset=4",
    ["with a space"] = BEYOND .. "?offset=4&x=a b",
    ["with a line break"] = BEYOND .. "?offset=4&x=a\r\nX-Evil: 1",
    ["that is a number"] = 4,
    ["that is a list"] = { BEYOND },
    ["that is false"] = false,
    ["that is empty"] = "",
  }) do
    it("raises the error of a next " .. what, function()
      local body = page({ "c" }):gsub('"next":null', function()
        return '"next":' .. cjson.encode(link)
      end)
      t.script("datasets", { page({ "a", "b" }, BEYOND .. "?limit=2&offset=2"), body })
      local rows = datasets:each({ limit = 2 })
      assert.same({ "a", "b" }, { rows().id, rows().id })
      live.raises("decode", {}, rows)
      t.sent({ "GET " .. DATASETS .. "?limit=2", "GET " .. DATASETS .. "?limit=2&offset=2" })
    end)
  end

  it("gives up on pages without end that bring nothing new", function()
    local list = {}
    for i = 1, 200 do
      list[i] = page({ "a" }, BEYOND .. "?limit=1&offset=" .. i, 1)
    end
    t.script("datasets", list)
    local rows = datasets:each({ limit = 1 })
    assert.equal("a", rows().id)
    live.raises("decode", {}, rows)
    assert.is_true(#t.e:log() < 50)
  end)

  it("raises the error of a page that fails, and continues there when called again", function()
    local made = t.e:seed({ datasets = 4 }).datasets
    t.e:fault({ match = { path = "offset=2" }, action = { status = 503, times = 1 } })
    local rows = datasets:each({ limit = 2 })
    assert.same({ made[4], made[3] }, { rows().id, rows().id })
    live.raises("server", { status = 503 }, rows)
    assert.same({ made[2], made[1] }, all(rows, "id"))
    local ids = {}
    t.e:fault({ match = { path = "offset=2" }, action = { status = 500 } })
    live.raises("server", { status = 500 }, function()
      for row in datasets:each({ limit = 2 }) do
        ids[#ids + 1] = row.id
      end
    end)
    assert.same({ made[4], made[3] }, ids)
  end)

  it("raises a decode error for a response that is not a page", function()
    for _, body in ipairs({
      "{}",
      "[]",
      "null",
      "",
      "<html></html>",
      '{"results":null}',
      '{"results":{"id":"a"}}',
      '{"results":"a"}',
      '{"results":[{"name":"no id"}]}',
      '{"results":[null]}',
      '{"results":["a"]}',
      '{"results":[["a"]]}',
    }) do
      t.answer(200, body)
      live.raises("decode", {}, datasets:each())
    end
    t.answer(204)
    live.raises("decode", { message = "the response is empty, not a page" }, datasets:each())
  end)

  it("tries a page again that a gateway lost, without a gap", function()
    local made = t.e:seed({ datasets = 4 }).datasets
    t.e:fault({
      match = { path = "offset=2" },
      action = { status = 502, headers = { ["Retry-After"] = "0" }, times = 1 },
    })
    local patient = t.client({ max_retries = 1 }).datasets
    assert.same(newest_first(made), all(patient:each({ limit = 2 }), "id"))
    assert.equal(3, #t.e:log())
  end)

  it("carries the call's options to every page", function()
    t.e:seed({ datasets = 3 })
    assert.equal(3, #all(datasets:each({ limit = 2, headers = { ["X-Trace"] = "17" } })))
    for _, entry in ipairs(t.e:log()) do
      assert.truthy(entry.raw_header:find("\r\nX%-Trace: 17\r\n"))
    end
  end)

  it("keeps two simultaneous iterators separate", function()
    local made = t.e:seed({ datasets = 4 }).datasets
    local one, other = datasets:each({ limit = 1 }), datasets:each({ limit = 3 })
    local seen = {}
    for _ = 1, 4 do
      local a, b = one().id, other().id
      assert.equal(a, b)
      seen[#seen + 1] = a
    end
    assert.same(newest_first(made), seen)
  end)

  it("gives up on a server that counts down for ever", function()
    local bodies = {}
    for i = 1, 100 do
      bodies[i] = (
        '{"count":%d,"next":"/api/projects/112358/datasets/?limit=1&offset=1",'
        .. '"results":[{"id":"a"}]}'
      ):format(1000 - i)
    end
    t.script("/datasets/", bodies)
    live.raises("decode", nil, function()
      all(datasets:each({ limit = 1 }))
    end)
    assert.is_true(#t.e:log() < 60)
  end)

  it("reads the pages of an id list, of skills and of items alike", function()
    local made = t.e:seed({ datasets = 1, items = 7, skills = 3 })
    local client = t.client()
    local items = client.dataset_items:each({ dataset = made.datasets[1], limit = 3 })
    assert.same(newest_first(made.items), all(items, "id"))
    assert.equal(3, #all(client.skills:each({ limit = 1 })))
    assert.equal(1, #all(datasets:each({ id__in = made.datasets, limit = 1 })))
  end)
end)

describe("the rows of pages", function()
  local pages = require("posthog.llm.api.pages")

  --- Rows of a server on which rows are created all the time: each page begins with the last rows
  --- of the one before.
  local function rows(count, window)
    local function fetch(query)
      local offset = tonumber((query or ""):match("offset=(%d+)")) or 0
      local results = {}
      for i = 1, 100 do
        local number = i <= 10 and 990 + offset - 10 + i or 990 + offset + i
        results[i] = { id = ("0192f3a4-6b1e-7c55-9d02-%012d"):format(number) }
      end
      local following = offset + 100 < count and "?offset=" .. offset + 100 or nil
      return { count = count + 1, next = following, results = results }
    end
    return pages.rows(fetch, nil, nil, nil, window)
  end

  it("come once each, in memory that does not grow where only the latest are remembered", function()
    local seen, twice, most = {}, 0, 0
    local n = 0
    for row in rows(100000, 1000) do
      n = n + 1
      local key = tonumber(row.id:match("%d+$"))
      twice = twice + (seen[key % 5000] == key and 1 or 0)
      seen[key % 5000] = key
      if n % 20000 == 0 then
        collectgarbage()
        collectgarbage()
        most = math.max(most, collectgarbage("count"))
      end
    end
    assert.equal(0, twice)
    assert.is_true(n > 89000, n)
    collectgarbage()
    assert.is_true(most < collectgarbage("count") + 600, most) -- KiB
  end)
end)
