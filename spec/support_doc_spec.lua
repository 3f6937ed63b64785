-- doc/support.md says what the sources, the Makefile and this system say.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local folders = require("spec.support.folders")
local shell = require("spec.support.shell")

local PAGE = "doc/support.md"

--- A row of the table below a heading, as the cells behind the first one.
--- @return string[]
local function row(heading, first)
  local section = folders.read(".", PAGE):match("\n## " .. heading .. "\n(.-)\n## ")
  local line = section:match("\n| " .. first:gsub("%p", "%%%0") .. " (|[^\n]*)")
  local cells = {}
  for cell in assert(line, first):gmatch("| ([^|]*) %f[|]") do
    cells[#cells + 1] = cell
  end
  return cells
end

--- What a file of the sources says.
local function said(path, pattern)
  return assert(folders.read(".", path):match(pattern), path .. " has no " .. pattern)
end

describe(PAGE, function()
  it("names the oldest libcurl that the core takes, as other pages do", function()
    local limit = said("src/net/curl_compat.h", "LIBCURL_VERSION_NUM < (0x%x+)\n#error")
    local oldest = ("%d.%d"):format(math.floor(limit / 65536), math.floor(limit / 256) % 256)
    assert.equal(oldest, row("At least", "libcurl")[1])
    for _, path in ipairs({ "README.md", "doc/install.md" }) do
      assert.equal("libcurl " .. oldest, said(path, "(libcurl [%d.]+) or newer"))
    end
  end)

  it("names a libcurl for whose interface the core compiles", function()
    if not shell.run("command -v cc"):find("/") then
      pending("there is no C compiler")
      return
    end
    local limit = said("src/net/curl_compat.h", "LIBCURL_VERSION_NUM < (0x%x+)\n#error")
    local command = "for file in src/net/*.c; do cc -std=c99 -fsyntax-only -Wall -Werror -Isrc"
      .. " -Isrc/headers -DLIBCURL_VERSION_NUM=%s $file || exit; done"
    local output, status = shell.run(command:format(limit))
    assert.equal(0, status, output)
  end)

  it("names the oldest Neovim that the editor plugin takes", function()
    local oldest = said("lua/posthog/health.lua", 'has%("nvim%-([%d.]+)"%) == 0')
    assert.equal(oldest, row("At least", "Neovim, the editor plugin")[1])
    assert.equal(oldest, said("plugin/posthog.lua", 'has%("nvim%-([%d.]+)"%) == 0'))
  end)

  it("names the Luas that the Makefile builds for, and the systems of make matrix", function()
    local versions = said("Makefile", "\nLUA_VERSIONS = ([%d. ]+) luajit\n")
    local range = ("%s to %s, LuaJIT 2.1"):format(versions:match("^%S+"), versions:match("%S+$"))
    assert.equal(range, row("At least", "Lua")[1])
    assert.equal("bookworm trixie sid", said("Makefile", "\nSYSTEMS %?= ([%l ]+)"))
    assert.equal("tested", row("Systems", "Debian 12, 13 and sid, x86-64")[1])
  end)

  -- Those of sid change every week.
  local release = (folders.read("/etc", "debian_version") or ""):match("^(1[23])%.")
  if release then
    it("has the versions of this Debian", function()
      local column = tonumber(release) - 11
      for first, command in pairs({
        Lua = "lua5.4 -v",
        LuaJIT = "luajit -v",
        libcurl = "curl --version",
        nginx = "PATH=$PATH:/usr/sbin nginx -v",
        Neovim = "nvim --version",
        Redis = "redis-server --version",
        gcc = "gcc -dumpfullversion",
      }) do
        local output, status = shell.run(command .. " 2>&1")
        if status == 0 then
          local version = output:match("%d+%.%d+[%w.-]*")
          assert.truthy((row("Tested", first)[column] .. ","):find(version .. ",", 1, true), output)
        end
      end
    end)
  end
end)
