-- A short soak of posthog.llm.cache; `tools/soak --host=nginx --minutes=10` is a long one.
if not rawget(_G, "jit") or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local fleet = require("spec.ngx.fleet")

describe("a soak run of posthog.llm.cache", function()
  local missing = fleet.missing()
  if missing then
    pending("is left out: " .. missing)
    return
  end

  it("serves every request rightly while the server, Redis and workers fail", function()
    local command =
      "luajit spec/soak/cache.lua --minutes=0.35 --rate=100 --seed=2 2>&1; echo status=$?"
    local pipe = io.popen(command)
    local output = pipe:read("*a")
    pipe:close()
    assert.is_truthy(output:find("\n7 passed, 0 failed\nstatus=0\n$"), output)
  end)
end)
