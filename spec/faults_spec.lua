-- The faults of the emulator: what goes over the wire, and whether the write was done.

local cjson = require("cjson")

local expect = require("spec.emulator.expect")
local wire = require("spec.support.wire")

local t = expect.session({ tls = true })
local get, send, must, contains = t.get, t.send, t.must, expect.contains

local DATASETS = "/api/projects/112358/datasets/"
local OK = "HTTP/1.1 200 OK\r\n"

--- Rows of datasets in the store.
local function rows()
  return #t.e:state().projects["112358"].datasets
end

--- Creates a dataset under a fault and gives back the bytes of the answer, and how it ended.
local function create(action, stop)
  t.e:fault({ match = { method = "POST" }, action = action })
  local body = '{"name":"wire"}'
  local request = {
    "POST " .. DATASETS .. " HTTP/1.1",
    "Host: x",
    "Connection: close",
    "Authorization: Bearer phx_emulator_all",
    "Content-Type: application/json",
    "Content-Length: " .. #body,
    "",
    body,
  }
  return wire.fetch(t.e.url, table.concat(request, "\r\n"), stop)
end

--- The bytes behind the first empty line.
local function body_of(text)
  return text:match("\r\n\r\n(.*)$")
end

--- What a list of chunks stands for, and whether the last one came.
local function unchunked(text)
  local parts = {}
  while true do
    local size, rest = text:match("^(%x+)\r\n(.*)$")
    size = size and tonumber(size, 16)
    if not size or size == 0 then
      return table.concat(parts), size == 0
    end
    parts[#parts + 1] = rest:sub(1, size)
    text = rest:sub(size + 3)
  end
end

describe("a fault of the emulator", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  it("replaces the server's response: the first n times, or the nth time", function()
    t.e:faults({
      { match = { method = "POST" }, action = { status = 500, times = 1 } },
      {
        match = { path = "^/api/.*limit=1", nth = 2 },
        action = { status = 502, body = "<h1>", headers = { ["Content-Type"] = "text/html" } },
      },
    })
    local broken = send("POST", DATASETS, { name = "x" })
    assert.same({ 500, "" }, { broken.status, broken.body })
    assert.equal(0, rows())
    must(201, "POST", DATASETS, { name = "x" })
    must(200, "GET", DATASETS .. "?limit=1")
    local html = get(DATASETS .. "?limit=1")
    assert.same(
      { 502, "<h1>", "text/html" },
      { html.status, html.body, html.headers["content-type"] }
    )
    must(200, "GET", DATASETS .. "?limit=1")
    t.e:fault({ action = { status = 503 } })
    must(503, "GET", DATASETS)
    must(503, "GET", DATASETS)
    t.e:faults({})
    must(200, "GET", DATASETS)
  end)

  it("falls on a share of the requests, on the same ones in any order", function()
    local function faulted(chance, ids)
      t.e:settings({ chance = chance })
      t.e:faults({
        { match = { path = "never" }, action = { status = 500 } },
        { match = { method = "GET", share = 0.5 }, action = { status = 503 } },
      })
      local since, found, count = t.e:state().requests, {}, 0
      for _, id in ipairs(ids) do
        get(DATASETS .. "?limit=" .. id)
      end
      for _, entry in ipairs(t.e:log(since)) do
        assert.equal(entry.status == 503 and 2 or nil, entry.fault)
        found[entry.target] = (found[entry.target] or "") .. entry.status
        count = count + (entry.fault and 1 or 0)
      end
      return found, count
    end
    local ids, back = {}, {}
    for i = 1, 20 do
      ids[i], back[21 - i] = 1 + i % 10, 1 + i % 10
    end
    local found, count = faulted(7, ids)
    assert.is_true(count > 0 and count < 20)
    assert.same(found, (faulted(7, back)))
    assert.not_same(found, (faulted(8, ids)))
  end)

  it("may be for one version of HTTP only", function()
    t.e:fault({ match = { http = "2" }, action = { status = 503 } })
    must(200, "GET", DATASETS)
    must(503, "GET", DATASETS, nil, { tls = true })
    t.e:fault({ match = { http = "1.1" }, action = { status = 503 } })
    must(503, "GET", DATASETS)
    must(200, "GET", DATASETS, nil, { tls = true })
  end)

  it("takes effect after the write, before it or without it, and the log says which", function()
    for _, case in ipairs({
      { false, { status = 503 } },
      { true, { status = 503, apply = true } },
      { false, { raw = OK .. "Content-Length: 0\r\n\r\n" } },
      { true, { raw = OK .. "Content-Length: 0\r\n\r\n", apply = true } },
      { false, { close = "before" } },
      { false, { close = true } },
      { true, { close = "after" } },
      { false, { close = "after", apply = false } },
      { true, { headers = { ["X-A"] = "b" } } },
      { true, { head = OK .. "\r\n" } },
    }) do
      local before = rows()
      create(case[2])
      local log = t.e:log()
      assert.same(
        { case[1], before + (case[1] and 1 or 0) },
        { log[#log].applied, rows() },
        cjson.encode(case[2])
      )
    end
  end)

  it("keeps a write until it is released, also of one client only", function()
    t.e:faults({
      { match = { agent = "nobody" }, action = { status = 500 } },
      {
        match = { method = "POST", agent = "curl" },
        action = { status = 504, hold = true, times = 2 },
      },
    })
    local before = rows()
    assert.equal(504, send("POST", DATASETS, { name = "x" }).status)
    assert.equal(504, send("POST", DATASETS, "{}").status)
    assert.equal(before, rows())
    local log = t.e:log()
    assert.same({ false, 504 }, { log[#log].applied, log[#log].status })
    assert.same({ released = 2 }, t.e:release())
    assert.same({ released = 0 }, t.e:release())
    assert.equal(before + 1, rows())
    log = t.e:log()
    local first, second
    for _, entry in ipairs(log) do
      if entry.method == "POST" and entry.status == 504 then
        first, second = second, entry
      end
    end
    assert.same({ true, 201 }, { first.applied, first.handled })
    assert.same({ false, 400 }, { second.applied, second.handled })
    assert.equal(first.order + 1, second.order)
    send("POST", DATASETS, { name = "y" })
    t.e:reset()
    assert.same({ released = 0 }, t.e:release())
  end)

  it("closes the connection instead of a response, or in the middle of one", function()
    for _, tls in ipairs({ false, true }) do
      t.e:reset()
      t.e:fault({ action = { close = "before", times = 1 } })
      assert.equal(0, send("POST", DATASETS, { name = "x" }, { tls = tls }).status)
      assert.equal(0, t.e:log()[1].status)
      t.e:fault({ action = { close = "after" } })
      assert.equal(0, send("POST", DATASETS, { name = "x" }, { tls = tls }).status)
      t.e:fault({ action = { truncate = 10 } })
      local answer = get(DATASETS, { tls = tls })
      assert.same({ 200, '{"count":1' }, { answer.status, answer.body })
      assert.truthy(tonumber(answer.headers["content-length"]) > 10)
      assert.not_equal("", answer.err)
      t.e:fault({ action = { truncate = 10, chunked = true } })
      answer = get(DATASETS, { tls = tls })
      assert.same({ 200, '{"count":1' }, { answer.status, answer.body })
      assert.not_equal("", answer.err)
    end
  end)

  it("ends a connection in order, or by a reset, at every point", function()
    for _, case in ipairs({
      { "^$", { close = "before" } },
      { "^$", { close = "after" } },
      { "^HTTP/1.1 200 OK\r\nContent%-Ty$", { raw = OK .. "Content-Ty", apply = true } },
      { '\r\n\r\n{"id":"$', { truncate = 7 } },
      { '\r\n\r\n7\r\n{"id":"\r\n$', { truncate = 7, chunked = true } },
    }) do
      local text, how = create(case[2])
      assert.equal("end", how)
      assert.truthy(text:find(case[1]), text)
      case[2].reset = true
      t.e:fault({ action = case[2] })
      contains("reset by peer", send("POST", DATASETS, { name = "x" }).err)
    end
    local text, how = create({ head = "HTTP/1.1 201 X\r\nContent-Length: {length}\r\n\r\n" })
    assert.equal("end", how)
    assert.equal(tonumber(text:match("Content%-Length: (%d+)")), #body_of(text))
  end)

  it("resets a connection over TLS too", function()
    t.e:fault({ action = { close = "after", reset = true } })
    local answer = send("POST", DATASETS, { name = "x" }, { tls = true, arguments = "--http1.1" })
    assert.equal(0, answer.status)
    contains("eset by peer", answer.err)
    assert.equal(1, rows())
  end)

  it("announces another length than it sends, and keeps the connection", function()
    local again = "\r\n\r\nGET /__emulator/echo HTTP/1.1\r\nHost: x\r\nConnection: close"
    local function both(action)
      t.e:fault({ action = action })
      return wire.fetch(
        t.e.url,
        "GET "
          .. DATASETS
          .. " HTTP/1.1\r\nHost: x\r\n"
          .. "Authorization: Bearer phx_emulator_all"
          .. again
          .. "\r\n\r\n"
      )
    end
    for _, case in ipairs({
      { { headers = { ["Content-Length"] = "5" } }, 'Content%-Length: 5\r\n.*"results":%[%]}HTTP' },
      { { headers = { ["Content-Length"] = "500" } }, 'Length: 500\r\n.*"results":%[%]}HTTP' },
      { { surplus = OK .. "\r\n" }, '"results":%[%]}HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n' },
    }) do
      local text, how = both(case[1])
      assert.truthy(text:find(case[2]), text)
      assert.truthy(text:find('"target":"\\/__emulator\\/echo"', 1, true), text)
      assert.equal("end", how)
    end
  end)

  it("spoils the body: cut short, with something after it, compressed", function()
    local function body(action)
      t.e:fault({ action = action })
      local answer = get(DATASETS)
      assert.equal("", answer.err)
      return answer.body, answer.headers
    end
    local whole = body({})
    assert.equal(whole:sub(1, 9), (body({ cut = 9 })))
    assert.equal(whole:sub(1, -2), (body({ cut = -1 })))
    assert.equal(whole .. "\0}", (body({ append = "\0}" })))
    local packed, headers = body({ gzip = true })
    assert.equal("gzip", headers["content-encoding"])
    assert.equal(tostring(#packed), headers["content-length"])
    assert.equal(packed:sub(1, -9), (body({ gzip = true, cut = -8 })))
    t.e:fault({ action = { gzip = true } })
    assert.equal(whole, get(DATASETS, { arguments = "--compressed" }).body)
  end)

  it("sends without end until the client has enough, or the emulator is reset", function()
    local function far(text)
      return #text > 300000
    end
    local text, how = create({ endless = "ab" }, far)
    assert.equal("open", how)
    local sent = unchunked(body_of(text))
    assert.equal("abababab", sent:match('^{"id".-}(abababab)'))
    text, how =
      create({ endless = "x", gzip = true, head = OK .. "Content-Encoding: gzip\r\n\r\n" }, far)
    assert.equal("open", how)
    local name = t.e.prefix .. "/endless"
    local file = assert(io.open(name, "wb"))
    file:write((body_of(text)))
    file:close()
    local pipe = io.popen("gzip -dc '" .. name .. "' 2>/dev/null | wc -c")
    assert.truthy(tonumber(pipe:read("*a")) > 200 * #text)
    pipe:close()
    text, how = create({ head = OK .. "X-A: b\r\n", endless = "X-B: c\r\n", body = "" }, far)
    assert.equal("open", how)
    assert.equal("X-A: b\r\nX-B: c\r\nX-B: c\r\n", text:match("X%-A.-c\r\n.-c\r\n"))
    local resetting = false
    text, how = create({ endless = "ab" }, function(so_far)
      if far(so_far) and not resetting then
        resetting = true
        os.execute(
          "curl -q -s --noproxy '*' -o /dev/null -X POST " .. t.e.url .. "/__emulator/reset"
        )
      end
    end)
    assert.equal("end", how)
    assert.is_false((select(2, unchunked(body_of(text)))))
    assert.same({}, t.e:log())
  end)

  it(
    "waits before the write, before the response, within the body, before what comes after it",
    function()
      for _, case in ipairs({
        { { write = 0.2 }, nil },
        { { answer = 0.2 }, nil },
        { { body = 0.2 }, "^HTTP.-\r\n\r\n.+[^}]$" },
        { { surplus = 0.2 }, "}$" },
      }) do
        local first
        local at = t.e:log()[1] and #t.e:log() or 0
        local action = { delay = case[1], surplus = case[1].surplus and "more" }
        local text, how = create(action, function(so_far)
          first = first or so_far
          return so_far:find("more$") ~= nil
        end)
        assert.equal(case[1].surplus and "open" or "end", how)
        assert.truthy(text:find("}m?o?r?e?$"))
        if case[2] then
          assert.truthy(first:find(case[2]), first)
        end
        assert.truthy(t.e:log()[at + 1].applied)
      end
      t.e:fault({ action = { delay = 0.2 } })
      local answer = get(DATASETS, { arguments = "-w '%{time_total}'" })
      assert.truthy(tonumber(answer.body:match("}([%d.]+)$")) >= 0.19) -- two clocks
    end
  )

  it("that waits when the emulator is reset writes nothing any more", function()
    t.e:fault({ action = { delay = { write = 60 } } })
    local pipe = io.popen(
      "curl -q -s --noproxy '*' -H 'Authorization: Bearer phx_emulator_all' "
        .. "-H 'Content-Type: application/json' -d '{\"name\":\"late\"}' -w '%{http_code}' "
        .. t.e.url
        .. DATASETS
    )
    while #t.e:log() == 0 do
    end
    assert.same({ false, nil }, { t.e:log()[1].applied, t.e:log()[1].status })
    t.e:reset()
    assert.equal("000", pipe:read("*a"))
    pipe:close()
    assert.equal(0, rows())
    assert.same({}, t.e:log())
  end)

  it("sends the response slowly, piece by piece", function()
    local parts = {}
    local action = { status = 200, body = ("x"):rep(10), drip = { bytes = 2, every = 0.02 } }
    local text = create(action, function(so_far)
      parts[#parts + 1] = #so_far
    end)
    assert.equal(("x"):rep(10), body_of(text))
    assert.truthy(#parts >= 3)
    create({ raw = OK .. "\r\n", drip = { bytes = 4, every = 0.02 } })
  end)

  it("keeps the connection where it closes nothing", function()
    for _, action in ipairs({
      {},
      { status = 503 },
      { status = 204 },
      { delay = 0.01 },
      { gzip = true },
      { chunked = true },
    }) do
      for _, method in ipairs({ "GET", "HEAD" }) do
        t.e:fault({ action = action })
        local at = #t.e:log()
        t.call(method, DATASETS, { arguments = t.e.url .. DATASETS })
        local log = t.e:log(at)
        assert.equal(log[1].connection, log[2].connection, method .. cjson.encode(action))
      end
    end
  end)

  it("changes headers, and drops the length", function()
    t.e:fault({ action = { chunked = true, headers = { ["X-Extra"] = "1" } } })
    local answer = get(DATASETS)
    assert.same(
      { "chunked", "1" },
      { answer.headers["transfer-encoding"], answer.headers["x-extra"] }
    )
  end)

  it("can send any bytes at all over HTTP/1.1, with or without the server's own body", function()
    t.e:fault({ action = { raw = OK .. "X-\255: 1\r\n\r\n{\0" } })
    local answer = send("POST", DATASETS, { name = "x" })
    assert.same({ 200, "{\0" }, { answer.status, answer.body })
    local text = create({
      head = "HTTP/1.1 103 Early Hints\r\n\r\n"
        .. OK
        .. "no colon\r\n: no name\r\nContent-Length: {length}\r\n\r\n",
    })
    contains("HTTP/1.1 103 Early Hints\r\n\r\n" .. OK .. "no colon\r\n: no name\r\n", text)
    assert.equal(tonumber(text:match("Content%-Length: (%d+)")), #text:match('{"id".*$'))
  end)

  it("leaves no connection behind", function()
    local open = t.e:state().connections
    for _, action in ipairs({
      { close = true },
      { close = "after", reset = true },
      { truncate = 5 },
      { raw = "x" },
      { head = OK .. "\r\n" },
      { endless = "x" },
    }) do
      for _ = 1, 10 do
        create(action, function(text)
          return #text > 100000
        end)
      end
    end
    t.e:faults({})
    must(201, "POST", DATASETS, { name = "x" })
    local tries = 0
    while t.e:state().connections > open and tries < 200 do
      tries = tries + 1
    end
    assert.equal(open, t.e:state().connections)
  end)

  it("is refused unless it is well formed", function()
    for part, action in pairs({
      explode = { explode = true },
      status = { status = "500" },
      ["member of delay"] = { delay = { often = 1 } },
      drip = { drip = { bytes = 0, every = 1 } },
      close = { close = "sometimes" },
      handler = { apply = false },
    }) do
      assert.error_matches(function()
        t.e:fault({ action = action })
      end, part)
    end
    assert.error_matches(function()
      t.e:fault({ match = { host = "x" }, action = {} })
    end, "host")
  end)
end)
