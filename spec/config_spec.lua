local llm = require("posthog.llm")
local folders = require("spec.support.folders")
local pipeline = require("spec.pipeline")

local client, raises, run, seen = pipeline.client, pipeline.raises, pipeline.run, pipeline.seen

--- Prints one line for the first call of llm.new(options), given as Lua text.
local PROGRAM = [[
  local llm = require("posthog.llm")
  local options = %s
  options.max_retries = 0
  local client = llm.new(options)
  local value, err, response = client.%s
  if err then
    print(err.kind, err.message)
  else
    print("ok", response.url)
  end
]]

local function first_call(options, env, call)
  local said, status = run(PROGRAM:format(options, call or "datasets:list()"), env)
  assert.equal(0, status, said)
  return said
end

describe("the settings of a client", function()
  local e

  setup(function()
    e = pipeline.emulator.start({ tls = true })
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
  end)

  describe("from the environment", function()
    it("are key, project and host", function()
      local said = first_call("{}", {
        POSTHOG_PERSONAL_API_KEY = pipeline.KEY,
        POSTHOG_PROJECT_ID = "271828",
        POSTHOG_HOST = e.url .. "/posthog/",
      })
      assert.equal("ok\t" .. e.url .. "/posthog/api/projects/271828/datasets/\n", said)
      assert.equal("Bearer " .. pipeline.KEY, pipeline.header(e:log()[1], "Authorization"))
    end)

    it("are overridden by the options of llm.new", function()
      local said = first_call(
        ("{ host = %q, project_id = 112358, personal_api_key = %q }"):format(e.url, pipeline.KEY),
        {
          POSTHOG_PERSONAL_API_KEY = "phx_wrong",
          POSTHOG_PROJECT_ID = "1",
          POSTHOG_HOST = "http://127.0.0.1:1",
        }
      )
      assert.equal("ok\t" .. e.url .. "/api/projects/112358/datasets/\n", said)
    end)

    it("may be empty, which is the same as absent", function()
      local said = first_call("{}", {
        POSTHOG_PERSONAL_API_KEY = "",
        POSTHOG_PROJECT_ID = "",
        POSTHOG_HOST = e.url,
      })
      assert.matches("^auth\tno key: set POSTHOG_PERSONAL_API_KEY", said)
    end)

    it("leave the host at https://us.posthog.com when it is not set", function()
      local said = run('print(require("posthog.llm").new())')
      assert.equal("posthog.llm.Client (https://us.posthog.com)\n", said)
    end)

    for name, case in pairs({
      ["a host with a password"] = { "http://me:hunter2@127.0.0.1", "user or password" },
      ["a host that is not a URL"] = { "posthog.example", "not an http or https URL" },
      ["a host with a query"] = { "https://posthog.example/?a=b", "query" },
    }) do
      it("that hold " .. name .. " make the first call fail", function()
        local said =
          first_call("{ personal_api_key = 'phx_x', project_id = 1 }", { POSTHOG_HOST = case[1] })
        assert.matches("^invalid\t", said)
        assert.matches(case[2], said)
        assert.is_nil(said:find("hunter2", 1, true))
      end)
    end
  end)

  describe("for the key", function()
    it("may be missing until the first call", function()
      local said = first_call(("{ host = %q, project_id = 112358 }"):format(e.url))
      assert.equal("auth\tno key: set POSTHOG_PERSONAL_API_KEY or pass personal_api_key\n", said)
      assert.same({}, e:log())
    end)

    for name, case in pairs({
      ["is a project key"] = { "phc_abcdefgh", "project key", "personal API key (phx_...)" },
      ["is a project secret key"] = { "phs_abcdefgh", "secret", "personal API key (phx_...)" },
      ["ends in a newline"] = { "phx_abcdefgh\n", "line break" },
      ["holds a header"] = { "phx_abcdefgh\r\nHost: evil", "line break" },
      ["holds a space"] = { "phx_ abcdefgh", "space" },
      ["is empty"] = { "", "no key" },
    }) do
      it("refuse a key that " .. name .. ", before anything is sent", function()
        for _, key in ipairs({
          case[1],
          function()
            return case[1]
          end,
        }) do
          local value, err = client(e.url, { personal_api_key = key }).datasets:list()
          assert.is_nil(value)
          assert.equal("auth", err.kind)
          assert.is_nil(err.status)
          for i = 2, #case do
            assert.is_truthy(err.message:find(case[i], 1, true), err.message)
          end
          assert.is_nil(tostring(err):find("abcdefgh", 1, true))
        end
        assert.same({}, e:log())
      end)
    end

    it("accept an OAuth token and a key without a prefix", function()
      for _, key in ipairs({ "pha_emulator_oauth", "emulator_key_without_prefix" }) do
        assert.is_truthy(client(e.url, { personal_api_key = key }).datasets:list())
      end
    end)

    it("may be a function, which is called for each request", function()
      local calls = 0
      local c = client(e.url, {
        personal_api_key = function()
          calls = calls + 1
          return calls == 1 and "phx_wrong" or pipeline.KEY
        end,
      })
      local _, err = c.datasets:list()
      assert.equal("auth", err.kind)
      assert.is_truthy(c.datasets:list())
      assert.equal(2, calls)
      assert.equal("Bearer phx_wrong", pipeline.header(e:log()[1], "Authorization"))
      assert.equal("Bearer " .. pipeline.KEY, pipeline.header(e:log()[2], "Authorization"))
    end)

    it("call the function again before another attempt", function()
      local _, restore = pipeline.instant_sleep()
      e:fault({ action = { status = 503, times = 1 } })
      local calls = 0
      local page = client(e.url, {
        personal_api_key = function()
          calls = calls + 1
          return calls == 1 and "emulator_key_without_prefix" or pipeline.KEY
        end,
      }).datasets:list()
      restore()
      assert.is_truthy(page)
      local log = e:log()
      assert.equal("Bearer emulator_key_without_prefix", pipeline.header(log[1], "Authorization"))
      assert.equal("Bearer " .. pipeline.KEY, pipeline.header(log[2], "Authorization"))
    end)

    it("report what the function returned instead of a key", function()
      for _, case in ipairs({
        { function() end, "returned nil" },
        {
          function()
            return nil, "the vault is sealed"
          end,
          "the vault is sealed",
        },
        {
          function()
            return 42
          end,
          "returned number",
        },
        {
          function()
            return ""
          end,
          "an empty string",
        },
        {
          setmetatable({}, {
            __call = function()
              return false
            end,
          }),
          "returned boolean",
        },
      }) do
        local value, err = client(e.url, { personal_api_key = case[1] }).datasets:list()
        assert.is_nil(value)
        assert.equal("auth", err.kind)
        assert.is_truthy(err.message:find(case[2], 1, true), err.message)
        assert.is_truthy(err.message:find("personal_api_key", 1, true), err.message)
      end
      assert.same({}, e:log())
    end)

    it("pass an error in the function on to the caller", function()
      local problem = {}
      local ok, raised = pcall(function()
        return client(e.url, {
          personal_api_key = function()
            error(problem)
          end,
        }).datasets:list()
      end)
      assert.is_false(ok)
      assert.equal(problem, raised)
      assert.same({}, e:log())
    end)
  end)

  describe("for the project", function()
    it("are needed only by calls below a project", function()
      local said = first_call(("{ host = %q, personal_api_key = %q }"):format(e.url, pipeline.KEY))
      assert.matches("^invalid\tno project: set POSTHOG_PROJECT_ID or pass project_id\n$", said)
      assert.same({}, e:log())
      said = first_call(
        ("{ host = %q, personal_api_key = %q }"):format(e.url, pipeline.KEY),
        nil,
        "spend:get()"
      )
      assert.matches("^ok\t", said)
    end)

    it("accept an integer in any form, digits, and @current", function()
      for _, id in ipairs({ 112358, 112358.0, "112358", "@current" }) do
        assert.is_truthy(client(e.url, { project_id = id }).datasets:list())
      end
      assert.same({
        "GET /api/projects/112358/datasets/",
        "GET /api/projects/112358/datasets/",
        "GET /api/projects/112358/datasets/",
        "GET /api/projects/@current/datasets/",
      }, seen(e))
    end)

    it("refuse any other text at the first call", function()
      for _, id in ipairs({ "mine", "", "1/2", "-1", "1 ", "%31" }) do
        local value, err = client(e.url, { project_id = id }).datasets:list()
        assert.is_nil(value)
        assert.equal("invalid", err.kind)
        assert.is_truthy(err.message:find("project", 1, true), err.message)
      end
      assert.same({}, e:log())
    end)

    it("replace :project_id only where it is a whole segment", function()
      local c = client(e.url)
      c:request("GET", "/__emulator/echo/:project_id/:project_identity/x:project_id")
      assert.same({ "GET /__emulator/echo/112358/:project_identity/x:project_id" }, seen(e))
    end)
  end)

  describe("for the host", function()
    it("accept short names for the clouds", function()
      for given, base in pairs({
        us = "https://us.posthog.com",
        eu = "https://eu.posthog.com",
        ["HTTPS://PostHog.Example:443/"] = "https://posthog.example",
        ["https://posthog.example:8443/sub//"] = "https://posthog.example:8443/sub",
        ["http://[::1]:8000"] = "http://[::1]:8000",
      }) do
        assert.equal(("posthog.llm.Client (%s)"):format(base), tostring(client(given)))
      end
    end)

    it("may carry a path prefix, with or without slashes at its end", function()
      for _, tail in ipairs({ "/posthog", "/posthog/", "/posthog///" }) do
        assert.is_truthy(client(e.url .. tail).datasets:list())
      end
      for _, line in ipairs(seen(e)) do
        assert.equal("GET /posthog/api/projects/112358/datasets/", line)
      end
    end)

    it("raise for a user or password in it, without printing either", function()
      for _, host in ipairs({
        "https://me:hunter2@posthog.example",
        "https://hunter2@h/",
        "me:hunter2@posthog.example",
      }) do
        local message = raises(function()
          llm.new({ host = host })
        end, "host", "user or password")
        assert.is_nil(message:find("hunter2", 1, true))
      end
    end)

    for name, case in pairs({
      ["without a scheme"] = { "us.posthog.com", "https://us.posthog.com" },
      ["of another scheme"] = { "ftp://posthog.example", "http or https" },
      ["without a name"] = { "https://", "no host" },
      ["with a query"] = { "https://posthog.example/?x=1", "query" },
      ["with a space"] = { "https://posthog .example", "space" },
      ["with an invalid port"] = { "https://posthog.example:70000", "port" },
      ["that captures events (us)"] = { "https://us.i.posthog.com", "https://us.posthog.com" },
      ["that captures events (eu)"] = { "https://eu.i.posthog.com/", "https://eu.posthog.com" },
      ["reached by plain http"] = { "http://posthog.example", "allow_insecure_http" },
      ["that only looks like loopback"] = { "http://127.0.0.1.example", "plain http" },
    }) do
      it("refuse a host " .. name .. " at the first call", function()
        local value, err = client(case[1]).datasets:list()
        assert.is_nil(value)
        assert.equal("invalid", err.kind)
        assert.is_truthy(err.message:find(case[2], 1, true), err.message)
      end)
    end

    it("allow plain http to other machines when asked to", function()
      local value, err = client("http://posthog.invalid", {
        allow_insecure_http = true,
        max_retries = 0,
      }).datasets:list()
      assert.is_nil(value)
      assert.equal("network", err.kind)
    end)

    it("make each call return a new error object", function()
      local c = client("nonsense")
      local _, first = c.datasets:list()
      first.message = "changed"
      local _, second = c.datasets:list()
      assert.not_equal("changed", second.message)
    end)
  end)

  describe("given by a program", function()
    for name, case in pairs({
      ["an unknown option"] = { { api_key = "x" }, 'unknown option "api_key"', "personal_api_key" },
      ["an option without a name"] = { { "x" }, "unknown option 1" },
      ["a key of another type"] = { { personal_api_key = 5 }, "personal_api_key", "got number" },
      ["null for a key"] = { { personal_api_key = llm.null }, "personal_api_key", "got null" },
      ["a project id with a fraction"] = { { project_id = 1.5 }, "project_id", "1.5" },
      ["a negative project id"] = { { project_id = -1 }, "project_id", "at least 0" },
      ["a project id of another type"] = { { project_id = true }, "project_id", "got boolean" },
      ["a host of another type"] = { { host = 1 }, "host", "string expected, got number" },
      ["an unknown prefix"] = { { scope_prefix = "teams" }, "scope_prefix", '"environments"' },
      ["a timeout of zero"] = { { timeout = 0 }, "timeout", "positive" },
      ["an infinite deadline"] = { { deadline = math.huge }, "deadline", "positive" },
      ["a timeout that is not a number"] = { { timeout = 0 / 0 }, "timeout", "positive" },
      ["a timeout in a string"] = { { connect_timeout = "5" }, "connect_timeout", "got string" },
      ["a fraction of a retry"] = { { max_retries = 0.5 }, "max_retries", "integer expected" },
      ["a limit of no connections"] = { { max_connections = 0 }, "max_connections", "at least 1" },
      ["no header bytes"] = { { max_header_bytes = 0 }, "max_header_bytes", "at least 1" },
      ["negative redirects"] = { { max_redirects = -1 }, "max_redirects", "at least 0" },
      ["a fraction of a byte"] = {
        { max_excerpt_bytes = 0.5 },
        "max_excerpt_bytes",
        "integer expected",
      },
      ["too deep JSON"] = { { max_json_depth = 4001 }, "max_json_depth: 1 to 4000 expected" },
      ["a decode time of zero"] = { { max_decode_seconds = 0 }, "max_decode_seconds", "positive" },
      ["no response bytes"] = { { max_response_bytes = 0 }, "max_response_bytes", "at least 1" },
      ["a ca_file of another type"] = { { ca_file = true }, "ca_file", "got boolean" },
      ["a proxy with a newline"] = { { proxy = "http://p\n" }, "proxy", "control character" },
      ["a user agent with a header"] = {
        { user_agent_suffix = "a\r\nB: c" },
        "user_agent_suffix",
        "control character",
      },
      ["a flag that is not a boolean"] = { { keep_null = 1 }, "keep_null", "boolean expected" },
      ["a pace of another type"] = { { pace = 480 }, "pace: true, false or a table" },
      ["an empty pace"] = {
        { pace = {} },
        "pace: per_minute, per_hour, spend, dict, redis or store expected",
      },
      ["a pace by the day"] = { { pace = { per_day = 1 } }, 'unknown option "per_day"' },
      ["an empty spend pace"] = {
        { pace = { spend = {} } },
        "pace.spend: per_minute, per_hour or",
      },
      ["a spend pace in a string"] = {
        { pace = { spend = { per_day = "1" } } },
        "pace.spend.per_day",
      },
      ["a pace without its dict"] = { { pace = { dict = true } }, "pace.dict: string expected" },
      ["a pace of zero"] = { { pace = { per_hour = 0 } }, "pace.per_hour: at least 1" },
      ["a codec without encode"] = { { json = { decode = print } }, "json", "encode" },
      ["a hook of another type"] = { { on_request = {} }, "on_request", "function expected" },
    }) do
      it("raise an error at the program's line for " .. name, function()
        raises(function()
          llm.new(case[1])
        end, select(2, (table.unpack or unpack)(case)))
        local c = client(e.url)
        raises(function()
          c:with(case[1])
        end, select(2, (table.unpack or unpack)(case)))
      end)
    end

    it("raise an error at the program's line for options that are not a table", function()
      raises(function()
        llm.new("phx_key")
      end, "options: table expected, got string")
    end)

    it("are not changed by what the program does to its table afterwards", function()
      local options = { host = e.url, personal_api_key = pipeline.KEY, project_id = 112358 }
      local c = llm.new(options)
      options.host, options.project_id, options.personal_api_key = "nonsense", "x", "phc_"
      assert.is_truthy(c:with({}).datasets:list())
    end)
  end)

  describe("for the network", function()
    local function by_tls(extra, env)
      return first_call(
        ("{ host = %q, project_id = 112358, personal_api_key = %q, %s }"):format(
          e.tls_url,
          pipeline.KEY,
          extra
        ),
        env
      )
    end

    it("trust what ca_file or SSL_CERT_FILE names, the option first", function()
      assert.matches("^tls\t", by_tls(""))
      assert.same({}, e:log())
      assert.matches("^ok\t", by_tls(("ca_file = %q"):format(e.ca_file)))
      assert.matches("^ok\t", by_tls("", { SSL_CERT_FILE = e.ca_file }))
      assert.matches(
        "^ok\t",
        by_tls(("ca_file = %q"):format(e.ca_file), { SSL_CERT_FILE = "/nowhere" })
      )
      assert.equal(3, #e:log())
    end)

    -- Port 1 of this machine answers nobody: what goes there fails.
    local nobody = "http://127.0.0.1:1"

    it("use the environment's proxy over https", function()
      for _, name in ipairs({ "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }) do
        assert.matches("^network\t", by_tls("", { SSL_CERT_FILE = e.ca_file, [name] = nobody }))
      end
      for _, name in ipairs({ "no_proxy", "NO_PROXY" }) do
        assert.matches(
          "^ok\t",
          by_tls("", {
            SSL_CERT_FILE = e.ca_file,
            https_proxy = nobody,
            [name] = "localhost,127.0.0.1",
          })
        )
      end
      assert.equal(2, #e:log())
    end)

    it("never use the environment's proxy over plain http", function()
      local said = first_call(
        ("{ host = %q, project_id = 112358, personal_api_key = %q }"):format(e.url, pipeline.KEY),
        {
          http_proxy = nobody,
          HTTP_PROXY = nobody,
          all_proxy = nobody,
          ALL_PROXY = nobody,
        }
      )
      assert.matches("^ok\t", said)
    end)

    it("take no password from .netrc in place of the key", function()
      local home = folders.new()
      folders.write(home, ".netrc", "machine 127.0.0.1 login someone password hunter2\n")
      local said = first_call(
        ("{ host = %q, project_id = 112358, personal_api_key = %q }"):format(e.url, pipeline.KEY),
        { HOME = home }
      )
      folders.remove(home)
      assert.matches("^ok\t", said)
      assert.truthy(e:log()[1].raw_header:find("Bearer " .. pipeline.KEY, 1, true))
    end)

    it("use a proxy of their own over http and https", function()
      for _, url in ipairs({ e.url, e.tls_url }) do
        local _, err =
          client(url, { proxy = nobody, ca_file = e.ca_file, max_retries = 0 }).datasets:list()
        assert.equal("network", err.kind)
      end
      assert.same({}, e:log())
      assert.matches(
        "^ok\t",
        by_tls(("ca_file = %q, proxy = ''"):format(e.ca_file), { https_proxy = nobody })
      )
    end)

    it("cost nothing before the first call: no descriptor, no thread, no request", function()
      local said, status = run(([[
        local function count_once(folder)
          local n, pipe = 0, io.popen("ls " .. folder .. " 2>/dev/null")
          for _ in pipe:lines() do n = n + 1 end
          pipe:close()
          return n
        end
        local function count(folder) -- popen itself has one more open for a moment
          local least = math.huge
          for _ = 1, 8 do least = math.min(least, count_once(folder)) end
          return least
        end
        local self = io.open("/proc/self/stat")
        local pid = self and self:read("*n")
        if self then self:close() end
        local llm = require("posthog.llm")
        local function counts()
          if not pid then return "unknown" end
          return count("/proc/" .. pid .. "/fd") .. " " .. count("/proc/" .. pid .. "/task")
        end
        local before = counts()
        local client = llm.new({ host = %q, personal_api_key = "phx_x", project_id = 1 })
        local other = client:with({ host = "https://posthog.invalid" })
        assert(before == counts(), before .. " became " .. counts())
        other:close()
        client:close()
        assert(before == counts())
      ]]):format(e.url))
      assert.equal("", said)
      assert.equal(0, status)
      assert.same({}, e:log())
    end)

    it("append the suffix to the library's own user agent", function()
      client(e.url, { user_agent_suffix = "night-batch/2" }).datasets:list()
      local agent = pipeline.header(e:log()[1], "User-Agent")
      assert.matches("^posthog%-llm/%d+%.%d+%.%d+ night%-batch/2$", agent)
    end)
  end)
end)
