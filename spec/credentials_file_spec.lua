--- The file of a login: who may read it, what is understood of it, and why it cannot be used.

local credentials_process = require("spec.support.credentials_process")

local quote, shell = credentials_process.quote, credentials_process.shell
local SECRET = credentials_process.SECRET
local IS_ROOT = credentials_process.IS_ROOT

describe("posthog.llm.credentials", function()
  local t = credentials_process.session()
  before_each(t.reset)
  after_each(t.finish)

  it("removes the access that others have to the user's own file", function()
    for _, mode in ipairs({ "644", "640", "660", "604", "666" }) do
      t.login({ mode = mode })
      assert.equal("42", t.find().project_id)
      assert.equal("600", t.mode_of(t.file()))
    end
    t.login({ mode = "444" })
    assert.equal("42", t.find().project_id)
    assert.equal("400", t.mode_of(t.file()))
  end)

  it("follows a link to the file, and corrects the mode of its target", function()
    t.login({ mode = "644" })
    local target = t.home .. "/kept.json"
    assert(os.rename(t.file(), target))
    os.execute(("ln -s %s %s"):format(quote(target), quote(t.file())))
    assert.equal("42", t.find().project_id)
    assert.equal("600", t.mode_of(target))
  end)

  it("leaves a file alone that is not a login", function()
    t.write("root:x:0:0\n", "644")
    assert.equal("file", t.find().kind)
    assert.equal("644", t.mode_of(t.file()))
  end)

  it("refuses a file of another user that others may read", function()
    if not IS_ROOT then
      return pending("only root can give a file away")
    end
    t.login({ mode = "644" })
    os.execute("chown 65534 " .. quote(t.file()))
    local found = t.find()
    assert.equal("file", found.kind, found.text)
    assert.matches(t.file(), found.error, 1, true)
    assert.matches("other users have access to it (mode 0644)", found.error, 1, true)
    assert.matches("chmod 600", found.error, 1, true)
    assert.equal("644", t.mode_of(t.file()))
    os.execute("chmod 600 " .. quote(t.file()))
    assert.equal("42", t.find().project_id) -- nobody else sees it
  end)

  it("names the file and the remedy if it cannot be used", function()
    local cases = {
      {
        "it is not a JSON object",
        "file",
        function()
          t.write('{"token":"' .. SECRET .. '",')
        end,
      },
      {
        "it is not a JSON object",
        "file",
        function()
          t.write('["' .. SECRET .. '"]')
        end,
      },
      {
        "it is not a JSON object",
        "file",
        function()
          t.write("")
        end,
      },
      {
        "it has no key (token)",
        "auth",
        function()
          t.write('{"env_id":"42"}')
        end,
      },
      {
        "it has no key (token)",
        "auth",
        function()
          t.login({ token = " " })
        end,
      },
      {
        "it has no project (env_id)",
        "invalid",
        function()
          t.write('{"token":"phx_x"}')
        end,
      },
      {
        "the project id",
        "invalid",
        function()
          t.login({ env_id = "my project" })
        end,
      },
      {
        "the project id",
        "invalid",
        function()
          t.write('{"token":"phx_x","env_id":1.5}')
        end,
      },
      {
        "the project id",
        "invalid",
        function()
          t.write('{"token":"phx_x","env_id":1e99}')
        end,
      },
      {
        "the project id",
        "invalid",
        function()
          t.write('{"token":"phx_x","env_id":[1]}')
        end,
      },
      {
        "it has no key (token)",
        "auth",
        function()
          t.write('{"token":["phx_x"],"env_id":1}')
        end,
      },
      {
        'the host "5"',
        "invalid",
        function()
          t.login({ host = "5" })
        end,
      },
      {
        "the host",
        "invalid",
        function()
          t.login({ host = '{"url":"https://x"}' })
        end,
      },
      {
        "the key is a project key",
        "auth",
        function()
          t.login({ token = "phc_" .. SECRET })
        end,
      },
      {
        "a project secret key",
        "auth",
        function()
          t.login({ token = "phs_" .. SECRET })
        end,
      },
      {
        "contains a line break",
        "auth",
        function()
          t.login({ token = SECRET .. "\\n" .. SECRET })
        end,
      },
      {
        "accepts only events",
        "invalid",
        function()
          t.login({ host = '"https://us.i.posthog.com"' })
        end,
      },
      {
        "a user or password",
        "invalid",
        function()
          t.login({ host = ('"https://me:%s@posthog.example"'):format(SECRET) })
        end,
      },
      {
        "it has more than 64 KiB",
        "file",
        function()
          t.login({ token = ("x"):rep(70000) })
        end,
      },
      {
        "it is a folder or a device",
        "file",
        function()
          os.execute("mkdir -p " .. quote(t.file()))
        end,
      },
      {
        "it is a folder or a device",
        "file",
        function()
          os.execute(
            ("mkdir -p %s && mkfifo %s"):format(quote(t.home .. "/.posthog"), quote(t.file()))
          )
        end,
      },
      {
        "cannot be read: Not a directory",
        "file",
        function()
          os.execute("touch " .. quote(t.home .. "/.posthog"))
        end,
      },
    }
    for _, case in ipairs(cases) do
      os.execute("rm -rf " .. quote(t.home .. "/.posthog"))
      case[3]()
      local found = t.find()
      assert.equal(case[2], found.kind, case[1] .. found.text)
      assert.matches(t.file(), found.error, 1, true)
      assert.matches(case[1], found.error, 1, true)
      local way = found.error:find("posthog-llm login", 1, true)
        or found.error:find("set POSTHOG_PERSONAL_API_KEY", 1, true)
      assert.is_truthy(way, found.error)
      assert.is_nil(found.text:find("s3cret", 1, true), found.text)
    end
  end)

  it("names a file that it may not read", function()
    t.login({})
    os.execute("chmod 000 " .. quote(t.file()))
    if IS_ROOT and shell("command -v setpriv") == "" then
      return pending("root reads all")
    end
    os.execute(IS_ROOT and "chmod 755 " .. quote(t.home) .. "; true" or "true")
    local found = t.find(nil, IS_ROOT and "setpriv --reuid 65534 --clear-groups" or nil)
    assert.equal("file", found.kind, found.text)
    assert.matches("credentials.json: cannot be read: Permission denied", found.error, 1, true)
  end)

  it("reads what other programs and editors make of the file", function()
    for _, text in ipairs({
      '\239\187\191{"host":null,"token":"%s","env_id":"42"}\r\n',
      '{\r\n  "token": "  %s\\r\\n",\r\n  "env_id": 42\r\n}\r\n',
      '{"host":"","token":"%s","env_id":" 42 ","more":{"a":[1]}}',
    }) do
      t.write(text:format(SECRET))
      local found = t.find()
      assert.equal(SECRET, found.personal_api_key, found.text)
      assert.equal("42", found.project_id)
      assert.equal("https://us.posthog.com", found.host)
    end
  end)
end)
