local core = require("posthog.llm.core")
local live = require("spec.support.live")
local llm = require("posthog.llm")

local t = live.session()
local all = live.all

local DATASETS = "/api/projects/112358/datasets/"

describe("the option prefetch", function()
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

  --- The offsets that were asked for, sorted.
  local function offsets(since, most)
    local list = {}
    for i, entry in ipairs(t.e:log(since)) do
      if i <= (most or i) then
        list[i] = tonumber(entry.target:match("[?&]offset=(%d+)") or 0)
      end
    end
    table.sort(list)
    return list
  end

  it("does not change the rows or their order, and reads nothing after the end", function()
    local made = t.e:seed({ datasets = 11 }).datasets
    for _, prefetch in ipairs({ 0, 1, 2.0, 3, 50 }) do
      local since = #t.e:log()
      assert.same(newest_first(made), all(datasets:each({ limit = 2, prefetch = prefetch }), "id"))
      assert.same({ 0, 2, 4, 6, 8, 10 }, offsets(since))
    end
    for _, entry in ipairs(t.e:log()) do
      assert.is_nil(entry.target:find("prefetch", 1, true))
    end
  end)

  --- Waits until so many requests have arrived at the server.
  local function await(count)
    local until_time = core.now() + 10
    while #t.e:log() < count and core.now() < until_time do
      core.sleep(0.005)
    end
  end

  it("reads that many pages beyond the one that is needed, at the same time", function()
    t.e:seed({ datasets = 20 })
    t.e:fault({ match = { path = "offset=" }, action = { delay = 1, times = 3 } })
    local rows = datasets:each({ limit = 2, prefetch = 2 })
    t.silent()
    rows()
    await(3)
    assert.same({ 0, 2, 4 }, offsets()) -- on their way while the rows of the first are used
    rows()
    assert.same({ 0, 2, 4 }, offsets())
    rows() -- the first is used up
    await(4)
    assert.same({ 0, 2, 4, 6 }, offsets())
    local connections, count = {}, 0
    for _, entry in ipairs(t.e:log(1)) do
      if not connections[entry.connection] then
        connections[entry.connection] = true
        count = count + 1
      end
    end
    assert.equal(3, count)
    for _ = 1, 5 do
      rows()
    end
    await(6)
    assert.same({ 0, 2, 4, 6, 8, 10 }, offsets())
    rows()
    await(7)
    assert.same({ 0, 2, 4, 6, 8, 10, 12 }, offsets())
  end)

  it("reads while the program computes", function()
    local made = t.e:seed({ datasets = 8 }).datasets
    t.e:fault({ match = { path = "offset=" }, action = { delay = 0.8 } })
    local ids, waited = {}, 0
    local rows = datasets:each({ limit = 2, prefetch = 1 })
    for i = 1, 8 do
      local began = core.now()
      ids[i] = rows().id
      waited = waited + (i > 2 and core.now() - began or 0)
      local stop = core.now() + (i % 2 == 0 and 1.2 or 0)
      while core.now() < stop do -- luacheck: ignore
      end
    end
    assert.same(newest_first(made), ids)
    assert.is_true(waited < 1.4, waited) -- of 2.4 where nothing is on its way meanwhile
  end)

  --- Whether a request finds a connection at once, where those that were given up had them all.
  local function finds_connection(client)
    local began = core.now()
    assert(client:request("GET", "/__emulator/slow?ms=1"))
    return core.now() - began < 15
  end

  it("cancels what an abandoned iterator has on its way", function()
    t.e:seed({ datasets = 20 })
    t.e:fault({ match = { path = "offset=" }, action = { delay = 30 } })
    local client = t.client({ max_connections = 2 })
    local function abandon()
      local rows = client.datasets:each({ limit = 2, prefetch = 2 })
      rows()
      await(3)
    end
    abandon()
    collectgarbage()
    collectgarbage()
    assert.is_true(finds_connection(client))
    assert.same({ 0, 2, 4 }, offsets(0, 3))
  end)

  if _VERSION >= "Lua 5.4" then
    it("cancels at once what is on its way where a loop is left", function()
      t.e:seed({ datasets = 20 })
      t.e:fault({ match = { path = "offset=" }, action = { delay = 30 } })
      local client = t.client({ max_connections = 2 })
      collectgarbage("stop")
      for row in client.datasets:each({ limit = 2, prefetch = 2 }) do
        await(3)
        if row then
          break
        end
      end
      assert.is_true(finds_connection(client))
      local ok, err = pcall(function()
        for _ in client.datasets:each({ limit = 2, prefetch = 2 }) do
          error("mine", 0)
        end
      end)
      assert.same({ false, "mine" }, { ok, err })
      assert.is_true(finds_connection(client))
      collectgarbage("restart")
    end)
  end

  it("shows the API key in nothing that it returns", function()
    t.e:seed({ datasets = 9 })
    local parts = { datasets:each({ limit = 2, prefetch = 2 }) }
    parts[1]()
    await(3)
    local seen, found = {}, false
    local function visit(value)
      if type(value) == "table" and not seen[value] then
        seen[value] = true
        visit(getmetatable(value))
        for key, field in pairs(value) do
          visit(key)
          visit(field)
        end
      elseif type(value) == "string" then
        found = found or value:find("phx_", 1, true) ~= nil
      end
    end
    for i = 1, 4 do
      visit(parts[i])
    end
    assert.is_false(found)
  end)

  it("makes no request that the rate limit would hold back, until its page is needed", function()
    t.e:seed({ datasets = 12 })
    local client = t.client({ pace = { per_minute = 3 }, deadline = 9 })
    local rows = client.datasets:each({ limit = 2, prefetch = 4 })
    for _ = 1, 6 do
      assert.is_string(rows().id)
    end
    assert.same({ 0, 2, 4 }, offsets())
    live.raises("rate_limited", { option = "pace" }, rows)
    assert.equal(3, #t.e:log())
  end)

  it("retries a page that was sent ahead, within the deadline of a call", function()
    local made = t.e:seed({ datasets = 8 }).datasets
    t.e:fault({
      match = { path = "offset=" },
      action = { status = 503, headers = { ["Retry-After"] = "0" }, times = 3 },
    })
    local retried = {}
    local client = t.client({
      max_retries = 2,
      deadline = 3,
      on_retry = function(retry)
        retried[#retried + 1] = retry.attempt
      end,
    })
    local rows, ids = client.datasets:each({ limit = 2, prefetch = 3 }), {}
    ids[1] = rows().id
    await(4)
    ids[2] = rows().id
    core.sleep(3.2) -- the rows of a page may be used for longer than a call may take
    for row in rows do
      ids[#ids + 1] = row.id
    end
    assert.same(newest_first(made), ids)
    assert.same({ 1 }, retried) -- and those after it are sent again
  end)

  it("loses no row where a page is retried, and others create and delete meanwhile", function()
    local made = t.e:seed({ datasets = 8 }).datasets
    t.e:fault({
      match = { path = "offset=2" },
      action = { status = 503, headers = { ["Retry-After"] = "0" }, times = 1 },
    })
    local rows, ids = t.client({ max_retries = 1 }).datasets:each({ limit = 2, prefetch = 3 }), {}
    ids[1], ids[2] = rows().id, rows().id
    await(4)
    assert(datasets:create({ name = "meanwhile" }))
    assert(datasets:delete(made[1])) -- the last row: there are as many as before
    for row in rows do
      ids[#ids + 1] = row.id
    end
    local left = newest_first(made)
    table.remove(left)
    assert.same(left, ids)
  end)

  it("calls the hooks once for each request", function()
    t.e:seed({ datasets = 8 })
    local asked, answered = {}, {}
    local client = t.client({
      on_request = function(request)
        asked[#asked + 1] = tonumber(request.url:match("offset=(%d+)") or 0)
      end,
      on_response = function(response)
        answered[#answered + 1] = tonumber(response.url:match("offset=(%d+)") or 0)
      end,
    })
    assert.equal(8, #all(client.datasets:each({ limit = 2, prefetch = 3 })))
    assert.same({ { 0, 2, 4, 6 }, { 0, 2, 4, 6 } }, { asked, answered })
  end)

  it("returns cancelled once the client is closed, also for pages that have arrived", function()
    t.e:seed({ datasets = 8 })
    local client = t.client()
    local rows = client.datasets:each({ limit = 2, prefetch = 3 })
    rows()
    await(4)
    rows()
    client:close()
    live.raises("cancelled", {}, rows)
  end)

  it("keeps filters and follows the server's own pages", function()
    local link = "http://internal" .. DATASETS .. "?limit=1&offset=%d&search=a%%26b"
    local function page(id, following)
      return ('{"count":3,"next":%s,"results":[{"id":"%s"}]}'):format(
        following and '"' .. link:format(following) .. '"' or "null",
        id
      )
    end
    t.e:faults({
      { match = { path = "offset=1&" }, action = { status = 200, body = page("b", 2) } },
      { match = { path = "offset=2&" }, action = { status = 200, body = page("c") } },
      { action = { status = 200, body = page("a", 1) } },
    })
    local ids = all(datasets:each({ limit = 500, search = "a&b", prefetch = 4 }), "id")
    assert.same({ "a", "b", "c" }, ids)
    local log = t.e:log()
    table.remove(log, 1)
    table.sort(log, function(a, b)
      return a.target < b.target
    end)
    assert.equal(DATASETS .. "?limit=1&offset=1&search=a%26b", log[1].target)
    assert.equal(DATASETS .. "?limit=1&offset=2&search=a%26b", log[2].target)
    assert.equal(2, #log)
  end)

  it("drops what it has read where the server then points elsewhere", function()
    local body = '{"count":9,"next":"%s?limit=1&offset=%d","results":[{"id":"%s"}]}'
    local function answer(path, id, following)
      return {
        match = { path = path },
        action = { status = 200, body = body:format(DATASETS, following, id) },
      }
    end
    t.e:faults({
      answer("offset=1$", "b", 5), -- not 2
      answer("offset=2$", "never", 3),
      {
        match = { path = "offset=5$" },
        action = { status = 200, body = '{"count":9,"next":null,"results":[{"id":"c"}]}' },
      },
      { match = { path = "offset=" }, action = { status = 500 } },
      answer("", "a", 1),
    })
    assert.same({ "a", "b", "c" }, all(datasets:each({ limit = 1, prefetch = 1 }), "id"))
  end)

  it("raises the error of a page only where its rows would come, and then tries again", function()
    local made = t.e:seed({ datasets = 6 }).datasets
    t.e:fault({ match = { path = "offset=4" }, action = { status = 503, times = 1 } })
    local rows, ids = datasets:each({ limit = 2, prefetch = 5 }), {}
    for i = 1, 4 do
      ids[i] = rows().id
    end
    live.raises("server", { status = 503 }, rows)
    for row in rows do
      ids[#ids + 1] = row.id
    end
    assert.same(newest_first(made), ids)
  end)

  it("returns a row once although rows are created in the meantime", function()
    local made = t.e:seed({ datasets = 9 }).datasets
    local ids = {}
    for row in datasets:each({ limit = 2, prefetch = 1 }) do
      ids[#ids + 1] = row.id
      if #ids <= 4 then
        assert(datasets:create({ name = "meanwhile " .. #ids }))
      end
    end
    assert.same(newest_first(made), ids)
  end)

  it("raises the error of a hook to the caller", function()
    t.e:seed({ datasets = 4 })
    local client = t.client({
      on_request = function(request)
        if request.url:find("offset=2", 1, true) then
          error("hook", 0)
        end
      end,
    })
    local rows = client.datasets:each({ limit = 2, prefetch = 2 })
    rows()
    rows()
    assert.same({ false, "hook" }, { pcall(rows) })
  end)

  it("serves items, skills and the history of a skill alike", function()
    local made = t.e:seed({ datasets = 1, items = 7, skills = 5 })
    local client = t.client()
    assert.same(
      newest_first(made.items),
      all(client.dataset_items:each({ dataset = made.datasets[1], limit = 2, prefetch = 2 }), "id")
    )
    assert.equal(5, #all(client.skills:each({ limit = 1, prefetch = 3 })))
    t.reset()
    local name = t.e:seed({ skills = 1, versions = 9 }).skills[1]
    assert.same(
      { 9, 8, 7, 6, 5, 4, 3, 2, 1 },
      all(client.skills:versions(name, { limit = 2, prefetch = 2 }), "version")
    )
    local before = {}
    for i, entry in ipairs(t.e:log()) do
      before[i] = tonumber(entry.target:match("before_version=(%d+)") or 0)
    end
    table.sort(before)
    assert.same({ 0, 2, 4, 6, 8 }, before)
  end)

  it("works inside llm.gather", function()
    local made = t.e:seed({ datasets = 7 }).datasets
    local function read()
      local rows, ids = datasets:each({ limit = 2, prefetch = 2 }), {}
      local row = rows() -- not by `for`: a function that waits there cannot yield on Lua 5.1
      while row do
        ids[#ids + 1] = row.id
        row = rows()
      end
      return ids
    end
    local values, errors = llm.gather({ read, read, read })
    assert.is_nil(errors)
    for i = 1, 3 do
      assert.same(newest_first(made), values[i])
    end
  end)

  it("raises misuse at the line of the call", function()
    local skills = t.client().skills
    live.misuses({
      {
        "prefetch: at least 0",
        function()
          datasets:each({ prefetch = -1 })
        end,
      },
      {
        "prefetch: integer expected",
        function()
          datasets:each({ prefetch = "2" })
        end,
      },
      {
        "prefetch: integer expected",
        function()
          skills:each({ prefetch = 1.5 })
        end,
      },
      {
        "prefetch: integer expected",
        function()
          skills:versions("x", { prefetch = true })
        end,
      },
      {
        '"prefetch"',
        function()
          datasets:list({ prefetch = 1 })
        end,
      },
      {
        '"prefetch"',
        function()
          skills:list({ prefetch = 1 })
        end,
      },
      {
        '"prefetch"',
        function()
          skills:resolve("x", { prefetch = 1 })
        end,
      },
    })
    t.silent()
  end)
end)

describe("the pages that are read ahead where no number is given", function()
  local ahead = require("posthog.llm.http.ahead")
  local listing = require("posthog.llm.api.listing")

  --- How many were to be on their way after each page.
  --- @param count integer of pages
  --- @param bytes integer of a row
  --- @param most? integer rows that are wanted
  local function depths(count, bytes, most)
    local seen, sent = {}, 0
    local resource = { _connections = 2 }
    function resource:list(options) -- luacheck: ignore self
      local requests = options[ahead.OPTION]
      if requests.sending then
        sent = sent + 1
        return nil
      end
      local offset = options.offset or 0
      seen[#seen + 1] = function()
        return requests.depth
      end
      local following = offset + 10 < count * 10 and "?offset=" .. offset + 10 or nil
      local results = {}
      for i = 1, 10 do
        results[i] = { id = tostring(offset + i), text = ("x"):rep(bytes) }
      end
      return { count = count * 10, next = following, results = results },
        nil,
        { url = "", attempts = 1 }
    end
    local next_row = listing(resource, { limit = 10 }, "auto", nil, most)
    local list, rows = {}, 0
    while rows ~= most and next_row() do
      rows = rows + 1
      if rows % 10 == 1 then
        list[#list + 1] = seen[#seen]()
      end
    end
    assert.equal(most or count * 10, rows)
    return list, sent
  end

  it("grow with each page, up to four for each connection, and stay as many", function()
    local list, sent = depths(200, 10)
    assert.same({ 2, 4, 7, 7, 7 }, { list[1], list[2], list[3], list[4], list[5] })
    assert.equal(7, list[70])
    assert.equal(7, list[200])
    assert.equal(199, sent)
  end)

  it("are few where they are large, and none are beyond the rows that are wanted", function()
    assert.same({ 2, 2, 2, 2 }, (depths(4, 400000)))
    assert.same({ 2, 4, 4, 4, 4 }, (depths(5, 200000)))
    local _, sent = depths(9, 10, 30)
    assert.equal(2, sent)
  end)
end)
