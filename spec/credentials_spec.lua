--- Where an account is found, what keeps it from being taken, and that the key shows nowhere.

local folders = require("spec.support.folders")

local LUA = os.getenv("LUA") or "lua5.4"
local SECRET = "phx_s3cret_of_the_spec"

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function shell(text)
  local pipe = assert(io.popen(text))
  local out = pipe:read("*a")
  pipe:close()
  return out
end

--- Whether files of others can be made here.
local IS_ROOT = shell("id -u") == "0\n"

--- Prints what find() gives, a field a line; or the error.
local FIND = [[
  local credentials = require("posthog.llm.credentials")
  local found, err = credentials.find()
  if found then
    for _, name in ipairs({ "personal_api_key", "project_id", "host", "source" }) do
      print(name .. "=" .. tostring(found[name]))
    end
    print("tostring=" .. tostring(found))
    print("client=" .. tostring(require("posthog.llm").new(found)))
  else
    print("kind=" .. err.kind)
    print("error=" .. tostring(err))
    for name, value in pairs(err) do print("field " .. name, tostring(value)) end
  end
]]

describe("posthog.llm.credentials", function()
  local home
  before_each(function()
    home = folders.new()
  end)
  after_each(function()
    folders.remove(home)
  end)

  local function file()
    return home .. "/.posthog/credentials.json"
  end

  --- @param text string
  --- @param mode? string
  local function write(text, mode)
    os.execute("mkdir -p " .. quote(home .. "/.posthog"))
    local out = assert(io.open(file(), "wb"))
    out:write(text)
    out:close()
    os.execute(("chmod %s %s"):format(mode or "600", quote(file())))
  end

  local function mode_of(path)
    return shell(
      ("stat -L -c %%a %s 2>/dev/null || stat -L -f %%Lp %s"):format(quote(path), quote(path))
    ):match("%d+")
  end

  --- @param env? table<string, string>
  --- @param program? string
  --- @param through? string
  local function run(env, program, through)
    local words = { "env -i", "PATH=" .. quote(os.getenv("PATH")), "HOME=" .. quote(home) }
    for _, name in ipairs({ "LUA_PATH", "LUA_CPATH", "LD_PRELOAD", "ASAN_OPTIONS" }) do
      local value = os.getenv(name)
      if value then
        words[#words + 1] = name .. "=" .. quote(value)
      end
    end
    for name, value in pairs(env or {}) do
      words[#words + 1] = name .. "=" .. quote(value)
    end
    words[#words + 1] = through
    words[#words + 1] = LUA .. " -e " .. quote(program or FIND)
    return shell(table.concat(words, " ") .. " 2>&1")
  end

  local function find(env, through)
    local text, found = run(env, nil, through), {}
    for name, value in text:gmatch("([%w_]+)=([^\n]*)\n") do
      found[name] = value
    end
    found.text = text
    return found
  end

  local function login(fields)
    write(
      ('{"host":%s,"token":"%s","env_id":"%s"}'):format(
        fields.host or "null",
        fields.token or SECRET,
        fields.env_id or "42"
      ),
      fields.mode
    )
  end

  it("takes the variables first, then those of posthog-cli, then its file", function()
    login({ host = '"https://file.example"' })
    local cli = {
      POSTHOG_CLI_API_KEY = "phx_cli",
      POSTHOG_CLI_PROJECT_ID = "2",
      POSTHOG_CLI_HOST = "https://cli.example",
    }
    local all = {
      POSTHOG_PERSONAL_API_KEY = "phx_own",
      POSTHOG_PROJECT_ID = "1",
      POSTHOG_HOST = "eu",
    }
    for name, value in pairs(cli) do
      all[name] = value
    end
    local found = find(all)
    assert.equal(
      "phx_own 1 eu POSTHOG_PERSONAL_API_KEY",
      table.concat({ found.personal_api_key, found.project_id, found.host, found.source }, " ")
    )
    found = find(cli)
    assert.equal(
      "phx_cli 2 https://cli.example POSTHOG_CLI_API_KEY",
      table.concat({
        found.personal_api_key,
        found.project_id,
        found.host,
        found.source,
      }, " ")
    )
    found = find()
    assert.equal(
      SECRET .. " 42 https://file.example " .. file(),
      table.concat({
        found.personal_api_key,
        found.project_id,
        found.host,
        found.source,
      }, " ")
    )
  end)

  it("takes the older names of posthog-cli's variables where the newer are not set", function()
    local found = find({ POSTHOG_CLI_TOKEN = "phx_old", POSTHOG_CLI_ENV_ID = "7" })
    assert.equal("phx_old", found.personal_api_key)
    assert.equal("7", found.project_id)
    found = find({
      POSTHOG_CLI_TOKEN = "phx_old",
      POSTHOG_CLI_ENV_ID = "7",
      POSTHOG_CLI_API_KEY = "phx_new",
      POSTHOG_CLI_PROJECT_ID = "8",
    })
    assert.equal("phx_new", found.personal_api_key)
    assert.equal("8", found.project_id)
  end)

  it("takes no host and no project that were set for another key", function()
    login({})
    local found = find({
      POSTHOG_HOST = "https://evil.example",
      POSTHOG_PROJECT_ID = "9",
      POSTHOG_CLI_HOST = "https://evil.example",
    })
    assert.equal("https://us.posthog.com", found.host)
    assert.equal("42", found.project_id)
    assert.equal("posthog.llm.Client (https://us.posthog.com)", found.client)
    found =
      find({ POSTHOG_PERSONAL_API_KEY = "phx_own", POSTHOG_CLI_HOST = "https://evil.example" })
    assert.equal("https://us.posthog.com", found.host)
    assert.equal("nil", found.project_id)
  end)

  it("returns options for llm.new, which itself reads only the first source", function()
    login({ host = '"https://file.example/path/"' })
    assert.equal("posthog.llm.Client (https://file.example/path)", find().client)
    local said = run(
      {},
      [[
      local _, err = require("posthog.llm").new({ project_id = 1 }).datasets:list()
      print(err)
    ]]
    )
    assert.matches("no key: set POSTHOG_PERSONAL_API_KEY", said, 1, true)
  end)

  it("never shows the key when printed", function()
    login({})
    assert.equal(file() .. ", project 42 at https://us.posthog.com", find().tostring)
  end)

  it("treats an empty variable as one that is not set", function()
    login({})
    assert.equal("42", find({ POSTHOG_PERSONAL_API_KEY = "", POSTHOG_CLI_TOKEN = "" }).project_id)
  end)

  it("says what to do where there is no key", function()
    local found = find()
    assert.equal("auth", found.kind)
    assert.matches("posthog-llm login", found.error, 1, true)
    assert.matches("set POSTHOG_PERSONAL_API_KEY", found.error, 1, true)
    assert.matches(file() .. " does not exist", found.error, 1, true)
  end)

  it("reads the file below POSTHOG_HOME, as posthog-cli does", function()
    login({})
    assert.equal("42", find({ HOME = "/nowhere", POSTHOG_HOME = home .. "/.posthog/" }).project_id)
  end)

  it("reads no file in the working directory if HOME is not an absolute path", function()
    login({})
    local relative = ("../"):rep(20) .. home:sub(2) -- it is there, from wherever this runs
    for _, case in ipairs({
      { { HOME = "" }, "neither HOME nor POSTHOG_HOME is set" },
      { { HOME = relative }, ("HOME is %q, not an absolute path"):format(relative) },
      { { POSTHOG_HOME = relative .. "/.posthog" }, '/.posthog", not an absolute path' },
      { { POSTHOG_HOME = "~/.posthog" }, 'POSTHOG_HOME is "~/.posthog", not an absolute path' },
    }) do
      local found = find(case[1])
      assert.equal("auth", found.kind, found.text)
      assert.matches(case[2], found.error, 1, true)
    end
  end)

  it("reads what other programs and editors make of the file", function()
    for _, text in ipairs({
      '\239\187\191{"host":null,"token":"%s","env_id":"42"}\r\n',
      '{\r\n  "token": "  %s\\r\\n",\r\n  "env_id": 42\r\n}\r\n',
      '{"host":"","token":"%s","env_id":" 42 ","more":{"a":[1]}}',
    }) do
      write(text:format(SECRET))
      local found = find()
      assert.equal(SECRET, found.personal_api_key, found.text)
      assert.equal("42", found.project_id)
      assert.equal("https://us.posthog.com", found.host)
    end
  end)

  it("removes the access that others have to the user's own file", function()
    for _, mode in ipairs({ "644", "640", "660", "604", "666" }) do
      login({ mode = mode })
      assert.equal("42", find().project_id)
      assert.equal("600", mode_of(file()))
    end
    login({ mode = "444" })
    assert.equal("42", find().project_id)
    assert.equal("400", mode_of(file()))
  end)

  it("follows a link to the file, and corrects the mode of its target", function()
    login({ mode = "644" })
    local target = home .. "/kept.json"
    assert(os.rename(file(), target))
    os.execute(("ln -s %s %s"):format(quote(target), quote(file())))
    assert.equal("42", find().project_id)
    assert.equal("600", mode_of(target))
  end)

  it("leaves a file alone that is not a login", function()
    write("root:x:0:0\n", "644")
    assert.equal("file", find().kind)
    assert.equal("644", mode_of(file()))
  end)

  it("refuses a file of another user that others may read", function()
    if not IS_ROOT then
      return pending("only root can give a file away")
    end
    login({ mode = "644" })
    os.execute("chown 65534 " .. quote(file()))
    local found = find()
    assert.equal("file", found.kind, found.text)
    assert.matches(file(), found.error, 1, true)
    assert.matches("other users have access to it (mode 0644)", found.error, 1, true)
    assert.matches("chmod 600", found.error, 1, true)
    assert.equal("644", mode_of(file()))
    os.execute("chmod 600 " .. quote(file()))
    assert.equal("42", find().project_id) -- nobody else sees it
  end)

  it("names the file and the remedy if it cannot be used", function()
    local cases = {
      {
        "it is not a JSON object",
        "file",
        function()
          write('{"token":"' .. SECRET .. '",')
        end,
      },
      {
        "it is not a JSON object",
        "file",
        function()
          write('["' .. SECRET .. '"]')
        end,
      },
      {
        "it is not a JSON object",
        "file",
        function()
          write("")
        end,
      },
      {
        "it has no key (token)",
        "auth",
        function()
          write('{"env_id":"42"}')
        end,
      },
      {
        "it has no key (token)",
        "auth",
        function()
          login({ token = " " })
        end,
      },
      {
        "it has no project (env_id)",
        "invalid",
        function()
          write('{"token":"phx_x"}')
        end,
      },
      {
        "the project id",
        "invalid",
        function()
          login({ env_id = "my project" })
        end,
      },
      {
        "the project id",
        "invalid",
        function()
          write('{"token":"phx_x","env_id":1.5}')
        end,
      },
      {
        "the project id",
        "invalid",
        function()
          write('{"token":"phx_x","env_id":1e99}')
        end,
      },
      {
        "the project id",
        "invalid",
        function()
          write('{"token":"phx_x","env_id":[1]}')
        end,
      },
      {
        "it has no key (token)",
        "auth",
        function()
          write('{"token":["phx_x"],"env_id":1}')
        end,
      },
      {
        'the host "5"',
        "invalid",
        function()
          login({ host = "5" })
        end,
      },
      {
        "the host",
        "invalid",
        function()
          login({ host = '{"url":"https://x"}' })
        end,
      },
      {
        "the key is a project key",
        "auth",
        function()
          login({ token = "phc_" .. SECRET })
        end,
      },
      {
        "a project secret key",
        "auth",
        function()
          login({ token = "phs_" .. SECRET })
        end,
      },
      {
        "contains a line break",
        "auth",
        function()
          login({ token = SECRET .. "\\n" .. SECRET })
        end,
      },
      {
        "accepts only events",
        "invalid",
        function()
          login({ host = '"https://us.i.posthog.com"' })
        end,
      },
      {
        "a user or password",
        "invalid",
        function()
          login({ host = ('"https://me:%s@posthog.example"'):format(SECRET) })
        end,
      },
      {
        "it has more than 64 KiB",
        "file",
        function()
          login({ token = ("x"):rep(70000) })
        end,
      },
      {
        "it is a folder or a device",
        "file",
        function()
          os.execute("mkdir -p " .. quote(file()))
        end,
      },
      {
        "it is a folder or a device",
        "file",
        function()
          os.execute(("mkdir -p %s && mkfifo %s"):format(quote(home .. "/.posthog"), quote(file())))
        end,
      },
      {
        "cannot be read: Not a directory",
        "file",
        function()
          os.execute("touch " .. quote(home .. "/.posthog"))
        end,
      },
    }
    for _, case in ipairs(cases) do
      os.execute("rm -rf " .. quote(home .. "/.posthog"))
      case[3]()
      local found = find()
      assert.equal(case[2], found.kind, case[1] .. found.text)
      assert.matches(file(), found.error, 1, true)
      assert.matches(case[1], found.error, 1, true)
      local way = found.error:find("posthog-llm login", 1, true)
        or found.error:find("set POSTHOG_PERSONAL_API_KEY", 1, true)
      assert.is_truthy(way, found.error)
      assert.is_nil(found.text:find("s3cret", 1, true), found.text)
    end
  end)

  it("names a file that it may not read", function()
    login({})
    os.execute("chmod 000 " .. quote(file()))
    if IS_ROOT and shell("command -v setpriv") == "" then
      return pending("root reads all")
    end
    os.execute(IS_ROOT and "chmod 755 " .. quote(home) .. "; true" or "true")
    local found = find(nil, IS_ROOT and "setpriv --reuid 65534 --clear-groups" or nil)
    assert.equal("file", found.kind, found.text)
    assert.matches("credentials.json: cannot be read: Permission denied", found.error, 1, true)
  end)

  it("names the variable that is wrong, and not its value", function()
    for _, case in ipairs({
      {
        { POSTHOG_PERSONAL_API_KEY = "phc_s3cret" },
        "auth",
        "POSTHOG_PERSONAL_API_KEY: the key is",
      },
      {
        { POSTHOG_CLI_TOKEN = "phc_s3cret", POSTHOG_CLI_ENV_ID = "1" },
        "auth",
        "POSTHOG_CLI_TOKEN: the key is a project key",
      },
      {
        { POSTHOG_CLI_API_KEY = "phx_s3cret" },
        "invalid",
        "POSTHOG_CLI_API_KEY is set, POSTHOG_CLI_PROJECT_ID is not",
      },
      {
        { POSTHOG_PERSONAL_API_KEY = "phx_s3cret", POSTHOG_PROJECT_ID = "x" },
        "invalid",
        'POSTHOG_PROJECT_ID: the project id "x"',
      },
      {
        { POSTHOG_PERSONAL_API_KEY = "phx_s3cret", POSTHOG_HOST = "ftp://x" },
        "invalid",
        'POSTHOG_HOST: the host "ftp://x"',
      },
      {
        { POSTHOG_PERSONAL_API_KEY = "1", POSTHOG_PROJECT_ID = "phx_s3cret" },
        "invalid",
        "POSTHOG_PROJECT_ID: the project id (it looks like a key)",
      },
    }) do
      local found = find(case[1])
      assert.equal(case[2], found.kind, found.text)
      assert.matches(case[3], found.error, 1, true)
      assert.is_nil(found.text:find("s3cret", 1, true), found.text)
    end
  end)

  local SAVE = [[
    local credentials = require("posthog.llm.credentials")
    print(credentials.save({
      personal_api_key = "phx_new", project_id = "7", host = "https://eu.posthog.com",
    }))
    print(credentials.find())
  ]]

  it("stores a login readable by the user alone, with any umask", function()
    local umask = "sh -c " .. quote('umask 0; exec "$@"') .. " -"
    local said = run(nil, SAVE, umask)
    assert.equal(file() .. "\n" .. file() .. ", project 7 at https://eu.posthog.com\n", said)
    os.remove(file())
    -- Without `find`, which would remove the access of others.
    assert.equal(file() .. "\n", run(nil, (SAVE:gsub("print%(credentials%.find%(%)%)", "")), umask))
    assert.equal("600", mode_of(file()))
    assert.equal("700", mode_of(home .. "/.posthog"))
    assert.equal("credentials.json\n", shell("ls -A " .. quote(home .. "/.posthog")))
  end)

  local TRY_SAVE = [[
    local credentials = require("posthog.llm.credentials")
    local path, err = credentials.save(%s)
    print(path or ("%%s %%s %%s: %%s"):format(err.call, err.kind, err.option, err.message))
  ]]

  it("stores no login that find would refuse", function()
    for given, words in pairs({
      ['{ personal_api_key = "phx_a" }'] = "invalid project_id: no project",
      ['{ personal_api_key = "phx_a", project_id = "x" }'] = 'invalid project_id: the project id "x"',
      ['{ personal_api_key = "phx_a", project_id = "" }'] = 'invalid project_id: the project id ""',
      ['{ project_id = "7" }'] = "auth personal_api_key: no key",
      ['{ personal_api_key = "phc_a", project_id = "7" }'] = "auth personal_api_key: the key is a project",
      ['{ personal_api_key = "phx_a", project_id = "7", host = "mars" }'] = 'invalid host: the host "mars"',
      ['{ personal_api_key = "phx_a", project_id = "7", host = "http://posthog.example" }'] = "invalid host: plain http",
    }) do
      local out = run({}, TRY_SAVE:format(given))
      assert.matches("credentials.save " .. words, out, 1, true)
      assert.equal("", shell("ls -A " .. quote(home)))
    end
  end)

  it("stores a login as posthog-cli does: project as text, host as URL", function()
    run({}, TRY_SAVE:format('{ personal_api_key = " phx_a\\n", project_id = 7.0, host = "eu" }'))
    assert.equal(
      '{"env_id":"7","host":"https://eu.posthog.com","token":"phx_a"}\n',
      shell("cat " .. quote(file()))
    )
  end)

  it("raises at the caller's line for an invalid argument", function()
    for call, words in pairs({
      ["save()"] = "login: table expected, got nil",
      ["save({ personal_api_key = 5 })"] = "login.personal_api_key: string expected, got number",
      ["save({ key = 'phx_a' })"] = 'login: unknown option "key"; known are host, personal_api_key',
      ["find(5)"] = "given: table expected, got number",
      ["find({ project = '7' })"] = 'given: unknown option "project"',
    }) do
      local out = run(
        {},
        "print(pcall(function()\nlocal _ = require('posthog.llm.credentials')." .. call .. "\nend))"
      )
      assert.matches("^false\t[^\n]*:2: posthog.llm: ", out)
      assert.matches(words, out, 1, true)
    end
  end)

  it("names a variable that is copied with its name, and says how to set POSTHOG_HOME", function()
    local out = run({ POSTHOG_PERSONAL_API_KEY = "POSTHOG_PERSONAL_API_KEY=" .. SECRET })
    assert.matches("the key begins with the name of a variable", out, 1, true)
    assert.is_nil(out:find(SECRET, 1, true))
    out =
      run({ POSTHOG_HOME = "here" }, "print(select(2, require('posthog.llm.credentials').path()))")
    assert.matches(
      'POSTHOG_HOME is "here", not an absolute path; set it to one, or unset it',
      out,
      1,
      true
    )
  end)

  it("names the source of the key in each error", function()
    local env = { POSTHOG_CLI_TOKEN = SECRET, POSTHOG_CLI_ENV_ID = "7", POSTHOG_CLI_HOST = "mars" }
    assert.matches("field key_source\tPOSTHOG_CLI_TOKEN", run(env), 1, true)
    env.POSTHOG_CLI_HOST, env.POSTHOG_CLI_ENV_ID = nil, "x"
    assert.matches("field key_source\tPOSTHOG_CLI_TOKEN", run(env), 1, true)
    env.POSTHOG_CLI_ENV_ID = nil
    assert.matches("field key_source\tPOSTHOG_CLI_TOKEN", run(env), 1, true)
  end)

  it("keeps the other fields of the file, and a link to it", function()
    write('{"token":"phx_old","more":{"list":[],"big":9007199254740993,"none":null}}', "644")
    local target = home .. "/kept.json"
    assert(os.rename(file(), target))
    os.execute(
      ("ln -s %s %s; chmod 755 %s"):format(quote(target), quote(file()), quote(home .. "/.posthog"))
    )
    run(nil, SAVE)
    local kept = assert(io.open(target, "rb"))
    assert.equal(
      '{"env_id":"7","host":"https://eu.posthog.com",'
        .. '"more":{"big":9007199254740993,"list":[],"none":null},"token":"phx_new"}\n',
      kept:read("*a")
    )
    kept:close()
    assert.equal("600", mode_of(target))
    assert.equal("700", mode_of(home .. "/.posthog"))
    assert.matches("^l", shell("ls -l " .. quote(file())))
  end)

  it("makes an existing folder no wider", function()
    os.execute("mkdir -m 555 " .. quote(home .. "/.posthog"))
    run(nil, SAVE)
    assert.equal("500", mode_of(home .. "/.posthog"))
    os.execute("rm -rf " .. quote(home .. "/.posthog") .. "; mkdir -m 755 " .. quote(home .. "/x"))
    run({ POSTHOG_HOME = home .. "/x" }, SAVE)
    assert.equal("755", mode_of(home .. "/x")) -- it may be shared with reason
    assert.equal("600", mode_of(home .. "/x/credentials.json"))
  end)

  it("leaves the old file when the disk is full", function()
    login({})
    local said = run(nil, SAVE, "sh -c " .. quote('ulimit -f 0; trap "" XFSZ; exec "$@"') .. " -")
    assert.matches("credentials.json: cannot be written", said, 1, true)
    assert.equal(SECRET, find().personal_api_key)
    assert.equal("credentials.json\n", shell("ls -A " .. quote(home .. "/.posthog")))
  end)
end)
