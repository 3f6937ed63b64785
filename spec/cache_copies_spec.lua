-- What posthog.llm.cache makes of a response, and what it takes for a copy of it.
local json = require("posthog.llm.json")
local server = require("posthog.llm.cache.server")

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
  end)
end)
