-- :checkhealth posthog in a real Neovim: each single thing that is wrong is one entry, with its cure.
if os.getenv("LUA") ~= "luajit" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local emulator = require("spec.emulator")
local folders = require("spec.support.folders")
local shell = require("spec.support.shell")

local run = shell.run

if select(2, run("command -v nvim")) ~= 0 then
  describe(":checkhealth posthog", function()
    pending("nvim is not installed")
  end)
  return
end

local IS_NEW = select(
  2,
  run("nvim --headless -u NONE -c 'if has(\"nvim-0.10\") | qa | endif' -c cquit")
) == 0

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

describe(":checkhealth posthog", function()
  local server, kept, home, plugin

  local PROXIES = "https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY SSL_CERT_FILE"

  --- Runs Neovim with the plugin and nothing else of this checkout.
  --- @param variables? table<string, string|false> false: not set
  local function nvim(arguments, variables)
    local env = {
      HOME = home,
      XDG_CONFIG_HOME = home .. "/config",
      XDG_DATA_HOME = home .. "/data",
      XDG_CACHE_HOME = home .. "/cache",
      XDG_STATE_HOME = home .. "/state",
      POSTHOG_HOST = server and server.url or false,
      POSTHOG_PERSONAL_API_KEY = "phx_emulator_all",
      POSTHOG_PROJECT_ID = "112358",
      LUA_PATH = false,
      LUA_CPATH = false,
    }
    for name in PROXIES:gmatch("%S+") do
      env[name] = false
    end
    for name, value in pairs(variables or {}) do
      env[name] = value
    end
    local unset, set = {}, {}
    for name, value in pairs(env) do
      if value then
        set[#set + 1] = name .. "=" .. quote(value)
      else
        unset[#unset + 1] = "-u " .. name
      end
    end
    return run(
      ("cd / && env %s %s timeout 200 nvim --headless -i NONE -u NONE --cmd %s %s </dev/null"):format(
        table.concat(unset, " "),
        table.concat(set, " "),
        quote("set runtimepath^=" .. plugin:gsub(" ", "\\ ")),
        arguments
      )
    )
  end

  --- What :checkhealth shows, and nothing that it says besides.
  --- @param setting? string Lua that is run before
  local function checkhealth(setting, variables)
    folders.write(
      home,
      "health.lua",
      ([[
        vim.cmd("runtime plugin/posthog.lua")
        %s
        vim.notify = function() end
        vim.cmd("checkhealth posthog")
        local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
        io.stdout:write("\n", table.concat(lines, "\n"), "\n")
        vim.cmd("qall!")
      ]]):format(setting or "")
    )
    local output = nvim("-c " .. quote("luafile " .. home .. "/health.lua"), variables)
    assert.not_matches("traceback", output)
    assert.not_matches("phx_%w", output)
    return output
  end

  --- Its entries that are not well.
  --- @return { level: "ERROR"|"WARNING", text: string, cure: string }[]
  local function entries(shown)
    local list
    list = {}
    for line in shown:gmatch("[^\n]+") do
      local level, text = line:match("(ERROR):? (.*)")
      if not level then
        level, text = line:match("(WARNING):? (.*)")
      end
      if level then
        list[#list + 1] = { level = level, text = text, cure = "" }
      elseif line:find("^%s+%- ") and list[#list] and not line:find("ADVICE") then
        list[#list].cure = list[#list].cure .. line:match("%- (.*)") .. "\n"
      elseif line:find("^%- ") then
        list[#list + 1] = { level = "", text = "", cure = "" } -- advice belongs to the one before
      end
    end
    local wrong = {}
    for _, entry in ipairs(list) do
      if entry.level ~= "" then
        wrong[#wrong + 1] = entry
      end
    end
    return wrong
  end

  --- Exactly one entry is not well: what it says, and what mends it.
  local function finds(level, text, cure, setting, variables)
    local shown = checkhealth(setting, variables)
    local wrong = entries(shown)
    assert.equal(1, #wrong, shown)
    assert.equal(level, wrong[1].level, shown)
    assert.matches(text, wrong[1].text, 1, true)
    assert.matches(cure, wrong[1].cure, 1, true)
    return shown
  end

  before_each(function()
    home = folders.new()
  end)
  after_each(function()
    folders.remove(home)
  end)

  if not IS_NEW then
    it("says that Neovim is too old, and what is", function()
      plugin = run("pwd"):match("[^\n]+")
      finds("ERROR", "Neovim 0.10 or newer is needed, and this is 0.", "install a newer Neovim")
    end)
    return
  end

  setup(function()
    server = emulator.start({ tls = true })
    home = folders.new()
    kept = folders.new() .. "/a plugin"
    plugin = kept
    run(("mkdir %s && cp -R build.lua src lua plugin %s/"):format(quote(kept), quote(kept)))
    run(("rm -f %s/lua/posthog/llm/core.so"):format(quote(kept)))
    local output, status = nvim("-l " .. quote(kept .. "/build.lua"))
    assert(status == 0, output)
    folders.remove(home)
  end)
  teardown(function()
    server:stop()
    folders.remove(kept:match("^(.*)/"))
  end)
  before_each(function()
    server:reset()
    plugin = kept
  end)

  --- A copy of the plugin to be spoilt.
  local function copy()
    local to = home .. "/copy"
    run(("cp -R %s %s"):format(quote(kept), quote(to)))
    return to
  end

  it("finds all well, and says of what kind it is", function()
    local shown = checkhealth()
    assert.same({}, entries(shown), shown)
    assert.matches("OK Neovim 0%.", shown)
    assert.matches("its core is .*/a plugin/lua/posthog/llm/core%.so", shown)
    assert.matches("OK credentials: POSTHOG_PERSONAL_API_KEY", shown)
    assert.matches("OK project: 112358", shown)
    for _, name in ipairs({ "skills read", "skills write", "datasets read", "spend read" }) do
      assert.matches("OK " .. name .. ": ", shown)
    end
    assert.matches("OK clock: ", shown)
    assert.matches("OK swap files", shown)
  end)

  it("makes no write, and asks for no spend", function()
    checkhealth()
    for _, entry in ipairs(server:log()) do
      assert.equal("GET", entry.method)
      assert.is_true(not entry.target:find("spend") or entry.target:find("limit=0") ~= nil)
      assert.matches("nvim", entry.raw_header)
    end
  end)

  describe("without a core that fits", function()
    it("says that there is none, and how to compile it", function()
      plugin = copy()
      os.remove(plugin .. "/lua/posthog/llm/core.so")
      finds("ERROR", "there is no C core, no lua/posthog/llm/core.so", ":PostHog build")
    end)

    it("names the compiler that is missing, too", function()
      plugin = copy()
      os.remove(plugin .. "/lua/posthog/llm/core.so")
      run(
        ("mkdir %s/bin && ln -s $(command -v nvim) $(command -v timeout) %s/bin/"):format(
          home,
          home
        )
      )
      finds(
        "ERROR",
        "there is no C core",
        "a C compiler is needed: install gcc or clang",
        nil,
        { PATH = home .. "/bin", CC = false }
      )
    end)

    it("says that it is of another version", function()
      plugin = copy()
      run(
        ("sed -i 's/^local VERSION = .*/local VERSION = \"9.9.9-9\"/' %s/lua/posthog/llm/util/core.lua"):format(
          plugin
        )
      )
      finds("ERROR", "of the C core, and its Lua files need 9.9.9-9", ":PostHog build")
    end)

    it("says that it is of another Lua", function()
      plugin = copy()
      folders.write(plugin, "lua/posthog/llm/core.so", "posthog-llm core 0.0.1+1 for Lua 5.4\0")
      finds("ERROR", "core.so is built for Lua 5.4, and this is LuaJIT", ":PostHog build")
    end)

    it("says that there is no libcurl at run time", function()
      run("mkdir " .. home .. "/lib")
      for _, name in ipairs({
        "libcurl.so.4",
        "libcurl-gnutls.so.4",
        "libcurl-nss.so.4",
        "libcurl.so",
      }) do
        folders.write(home, "lib/" .. name, "no library")
      end
      finds("ERROR", "libcurl", "install curl", nil, { LD_LIBRARY_PATH = home .. "/lib" })
    end)
  end)

  it("names a second copy of the library, as of make nvim, and which one is used", function()
    local other = copy()
    finds(
      "WARNING",
      ("is used, and not %s"):format(other),
      "remove all copies but one",
      ("vim.opt.runtimepath:append(%q)"):format(other)
    )
  end)

  describe("with an account that is wrong", function()
    it("says that there is no key, and where one may stand", function()
      finds(
        "ERROR",
        "credentials: no key",
        "or set key_command or key_file in vim.g.posthog",
        nil,
        { POSTHOG_PERSONAL_API_KEY = false }
      )
    end)

    it("says that a project key is none", function()
      finds(
        "ERROR",
        "key: POSTHOG_PERSONAL_API_KEY: ",
        "create one in PostHog",
        nil,
        { POSTHOG_PERSONAL_API_KEY = "phc_a" }
      )
      local path = home .. "/key"
      folders.write(home, "key", "phc_abc\n")
      run("chmod 600 " .. path)
      finds(
        "ERROR",
        "key: key_file: ",
        "put another key into the file of vim.g.posthog.key_file",
        ("vim.g.posthog = { key_file = %q }"):format(path)
      )
    end)

    it("says that a key is not valid, wherever it is from", function()
      finds(
        "ERROR",
        "key accepted: the key is not valid at 127.0.0.1",
        "set POSTHOG_PERSONAL_API_KEY",
        nil,
        { POSTHOG_PERSONAL_API_KEY = "phx_wrong" }
      )
      finds(
        "ERROR",
        "key accepted: the key is not valid at 127.0.0.1",
        "let vim.g.posthog.key_command print another key",
        'vim.g.posthog = { key_command = "echo phx_wrong" }'
      )
    end)

    for scope, case in pairs({
      ["llm_skill:read"] = { "skills read", "llm_skills" },
      ["dataset:read"] = { "datasets read", "/datasets/" },
      ["user:read"] = { "spend read", "spend" },
    }) do
      it("names the missing scope " .. scope, function()
        local body = '{"type":"authentication_error","code":"permission_denied",'
          .. ('"detail":"API key missing required scope \'%s\'"}'):format(scope)
        server:fault({
          match = { path = case[2] },
          action = {
            status = 403,
            headers = { ["Content-Type"] = "application/json" },
            body = body,
          },
        })
        finds(
          "ERROR",
          ("%s: the key lacks the scope %s"):format(case[1], scope),
          ("add the scope %s to the key"):format(scope)
        )
      end)
    end

    it("says that the project is wrong, and which setting names it", function()
      finds(
        "ERROR",
        "project: project 999 does not exist",
        "set POSTHOG_PROJECT_ID",
        nil,
        { POSTHOG_PROJECT_ID = "999" }
      )
      finds(
        "ERROR",
        "project: project 999 does not exist",
        "set another vim.g.posthog.project",
        "vim.g.posthog = { project = 999 }"
      )
      finds(
        "ERROR",
        "project: no project is set",
        "set POSTHOG_PROJECT_ID",
        nil,
        { POSTHOG_PROJECT_ID = false }
      )
    end)

    it("says that the host is none", function()
      finds(
        "ERROR",
        "host: vim.g.posthog.host: ",
        "set another vim.g.posthog.host: us, eu or your server's URL",
        'vim.g.posthog = { host = "mars" }'
      )
    end)

    it("says that nobody answers, or that the name is unknown", function()
      finds("ERROR", "connection: ", "is the server running, on port 1", nil, {
        POSTHOG_HOST = "http://127.0.0.1:1",
      })
      finds("ERROR", "name lookup: ", "is it spelt right", nil, {
        POSTHOG_HOST = "https://nowhere.invalid",
      })
    end)

    it("says that the certificate is not trusted", function()
      finds(
        "ERROR",
        "tls: the certificate is not trusted",
        "SSL_CERT_FILE",
        nil,
        { POSTHOG_HOST = server.tls_url }
      )
      local shown =
        checkhealth(nil, { POSTHOG_HOST = server.tls_url, SSL_CERT_FILE = server.ca_file })
      assert.same({}, entries(shown), shown)
    end)

    it("says that the port speaks no TLS, and which host is meant", function()
      finds(
        "ERROR",
        "tls: the port speaks plain http",
        ('set vim.g.posthog.host = "%s"'):format(server.url),
        ("vim.g.posthog = { host = %q }"):format(server.url:gsub("^http", "https"))
      )
    end)

    it("says that the clock is wrong", function()
      local date = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 86400)
      server:fault({ match = { path = "^/api/" }, action = { headers = { Date = date } } })
      finds("ERROR", "clock: this machine's clock is 1.0 days behind", "timedatectl set-ntp true")
    end)

    it("says that a page answers, and not PostHog", function()
      server:fault({
        match = { path = "^/api/" },
        action = { status = 200, body = "<html>", headers = { ["Content-Type"] = "text/html" } },
      })
      finds("ERROR", "server: the server answers 200 with text/html", "PostHog's own address")
    end)

    it("names the proxy that does not answer", function()
      finds("ERROR", "proxy: ", "fix or unset https_proxy", nil, {
        POSTHOG_HOST = server.tls_url,
        SSL_CERT_FILE = server.ca_file,
        https_proxy = "http://127.0.0.1:1",
      })
    end)
  end)

  describe("with a key from the settings that cannot be had", function()
    for name, case in pairs({
      ["a command that fails"] = { 'key_command = "exit 3"', "key_command ended with status 3" },
      ["a command that prints nothing"] = {
        'key_command = "true"',
        "key_command has printed no key",
      },
      ["a command that is not there"] = {
        'key_command = { "no-such-program" }',
        "key_command: no-such-program cannot be run",
      },
      ["a file that is not there"] = { 'key_file = "/no/such/file"', "key_file: /no/such/file: " },
      ["a file without one"] = {
        'key_file = "/dev/null"',
        "key_file: there is no key in the first",
      },
    }) do
      it("names " .. name, function()
        -- /dev/null is everybody's to read, and no key is in it.
        local wrong = entries(checkhealth(("vim.g.posthog = { %s }"):format(case[1])))
        local last = wrong[#wrong]
        assert.equal("ERROR", last.level)
        assert.matches(case[2], last.text, 1, true)
        assert.matches("change vim.g.posthog", last.cure, 1, true)
      end)
    end

    it("names a file with the key that others may read", function()
      folders.write(home, "key", "phx_emulator_all\n")
      run("chmod 644 " .. home .. "/key")
      local setting = ("vim.g.posthog = { key_file = %q }"):format(home .. "/key")
      finds("WARNING", "other users have access to the key in " .. home, "run: chmod 600", setting)
      run("chmod 600 " .. home .. "/key")
      assert.same({}, entries(checkhealth(setting)))
    end)
  end)

  it("takes the rights of others on the login away, or names its owner's command", function()
    run("mkdir " .. home .. "/.posthog")
    folders.write(
      home,
      ".posthog/credentials.json",
      ('{"host":"%s","token":"phx_emulator_all","env_id":"112358"}'):format(server.url)
    )
    local path = home .. "/.posthog/credentials.json"
    run("chmod 644 " .. path)
    local without =
      { POSTHOG_PERSONAL_API_KEY = false, POSTHOG_HOST = false, POSTHOG_PROJECT_ID = false }
    assert.same({}, entries(checkhealth(nil, without)))
    assert.equal("600\n", (run("stat -c %a " .. path)))
    if select(2, run("chown 12345 " .. path .. " && chmod 644 " .. path)) == 0 then -- as root
      finds("ERROR", "other users have access to it (mode 0644)", "chmod 600", nil, without)
    end
  end)

  describe("with settings that are wrong", function()
    for setting, words in pairs({
      ["colour = 1"] = "vim.g.posthog.colour is unknown; there are host, items, key_command",
      ["api_key = 'x'"] = "vim.g.posthog.api_key is not used: a key does not belong into settings",
      ["project = true"] = "vim.g.posthog.project: string or number expected, got boolean",
      ["host = 1"] = "vim.g.posthog.host: string expected, got number",
      ["key_command = 1"] = "vim.g.posthog.key_command: string or table expected, got number",
      ["key_file = 1"] = "vim.g.posthog.key_file: string expected, got number",
      ["wait = '1'"] = "vim.g.posthog.wait: number expected, got string",
      ["wait = -1"] = "vim.g.posthog.wait: -1 is not between 0 and 86400000",
      ["quit_wait = '1'"] = "vim.g.posthog.quit_wait: number expected, got string",
      ["items = '1'"] = "vim.g.posthog.items: number expected, got string",
      ["items = 0"] = "vim.g.posthog.items: 0 is not between 1 and",
      ["lint = 1"] = "vim.g.posthog.lint: boolean expected, got number",
      ["spend = 1"] = "vim.g.posthog.spend: table expected, got number",
      ["spend = { colour = 1 }"] = "vim.g.posthog.spend.colour is unknown; there are budget, from",
      ["spend = { refresh = 'x' }"] = "vim.g.posthog.spend.refresh: number expected, got string",
      ["spend = { from = 1 }"] = "vim.g.posthog.spend.from: string expected, got number",
      ["spend = { budget = 'x' }"] = "vim.g.posthog.spend.budget: number expected, got string",
      ["spend = { max_per_day = 'x' }"] = "vim.g.posthog.spend.max_per_day: number expected, got",
    }) do
      it("names " .. setting, function()
        finds("WARNING", words, "change vim.g.posthog", ("vim.g.posthog = { %s }"):format(setting))
      end)
    end

    it("names one that is no table", function()
      finds("WARNING", "vim.g.posthog is not a table", "change vim.g.posthog", "vim.g.posthog = 7")
    end)
  end)

  describe("with folders that cannot be written", function()
    it("names the cache", function()
      run(("mkdir -p %s/cache/nvim"):format(home))
      folders.write(home, "cache/nvim/posthog", "in the way")
      finds("WARNING", "/cache/nvim/posthog cannot be written", "XDG_CACHE_HOME")
    end)

    it("names the swap files", function()
      folders.write(home, "state", "in the way")
      finds("WARNING", "no folder of 'directory' can be written", home .. "/state")
    end)

    it("says what is lost where there are no swap files", function()
      finds("WARNING", "'swapfile' is off", "set swapfile", "vim.go.swapfile = false")
    end)
  end)
end)
