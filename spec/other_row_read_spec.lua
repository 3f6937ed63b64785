-- A response to a read that shows another object than the one that was asked for, as a confused proxy
-- or cache sends it: it is an error, in the words of a write's, and never a value.

local cjson = require("cjson")

local api_version = require("posthog.llm.api.versions.api_version")
local direct = require("posthog.llm.http.direct")
local live = require("spec.support.live")

local fails, all = live.fails, live.all

local OTHER = "0195b2aa-0000-7e42-9a10-6f0c5bd8e999"

--- One body that is another one for each read: of a row, a skill, a file, a page, a history.
local BODY = (
  '{"id":"ID","name":"two","version":7,"status":"complete","path":"b.md","content":"c","body":"b",'
  .. '"skill":{"id":"1","name":"two","version":7},"versions":[{"version":1}],"has_more":false,'
  .. '"count":1,"results":[{"id":"ID","dataset":"ID","dataset_id":"ID"}]}'
):gsub("ID", OTHER)

--- The reads, each with the field that shows that it is another one.
local READS = {
  ["skills:get"] = {
    "name",
    function(c)
      return c.skills:get("one")
    end,
  },
  ["skills:get of a version"] = {
    "name",
    function(c)
      return c.skills:get("one", { version = 7 })
    end,
  },
  ["skills:get of another version"] = {
    "version",
    function(c)
      return c.skills:get("two", { version = 6 })
    end,
  },
  ["skills:file"] = {
    "path",
    function(c)
      return c.skills:file("two", "a.md")
    end,
  },
  ["skills:file of a version"] = {
    "path",
    function(c)
      return c.skills:file("two", "dir/b.md", { version = 7 })
    end,
  },
  ["skills:resolve"] = {
    "skill.name",
    function(c)
      return c.skills:resolve("one")
    end,
  },
  ["skills:resolve of another version"] = {
    "skill.version",
    function(c)
      return c.skills:resolve("two", { version = 1, limit = 1 })
    end,
  },
  ["skills:resolve of another version's id"] = {
    "skill.id",
    function(c)
      return c.skills:resolve("two", { version_id = OTHER })
    end,
  },
  ["skills:versions"] = {
    "skill.name",
    function(c)
      return all(c.skills:versions("one"))
    end,
  },
  ["datasets:get"] = {
    "id",
    function(c, ids)
      return c.datasets:get(ids.dataset)
    end,
  },
  ["datasets:list by ids"] = {
    "results[1].id",
    function(c, ids)
      return c.datasets:list({ id__in = { ids.dataset, ids.item } })
    end,
  },
  ["datasets:each by ids"] = {
    "results[1].id",
    function(c, ids)
      return all(c.datasets:each({ id__in = { ids.dataset }, prefetch = 1 }))
    end,
  },
  ["dataset_items:get"] = {
    "id",
    function(c, ids)
      return c.dataset_items:get(ids.item)
    end,
  },
  ["dataset_items:get of the raw texts"] = {
    "id",
    function(c, ids)
      return c.dataset_items:get(ids.item, { raw = true })
    end,
  },
  ["dataset_items:list"] = {
    "results[1].dataset",
    function(c, ids)
      return c.dataset_items:list({ dataset = ids.dataset })
    end,
  },
  ["dataset_items:each"] = {
    "results[1].dataset",
    function(c, ids)
      return all(c.dataset_items:each({ dataset = ids.dataset, limit = 1 }))
    end,
  },
  ["dataset_items:find_created"] = {
    "results[1].dataset",
    function(c, ids)
      return c.dataset_items:find_created({ dataset = ids.dataset, input = 1 }, 0)
    end,
  },
}
local CURRENT_READS = {
  ["skills:skill_md"] = {
    "name",
    function(c)
      return c.skills:skill_md("one")
    end,
  },
  ["dataset_items:get of a revision"] = {
    "id",
    function(c, ids)
      return c.dataset_items:get(ids.item, { revision = 1 })
    end,
  },
  ["dataset_items:list of the archived"] = {
    "results[1].dataset",
    function(c, ids)
      return c.dataset_items:list({ dataset = ids.dataset, archived = true })
    end,
  },
  ["dataset_items:versions"] = {
    "results[1].id",
    function(c, ids)
      return all(c.dataset_items:versions(ids.item))
    end,
  },
  ["datasets:export_wait"] = {
    "id",
    function(c, ids)
      return c.datasets:export_wait(ids.dataset, 7)
    end,
  },
  ["datasets:revisions"] = {
    "results[1].dataset_id",
    function(c, ids)
      return all(c.datasets:revisions(ids.dataset))
    end,
  },
}

