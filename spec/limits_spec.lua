-- What a server may cost, and the option that each error names.

local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local LIST = "/api/projects/112358/datasets/"

describe("the limit", function()
  local e, c

  setup(function()
    e = pipeline.emulator.start()
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
    c = pipeline.client(e.url, { max_retries = 1 })
  end)
  after_each(function()
    c:close()
  end)

  local function answer(body, headers)
    e:fault({ action = { status = 200, body = body, headers = headers } })
  end

  --- One request, and an error that has the words.
  local function too_large(words, options)
    local before = #e:log()
    local own = c:with(options or {})
    local value, err, response = own.datasets:list()
    own:close()
    assert.is_nil(value)
    assert.equal("too_large", err.kind, tostring(err))
    assert.matches(words, err.message, 1, true)
    assert.equal(1, err.attempts)
    assert.equal(before + 1, #e:log())
    return err, response
  end

  local function passes(options)
    local own = c:with(options or {})
    local value, err = own.datasets:list()
    own:close()
    assert.is_nil(err)
    return value
  end

  it("max_response_bytes counts the received bytes, and the decompressed ones", function()
    answer('{"results":[' .. (" "):rep(200000) .. "]}")
    too_large(
      "the response body is over the limit max_response_bytes (20000 bytes)",
      { max_response_bytes = 20000 }
    )
    passes({ max_response_bytes = 200014 })
    too_large("(200013 bytes)", { max_response_bytes = 200013 })
  end)

  it("max_header_bytes counts all headers", function()
    answer('{"results":[]}', { ["X-Long"] = ("x"):rep(3000) })
    too_large(
      "the response headers are over the limit max_header_bytes (2000 bytes)",
      { max_header_bytes = 2000 }
    )
    passes({ max_header_bytes = 5000 })
    passes()
    local many = {}
    for i = 1, 40 do
      many["X-Long-" .. i] = ("x"):rep(7000)
    end
    answer('{"results":[]}', many)
    too_large("max_header_bytes (262144 bytes)")
  end)

  it("max_json_depth counts the levels of a response", function()
    local function nested(levels)
      return '{"results":[],"x":' .. ("["):rep(levels - 1) .. ("]"):rep(levels - 1) .. "}"
    end
    answer(nested(512))
    passes()
    local err, response =
      too_large("the response is over the limit max_json_depth (10)", { max_json_depth = 10 })
    assert.equal(200, response.status)
    assert.equal(200, err.status)
    assert.equal(28, err.position)
    answer(nested(513))
    too_large("max_json_depth (512)")
    answer(nested(4000))
    passes({ max_json_depth = 4000 })
  end)

  it("max_json_depth is not deeper than the search of an error for the key", function()
    local deep = ("["):rep(3999) .. '"' .. pipeline.KEY .. '"' .. ("]"):rep(3999)
    e:fault({ action = { status = 400, body = '{"detail":"no","x":' .. deep .. "}" } })
    local own = c:with({ max_json_depth = 4000 })
    local _, err = own.datasets:list()
    local inner = err.body.x
    while type(inner) == "table" do
      inner = inner[1]
    end
    assert.equal("[key]", inner)
    own:close()
  end)

  it("max_decode_seconds ends a decode that takes longer", function()
    answer('{"results":[' .. ('{"a":[1,2,3]},'):rep(300000) .. "0]}")
    too_large(
      "the response is over the limit max_decode_seconds (1e-06)",
      { max_decode_seconds = 1e-6 }
    )
    passes()
  end)

  it("max_redirects counts the redirects of one attempt", function()
    e:fault({ action = { status = 307, headers = { Location = LIST }, times = 5 } })
    passes()
    e:fault({ action = { status = 307, headers = { Location = LIST } } })
    for _, most in ipairs({ 5, 2, 0 }) do
      local before = #e:log()
      local own = c:with({ max_redirects = most })
      local _, err = own.datasets:list()
      own:close()
      assert.equal("redirect", err.kind)
      assert.matches(("over the limit max_redirects (%d)"):format(most), err.message, 1, true)
      assert.equal(before + most + 1, #e:log())
    end
  end)

  it("max_excerpt_bytes cuts what a server sends, wherever an error has it", function()
    local cut = "... (cut, max_excerpt_bytes)"
    local long = ("Stra\195\159e "):rep(1000)
    local function said(action, options)
      e:fault({ action = action })
      local own = c:with(options)
      local _, err = own.datasets:list({ max_retries = 0 })
      own:close()
      return err
    end
    for bytes = 20, 28 do
      local err = said({ status = 500, body = "<p>" .. long }, { max_excerpt_bytes = bytes })
      assert.equal(cut, err.body:sub(-#cut))
      local kept = err.body:sub(1, -#cut - 1)
      assert.is_true(#kept == bytes or #kept == bytes - 1)
      assert.equal(("<p>" .. long):sub(1, #kept), kept)
      assert.is_nil(kept:find("\195$"), "cut in the middle of a character")
    end
    local detail = '{"detail":"' .. long .. '"}'
    local err = said({ status = 400, body = detail }, {})
    assert.equal(2048 + #cut, #err.message)
    assert.equal(long, err.detail)
    assert.equal(cut, said({ status = 500, body = "x" }, { max_excerpt_bytes = 0 }).body)
    assert.equal("x", said({ status = 500, body = "x" }, { max_excerpt_bytes = 1 }).body)
    assert.equal(2048 + #cut, #said({ status = 200, body = long }, {}).body)
    err = said(
      { status = 302, headers = { Location = "https://h.example/" .. ("x"):rep(900) } },
      { max_excerpt_bytes = 30 }
    )
    assert.matches("/xxxxxxxxxxxx" .. cut .. ", not followed", err.message, 1, true)
  end)

  it("on JSON does not apply where the caller's codec decodes", function()
    local own = c:with({ json = require("cjson.safe"), max_json_depth = 3 })
    answer('{"results":[[[[[]]]]]}')
    assert.is_truthy(own.datasets:list())
    own:close()
  end)

  it("is the same in a client made by client:with", function()
    local own = c:with({ max_json_depth = 3 })
    local other = own:with({ timeout = 7 })
    answer('{"results":[[[[]]]]}')
    for _, client in ipairs({ own, other }) do
      local _, err = client.datasets:list()
      assert.equal("too_large", err.kind)
      assert.is_true(llm.is_error(err))
      client:close()
    end
    passes()
  end)
end)
