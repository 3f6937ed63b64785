-- What only API v2 has for skills and spend.

local live = require("spec.support.live")
local lost = require("spec.support.lost")

local fails = live.fails

describe("skills of API v2", function()
  local t = lost.session({ profile = "current" })
  local client

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client({ max_retries = 2 })
  end)
  after_each(t.finish)

  local function create(fields)
    return t.create_skill(client, fields)
  end

  --- A body of so many characters of one to four bytes.
  local function long(characters)
    local parts = {}
    for i = 1, characters do
      parts[i] = ({ "a", "ü", "€", "🚀" })[i % 4 + 1]
    end
    return table.concat(parts)
  end

  describe("with a body of 20,000 characters", function()
    local body = long(20000)
    before_each(function()
      create({ body = body })
      t.e:log()
      require("posthog.llm.api.versions.api_version").forget()
    end)

    it(
      "are returned completely in two requests, and in one once the API version is known",
      function()
        local since = #t.e:log()
        assert.equal(body, assert(client.skills:get("pdf-forms")).body)
        assert.equal(2, #t.e:log() - since)
        assert.equal("current", client:profile())
        since = #t.e:log()
        local skill = assert(client.skills:get("pdf-forms"))
        assert.equal(body, skill.body)
        assert.is_nil(skill.body_next_offset)
        assert.equal(1, #t.e:log() - since)
      end
    )

    it("stay one version while another writer publishes", function()
      local other = t.client()
      local raced = 0
      client = client:with({
        on_response = function()
          raced = raced + 1
          assert(
            other.skills:publish("pdf-forms", { base_version = raced, body = long(9000 + raced) })
          )
        end,
      })
      local skill = assert(client.skills:get("pdf-forms"))
      assert.equal(1, skill.version)
      assert.equal(body, skill.body)
      assert.is_true(raced >= 2)
    end)

    it("are an error when the rest cannot be read, never a short body", function()
      t.e:fault({ match = { path = "body_offset" }, action = { status = 500 } })
      fails("server", nil, client.skills:get("pdf-forms"))
    end)
  end)

  it("are found by the text in them", function()
    create({ files = { { path = "a.md", content = "Look for the needle here." } } })
    create({ name = "other" })
    local found = assert(client.skills:search("needle"))
    assert.equal(1, found.count)
    assert.equal("pdf-forms", found.results[1].name)
    assert.equal("a.md", found.results[1].matches[1].path)
    fails("invalid", { attr = "query" }, client.skills:search(("x"):rep(201)))
    live.misuses({
      {
        "text: string expected",
        function()
          client.skills:search(1)
        end,
      },
    })
  end)

  it("are renamed, also when the response is lost", function()
    create()
    assert.equal("new-name", assert(client.skills:rename("pdf-forms", "new-name")).name)
    fails("not_found", { type = "skill_not_found" }, client.skills:get("pdf-forms"))
    t.e:fault({ match = { path = "rename" }, action = { close = "after", times = 1 } })
    local skill, err, response = client.skills:rename("new-name", "newer-name")
    assert.is_nil(err, tostring(err))
    assert.equal("newer-name", skill.name)
    assert.is_true(response.settled)
    t.e:fault({ match = { path = "rename" }, action = { close = "before", times = 1 } })
    fails("network", { ambiguous = true }, client.skills:rename("newer-name", "newest-name"))
    create()
    fails("invalid", { code = "unique" }, client.skills:rename("newer-name", "pdf-forms"))
  end)

  it("are given as SKILL.md", function()
    create({ allowed_tools = { "Bash" } })
    local file = assert(client.skills:skill_md("pdf-forms"))
    assert.equal(1, file.version)
    assert.equal("pdf-forms", file.frontmatter.name)
    assert.is_truthy(file.content:find("^%-%-%-\nname: pdf%-forms\n"))
  end)

  it("are given as one zip", function()
    create()
    create({ name = "other" })
    local bundle = assert(client.skills:bundle({ content = "full", limit = 1 }))
    assert.equal("PK", bundle.data:sub(1, 2))
    assert.equal(1, bundle.included)
    assert.equal(1, bundle.dropped)
    assert.equal(0, bundle.skipped)
    t.e:settings({ bundle = "absent" })
    fails("not_found", nil, client.skills:bundle())
  end)

  it("have owners, which make no version, and descriptions of versions", function()
    local skill = create()
    local owner = skill.created_by.uuid
    skill = assert(client.skills:publish("pdf-forms", { owners = { owner } }))
    assert.equal(1, skill.version)
    skill = assert(
      client.skills:publish(
        "pdf-forms",
        { base_version = 1, body = "x", version_description = "Shorter." }
      )
    )
    assert.equal(2, skill.version)
    assert.equal("Shorter.", skill.version_description)
    live.misuses({
      {
        "base_version is missing",
        function()
          client.skills:publish("pdf-forms", { owners = { owner }, body = "x" })
        end,
      },
    })
  end)

  it("are reached by either path scope, the newer one from the second call on", function()
    create()
    assert(client.skills:get("pdf-forms"))
    local log = t.e:log()
    assert.is_truthy(log[1].target:find("/api/environments/", 1, true))
    assert.is_truthy(log[#log].target:find("/api/projects/", 1, true))
  end)

  it("name what exists when a skill, version or file is unknown", function()
    create()
    local value, err = client.skills:get("pdf-formz")
    fails("not_found", { type = "skill_not_found" }, value, err)
    assert.equal("pdf-formz", err.body.skill_name)
    value, err = client.skills:get("pdf-forms", { version = 9 })
    fails("not_found", { type = "skill_version_not_found" }, value, err)
    assert.same({ 1 }, err.body.available_versions)
  end)
end)

for _, profile in ipairs({ "reference", "current" }) do
  describe("spend on " .. live.api_name[profile], function()
    local t = live.session({ profile = profile })
    setup(t.start)
    teardown(t.stop)
    before_each(t.reset)

    it("has time series if the server supports them, and an error if not", function()
      local client = t.client()
      local report = assert(client.spend:get({ date_from = "-1d" }))
      assert.equal(profile == "current", report.by_day ~= nil)
      local series, err = client.spend:get({ date_from = "-1d", bucket_minutes = 60 })
      if profile == "current" then
        assert.equal(60, series.by_bucket.bucket_minutes)
        assert.is_true(#series.by_bucket.items > 0)
        assert.is_truthy(series.by_tool.items[1].cost_attributed_usd)
      else
        fails("invalid", { attr = "bucket_minutes" }, series, err)
        assert.is_truthy(tostring(err):find("only API v2", 1, true))
      end
    end)
  end)
end
