-- The version is said by lua/posthog/llm/util/version.lua, and followed by all else.
if os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local core = require("posthog.llm.core")
local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")
local shell = require("spec.support.shell")

local VERSION = require("posthog.llm.util.version")

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

describe("the version of a release", function()
  it("is that of the library, and of what it sends", function()
    assert.equal("posthog-llm " .. VERSION, llm._VERSION)
    local e = pipeline.emulator.start()
    pipeline.client(e.url).skills:list()
    assert.equal("posthog-llm/" .. VERSION, pipeline.header(e:log()[1], "User-Agent"))
    e:stop()
  end)

  it("is what the command prints, and its manual page says", function()
    assert.equal("posthog-llm " .. VERSION .. "\n", (shell.run("$LUA bin/posthog-llm -V")))
    assert.equal(
      "posthog-llm " .. VERSION,
      read("doc/posthog-llm.1"):match('%.TH POSTHOG\\%-LLM 1 %S+ "([^"]*)"')
    )
  end)

  it("is that of the C core, before the number of its interface", function()
    local said = read("src/base/version.h"):match('#define CORE_VERSION "([^"]*)"')
    assert.equal(VERSION, said:match("^(.*)%+%d+$"))
    assert.equal(said, core.BUILD:match("core (%S+) for"))
  end)

  it("is that of the Debian packages, in their newest entry", function()
    local line = read("packaging/debian/changelog"):match("^[^\n]*")
    assert.equal(VERSION, line:match("^posthog%-llm %(([^-]*)%-%d+%) "))
  end)

  it("is that of the files that the documentation installs", function()
    local count = 0
    for _, page in ipairs({ "README.md", "doc/install.md" }) do
      for named in read(page):gmatch("posthog%-llm%-(%d+%.%d+%.%d+)") do
        assert.equal(VERSION, named, page)
        count = count + 1
      end
    end
    assert.is_true(count > 0)
  end)

  it("is in no other file that would have to be changed with it", function()
    local places = shell.run(
      ("grep -rlF '%s' lua src bin tools packaging spec Makefile *.rockspec | LC_ALL=C sort"):format(
        VERSION
      )
    )
    assert.equal(
      "lua/posthog/llm/util/version.lua\npackaging/debian/changelog\nsrc/base/version.h\n",
      places
    )
  end)
end)
