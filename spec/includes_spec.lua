local folders = require("spec.support.folders")

local function check(files)
  return folders.checked_by("tools/check_includes.lua", files)
end

describe("tools/check_includes.lua", function()
  it("finds nothing wrong with the core as it is", function()
    local process = io.popen("lua5.4 tools/check_includes.lua 2>&1 || echo failed")
    assert.equal("", process:read("*a"))
    process:close()
  end)

  it("lets the engine and its pools include each other", function()
    local output = check({
      ["net/engine.h"] = '#include "pool.h"\n',
      ["net/engine_turn.c"] = '#include "engine.h"\n',
      ["net/pool.h"] = "",
      ["net/pool.c"] = '#include "engine.h"\n#include "pool.h"\n',
    })
    assert.equal("", output)
  end)

  local LUA, CURL = "#include <lua.h>\n", "#include <curl/curl.h>\n"
  local CASES = {
    {
      "refuses that net/ includes lua/",
      { ["net/pool.c"] = '\n#include "lua/text.h"\n', ["lua/text.h"] = "" },
      'net/pool%.c:2: includes "lua/text%.h", but net/ may include base/ and its own files',
    },
    {
      "refuses that net/ sees lua.h",
      { ["net/pool.c"] = LUA },
      'net/pool%.c:1: includes "lua%.h", but net/ knows nothing of Lua',
    },
    {
      "refuses that net/ sees lua.h by a header of base/",
      {
        ["net/pool.c"] = '#include "base/class.h"\n',
        ["base/class.h"] = '#include "compat.h"\n',
        ["base/compat.h"] = LUA,
      },
      'net/pool%.c:1: includes "base/class%.h", which sees Lua by base/compat%.h, but net/ knows',
    },
    {
      "refuses that json/ includes net/",
      { ["json/decode.c"] = '#include "net/url.h"\n', ["net/url.h"] = "" },
      'json/decode%.c:1: includes "net/url%.h", but json/ may include base/',
    },
    {
      "refuses that json/ sees libcurl",
      { ["json/decode.c"] = CURL },
      'json/decode%.c:1: includes "curl/curl%.h", but json/ knows nothing of libcurl',
    },
    {
      "refuses that net/ includes json/",
      { ["net/url.c"] = '#  include "json/json.h"\n', ["json/json.h"] = "" },
      'net/url%.c:1: includes "json/json%.h", but net/ may include base/',
    },
    {
      "refuses that os/ includes anything but base/",
      { ["os/lock.c"] = '#include "lua/class.h"\n', ["lua/class.h"] = "" },
      'os/lock%.c:1: includes "lua/class%.h", but os/ may include base/',
    },
    {
      "refuses that base/ includes a room",
      { ["base/buffer.c"] = '#include "os/lock.h"\n', ["os/lock.h"] = "" },
      'base/buffer%.c:1: includes "os/lock%.h", but base/ may include its own files alone',
    },
    {
      "refuses a circle of headers",
      { ["json/a.h"] = '#include "b.h"\n', ["json/b.h"] = '\n#include "a.h"\n' },
      "json/a%.h:1: a circle, json/a %-> json/b %-> json/a: .*json/b%.h:2: a circle",
    },
    {
      "refuses a circle of objects",
      {
        ["net/easy.h"] = "",
        ["net/easy.c"] = '#include "easy.h"\n#include "engine.h"\n',
        ["net/engine.h"] = '#include "pool.h"\n',
        ["net/pool.h"] = '#include "easy.h"\n',
      },
      "net/easy%.c:2: a circle, net/easy %-> net/engine and pool %-> net/easy",
    },
    {
      "refuses a header that is not there",
      { ["net/pool.c"] = '#include "lane.h"\n' },
      'net/pool%.c:1: includes "lane%.h", which is not there',
    },
    {
      "refuses a file that stands in no room",
      { ["tls/pin.c"] = "" },
      "tls/pin%.c:1: stands in no room: move it, or name its room",
    },
  }
  for _, case in ipairs(CASES) do
    it(case[1], function()
      local output = check(case[2])
      assert.matches(case[3], output)
      assert.matches("failed\n$", output)
    end)
  end
end)
