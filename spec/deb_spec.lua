-- What `make deb` does around the build of Debian's own tools, which are played here:
-- `make try-install` runs the real ones. It is the same for every Lua.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local folders = require("spec.support.folders")
local shell = require("spec.support.shell")

local quote = shell.quote

-- As debhelper, it cannot work in a path with a space.
local BUILD = [[#!/bin/sh
echo "built in $PWD"
case $PWD in *" "*) exit 1 ;; esac
test -x debian/rules && ! test -e build || exit 1
touch ../a_1_all.deb ../a_1_amd64.changes ../a_1_amd64.buildinfo
exit $OUTCOME
]]

describe("make deb", function()
  local root

  before_each(function()
    root = folders.new()
    folders.write(root, "bin/dpkg-buildpackage", BUILD)
    folders.write(root, "bin/lintian", "#!/bin/sh\n")
    shell.run(("chmod +x %s/bin/* && mkdir %s/tmp"):format(root, root))
  end)
  after_each(function()
    folders.remove(root)
  end)

  --- Builds in a folder of this name, with what an archive has of it.
  local function build(name, outcome)
    local place = quote(root .. "/" .. name)
    local copy = "mkdir -p %s/lua/posthog/llm/util %s/build && cp -R tools packaging %s/ "
      .. "&& cp lua/posthog/llm/util/version.lua %s/lua/posthog/llm/util/"
    shell.run(copy:format(place, place, place, place))
    local line = "cd %s && PATH=%s/bin:$PATH TMPDIR=%s/tmp OUTCOME=%d tools/deb"
    return shell.run(line:format(place, root, root, outcome))
  end

  for _, name in ipairs({ "plain", "with a space", "two  spaces'" }) do
    it("leaves the packages in build/deb, in a folder named " .. name, function()
      local said, status = build(name, 0)
      assert.equal("build/deb/a_1_all.deb\n", said)
      assert.equal(0, status)
      assert.is_string(folders.read(root, name .. "/build/deb/a_1_amd64.changes"))
      assert.equal("", (shell.run(("ls -A %s/tmp"):format(root))))
    end)

    it("says where the log of a failure is, in a folder named " .. name, function()
      local said, status = build(name, 7)
      assert.matches("^built in /[^\n]*\ndeb: the build has failed: build/deb/log\n$", said)
      assert.equal(1, status)
      assert.matches("^built in /", folders.read(root, name .. "/build/deb/log"))
      assert.equal("", (shell.run(("ls -A %s/tmp"):format(root))))
    end)
  end
end)
