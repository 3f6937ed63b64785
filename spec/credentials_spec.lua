--- Where an account is found, whose host and project it has, and that the key shows nowhere.

local credentials_process = require("spec.support.credentials_process")

local SECRET = credentials_process.SECRET

describe("posthog.llm.credentials", function()
  local t = credentials_process.session()
  before_each(t.reset)
  after_each(t.finish)

  it("takes the variables first, then those of posthog-cli, then its file", function()
    t.login({ host = '"https://file.example"' })
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
    local found = t.find(all)
    assert.equal(
      "phx_own 1 eu POSTHOG_PERSONAL_API_KEY",
      table.concat({ found.personal_api_key, found.project_id, found.host, found.source }, " ")
    )
    found = t.find(cli)
    assert.equal(
      "phx_cli 2 https://cli.example POSTHOG_CLI_API_KEY",
      table.concat({
        found.personal_api_key,
        found.project_id,
        found.host,
        found.source,
      }, " ")
    )
    found = t.find()
    assert.equal(
      SECRET .. " 42 https://file.example " .. t.file(),
      table.concat({
        found.personal_api_key,
        found.project_id,
        found.host,
        found.source,
      }, " ")
    )
  end)

  it("takes the older names of posthog-cli's variables where the newer are not set", function()
    local found = t.find({ POSTHOG_CLI_TOKEN = "phx_old", POSTHOG_CLI_ENV_ID = "7" })
    assert.equal("phx_old", found.personal_api_key)
    assert.equal("7", found.project_id)
    found = t.find({
      POSTHOG_CLI_TOKEN = "phx_old",
      POSTHOG_CLI_ENV_ID = "7",
      POSTHOG_CLI_API_KEY = "phx_new",
      POSTHOG_CLI_PROJECT_ID = "8",
    })
    assert.equal("phx_new", found.personal_api_key)
    assert.equal("8", found.project_id)
  end)

  it("takes no host and no project that were set for another key", function()
    t.login({})
    local found = t.find({
      POSTHOG_HOST = "https://evil.example",
      POSTHOG_PROJECT_ID = "9",
      POSTHOG_CLI_HOST = "https://evil.example",
    })
    assert.equal("https://us.posthog.com", found.host)
    assert.equal("42", found.project_id)
    assert.equal("posthog.llm.Client (https://us.posthog.com)", found.client)
    found =
      t.find({ POSTHOG_PERSONAL_API_KEY = "phx_own", POSTHOG_CLI_HOST = "https://evil.example" })
    assert.equal("https://us.posthog.com", found.host)
    assert.equal("nil", found.project_id)
  end)

  it("returns options for llm.new, which itself reads only the first source", function()
    t.login({ host = '"https://file.example/path/"' })
    assert.equal("posthog.llm.Client (https://file.example/path)", t.find().client)
    local said = t.run(
      {},
      [[
      local _, err = require("posthog.llm").new({ project_id = 1 }).datasets:list()
      print(err)
    ]]
    )
    assert.matches("no key: set POSTHOG_PERSONAL_API_KEY", said, 1, true)
  end)

  it("never shows the key when printed", function()
    t.login({})
    assert.equal(t.file() .. ", project 42 at https://us.posthog.com", t.find().tostring)
  end)

  it("treats an empty variable as one that is not set", function()
    t.login({})
    assert.equal("42", t.find({ POSTHOG_PERSONAL_API_KEY = "", POSTHOG_CLI_TOKEN = "" }).project_id)
  end)

  it("says what to do where there is no key", function()
    local found = t.find()
    assert.equal("auth", found.kind)
    assert.matches("posthog-llm login", found.error, 1, true)
    assert.matches("set POSTHOG_PERSONAL_API_KEY", found.error, 1, true)
    assert.matches(t.file() .. " does not exist", found.error, 1, true)
  end)

  it("reads the file below POSTHOG_HOME, as posthog-cli does", function()
    t.login({})
    assert.equal(
      "42",
      t.find({ HOME = "/nowhere", POSTHOG_HOME = t.home .. "/.posthog/" }).project_id
    )
  end)

  it("reads no file in the working directory if HOME is not an absolute path", function()
    t.login({})
    local relative = ("../"):rep(20) .. t.home:sub(2) -- it is there, from wherever this runs
    for _, case in ipairs({
      { { HOME = "" }, "neither HOME nor POSTHOG_HOME is set" },
      { { HOME = relative }, ("HOME is %q, not an absolute path"):format(relative) },
      { { POSTHOG_HOME = relative .. "/.posthog" }, '/.posthog", not an absolute path' },
      { { POSTHOG_HOME = "~/.posthog" }, 'POSTHOG_HOME is "~/.posthog", not an absolute path' },
    }) do
      local found = t.find(case[1])
      assert.equal("auth", found.kind, found.text)
      assert.matches(case[2], found.error, 1, true)
    end
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
      local found = t.find(case[1])
      assert.equal(case[2], found.kind, found.text)
      assert.matches(case[3], found.error, 1, true)
      assert.is_nil(found.text:find("s3cret", 1, true), found.text)
    end
  end)

  it("raises at the caller's line for an invalid argument", function()
    for call, words in pairs({
      ["save()"] = "login: table expected, got nil",
      ["save({ personal_api_key = 5 })"] = "login.personal_api_key: string expected, got number",
      ["save({ key = 'phx_a' })"] = 'login: unknown option "key"; known are host, personal_api_key',
      ["find(5)"] = "given: table expected, got number",
      ["find({ project = '7' })"] = 'given: unknown option "project"',
    }) do
      local out = t.run(
        {},
        "print(pcall(function()\nlocal _ = require('posthog.llm.credentials')." .. call .. "\nend))"
      )
      assert.matches("^false\t[^\n]*:2: posthog.llm: ", out)
      assert.matches(words, out, 1, true)
    end
  end)

  it("names a variable that is copied with its name, and says how to set POSTHOG_HOME", function()
    local out = t.run({ POSTHOG_PERSONAL_API_KEY = "POSTHOG_PERSONAL_API_KEY=" .. SECRET })
    assert.matches("the key begins with the name of a variable", out, 1, true)
    assert.is_nil(out:find(SECRET, 1, true))
    out = t.run(
      { POSTHOG_HOME = "here" },
      "print(select(2, require('posthog.llm.credentials').path()))"
    )
    assert.matches(
      'POSTHOG_HOME is "here", not an absolute path; set it to one, or unset it',
      out,
      1,
      true
    )
  end)

  it("names the source of the key in each error", function()
    local env = { POSTHOG_CLI_TOKEN = SECRET, POSTHOG_CLI_ENV_ID = "7", POSTHOG_CLI_HOST = "mars" }
    assert.matches("field key_source\tPOSTHOG_CLI_TOKEN", t.run(env), 1, true)
    env.POSTHOG_CLI_HOST, env.POSTHOG_CLI_ENV_ID = nil, "x"
    assert.matches("field key_source\tPOSTHOG_CLI_TOKEN", t.run(env), 1, true)
    env.POSTHOG_CLI_ENV_ID = nil
    assert.matches("field key_source\tPOSTHOG_CLI_TOKEN", t.run(env), 1, true)
  end)
end)
