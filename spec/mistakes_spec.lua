-- Mistakes that users make before they have read anything.
local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local raises = pipeline.raises
local ECHO = "/__emulator/echo/"

describe("a mistake", function()
  local e, c

  setup(function()
    e = pipeline.emulator.start()
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
    c = pipeline.client(e.url)
  end)
  after_each(function()
    c:close()
  end)

  for what, f in pairs({
    ["client.skills"] = function()
      c.skills.list()
    end,
    ["client.skills "] = function()
      c.skills.get("x")
    end,
    ["client.datasets"] = function()
      c.datasets.list({ limit = 1 })
    end,
    ["client.dataset_items"] = function()
      c.dataset_items.create({ dataset = "x" })
    end,
    ["client.spend"] = function()
      c.spend.get()
    end,
  }) do
    it("such as a dot for a colon is named: " .. what, function()
      raises(f, what:gsub(" ", "") .. " with a colon")
      assert.same({}, e:log())
    end)
  end

  for _, name in ipairs({
    "Content-Length",
    "transfer-encoding",
    "Connection",
    "TE",
    "Trailer",
    "Upgrade",
    "Host",
  }) do
    it("in the header " .. name .. " cannot break the connection", function()
      raises(function()
        c.datasets:create({ name = "x" }, { headers = { [name] = "9" } })
      end, name .. " is set by the client")
      assert.same({}, e:log())
    end)
  end

  it("in a header's value is refused, but a tab is allowed", function()
    raises(function()
      c:request("GET", ECHO, { headers = { ["X-A"] = "a\1b" } })
    end, "control")
    assert.is_table(c:request("GET", ECHO, { headers = { ["X-A"] = "a\tb" } }))
  end)

  it("in the path of a request is refused, however it is written", function()
    raises(function()
      c:request("GET", "/api/%2e%2E/x/")
    end, "dot segment")
    raises(function()
      c:request("GET", ECHO .. "?a=1&personal_api_key=phx_1")
    end, "URL")
    local message = raises(function()
      c:request("GET", "/a\r\nb")
    end, "percent-encoded")
    assert.is_nil(message:find("[\r\n]"))
    assert.same({}, e:log())
  end)

  it("that puts a key where something else belongs does not print it", function()
    for _, options in ipairs({ { project_id = "phx_secret" }, { host = "phx_secret" } }) do
      local _, err = c:with(options).datasets:list()
      assert.equal("invalid", err.kind)
      assert.matches("looks like a key", tostring(err))
      assert.is_nil(tostring(err):find("secret", 1, true))
    end
  end)

  it("in the proxy does not print its password", function()
    local _, err = c:with({ proxy = "sock5://bob:hunter2@127.0.0.1:1" }).datasets:list()
    assert.equal("invalid", err.kind)
    assert.matches("socks5", err.message)
    assert.is_nil(tostring(err):find("hunter2", 1, true))
  end)

  it("is distinguished from a network failure if it is in the host", function()
    local _, err = c:with({ host = "https://posthög.example" }).datasets:list()
    assert.equal("invalid", err.kind)
    assert.matches("ASCII", err.message)
  end)

  it("in the host that leads to a page of HTML is named", function()
    e:fault({
      action = {
        status = 200,
        body = "<html>log in</html>",
        headers = { ["Content-Type"] = "text/html" },
      },
    })
    local _, err = c.datasets:list()
    assert.equal("decode", err.kind)
    assert.matches("text/html, not JSON: is it the right host", err.message)
    assert.equal("<html>log in</html>", err.body)
  end)

  it("returns an error that can be joined with text", function()
    local _, err = c.datasets:get("unknown")
    assert.equal("failed: " .. tostring(err), "failed: " .. err)
    assert.equal(tostring(err) .. "!", err .. "!")
  end)

  it(
    "in the network is reported by a call whose rate limit leaves no time for another attempt",
    function()
      local paced = llm.new({
        host = "http://127.0.0.1:1",
        personal_api_key = "phx_x",
        project_id = 1,
        pace = { per_minute = 1 },
        deadline = 20,
      })
      local _, err = paced.datasets:list()
      assert.equal("network", err.kind)
      assert.is_true(err.retry_after > 0)
      paced:close()
    end
  )
end)
