local core = require("posthog.llm.core")

local function output_of(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function directory_of(doorbell)
  return doorbell:path():match("^(.*)/[^/]+$")
end

local function exists(path)
  return output_of("test -e '" .. path .. "' && echo yes") == "yes\n"
end

describe("the doorbell", function()
  it("lies where no other user gets in", function()
    local doorbell = assert(core.doorbell())
    assert.truthy(output_of("ls -ld '" .. directory_of(doorbell) .. "'"):match("^drwx%-%-%-%-%-%-"))
    doorbell:close()
  end)

  it("leaves nothing behind when it is closed or collected", function()
    local doorbell = assert(core.doorbell())
    local first = directory_of(doorbell)
    assert.is_true(exists(first))
    doorbell:close()
    doorbell:close()
    assert.is_false(exists(first))
    assert.has_error(function() doorbell:path() end)

    local second = directory_of(assert(core.doorbell()))
    collectgarbage()
    collectgarbage()
    assert.is_false(exists(second))
  end)

  it("says so when nobody has connected, and is gone then", function()
    local doorbell = assert(core.doorbell())
    local directory = directory_of(doorbell)
    local ok, message = doorbell:accept(core.engine())
    assert.is_nil(ok)
    assert.truthy(message:find("no connection", 1, true))
    assert.is_false(exists(directory))
  end)

  it("lets no other process in", function()
    local doorbell = assert(core.doorbell())
    output_of("curl -q -s -m 0.2 --noproxy '*' --unix-socket '" .. doorbell:path() .. "' http://x/")
    local ok, message = doorbell:accept(core.engine())
    assert.is_nil(ok)
    assert.truthy(message:find("no connection", 1, true))
  end)
end)
