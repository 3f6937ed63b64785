--- posthog-llm doctor: what is wrong between this machine and PostHog, of names, ports, proxies and
--- certificates, and servers that are not PostHog's.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson.safe").new()
local command = require("spec.support.command")
local doctor_command = require("spec.support.doctor_command")
local uv = require("luv")

command.describe(busted, "posthog-llm doctor", function()
  local t = doctor_command.session()
  t.hook(busted)

  it("reports a port where nothing listens", function()
    t.finds(
      "connection",
      1,
      "127.0.0.1:1",
      "is the server running, on port 1",
      { POSTHOG_HOST = "http://127.0.0.1:1" }
    )
  end)

  it("reports a host name that is unknown", function()
    t.finds(
      "name_lookup",
      1,
      "posthog.invalid",
      "is it spelt right",
      { POSTHOG_HOST = "https://posthog.invalid" }
    )
  end)

  it("reports https to a port that speaks http, and http to one that speaks https", function()
    local port, tls_port = t.e.url:match("%d+$"), t.e.tls_url:match("%d+$")
    t.finds(
      "tls",
      1,
      "the port speaks plain http",
      "POSTHOG_HOST=http://127.0.0.1:" .. port,
      { POSTHOG_HOST = "https://127.0.0.1:" .. port }
    )
    t.finds(
      "tls",
      1,
      "the port speaks https",
      "POSTHOG_HOST=https://127.0.0.1:" .. tls_port,
      { POSTHOG_HOST = "http://127.0.0.1:" .. tls_port }
    )
    for _, entry in ipairs(t.e:log()) do -- another scheme is tried without the key
      assert.is_nil(cjson.encode(entry.headers):find(command.KEY, 1, true))
    end
  end)

  it("reports an untrusted certificate, one of another name, and a missing CA bundle", function()
    t.finds(
      "tls",
      1,
      "the certificate is not trusted",
      "SSL_CERT_FILE",
      { POSTHOG_HOST = t.e.tls_url }
    )
    t.finds("tls", 1, "the certificate is not trusted", "is it the right host", {
      POSTHOG_HOST = "https://other.example",
      SSL_CERT_FILE = t.us.ca_file,
      https_proxy = t.us.proxy,
    })
    t.finds(
      "tls",
      1,
      "/nowhere.pem",
      "SSL_CERT_FILE",
      { POSTHOG_HOST = t.e.tls_url, SSL_CERT_FILE = "/nowhere.pem" }
    )
    t.finds(
      "tls",
      1,
      "it has no certificate in PEM form",
      "SSL_CERT_FILE",
      { POSTHOG_HOST = t.e.tls_url, SSL_CERT_FILE = "README.md" }
    )
  end)

  it("reports a server that sends HTML, fails, redirects or sends nothing", function()
    local html = { ["Content-Type"] = "text/html; charset=utf-8" }
    for _, case in ipairs({
      { { status = 200, body = "<html>", headers = html }, "answers 200 with text/html", 1 },
      { { status = 404, body = "<html>", headers = html }, "answers 404 with text/html", 4 },
      { { status = 403, body = "<html>", headers = html }, "answers 403 with text/html", 5 },
      { { status = 502, body = "<html>", headers = html }, "the server answers 502", 1 },
      { { status = 302, headers = { Location = "https://login.example/" } }, "login.example", 1 },
      { { close = true }, "reply", 1 },
      { { raw = "SSH-2.0-OpenSSH_9.2\r\n" }, "does not speak HTTP", 1 },
    }) do
      t.e:reset()
      t.e:fault({ match = { path = "^/api/" }, action = case[1] })
      t.finds("server", case[3], case[2], "set POSTHOG_HOST")
    end
  end)

  it("reports a server that sends JSON, but is not PostHog", function()
    for _, body in ipairs({ "{}", "[]", "null", "true", '"ok"', '{"status":"ok"}', '{"label":1}' }) do
      t.e:reset()
      t.e:fault({
        match = { path = "^/api/" },
        action = { status = 200, body = body, headers = doctor_command.JSON },
      })
      t.finds(
        "server",
        1,
        "answers 200 with application/json, but not as PostHog",
        "set POSTHOG_HOST"
      )
    end
    for number, code in pairs({ [401] = 5, [403] = 5, [404] = 4 }) do
      t.e:reset()
      t.e:fault({
        match = { path = "^/api/" },
        action = { status = number, body = '{"error":"no route"}', headers = doctor_command.JSON },
      })
      t.finds("server", code, "but not as PostHog does", "set POSTHOG_HOST")
    end
    t.e:reset()
    t.e:fault({
      match = { path = "^/api/" },
      action = { status = 200, body = "", headers = doctor_command.JSON },
    })
    t.finds("server", 1, "answers 200 with nothing, not JSON", "set POSTHOG_HOST")
  end)

  it("says why a response is not PostHog's, as the errors of calls do", function()
    local text = { ["Content-Type"] = "text/plain" }
    for number, case in pairs({
      [401] = { 5, "something in front of the server, not PostHog's API, requires a", "a login" },
      [403] = { 5, "refused by a firewall or gateway", "may refuse a network, a VPN" },
      [429] = { 1, "too many requests", "try again later" },
      [503] = { 1, "the server is not available", "try again later" },
    }) do
      t.e:reset()
      t.e:fault({
        match = { path = "^/api/" },
        action = { status = number, body = "no", headers = text },
      })
      t.finds("server", case[1], case[2], case[3])
    end
  end)

  it("reports a single invalid list, by a gateway's rule or a server's mistake", function()
    for path, name in pairs({
      llm_skills = "skills_read",
      ["/datasets/"] = "datasets_read",
      spend = "spend_read",
    }) do
      for _, body in ipairs({ "<html>", "{}", "[]", "null", "" }) do
        t.e:reset()
        t.e:fault({
          match = { path = path },
          action = { status = 200, body = body, headers = doctor_command.JSON },
        })
        t.finds(name, 1, "the response", "does a proxy or gateway answer instead of the server?")
      end
    end
  end)

  it("reports a clock that is off by a day", function()
    for sign, words in pairs({ [1] = "behind", [-1] = "ahead of" }) do
      local date = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + sign * 86400)
      t.e:fault({ match = { path = "^/api/" }, action = { headers = { Date = date } } })
      t.finds("clock", 1, "this machine's clock is 1.0 days " .. words, "timedatectl set-ntp true")
    end
  end)

  it("reports a proxy that refuses, does not exist, has an unknown name or is invalid", function()
    local function through(proxy)
      return { POSTHOG_HOST = t.e.tls_url, SSL_CERT_FILE = t.e.ca_file, https_proxy = proxy }
    end
    t.finds("proxy", 1, "407", "fix or unset https_proxy", through(t.refusing.proxy))
    t.finds("proxy", 1, "127.0.0.1:1", "fix or unset https_proxy", through("http://127.0.0.1:1"))
    t.finds("proxy", 1, "proxy.invalid", "unset https_proxy", through("http://proxy.invalid:3128"))
    t.finds("proxy", 1, "the proxy's scheme", "unset https_proxy", through("gopher://127.0.0.1:1"))
    local excepted = through("http://127.0.0.1:1")
    excepted.no_proxy = "example.com,localhost"
    assert.same({}, t.failing(t.doctor(excepted)))
  end)

  it("reports a rate limit of the server that is reached", function()
    t.e:fault({
      match = { path = "llm_skills" },
      action = { status = 429, headers = { ["Retry-After"] = "17" } },
    })
    t.finds("pace", 1, "the server asks to wait 17 s", "wait")
  end)

  it("does not fail for a server without spend", function()
    t.e:settings({ spend = "absent" })
    local document = t.doctor()
    assert.same({}, t.failing(document))
    assert.equal("warn", (t.status(document, "spend_read")))
  end)

  it("reports a port that accepts a connection and sends nothing", function()
    local silent = uv.new_tcp() -- the system takes connections for it; nobody answers
    silent:bind("127.0.0.1", 0)
    silent:listen(16, function() end)
    local host = "https://127.0.0.1:" .. silent:getsockname().port
    local said = t.run({ "--json", "doctor" }, t.options({ POSTHOG_HOST = host }))
    silent:close()
    uv.run("nowait")
    local list = t.failing(assert(cjson.decode(said.out)))
    assert.equal(1, #list)
    assert.equal("tls", list[1].name)
    assert.equal("the port accepts the connection, but does not answer in TLS", list[1].message)
    assert.matches("is the port right? set POSTHOG_HOST", list[1].cure, 1, true)
  end)
end)
