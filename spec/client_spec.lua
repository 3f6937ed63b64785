local cjson = require("cjson.safe")
local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local raises, seen = pipeline.raises, pipeline.seen
local ECHO = "/__emulator/echo/"

describe("a client", function()
  local e, c

  setup(function()
    e = pipeline.emulator.start({ tls = true })
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

  describe("asked for any endpoint", function()
    it("sends the key, the user agent and what it accepts, and no body with a GET", function()
      local value, err, response = c:request("GET", ECHO)
      assert.is_nil(err)
      assert.equal("GET", value.method)
      assert.equal(200, response.status)
      local entry = e:log()[1]
      assert.equal("Bearer " .. pipeline.KEY, pipeline.header(entry, "Authorization"))
      assert.equal("application/json", pipeline.header(entry, "Accept"))
      assert.matches("^posthog%-llm/", pipeline.header(entry, "User-Agent"))
      for _, name in ipairs({ "Content-Type", "Content-Length", "Expect", "Cookie" }) do
        assert.is_nil(pipeline.header(entry, name))
      end
    end)

    it("sends each method as it is, in upper case", function()
      for _, method in ipairs({ "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "delete" }) do
        local value = assert(c:request(method, ECHO))
        assert.equal(method:upper(), value.method)
        assert.equal(method:upper(), e:log()[1].method)
        e:reset()
      end
    end)

    it("encodes query parameters, sorted by name", function()
      local value = assert(c:request("GET", ECHO, {
        query = {
          text = "a b&c=d/é+%",
          int = 5.0,
          negative = -3,
          float = 0.25,
          flag = false,
          list = { "x,y", "z" },
          ["odd name"] = "",
        },
      }))
      assert.equal(
        ECHO
          .. "?flag=false&float=0.25&int=5&list=x%2Cy,z&negative=-3&odd%20name=&"
          .. "text=a%20b%26c%3Dd%2F%C3%A9%2B%25",
        value.target
      )
    end)

    it("appends the parameters to a query in the path", function()
      c:request("GET", ECHO .. "?a=%2F", { query = { b = 1 } })
      c:request("GET", ECHO .. "?", { query = {} })
      assert.same({ "GET " .. ECHO .. "?a=%2F&b=1", "GET " .. ECHO }, seen(e))
    end)

    it("encodes the option json as the body", function()
      for _, case in ipairs({
        { { a = llm.array({}), b = llm.null }, { '{"a":[],"b":null}', '{"b":null,"a":[]}' } },
        { {}, { "{}" } },
        { llm.null, { "null" } },
        { false, { "false" } },
        { "é", { '"é"' } },
      }) do
        e:reset()
        assert(c:request("POST", ECHO, { json = case[1] }))
        local entry = e:log()[1]
        assert.is_true(entry.body == case[2][1] or entry.body == case[2][2], entry.body)
        assert.equal("application/json", pipeline.header(entry, "Content-Type"))
        assert.equal(tostring(#entry.body), pipeline.header(entry, "Content-Length"))
      end
    end)

    it("returns what cannot be encoded as an error, and sends nothing", function()
      local value, err, response = c:request("POST", ECHO, { json = { a = { 1, print } } })
      assert.is_nil(value)
      assert.equal("invalid", err.kind)
      assert.equal("a[2]", err.path)
      assert.matches("a%[2%]", tostring(err))
      assert.equal(0, err.attempts)
      assert.is_nil(err.ambiguous)
      assert.is_nil(response)
      assert.same({}, e:log())
    end)

    it("sends the caller's headers instead of its own", function()
      assert(c:request("GET", ECHO, {
        headers = { Accept = "*/*", ["x-number"] = 5, ["X-Empty"] = "" },
      }))
      local entry = e:log()[1]
      assert.equal("*/*", pipeline.header(entry, "Accept"))
      assert.equal("5", pipeline.header(entry, "X-Number"))
      assert.equal("", pipeline.header(entry, "X-Empty"))
      local _, times = entry.raw_header:lower():gsub("\naccept:", "")
      assert.equal(1, times)
      assert(c:request("GET", ECHO))
      assert.is_nil(pipeline.header(e:log()[2], "X-Number"))
    end)

    it("returns true for a 204 and for HEAD, and an error for an empty 200", function()
      e:fault({ match = { method = "DELETE" }, action = { status = 204 } })
      assert.is_true(c:request("DELETE", "/api/projects/:project_id/datasets/"))
      local value, err, response = c:request("HEAD", ECHO)
      assert.is_true(value)
      assert.is_nil(err)
      assert.equal(200, response.status)
      e:fault({ action = { status = 200 } })
      value, err = c:request("GET", "/api/projects/:project_id/datasets/")
      assert.is_nil(value)
      assert.equal("decode", err.kind)
      assert.equal(200, err.status)
    end)

    it("returns an error, not true, for a HEAD that fails", function()
      local value, err = c:request("HEAD", "/api/projects/:project_id/nothing/")
      assert.is_nil(value)
      assert.equal("not_found", err.kind)
    end)

    it("obeys the limits that are given for one call", function()
      local value, err =
        c:request("GET", "/__emulator/slow?ms=9000", { timeout = 0.05, max_retries = 0 })
      assert.is_nil(value)
      assert.equal("timeout", err.kind)
      assert.equal(1, err.attempts)
    end)

    for name, case in pairs({
      ["no method"] = { { nil, ECHO }, "method: string expected" },
      ["another method"] = { { "FETCH", ECHO }, "FETCH" },
      ["no path"] = { { "GET" }, "path: string expected" },
      ["a path without a slash"] = { { "GET", "api/" }, "does not begin with a slash" },
      ["a whole URL"] = { { "GET", "https://posthog.example/" }, "does not begin with a slash" },
      ["a dot segment"] = { { "GET", "/a/../b" }, "dot segment" },
      ["a dot segment at the end"] = { { "GET", "/a/.." }, "dot segment" },
      ["another host's path"] = { { "GET", "//posthog.example/" }, "empty segment" },
      ["a space in the path"] = { { "GET", "/a b" }, "percent-encoded" },
      ["a newline in the path"] = { { "GET", "/a\r\nHost: b" }, "percent-encoded" },
      ["a fragment"] = { { "GET", "/a#b" }, "percent-encoded" },
      ["an umlaut in the path"] = { { "GET", "/ä" }, "percent-encoded" },
      ["options of another type"] = { { "GET", "/", 5 }, "options: table expected" },
      ["an unknown option"] = { { "GET", "/", { body = "x" } }, 'unknown option "body"' },
      ["a query of another type"] = { { "GET", "/", { query = "a=b" } }, "query: table expected" },
      ["a query with a table"] = { { "GET", "/", { query = { a = { b = 1 } } } }, "query.a" },
      ["a query with null"] = { { "GET", "/", { query = { a = llm.null } } }, "got null" },
      ["a query that is not finite"] = { { "GET", "/", { query = { a = 1 / 0 } } }, "query.a" },
      ["a key in the query"] = { { "GET", "/", { query = { personal_api_key = "x" } } }, "URL" },
      ["a header with a newline"] = {
        { "GET", "/", { headers = { A = "b\r\nC: d" } } },
        "line break",
      },
      ["a header's name with a colon"] = {
        { "GET", "/", { headers = { ["A:"] = "b" } } },
        "not a header name",
      },
      ["a header that is a table"] = {
        { "GET", "/", { headers = { A = {} } } },
        "string expected",
      },
      ["the key's own header"] = {
        { "GET", "/", { headers = { authorization = "x" } } },
        "set by the client",
      },
      ["a flag that is not a boolean"] = { { "GET", "/", { idempotent = 1 } }, "idempotent" },
      ["a body with HEAD"] = { { "HEAD", "/", { json = {} } }, "no body" },
      ["a negative timeout"] = { { "GET", "/", { timeout = -1 } }, "timeout: a positive number" },
    }) do
      it("raises at the caller's line for " .. name .. ", and sends nothing", function()
        local args = case[1]
        raises(function()
          c:request(args[1], args[2], args[3])
        end, case[2])
        assert.same({}, e:log())
      end)
    end

    it("says so when a method is called with a dot", function()
      raises(function()
        c.request("GET", ECHO)
      end, "colon")
      raises(function()
        c.close()
      end, "colon")
      raises(function()
        c.with({})
      end, "colon")
    end)
  end)

  describe("made by client:with", function()
    it("has the changed options, and leaves the original client as it is", function()
      local other = c:with({ project_id = 271828, user_agent_suffix = "other" })
      local third = other:with({ user_agent_suffix = "third" })
      other.datasets:list()
      c.datasets:list()
      third.datasets:list()
      assert.same({
        "GET /api/projects/271828/datasets/",
        "GET /api/projects/112358/datasets/",
        "GET /api/projects/271828/datasets/",
      }, seen(e))
      local log = e:log()
      assert.matches(" other$", pipeline.header(log[1], "User-Agent"))
      assert.matches("^posthog%-llm/[%d.]+$", pipeline.header(log[2], "User-Agent"))
      assert.matches(" third$", pipeline.header(log[3], "User-Agent"))
    end)

    it("shares connections with the original client, and with no other", function()
      local other = c:with({ timeout = 7 })
      local stranger = pipeline.client(e.url)
      c.datasets:list()
      other.datasets:list()
      stranger.datasets:list()
      c:close()
      other.datasets:list()
      other:close()
      stranger:close()
      local log = e:log()
      assert.equal(log[1].connection, log[2].connection)
      assert.not_equal(log[1].connection, log[3].connection)
      assert.equal(log[1].connection, log[4].connection)
    end)

    it("raises at the caller's line for an unknown option", function()
      raises(function()
        c:with({ retries = 5 })
      end, 'unknown option "retries"')
    end)
  end)

  describe("that is closed", function()
    it("returns an error of kind cancelled for each later call, and sends nothing", function()
      local other = c:with({})
      c:close()
      c:close()
      for _, call in ipairs({
        function()
          return c.datasets:list()
        end,
        function()
          return c.skills:get("x")
        end,
        function()
          return c.spend:get()
        end,
        function()
          return c:request("POST", ECHO, { json = {} })
        end,
      }) do
        local value, err = call()
        assert.is_nil(value)
        assert.equal("cancelled", err.kind)
        assert.is_nil(err.ambiguous)
      end
      assert.same({}, e:log())
      assert.is_truthy(other.datasets:list())
      other:close()
    end)

    it("closes the connections with the last one that shares them", function()
      local other = c:with({})
      c.datasets:list()
      c:close()
      assert.is_truthy(other.datasets:list())
      local log = e:log() -- the server may still count connections of tests before
      assert.equal(log[1].connection, log[2].connection)
      local open = e:state().connections
      other:close()
      for _ = 1, 100 do -- the server takes a moment to notice
        if e:state().connections < open then
          break
        end
        llm.sleep(0.05)
      end
      assert.is_true(e:state().connections < open)
    end)

    it("can still make a new client by client:with", function()
      c:close()
      local other = c:with({ project_id = 271828 })
      assert.is_truthy(other.datasets:list())
      other:close()
    end)

    it("ends its own calls in flight, and no others", function()
      local other = c:with({})
      local values, errors = llm.gather({
        function()
          return c:request("GET", "/__emulator/slow?ms=20000")
        end,
        function()
          return c:request("POST", "/__emulator/slow?ms=20000")
        end,
        function()
          return other:request("GET", "/__emulator/slow?ms=3000")
        end,
        function()
          llm.sleep(1) -- by then they are in flight
          c:close()
          return true
        end,
      })
      assert.equal("cancelled", errors[1].kind)
      assert.is_nil(errors[1].ambiguous)
      assert.equal("cancelled", errors[2].kind)
      assert.is_true(errors[2].ambiguous)
      assert.matches("closed", errors[2].message)
      assert.is_nil(errors[3])
      assert.is_truthy(values[3])
      assert.is_true(values[4])
      other:close()
    end)

    it("ends a call that waits for its next attempt", function()
      e:fault({ action = { status = 429, headers = { ["Retry-After"] = "50" } } })
      local _, errors = llm.gather({
        function()
          return c.datasets:create({ name = "x" })
        end,
        function()
          llm.sleep(1) -- by then the first attempt has failed
          c:close()
        end,
      })
      assert.equal("cancelled", errors[1].kind)
      assert.equal(1, errors[1].attempts)
      assert.is_nil(errors[1].ambiguous) -- a 429 did nothing
      assert.equal(1, #e:log())
    end)

    it("may be closed by a hook, which ends that call", function()
      local closing
      closing = pipeline.client(e.url, {
        on_request = function()
          closing:close()
        end,
      })
      local value, err = closing.datasets:list()
      assert.is_nil(value)
      assert.equal("cancelled", err.kind)
      assert.same({}, e:log())
    end)
  end)

  describe("with hooks", function()
    it("shows them each request and response, redirects and retries included", function()
      local _, restore = pipeline.instant_sleep()
      local path = "/api/projects/112358/datasets/"
      e:faults({
        { action = { status = 307, headers = { Location = path .. "?moved=1" }, times = 1 } },
        { action = { status = 503, headers = { ["X-Request-Id"] = "r-1" }, times = 1 } },
      })
      local events = {}
      local function note(name)
        return function(event)
          events[#events + 1] = { name, event }
        end
      end
      local hooked = c:with({
        on_request = note("request"),
        on_response = note("response"),
        on_retry = note("retry"),
      })
      assert(hooked.datasets:list({ limit = 3 }))
      restore()
      local names = {}
      for i, event in ipairs(events) do
        names[i] = event[1] .. " " .. tostring(event[2].attempt)
      end
      assert.same({
        "request 1",
        "response 1",
        "request 1",
        "response 1",
        "retry 1",
        "request 2",
        "response 2",
      }, names)
      assert.equal("GET", events[1][2].method)
      assert.equal(e.url .. path .. "?limit=3", events[1][2].url)
      assert.equal(e.url .. path .. "?moved=1", events[3][2].url)
      assert.equal(e.url .. path .. "?limit=3", events[6][2].url)
      assert.equal("application/json", events[1][2].headers.accept)
      assert.is_nil(events[1][2].headers.authorization)
      assert.same(
        { 307, 503, 200 },
        { events[2][2].status, events[4][2].status, events[7][2].status }
      )
      assert.equal("r-1", events[4][2].headers["X-REQUEST-id"])
      local retry = events[5][2]
      assert.equal("server", retry.error.kind)
      assert.equal(503, retry.error.status)
      assert.equal(1, retry.error.attempts)
      assert.equal("r-1", retry.error.request_id)
      assert.is_true(retry.delay >= 0.25 and retry.delay <= 0.5)
    end)

    it("hands them copies, and ignores what they return", function()
      local hooked = c:with({
        on_request = function(request)
          request.url, request.method, request.headers.accept = "http://evil/", "DELETE", "x"
          return "http://evil/"
        end,
        on_response = function(answer)
          answer.status, answer.headers["content-type"] = 500, nil
          return false
        end,
      })
      local _, err, response = hooked.datasets:list()
      assert.is_nil(err)
      assert.equal(200, response.status)
      assert.equal("application/json", response.headers["Content-Type"])
      assert.same({ "GET /api/projects/112358/datasets/" }, seen(e))
      assert.equal("application/json", pipeline.header(e:log()[1], "Accept"))
    end)

    for _, name in ipairs({ "on_request", "on_response", "on_retry" }) do
      it("passes an error in " .. name .. " on to the caller, and keeps working", function()
        e:fault({ action = { status = 503, times = 1 } })
        local problem = {}
        local hooked = c:with({
          [name] = function()
            error(problem)
          end,
        })
        local ok, raised = pcall(function()
          return hooked.datasets:list()
        end)
        assert.is_false(ok)
        assert.equal(problem, raised)
        assert.equal(name == "on_request" and 0 or 1, #e:log())
        e:faults({})
        assert.is_truthy(c.datasets:list())
        hooked:close()
      end)
    end
  end)

  describe("gives a response that", function()
    it("has status, attempts, URL, and times that add up", function()
      local _, err, response = c.datasets:list({ search = "a b" })
      assert.is_nil(err)
      assert.equal(200, response.status)
      assert.equal(1, response.attempts)
      assert.equal("1.1", response.http_version)
      assert.equal(e.url .. "/api/projects/112358/datasets/?search=a%20b", response.url)
      local t = response.timings
      assert.is_true(t.name_lookup >= 0 and t.connect >= 0 and t.tls >= 0)
      assert.is_true(t.first_byte > 0 and t.total >= t.first_byte)
    end)

    it("has headers in any case, repeated ones joined", function()
      e:fault({
        action = {
          raw = "HTTP/1.1 200 OK\r\nX-One: a\r\nx-one:  b \r\nX-ONE:\r\n"
            .. "X-Request-ID: r-7\r\nX-Empty:\r\nContent-Length: 14\r\n\r\n"
            .. '{"results":[]}',
        },
      })
      local _, err, response = c.datasets:list()
      assert.is_nil(err)
      local headers = response.headers
      for _, name in ipairs({ "x-one", "X-One", "X-ONE" }) do
        assert.equal("a, b, ", headers[name])
      end
      assert.equal("", headers["x-empty"])
      assert.is_nil(headers["X-Absent"])
      assert.is_nil(headers[1])
      assert.equal("r-7", response.request_id)
    end)

    it("comes with errors too, and both name the request", function()
      for _, name in ipairs({ "X-Request-Id", "CF-Ray" }) do
        e:fault({
          action = {
            raw = "HTTP/1.1 404 Not Found\r\nContent-Length: 17\r\n"
              .. name
              .. ': r-9\r\n\r\n{"detail":"gone"}',
          },
        })
        local _, err, response = c.datasets:list()
        assert.equal(404, response.status)
        assert.equal("r-9", err.request_id)
        assert.equal("r-9", response.request_id)
        assert.matches("request r%-9", tostring(err))
      end
    end)

    it("names HTTP/2 over TLS, where one connection carries many calls", function()
      local tls = pipeline.client(e.tls_url, { ca_file = e.ca_file })
      local _, errors = llm.gather({
        function()
          local page, err, response = tls.datasets:list()
          assert(response.http_version == "2")
          return page, err
        end,
        function()
          return tls.datasets:list()
        end,
        function()
          return tls.datasets:list()
        end,
      })
      assert.is_nil(errors)
      local log = e:log()
      assert.equal(3, #log)
      for _, entry in ipairs(log) do
        assert.matches("^TLS", entry.tls)
        assert.equal("2", entry.http)
        assert.equal(log[1].connection, entry.connection)
      end
      tls:close()
    end)
  end)

  describe("with a codec of the caller's", function()
    it("decodes and encodes by it, and drops null from fields of the API", function()
      local used = {}
      local codec = {
        decode = function(text)
          used.decode = text
          return cjson.decode(text)
        end,
        encode = function(value)
          used.encode = value
          return cjson.encode(value)
        end,
      }
      local own = pipeline.client(e.url, { json = codec })
      local made = assert(
        own.datasets:create({ name = "n", description = llm.null, metadata = { a = llm.null } })
      )
      assert.matches('"name"', used.decode)
      assert.equal("n", used.encode.name)
      assert.is_nil(made.description)
      assert.equal(llm.null, made.metadata.a)
      local keeping = own:with({ json = cjson, keep_null = true })
      assert.equal(llm.null, assert(keeping.datasets:get(made.id)).description)
      own:close()
      keeping:close()
    end)

    it("reports what the codec cannot do, whether it returns or raises", function()
      for _, codec in ipairs({ cjson, require("cjson").new() }) do
        e:reset()
        local own = pipeline.client(e.url, { json = codec, max_retries = 0 })
        local value, err = own:request("POST", ECHO, { json = print })
        assert.is_nil(value)
        assert.equal("invalid", err.kind)
        assert.same({}, e:log())
        e:fault({ action = { body = "<html>" } })
        value, err = own.datasets:list()
        assert.is_nil(value)
        assert.equal("decode", err.kind)
        assert.equal("<html>", err.body)
        own:close()
      end
    end)
  end)

  it("shows only its host when printed", function()
    assert.equal(("posthog.llm.Client (%s)"):format(e.url), tostring(c))
    assert.equal("posthog.llm.Client (no host)", tostring(pipeline.client("nonsense")))
  end)
end)
