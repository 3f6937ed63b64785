local core = require("posthog.llm.core")

local LUA = os.getenv("LUA") or "lua5.4"

--- What another process gets.
local function elsewhere(path)
  local program = [[print((select(2, require("posthog.llm.core").lock(%q)) or "free"))]]
  program = program:format(path)
  local pipe = assert(io.popen(("%s -e '%s'"):format(LUA, program)))
  local text = pipe:read("*l")
  pipe:close()
  return text
end

describe("core.lock", function()
  local path

  before_each(function()
    path = os.tmpname()
  end)
  after_each(function()
    os.remove(path)
  end)

  it("creates the file, and gives it to one holder at a time", function()
    os.remove(path)
    local lock = assert(core.lock(path))
    local second, message, code = core.lock(path)
    assert.is_nil(second)
    assert.equal("locked", message)
    assert.equal("number", type(code))
    assert.equal("locked", elsewhere(path))
    lock:close()
    lock:close()
    assert.equal("free", elsewhere(path))
    assert(core.lock(path)):close()
  end)

  it("locks the file that the path names, also when holders remove it", function()
    local lock = assert(core.lock(path))
    os.remove(path)
    assert.equal("free", elsewhere(path)) -- another file by now
    lock:close()
    local program = path .. ".lua"
    local file = assert(io.open(program, "wb"))
    file:write(([[
      local core = require("posthog.llm.core")
      local path, token, mine = %q, %q, os.tmpname()
      for _ = 1, 2000 do
        local lock = core.lock(path)
        if lock then
          if not os.rename(token, mine) then print("two at once") end
          os.rename(mine, token)
          os.remove(path)
          lock:close()
        end
      end
      os.remove(mine)]]):format(path, path .. ".token"))
    file:close()
    assert(core.create_file(path .. ".token", ""))
    local pipe = assert(io.popen(("for i in 1 2 3 4; do %s %s & done; wait"):format(LUA, program)))
    local said = pipe:read("*a")
    pipe:close()
    os.remove(program)
    os.remove(path .. ".token")
    assert.equal("", said)
  end)

  it("leaves the content of the file as it is", function()
    local file = assert(io.open(path, "wb"))
    file:write("text")
    file:close()
    core.lock(path):close()
    file = assert(io.open(path, "rb"))
    assert.equal("text", file:read("*a"))
    file:close()
  end)

  it("releases the file when it is collected, and when its process ends", function()
    assert(core.lock(path))
    collectgarbage()
    collectgarbage()
    assert.equal("free", elsewhere(path))
    assert.equal("free", elsewhere(path))
  end)

  it("says what is wrong with a path", function()
    local lock, message, code = core.lock(path .. "/none")
    assert.is_nil(lock)
    assert.equal("string", type(message))
    assert.equal("number", type(code))
    assert.is_false(pcall(core.lock, "a\0b"))
    assert.is_false(pcall(core.lock))
    assert.is_false(pcall(assert(core.lock(path)).close, io.stdout))
  end)
end)
