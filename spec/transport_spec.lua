-- What can go wrong between a client and its server, and what the caller is
-- told.

local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local seen = pipeline.seen
local LIST = "/api/projects/112358/datasets/"

describe("a call", function()
  local e, other, c
  local naps, restore

  setup(function()
    e = pipeline.emulator.start({ tls = true })
    other = pipeline.emulator.start({ tls = true })
  end)
  teardown(function()
    e:stop()
    other:stop()
  end)
  before_each(function()
    e:reset()
    other:reset()
    c = pipeline.client(e.url)
    naps, restore = pipeline.instant_sleep()
  end)
  after_each(function()
    restore()
    c:close()
  end)

  local function fails(kind, value, err, response)
    assert.is_nil(value)
    assert.is_true(llm.is_error(err))
    assert.equal(kind, err.kind, tostring(err))
    assert.is_truthy(err.message:find("%S"))
    assert.is_nil(tostring(err):find("\n", 1, true))
    return err, response
  end

  describe("over TLS", function()
    it("sends nothing to a server whose CA is not trusted", function()
      local tls = pipeline.client(e.tls_url)
      local err, response = fails("tls", tls.datasets:create({ name = "x" }))
      assert.is_nil(response)
      assert.is_nil(err.ambiguous)
      assert.is_nil(err.status)
      assert.same({}, e:log())
      tls:close()
    end)

    it("trusts only the CA in ca_file", function()
      local wrong = pipeline.client(e.tls_url, { ca_file = other.ca_file })
      local err = fails("tls", wrong.datasets:list())
      assert.equal(1, err.attempts) -- another try would end the same way
      local right = wrong:with({ ca_file = e.ca_file })
      assert.is_truthy(right.datasets:list())
      fails("tls", wrong.datasets:list()) -- the trusted connection is not lent
      assert.equal(1, #e:log())
      wrong:close()
      right:close()
    end)

    it("says which CA bundle it cannot read", function()
      local tls = pipeline.client(e.tls_url, { ca_file = "/nowhere/ca.pem" })
      local err = fails("tls", tls.datasets:list())
      assert.is_truthy(err.message:find("/nowhere/ca.pem", 1, true), err.message)
      assert.same({}, e:log())
      tls:close()
    end)

    it("does not take plain HTTP for TLS", function()
      local tls = pipeline.client(e.url:gsub("^http:", "https:"), { max_retries = 0 })
      fails("tls", tls.datasets:list())
      tls:close()
    end)
  end)

  it("without a response says at which step it failed", function()
    local plain = e.url:gsub("^http:", "https:")
    for _, case in ipairs({
      { "connect", "http://127.0.0.1:1" },
      { "name_lookup", "https://posthog.invalid" },
      { "tls", plain },
      { "certificate", e.tls_url },
      { "proxy", e.tls_url, { proxy = e.url } }, -- which knows no CONNECT
      { "proxy", e.tls_url, { proxy = "http://proxy.invalid:1" } },
      { "connect", e.tls_url, { proxy = "http://127.0.0.1:1" } },
    }) do
      local options = case[3] or {}
      options.max_retries = 0
      local client = pipeline.client(case[2], options)
      local _, err, response = client.datasets:list()
      assert.equal(case[1], err.stage, tostring(err))
      assert.is_nil(response)
      client:close()
    end
    e:fault({ action = { close = true } })
    local _, err = c.datasets:list({ max_retries = 0 })
    assert.equal("network", err.kind)
    assert.is_nil(err.stage)
    e:faults({ { action = { delay = 9 } } })
    _, err = c.datasets:list({ max_retries = 0, timeout = 1 })
    assert.equal("timeout", err.kind)
    assert.is_nil(err.stage)
  end)

  describe("that is redirected", function()
    local function redirect(status, location, more)
      local action = { status = status, headers = { Location = location } }
      for name, value in pairs(more or {}) do
        action[name] = value
      end
      e:fault({ action = action })
    end

    for _, status in ipairs({ 301, 302, 303, 307, 308 }) do
      it("follows a GET on the same origin (" .. status .. ")", function()
        local locations = {
          LIST .. "?limit=5",
          e.url .. LIST .. "?limit=5",
          "?limit=5",
          "../datasets/?limit=5",
          e.url:gsub("^http:", "") .. LIST .. "?limit=5#fragment",
        }
        local faults, expected = {}, {}
        for i, location in ipairs(locations) do
          faults[i] = {
            match = { path = "/datasets/$" },
            action = { status = status, headers = { Location = location }, times = 1 },
          }
        end
        e:faults(faults)
        for _ = 1, #locations do
          local page, err, response = c.datasets:list()
          assert.is_nil(err)
          assert.equal(0, page.count)
          assert.equal(e.url .. LIST .. "?limit=5", response.url)
          assert.equal(1, response.attempts)
          expected[#expected + 1] = "GET " .. LIST
          expected[#expected + 1] = "GET " .. LIST .. "?limit=5"
        end
        assert.same(expected, seen(e))
        assert.equal("Bearer " .. pipeline.KEY, pipeline.header(e:log()[2], "Authorization"))
      end)
    end

    for _, status in ipairs({ 307, 308 }) do
      it("keeps method and body on the same origin (" .. status .. ")", function()
        redirect(status, LIST .. "?again=1", { times = 1 })
        local made = assert(c.datasets:create({ name = "kept" }))
        assert.equal("kept", made.name)
        local log = e:log()
        assert.equal(2, #log)
        assert.equal("POST", log[2].method)
        assert.equal('{"name":"kept"}', log[2].body)
        assert.equal("application/json", pipeline.header(log[2], "Content-Type"))
      end)
    end

    for _, status in ipairs({ 301, 302, 303 }) do
      it("never turns a write into a GET (" .. status .. ")", function()
        redirect(status, LIST)
        for _, method in ipairs({ "POST", "PATCH", "DELETE", "PUT" }) do
          local err = fails("redirect", c:request(method, LIST, { json = { name = "x" } }))
          assert.equal(status, err.status)
          assert.is_truthy(err.message:find(e.url .. LIST, 1, true), err.message)
          assert.is_truthy(err.message:find(method, 1, true), err.message)
        end
        assert.equal(4, #e:log())
      end)
    end

    it("follows five redirects and no more", function()
      redirect(302, LIST, { times = 5 })
      assert.is_truthy(c.datasets:list())
      assert.equal(6, #e:log())
      e:reset()
      redirect(302, LIST)
      local err, response = fails("redirect", c.datasets:list())
      assert.equal(302, err.status)
      assert.equal(302, response.status)
      assert.equal(6, #e:log())
      assert.is_truthy(err.message:find(LIST, 1, true), err.message)
    end)

    it("never goes to another origin, and never sends the key there", function()
      local port = e.url:match(":(%d+)$")
      local locations = {
        other.url .. LIST,
        other.tls_url .. LIST,
        e.tls_url .. LIST,
        other.url:gsub("^http:", "") .. LIST,
        "http://localhost:" .. port .. LIST,
        "https://127.0.0.1:" .. port .. LIST,
        "http://127.0.0.1:" .. port .. "@" .. other.url:gsub("^http://", "") .. LIST,
        "ftp://127.0.0.1:" .. port .. "/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://127.0.0.1:" .. port .. "\\@evil/",
      }
      local faults = {}
      for _, location in ipairs(locations) do
        for _, status in ipairs({ 302, 307, 308 }) do
          faults[#faults + 1] = {
            action = { status = status, times = 2, headers = { Location = location } },
          }
        end
      end
      e:faults(faults)
      for _ = 1, #faults do
        for _, method in ipairs({ "GET", "POST" }) do
          local err = fails("redirect", c:request(method, LIST, { json = { name = "x" } }))
          assert.equal(1, err.attempts)
          assert.is_truthy(err.message:find("not followed", 1, true), err.message)
        end
      end
      assert.equal(#locations * 6, #e:log())
      for _, entry in ipairs(e:log()) do
        assert.is_false(entry.tls)
      end
      assert.same({}, other:log())
    end)

    it("names the target, without a password in it", function()
      redirect(302, "http://me:hunter2@127.0.0.1/login?next=%2F")
      local err = fails("redirect", c.datasets:list())
      assert.is_truthy(err.message:find("http://127.0.0.1/login?next=%2F", 1, true), err.message)
      assert.is_nil(tostring(err):find("hunter2", 1, true))
      redirect(302, e.url:gsub("//", "//me:hunter2@") .. LIST)
      err = fails("redirect", c.datasets:list())
      assert.is_nil(tostring(err):find("hunter2", 1, true))
      redirect(302, "https://login.example/" .. ("x"):rep(9000))
      err = fails("redirect", c:with({ max_excerpt_bytes = 100 }).datasets:list())
      assert.is_true(#err.message < 300)
      assert.matches("... (cut, max_excerpt_bytes), not followed", err.message, 1, true)
    end)

    it("says so when there is no usable target", function()
      for _, status in ipairs({ 302, 304, 300 }) do
        e:fault({ action = { status = status } })
        local err = fails("redirect", c.datasets:list())
        assert.equal(status, err.status)
        assert.is_truthy(err.message:find(tostring(status), 1, true), err.message)
      end
      redirect(302, "")
      fails("redirect", c.datasets:list())
      redirect(302, "http://")
      fails("redirect", c.datasets:list())
    end)

    it("shows how the EU cloud sends spend to another host", function()
      e:settings({ spend = "redirect", spend_redirect = other.url })
      local err = fails("redirect", c.spend:get())
      assert.is_truthy(err.message:find(other.url, 1, true), err.message)
      assert.same({}, other:log())
    end)
  end)

  describe("without a usable response", function()
    it("names a server that cannot be reached, after three attempts", function()
      local nobody = pipeline.client("http://127.0.0.1:1")
      local err, response = fails("network", nobody.datasets:create({ name = "x" }))
      assert.is_nil(response)
      assert.equal(3, err.attempts)
      assert.is_nil(err.ambiguous) -- nothing was sent
      assert.matches("127%.0%.0%.1", err.message)
      assert.is_true(naps.total() >= 0.75)
      nobody:close()
    end)

    it("names a host that is unknown", function()
      local nobody = pipeline.client("https://posthog.invalid", { max_retries = 0 })
      local err = fails("network", nobody.datasets:list())
      assert.is_truthy(err.message:find("posthog.invalid", 1, true), err.message)
      nobody:close()
    end)

    it("is repeated when it only reads, and the connection was closed on it", function()
      e:fault({ action = { close = "before", times = 2 } })
      local page, err, response = c.datasets:list()
      assert.is_nil(err)
      assert.equal(0, page.count)
      assert.equal(3, response.attempts)
      assert.equal(3, #e:log())
    end)

    for _, close in ipairs({ "before", "after" }) do
      it("is not repeated when it writes: closed " .. close .. " the write", function()
        e:fault({ action = { close = close } })
        local err = fails("network", c.datasets:create({ name = "x" }))
        assert.equal(1, err.attempts)
        assert.is_true(err.ambiguous)
        assert.matches("may or may not", tostring(err))
        assert.equal(1, #e:log())
        e:faults({})
        assert.equal(close == "after" and 1 or 0, c.datasets:list().count)
      end)
    end

    it("fails when the body ends too early", function()
      e:fault({ action = { truncate = 10 } })
      local err = fails("network", c.datasets:list())
      assert.equal(3, err.attempts)
      assert.is_nil(err.ambiguous)
    end)

    it("fails when the server does not speak HTTP", function()
      e:fault({ action = { raw = "SSH-2.0-OpenSSH_9.2\r\n" } })
      fails("network", c.datasets:list())
    end)
  end)

  describe("whose response is not what was asked for", function()
    for name, case in pairs({
      ["a login page"] = { "<html>Sign in</html>", "<html>Sign in</html>" },
      ["half a text"] = { '{"count": 1, "results": [', '{"count": 1, "results": [' },
      ["nothing"] = { "", nil },
      ["a zero byte"] = { "\0{}", "?{}" },
    }) do
      it("returns an error of kind decode, and is not repeated: " .. name, function()
        e:fault({ action = { status = 200, body = case[1] } })
        local err, response = fails("decode", c.datasets:list())
        assert.equal(200, err.status)
        assert.equal(200, response.status)
        assert.equal(case[2], err.body)
        assert.equal(1, err.attempts)
        assert.equal(1, #e:log())
      end)
    end

    it("reports at which byte the text stops being JSON", function()
      e:fault({ action = { status = 200, body = '{"results": nonsense}' } })
      local err = fails("decode", c.datasets:list())
      assert.equal(13, err.position)
    end)

    it("says what is missing in JSON of another shape", function()
      for body, words in pairs({
        ["[]"] = "an array",
        ["null"] = "null",
        ['"x"'] = "a string",
        ["{}"] = "results",
        ['{"results": 5}'] = "results",
      }) do
        e:fault({ action = { status = 200, body = body } })
        local err = fails("decode", c.datasets:list())
        assert.is_truthy(err.message:find(words, 1, true), err.message)
      end
    end)

    it("shows only the start of a long body", function()
      e:fault({ action = { status = 502, body = "<html>" .. ("x"):rep(100000) } })
      local err = fails("server", c.datasets:list())
      assert.is_true(#err.body <= 4096)
      assert.equal("<html>xxx", err.body:sub(1, 9))
    end)

    it("is ambiguous for a write, not for a read", function()
      e:fault({ action = { status = 200, body = "<html>" } })
      assert.is_true(fails("decode", c.datasets:create({ name = "x" })).ambiguous)
      assert.is_nil(fails("decode", c.datasets:list()).ambiguous)
    end)
  end)

  describe("over the limit of bytes", function()
    it("returns an error of kind too_large, and is not repeated", function()
      local small = c:with({ max_response_bytes = 1000 })
      assert.is_truthy(small:request("GET", "/__emulator/echo/"))
      local err = fails("too_large", small:request("GET", "/__emulator/bytes?n=100000"))
      assert.is_truthy(err.message:find("1000 bytes", 1, true), err.message)
      assert.equal(1, err.attempts)
      assert.equal(2, #e:log())
      e:fault({ action = { chunked = true, status = 200, body = ("x"):rep(5000) } })
      fails("too_large", small.datasets:list())
      assert.is_true(fails("too_large", small.datasets:create({ name = "x" })).ambiguous)
      small:close()
    end)

    it("counts the bytes after decompression", function()
      e:fault({ action = { status = 200, body = '{"results":[' .. (" "):rep(200000) .. "]}" } })
      local err, response =
        fails("too_large", c:with({ max_response_bytes = 20000 }).datasets:list())
      assert.is_nil(response)
      assert.is_truthy(err.message:find("20000", 1, true))
      assert.is_truthy(c:with({ max_response_bytes = 300000 }).datasets:list())
    end)
  end)

  describe("that takes too long", function()
    it("ends after the time for an attempt, and is repeated when it only reads", function()
      e:fault({ action = { delay = 9, times = 1 } })
      local page, err, response = c.datasets:list({ timeout = 1.5 })
      assert.is_nil(err)
      assert.is_truthy(page)
      assert.equal(2, response.attempts)
    end)

    it("does not repeat a write, which may have happened", function()
      e:fault({ action = { delay = 9 } })
      local err = fails("timeout", c.datasets:create({ name = "late" }, { timeout = 1 }))
      assert.is_true(err.ambiguous)
      assert.equal(1, err.attempts)
      assert.is_nil(err.message:find("deadline", 1, true))
      assert.equal("timeout", err.option)
      assert.equal(1, #e:log())
      e:faults({})
      assert.equal(1, c.datasets:list().count)
    end)

    it("says so when the deadline ends it, and is not repeated", function()
      e:fault({ action = { delay = 9 } })
      local err = fails("timeout", c.datasets:list({ deadline = 1 }))
      assert.is_truthy(err.message:find("deadline", 1, true), err.message)
      assert.equal("deadline", err.option)
      assert.equal(1, err.attempts)
      assert.equal(1, #e:log())
    end)

    it("waits for a free connection until the deadline", function()
      local one = pipeline.client(e.url, { max_connections = 1, max_retries = 0 })
      local _, errors = llm.gather({
        function()
          return one:request("GET", "/__emulator/slow?ms=3000")
        end,
        function()
          return one:request("POST", "/__emulator/echo/late", { deadline = 0.5 })
        end,
      })
      assert.is_nil(errors[1])
      assert.equal("timeout", errors[2].kind)
      assert.is_nil(errors[2].ambiguous) -- it never left
      assert.same({ "GET /__emulator/slow?ms=3000" }, seen(e))
      one:close()
    end)
  end)

  it("fails without being sent when hooks used up its time", function()
    local slow = c:with({
      on_request = function()
        local t = require("posthog.llm.core").now() + 0.02
        while require("posthog.llm.core").now() < t do
        end
      end,
    })
    local err = fails("timeout", slow.datasets:create({ name = "x" }, { deadline = 0.01 }))
    assert.equal(0, err.attempts)
    assert.is_nil(err.ambiguous)
    assert.same({}, e:log())
    slow:close()
  end)
end)
