-- How a read is made directly: when, by which transfer, and what it keeps of it.

local cjson = require("cjson")

local direct_reads = require("spec.support.direct_reads")
local emulator = require("spec.emulator")
local pipeline = require("spec.pipeline")

local KEY, ID, ROW = direct_reads.KEY, direct_reads.ID, direct_reads.ROW
local get, skill, answer, answers, header =
  direct_reads.get,
  direct_reads.skill,
  direct_reads.answer,
  direct_reads.answers,
  direct_reads.header

local e

describe("a direct read", function()
  setup(function()
    e = emulator.start()
  end)
  teardown(function()
    e:stop()
  end)

  --- How many of the calls the core has made in one step.
  local function made_directly(options, call)
    e:reset(answer(200, (ROW:gsub("}", ',"body":"b"}'))))
    local core, made = require("posthog.llm.core"), 0
    local direct_get = core.direct_get
    function core.direct_get(...)
      local start_and_wait, start, value_of = direct_get(...)
      return function(...)
        made = made + 1
        return start_and_wait(...)
      end,
        function(...)
          made = made + 1
          return start(...)
        end,
        value_of
    end
    local client = pipeline.client(e.url, options)
    local ok, why = pcall(function()
      for _ = 1, 3 do
        assert(call(client))
      end
    end)
    core.direct_get = direct_get
    client:close()
    assert(ok, why)
    assert.equal(3, #e:log())
    return made
  end

  it("is what plain calls are, from the first one on", function()
    assert.equal(3, made_directly(nil, get))
    assert.equal(3, made_directly({ on_retry = print, keep_null = true, timeout = 3 }, get))
    assert.equal(3, made_directly(nil, skill))
  end)

  it("is not made where the pipeline has something to do", function()
    local function nothing() end
    local function key()
      return KEY
    end
    assert.equal(0, made_directly({ pace = { per_minute = 9 } }, get))
    assert.equal(0, made_directly({ on_request = nothing }, get))
    assert.equal(0, made_directly({ on_response = nothing }, get))
    assert.equal(0, made_directly({ json = cjson }, get))
    assert.equal(0, made_directly({ personal_api_key = key }, get))
    assert.equal(
      0,
      made_directly(nil, function(client)
        return client.datasets:get(ID, { timeout = 3 })
      end)
    )
    assert.equal(
      0,
      made_directly(nil, function(client)
        return client.datasets:get(ID, { headers = { ["If-None-Match"] = '"a"' } })
      end)
    )
  end)

  it("shows the key in no field and no upvalue of the core's functions", function()
    e:reset(answer(200, ROW))
    local core, functions = require("posthog.llm.core"), nil
    local direct_get = core.direct_get
    function core.direct_get(...)
      functions = { direct_get(...) }
      return functions[1], functions[2], functions[3]
    end
    local client = pipeline.client(e.url)
    local ok, why = pcall(get, client)
    core.direct_get = direct_get
    assert(ok, why)
    assert.equal(3, #functions)
    for _, f in ipairs(functions) do
      for i = 1, 9 do
        local _, value = debug.getupvalue(f, i)
        assert.not_equal("string", type(value))
      end
    end
    client:close()
  end)

  it("raises for wrong arguments of the core's functions", function()
    local core = require("posthog.llm.core")
    local pool, config = core.engine():pool(), core.request_config({}, {})
    local decoder = core.decoder({})
    assert.error(function()
      core.direct_get(config, config, decoder, "k", 1, 1)
    end)
    assert.error(function()
      core.direct_get(pool, pool, decoder, "k", 1, 1)
    end)
    assert.error(function()
      core.direct_get(pool, config, pool, "k", 1, 1)
    end)
    assert.error(function()
      core.direct_get(pool, config, decoder, "", 1, 1)
    end)
    assert.error(function()
      core.direct_get(pool, config, decoder, "k", 0, 1)
    end)
    local at_once, start, value_of = core.direct_get(pool, config, decoder, "k", 1, 1)
    for _, f in ipairs({ at_once, start, value_of }) do
      assert.error(f)
      assert.error(function()
        f({})
      end)
      assert.error(function()
        f(pool)
      end)
    end
    assert.is_nil(at_once(e.url .. "\n"))
    assert.is_nil(start(e.url .. "/k"))
    pool:close()
    assert.is_nil(at_once(e.url))
    assert.is_nil(start(e.url))
  end)

  it("keeps what it needs while the collector works", function()
    e:reset(answer(200, ROW))
    local client = pipeline.client(e.url)
    local responses = {}
    for i = 1, 200 do
      local row, err, response = get(client)
      assert(row, err)
      responses[i % 10 + 1] = response
      if i % 20 == 0 then
        collectgarbage()
      end
    end
    client:close()
    client = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    for _, response in ipairs(responses) do
      assert.equal("application/json", response.headers["Content-Type"])
      assert.equal(200, response.status)
    end
  end)

  it("leaves each response its own headers and times, whatever calls follow", function()
    local wide = header("X-N", "2")
    wide["X-Wide"] = ("w"):rep(6000) -- more than the core copies
    e:reset(
      answers(
        answer(200, ROW, header("X-N", "1")),
        answer(200, ROW, wide),
        answer(404, "{}", header("X-N", "3")),
        answer(200, "[]", header("X-N", "4")),
        answer(200, ROW, header("X-N", "5")),
        answer(200, ROW, header("X-N", "6"))
      )
    )
    local client, responses, kinds = pipeline.client(e.url, { max_retries = 0 }), {}, {}
    for i = 1, 6 do
      local _, err, response = get(client)
      responses[i], kinds[i] = response, err and err.kind or "none"
    end
    collectgarbage()
    client:close()
    assert.equal("none none not_found decode none none", table.concat(kinds, " "))
    for i, response in ipairs(responses) do
      assert.equal(tostring(i), response.headers["X-N"])
      assert.is_true(response.timings.total > 0)
      assert.equal("1.1", response.http_version)
    end
    assert.equal(6000, #responses[2].headers["x-wide"])
  end)

  it("may be made by what the collector runs during another one", function()
    local client, made, inside = pipeline.client(e.url), 0, false
    local proxy = rawget(_G, "newproxy")
    local function call()
      if not inside then
        inside = true
        assert.equal(ID, assert(get(client)).id)
        inside, made = false, made + 1
      end
    end
    local function garbage()
      local object = proxy and proxy(true) or setmetatable({}, { __gc = call })
      if proxy then
        getmetatable(object).__gc = call
      end
    end
    e:reset(answer(200, '{"id":"' .. ID .. '","tags":[' .. ("{},"):rep(2000) .. "{}]}"))
    collectgarbage("setpause", 100)
    for _ = 1, 60 do
      garbage()
      local row, err = get(client)
      assert(row, err)
      assert.equal(2001, #row.tags)
    end
    collectgarbage("setpause", 200)
    collectgarbage()
    client:close()
    assert.is_true(made > 0)
  end)

  it("is made by the transfer of the last one, unless somebody may still need that", function()
    e:reset(answers(answer(200, ROW), answer(200, ROW), answer(500, ""), answer(200, ROW)))
    local core = require("posthog.llm.core")
    local pool, config, other = core.engine():pool(), core.request_config({}, {}), {}
    local get_at_once, start = core.direct_get(pool, config, core.decoder({}), KEY, 9, 9)
    local url = e.url .. "/api"
    local value, first, head = get_at_once(url, other)
    assert.equal(ID, value.id)
    assert.equal("application/json", head:headers()["content-type"])
    assert.equal("1.1", head:http_version())
    local _, second, later = get_at_once(url, first)
    assert.is_true(rawequal(first, second))
    assert.is_false(rawequal(head, later))
    assert.equal("application/json", head:headers()["content-type"])
    local nothing, failed, none = get_at_once(url, second)
    assert.is_nil(nothing)
    assert.is_nil(none)
    assert.equal(500, (failed:result()))
    local running = start(url)
    e:reset(answer(200, ROW, nil, { delay = 0.1 }))
    local another = select(2, get_at_once(url, running))
    assert.is_false(rawequal(running, another))
    pool:close()
    assert.is_nil(get_at_once(url, another))
    assert.equal(0, #other)
  end)
end)
