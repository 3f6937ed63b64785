-- client.datasets:export_read: the rows of an export of any size, read while they arrive, in every
-- host; and never an end that is not the export's.

local bulk = require("spec.support.bulk")
local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")
local process = require("spec.support.process")
local shell = require("spec.support.shell")

local LUA = os.getenv("LUA") or "lua5.4"
local MODE = os.getenv("SPEC_MODE") or "plain"

if not bulk.can() then
  return
end

local MIB = 1024 * 1024

describe("an export", function()
  local server, client

  setup(function()
    server = bulk.start()
  end)
  teardown(function()
    server:stop()
  end)
  before_each(function()
    client = pipeline.client(server.url, { profile = "current", max_retries = 0 })
  end)
  after_each(function()
    client:close()
  end)

  local function each(id, options, with)
    return (with or client).datasets:export_read(id, 1, options)
  end

  --- Reads all rows, which have to be in order.
  --- @return integer rows that came
  --- @return any err
  local function read_all(id, options, with)
    local n = 0
    local ok, err = pcall(function()
      local next_row = each(id, options, with)
      local row = next_row()
      while row ~= nil do
        n = n + 1
        assert(row.item_id == "i" .. n, "another row")
        row = next_row()
      end
    end)
    return n, not ok and err or nil
  end

  it("is read row by row, and a row can be read by the names of items too", function()
    local n = 0
    local dataset = bulk.id("rows", 12000)
    for row in each(dataset) do
      n = n + 1
      assert.equal("i" .. n, row.id)
      assert.equal(row.item_id, row.id)
      assert.equal(dataset, row.dataset)
      assert.equal(n, row.input.n)
      assert.equal(n * 2, row.output)
      assert.equal(n * 2, row.expected_output)
      assert.equal(false, row.deleted)
      assert.equal("2026-11-01T00:00:00+00:00", row.created_at)
      assert.equal("2026-11-02T00:00:00+00:00", row.updated_at)
      assert.equal(llm.null, row.source_output)
      assert.is_nil(row.nothing)
      assert.is_nil(rawget(row, "id"))
      assert.equal(row.item_id, llm.row(row).id)
    end
    assert.is_true(n > 20)
  end)

  for _, framing in ipairs({ "length", "chunks", "close" }) do
    it("arrives completely, its end marked by its " .. framing, function()
      local n, err = read_all(bulk.id("rows", 3 * MIB, { framing = framing }))
      assert.is_nil(err)
      assert.is_true(n > 5000)
    end)
  end

  for what, case in pairs({
    ["broken off within its length"] = { "network", { ending = "lost" } },
    ["broken off between its chunks"] = { "network", { ending = "lost", framing = "chunks" } },
    ["that stops coming"] = { "timeout", { ending = "hang" } },
  }) do
    it(what .. " is an error that says after which row", function()
      local n, err = read_all(bulk.id("rows", MIB, case[2]), { timeout = 3 })
      assert.is_true(n > 1000)
      assert.equal(case[1], err.kind, tostring(err))
      assert.equal(n, err.row)
      assert.equal("datasets:export_read", err.call)
      local words = ("row %d of the export was the last complete one"):format(n)
      assert.is_truthy(tostring(err):find(words, 1, true), tostring(err))
    end)
  end

  it("that has ended with an error returns the same error again", function()
    local next_row = each(bulk.id("rows", MIB, { ending = "lost" }))
    local first, second
    while not first do
      local ok, err = pcall(next_row)
      first = not ok and err or nil
    end
    second = select(2, pcall(next_row))
    assert.equal(first.kind, second.kind)
    assert.equal(first.row, second.row)
  end)

  it("is limited not in total but per line, and the error has the line's number", function()
    local small = client:with({ max_response_bytes = 4096 })
    local n, err = read_all(bulk.id("rows", MIB), nil, small)
    assert.is_nil(err)
    assert.is_true(n > 1000)
    small:close()
    local id = bulk.id("rows", MIB)
    small = client:with({ max_response_bytes = 560 + #id })
    n, err = read_all(id, nil, small)
    assert.equal("too_large", err.kind)
    assert.equal("max_response_bytes", err.option)
    assert.equal(n + 1, err.line)
    assert.is_truthy(
      err.message:find(("line %d of the response is over the limit"):format(n + 1), 1, true)
    )
    n, err = read_all(bulk.id("html", 2 * MIB), nil, small)
    small:close()
    assert.same({ 0, "too_large", 1 }, { n, err.kind, err.line })
  end)

  it("with a line that is not a row is an error with the number of the line", function()
    local n, err = read_all(bulk.id("html", 1000))
    assert.same({ 0, "decode", 0, 1 }, { n, err.kind, err.row, err.line })
    assert.is_truthy(err.message:find("^line 1 of the export: "))
  end)

  it("of another dataset is an error, and no row of it comes", function()
    local n, err = read_all("my-" .. bulk.id("rows", 1000))
    assert.same({ 0, "decode", 0, 1 }, { n, err.kind, err.row, err.line })
    local words = "^line 1 of the export: the response is about another one: its dataset_id is "
    assert.is_truthy(err.message:find(words), err.message)
  end)

  it("that the server refuses is the error of any call", function()
    local n, err = read_all(bulk.id("json", 500, { status = 409 }))
    assert.same({ 0, "conflict", 409 }, { n, err.kind, err.status })
    n, err = read_all(bulk.id("rows", 500, { status = 204, framing = "close" }))
    assert.same({ 0, "decode", 204 }, { n, err.kind, err.status })
  end)

  it("is requested again until its first byte arrives, and never after that", function()
    local tries = 0
    local own = client:with({
      max_retries = 2,
      on_response = function()
        tries = tries + 1
      end,
    })
    local _, restore = pipeline.instant_sleep()
    local n, err = read_all(bulk.id("html", 500, { status = 503 }), nil, own)
    assert.same({ 0, "server", 3 }, { n, err.kind, tries })
    tries = 0
    n, err = read_all(bulk.id("rows", MIB, { ending = "lost" }), nil, own)
    restore()
    own:close()
    assert.is_true(n > 1000)
    assert.same({ "network", 1, 1 }, { err.kind, err.attempts, tries })
  end)

  it("does not delay other calls while it is read, with one connection too", function()
    local own = client:with({ max_connections = 1 })
    local n = 0
    for row in each(bulk.id("rows", 2 * MIB), nil, own) do
      n = n + 1
      if n % 1000 == 1 then
        local _, err = own.datasets:get(bulk.id("json", 100))
        assert.is_truthy(err.message:find('no string "id"', 1, true), err.message)
      end
      assert.equal("i" .. n, row.id)
    end
    assert.is_true(n > 3000)
    own:close()
  end)

  it("ends with the client", function()
    local next_row = each(bulk.id("rows", 8 * MIB))
    next_row()
    client:close()
    local err
    repeat
      local ok, raised = pcall(next_row)
      err = not ok and raised
    until err
    assert.equal("cancelled", err.kind)
    assert.is_truthy(err.message:find("^the client was closed during the call; row %d+ of"))
  end)

  it("that is dropped frees its connection", function()
    local before = process.descriptors()
    for _ = 1, 20 do
      each(bulk.id("rows", 8 * MIB))()
    end
    collectgarbage()
    collectgarbage()
    client.datasets:get(bulk.id("json", 100))
    assert.is_true(process.descriptors() <= before + 2)
  end)

  it("is read by many at once", function()
    local jobs = {}
    for i = 1, 12 do
      jobs[i] = function()
        local n, err = read_all(bulk.id("rows", MIB))
        return n, err
      end
    end
    if not pcall(coroutine.wrap(function()
      pcall(coroutine.yield)
    end)) then
      return -- Lua 5.1 waits in no pcall
    end
    local rows, errors = llm.gather(jobs, { concurrency = 6 })
    assert.is_nil(errors)
    for i = 2, 12 do
      assert.equal(rows[1], rows[i])
    end
  end)

  it("over TLS has an HTTP/1.1 connection of its own, and calls stay on HTTP/2", function()
    local e = pipeline.emulator.start({ profile = "current", tls = true })
    e:settings({ export_polls = 0 })
    local own = pipeline.client(e.tls_url, { ca_file = e.ca_file })
    local dataset = assert(own.datasets:create({ name = "golden" }))
    for i = 1, 20 do
      assert(own.dataset_items:create({ dataset = dataset.id, input = ("x"):rep(9000) .. i }))
    end
    local export = assert(own.datasets:export_start(dataset.id))
    assert(own.datasets:export_wait(dataset.id, export, { interval = 0.01 }))
    local rows = 0
    for row in own.datasets:export_read(dataset.id, export) do
      rows = rows + 1
      assert.equal(("x"):rep(9000) .. rows, row.input)
      local _, _, response = own.datasets:get(dataset.id)
      assert.equal("2", response.http_version)
    end
    assert.equal(20, rows)
    local log = e:log()
    own:close()
    e:stop()
    local streamed, others = nil, {}
    for _, entry in ipairs(log) do
      if entry.target:find("/content/$") then
        streamed = entry
        assert.equal("identity", pipeline.header(entry, "accept-encoding"))
      else
        others[entry.connection] = true
      end
    end
    assert.equal("1.1", streamed.http)
    assert.is_nil(others[streamed.connection])
  end)

  it("that comes compressed, though that was not accepted, is refused", function()
    local e = pipeline.emulator.start({ profile = "current" })
    e:fault({
      match = { path = "/content/$" },
      action = { status = 200, body = ('{"item_id":"i"}\n'):rep(1000), gzip = true },
    })
    local own = pipeline.client(e.url, { max_retries = 0 })
    local n, err = read_all("0198c5a2-7be4-7000-8000-3f1d2c4b5a69", nil, own)
    own:close()
    e:stop()
    assert.same({ 0, "decode" }, { n, err.kind })
    assert.is_truthy(err.message:find("^the response is compressed %(gzip%)"), err.message)
  end)

  it("is read by the program of doc/datasets.md", function()
    local file = assert(io.open("doc/datasets.md"))
    local text = file:read("*a"):match("## Exports.-```lua\n(.-)```")
    file:close()
    local e = pipeline.emulator.start({ profile = "current" })
    e:settings({ export_polls = 0 })
    local own = pipeline.client(e.url)
    local dataset = assert(own.datasets:create({ name = "golden" }))
    local ids = {}
    for i = 1, 3 do
      local item = assert(own.dataset_items:create({
        dataset = dataset.id,
        input = { question = "What is 2 + " .. i .. "?" },
        output = { answer = 2 + i },
      }))
      ids[i] = ("%s\tWhat is 2 + %d?\t%d\n"):format(item.id, i, 2 + i)
    end
    own:close()
    local said, status = pipeline.run(text, {
      POSTHOG_HOST = e.url,
      POSTHOG_PERSONAL_API_KEY = pipeline.KEY,
      POSTHOG_PROJECT_ID = pipeline.PROJECT,
    })
    e:stop()
    assert.equal(0, status, said)
    for _, line in ipairs(ids) do
      assert.is_truthy(said:find(line, 1, true), said)
    end
  end)

  if MODE == "plain" and process.peak() then
    for _, host in ipairs({ "plain", "uv" }) do
      it("of 250 MB takes less than 60 MiB, in the " .. host .. " host", function()
        local words = "timeout 100 %s bench/export.lua %s %d %s"
        local said, status = shell.run(words:format(LUA, server.url, 250 * 1000000, host))
        assert.equal(0, status, said)
        local rows, peak = said:match("(%d+) rows.*peak (%d+) MiB")
        assert.is_true(tonumber(rows) > 400000, said)
        assert.is_true(tonumber(peak) < 60, said)
      end)
    end
  end

  if rawget(_G, "jit") and MODE ~= "valgrind" then
    local ngx_server = require("spec.ngx.server")
    if not ngx_server.missing() then
      it("is read in an nginx worker, which serves others meanwhile", function()
        local e = pipeline.emulator.start()
        local nginx = ngx_server.start({
          emulator = e,
          server = ([[
    location = /export { content_by_lua_block {
      local llm = require("posthog.llm")
      local client = llm.new({
        host = "%s", personal_api_key = "phx_x", project_id = 1, profile = "current",
      })
      local n = 0
      for row in client.datasets:export_read(ngx.var.arg_id, 1) do
        n = n + 1
        assert(row.id == "i" .. n)
      end
      ngx.say(n)
    } }
          ]]):format(server.url),
        })
        local slow = io.popen(
          ("curl -q -s -m 60 --noproxy '*' '%s/export?id=%s'"):format(
            nginx.url,
            bulk.id("rows", 8 * MIB, { ending = "slow" })
          )
        )
        local began = os.time()
        for _ = 1, 20 do
          assert.equal("plain", (nginx:get("/plain")))
        end
        local also_whole = bulk.id("rows", 8 * MIB, { ending = "fast" }) -- each row has the id
        local fast = nginx:get("/export?id=" .. also_whole)
        local rows = slow:read("*a")
        slow:close()
        local complaints = nginx:complaints()
        nginx:stop()
        e:stop()
        assert.is_true(tonumber(rows) > 10000, rows)
        assert.equal(tonumber(rows), tonumber(fast))
        assert.equal("", complaints)
        assert.is_true(os.time() - began < 30)
      end)
    end
  end
end)
