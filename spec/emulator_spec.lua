local cjson = require("cjson")

local emulator = require("spec.emulator")
local expect = require("spec.emulator.expect")

local t = expect.session({ tls = true })
local call, get, send, must, envelope, invalid =
  t.call, t.get, t.send, t.must, t.envelope, t.invalid
local contains = expect.contains

local P = "/api/projects/112358"
local E = "/api/environments/112358"
local UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"

describe("the emulator", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  describe("for every endpoint", function()
    it("asks for a key, and says which of the two things is wrong with it", function()
      for _, case in ipairs({
        { "not_authenticated", { key = false } },
        {
          "not_authenticated",
          { key = false, headers = { "Authorization: bearer phx_emulator_all" } },
        },
        { "authentication_failed", { key = "phx_wrong" } },
        { "authentication_failed", { key = "phc_project_key" } },
      }) do
        local answer = get(P .. "/datasets/", case[2])
        envelope(answer, 401, "authentication_error", case[1])
        assert.truthy(answer.headers["www-authenticate"])
      end
    end)

    it("knows scopes, projects and keys confined to a project", function()
      for _, case in ipairs({
        { 403, "permission_denied", P .. "/datasets/", "phx_emulator_none" },
        { 403, "permission_denied", P .. "/datasets/", "phx_emulator_skills" },
        { 403, "permission_denied", P .. "/datasets/", "phx_emulator_elsewhere" },
        { 403, "permission_denied", "/api/projects/314159/datasets/", "phx_emulator_all" },
        { 404, "not_found", "/api/projects/1/datasets/", "phx_emulator_all" },
        { 404, "not_found", "/api/projects/x/datasets/", "phx_emulator_all" },
        { 404, "not_found", P .. "/nothing/", "phx_emulator_all" },
        { 404, "not_found", "/api//projects/112358/datasets/", "phx_emulator_all" },
      }) do
        local kind = case[1] == 403 and "authentication_error" or "invalid_request"
        envelope(get(case[3], { key = case[4] }), case[1], kind, case[2])
      end
      local refused = send("POST", P .. "/datasets/", { name = "x" }, { key = "phx_emulator_read" })
      envelope(refused, 403, "authentication_error", "permission_denied")
      contains("'dataset:write'", refused.json.detail)
      must(200, "GET", P .. "/datasets/", nil, { key = "phx_emulator_read" })
      must(200, "GET", P .. "/datasets/", nil, { key = "phx_emulator_datasets" })
      must(200, "GET", "/api/projects/271828/datasets/", nil, { key = "phx_emulator_elsewhere" })
      must(200, "GET", "/api/projects/@current/datasets/", nil, { key = "phx_emulator_elsewhere" })
    end)

    it("responds below both prefixes and a path prefix, with and without the last slash", function()
      local name = t.e:seed({ skills = 1 }).skills[1]
      for _, prefix in ipairs({ "", "/posthog" }) do
        for _, start in ipairs({ P, E, "/api/projects/@current" }) do
          for _, rest in ipairs({ "/datasets/", "/dataset_items", "/llm_skills/name/" .. name }) do
            must(200, "GET", prefix .. start .. rest)
          end
        end
      end
      must(201, "POST", E .. "/datasets", { name = "no slash" })
      must(404, "GET", "/other" .. P .. "/datasets/")
    end)

    it("refuses other methods, Accept headers and content types", function()
      local answer = get(P .. "/llm_skills/name/x/files-rename/")
      envelope(answer, 405, "invalid_request", "method_not_allowed")
      assert.equal("POST, OPTIONS", answer.headers.allow)
      envelope(
        call("DELETE", P .. "/llm_skills/name/x/files/"),
        405,
        "invalid_request",
        "method_not_allowed"
      )
      envelope(
        get(P .. "/datasets/", { headers = { "Accept: application/zip" } }),
        406,
        "invalid_request",
        "not_acceptable"
      )
      must(
        200,
        "GET",
        P .. "/datasets/",
        nil,
        { headers = { "Accept: text/x, application/json;q=0.1" } }
      )
      envelope(
        send(
          "POST",
          P .. "/datasets/",
          '{"name":"x"}',
          { headers = { "Content-Type: text/plain" } }
        ),
        415,
        "invalid_request",
        "unsupported_media_type"
      )
      assert.same({}, t.e:state().projects["112358"].datasets)
      local form = must(
        201,
        "POST",
        P .. "/datasets/",
        "name=a+b%26&x=1",
        { headers = { "Content-Type: application/x-www-form-urlencoded" } }
      )
      assert.equal("a b&", form.name)
    end)

    it("refuses what is not strict JSON, as parse_error", function()
      for _, body in ipairs({
        "name=x",
        "{",
        '{"name":}',
        '{"name":"x",}',
        '{"name":NaN}',
        "{'a':1}",
        '{"a":01}',
        '{"a":1.}',
        '{"a":"\n"}',
        '{"a":"\\x"}',
        '{"a":"\255"}',
        '{"name":"x"} 1',
        "\239\187\191{}",
      }) do
        envelope(send("POST", P .. "/datasets/", body), 400, "invalid_request", "parse_error")
      end
      invalid(send("POST", P .. "/datasets/", "[]"), "invalid_input")
    end)

    it("checks in the order key, scope, throttle, method, input, row", function()
      t.e:settings({ rate_limit = 1, rate_window = 30 })
      envelope(
        send("GET", P .. "/datasets/", nil, { key = "phx_wrong" }),
        401,
        "authentication_error",
        "authentication_failed"
      )
      envelope(
        send("PATCH", P .. "/datasets/x/", "{", { key = "phx_emulator_read" }),
        403,
        "authentication_error",
        "permission_denied"
      )
      must(200, "GET", P .. "/datasets/")
      envelope(send("POST", P .. "/datasets/x/", "{"), 429, "throttled_error", "throttled")
      t.e:settings({ rate_limit = 0 })
      envelope(send("POST", P .. "/datasets/x/", "{"), 405, "invalid_request", "method_not_allowed")
      invalid(send("PATCH", P .. "/datasets/" .. UNKNOWN_ID .. "/", { name = "" }), "blank", "name")
      envelope(
        send("PATCH", P .. "/datasets/" .. UNKNOWN_ID .. "/", { name = "x" }),
        404,
        "invalid_request",
        "not_found"
      )
    end)

    it("throttles when asked to, and does not count refused calls", function()
      t.e:settings({ rate_limit = 2, rate_window = 30 })
      must(200, "GET", P .. "/datasets/")
      must(200, "GET", P .. "/datasets/")
      local _, answer = must(429, "GET", P .. "/datasets/")
      local seconds = tonumber(answer.headers["retry-after"])
      assert.truthy(seconds >= 28 and seconds <= 30)
      contains(("Expected available in %d seconds."):format(seconds), answer.json.detail)
      must(200, "GET", P .. "/datasets/", nil, { key = "phx_emulator_read" })
      must(200, "GET", "/api/llm_analytics/@me/spend/?product=posthog_code")
      t.e:settings({ retry_after = false })
      _, answer = must(429, "GET", P .. "/datasets/")
      assert.is_nil(answer.headers["retry-after"])
    end)

    it("names each response by a request id of its own", function()
      local first, second = get("/api/x/"), get(P .. "/datasets/")
      assert.truthy(first.headers["x-request-id"])
      assert.not_equal(first.headers["x-request-id"], second.headers["x-request-id"])
    end)

    it("responds to HEAD as to GET, without a body", function()
      local _, whole = must(200, "GET", P .. "/datasets/")
      local head = call("HEAD", P .. "/datasets/")
      assert.same({ 200, "" }, { head.status, head.body })
      assert.equal(whole.headers["content-length"], head.headers["content-length"])
    end)
  end)

  describe("in its data", function()
    it("writes fractions of a second only when there are any", function()
      t.e:settings({ clock = "2026-03-14T07:26:53Z", clock_step = 0.25 })
      local row = must(201, "POST", P .. "/datasets/", { name = "x" })
      assert.same(
        { "2026-03-14T07:26:53Z", "2026-03-14T07:26:53.250000Z" },
        { row.created_at, row.updated_at }
      )
    end)

    it("names the owner of the key, null for an account that is gone", function()
      local body = { name = "x" }
      local _, li = must(201, "POST", P .. "/datasets/", body, { key = "phx_emulator_li" })
      contains('"created_by":{"id":9007199254740993,', li.body)
      local row = must(201, "POST", P .. "/datasets/", body, { key = "phx_emulator_gone" })
      assert.equal(cjson.null, row.created_by)
    end)
  end)

  describe("on the wire", function()
    it("speaks TLS with HTTP/2 and HTTP/1.1, trusted by its own CA only", function()
      local answer = get(P .. "/datasets/", { tls = true })
      assert.same({ 200, "2" }, { answer.status, answer.version })
      assert.equal("1.1", get(P .. "/datasets/", { tls = true, arguments = "--http1.1" }).version)
      local refused = get(P .. "/datasets/", { tls = true, arguments = "--cacert /dev/null" })
      assert.equal(0, refused.status)
      local page = must(200, "GET", P .. "/datasets/?offset=1", nil, { tls = true })
      assert.equal(t.e.tls_url .. P .. "/datasets/?limit=100", page.previous)
    end)

    it("compresses large bodies when asked to", function()
      local target = "/api/llm_analytics/@me/spend/?product=posthog_code"
      local answer = get(target, { arguments = "--compressed" })
      assert.equal("gzip", answer.headers["content-encoding"])
      assert.equal(get(target).body, answer.body)
    end)

    it("keeps a connection open for the next call", function()
      get("/__emulator/echo", { arguments = t.e.url .. "/__emulator/echo" })
      local log = t.e:log()
      assert.equal(2, #log)
      assert.equal(log[1].connection, log[2].connection)
    end)

    it("logs requests byte for byte", function()
      local body = '{"name":"\195\164","a":"\\u0000\127","b":"' .. ("x"):rep(300000) .. '"}'
      must(201, "POST", P .. "/datasets?a=%2f&b=c+d", body, { headers = { "X-Odd_Name:  v" } })
      must(200, "GET", P .. "/datasets/", nil, { tls = true, headers = { "X-Case: Kept" } })
      local log = t.e:log()
      assert.equal(2, #log)
      local first, second = log[1], log[2]
      assert.same(
        { 1, "POST", P .. "/datasets?a=%2f&b=c+d", false, "1.1", 201 },
        { first.n, first.method, first.target, first.tls, first.http, first.status }
      )
      assert.truthy(first.body == body)
      contains("POST " .. P .. "/datasets?a=%2f&b=c+d HTTP/1.1\r\n", first.raw_header)
      contains("\r\nAuthorization: Bearer phx_emulator_all\r\nX-Odd_Name:  v\r\n", first.raw_header)
      assert.same(
        { 2, "", "2", "Kept" },
        { second.n, second.body, second.http, second.headers["x-case"] }
      )
      contains("TLSv1.", second.tls)
      assert.equal(1, #t.e:log(1))
      local lines = 0
      for line in io.lines(t.e.log_file) do
        lines = lines + 1
        assert.truthy(cjson.decode(line).body == log[lines].body)
      end
      assert.equal(2, lines)
    end)

    it("logs requests that never reach a handler", function()
      assert.equal(413, send("POST", P .. "/datasets/", ("x"):rep(20 * 1024 * 1024 + 1)).status)
      assert.equal(400, get("/%00").status)
      local log = t.e:log()
      assert.same({ 413, 400 }, { log[1].status, log[2].status })
    end)

    it("can show the ways in which the environments prefix goes away", function()
      t.e:settings({ environments = "deprecated" })
      local _, warned = must(200, "GET", E .. "/llm_skills/?a=b")
      assert.same(
        { "true", "<" .. P .. '/llm_skills/?a=b>; rel="successor-version"' },
        { warned.headers.deprecation, warned.headers.link }
      )
      assert.is_nil(get(P .. "/llm_skills/").headers.deprecation)
      t.e:settings({ environments = "absent" })
      envelope(get(E .. "/llm_skills/"), 404, "invalid_request", "not_found")
      t.e:settings({ environments = "redirect" })
      local answer = send("POST", E .. "/llm_skills/?a=b", "{}")
      assert.same({ 307, P .. "/llm_skills/?a=b" }, { answer.status, answer.headers.location })
    end)
  end)

  it("refuses settings that it does not know", function()
    assert.error_matches(function()
      t.e:settings({ nonsense = 1 })
    end, "nonsense")
    assert.error_matches(function()
      t.e:settings({ clock = "noon" })
    end, "clock")
  end)

  it("reports which requests have written something", function()
    must(201, "POST", P .. "/datasets/", { name = "x" })
    must(200, "GET", P .. "/datasets/")
    must(400, "POST", P .. "/datasets/", { name = "" })
    local applied = {}
    for i, entry in ipairs(t.e:log()) do
      applied[i] = entry.applied
    end
    assert.same({ true, false, false }, applied)
  end)

  describe("has helper routes that", function()
    it("echo, count bytes and hold hundreds of slow requests at once", function()
      local echo = send("POST", "/__emulator/echo?x=%20", "body", { headers = { "X-A: b" } }).json
      assert.same(
        { "POST", "/__emulator/echo?x=%20", "body", "b" },
        { echo.method, echo.target, echo.body, echo.headers["X-A"] }
      )
      assert.equal(5000, #get("/__emulator/bytes?n=5000").body)
      local pipe = io.popen(
        "curl -q -sS --no-progress-meter --noproxy '*' --parallel "
          .. "--parallel-max 300 -o /dev/null -w '%{http_code} %{time_total}\\n' '"
          .. t.e.url
          .. "/__emulator/slow?ms=1000&i=[1-300]'"
      )
      local count, slowest = 0, 0
      for line in pipe:lines() do
        local status, seconds = line:match("^(%d+) ([%d.]+)$")
        if status == "200" then
          count, slowest = count + 1, math.max(slowest, tonumber(seconds))
        end
      end
      pipe:close()
      assert.equal(300, count)
      assert.truthy(slowest < 30) -- one by one: 300
    end)
  end)
end)

describe("the launcher of the emulator", function()
  it("says what is wrong with its arguments", function()
    assert.error_matches(function()
      emulator.start({ profile = "nope" })
    end, "no profile 'nope'; there are: .*reference")
  end)

  it("names all missing programs and modules at once", function()
    local bin = os.tmpname()
    os.remove(bin)
    local run = "mkdir BIN && for p in cat cut dirname id sed; do"
      .. " ln -s $(command -v $p) BIN/; done;"
      .. " PATH=BIN /bin/sh spec/emulator/start --tls 2>&1; rm -r BIN"
    local pipe = io.popen((run:gsub("BIN", bin)))
    local said = pipe:read("*a")
    pipe:close()
    contains("curl is missing (package curl), openssl is missing (package openssl)", said)
  end)

  it("takes a port of the caller's choice, or says that it is taken", function()
    local first = emulator.start()
    local port = tonumber(first.url:match("%d+$"))
    local ok, err = pcall(emulator.start, { port = port })
    first:stop()
    assert.is_false(ok)
    contains(("port %d is taken"):format(port), err)
    local second = emulator.start({ port = port })
    assert.equal(first.url, second.url)
    second:stop()
    second:stop()
    assert.error_matches(function()
      second:log()
    end, "stopped")
  end)

  it("leaves nothing behind when its parent dies", function()
    local pipe = io.popen("sh -c 'sh spec/emulator/start --parent $$'")
    local prefix = pipe:read("*a"):match("prefix=([^\n]*)")
    pipe:close()
    local waited = os.execute(
      "for i in $(seq 400); do [ -e '" .. prefix .. "' ] || exit 0; sleep 0.05; done; exit 1"
    )
    assert.truthy(waited == true or waited == 0)
  end)
end)
