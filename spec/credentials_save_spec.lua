--- A login is stored: what is in the file, who may read it, and what stays of the file before.

local credentials_process = require("spec.support.credentials_process")

local quote, shell = credentials_process.quote, credentials_process.shell
local SECRET = credentials_process.SECRET

local SAVE = [[
  local credentials = require("posthog.llm.credentials")
  print(credentials.save({
    personal_api_key = "phx_new", project_id = "7", host = "https://eu.posthog.com",
  }))
  print(credentials.find())
]]

local TRY_SAVE = [[
  local credentials = require("posthog.llm.credentials")
  local path, err = credentials.save(%s)
  print(path or ("%%s %%s %%s: %%s"):format(err.call, err.kind, err.option, err.message))
]]

describe("posthog.llm.credentials", function()
  local t = credentials_process.session()
  before_each(t.reset)
  after_each(t.finish)

  it("stores a login readable by the user alone, with any umask", function()
    local umask = "sh -c " .. quote('umask 0; exec "$@"') .. " -"
    local said = t.run(nil, SAVE, umask)
    assert.equal(t.file() .. "\n" .. t.file() .. ", project 7 at https://eu.posthog.com\n", said)
    os.remove(t.file())
    -- Without `find`, which would remove the access of others.
    assert.equal(
      t.file() .. "\n",
      t.run(nil, (SAVE:gsub("print%(credentials%.find%(%)%)", "")), umask)
    )
    assert.equal("600", t.mode_of(t.file()))
    assert.equal("700", t.mode_of(t.home .. "/.posthog"))
    assert.equal("credentials.json\n", shell("ls -A " .. quote(t.home .. "/.posthog")))
  end)

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
      local out = t.run({}, TRY_SAVE:format(given))
      assert.matches("credentials.save " .. words, out, 1, true)
      assert.equal("", shell("ls -A " .. quote(t.home)))
    end
  end)

  it("stores a login as posthog-cli does: project as text, host as URL", function()
    t.run({}, TRY_SAVE:format('{ personal_api_key = " phx_a\\n", project_id = 7.0, host = "eu" }'))
    assert.equal(
      '{"env_id":"7","host":"https://eu.posthog.com","token":"phx_a"}\n',
      shell("cat " .. quote(t.file()))
    )
  end)

  it("keeps the other fields of the file, and a link to it", function()
    t.write('{"token":"phx_old","more":{"list":[],"big":9007199254740993,"none":null}}', "644")
    local target = t.home .. "/kept.json"
    assert(os.rename(t.file(), target))
    os.execute(
      ("ln -s %s %s; chmod 755 %s"):format(
        quote(target),
        quote(t.file()),
        quote(t.home .. "/.posthog")
      )
    )
    t.run(nil, SAVE)
    local kept = assert(io.open(target, "rb"))
    assert.equal(
      '{"env_id":"7","host":"https://eu.posthog.com",'
        .. '"more":{"big":9007199254740993,"list":[],"none":null},"token":"phx_new"}\n',
      kept:read("*a")
    )
    kept:close()
    assert.equal("600", t.mode_of(target))
    assert.equal("700", t.mode_of(t.home .. "/.posthog"))
    assert.matches("^l", shell("ls -l " .. quote(t.file())))
  end)

  it("makes an existing folder no wider", function()
    os.execute("mkdir -m 555 " .. quote(t.home .. "/.posthog"))
    t.run(nil, SAVE)
    assert.equal("500", t.mode_of(t.home .. "/.posthog"))
    os.execute(
      "rm -rf " .. quote(t.home .. "/.posthog") .. "; mkdir -m 755 " .. quote(t.home .. "/x")
    )
    t.run({ POSTHOG_HOME = t.home .. "/x" }, SAVE)
    assert.equal("755", t.mode_of(t.home .. "/x")) -- it may be shared with reason
    assert.equal("600", t.mode_of(t.home .. "/x/credentials.json"))
  end)

  it("leaves the old file when the disk is full", function()
    t.login({})
    local said = t.run(nil, SAVE, "sh -c " .. quote('ulimit -f 0; trap "" XFSZ; exec "$@"') .. " -")
    assert.matches("credentials.json: cannot be written", said, 1, true)
    assert.equal(SECRET, t.find().personal_api_key)
    assert.equal("credentials.json\n", shell("ls -A " .. quote(t.home .. "/.posthog")))
  end)
end)
