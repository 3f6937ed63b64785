-- Bodies of every endpoint (doc/api.md), decoded and served.

local cjson = require("cjson")

local live = require("spec.support.live")
local llm = require("posthog.llm")

local function read(name)
  local file = assert(io.open("spec/samples/" .. name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local samples = cjson.decode(read("index.json"))

local t = live.session()
local fails = live.fails

local ID = "0195b2aa-3c1d-7e42-9a10-6f0c5bd8e001"
-- What the samples are about: a response about another row is an error.
local ITEM = "0195d004-11b7-7f6e-8c21-9be3d7a4c001"
local NAME = "trace-triage"
local FREE =
  { input = true, output = true, expected_output = true, source_output = true, metadata = true }

--- What is said in place of the server's detail, which stays in err.detail.
local EXPLAINED = {
  ["error_401_missing.json"] = "auth: the server saw no key",
  ["error_401_invalid_key.json"] = "auth: the key is not valid",
  ["error_403_scope.json"] = "forbidden: the key lacks the scope dataset:write",
  ["error_404_project.json"] = "not_found: project 112358 is not known at",
  ["error_404_endpoint.json"] = "this server does not have /api/projects/112358/datasets/",
  ["n_error_404_skill.json"] = "No such skill; near names: 'trace-triage'; did you mean \"trace-triage\"?",
  ["n_error_404_version.json"] = "The skill has no version 99; the latest is version 7 (",
}

local function is_json(sample)
  return sample.headers["Content-Type"] == "application/json"
end

--- cjson reads every number as a double; what it reads exactly has to be the same.
local function same_number(theirs, ours)
  if type(ours) ~= "number" then
    ours = ours.tonumber and ours:tonumber()
  end
  return type(ours) == "number"
    and (
      ours == theirs
      or math.abs(theirs) >= 2 ^ 53 and math.abs(ours - theirs) <= math.abs(theirs) * 2 ^ -52
    )
end

--- Asserts that a decoded answer says what cjson reads. `dropped`: null in the API's own fields
--- arrives as nil.
local function agree(theirs, ours, dropped, at)
  local ok
  if type(theirs) == "number" then
    ok = same_number(theirs, ours)
  elseif type(theirs) ~= "table" then
    ok = theirs == ours
  else
    ok = type(ours) == "table"
    if ok then
      for name, value in pairs(theirs) do
        local within = dropped and not FREE[name]
        local where = ("%s.%s"):format(at, tostring(name))
        if value == cjson.null and within and type(name) == "string" then
          assert.is_nil(ours[name], where)
        else
          agree(value, ours[name], within, where)
        end
      end
      for name in pairs(ours) do
        assert.is_not_nil(theirs[name], ("%s.%s was never sent"):format(at, tostring(name)))
      end
    end
  end
  if not ok then
    error(("%s: %s became %s"):format(at, tostring(theirs), tostring(ours)), 2)
  end
end

--- The call that each endpoint answers, by its name in the index.
local CALLS = {
  skill_file_rename = function(c)
    return c.skills:rename_file(NAME, "a", "b")
  end,
  skill_file_delete = function(c)
    return c.skills:delete_file(NAME, "a")
  end,
  skill_file_create = function(c)
    return c.skills:create_file(NAME, { path = "a", content = "b" })
  end,
  skill_file_get = function(c)
    return c.skills:file(NAME, "references/query guide.md")
  end,
  skill_resolve = function(c)
    return c.skills:resolve(NAME)
  end,
  skills_list = function(c)
    return c.skills:list()
  end,
  skill_get = function(c)
    return c.skills:get(NAME)
  end,
  skill_publish = function(c)
    return c.skills:publish(NAME, { base_version = 1 })
  end,
  skill_create = function(c)
    return c.skills:create({ name = NAME })
  end,
  skill_duplicate = function(c)
    return c.skills:duplicate(NAME, NAME .. "-copy")
  end,
  skill_archive = function(c)
    return c.skills:archive("x")
  end,
  spend_get = function(c)
    return c.spend:get()
  end,
  dataset_create = function(c)
    return c.datasets:create({})
  end,
  dataset_get = function(c)
    return c.datasets:get(ID)
  end,
  dataset_update = function(c)
    return c.datasets:update(ID, {})
  end,
  dataset_delete = function(c)
    return c.datasets:destroy(ID)
  end,
  datasets_list = function(c)
    return c.datasets:list()
  end,
  dataset_item_create = function(c)
    return c.dataset_items:create({})
  end,
  dataset_item_get = function(c)
    return c.dataset_items:get(ITEM)
  end,
  dataset_item_update = function(c)
    return c.dataset_items:update(ITEM, {})
  end,
  dataset_item_delete = function(c)
    return c.dataset_items:destroy(ID)
  end,
  dataset_items_list = function(c)
    return c.dataset_items:list()
  end,
  any = function(c)
    return c.datasets:get(ID)
  end,
}

local function call_of(sample)
  return CALLS[sample.endpoint]
    or CALLS[sample.endpoint:gsub("^n_", "")]
    or function(c)
      return c:request("GET", "/api/projects/:project_id/anything/")
    end
end

local KINDS = {
  [401] = "auth",
  [403] = "forbidden",
  [404] = "not_found",
  [409] = "conflict",
  [429] = "rate_limited",
}

local function kind_of(status)
  return KINDS[status] or (status >= 500 and "server" or status >= 400 and "invalid" or "redirect")
end

local COPIED = {
  "type",
  "code",
  "attr",
  "detail",
  "current_version",
  "edit_index",
  "file_path",
  "current_item_id",
}

describe("the samples of the API", function()
  for _, sample in ipairs(samples) do
    if is_json(sample) then
      it("are read as cjson reads them: " .. sample.file, function()
        local text = assert(read(sample.file))
        local value, err = llm.json.decode(text)
        assert.is_nil(err)
        agree(cjson.decode(text), value, false, sample.file)
        local again = assert(llm.json.decode(assert(llm.json.encode(value))))
        agree(cjson.decode(text), again, false, sample.file)
      end)
    end
  end
end)

describe("the samples of the API, sent by a server,", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  local function serve(sample, text)
    local headers = {}
    for name, value in pairs(sample.headers) do
      if name ~= "Content-Length" then -- the server writes it
        headers[name] = value
      end
    end
    t.answer(sample.status, text, headers)
  end

  for _, sample in ipairs(samples) do
    local text = assert(read(sample.file), sample.file)

    if sample.status >= 400 then
      it("become the error they describe: " .. sample.file, function()
        serve(sample, text)
        local value, err, response = call_of(sample)(t.client())
        fails(kind_of(sample.status), { status = sample.status }, value, err)
        assert.equal(sample.status, response.status)
        local body = is_json(sample) and cjson.decode(text) or {}
        for _, name in ipairs(COPIED) do
          local expected = body[name]
          if expected == cjson.null then
            expected = nil
          end
          assert.same(expected, err[name], "err." .. name)
        end
        if body.detail then -- told as it is, or in words of ours that say what to do
          local known = EXPLAINED[sample.file]
          assert.truthy(tostring(err):find(known or body.detail, 1, true), tostring(err))
          assert.equal(body.detail, err.detail)
        end
        if is_json(sample) then
          agree(body, err.body, true, "body")
        elseif text == "" then
          assert.is_nil(err.body)
        else
          assert.equal(text, err.body)
        end
        local seconds = sample.headers["Retry-After"]
          or (body.detail or ""):match("available in (%d+) second")
        assert.equal(seconds and tonumber(seconds), err.retry_after)
        for name, header in pairs(sample.headers) do
          assert.equal(header, response.headers[name])
        end
        assert.equal("string", type(err.request_id))
      end)
    elseif
      sample.status < 300
      and is_json(sample)
      and sample.file ~= "n_skill_get_page1.json"
      and sample.file ~= "n_skill_get_page2.json"
    then
      it("become the fields of the result: " .. sample.file, function()
        serve(sample, text)
        local value, err, response = call_of(sample)(t.client())
        assert.is_nil(err)
        assert.equal(sample.status, response.status)
        agree(cjson.decode(text), value, true, sample.file)
        local kept = assert(call_of(sample)(t.client({ keep_null = true })))
        agree(cjson.decode(text), kept, false, sample.file)
      end)
    end
  end

  it("become the whole body where it was cut", function()
    local first, second = read("n_skill_get_page1.json"), read("n_skill_get_page2.json")
    local name = cjson.decode(first).name
    t.script("/name/" .. name:gsub("%-", "%%-") .. "/", { first, second })
    local skill = assert(t.client().skills:get(name))
    assert.equal(cjson.decode(first).body .. cjson.decode(second).body, skill.body)
    assert.is_nil(skill.body_next_offset)
    t.e:fault({ action = { status = 200, body = first, times = 1 } })
    live.fails("not_found", { status = 404 }, t.client().skills:get(name))
    for _, entry in ipairs(t.e:log(1)) do
      local offset = entry.target:match("body_offset=(%d+)")
      assert.truthy(offset == nil or offset == "8000" and entry.target:find("version=7&", 1, true))
    end
  end)

  it("become true where they are empty, or a redirect that is not followed", function()
    local seen = 0
    for _, sample in ipairs(samples) do
      if sample.status == 204 then
        serve(sample, read(sample.file))
        assert.is_true(call_of(sample)(t.client()))
        seen = seen + 1
      elseif sample.status == 302 then
        serve(sample, read(sample.file))
        local value, err = call_of(sample)(t.client())
        fails("redirect", { status = 302 }, value, err)
        assert.truthy(tostring(err):find(sample.headers.Location, 1, true))
        seen = seen + 1
      end
    end
    assert.is_true(seen >= 2)
    assert.equal(seen, #t.e:log())
  end)

  it("are followed where they redirect on the same host, with method and body", function()
    local redirect = {
      status = 307,
      body = "",
      headers = {
        Location = "/api/projects/112358/llm_skills/name/trace-triage/files-rename/",
      },
    }
    t.e:faults({
      { match = { path = "/environments/" }, action = redirect },
      { action = { status = 200, body = read("skill_file_rename.json") } },
    })
    local skill = assert(t.client().skills:rename_file("trace-triage", "a", "b"))
    assert.equal(cjson.decode(read("skill_file_rename.json")).id, skill.id)
    local log = t.e:log()
    assert.same(
      { "POST", "POST", redirect.headers.Location },
      { log[1].method, log[2].method, log[2].target }
    )
    assert.same({ old_path = "a", new_path = "b" }, cjson.decode(log[1].body))
    assert.equal(log[1].body, log[2].body)
  end)

  it("are paged by their next where they are lists", function()
    local text = read("datasets_list.json")
    local page = cjson.decode(text)
    local rows = page.results
    t.script("/datasets/", {
      text,
      ('{"count":%d,"next":null,"previous":null,"results":[]}'):format(page.count),
    })
    local iterator = t.client().datasets:each({ limit = 3, search = "a&b" })
    for _, row in ipairs(rows) do
      assert.equal(row.id, iterator().id)
    end
    assert.is_nil(iterator())
    t.sent({
      "GET /api/projects/112358/datasets/?search=a%26b&limit=3",
      "GET /api/projects/112358/datasets/?limit=3&offset=3&search=a%26b",
    })
  end)
end)
