-- tools/setup against a package manager of its own: what it asks for, release by release.
-- It is a shell script: one Lua that starts it is enough.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local BIN = "build/setup-spec"

local FAKE = {
  ["dpkg-query"] = [[for p in $INSTALLED; do echo "$p installed"; done]],
  ["apt-cache"] = [[
case $1 in
  show) case " $RELEASE $INSTALLED " in *" $2 "*) exit 0 ;; esac; exit 100 ;;
  policy)
    shift
    for p; do
      case " $RELEASE $INSTALLED " in
        *" $p "*) printf '%s:\n  Installed: (none)\n  Candidate: 1.0\n' "$p" ;;
        *) [ "$p" != luajit2 ] || printf '%s:\n  Installed: (none)\n  Candidate: (none)\n' "$p" ;;
      esac
    done ;;
esac]],
  ["apt-get"] = [[
case $* in
  -s*) [ -z "$REMOVED" ] || echo "Remv $REMOVED [1.0]" ;;
  *) echo "apt-get $*" ;;
esac]],
  id = "echo 0",
}

describe("tools/setup", function()
  setup(function()
    os.execute("mkdir -p " .. BIN)
    for name, body in pairs(FAKE) do
      local file = assert(io.open(BIN .. "/" .. name, "w"))
      file:write("#!/bin/sh\n", body, "\n")
      file:close()
      os.execute("chmod +x " .. BIN .. "/" .. name)
    end
  end)

  local common = "gcc libc6-dev make pkg-config lua5.4 liblua5.4-dev libcurl4-openssl-dev "
    .. "lua5.1 liblua5.1-0-dev lua5.3 liblua5.3-dev clang llvm lua-cjson libclang-rt-dev"

  --- What it says when it is run where these are installed, and the release has these too.
  local function run(arguments, installed, release, removed)
    local pipe = io.popen(
      ("PATH='%s':$PATH INSTALLED='%s' RELEASE='%s' REMOVED='%s' " .. "tools/setup %s 2>&1"):format(
        os.getenv("PWD") .. "/" .. BIN,
        installed,
        release,
        removed or "",
        arguments
      )
    )
    local said = pipe:read("a")
    local ok = pipe:close()
    return said, ok
  end

  --- The packages that apt-get was to install.
  local function asked_for(said)
    return said:match("\napt%-get [^\n]* install %-%-no%-install%-recommends ([^\n]*)")
  end

  it("installs nothing and prints nothing where nothing is missing", function()
    local said, ok = run("fuzz", common .. " luajit2 libluajit2-5.1-dev lua5.2 liblua5.2-dev", "")
    assert.equal("", said)
    assert.is_true(ok)
  end)

  it("takes luajit2 on Debian 12, where nginx's Lua module needs it", function()
    local said = run(
      "fuzz",
      common .. " lua5.2 liblua5.2-dev",
      "luajit luajit2 libluajit-5.1-dev libluajit2-5.1-dev"
    )
    assert.equal("luajit2 libluajit2-5.1-dev", asked_for(said))
  end)

  it("takes luajit where there is no luajit2", function()
    local said, ok = run("fuzz", common, "luajit libluajit-5.1-dev lua5.2 liblua5.2-dev lua5.5")
    assert.equal("luajit libluajit-5.1-dev lua5.2 liblua5.2-dev lua5.5", asked_for(said))
    assert.is_true(ok)
  end)

  it("keeps a luajit that is installed", function()
    local said =
      run("fuzz", common .. " luajit libluajit-5.1-dev", "luajit2 libluajit2-5.1-dev lua5.2")
    assert.equal("lua5.2", asked_for(said))
  end)

  it("names a package that the release does not have, after it has updated the lists", function()
    local said = run("build", "libc6-dev make pkg-config lua5.4 liblua5.4-dev", "gcc")
    assert.truthy(said:find("running: apt-get update", 1, true), said)
    assert.equal("gcc libcurl4-openssl-dev", asked_for(said))
  end)

  it("removes no package, and says which would have to go", function()
    local said, ok = run("fuzz", common, "luajit2 libluajit2-5.1-dev", "libluajit-5.1-2")
    assert.is_nil(asked_for(said))
    assert.truthy(
      said:find("to install them would remove libluajit-5.1-2, so nothing was done", 1, true),
      said
    )
    assert.truthy(said:find("this has to succeed first, as root: apt-get install", 1, true), said)
    assert.is_falsy(ok)
  end)

  it("only says what is missing with -n", function()
    local said, ok = run("-n fuzz", common, "luajit libluajit-5.1-dev")
    assert.equal("setup: missing packages: luajit libluajit-5.1-dev\n", said)
    assert.is_falsy(ok)
  end)

  it("refuses a group that does not exist, by its name", function()
    local said, ok = run("biuld", "", "")
    assert.equal("setup: unknown group: biuld\n", said)
    assert.is_falsy(ok)
  end)
end)
