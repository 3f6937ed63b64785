--- What is not known of the server, both ways.

local cjson = require("cjson")

local expect = require("spec.emulator.expect")

local t = expect.session()
local get, must, envelope = t.get, t.must, t.envelope

local P = "/api/projects/112358"
local DATASETS = P .. "/datasets/"

describe("the emulator plays both ways", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  it("who shares a rate limit: one key, or all of an organization", function()
    t.e:settings({ rate_limit = 1 })
    must(200, "GET", DATASETS)
    must(200, "GET", DATASETS, nil, { key = "phx_emulator_li" })
    t.e:settings({ rate_limit_by = "organization" })
    must(200, "GET", DATASETS)
    envelope(get(DATASETS, { key = "phx_emulator_li" }), 429, "throttled_error", "throttled")
  end)

  it("what the header with the id of a request is called", function()
    assert.matches("^%x+%-", get(DATASETS).headers["x-request-id"])
    t.e:settings({ request_id = "CF-Ray" })
    local headers = get(DATASETS).headers
    assert.matches("^%x+%-", headers["cf-ray"])
    assert.is_nil(headers["x-request-id"])
    t.e:settings({ request_id = "" })
    assert.is_nil(get(DATASETS).headers["cf-ray"])
  end)

  it("whether rows have nulls as old ones do", function()
    local new = must(201, "POST", DATASETS, { name = "new" })
    t.e:settings({ old_rows = true })
    local old, response = must(201, "POST", DATASETS, { name = "old" })
    expect.contains('"updated_at":null,"deleted":null,', response.body)
    local item = must(201, "POST", P .. "/dataset_items/", { dataset = old.id, input = 1 })
    assert.same({ cjson.null, cjson.null }, { item.updated_at, item.deleted })
    local function names(query)
      local rows = must(200, "GET", DATASETS .. query).results
      return rows[1].name .. " " .. rows[2].name
    end
    assert.equal("old new", names("?order_by=-updated_at"))
    assert.equal("new old", names("?order_by=updated_at"))
    local changed = must(200, "PATCH", DATASETS .. old.id .. "/", { name = "older" })
    assert.same({ "string", cjson.null }, { type(changed.updated_at), changed.deleted })
    assert.is_false(must(200, "GET", DATASETS .. new.id .. "/").deleted)
    must(200, "PATCH", DATASETS .. old.id .. "/", { deleted = true })
    assert.equal(1, must(200, "GET", DATASETS).count)
  end)

  it("whether skills are switched on for a project", function()
    t.e:settings({ skill_feature = false })
    for _, profile in ipairs({ "reference", "current" }) do
      t.e:settings({ profile = profile })
      for _, target in ipairs({ "/llm_skills/", "/llm_skills/resolve/name/x/" }) do
        envelope(get(P .. target), 403, "authentication_error", "permission_denied")
      end
    end
    must(200, "GET", DATASETS)
  end)

  it("where a relative date begins", function()
    local path = "/api/llm_analytics/@me/spend/?product=posthog_code&date_from="
    t.e:settings({ clock = "2026-05-14T10:02:11Z", clock_step = 0 })
    local function from(date)
      return must(200, "GET", path .. date .. "&refresh=true").summary.date_from
    end
    assert.equal("2026-05-07T10:02:11Z", from("-7d"))
    t.e:settings({ relative_dates = "midnight" })
    assert.equal("2026-05-07T00:00:00Z", from("-7d"))
    assert.equal("2026-05-07T10:00:00Z", from("2026-05-07T10:00:00Z"))
    t.invalid(get(path .. "-90d"), "invalid_input", "date_from")
  end)
end)
