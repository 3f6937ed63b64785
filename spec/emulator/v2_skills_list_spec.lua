local expect = require("spec.emulator.expect")

local t = expect.session({ profile = "current" })
local get, send, must, envelope = t.get, t.send, t.must, t.envelope

local P = "/api/projects/112358"
local S = P .. "/llm_skills/"
local LI = "018e44c0-91aa-7d10-8f3e-0c2b7aa1d4e2"

local function new_skill(name, extra, options)
  local body = { name = name, description = "Finds things", body = "# One\n\ntext" }
  for key, value in pairs(extra or {}) do
    body[key] = value
  end
  return must(201, "POST", S, body, options)
end

--- The list's tag and its version, as a number.
local function state_of(query)
  local headers = get(S .. (query or "")).headers
  return headers.etag, tonumber(headers["x-skills-version"]:match("^1%.0%.(%d+)$"))
end

local function ask(tag, query)
  return get(S .. (query or ""), { headers = { "If-None-Match: " .. tag } })
end

describe("the emulator on API v2 has a list of skills that", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  it("has a weak tag and a version, and is not sent again while it is the same", function()
    new_skill("alpha")
    local response = get(S)
    assert.matches('^W/"%x+"$', response.headers.etag)
    assert.equal("private, no-cache", response.headers["cache-control"])
    local same = ask(response.headers.etag)
    assert.same(
      { 304, "", response.headers.etag, response.headers["x-skills-version"], "private, no-cache" },
      {
        same.status,
        same.body,
        same.headers.etag,
        same.headers["x-skills-version"],
        same.headers["cache-control"],
      }
    )
    assert.equal(304, ask('"x", ' .. response.headers.etag:sub(3)).status)
    assert.equal(304, ask("*").status)
    assert.equal(200, ask('W/"x"').status)
    assert.equal(200, ask(response.headers.etag, "?limit=1").status)
    assert.is_nil(get(S .. "name/alpha/").headers.etag)
    assert.is_nil(get(P .. "/datasets/").headers.etag)
  end)

  it("has a version that grows with each new version, and not with other owners", function()
    local steps = {
      function()
        new_skill("alpha")
      end,
      function()
        must(200, "PATCH", S .. "name/alpha/", { base_version = 1 })
      end,
      function()
        must(201, "POST", S .. "name/alpha/files/", { path = "a.md", content = "a" })
      end,
      function()
        must(201, "POST", S .. "name/alpha/duplicate/", { new_name = "beta" })
      end,
      function()
        must(200, "POST", S .. "name/beta/rename/", { new_name = "gamma" })
      end,
      function()
        must(204, "POST", S .. "name/gamma/archive/")
      end,
    }
    local tag, version = state_of()
    for i, step in ipairs(steps) do
      step()
      local next_tag, next_version = state_of()
      assert.is_true(next_version > version, "step " .. i)
      assert.not_equal(tag, next_tag)
      tag, version = next_tag, next_version
    end
    must(200, "PATCH", S .. "name/alpha/", { owners = { LI } })
    local _, after = state_of()
    assert.equal(version, after)
    t.e:settings({ clock = "2026-05-14T10:02:11Z", clock_step = 0 })
    new_skill("late")
    local _, stopped = state_of()
    assert.is_true(stopped > after)
  end)

  it("has a limit of its own", function()
    t.e:settings({ list_rate_limit = 1 })
    must(200, "GET", S)
    envelope(get(S), 429, "throttled_error", "throttled")
    new_skill("alpha")
    must(200, "GET", S .. "name/alpha/")
    t.e:settings({ list_rate_limit = 0, rate_limit = 1 })
    must(200, "GET", S .. "name/alpha/")
    envelope(get(S .. "name/alpha/"), 429, "throttled_error", "throttled")
    envelope(send("POST", S, {}), 429, "throttled_error", "throttled")
    must(200, "GET", S)
  end)

  it("shows the category that a name has by its prefix", function()
    for _, name in ipairs({ "plain", "signals-scout-errors", "review-hog-lua" }) do
      new_skill(name)
    end
    local categories = {}
    for _, row in ipairs(must(200, "GET", S).results) do
      categories[row.name] = row.category
    end
    assert.same(
      { plain = "", ["signals-scout-errors"] = "scouts", ["review-hog-lua"] = "review-hog" },
      categories
    )
    assert.equal(1, must(200, "GET", S .. "?category=scouts").count)
    assert.equal("scouts", must(200, "GET", S .. "name/signals-scout-errors/").category)
    local copy =
      must(201, "POST", S .. "name/signals-scout-errors/duplicate/", { new_name = "mine" })
    assert.equal("", copy.category)
  end)
end)
