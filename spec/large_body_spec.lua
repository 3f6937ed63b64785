-- A large body is given back to the system while it is decoded: the value is right, an error still
-- has its excerpt, and the process does not hold both.

local bulk = require("spec.support.bulk")
local core = require("posthog.llm.core")
local llm = require("posthog.llm")
local process = require("spec.support.process")
local shell = require("spec.support.shell")

if not bulk.can() then
  return
end

local LUA = os.getenv("LUA") or "lua5.4"
local MIB = 1024 * 1024
local BYTES = 24 * MIB
local COUNT = math.ceil(BYTES / 1000) -- of the texts in a list

describe("a body of 24 MiB", function()
  local server

  setup(function()
    server = bulk.start()
  end)
  teardown(function()
    server:stop()
  end)

  local function get(kind, options)
    options = options or {}
    options.host, options.personal_api_key = server.url, "phx_large"
    options.project_id, options.max_retries, options.profile = 1, 0, "reference"
    local client = llm.new(options)
    local value, err = client.datasets:get(bulk.id(kind, BYTES))
    client:close()
    return value, err
  end

  it("is decoded to the last value", function()
    local value = assert(get("list"))
    assert.equal(COUNT, #value.detail)
    for i = 1, COUNT do
      assert.equal(("%08d"):format(i), value.detail[i]:sub(1, 8))
      assert.matches("^%d+x+$", value.detail[i])
    end
  end)

  it("has the start of its text in the error where it is not JSON", function()
    for _, most in ipairs({ 2048, 3 * MIB }) do
      local value, err = get("unended", { max_excerpt_bytes = most })
      assert.is_nil(value)
      assert.equal("decode", err.kind)
      assert.is_true(err.position > BYTES)
      local start = err.body:match("^(.*)%.%.%. %(cut, max_excerpt_bytes%)$")
      assert.equal(most, #start)
      local expected = ('{"id":"%s","detail":["00000001x'):format(bulk.id("unended", BYTES))
      assert.equal(expected, start:sub(1, #expected))
      assert.is_nil(start:find("%z"))
      for number, text in start:gmatch('"(%d+)(x+)",') do
        assert.equal(1000, #number + #text + 3)
      end
    end
  end)

  it("cannot be read once more by the core", function()
    local engine, ids = core.engine(), {}
    local pool = engine:pool()
    local request = { method = "GET" }
    local url = server.url .. "/" .. bulk.id("list", BYTES)
    local transfer = assert(pool:start(core.request_config({}, {}), request, url, 60))
    while not transfer:done() do
      engine:poll(1)
      engine:collect(ids)
    end
    local decoder = core.decoder({ max_depth = 1 })
    assert.is_nil((transfer:decode(decoder)))
    for _, method in ipairs({ "decode", "body" }) do
      local ok, message = pcall(transfer[method], transfer, decoder)
      assert.is_false(ok)
      assert.matches("the body was decoded", message)
    end
    assert.equal('{"id":"bulk-200-list-', transfer:excerpt(20, "secret", "-"))
    pool:close()
  end)

  if os.getenv("SPEC_MODE") == "plain" and process.peak() then
    it("is not in memory at the same time as its value", function()
      local words = "timeout 120 %s spec/support/large_body.lua %s %s"
      local said, status = shell.run(words:format(LUA, server.url, bulk.id("list", BYTES)))
      assert.equal(0, status, said)
      assert.is_true(tonumber(said:match("^([%d.]+)\n$")) < 1.6, said) -- 2.1 with both
    end)
  end
end)
