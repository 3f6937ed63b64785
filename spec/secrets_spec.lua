-- The key appears in nothing that a program can print, log or walk through.

local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local KEY = pipeline.KEY
local LIST = "/api/projects/112358/datasets/"

--- Every string that can be reached by fields, keys and metatables, functions
--- and what they close over left out, with the way to it.
local function strings_in(root)
  local found, seen = {}, {}
  local function walk(value, way)
    if type(value) == "string" then
      found[#found + 1] = { text = value, way = way }
      return
    end
    if (type(value) == "table" or type(value) == "userdata") and not seen[value] then
      seen[value] = true
      found[#found + 1] = { text = tostring(value), way = "tostring(" .. way .. ")" }
      local mt = getmetatable(value)
      if type(mt) == "table" then
        walk(mt, way .. "<metatable>")
      end
      if type(value) == "table" then
        for name, field in pairs(value) do
          walk(name, way .. "<a key>")
          walk(field, way .. "." .. tostring(name))
        end
      end
    end
  end
  walk(root, "it")
  return found
end

--- @return integer strings how many there were to look at
local function holds_no_key(root, what, key)
  local found = strings_in(root)
  for _, entry in ipairs(found) do
    if entry.text:find(key or KEY, 1, true) then
      error(("%s: the key is in %s: %s"):format(what, entry.way, entry.text), 2)
    end
  end
  return #found
end

--- The same for a list of values that a call returned.
local function hides(what, ...)
  local strings = 0
  for i = 1, select("#", ...) do
    strings = strings + holds_no_key((select(i, ...)), what .. ", result " .. i)
  end
  assert(strings > 0, what .. " gave nothing to look at")
  return ...
end

describe("the API key", function()
  local e, c, events
  local restore

  setup(function()
    e = pipeline.emulator.start({ tls = true })
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    local _
    e:reset()
    _, restore = pipeline.instant_sleep()
    events = {}
    local function note(event)
      events[#events + 1] = event
    end
    c = pipeline.client(e.url, { on_request = note, on_response = note, on_retry = note })
  end)
  after_each(function()
    restore()
    hides("the hooks", events)
    c:close()
  end)

  local function fails(kind, what, value, err, response)
    assert.is_nil(value)
    assert.equal(kind, err.kind, what .. ": " .. tostring(err))
    hides(what, err, response)
    return err, response
  end

  it("is found by this search if present", function()
    assert.is_false(pcall(hides, "x", { a = { [setmetatable({}, { b = KEY })] = 1 } }))
    assert.is_false(pcall(hides, "x", { ["a" .. KEY .. "b"] = 1 }))
    assert.is_false(pcall(
      hides,
      "x",
      setmetatable({}, {
        __tostring = function()
          return KEY
        end,
      })
    ))
  end)

  it("is not in a client, its resources or the module", function()
    c.datasets:list()
    hides("the client", c)
    hides("a client made by with", c:with({ personal_api_key = KEY .. "x" }))
    hides("skills", c.skills)
    hides("the module", llm)
    assert.is_truthy(e:log()[1].raw_header:find(KEY, 1, true)) -- yet it was sent
  end)

  it("is not in values and responses", function()
    local made = hides("create", c.datasets:create({ name = "x", metadata = { a = 1 } }))
    hides("list", c.datasets:list({ search = "x" }))
    hides("get", c.datasets:get(made.id))
    hides("spend", c.spend:get())
  end)

  it("is not in errors of any status", function()
    for _, status in ipairs({ 302, 400, 401, 403, 404, 409, 413, 418, 429, 500, 503 }) do
      e:fault({ action = { status = status } })
      local value, err, response = c.datasets:list()
      assert.is_nil(value)
      hides("status " .. status, err, response)
    end
  end)

  it("is not in errors of any other kind", function()
    e:fault({ action = { status = 200, body = "<html>" } })
    fails("decode", "decode", c.datasets:list())
    e:fault({ action = { close = "before" } })
    fails("network", "network", c.datasets:list())
    e:fault({ action = { delay = 1 } })
    fails("timeout", "timeout", c.datasets:list({ timeout = 0.02, max_retries = 0 }))
    e:faults({})
    fails(
      "too_large",
      "too_large",
      c:with({ max_response_bytes = 1000 }):request("GET", "/__emulator/bytes?n=5000")
    )
    fails("invalid", "invalid", c.datasets:create({ name = print }))
    fails("tls", "tls", c:with({ host = e.tls_url }).datasets:list())
    fails("network", "proxy", c:with({ proxy = "http://127.0.0.1:1" }).datasets:list())
    fails("auth", "auth", c:with({ personal_api_key = KEY .. "\n" }).datasets:list())
    fails("auth", "auth", c:with({ personal_api_key = "phc_" .. KEY }).datasets:list())
    fails("invalid", "project", c:with({ project_id = "x" }).datasets:list())
    local closed = c:with({})
    closed:close()
    fails("cancelled", "cancelled", closed.datasets:list())
  end)

  it("is not in what misuse raises", function()
    for what, misuse in pairs({
      ["a key for options"] = function()
        llm.new(KEY)
      end,
      ["a key for a client"] = function()
        c.close(KEY)
      end,
      ["a key in a host"] = function()
        llm.new({ host = "https://" .. KEY .. "@h" })
      end,
      ["a key in a list"] = function()
        llm.new({ personal_api_key = { KEY } })
      end,
      ["a key in its own header"] = function()
        c.datasets:list({ headers = { Authorization = "Bearer " .. KEY } })
      end,
      ["a key in a query"] = function()
        c:request("GET", "/", { query = { token = KEY } })
      end,
      ["a key in an invalid header"] = function()
        c:request("GET", "/", { headers = { ["X-Key"] = KEY .. "\n" } })
      end,
    }) do
      local ok, message = pcall(misuse)
      assert.is_false(ok, what)
      hides(what, message)
    end
  end)

  describe("that a server sends back is redacted", function()
    local echoed = '{"detail":"Bad key '
      .. KEY
      .. " and "
      .. KEY
      .. '.","attr":"'
      .. KEY
      .. '","code":"'
      .. KEY
      .. '","type":"'
      .. KEY
      .. '","file_path":"/'
      .. KEY
      .. '/","current_item_id":"'
      .. KEY
      .. '","'
      .. KEY
      .. '":{"'
      .. KEY
      .. KEY
      .. '":["'
      .. KEY
      .. '",["a'
      .. KEY
      .. '"]]},"escaped":"'
      .. KEY:gsub("x", "\\u0078")
      .. '"}'

    it("in each field of an error, JSON keys included", function()
      for _, status in ipairs({ 400, 401, 403, 404, 409, 429, 500 }) do
        e:fault({ action = { status = status, body = echoed } })
        local _, err, response = c.datasets:list({ max_retries = 1 })
        hides("status " .. status, err, response)
        assert.equal("Bad key [key] and [key].", err.detail)
        assert.equal("[key]", err.body.escaped)
        assert.equal("[key]", err.body["[key]"]["[key][key]"][1])
      end
    end)

    it("in a body that is not JSON", function()
      e:fault({ action = { status = 500, body = "<p>Authorization: Bearer " .. KEY .. "</p>" } })
      local err = fails("server", "html", c.datasets:list())
      assert.equal("<p>Authorization: Bearer [key]</p>", err.body)
      e:fault({ action = { status = 200, body = "<p>" .. KEY .. "</p>" } })
      fails("decode", "html with 200", c.datasets:list())
      e:fault({ action = { status = 200, body = '{"key": "' .. KEY .. '"}' } })
      fails("decode", "JSON of another shape", c.datasets:list())
      e:fault({ action = { status = 200, body = '{"results": [' .. KEY .. "]}" } })
      fails("decode", "half JSON", c.datasets:list())
    end)

    it("also where the excerpt of the body ends inside it", function()
      for cut = 1, #KEY do
        e:fault({ action = { status = 500, body = ("."):rep(2048 - cut) .. KEY .. "rest" } })
        local err = fails("server", "cut after " .. cut, c.datasets:list({ max_retries = 0 }))
        assert.is_nil(err.body:find(KEY:sub(1, 4), 1, true))
        assert.equal("...", err.body:sub(1, 3))
      end
    end)

    it("in headers, of responses and errors, and in their names", function()
      for _, status in ipairs({ 200, 404 }) do
        e:fault({
          action = {
            raw = (
              "HTTP/1.1 %d X\r\nX-Echo: Bearer %s\r\nX-%s: 1\r\n"
              .. "X-Request-Id: %s\r\nX-Twice: %s\r\nX-Twice: %s\r\nContent-Length: 14\r\n\r\n"
              .. '{"results":[]}'
            ):format(status, KEY, KEY, KEY, KEY, KEY),
          },
        })
        local value, err, response = c.datasets:list()
        assert.equal(status == 200, value ~= nil)
        hides("headers", err, response)
        assert.equal("Bearer [key]", response.headers["X-Echo"])
        assert.equal("[key], [key]", response.headers["X-Twice"])
        assert.equal("[key]", response.request_id)
      end
    end)

    it("in the target of a redirect, followed or not", function()
      e:fault({
        action = {
          status = 302,
          times = 1,
          headers = { Location = LIST .. "?was=" .. KEY },
        },
      })
      local page, err, response = c.datasets:list()
      assert.is_nil(err)
      assert.is_truthy(page)
      hides("followed", response)
      assert.equal(e.url .. LIST .. "?was=[key]", response.url)
      e:fault({ action = { status = 302, headers = { Location = "https://h.example/" .. KEY } } })
      err = fails("redirect", "refused", c.datasets:list())
      assert.is_truthy(err.message:find("https://h.example/[key]", 1, true), err.message)
    end)

    it("where it is percent-encoded in a URL", function()
      local odd = "old/key+1"
      local noted = {}
      local own = c:with({
        personal_api_key = odd,
        on_request = function(request)
          noted[#noted + 1] = request
        end,
      })
      local _, _, response = own:request("GET", "/__emulator/echo", { query = { q = odd } })
      assert.equal(200, response.status)
      holds_no_key(noted, "the hook", "old%2Fkey%2B1")
      holds_no_key(response, "the response", "old%2Fkey%2B1")
    end)
  end)

  describe("that a server sends back escaped is redacted", function()
    --- The key with some of its characters in another form.
    local function escaped(form, every)
      local n = 0
      return (
        KEY:gsub(".", function(letter)
          n = n + 1
          return n % every == 0 and form:format(letter:byte()) or letter
        end)
      )
    end

    local FORMS = { "%%%02X", "%%%02x", "\\u%04x", "\\x%02X", "&#%d;", "&#x%x;", "&#0%d;" }

    --- Neither the key nor a form of it, whole or in part.
    local function shows_nothing(text)
      assert.is_nil(text:find("phx_", 1, true), text)
      assert.is_nil(text:find("emulator_all", 1, true), text)
      assert.is_nil(text:find("%%%d"), text)
      assert.is_nil(text:find("\\[ux]%x"), text)
      assert.is_nil(text:find("&#"), text)
    end

    it("in a body that is not JSON, and in words inside JSON", function()
      for _, form in ipairs(FORMS) do
        for every = 1, 3 do
          local text = escaped(form, every)
          e:fault({ action = { status = 500, body = "<p>" .. text .. "</p>" } })
          local err = fails("server", form, c.datasets:list({ max_retries = 0 }))
          assert.equal("<p>[key]</p>", err.body)
          e:fault({
            action = {
              status = 400,
              body = '{"detail":"a ' .. text:gsub("\\", "\\\\") .. ' b","x":["' .. KEY .. '"]}',
            },
          })
          err = fails("invalid", form, c.datasets:list())
          assert.equal("a [key] b", err.detail)
          assert.equal("a [key] b", err.message)
        end
      end
    end)

    it("in JSON that breaks off", function()
      for _, form in ipairs({ "\\u%04x", "\\u%04X" }) do
        e:fault({ action = { status = 200, body = '{"you sent":"' .. escaped(form, 2) .. '",' } })
        local err = fails("decode", form, c.datasets:list())
        assert.equal('{"you sent":"[key]",', err.body)
      end
    end)

    it("in headers and in the target of a redirect", function()
      for _, form in ipairs({ "%%%02X", "%%%02x", "\\u%04x" }) do
        for every = 1, 3 do
          local text = escaped(form, every)
          e:fault({ action = { status = 404, headers = { ["X-Echo"] = "?k=" .. text } } })
          local _, response = fails("not_found", form, c.datasets:list())
          assert.equal("?k=[key]", response.headers["X-Echo"])
        end
      end
      e:fault({
        action = {
          status = 302,
          headers = { Location = "https://h.example/?k=" .. escaped("%%%02X", 2) },
        },
      })
      local err, response = fails("redirect", "escaped", c.datasets:list())
      assert.matches("https://h.example/?k=[key],", err.message, 1, true)
      assert.equal("https://h.example/?k=[key]", response.headers.location)
    end)

    it("wherever an excerpt ends, in the middle of an escape too", function()
      for _, form in ipairs({ "%%%02X", "\\u%04x", "&#x%x;" }) do
        local text = escaped(form, 1)
        for cut = 1, #text, 5 do
          e:fault({ action = { status = 500, body = ("."):rep(100) .. text .. "rest" } })
          local own = c:with({ max_excerpt_bytes = 100 + cut })
          local err = fails("server", form, own.datasets:list({ max_retries = 0 }))
          shows_nothing(err.body)
          own:close()
        end
      end
    end)

    it("where the target of a redirect is cut", function()
      for cut = 18, 18 + #KEY do
        e:fault({ action = { status = 302, headers = { Location = "https://h.example/" .. KEY } } })
        local own = c:with({ max_excerpt_bytes = cut })
        shows_nothing(fails("redirect", "cut", own.datasets:list()).message)
        own:close()
      end
    end)

    it("where a message is cut", function()
      for cut = 8, 8 + #KEY do
        e:fault({ action = { status = 400, body = '{"detail":"Bad key ' .. KEY .. '."}' } })
        local own = c:with({ max_excerpt_bytes = cut })
        shows_nothing(fails("invalid", "cut", own.datasets:list()).message)
        own:close()
      end
    end)

    it("and nothing else is", function()
      for _, text in ipairs({
        "100% \\u00e9 &amp; &#; %zz %p",
        KEY:sub(1, -2),
        "%70hx",
        "\\",
        "%",
      }) do
        e:fault({ action = { status = 500, body = text } })
        assert.equal(text, fails("server", text, c.datasets:list({ max_retries = 0 })).body)
      end
    end)
  end)

  it("is not in any module of the library, whatever it has cached of a key", function()
    e:fault({ action = { status = 429, headers = { ["Retry-After"] = "1" }, times = 1 } })
    local own = c:with({
      pace = true,
      personal_api_key = function()
        return KEY
      end,
    })
    assert.is_truthy(own.datasets:list())
    local modules = 0
    for name, module in pairs(package.loaded) do
      if name:find("^posthog%.llm") and module ~= true then
        modules = modules + 1
        hides(name, { module })
      end
    end
    assert.is_true(modules > 15)
    own:close()
  end)

  describe("and the password of a proxy", function()
    local function env(proxy)
      return { https_proxy = proxy, SSL_CERT_FILE = e.ca_file }
    end
    local PROGRAM = [[
      local llm = require("posthog.llm")
      local client = llm.new({
        host = %q, personal_api_key = "phx_x", project_id = 1, max_retries = 0,
      })
      local _, err = client.datasets:list()
      print(err)
      for name, value in pairs(err) do print(name, value) end
      print(client)
    ]]

    it("are not shown, whether the proxy is wrong, gone or refuses", function()
      for proxy, words in pairs({
        ["http://me:hunter2@127.0.0.1:1"] = "network: ",
        ["me:hunter2@127.0.0.1:1"] = "network: ",
        ["http://me:hunter2@[bad"] = "the proxy is not a URL",
        ["http://me:hunter2@host:port"] = "the proxy is not a URL",
        ["http://me:hunter2@host:99999"] = "the proxy is not a URL",
        ["http://me:hunter2@"] = "the proxy is not a URL",
        ["http://me:hunt/er2@host:1"] = "percent-encoded",
        ["http://me:hunt#er2@host:1"] = "percent-encoded",
        ["gopher://me:hunter2@host:1"] = "the proxy's scheme",
        ["http://me:hunter2@proxy.invalid:1"] = "network: ",
        [e.url:gsub("//", "//me:hunter2@")] = "network: ", -- it knows no CONNECT
      }) do
        local said = pipeline.run(PROGRAM:format(e.tls_url), env(proxy))
        assert.matches(words, said, 1, true)
        assert.is_nil(said:find("hunt", 1, true), said)
        assert.is_nil(said:find("er2", 1, true), said)
        local own = c:with({ host = e.tls_url, proxy = proxy, max_retries = 0 })
        local _, err, response = own.datasets:list()
        holds_no_key({ err, response, own, tostring(own) }, proxy, "hunt")
        own:close()
      end
    end)
  end)

  it("is redacted in the caller's own headers before a hook sees them", function()
    c:request("GET", "/__emulator/echo", { headers = { ["X-Api-Key"] = KEY } })
    assert.equal("[key]", events[1].headers["x-api-key"])
    assert.is_truthy(pipeline.header(e:log()[1], "X-Api-Key") == KEY)
  end)

  it("of each attempt is redacted in what that attempt received", function()
    local calls = 0
    local own = c:with({
      personal_api_key = function()
        calls = calls + 1
        return calls == 1 and KEY or "phx_another"
      end,
    })
    e:faults({
      { action = { status = 503, body = '{"detail":"' .. KEY .. '"}', times = 1 } },
      { action = { status = 503, body = '{"detail":"phx_another"}', times = 1 } },
    })
    local err = fails("server", "two keys", own.datasets:list({ max_retries = 1 }))
    assert.equal("[key]", err.detail)
    assert.equal(2, err.attempts)
    assert.equal(2, calls)
    own:close()
  end)

  it("is left as it is in the data that a caller asked for", function()
    local made = assert(c.datasets:create({ name = "my key is " .. KEY }))
    assert.equal("my key is " .. KEY, made.name)
  end)
end)
