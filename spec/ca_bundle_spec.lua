-- Whom the library talks to over TLS: real servers of openssl with
-- certificates that are wrong in one way each.

local pipeline = require("spec.pipeline")
local server = require("spec.ngx.server")
local unpack = unpack or table.unpack
local ca_bundle = require("posthog.llm.http.ca_bundle")

local output_of = server.output_of

--- A certificate signed by the emulator's authority, and a server that has it.
local MAKE = [[
  cd '%s' && cp '%s'/ca.* . && exec 2>openssl.log
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=%s' \
    -keyout server.key -out server.csr &&
  printf 'subjectAltName=%s\n' >server.ext && : >index &&
  printf '[ca]\ndefault_ca=c\n[c]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n%s' >ca.conf &&
  openssl ca -batch -config ca.conf -cert ca.pem -keyfile ca.key -rand_serial -md sha256 \
    -in server.csr -out server.pem -extfile server.ext -startdate %s -enddate %s
  echo $?
]]
local POLICY = "policy=p\\n[p]\\ncommonName=supplied\\n"

local START = [[
  cd '%s' && openssl s_server -accept 127.0.0.1:0 -cert server.pem -key server.key -www %s \
    >out 2>err </dev/null & echo $!
]]

describe("a client over TLS", function()
  local e
  local servers = {}

  setup(function()
    e = pipeline.emulator.start({ tls = true })
  end)
  teardown(function()
    for _, one in ipairs(servers) do
      output_of(("kill %s; rm -rf '%s'"):format(one.pid, one.dir))
    end
    e:stop()
  end)
  before_each(function()
    e:reset()
  end)

  --- @param options { name?: string, begins?: string, ends?: string, flags?: string }
  --- @return string port
  local function start(options)
    local dir = output_of('mktemp -d "${TMPDIR:-/tmp}/posthog-tls.XXXXXX"'):gsub("\n$", "")
    local name = options.name or "DNS:localhost,IP:127.0.0.1"
    local made = output_of(
      MAKE:format(
        dir,
        e.prefix,
        "localhost",
        name,
        POLICY,
        options.begins or "20200101000000Z",
        options.ends or "20491231235959Z"
      )
    )
    assert.equal("0\n", made, output_of(("cat '%s/openssl.log'"):format(dir)))
    local pid = output_of(START:format(dir, options.flags or "")):match("%d+")
    servers[#servers + 1] = { pid = pid, dir = dir }
    local port
    assert.is_true(
      server.eventually(10, function()
        port = output_of(("cat '%s/out'"):format(dir)):match("ACCEPT 127.0.0.1:(%d+)")
        return port ~= nil
      end),
      output_of(("cat '%s/err'"):format(dir))
    )
    return port
  end

  --- The error of a call, which is of kind tls, or nil when TLS was agreed upon:
  --- s_server answers by a page that is no JSON.
  local function refusal(port, options)
    local all = { ca_file = e.ca_file, max_retries = 0 }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    local c = pipeline.client("https://127.0.0.1:" .. port, all)
    local _, err = c.datasets:list()
    c:close()
    if err.kind ~= "tls" then
      assert.equal("decode", err.kind, tostring(err))
      return nil
    end
    return err
  end

  local function without_date(err)
    return (tostring(err):gsub("%d+%-%d+%-%d+ %d+:%d+", "DATE"))
  end

  it("talks to a server with a valid name, time and CA", function()
    assert.is_nil(refusal(start({})))
  end)

  it("refuses a certificate for another name", function()
    local port = start({ name = "DNS:posthog.example" })
    local err = refusal(port)
    assert.equal("host", err.option)
    assert.equal(
      (
        "datasets:list: tls: the certificate of 127.0.0.1:%s is for another name. "
        .. "Is the host spelt right? If it is, something answers in its place, such as a proxy"
      ):format(port),
      tostring(err)
    )
  end)

  it("refuses a certificate that has expired", function()
    local port = start({ ends = "20210101000000Z" })
    local words = "datasets:list: tls: the certificate of 127.0.0.1:%s has expired. "
      .. "Is the clock of this machine right? It says DATE UTC; "
      .. "if it is right, the server's operators have to renew the certificate"
    assert.equal(words:format(port), without_date(refusal(port)))
  end)

  it("refuses a certificate that is not valid yet", function()
    local port = start({ begins = "20480101000000Z" })
    local words = "datasets:list: tls: the certificate of 127.0.0.1:%s is not valid yet. "
      .. "Is the clock of this machine right? It says DATE UTC"
    assert.equal(words:format(port), without_date(refusal(port)))
  end)

  it("refuses a certificate that is self-signed", function()
    local c = pipeline.client(e.tls_url, { max_retries = 0 })
    local _, err = c.datasets:list()
    assert.equal("tls", err.kind)
    assert.equal("ca_file", err.option)
    local words = "datasets:list: tls: the certificate of %s is signed by an authority that is not "
      .. "trusted here. Does the server or a proxy use a certificate authority of its own? "
      .. "Name its file (PEM) in SSL_CERT_FILE or ca_file"
    assert.equal(words:format(e.tls_url:match("//(.*)$")), tostring(err))
    assert.same({}, e:log())
    c:close()
  end)

  it("talks to a server with TLS 1.2, and refuses one with TLS 1.1", function()
    assert.is_nil(refusal(start({ flags = "-tls1_2" })))
    local port = start({ flags = "-tls1_1 -cipher ALL:@SECLEVEL=0" })
    local control = output_of(
      (
        "echo | timeout 10 openssl s_client -tls1_1 -cipher ALL:@SECLEVEL=0"
        .. " -connect 127.0.0.1:%s 2>&1"
      ):format(port)
    )
    assert.matches("Protocol *: TLSv1.1", control)
    assert.matches("Cipher *: [%w-]+SHA", control) -- that server does speak it
    local err = refusal(port)
    assert.matches("protocol version", err.message, 1, true)
  end)

  describe("uses a CA bundle that", function()
    local candidates = ca_bundle.candidates
    after_each(function()
      ca_bundle.candidates = candidates
    end)

    local function first_call(options)
      local c = pipeline.client(e.tls_url, options)
      local value, err = c.datasets:list()
      c:close()
      return value, err
    end

    it("is the first readable one of the system's paths", function()
      ca_bundle.candidates = { "/nowhere/a.pem", "/tmp", e.ca_file, "/nowhere/b.pem" }
      assert.is_truthy(first_call())
    end)

    it("is searched for where libcurl has it, then where systems do, in each place once", function()
      local debian, fedora =
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"
      assert.same({ "/own.pem", debian, fedora }, { unpack(ca_bundle.places("/own.pem"), 1, 3) })
      assert.same({ fedora, debian }, { unpack(ca_bundle.places(fedora), 1, 2) })
      assert.equal(#ca_bundle.places(nil), #ca_bundle.places(fedora))
    end)

    it("is searched for where systems have it if libcurl was built without one", function()
      ca_bundle.candidates = ca_bundle.places(nil)
      assert.equal("/etc/ssl/certs/ca-certificates.crt", ca_bundle.candidates[1])
      ca_bundle.candidates[1] = e.ca_file
      assert.is_truthy(first_call())
    end)

    it("is searched for again if none was found", function()
      local c = pipeline.client(e.tls_url)
      ca_bundle.candidates = { "/nowhere/a.pem", "/nowhere/b.pem" }
      local _, err = c.datasets:list()
      assert.equal("tls", err.kind)
      assert.equal(
        "no CA bundle found: install your system's (package ca-certificates), or name a file"
          .. " in ca_file or SSL_CERT_FILE (tried /nowhere/a.pem, /nowhere/b.pem)",
        err.message
      )
      ca_bundle.candidates = { e.ca_file }
      assert.is_truthy(c.datasets:list())
      c:close()
    end)

    it("is cached once found", function()
      local c = pipeline.client(e.tls_url)
      ca_bundle.candidates = { e.ca_file }
      assert.is_truthy(c.datasets:list())
      ca_bundle.candidates = {}
      assert.is_truthy(c.datasets:list())
      c:close()
    end)

    it("is named if it cannot be read, and no other one is used", function()
      ca_bundle.candidates = { e.ca_file }
      for path, why in pairs({
        ["/nowhere/ca.pem"] = "No such file",
        ["/tmp"] = "directory",
        ["/dev/null"] = "it is empty",
        ["README.md"] = "it has no certificate in PEM form",
      }) do
        local _, err = first_call({ ca_file = path })
        assert.equal("tls", err.kind)
        assert.matches("in ca_file, " .. path .. ", cannot be read: ", err.message, 1, true)
        assert.matches(why, err.message, 1, true)
      end
      local said = pipeline.run(
        ([[
        local _, err = require("posthog.llm").new({
          host = %q, personal_api_key = "phx_x", project_id = 1,
        }).datasets:list()
        print(err)
      ]]):format(e.tls_url),
        { SSL_CERT_FILE = "/nowhere/env.pem" }
      )
      assert.matches("in SSL_CERT_FILE, /nowhere/env.pem, cannot be read", said, 1, true)
      assert.same({}, e:log())
    end)

    it("is not needed for plain http", function()
      local c = pipeline.client(e.url, { ca_file = "/nowhere/ca.pem" })
      assert.is_truthy(c.datasets:list())
      c:close()
    end)
  end)
end)
