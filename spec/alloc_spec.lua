-- No memory, at each single allocation from loading the module to closing a client: nothing
-- crashes, nothing leaks (make asan), and what failed goes well the next time.

local starve = require("spec.support.starve")
local emulator = require("spec.emulator")

local MODE = os.getenv("SPEC_MODE")
local LIMIT = MODE == "plain" and 110 or 280 -- seconds

-- Thousands of full collections take too long under the thread sanitizer.
if not starve.can() or MODE == "tsan" then
  return
end

describe("the core and a client", function()
  local e, program

  setup(function()
    program = starve.program()
    e = emulator.start({ tls = true })
  end)

  teardown(function()
    e:stop()
  end)

  for _, mode in ipairs({ "script", "thread" }) do
    it("continue when any one allocation fails, in a " .. mode, function()
      local pipe = io.popen(
        (
          "{ timeout %d %s spec/support/starving.lua %s '%s' '%s' '%s'; "
          .. 'echo "status $?"; } 2>&1'
        ):format(LIMIT, program, mode, e.url, e.tls_url, e.ca_file)
      )
      local output = pipe:read("*a")
      pipe:close()
      assert(output:match("\ndone\nstatus 0\n$"), output)
    end)
  end
end)
