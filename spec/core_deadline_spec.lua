-- A transfer that libcurl has lost, as 8.23 may when it runs out of memory: nothing wakes it any
-- more, not even its own time limit.

local emulator = require("spec.emulator")
local starve = require("spec.support.starve")

if not starve.can() then
  return
end

local SLACK = 12 -- seconds, for a busy machine; the response takes 20

describe("a transfer that libcurl has lost", function()
  local e, program

  setup(function()
    program = starve.program()
    e = emulator.start()
  end)

  teardown(function()
    e:stop()
  end)

  before_each(function()
    e:reset()
  end)

  local function run(mode, when)
    local pipe = io.popen(
      ("timeout 100 %s spec/support/forgetting.lua %s '%s' %s 2>&1"):format(
        program,
        mode,
        e.url,
        when
      )
    )
    local output = pipe:read("*a")
    pipe:close()
    return output
  end

  for _, mode in ipairs({ "script", "thread" }) do
    for when, sent in pairs({ before = "false", after = "true" }) do
      it(
        ("ends at its timeout or deadline, in a %s, lost %s it was sent"):format(mode, when),
        function()
          local output = run(mode, when)
          local lost = "nil\ttimeout\ttimed out after N ms: libcurl did not end the request by "
            .. "itself\t"
            .. sent
            .. "\tfalse\n"
          local head, seconds, tail = output:match("^(.*)in time\ttrue\t(%S+)\n(.*)$")
          assert.equal("before\t200\n" .. lost .. lost, head, output)
          assert.equal("afterwards\t200\n", tail)
          assert.is_true(tonumber(seconds) < 2 + SLACK, seconds)
        end
      )
    end

    it("is not followed on its connection by the next request, in a " .. mode, function()
      local output = run(mode, "after")
      assert.truthy(output:find("afterwards\t200", 1, true), output)
      local log = e:log()
      local last = table.remove(log)
      assert.equal(3, #log)
      for _, entry in ipairs(log) do
        assert.not_equal(entry.connection, last.connection)
      end
    end)
  end
end)
