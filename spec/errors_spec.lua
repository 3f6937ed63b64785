local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local LIST = "/api/projects/:project_id/datasets/"

--- Bodies that tell nothing.
local BODIES = {
  "",
  "<html>\n<h1>Sorry</h1>",
  "{}",
  "[]",
  "null",
  '"x"',
  "5",
  '{"detail": null}',
  '{"detail": ["a"], "code": 5, "type": {}, "attr": []}',
  '{"detail": " "}',
}

describe("an error", function()
  local e, c

  setup(function()
    e = pipeline.emulator.start()
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
    c = pipeline.client(e.url, { max_retries = 0 })
  end)
  after_each(function()
    c:close()
  end)

  --- The error of a call that gets this answer.
  local function failure(status, body, headers)
    e:fault({ action = { status = status, body = body, headers = headers } })
    local value, err, response = c:request("GET", LIST)
    assert.is_nil(value)
    assert.is_true(llm.is_error(err))
    assert.equal(status, err.status)
    assert.equal(status, response.status)
    return err
  end

  for status, kind in pairs({
    [400] = "invalid",
    [401] = "auth",
    [402] = "invalid",
    [403] = "forbidden",
    [404] = "not_found",
    [405] = "invalid",
    [406] = "invalid",
    [408] = "invalid",
    [409] = "conflict",
    [410] = "not_found",
    [411] = "invalid",
    [413] = "invalid",
    [415] = "invalid",
    [422] = "invalid",
    [418] = "invalid",
    [429] = "rate_limited",
    [500] = "server",
    [501] = "server",
    [502] = "server",
    [503] = "server",
    [504] = "server",
    [520] = "server",
    [599] = "server",
    [304] = "redirect",
    [300] = "redirect",
  }) do
    it(("for status %d is of kind %s, whatever the body"):format(status, kind), function()
      local faults = {}
      for i, body in ipairs(BODIES) do
        faults[i] = { action = { status = status, body = body, times = 1 } }
      end
      e:faults(faults)
      for _ = 1, #BODIES do
        local value, err = c:request("GET", LIST)
        assert.is_nil(value)
        assert.equal(kind, err.kind)
        assert.equal(status, err.status)
        assert.is_nil(err.code)
        assert.matches("%S", err.message)
        assert.is_nil(tostring(err):find("[\r\n]"))
        assert.is_truthy(tostring(err):find("request: " .. kind .. ": ", 1, true) == 1)
        assert.is_truthy(tostring(err):find("HTTP " .. status .. " from " .. e.url, 1, true))
      end
    end)
  end

  -- A server that fails, or did not wait for the end of a request, may have done it nevertheless.
  for status, may_have_happened in pairs({
    [400] = false,
    [404] = false,
    [408] = true,
    [409] = false,
    [429] = false,
    [500] = true,
    [502] = true,
    [503] = true,
    [599] = true,
  }) do
    local words = may_have_happened and "is ambiguous" or "says that nothing was done"
    it(("for status %d %s where it was a write"):format(status, words), function()
      for _, method in ipairs({ "POST", "PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS" }) do
        e:fault({ action = { status = status, body = "{}", times = 1 } })
        local before = os.time()
        local _, err = c:request(method, LIST)
        local reads = method == "GET" or method == "HEAD" or method == "OPTIONS"
        assert.equal(status, err.status)
        assert.equal(may_have_happened and not reads or nil, err.ambiguous, method)
        if err.ambiguous then
          assert.is_true(err.sent_at >= before - 1 and err.sent_at <= os.time(), err.sent_at)
        else
          assert.is_nil(err.sent_at)
        end
      end
    end)
  end

  it("has the fields of the server's error envelope", function()
    local err = failure(
      400,
      '{"type":"validation_error","code":"required",'
        .. '"detail":"This field is required.","attr":"name","extra":{"a":[1]}}'
    )
    assert.equal("validation_error", err.type)
    assert.equal("required", err.code)
    assert.equal("This field is required.", err.detail)
    assert.equal("This field is required.", err.message)
    assert.equal("name", err.attr)
    assert.same({ 1 }, err.body.extra.a)
    assert.equal(
      ("request: invalid: This field is required. (HTTP 400 from %s, field name)"):format(e.url),
      (tostring(err):gsub(", request [%w-]+", ""))
    )
  end)

  it("has no field for a null in the envelope", function()
    local err = failure(
      404,
      '{"type":"invalid_request","code":"not_found",' .. '"detail":"Not found.","attr":null}'
    )
    assert.equal("not_found", err.code)
    assert.is_nil(err.attr)
    assert.is_nil(err.body.attr)
  end)

  it("has the fields of errors that the server's views write by hand", function()
    local err = failure(409, '{"detail":"Changed.","current_version":7}')
    assert.equal("conflict", err.kind)
    assert.equal(7, err.current_version)
    assert.is_nil(err.code)
    assert.is_truthy(tostring(err):find("current version 7", 1, true))
    err = failure(409, '{"detail":"There is one.","current_item_id":"i-1"}')
    assert.equal("i-1", err.current_item_id)
    assert.is_nil(err.current_version)
    err = failure(400, '{"detail":"No match.","edit_index":0,"file_path":"a/b.md"}')
    assert.equal(0, err.edit_index)
    assert.equal("a/b.md", err.file_path)
  end)

  it("keeps the body where it is not JSON, without control characters", function()
    local err = failure(502, "<html>\0\27[31m\n\t</html>\r\n")
    assert.equal("<html>??[31m\n\t</html>\r\n", err.body)
    assert.is_nil(err.detail)
    assert.is_nil(failure(405, "").body)
  end)

  it("keeps null in a body that has nothing else", function()
    assert.equal(llm.null, failure(500, "null").body)
  end)

  it("is one line, whatever the server says", function()
    local err = failure(400, '{"detail":"first\\nsecond\\u0000\\u001b[31mthird"}')
    assert.equal("first\nsecond\0\27[31mthird", err.detail)
    assert.equal("first second [31mthird", err.message)
    assert.is_nil(tostring(err):find("%c"))
  end)

  it("is text to a terminal, whatever the server says", function()
    local detail = "a\\u009b2J, \\u0085, \\u2028, \\u202egnp.exe\\u2066, \\u200f, \\u00e9\\u2026"
    local err = failure(400, '{"detail":"' .. detail .. '"}')
    assert.equal("a 2J,  ,  ,  gnp.exe ,  , \195\169\226\128\166", err.message)
    assert.truthy(tostring(err):find(err.message, 1, true))
    err = failure(302, "", { Location = "http://127.0.0.1:1/\194\155\226\128\174x" })
    assert.is_nil(tostring(err):find("[\194\226]"))
  end)

  it("has only the fields that apply to it", function()
    local _, err = llm.new({ host = e.url, project_id = 1, personal_api_key = "" }).datasets:list()
    local names = {}
    for name in pairs(err) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.same({ "call", "hint", "host", "kind", "message", "option" }, names)
  end)

  it("of a real server says what is wrong", function()
    local _, err = c.datasets:create({ name = "x" }, { headers = { Accept = "text/html" } })
    assert.equal("invalid", err.kind)
    assert.equal(406, err.status)
    _, err = c.datasets:create({})
    assert.equal("required", err.code)
    assert.equal("name", err.attr)
    _, err = c:with({ personal_api_key = "phx_emulator_read" }).datasets:create({ name = "x" })
    assert.equal("forbidden", err.kind)
    assert.matches("dataset:write", tostring(err))
    _, err = c:with({ personal_api_key = "phx_wrong" }).datasets:list()
    assert.equal("auth", err.kind)
    assert.equal("authentication_failed", err.code)
  end)

  it("is distinguished from other tables by llm.is_error", function()
    assert.is_false(llm.is_error({ kind = "network", message = "x" }))
    assert.is_false(llm.is_error("network"))
    assert.is_false(llm.is_error(nil))
    assert.is_false(llm.is_error(llm.null))
    assert.is_false(llm.is_error(setmetatable({}, { __metatable = false })))
  end)

  it("can be raised and read again", function()
    local ok, raised = pcall(function()
      local value, err = c:request("GET", "/api/projects/:project_id/nothing/")
      return value or error(err)
    end)
    assert.is_false(ok)
    assert.is_true(llm.is_error(raised))
    assert.equal("not_found", raised.kind)
  end)

  -- LuaJIT's assert raises its last argument, those of PUC 5.1 and 5.2 only take a string.
  if jit or (_VERSION ~= "Lua 5.1" and _VERSION ~= "Lua 5.2") then
    it("is what assert raises, whichever value comes last", function()
      local raised = pipeline.run(
        [[
        local llm = require("posthog.llm")
        local client = llm.new()
        local calls = {
          function() return client.datasets:get("unknown") end,
          function() return client.datasets:destroy("unknown") end,
          function() return client.skills:get("unknown") end,
        }
        for i = 1, #calls do
          local ok, err = pcall(function() return assert(calls[i]()) end)
          print(ok, llm.is_error(err) and err.kind)
        end]],
        {
          POSTHOG_HOST = e.url,
          POSTHOG_PERSONAL_API_KEY = pipeline.KEY,
          POSTHOG_PROJECT_ID = pipeline.PROJECT,
        }
      )
      assert.equal("false\tnot_found\nfalse\tinvalid\nfalse\tnot_found\n", raised)
    end)
  end
end)
