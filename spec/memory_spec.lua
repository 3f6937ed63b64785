-- The most memory that a process ever has, as the system counts it, while calls fail whose responses
-- are as large as they may be. `make soak` does the same with a hundred calls.

local bulk = require("spec.support.bulk")
local process = require("spec.support.process")
local shell = require("spec.support.shell")

local LUA = os.getenv("LUA") or "lua5.4"

if os.getenv("SPEC_MODE") ~= "plain" or not process.peak() or not bulk.can() then
  return
end

local MIBS = 63 -- of each response: nearly the limit, 64
local MOST = 160 -- MiB
local CALLS = 2 -- of each kind of failure

describe("calls that fail with responses of 63 MiB", function()
  local server

  setup(function()
    server = bulk.start()
  end)
  teardown(function()
    server:stop()
  end)

  local is_51 = _VERSION == "Lua 5.1" and not jit -- inside of llm.go it waits in no pcall
  for _, host in ipairs({ "plain", not is_51 and "uv" or nil }) do
    it(("keep the %s host under %d MiB, whatever became of them"):format(host, MOST), function()
      local words = "timeout 120 %s spec/support/memory_calls.lua %s %s %d %d"
      local said, status = shell.run(words:format(LUA, server.url, host, CALLS, MIBS))
      assert.equal(0, status, said)
      for kind, ending in pairs({
        ["lost"] = "network",
        ["timeout"] = "timeout",
        ["over the limit"] = "too_large",
        ["not JSON, 200"] = "decode 200",
        ["not JSON, 500"] = "server 500",
        ["JSON, 400"] = "invalid 400",
        ["not followed"] = "redirect 302",
        ["again and again"] = "server 503",
        ["redirected"] = "redirect 307",
        ["closed meanwhile"] = "cancelled",
        ["a hook raises"] = "false stop",
        ["broken JSON"] = "decode 200",
        ["JSON of another shape"] = "decode 200",
      }) do
        local line = said:match("\n" .. kind:gsub("%p", "%%%0") .. "[^\n]*")
        assert.equal(ending, line and line:match("MiB  (.-) *$"), said)
      end
      assert.is_true(tonumber(said:match("\npeak%s+(%d+)")) < MOST, said)
    end)
  end
end)
