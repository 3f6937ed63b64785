-- What tools/matrix says where it cannot make a system's root. That it can, only it shows.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local BIN = "build/matrix-spec"

describe("tools/matrix", function()
  before_each(function()
    os.execute("rm -rf " .. BIN .. " && mkdir -p " .. BIN)
  end)

  --- Runs it with these commands in place of the system's, each a line of shell.
  local function run(commands, arguments)
    for name, line in pairs(commands) do
      local file = assert(io.open(BIN .. "/" .. name, "w"))
      file:write("#!/bin/sh\n", line, "\n")
      file:close()
      os.execute("chmod +x " .. BIN .. "/" .. name)
    end
    local pipe = io.popen(
      ("PATH=$PWD/%s:$PATH MATRIX_MIRROR=http://127.0.0.1:1 " .. "tools/matrix %s 2>&1"):format(
        BIN,
        arguments
      )
    )
    local said = pipe:read("a")
    return said, pipe:close()
  end

  it("skips every system for an ordinary user, and says what to do", function()
    local said, ok = run({ id = "echo 1000" }, "trixie sid")
    local why = "left out: only root can make a system's root: sudo make matrix\n"
    assert.equal("trixie: " .. why .. "sid: " .. why .. "0 passed, 0 failed, 2 skipped\n", said)
    assert.is_true(ok)
  end)

  it("skips a system whose mirror cannot be reached", function()
    local said, ok = run(
      { id = "echo 0", debootstrap = "exit 1", ["apt-get"] = "exit 1", dpkg = "echo amd64" },
      "nowhere"
    )
    os.execute("rm -rf build/matrix/nowhere* build/matrix/packages/nowhere*")
    assert.equal(
      "nowhere: left out: no mirror of apt's here answers and has nowhere; "
        .. "MATRIX_MIRROR= takes another\n0 passed, 0 failed, 1 skipped\n",
      said
    )
    assert.is_true(ok)
  end)
end)
