-- Newer servers cut the body of a skill after some characters, with status 200.

local cjson = require("cjson")

local live = require("spec.support.live")

local t = live.session()
local fails = live.fails

local NAME = "/api/environments/112358/llm_skills/name/long/"
local ROCKET, EURO = "\240\159\154\128", "€"

--- One answer of a server that cuts: a part of version 7, unless `other` says otherwise.
local function part(body, following, total, other)
  local skill = {
    id = "01977c1c-0000-7000-8000-000000000000",
    name = "long",
    version = 7,
    body = body,
    body_next_offset = following or cjson.null,
    body_total_length = total,
  }
  for name, value in pairs(other or {}) do
    skill[name] = value
  end
  return cjson.encode(skill)
end

describe("client.skills:get of a server that cuts bodies", function()
  local skills

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    skills = t.client().skills
  end)

  it("reads parts until the body is complete, by the server's offsets in characters", function()
    t.script("/name/long/", {
      part("ab" .. ROCKET, 3, 9),
      part(EURO .. "d", 5, 9),
      part("e" .. ROCKET .. "g\n", nil, 9),
    })
    local skill, err, response = skills:get("long")
    assert.is_nil(err)
    assert.equal("ab" .. ROCKET .. EURO .. "de" .. ROCKET .. "g\n", skill.body)
    assert.is_nil(skill.body_next_offset)
    assert.equal(9, skill.body_total_length)
    assert.equal(7, skill.version)
    assert.truthy(response.url:find("body_offset=5", 1, true))
    local log = t.e:log()
    assert.equal(NAME, log[1].target)
    for i, offset in ipairs({ 3, 5 }) do
      local target = log[i + 1].target
      assert.truthy(target:find("[?&]version=7&"), target)
      assert.truthy(target:find(("[?&]body_offset=%d&"):format(offset)), target)
      assert.equal(target:match("^[^?]*"), NAME)
    end
    assert.equal(3, #log)
  end)

  it("requests all the rest at once", function()
    t.script("/name/long/", { part("abc", 3, 20000), part(("x"):rep(19997), nil, 20000) })
    assert.equal(20000, #assert(skills:get("long")).body)
    t.sent({ "GET " .. NAME, "GET " .. NAME .. "?version=7&body_offset=3&body_length=19997" })
  end)

  it("pins the version of the first response, also when another one was asked for", function()
    t.script("/name/long/", { part("ab", 2, 3), part("c", nil, 3) })
    assert.equal("abc", assert(skills:get("long", { version = 7 })).body)
    t.sent({
      "GET " .. NAME .. "?version=7",
      "GET " .. NAME .. "?version=7&body_offset=2&body_length=1",
    })
  end)

  it("reads parts without a total length too", function()
    t.script("/name/long/", { part("ab", 2), part("c", 3), part("", nil) })
    local skill = assert(skills:get("long"))
    assert.equal("abc", skill.body)
    t.sent({
      "GET " .. NAME,
      "GET " .. NAME .. "?version=7&body_offset=2",
      "GET " .. NAME .. "?version=7&body_offset=3",
    })
  end)

  it("reads parts with keep_null and with a codec of the caller's choice", function()
    for _, options in ipairs({ { keep_null = true }, { json = require("cjson.safe") } }) do
      local since = #t.e:log()
      t.script("/name/long/", { part("ab", 2, 3), part("c", nil, 3) })
      assert.equal("abc", assert(t.client(options).skills:get("long")).body)
      assert.equal(2, #t.e:log(since))
      t.script("/name/long/", { part("abc", nil, 3) })
      assert.equal("abc", assert(t.client(options).skills:get("long")).body)
      assert.equal(3, #t.e:log(since))
    end
  end)

  it("carries the call's options to every request", function()
    t.script("/name/long/", { part("ab", 2, 3), part("c", nil, 3) })
    assert(skills:get("long", { headers = { ["X-Trace"] = "17" } }))
    for _, entry in ipairs(t.e:log()) do
      assert.truthy(entry.raw_header:find("\r\nX%-Trace: 17\r\n"))
    end
  end)

  for what, bodies in pairs({
    ["an offset that does not advance"] = { part("ab", 2, 9), part("cd", 2, 9) },
    ["an offset that goes back"] = { part("ab", 2, 9), part("cd", 1, 9) },
    ["a first offset of zero"] = { part("ab", 0, 4) },
    ["an offset that is negative"] = { part("ab", -1, 4) },
    ["an offset that is not an integer"] = { part("ab", 1.5, 4) },
    ["an offset that is not a number"] = { part("ab", "2", 4) },
    ["a part of another version"] = { part("ab", 2, 4), part("cd", nil, 4, { version = 8 }) },
    ["fewer characters than announced"] = { part("ab", 2, 5), part("cd", nil, 5) },
    ["more characters than announced"] = { part("ab", 2, 3), part("cd", nil, 3) },
    ["a total that counts bytes"] = { part(ROCKET, 1, 5), part("x", nil, 5) },
    ["a body that ends before its total, without an offset"] = { part("ab", nil, 3) },
    ["a part without a body"] = { part("ab", 2, 4), part(cjson.null, nil, 4) },
    ["a first response without a body"] = { part(cjson.null, 2, 4) },
    ["a response without a version"] = { part("ab", 2, 4, { version = cjson.null }) },
    ["a part that is not a skill"] = { part("ab", 2, 4), "[]" },
    ["a part that is empty"] = { part("ab", 2, 4), "" },
  }) do
    it("returns an error instead of a short body for " .. what, function()
      t.script("/name/long/", bodies)
      fails("decode", {}, skills:get("long"))
      assert.equal(#bodies, #t.e:log())
    end)
  end

  it("returns the error of a part that fails, and its status", function()
    for status, kind in pairs({ [404] = "not_found", [500] = "server", [429] = "rate_limited" }) do
      t.e:faults({
        { action = { status = 200, body = part("ab", 2, 4), times = 1 } },
        { action = { status = status, body = '{"detail":"no"}' } },
      })
      fails(kind, { status = status }, skills:get("long"))
    end
    t.e:faults({
      { action = { status = 200, body = part("ab", 2, 4), times = 1 } },
      { action = { status = 204 } },
    })
    fails("decode", {}, skills:get("long"))
  end)

  it("tries a part again that a gateway lost", function()
    t.e:faults({
      { match = { nth = 2 }, action = { status = 502, headers = { ["Retry-After"] = "0" } } },
      { match = { path = "body_offset" }, action = { status = 200, body = part("cd", nil, 4) } },
      { action = { status = 200, body = part("ab", 2, 4) } },
    })
    local skill = assert(t.client({ max_retries = 1 }).skills:get("long"))
    assert.equal("abcd", skill.body)
    assert.equal(3, #t.e:log())
  end)

  if t.profile == "reference" then
    it("takes the body of a server that does not cut as it is", function()
      local text = (ROCKET .. "line\n\n"):rep(3000) .. "end"
      assert(skills:create({ name = "long", description = "d", body = text }))
      local skill = assert(skills:get("long"))
      assert.equal(text, skill.body)
      assert.is_nil(skill.body_next_offset)
      t.sent({ "GET " .. NAME }, 1)
    end)
  end
end)
