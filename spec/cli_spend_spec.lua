--- posthog-llm spend, api and emulator.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson")
local command = require("spec.support.command")
local llm = require("posthog.llm")

command.describe(busted, "posthog-llm", function()
  local folder
  local t = command.session({ profile = "current" })
  local run, ends = t.run, t.ends

  setup(function()
    t.start()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder)
  end)
  teardown(function()
    t.stop()
    os.execute("rm -rf " .. folder)
  end)
  before_each(t.reset)

  local function read(path)
    local file = io.open(path, "rb")
    local text = file and file:read("*a")
    if file then
      file:close()
    end
    return text
  end

  local function targets()
    local list = {}
    for _, entry in ipairs(t.e:log()) do
      list[#list + 1] = entry.target
    end
    return list
  end

  local function width_of(text)
    local most = 0
    for line in text:gmatch("[^\n]+") do
      local _, columns = line:gsub("\27%[[%d;]*m", ""):gsub("[^\128-\191]", "")
      most = math.max(most, columns)
    end
    return most
  end

  describe("spend", function()
    local FORMATS = {
      text = "^LLM spend of posthog_code\n.*By product\n",
      line = "^%$1,843%.21 in 30 days[^\n]*\n$",
      markdown = "|[ -:]*%-%-%-",
      csv = "^section,overlaps,day,name,",
      html = "^<!DOCTYPE html>.*</html>\n$",
      json = '^{.*"posthog_code".*}\n$',
    }

    it("prints every format, without colours to a pipe", function()
      for format, pattern in pairs(FORMATS) do
        local result = ends(0, { "spend", "--format", format })
        assert.matches(pattern, result.out, format)
        assert.equal("", result.err)
        assert.is_nil(result.out:find("\27", 1, true))
      end
    end)

    it("is as wide as the terminal, and coloured there", function()
      for _, columns in ipairs({ 50, 100 }) do
        local shown = ends(0, { "spend" }, { terminal = columns, screen = true }).out
        assert.matches("\27%[36m", shown)
        assert.equal(columns, width_of(shown))
      end
      local shown = ends(0, { "spend", "--width", "60", "--ascii" }, {
        terminal = 100,
        screen = true,
        env = { NO_COLOR = "1" },
      }).out
      assert.is_nil(shown:find("\27", 1, true))
      assert.is_nil(shown:find("█", 1, true))
      assert.equal(60, width_of(shown))
    end)

    it("prints the server's own response with --json", function()
      local answer = cjson.decode(ends(0, { "spend", "--json" }).out)
      assert.equal("posthog_code", answer.summary.product)
      assert.equal(cjson.null, answer.by_product.items[2].product)
    end)

    it("escapes what would control a terminal, in every format", function()
      local answer = ends(0, { "spend", "--json" }).out
      local name = "x\194\155y\226\128\174z"
      local hostile = answer:gsub('"Bash"', function()
        return '"' .. name .. '"'
      end)
      t.e:fault({ match = {}, action = { body = hostile } })
      for format in pairs(FORMATS) do
        if format ~= "html" and format ~= "line" then
          local args = { "spend", "--format", format }
          local shown = ends(0, args, { terminal = 80, screen = true }).out
          assert.is_nil(shown:find("\194\155", 1, true), format)
          assert.is_nil(shown:find("\226\128\174", 1, true), format)
          assert.matches("x.*9b.*y.*202e.*z", shown, format)
        end
      end
      local exact = ends(0, { "spend", "--format", "json" }).out
      assert.is_truthy(exact:find("y\226\128\174z", 1, true))
    end)

    it("requests what the options say", function()
      ends(0, { "spend", "--from", "-7d", "--to", "-1d", "--limit", "3", "--refresh" })
      ends(0, { "spend", "--from=-2h", "--bucket", "15" })
      local asked = targets()
      assert.matches("date_from=%-7d&date_to=%-1d&limit=3&refresh=true", asked[1])
      assert.matches("date_from=%-2h&bucket_minutes=15", asked[2])
    end)

    it("compares with the period just before", function()
      t.e:settings({ clock = "2026-05-14T10:02:11Z" })
      local shown = ends(0, { "spend", "--from", "-7d", "--compare" }).out
      assert.matches("compared with 2026%-04%-30 10:02 to 2026%-05%-07 10:02", shown)
      local second = targets()[2]:gsub("%%3A", ":")
      assert.matches("date_from=2026%-04%-30T10:02:11Z&date_to=2026%-05%-07T10:02:11Z", second)
    end)

    it("exits with 6 when the budget is reached, after the report", function()
      local result = ends(6, { "spend", "--budget", "$50" })
      assert.matches("the budget was reached%s+on", result.out)
      assert.equal("the budget is reached\n", result.err)
      assert.equal("", ends(6, { "spend", "-q", "--json", "--budget", "50" }).err)
      assert.matches("the budget is%s+reached%s+on", ends(0, { "spend", "--budget", "5000" }).out)
    end)

    it("writes a file completely or not at all", function()
      local path = folder .. "/spend.html"
      local wanted = { "spend", "--format", "html", "--output", path }
      assert.equal("", ends(0, wanted, { terminal = 80, screen = true }).out)
      assert.matches("</html>\n$", read(path))
      t.e:settings({ spend = "absent" })
      ends(4, wanted)
      assert.matches("</html>\n$", read(path))
      t.e:settings({ spend = "serve" })
      assert.matches(
        "cannot be written",
        ends(1, {
          "spend",
          "--output",
          folder .. "/gone/spend.txt",
        }).err
      )
      assert.matches("is a device", ends(1, { "spend", "--output", "/dev/null" }).err)
      local pipe = io.popen("ls -A " .. folder)
      assert.equal("spend.html\n", pipe:read("*a"))
      pipe:close()
    end)

    it("does not show a page of HTML on a terminal", function()
      local result = ends(2, { "spend", "--format", "html" }, { terminal = 80, screen = true })
      assert.matches("give %-%-output FILE", result.out)
    end)

    it("refuses invalid options before it sends a request", function()
      for _, case in ipairs({
        { { "--budget", "much" }, "%-%-budget: invalid amount 'much'" },
        { { "--format", "pdf" }, "must be one of" },
        { { "--bucket", "7" }, "must be one of" },
        { { "--rows", "0" }, "%-%-rows: invalid number '0'" },
        { { "--width", "3" }, "%-%-width: 3 is not from 20" },
        { { "--limit", "201" }, "limit" },
        { { "--json", "--compare" }, "%-%-format json" },
        { { "--json", "--output", "/dev/null" }, "%-%-format json" },
        { { "--json", "--format", "csv" }, "%-%-json" },
        { { "--output", "x.pdf" }, "invalid extension '.pdf': .html, .md, .csv, .json or .txt" },
      }) do
        local args = { "spend", case[1][1], case[1][2], case[1][3] }
        assert.matches(case[2], ends(2, args).err)
      end
      assert.same({}, targets())
    end)

    it("names the option that the server refuses", function()
      assert.matches("field %-%-from", ends(1, { "spend", "--from", "2020-01-01" }).err)
      t.e:fault({ match = {}, action = { body = '{"summary":{}}' } })
      local old = ends(1, { "spend", "--bucket", "15", "--from", "-2h" }).err
      assert.matches("posthog%-llm: %-%-bucket: this server", old)
      assert.matches("does not say which period", ends(1, { "spend", "--compare" }).err)
    end)

    it("exits with 5 for a key without the permission", function()
      ends(5, { "spend" }, { env = { POSTHOG_PERSONAL_API_KEY = "phx_emulator_none" } })
    end)
  end)

  describe("api", function()
    local DATASETS = "/api/projects/:project_id/datasets/"

    it("sends JSON from an argument, a file and standard input, and loses nothing of it", function()
      local metadata = '{"n":12345678901234567890123,"none":null,"list":[],"map":{}}'
      local body = '{"name": "golden", "metadata": ' .. metadata .. "}"
      local path = folder .. "/body.json"
      local file = io.open(path, "w")
      file:write(body)
      file:close()
      local wanted = llm.json.decode(metadata)
      for _, data in ipairs({ body, "@" .. path, "-" }) do
        t.e:reset()
        local result = ends(0, { "api", "post", DATASETS, "--data", data }, { stdin = body })
        local made = llm.json.decode(result.out)
        assert.equal(wanted.n, made.metadata.n)
        assert.equal(llm.null, made.metadata.none)
        assert.equal(cjson.null, made.current_revision)
        assert.matches('"list":%[%]', result.out)
        assert.matches('"map":{}', result.out)
      end
      os.remove(path)
    end)

    it("prints status and headers with the body", function()
      local result = ends(0, { "api", "GET", DATASETS, "--include", "--query", "search=a&b=ü" })
      assert.matches("^HTTP/1.1 200\n.*content%-type: application/json\n.*\n\n$", result.err)
      assert.equal(0, cjson.decode(result.out).count)
      assert.matches("datasets/%?search=a%%26b%%3D%%C3%%BC$", targets()[1])
      result = ends(4, { "api", "GET", "/api/nothing/", "--include" })
      assert.matches("^HTTP/1.1 404\n.*posthog%-llm: Endpoint not found", result.err)
      assert.equal("", result.out)
    end)

    it("sends a header, and prints nothing for an empty response", function()
      local made = t.e:seed({ datasets = 1 }).datasets[1]
      t.e:fault({ match = { method = "DELETE" }, action = { status = 204, body = "" } })
      local path = DATASETS .. made .. "/"
      assert.equal("", ends(0, { "api", "DELETE", path, "--header", "X-Why: test" }).out)
      assert.matches("\nX%-Why: test\r\n", t.e:log()[1].raw_header)
    end)

    it("prints the results of all pages, and gives the key to no other host", function()
      t.e:seed({ datasets = 5 })
      t.e:settings({ link_origin = "http://127.0.0.1:1" })
      local args = { "api", "GET", DATASETS .. "?limit=2", "--paginate" }
      local seen, count = {}, 0
      for line in ends(0, args).out:gmatch("([^\n]*)\n") do
        local id = cjson.decode(line).id
        assert.is_nil(seen[id])
        seen[id], count = true, count + 1
      end
      assert.equal(5, count)
      assert.equal(3, #targets())
    end)

    it("reports what it has printed when a page fails", function()
      t.e:seed({ datasets = 5 })
      local args = { "api", "GET", DATASETS .. "?limit=2", "--paginate" }
      t.e:fault({ match = { path = "offset=2" }, action = { status = 403, body = "" } })
      local result = ends(5, args)
      assert.equal(2, select(2, result.out:gsub("\n", "")))
      assert.matches("^2 rows were printed; the list may be incomplete\n", result.err)
      assert.matches("\nposthog%-llm: access was refused", result.err)
      local circle = '{"results":[1],"next":"/api/projects/112358/datasets/?limit=2&offset=2"}'
      t.e:fault({ match = { path = "offset=2" }, action = { body = circle } })
      assert.matches("back to an earlier one", ends(1, args).err)
      t.e:fault({ match = {}, action = { body = '{"a":1}' } })
      assert.matches("is not a page", ends(1, args).err)
    end)

    it("reports what it has printed when it is stopped", function()
      t.e:seed({ datasets = 5 })
      t.e:fault({ match = { path = "offset=2" }, action = { delay = 30 } })
      local asked = ("curl -q -s --noproxy '*' %s/__emulator/log | grep -q offset=2"):format(
        t.e.url
      )
      local result = run({ "api", "GET", DATASETS .. "?limit=2", "--paginate" }, {
        while_running = command.until_true(asked) .. "kill -INT $pid",
      })
      assert.equal(130, result.code)
      assert.equal(2, select(2, result.out:gsub("\n", "")))
      assert.equal(
        "2 rows were printed; the list may be incomplete\nposthog-llm: interrupted\n",
        result.err
      )
    end)

    it("refuses invalid options before it sends a request", function()
      for _, case in ipairs({
        { { "GET", "datasets" }, "does not begin with a slash" },
        { { "FETCH", "/api/" }, 'invalid method "FETCH": GET' },
        { { "GET", "/api/", "--data", "{}" }, "a GET request has no body" },
        { { "POST", "/api/", "--data", "{bad" }, "%-%-data: invalid JSON at byte 2" },
        { { "POST", "/api/", "--paginate" }, "only GET has pages" },
        { { "GET", "/api/", "--query", "limit" }, "invalid parameter 'limit': NAME=VALUE" },
        { { "GET", "/api/", "--header", "X-A" }, "invalid header 'X%-A': NAME:VALUE" },
        { { "GET", "/api/", "--query", "personal_api_key=x" }, "does not belong in a URL" },
      }) do
        local args = { "api" }
        for _, word in ipairs(case[1]) do
          args[#args + 1] = word
        end
        assert.matches(case[2], ends(2, args).err)
      end
      local gone = ends(1, { "api", "POST", "/api/", "--data", "@" .. folder .. "/gone" })
      assert.matches("%-%-data: .*No such file", gone.err)
      assert.same({}, targets())
    end)

    it("escapes on a terminal what would control it", function()
      t.e:fault({ match = {}, action = { body = '{"a":"\127\194\155"}' } })
      local shown = ends(0, { "api", "GET", DATASETS }, { terminal = 80, screen = true }).out
      assert.equal('{"a":"\\u007f\\u009b"}\n', shown)
      assert.equal('{"a":"\127\194\155"}\n', ends(0, { "api", "GET", DATASETS }).out)
    end)
  end)

  it("takes the format from the name of the file", function()
    for ending, start in pairs({
      html = "^<!DOCTYPE html>",
      htm = "^<!DOCTYPE html>",
      csv = "^section,",
      md = "^# ?",
      json = '^{%s+"',
      txt = "^LLM spend of",
      HTML = "^<!DOCTYPE html>",
    }) do
      local path = folder .. "/report." .. ending
      assert.equal("", ends(0, { "spend", "--output", path }).out)
      assert.matches(start, read(path))
    end
    ends(0, { "spend", "--output", folder .. "/x.html", "--format", "csv" })
    assert.matches("^section,", read(folder .. "/x.html"))
  end)

  it("prints ASCII alone where the locale is ASCII", function()
    local args = { "spend", "--width", "60", "--rows", "3" }
    local env = { LC_ALL = "C", LANG = "de_DE.UTF-8" }
    assert.is_nil(ends(0, args, { env = env }).out:find("[\128-\255]"))
    assert.matches("#####", ends(0, args, { env = env }).out)
    for _, other in ipairs({
      { LC_ALL = "C.UTF-8" },
      { LC_ALL = false, LC_CTYPE = "de_DE.utf8", LANG = "C" },
      { LC_ALL = false, LC_CTYPE = false, LANG = false },
    }) do
      assert.matches("█████", ends(0, args, { env = other }).out)
    end
  end)

  describe("emulator", function()
    --- Waits for it, uses it by what it printed, and stops it.
    local function use(stop)
      return command.until_in("$out", "API_KEY")
        .. ("(. $out; %s >%s 2>&1); %s"):format(
          command.line({ "api", "GET", "/api/projects/:project_id/datasets/" }, "."),
          folder .. "/answer",
          stop
        )
    end

    it("serves until it is stopped, and prints which variables to set for it", function()
      local result = command.run({ "emulator", "--profile", "current", "--tls" }, {
        while_running = use("kill $pid"),
      })
      assert.equal(143, result.code, result.err)
      assert.matches("^export POSTHOG_HOST=https://localhost:%d+\n", result.out)
      assert.matches('"results":%[%]', read(folder .. "/answer"))
      assert.matches("Ctrl%-C stops it\nstopped\n$", result.err)
      local certificate = result.out:match("SSL_CERT_FILE=(%S+)\n")
      assert.is_nil(read(certificate))
    end)

    --- Runs shell text with the command as posthog-llm, in a session of its own.
    local function in_shell(shell)
      local path = folder .. "/shell.sh"
      local file = io.open(path, "w")
      file:write("posthog-llm() { ", command.line({}, "."), ' "$@"; }\n', shell, "\n")
      file:close()
      local pipe = io.popen("setsid -w bash " .. path .. " 2>&1")
      local text = pipe:read("*a")
      pipe:close()
      return text
    end

    it("returns when it is ready, and stays in the background", function()
      local text = in_shell([[
        eval "$(posthog-llm -q emulator --background --profile current --tls)" &&
          posthog-llm api GET /api/projects/:project_id/datasets/ && prefix=$POSTHOG_EMULATOR
        [ -d "$prefix" ] && eval "$(posthog-llm emulator --stop)"
        echo "$? ${POSTHOG_EMULATOR-unset} ${POSTHOG_HOST-unset} ${SSL_CERT_FILE-unset}"
        [ -d "$prefix" ] || echo gone
        posthog-llm emulator --stop
      ]])
      assert.matches(
        '"results":%[%]}\nthe emulator was stopped\n0 unset unset unset\ngone\n'
          .. "posthog%-llm: %-%-stop: POSTHOG_EMULATOR is not set",
        text
      )
    end)

    it("ends in the background with the session that it was started in", function()
      local prefix = in_shell([[
        eval "$(posthog-llm -q emulator --background)" && echo "$POSTHOG_EMULATOR"
      ]]):match("^(/%S+)\n$")
      assert.is_truthy(prefix)
      os.execute(command.until_true("[ ! -e " .. prefix .. " ]") .. ":")
      assert.is_nil(io.open(prefix .. "/nginx.conf"))
    end)

    it("reports that the server has ended on its own", function()
      local stop = 'kill $(cat "$(dirname "$(sed -n s/.*SSL_CERT_FILE=//p $out)")/nginx.pid")'
      local result = command.run({ "emulator", "--tls", "-q" }, { while_running = use(stop) })
      assert.equal(1, result.code)
      assert.matches("the emulator has ended", result.err)
    end)

    it("says why it cannot start", function()
      local port = t.e.url:match("(%d+)$")
      local result = ends(1, { "emulator", "--port", port })
      local why = ("the emulator did not start: port %s is taken"):format(port)
      assert.equal(("posthog-llm: %s\n"):format(why), result.err)
      local document = cjson.decode(ends(1, { "--json", "emulator", "--port", port }).err)
      assert.same({ kind = "file", exit_code = 1, message = why }, document.error)
      assert.matches(
        "invalid port '65536': a number from 1 to 65535",
        ends(2, { "emulator", "--port", "65536" }).err
      )
      assert.equal("", result.out)
    end)
  end)
end)
