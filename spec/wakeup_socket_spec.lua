local core = require("posthog.llm.core")

local function output_of(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function directory_of(socket)
  return socket:path():match("^(.*)/[^/]+$")
end

local function exists(path)
  return output_of("test -e '" .. path .. "' && echo yes") == "yes\n"
end

describe("the wake-up socket", function()
  it("is created in a folder that no other user can enter", function()
    local socket = assert(core.wakeup_socket())
    assert.truthy(output_of("ls -ld '" .. directory_of(socket) .. "'"):match("^drwx%-%-%-%-%-%-"))
    socket:close()
  end)

  it("leaves no file when it is closed or collected", function()
    local socket = assert(core.wakeup_socket())
    local first = directory_of(socket)
    assert.is_true(exists(first))
    socket:close()
    socket:close()
    assert.is_false(exists(first))
    assert.has_error(function()
      socket:path()
    end)

    local second = directory_of(assert(core.wakeup_socket()))
    collectgarbage()
    collectgarbage()
    assert.is_false(exists(second))
  end)

  it("returns an error if no process has connected, and is removed then", function()
    local socket = assert(core.wakeup_socket())
    local directory = directory_of(socket)
    local ok, message = socket:accept(core.engine())
    assert.is_nil(ok)
    assert.truthy(message:find("no connection", 1, true))
    assert.is_false(exists(directory))
  end)

  it("lets no other process connect", function()
    local socket = assert(core.wakeup_socket())
    output_of("curl -q -s -m 0.2 --noproxy '*' --unix-socket '" .. socket:path() .. "' http://x/")
    local ok, message = socket:accept(core.engine())
    assert.is_nil(ok)
    assert.truthy(message:find("no connection", 1, true))
  end)
end)
