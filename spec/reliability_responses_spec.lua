-- Answers that are whole and yet not what was asked for: see spec/reliability_spec.lua.

local pipeline = require("spec.pipeline")
local cells = require("spec.support.cells")
local reliability = require("spec.support.reliability")

describe("a call ends as documented when", function()
  setup(cells.start)
  teardown(cells.stop)
  before_each(cells.hurry)
  after_each(cells.restore)

  for i = 3, #reliability.GROUPS do
    local group = reliability.GROUPS[i]
    for _, row in ipairs(group.rows) do
      it(group.title:lower() .. ": " .. row[1], function()
        cells.check(row)
      end)
    end
  end
end)

--- Reads a dataset under a fault in a process of its own, and tells by how much its memory peaked
--- over what it was before.
local MEASURED = [[
  local llm = require("posthog.llm")
  local client = llm.new({ host = os.getenv("HOST"), personal_api_key = "phx_emulator_all",
    project_id = 112358, max_retries = 0, max_response_bytes = tonumber(os.getenv("LIMIT")) })
  local function peak()
    local file = assert(io.open("/proc/self/status"))
    local text = file:read("*a")
    file:close()
    return tonumber(text:match("VmHWM:%s+(%d+) kB")) / 1024
  end
  assert(client.datasets:list())
  local before = peak()
  local value, err = client.datasets:get("0195b2aa-3c1d-7e42-9a10-6f0c5bd8e001")
  print(("%s %.1f"):format(err and err.kind, peak() - before))
]]

describe("a response without end", function()
  local e

  setup(function()
    e = pipeline.emulator.start()
  end)
  teardown(function()
    e:stop()
  end)

  for name, action in pairs({
    ["a gzip bomb"] = { status = 200, gzip = true, endless = "0" },
    ["a body"] = { status = 200, endless = "0" },
  }) do
    for limit, most in pairs({ [""] = 64, ["4194304"] = 4 }) do
      it(("takes no more memory than twice the limit: %s, %d MiB"):format(name, most), function()
        e:fault({ match = { path = "/datasets/%x" }, action = action })
        local said, status = pipeline.run(MEASURED, { HOST = e.url, LIMIT = limit })
        assert.equal(0, status, said)
        local kind, grown = said:match("^(%S+) ([%d.]+)\n$")
        assert.equal("too_large", kind, said)
        if os.getenv("SPEC_MODE") == "plain" then
          assert.is_true(tonumber(grown) < 2 * most + 4, said)
        end
      end)
    end
  end

  it("is also ended by the size of its headers, by libcurl's limit and by ours", function()
    e:fault({
      match = { path = "/datasets/%x" },
      action = { body = "", endless = "X-A: b\r\n", head = "HTTP/1.1 200 OK\r\n" },
    })
    assert.matches("^too_large ", (pipeline.run(MEASURED, { HOST = e.url, LIMIT = "" })))
    e:fault({
      match = { path = "/datasets/%x" },
      action = { body = "", endless = "x", head = "HTTP/1.1 200 OK\r\nX-A: " },
    })
    assert.matches("^too_large ", (pipeline.run(MEASURED, { HOST = e.url, LIMIT = "" })))
  end)
end)