--- The ways that a read takes through the client.
local WAYS = {
  ["directly"] = {},
  ["by the pipeline"] = { on_response = function() end },
  ["with null kept"] = { keep_null = true },
  ["by a codec of the caller's"] = { json = cjson },
}

for _, profile in ipairs({ "reference", "current" }) do
  local is_current = profile == "current"
  local t = live.session({ profile = profile })

  describe("another one in a response to a read, on " .. live.api_name[profile] .. ",", function()
    local client, ids
    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      client = t.client({ max_retries = 2 })
      ids = { dataset = assert(client.datasets:create({ name = "d" })).id }
      ids.item = assert(client.dataset_items:create({ dataset = ids.dataset, input = 1 })).id
      assert(client.skills:create({
        name = "one",
        description = "d",
        body = "b",
        files = { { path = "a.md", content = "a" }, { path = "dir/b.md", content = "b" } },
      }))
      assert(client.skills:publish("one", { base_version = 1, body = "b2" }))
    end)

    --- The results of a call; an iterator raises its error.
    local function made(call, by)
      local ok, value, err = pcall(call, by, ids)
      if not ok then
        return nil, value
      end
      return value, err
    end

    local function refuses(name, read, by)
      t.e:fault({ match = { method = "GET" }, action = { status = 200, body = BODY } })
      local value, err = made(read[2], by)
      fails("decode", { status = 200, attempts = 1 }, value, err)
      assert.is_nil(err.ambiguous)
      local words = "the response is about another one: its " .. read[1] .. " is "
      assert.equal(words, err.message:sub(1, #words), name)
      t.e:faults({})
    end

    for way, options in pairs(WAYS) do
      it("is an error of each read that is made " .. way, function()
        local by = t.client(options)
        for _, reads in ipairs({ READS, is_current and CURRENT_READS or nil }) do
          for name, read in pairs(reads) do
            refuses(name, read, by)
          end
        end
        by:close()
      end)
    end

    it("teaches the client nothing: the next calls are as if it had not been", function()
      api_version.forget()
      local by = t.client()
      refuses("get", READS["skills:get"], by)
      assert.equal("one", assert(by.skills:get("one")).name)
      refuses("get", READS["datasets:get"], by)
      assert.equal(ids.dataset, assert(by.datasets:get(ids.dataset)).id)
    end)

    it("is none where the server has what was asked for", function()
      for way, options in pairs(WAYS) do
        local by = t.client(options)
        assert.equal(2, assert(by.skills:get("one")).version, way) -- the latest: any version is that
        assert.equal(1, assert(by.skills:get("one", { version = 1.0 })).version)
        local page = assert(by.skills:resolve("one", { version = 1 }))
        assert.equal(1, page.skill.version)
        assert(by.skills:resolve("one", { version_id = page.skill.id:upper() }))
        assert.equal(2, #all(by.skills:versions("one", { limit = 1 })))
        assert.equal("b", assert(by.skills:file("one", "dir/b.md")).content)
        assert.equal(1, #assert(by.datasets:list({ id__in = { ids.dataset } })).results)
        assert.equal(1, #all(by.dataset_items:each({ dataset = ids.dataset })))
        assert.equal(ids.item, assert(by.dataset_items:get(ids.item, { raw = true })).id)
        if is_current then
          assert.equal(1, #all(by.dataset_items:versions(ids.item)))
          assert.is_true(#all(by.datasets:revisions(ids.dataset)) > 0)
          assert.equal("one", assert(by.skills:skill_md("one")).name)
        end
        by:close()
      end
    end)

    it("is none where the id is only spelt in another way", function()
      local bare = ids.dataset:gsub("-", "")
      for _, id in ipairs({ ids.dataset:upper(), bare, "{" .. bare .. "}" }) do
        t.e:fault({
          match = { method = "GET" },
          action = { status = 200, body = ('{"id":"%s"}'):format(ids.dataset) },
        })
        assert.equal(ids.dataset, assert(client.datasets:get(id)).id)
        local row = ('{"results":[{"id":"%s","dataset":"%s"}]}'):format(ids.item, ids.dataset)
        t.e:fault({ match = { method = "GET" }, action = { status = 200, body = row } })
        assert.equal(1, #assert(client.dataset_items:list({ dataset = id })).results)
      end
    end)

    it("is none where the server keeps a path with slashes for backslashes", function()
      local file = '{"path":"dir/b.md","content":"c"}'
      t.e:fault({ match = { method = "GET" }, action = { status = 200, body = file } })
      assert.equal("dir/b.md", assert(client.skills:file("one", "dir\\b.md")).path)
    end)

    it("is none where a response lacks what the API may leave out", function()
      t.answer(200, '{"id":"1","name":"one","body":"b"}')
      assert(client.skills:get("one", { version = 3 }))
      t.answer(200, ('{"results":[{"id":"%s"},{"id":"x","dataset":null}]}'):format(ids.item))
      assert.equal(2, #assert(client.dataset_items:list({ dataset = ids.dataset })).results)
    end)

    it("is none where the server redirects from the id of a skill to its name", function()
      local id = assert(client.skills:get("one")).id
      local path = "/api/environments/112358/llm_skills/name/one/"
      t.e:fault({
        match = { path = "/" .. id:gsub("%-", "%%-") .. "/" },
        action = { status = 302, body = "", headers = { Location = path } },
      })
      assert.equal("one", assert(client.skills:get(id)).name)
      -- Without a redirect that is what a cache that knows no better sends.
      t.answer(200, '{"id":"1","name":"two"}')
      fails("decode", {}, client.skills:get(id))
    end)

    it("is one where a redirect leads from one name to another", function()
      t.e:fault({
        match = { path = "/name/gone/" },
        action = {
          status = 302,
          body = "",
          headers = { Location = "/api/environments/112358/llm_skills/name/one/" },
        },
      })
      local value, err = client.skills:get("gone")
      fails("decode", { status = 200 }, value, err)
      assert.truthy(err.message:find('its name is "one", not "gone"', 1, true), err.message)
    end)

    it("is no proof that a write did not happen", function()
      local function loses(method, body, write)
        t.e:faults({
          { match = { method = "GET" }, action = { status = 200, body = body } },
          { match = { method = method }, action = { close = "after", times = 1 } },
        })
        local value, err = write()
        assert.is_nil(value)
        assert.is_true(err.ambiguous, tostring(err))
      end
      local versions = '{"id":"1","name":"%s","version":%d,"latest_version":3,"body":"no",'
        .. '"first_version_created_at":"2026-01-01T00:00:00Z","created_at":"2026-01-01T00:00:00Z"}'
      local function publish()
        return client.skills:publish("one", { base_version = 2, body = "b3" })
      end
      loses("PATCH", versions:format("two", 2), publish)
      t.e:faults({})
      assert.equal("b3", assert(client.skills:get("one")).body) -- it has happened
      loses("POST", versions:format("two", 1), function()
        return client.skills:create({ name = "three", description = "d", body = "b" })
      end)
      loses("POST", versions:format("two", 1), function()
        return client.skills:duplicate("one", "four")
      end)
      if is_current then
        local rows = ('{"results":[{"id":"%s","version":1},'):format(OTHER)
          .. ('{"id":"%s","version":2,"input":"no","version_created_at":"2026-01-01T00:00:00Z"}]}'):format(
            OTHER
          )
        loses("PATCH", rows, function()
          return client.dataset_items:update(ids.item, { input = 2, base_version = 1 })
        end)
      end
    end)

    it("is no proof that a version was made by somebody else", function()
      -- The version after the base is read as the base once more, from a cache that ignores queries.
      local version = '{"id":"1","name":"one","version":2,"latest_version":3,"body":"b2",'
        .. '"first_version_created_at":"2026-01-01T00:00:00Z","created_at":"2026-01-01T00:00:00Z"}'
      t.e:faults({
        { match = { method = "GET" }, action = { status = 200, body = version } },
        { match = { method = "PATCH" }, action = { close = "after", times = 1 } },
      })
      local value, err = client.skills:publish("one", { base_version = 2, body = "b3" })
      fails("network", { ambiguous = true }, value, err)
    end)
  end)
end

describe("a skill in parts", function()
  local t = live.session({ profile = "current" })
  setup(t.start)
  teardown(t.stop)

  it("is not put together from two skills of one name", function()
    t.reset()
    local part = '{"id":"%s","name":"one","version":1,"body":"%s","body_total_length":8%s}'
    t.script("/name/one/", {
      part:format("1", "1234", ',"body_next_offset":4'),
      part:format("2", "5678", ""),
    })
    local value, err = t.client().skills:get("one")
    fails("decode", {}, value, err)
    assert.truthy(err.message:find("the body is incomplete", 1, true), err.message)
  end)
end)

describe("the direct way of a read", function()
  it("is the one that these tests take", function()
    assert.is_true(direct.enabled)
  end)
end)
