-- What `make dist` makes of a commit, and that it is enough: built, tested and installed with
-- nothing else. It is the same for every Lua.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local folders = require("spec.support.folders")
local release = require("spec.support.release")

local run = release.run
local NAME = "posthog-llm-" .. release.version()
local ARCHIVE = NAME .. ".tar.gz"

describe("make dist", function()
  local root, said

  setup(function()
    root = folders.new()
    release.repository(root .. "/first")
    said = run(("cd %s/first && %s dist"):format(root, release.NEW_MAKE))
  end)
  teardown(function()
    folders.remove(root)
  end)

  it("prints the archive, its digest and its rockspec, all named by the version", function()
    local lines = { ARCHIVE, ARCHIVE .. ".sha256", NAME .. "-1.rockspec" }
    assert.equal("build/dist/" .. table.concat(lines, "\nbuild/dist/") .. "\n", said)
    assert.equal(
      ARCHIVE .. ": OK\n",
      run(("cd %s/first/build/dist && sha256sum -c %s.sha256"):format(root, ARCHIVE))
    )
  end)

  it("makes the same bytes in another clone, with other umask, settings, zone and time", function()
    folders.write(root, "home/.gitconfig", "[tar]\n  umask = user\n[core]\n  autocrlf = true\n")
    local again = run(
      ("cd %s && export HOME=%s/home && umask 077 && git -c core.autocrlf=false clone -q first"):format(
        root,
        root
      )
        .. " 'another clone' && cd 'another clone' && touch -d 2001-01-01 README.md && "
        .. ("TZ=Asia/Kathmandu LC_ALL=C %s dist 2>&1 >/dev/null; "):format(release.NEW_MAKE)
        .. ("cmp build/dist/%s ../first/build/dist/%s && echo same"):format(ARCHIVE, ARCHIVE)
    )
    assert.equal("same\n", again)
  end)

  it("takes what is committed, and says that there is more", function()
    folders.write(root, "first/new.lua", "return 1\n")
    local source = folders.read(root, "first/LICENSE")
    folders.write(root, "first/LICENSE", "another\n")
    local words = run(
      ("cd %s/first && %s dist 2>&1 >/dev/null && tar -xOf build/dist/%s %s/LICENSE"):format(
        root,
        release.NEW_MAKE,
        ARCHIVE,
        NAME
      )
    )
    folders.write(root, "first/LICENSE", source)
    os.remove(root .. "/first/new.lua")
    assert.equal("dist: what is not committed is not in the archive\n" .. source, words)
  end)

  it("puts everything below one folder, as root's, readable by all", function()
    local list = run(("tar -tvf %s/first/build/dist/%s"):format(root, ARCHIVE))
    for line in list:gmatch("[^\n]+") do
      local mode, owner, path = line:match("^(%S+) (%S+) +%d+ %S+ %S+ (.*)$")
      assert.truthy(mode:find("^[-d]rw[-x]r%-[-x]r%-[-x]$"), line)
      assert.equal("root/root", owner)
      assert.equal(NAME .. "/", path:sub(1, #NAME + 1))
    end
  end)

  it("writes the URL of the release into the rockspec, and the digest of the archive", function()
    local text = run(
      ("cd %s/first && %s dist RELEASES=https://example.org/v1/ >/dev/null && cat build/dist/*.rockspec"):format(
        root,
        release.NEW_MAKE
      )
    )
    local spec = {}
    assert(load(text, "rockspec", "t", spec))()
    assert.equal(release.version() .. "-1", spec.version)
    assert.equal("https://example.org/v1/" .. ARCHIVE, spec.source.url)
    local digest = run(("md5sum <%s/first/build/dist/%s"):format(root, ARCHIVE))
    assert.equal(digest:match("^%x+"), spec.source.md5)
    run(("luarocks lint %s/first/build/dist/%s-1.rockspec"):format(root, NAME))
  end)

  it("makes an archive that builds, tests, installs and makes its manual without git", function()
    local place = root .. "/from the archive"
    local within = ("cd '%s/%s' && %s"):format(place, NAME, release.NEW_MAKE)
    run(
      ("mkdir '%s' && tar -C '%s' -xf %s/first/build/dist/%s"):format(place, place, root, ARCHIVE)
    )
    run(within .. "LUA_VERSION=5.4 CFLAGS=-O0")
    local tested = run(within .. "test LUA_VERSION=5.4 CFLAGS=-O0 SPEC=spec/client_spec.lua 2>&1")
    assert.truthy(tested:find("\n[1-9]%d* passed, 0 failed\n$"), tested)
    run(within .. ("install LUA_VERSION=5.4 CFLAGS=-O0 PREFIX='%s/usr'"):format(place))
    assert.equal(
      "posthog-llm " .. release.version() .. "\n",
      run(("cd / && '%s/usr/bin/posthog-llm' -V"):format(place))
    )
    run(within .. "manual")
    run(("cmp doc/cli.md '%s/%s/doc/cli.md'"):format(place, NAME))
    assert.equal(
      "dist: this is no checkout of git: an archive is made of a commit\n1\n",
      run(("cd '%s/%s' && tools/dist; echo $?"):format(place, NAME))
    )
  end)
end)
