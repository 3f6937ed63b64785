-- Every error of every method names the method, `call`, and the server, `host`.

local all_methods = require("spec.support.methods")
local dataset_file = require("posthog.llm.dataset_file")
local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")
local skill_folder = require("posthog.llm.skill_folder")

local unpack = table.unpack or unpack -- luacheck: ignore 143

local ITERATES = {
  ["datasets:each"] = true,
  ["datasets:revisions"] = true,
  ["datasets:export_read"] = true,
  ["dataset_items:each"] = true,
  ["dataset_items:versions"] = true,
  ["skills:each"] = true,
  ["skills:versions"] = true,
}

--- The error of a call, be it returned or raised by its iterator.
local function error_of(client, resource, method)
  local calls = client[resource]
  local value, err = calls[method](calls, unpack(all_methods[resource][method]))
  if ITERATES[resource .. ":" .. method] then
    assert.equal("function", type(value))
    local ok
    ok, err = pcall(value)
    assert.is_false(ok)
  else
    assert.is_nil(value)
  end
  assert.is_true(llm.is_error(err), tostring(err))
  return err
end

local function names(err, call, host)
  assert.equal(call, err.call)
  assert.equal(host, err.host)
  local text = tostring(err)
  assert.equal(call .. ": " .. err.kind .. ": ", text:sub(1, #call + #err.kind + 4))
  assert.is_truthy(text:find(host:gsub("^https?://", ""), 1, true), text)
  assert.is_nil(text:find("\n", 1, true))
end

describe("an error", function()
  local e

  setup(function()
    e = pipeline.emulator.start()
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
  end)

  --- Ways to fail, each with a client and the host that it names.
  local WAYS = {
    ["a server that returns 500"] = function()
      e:fault({ action = { status = 500 } })
      return pipeline.client(e.url, { max_retries = 0 }), e.url
    end,
    ["a server that returns HTML"] = function()
      e:fault({ action = { status = 200, body = "<html>" } })
      return pipeline.client(e.url, { max_retries = 0 }), e.url
    end,
    ["a redirect to elsewhere"] = function()
      e:fault({ action = { status = 302, headers = { Location = "https://other.example/" } } })
      return pipeline.client(e.url), e.url
    end,
    ["a connection that is lost, attempts included"] = function()
      e:fault({ action = { status = 503 } })
      return pipeline.client(e.url, { max_retries = 1 }), e.url
    end,
    ["a port where nobody listens"] = function()
      return pipeline.client("http://127.0.0.1:1", { max_retries = 0 }), "http://127.0.0.1:1"
    end,
    ["no key"] = function()
      return pipeline.client("eu", { personal_api_key = "" }), "https://eu.posthog.com"
    end,
    ["a host that is not a URL"] = function()
      return pipeline.client("posthog.example"), "posthog.example"
    end,
    ["a host for events"] = function()
      return pipeline.client("https://us.i.posthog.com/x"), "https://us.i.posthog.com"
    end,
    ["an invalid proxy"] = function()
      return pipeline.client("us", { proxy = "gopher://x" }), "https://us.posthog.com"
    end,
    ["a closed client"] = function()
      local client = pipeline.client("us")
      client:close()
      return client, "https://us.posthog.com"
    end,
    ["a file of authorities that is not there"] = function()
      return pipeline.client("us", { ca_file = "/nowhere" }), "https://us.posthog.com"
    end,
  }

  for resource, methods in pairs(all_methods) do
    it("of " .. resource .. " is tested for every method", function()
      local class = getmetatable(llm.new()[resource]).__index
      for name, value in pairs(class) do
        if type(value) == "function" and name:sub(1, 1) ~= "_" then
          assert.is_truthy(methods[name], name .. " is missing here")
        end
      end
    end)

    for method in pairs(methods) do
      local call = resource .. ":" .. method
      for way, make in pairs(WAYS) do
        it(("of %s with %s names call and host"):format(call, way), function()
          local _, restore = pipeline.instant_sleep()
          local client, host = make()
          local err = error_of(client, resource, method)
          restore()
          names(err, call, host)
        end)
      end
    end
  end

  it("of a call without a project names call and host", function()
    local client = pipeline.client(e.url, { project_id = "mine" })
    for resource, methods in pairs(all_methods) do
      for method in pairs(resource ~= "spend" and methods or {}) do
        local err = error_of(client, resource, method)
        names(err, resource .. ":" .. method, e.url)
        assert.equal("project_id", err.option)
      end
    end
    local value, err = client:request("GET", "/api/projects/:project_id/x/")
    assert.is_nil(value)
    names(err, "request", e.url)
  end)

  it("of client:request names call and host", function()
    for _, make in pairs(WAYS) do
      e:reset()
      local _, restore = pipeline.instant_sleep()
      local client, host = make()
      local value, err = client:request("get", "/api/x/")
      restore()
      assert.is_nil(value)
      names(err, "request", host)
    end
  end)

  it("inside llm.gather is that of each call", function()
    local client = pipeline.client(e.url, { personal_api_key = "phx_wrong" })
    local _, failed = llm.gather({
      function()
        return client.skills:get("x")
      end,
      function()
        return client.dataset_items:list()
      end,
      function()
        return client:with({ host = "eu", personal_api_key = "" }).spend:get()
      end,
      function()
        for _ in client.datasets:each() do
          error("a row")
        end
      end,
    })
    names(failed[1], "skills:get", e.url)
    names(failed[2], "dataset_items:list", e.url)
    names(failed[3], "spend:get", "https://eu.posthog.com")
    -- PUC Lua 5.1 cannot yield in an iterator.
    if _VERSION ~= "Lua 5.1" or jit then
      names(failed[4], "datasets:each", e.url)
    end
  end)

  it("of pages that are read ahead names the iterator", function()
    local client = pipeline.client(e.url)
    for i = 1, 3 do
      assert(client.datasets:create({ name = "d" .. i }))
    end
    e:fault({ match = { path = "offset=2" }, action = { status = 400 } })
    local ok, err = pcall(function()
      for _ in client.datasets:each({ limit = 1, prefetch = 2 }) do
      end
    end)
    assert.is_false(ok)
    names(err, "datasets:each", e.url)
  end)

  it("of a write that may have happened names the write, not what reads it back", function()
    local client = pipeline.client(e.url, { max_retries = 1 })
    assert(client.skills:create({ name = "a", description = "d", body = "b" }))
    local _, restore = pipeline.instant_sleep()
    e:fault({ action = { status = 502 } })
    local value, err = client.skills:publish("a", { body = "c", base_version = 1 })
    restore()
    assert.is_nil(value)
    assert.is_true(err.ambiguous)
    names(err, "skills:publish", e.url)
  end)

  it("that a hook sees at a retry names the host", function()
    local _, restore = pipeline.instant_sleep()
    e:fault({ action = { status = 503, times = 1 } })
    local seen
    local client = pipeline.client(e.url, {
      on_retry = function(retry)
        seen = retry.error
      end,
    })
    assert(client.skills:list())
    restore()
    assert.equal(e.url, seen.host)
  end)

  it("of a tool is that of the call which failed in it", function()
    local client = pipeline.client(e.url, { personal_api_key = "phx_wrong" })
    local _, err = skill_folder.pull(client, "x", os.tmpname() .. ".d")
    names(err, "skills:resolve", e.url)
    _, err = dataset_file.export(client, "x", os.tmpname() .. ".csv")
    names(err, "datasets:list", e.url)
  end)

  it("of a tool itself names its function", function()
    local _, err = skill_folder.lint("/nowhere/at/all")
    assert.equal("skill_folder.lint", err.call)
    assert.is_nil(err.host)
    assert.equal("skill_folder.lint: file: ", tostring(err):sub(1, 25))
    local client = pipeline.client(e.url)
    _, err = skill_folder.push(client, "/nowhere/at/all")
    assert.equal("skill_folder.push", err.call)
    _, err = dataset_file.import(client, "x", "/nowhere.jsonl")
    assert.equal("dataset_file.import", err.call)
    assert.is_nil(err.host)
  end)

  it("of llm.json names neither call nor host", function()
    local _, err = llm.json.decode("{")
    assert.is_nil(err.call)
    assert.is_nil(err.host)
  end)
end)
