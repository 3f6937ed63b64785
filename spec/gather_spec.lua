local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local raises = pipeline.raises
-- Lua 5.1 cannot yield through pcall, nor through an iterator written in C.
local YIELDS_THROUGH_PCALL = coroutine.wrap(function()
  return pcall(coroutine.yield, true)
end)() == true

describe("llm.gather in a plain program", function()
  local e, c

  setup(function()
    e = pipeline.emulator.start()
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
    c = pipeline.client(e.url, { max_connections = 200 })
  end)
  after_each(function()
    c:close()
  end)

  local function slow(ms)
    local value, err = c:request("GET", "/__emulator/slow?ms=" .. ms)
    return value, err
  end

  --- The most requests that were with the server at one time, by its log.
  local function most_at_once(functions, options)
    local running, most = 0, 0
    local counted = {}
    for i, f in ipairs(functions) do
      counted[i] = function()
        running = running + 1
        most = math.max(most, running)
        local value, err = f()
        running = running - 1
        return value, err
      end
    end
    local values, errors = llm.gather(counted, options)
    assert.equal(0, running)
    return most, values, errors
  end

  it("returns first results by their position, whichever is ready first", function()
    local values, errors = llm.gather({
      function()
        return slow(60) and "slow", "second result"
      end,
      function()
        return slow(1) and "fast"
      end,
      function()
        return "at once"
      end,
      function()
        return false
      end,
    })
    assert.is_nil(errors)
    assert.same({ "slow", "fast", "at once", false }, values)
  end)

  it("returns errors by their position, returned and raised ones alike", function()
    local raised = {}
    local values, errors = llm.gather({
      function()
        return 1
      end,
      function()
        return c:request("GET", "/api/projects/:project_id/nothing/")
      end,
      function()
        error("told", 0)
      end,
      function()
        error(raised)
      end,
      function()
        slow(1)
        return c.missing.field
      end,
      function()
        return 6, "ignored beside a value"
      end,
    })
    assert.same({ 1, nil, nil, nil, nil, 6 }, values)
    assert.is_nil(errors[1])
    assert.equal("not_found", errors[2].kind)
    assert.equal("told", errors[3])
    assert.equal(raised, errors[4])
    assert.matches("missing", errors[5])
    assert.is_nil(errors[6])
  end)

  it("returns neither value nor error of a function that returns nothing", function()
    local values, errors = llm.gather({
      function() end,
      function()
        return nil, nil
      end,
    })
    assert.same({}, values)
    assert.is_nil(errors)
  end)

  it("returns empty tables for an empty list", function()
    local values, errors = llm.gather({})
    assert.same({}, values)
    assert.is_nil(errors)
    assert.same({}, e:log())
  end)

  it("takes functions of C and tables that can be called", function()
    local values, errors = llm.gather({
      os.time,
      setmetatable({}, {
        __call = function()
          return "called"
        end,
      }),
    })
    assert.is_nil(errors)
    assert.is_number(values[1])
    assert.equal("called", values[2])
  end)

  it("runs a hundred functions at the same time", function()
    local functions = {}
    for i = 1, 100 do
      functions[i] = function()
        local value, err = c:request("GET", "/__emulator/echo?" .. i)
        return value and tonumber(value.target:match("%d+$")), err
      end
    end
    local most, values, errors = most_at_once(functions, { concurrency = 100 })
    assert.equal(100, most)
    assert.is_nil(errors)
    for i = 1, 100 do
      assert.equal(i, values[i])
    end
    assert.equal(100, #e:log())
  end)

  for name, case in pairs({
    ["eight by default"] = { nil, 8 },
    ["one"] = { { concurrency = 1 }, 1 },
    ["three"] = { { concurrency = 3.0 }, 3 },
    ["all of them"] = { { concurrency = 1000 }, 20 },
  }) do
    it("runs " .. name .. " at a time", function()
      local functions = {}
      for i = 1, 20 do
        functions[i] = function()
          return slow(5)
        end
      end
      local most, values, errors = most_at_once(functions, case[1])
      assert.is_nil(errors)
      assert.equal(20, #values)
      assert.equal(case[2], most)
    end)
  end

  it("starts the next one when one has failed", function()
    local ran = 0
    local functions = {}
    for i = 1, 6 do
      functions[i] = function()
        ran = ran + 1
        error(i, 0)
      end
    end
    local values, errors = llm.gather(functions, { concurrency = 2 })
    assert.equal(6, ran)
    assert.same({}, values)
    assert.same({ 1, 2, 3, 4, 5, 6 }, errors)
  end)

  for name, case in pairs({
    ["no list"] = { {}, "functions: table expected, got nil" },
    ["a function by itself"] = { { print }, "functions: table expected, got function" },
    ["a table with names"] = { { { a = print } }, "list expected" },
    ["a list with a hole"] = { { { print, nil, print } }, "functions" },
    ["a number in the list"] = { { { print, 5 } }, "functions[2]: function expected, got number" },
    ["a string for options"] = { { {}, "x" }, "options: table expected, got string" },
    ["an unknown option"] = { { {}, { workers = 2 } }, 'unknown option "workers"' },
    ["a concurrency of zero"] = { { {}, { concurrency = 0 } }, "at least 1" },
    ["a concurrency of 1.5"] = { { {}, { concurrency = 1.5 } }, "integer expected, got 1.5" },
    ["a concurrency in words"] = { { {}, { concurrency = "8" } }, "integer expected, got string" },
    ["a concurrency that never ends"] = { { {}, { concurrency = math.huge } }, "integer" },
  }) do
    it("raises at the caller's line for " .. name, function()
      raises(function()
        llm.gather(case[1][1], case[1][2])
      end, case[2])
    end)
  end

  it("may be used inside itself, and the inner ones wait together", function()
    local values, errors = llm.gather({
      function()
        local inner, failed = llm.gather({
          function()
            return slow(30) and "a"
          end,
          function()
            return llm.gather({
              function()
                return slow(1) and "b"
              end,
            })[1]
          end,
          function()
            error("inner", 0)
          end,
        })
        assert(failed[3] == "inner")
        return inner
      end,
      function()
        return slow(1) and "c"
      end,
    })
    assert.is_nil(errors)
    assert.same({ { "a", "b" }, "c" }, values)
  end)

  it("lets the others run while one sleeps", function()
    local order = {}
    local _, errors = llm.gather({
      function()
        llm.sleep(1)
        order[#order + 1] = "slept"
      end,
      function()
        llm.sleep(0)
        order[#order + 1] = "not at all"
      end,
      function()
        slow(1)
        order[#order + 1] = "called"
      end,
    })
    assert.is_nil(errors)
    assert.equal("slept", order[3])
    assert.equal(3, #order)
  end)

  it("lets the main program sleep, and sends nothing for it", function()
    llm.sleep(0.001)
    assert.same({}, e:log())
    raises(function()
      llm.sleep("1")
    end, "seconds: number expected, got string")
    raises(function()
      llm.sleep(-1)
    end, "seconds")
    raises(function()
      llm.sleep(0 / 0)
    end, "seconds")
    raises(function()
      llm.sleep()
    end, "seconds")
  end)

  it("lets calls in coroutines of the program's own block, inside and outside", function()
    local function names()
      return coroutine.wrap(function()
        for i = 1, 3 do
          assert(c:request("GET", "/__emulator/echo?" .. i))
          coroutine.yield(i)
        end
      end)
    end
    local outside = {}
    for i in names() do
      outside[#outside + 1] = i
    end
    assert.same({ 1, 2, 3 }, outside)
    local values, errors = llm.gather({
      function()
        local sum = 0
        for i in names() do
          sum = sum + i
        end
        return sum
      end,
      function()
        return slow(20) and "other"
      end,
    })
    assert.is_nil(errors)
    assert.same({ 6, "other" }, values)
  end)

  it("can be called in a coroutine of the program's own", function()
    local co = coroutine.create(function()
      local values = llm.gather({
        function()
          return slow(5) and 1
        end,
        function()
          return 2
        end,
      })
      coroutine.yield(values[1] + values[2])
      return "end"
    end)
    assert.same({ true, 3 }, { coroutine.resume(co) })
    assert.same({ true, "end" }, { coroutine.resume(co) })
  end)

  it("can be called in such a coroutine inside one of its functions", function()
    local values, errors = llm.gather({
      function()
        local inner = coroutine.wrap(function()
          return llm.gather({
            function()
              return slow(5) and "inner"
            end,
          })[1]
        end)
        return inner()
      end,
      function()
        return slow(1) and "outer"
      end,
      function()
        return slow(50) and "last"
      end,
    })
    assert.is_nil(errors)
    assert.same({ "inner", "outer", "last" }, values)
  end)

  it("returns an error for a function that yields directly, and ends", function()
    local after = false
    local values, errors = llm.gather({
      function()
        coroutine.yield("to nobody")
        after = true
      end,
      function()
        return slow(1) and "fine"
      end,
    })
    assert.is_nil(values[1])
    assert.matches("yield", tostring(errors[1]))
    assert.equal("fine", values[2])
    assert.is_false(after)
  end)

  it("reads pages of several lists at the same time", function()
    if not YIELDS_THROUGH_PCALL then
      return
    end -- nor through a for loop's iterator
    e:seed({ datasets = 25 })
    local function count()
      local n = 0
      for _ in c.datasets:each({ limit = 5 }) do
        n = n + 1
      end
      return n
    end
    local values, errors = llm.gather({ count, count, count })
    assert.is_nil(errors)
    assert.same({ 25, 25, 25 }, values)
  end)

  it("lets functions catch errors by pcall", function()
    if not YIELDS_THROUGH_PCALL then
      return
    end
    local values, errors = llm.gather({
      function()
        local ok, err = pcall(function()
          slow(1)
          error("caught", 0)
        end)
        return tostring(ok) .. " " .. err
      end,
    })
    assert.is_nil(errors)
    assert.same({ "false caught" }, values)
  end)

  it("works as before after a call that could not wait where it was made", function()
    if YIELDS_THROUGH_PCALL then
      return
    end
    local values, errors = llm.gather({
      function()
        local ok, err = pcall(slow, 20)
        local again = slow(60) -- its answer is the second, not the lost first
        return tostring(ok) .. " " .. tostring(again ~= nil), err
      end,
      function()
        return slow(40) and "other"
      end,
    })
    assert.is_nil(errors)
    assert.same({ "false true", "other" }, values)
  end)

  it("releases its functions when the program is interrupted", function()
    local went_on = 0
    local function wait()
      slow(1000)
      went_on = went_on + 1
    end
    local ok, why = pipeline.interrupted_gather({ wait, wait })
    assert.is_false(ok)
    assert.equal("interrupted", why)
    local values, errors = llm.gather({
      function()
        return slow(1500) and "next"
      end,
    })
    assert.is_nil(errors)
    assert.same({ "next" }, values)
    assert.equal(0, went_on)
  end)

  it("does not disturb the program's own call when one in a gather is still pending", function()
    local inside
    local co = coroutine.wrap(function()
      inside = assert(c:request("GET", "/__emulator/echo?inside"))
    end)
    local values = llm.gather({
      function()
        co() -- blocks, while the other one is in flight
        return inside.target
      end,
      function()
        return slow(1) and "in flight"
      end,
    })
    assert.same({ "/__emulator/echo?inside", "in flight" }, values)
  end)
end)
