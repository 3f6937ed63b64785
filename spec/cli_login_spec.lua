--- posthog-llm login and logout: on a terminal of their own, in a pipe, and what stays on the disk.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson.safe").new()
local cloud = require("spec.support.cloud")
local command = require("spec.support.command")
local folders = require("spec.support.folders")

local KEY = command.KEY

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function output_of(shell)
  local pipe = assert(io.popen(shell))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

command.describe(busted, "posthog-llm login", function()
  local home
  local t = command.session({ tls = true })
  local ends = t.ends
  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    home = folders.new()
  end)
  after_each(function()
    folders.remove(home)
  end)

  local function path()
    return home .. "/.posthog/credentials.json"
  end

  local function kept()
    local file = io.open(path(), "rb")
    if not file then
      return nil
    end
    local text = file:read("*a")
    file:close()
    return cjson.decode(text), text
  end

  local function mode_of(name)
    return output_of(("stat -L -c %%a %s"):format(quote(name))):match("%d+")
  end

  --- Nobody is logged in by the environment.
  local function env(more)
    local all = {
      HOME = home,
      POSTHOG_HOME = false,
      POSTHOG_PERSONAL_API_KEY = false,
      POSTHOG_PROJECT_ID = false,
      POSTHOG_HOST = false,
    }
    for name, value in pairs(more or {}) do
      all[name] = value
    end
    return all
  end

  --- Runs it on a terminal that echoes. Each step waits for words on the screen, then types.
  --- @param steps string[][] { words, text as printf takes it, or a command in its place }
  --- @return { screen: string, code: integer, echoes: boolean }
  local function talk(steps, args, options)
    options = options or {}
    local out = home .. "/screen"
    local lines = { "export HOME=" .. quote(home) .. " TERM=xterm" }
    lines[#lines + 1] = "unset POSTHOG_HOME POSTHOG_HOST POSTHOG_PROJECT_ID POSTHOG_CLI_TOKEN "
      .. "POSTHOG_PERSONAL_API_KEY POSTHOG_CLI_API_KEY NO_COLOR"
    for name, value in pairs(options.env or {}) do
      lines[#lines + 1] = ("export %s=%s"):format(name, quote(value))
    end
    local words = { "login" }
    for _, arg in ipairs(args or {}) do
      words[#words + 1] = arg
    end
    local run = command.line(words, (output_of("pwd"):gsub("\n$", "")))
    run = ("sh -c %s"):format(quote(("echo $$ >%s; exec %s"):format(quote(home .. "/pid"), run)))
    -- The trap: a shell goes on after Ctrl-C, which it gets too. Some would without it.
    local inner = ("trap : INT; stty echo cols 80 rows 24; %s; echo code=$?; stty -a"):format(run)
    local typed = {}
    for i, step in ipairs(steps) do
      -- Only what came after the step before counts.
      typed[i] = (
        "n=0; until tail -c +$((seen + 1)) %s | grep -qs %s || [ $n = 600 ]; "
        .. "do n=$((n + 1)); sleep 0.05; done; seen=$(wc -c <%s); %s"
      ):format(
        quote(out),
        quote(step[1]),
        quote(out),
        step[3] or ("printf " .. quote(step[2]))
      )
    end
    local whole = "seen=0; : >%s; { %s; sleep 0.3; } | script -qefc %s /dev/null >%s"
    lines[#lines + 1] =
      whole:format(quote(out), table.concat(typed, "\n"), quote(inner), quote(out))
    local script = home .. "/script"
    folders.write(home, "script", table.concat(lines, "\n") .. "\n")
    output_of("timeout 300 sh " .. quote(script))
    local file = assert(io.open(out, "rb"))
    local screen = file:read("*a"):gsub("\r\n", "\n")
    file:close()
    local before, code, after = screen:match("^(.-)code=(%d+)\n(.*)$")
    assert(before, screen)
    return {
      screen = before,
      code = tonumber(code),
      echoes = (" " .. after):find("[%s]echo[%s;]") ~= nil,
    }
  end

  local function steps(key, project)
    return {
      { "Host", t.e.url .. "/\\n" },
      { "Project id", (project or "112358") .. "\\n" },
      { "API key", key .. "\\n" },
    }
  end

  it("asks for the account, tries it, and stores it readable by the user alone", function()
    local said = talk(steps(KEY))
    assert.equal(0, said.code, said.screen)
    assert.is_true(said.echoes)
    assert.is_nil(said.screen:find(KEY, 1, true), said.screen)
    assert.matches("112358\n", said.screen, 1, true) -- what is no secret is shown
    assert.matches("logged in to project 112358 at " .. t.e.url, said.screen, 1, true)
    assert.matches("saved in " .. path(), said.screen, 1, true)
    assert.same({ host = t.e.url, token = KEY, env_id = "112358" }, (kept()))
    assert.equal("600", mode_of(path()))
    assert.equal("700", mode_of(home .. "/.posthog"))
    assert.equal("credentials.json\n", output_of("ls -A " .. quote(home .. "/.posthog")))
    assert.matches("NAME", ends(0, { "skills", "list" }, { env = env() }).out)
    for _, entry in ipairs(t.e:log()) do
      assert.equal("GET", entry.method)
    end
  end)

  it("asks again for an invalid value, and for a key or project that the server refuses", function()
    local said = talk({
      { "Host", "mars\\n" },
      { "Host", ("http://me:pw@%s\\n"):format(t.e.url:match("//(.*)")) },
      { "user or password", t.e.url .. "/posthog/\\n" },
      { "Project id", "my project\\n" },
      { "is a number", "5\\n" },
      { "it is not shown", "\\n" }, -- of the question, which comes after what is wrong
      { "it is not shown", "phc_project\\n" },
      { "it is not shown", "phx_wrong\\n" },
      { "it is not shown", KEY .. "\\n" },
      { "Project id: ", "112358\\n" },
    })
    assert.equal(0, said.code, said.screen)
    assert.matches("mars.*Host.*is empty.*a project key.*not valid.*project 5", said.screen)
    assert.is_nil(said.screen:find("phx_%w"), said.screen)
    assert.is_nil(said.screen:find("phc_p", 1, true), said.screen)
    assert.same({ host = t.e.url .. "/posthog", token = KEY, env_id = "112358" }, (kept()))
  end)

  it("gives up after several invalid keys, and writes nothing", function()
    local said = talk({
      { "Host", t.e.url .. "\\n" },
      { "Project id", "112358\\n" },
      { "it is not shown", "phx_a\\n" },
      { "it is not shown", "phx_b\\n" },
      { "it is not shown", "phx_c\\n" },
    })
    assert.equal(3, select(2, said.screen:gsub("the key is not valid", "")), said.screen)
    assert.equal(5, said.code, said.screen)
    assert.matches("nothing was written", said.screen, 1, true)
    assert.is_nil(kept())
  end)

  for what, case in pairs({
    ["at the key"] = { 3, "\\003" },
    ["in the middle of the key"] = { 3, "phx_ab\\003" },
    ["at the project"] = { 2, "\\003" },
  }) do
    it("stops at Ctrl-C " .. what .. ", turns the echo on again and writes nothing", function()
      local list = steps(KEY)
      list[case[1]][2], list[case[1] + 1] = case[2], nil
      local said = talk(list)
      assert.equal(130, said.code, said.screen)
      assert.is_true(said.echoes)
      assert.matches("interrupted", said.screen, 1, true)
      assert.is_nil(said.screen:find("phx_", 1, true), said.screen)
      assert.is_nil(kept())
    end)
  end

  it("turns the echo on again when it is terminated while it waits for the key", function()
    local list = steps(KEY)
    list[3][3] = ("kill -TERM $(cat %s)"):format(quote(home .. "/pid"))
    local said = talk(list)
    assert.equal(143, said.code, said.screen)
    assert.is_true(said.echoes)
    assert.is_nil(kept())
  end)

  it("turns the echo on again at the end of the input", function()
    local list = steps(KEY)
    list[3][2] = "\\004"
    local said = talk(list)
    assert.equal(1, said.code, said.screen)
    assert.is_true(said.echoes)
    assert.matches("the input has ended, and nothing was written", said.screen, 1, true)
    assert.is_nil(kept())
  end)

  it("names an existing login before it replaces it, and keeps the file's other fields", function()
    folders.write(
      home,
      ".posthog/credentials.json",
      '{"host":null,"token":"phx_old","env_id":"9","more":[1]}'
    )
    local said = talk(steps(KEY))
    assert.equal(0, said.code, said.screen)
    local told = "already logged in to project 9 at https://us.posthog.com"
    assert.matches(told, said.screen, 1, true)
    assert.same({ host = t.e.url, token = KEY, env_id = "112358", more = { 1 } }, (kept()))
    assert.equal("600", mode_of(path()))
  end)

  it("says which environment variable takes precedence over the login", function()
    local said = talk(steps(KEY), {}, { env = { POSTHOG_PERSONAL_API_KEY = "phx_other" } })
    local told = "POSTHOG_PERSONAL_API_KEY is set and has precedence over the login"
    assert.matches(told, said.screen, 1, true)
  end)

  it("stores a key that lacks scopes, and says which", function()
    local said = talk(steps("phx_emulator_skills"))
    assert.equal(0, said.code, said.screen)
    assert.matches("note: the key lacks the scope dataset:read", said.screen, 1, true)
    assert.equal("phx_emulator_skills", kept().token)
  end)

  it("does not ask for what its options give", function()
    local said = talk({ { "API key", KEY .. "\\n" } }, { "--host", t.e.url, "--project", "112358" })
    assert.equal(0, said.code, said.screen)
    assert.equal(KEY, kept().token)
  end)

  local function login_by_file(code, options, ...)
    options.env = env(options.env)
    return ends(code, { "login", "--key-file", "-", ... }, options)
  end

  it("reads the key from standard input when asked to", function()
    local said = login_by_file(0, { stdin = KEY .. "\n" }, "--project", "112358", "--host", t.e.url)
    assert.matches("logged in to project 112358", said.err, 1, true)
    assert.equal(KEY, kept().token)
    said =
      login_by_file(0, { stdin = KEY .. "\n" }, "--json", "--project", "112358", "--host", t.e.url)
    assert.same({ file = path(), host = t.e.url, project_id = "112358" }, cjson.decode(said.out))
  end)

  it("takes a host as a browser shows it", function()
    login_by_file(
      0,
      { stdin = KEY .. "\n" },
      "--project",
      "112358",
      "--host",
      t.e.url .. "/project/112358/settings/user-api-keys?x=1#y"
    )
    assert.equal(t.e.url, kept().host)
    local us = cloud.start(t.e, "DNS:us.posthog.com")
    for _, host in ipairs({ "us.posthog.com", "US", "us.posthog.com/project/112358" }) do
      login_by_file(0, {
        stdin = KEY .. "\n",
        env = {
          https_proxy = us.proxy,
          SSL_CERT_FILE = us.ca_file,
        },
      }, "--project", "112358", "--host", host)
      assert.equal("https://us.posthog.com", kept().host)
    end
    us:stop()
  end)

  it("takes no key from a pipe unless asked to", function()
    local said = ends(2, { "login" }, { stdin = KEY .. "\n", env = env() })
    assert.matches("--key-file - (the key on standard input)", said.err, 1, true)
    assert.is_nil(kept())
    said = login_by_file(2, { stdin = KEY .. "\n" }, "--host", t.e.url)
    assert.matches("needs --project", said.err, 1, true)
  end)

  it("stores no account that the server refuses or whose server cannot be reached", function()
    for _, case in ipairs({
      { 5, "phx_wrong", "112358", t.e.url, "the key is not valid at 127.0.0.1" },
      { 5, "phc_wrong", "112358", t.e.url, "a project key" },
      { 5, "", "112358", t.e.url, "no key in its first line" },
      { 4, KEY, "5", t.e.url, "project 5 does not exist" },
      { 2, KEY, "x", t.e.url, "a project's id is a number" },
      { 1, KEY, "112358", "http://127.0.0.1:1", "127.0.0.1:1" },
      { 2, KEY, "112358", "http://posthog.example", "plain http to posthog.example" },
      { 1, KEY, "112358", t.e.tls_url, "the certificate is not trusted" },
      { 2, KEY, "112358", "https://us.i.posthog.com", "accepts only events" },
    }) do
      local said =
        login_by_file(case[1], { stdin = case[2] .. "\n" }, "--project", case[3], "--host", case[4])
      assert.matches(case[5], said.err, 1, true)
      assert.is_nil(kept())
      assert.equal("", output_of("ls -A " .. quote(home)))
    end
  end)

  it("stores no account of a server that is not PostHog's", function()
    for _, case in ipairs({ { 200, "{}" }, { 200, "null" }, { 200, "[]" }, { 401, "<html>" } }) do
      t.e:reset()
      t.e:fault({ match = { path = "^/api/" }, action = { status = case[1], body = case[2] } })
      local said = login_by_file(
        case[1] == 401 and 5 or 1,
        { stdin = KEY .. "\n" },
        "--project",
        "112358",
        "--host",
        t.e.url
      )
      assert.matches("not logged in: the server answers " .. case[1], said.err, 1, true)
      assert.is_nil(kept())
    end
  end)

  it("says when a key could not be tried", function()
    t.e:fault({
      match = { path = "^/api/" },
      action = {
        status = 429,
        body = '{"detail":"wait"}',
        headers = { ["Retry-After"] = "300", ["Content-Type"] = "application/json" },
      },
    })
    local said = login_by_file(0, { stdin = KEY .. "\n" }, "--project", "112358", "--host", t.e.url)
    assert.matches("note: the key could not be tried", said.err, 1, true)
    assert.matches("note: the server asks to wait 300 s", said.err, 1, true)
  end)

  it("names the other cloud where a key is not valid at one", function()
    local us = cloud.start(t.e, "DNS:us.posthog.com")
    local said = login_by_file(5, {
      stdin = "phx_wrong\n",
      env = {
        https_proxy = us.proxy,
        SSL_CERT_FILE = us.ca_file,
      },
    }, "--project", "112358")
    us:stop()
    assert.matches("is the account on the EU cloud? Then log in with --host eu", said.err, 1, true)
  end)

  it("says why the login cannot be stored in its folder", function()
    local function fails(words, more)
      local said = login_by_file(
        1,
        { stdin = KEY .. "\n", env = more },
        "--project",
        "112358",
        "--host",
        t.e.url
      )
      assert.matches(words, said.err, 1, true)
    end
    fails("no folder for the login: neither HOME nor POSTHOG_HOME is set", { HOME = "" })
    fails('no folder for the login: HOME is "here"', { HOME = "here" })
    fails("/proc/nowhere: the folder cannot be created", { POSTHOG_HOME = "/proc/nowhere" })
    folders.write(home, ".posthog/credentials.json/x", "")
    fails("it is a folder or a device", {})
    os.execute("rm -r " .. quote(home .. "/.posthog"))
    folders.write(home, ".posthog", "")
    fails(".posthog", {})
  end)

  describe("followed by logout", function()
    it("removes the login, and says that the key stays valid", function()
      login_by_file(0, { stdin = KEY .. "\n" }, "--project", "112358", "--host", t.e.url)
      local said = ends(0, { "logout" }, { env = env() })
      assert.matches("removed " .. path(), said.err, 1, true)
      assert.matches("stays valid", said.err, 1, true)
      assert.is_nil(kept())
      said = ends(0, { "logout" }, { env = env() })
      assert.matches("not logged in", said.err, 1, true)
      said = ends(5, { "skills", "list" }, { env = env() })
      assert.matches("posthog-llm login", said.err, 1, true)
    end)

    it("removes a login that is broken, and the target of a symbolic link", function()
      folders.write(home, "kept.json", '{"token":"phx_half')
      os.execute(
        ("mkdir %s; ln -s %s %s"):format(
          quote(home .. "/.posthog"),
          quote(home .. "/kept.json"),
          quote(path())
        )
      )
      ends(0, { "logout" }, { env = env() })
      assert.equal(".posthog\n", output_of("ls -A " .. quote(home)))
      assert.equal("", output_of("ls -A " .. quote(home .. "/.posthog")))
    end)

    it("removes a login in a folder that is a symbolic link", function()
      folders.write(home, "kept/credentials.json", '{"token":"phx_x","env_id":"1"}')
      os.execute(("ln -s kept %s"):format(quote(home .. "/.posthog")))
      assert.matches("removed " .. path(), ends(0, { "logout" }, { env = env() }).err, 1, true)
      assert.equal("", output_of("ls -A " .. quote(home .. "/kept")))
    end)
  end)
end)
