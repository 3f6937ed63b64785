-- Which key a request goes out with: when a program changes it between two calls, and when clients
-- with different keys are at work at once, also on the same connection.

local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local ECHO = "/__emulator/echo/"
local FIRST, SECOND = pipeline.KEY, "phx_emulator_li"

--- The key of an entry of the log, whatever version of HTTP it came by.
local function key_of(entry)
  local value
  if entry.headers then
    for name, given in pairs(entry.headers) do
      if name:lower() == "authorization" then
        value = given
      end
    end
  else
    value = pipeline.header(entry, "Authorization")
  end
  return value:match("^Bearer (.*)$")
end

describe("the API key", function()
  local e

  setup(function()
    e = pipeline.emulator.start({ tls = true })
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
  end)

  for version, base in pairs({ ["1.1"] = "url", ["2"] = "tls_url" }) do
    describe("over HTTP/" .. version, function()
      local open

      before_each(function()
        open = {}
      end)
      after_each(function()
        for _, c in ipairs(open) do
          c:close()
        end
      end)

      local function client(options)
        options.ca_file = e.ca_file
        local c = pipeline.client(e[base], options)
        open[#open + 1] = c
        return c
      end

      --- Asserts that each request came with the key that its query names.
      local function each_with_its_own(count)
        local log = e:log()
        assert.equal(count, #log)
        local counts, connections = {}, {}
        for _, entry in ipairs(log) do
          local key = key_of(entry)
          assert.equal(entry.target:match("key=([^&]*)"), key)
          assert.equal(version, entry.http)
          counts[key] = (counts[key] or 0) + 1
          connections[entry.connection] = true
        end
        local n = 0
        for _ in pairs(connections) do
          n = n + 1
        end
        return counts, n
      end

      --- A call whose query says which key it was made with.
      local function call(c, method, key)
        local json = method == "POST" and {} or nil
        assert(c:request(method, ECHO, { query = { key = key }, json = json }))
      end

      it("is the new one as soon as the function returns it, on the same connection", function()
        local current
        local c = client({
          personal_api_key = function()
            return current
          end,
        })
        for i, key in ipairs({ FIRST, SECOND, SECOND, FIRST, SECOND, FIRST }) do
          current = key
          call(c, i % 2 == 0 and "POST" or "GET", key)
          call(c, "GET", key)
        end
        local counts, connections = each_with_its_own(12)
        assert.same({ [FIRST] = 6, [SECOND] = 6 }, counts)
        assert.equal(1, connections)
      end)

      it("is that of the moment of the call, for calls in flight together", function()
        local current
        local c = client({
          personal_api_key = function()
            return current
          end,
        })
        local functions = {}
        for i = 1, 24 do
          functions[i] = function()
            local key = i % 3 == 0 and FIRST or SECOND
            current = key
            call(c, i % 2 == 0 and "POST" or "GET", key)
          end
        end
        local _, errors = llm.gather(functions, { concurrency = 6 })
        assert.is_nil(errors)
        assert.same({ [FIRST] = 8, [SECOND] = 16 }, (each_with_its_own(24)))
      end)

      it("is the new one in a retry, on the idle connection", function()
        local _, restore = pipeline.instant_sleep()
        e:fault({ action = { status = 503, times = 2 } })
        local keys, calls = { FIRST, SECOND, FIRST }, 0
        local c = client({
          personal_api_key = function()
            calls = calls + 1
            return keys[calls]
          end,
        })
        local page, err = c.datasets:list()
        restore()
        assert(page, tostring(err))
        local log = e:log()
        assert.equal(3, #log)
        for i, entry in ipairs(log) do
          assert.equal(keys[i], key_of(entry))
          assert.equal(log[1].connection, entry.connection)
        end
      end)

      --- 40 calls by turns of two clients.
      local function interleave(one, other)
        local functions = {}
        for i = 1, 40 do
          functions[i] = function()
            local mine = i % 2 == 0
            call(mine and one or other, i % 4 < 2 and "POST" or "GET", mine and FIRST or SECOND)
          end
        end
        local _, errors = llm.gather(functions, { concurrency = 8 })
        assert.is_nil(errors)
        local counts, connections = each_with_its_own(40)
        assert.same({ [FIRST] = 20, [SECOND] = 20 }, counts)
        return connections
      end

      it("is each client's own, for two at once", function()
        interleave(client({ personal_api_key = FIRST }), client({ personal_api_key = SECOND }))
      end)

      it("is each client's own, for two at once that share connections", function()
        local one = client({ personal_api_key = FIRST, max_connections = 2 })
        local other = one:with({ personal_api_key = SECOND })
        open[#open + 1] = other
        local connections = interleave(one, other)
        assert.is_true(connections <= (version == "2" and 1 or 2), tostring(connections))
      end)
    end)
  end
end)
