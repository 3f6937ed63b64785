-- A text that is large for the heap may be decoded with the collector at rest. Nobody is to notice.

local core = require("posthog.llm.core")
local support = require("spec.support.json")

local assert_identical = support.assert_identical

local ROWS = 8000

local function large_text(last)
  local rows = {}
  for i = 1, ROWS do
    rows[i] = ('{"id":%d,"name":"row %d","tags":["a",null]}'):format(i, i)
  end
  rows[#rows + 1] = '"' .. ("large beside what else is in memory"):rep(200000) .. '"'
  rows[#rows + 1] = last
  return "[" .. table.concat(rows, ",") .. "]"
end

--- By how many KB memory grows while so much garbage is made.
local function grown_by(tables)
  local before, last = collectgarbage("count"), {}
  for i = 1, tables do
    last[1] = { i } -- kept, or a compiler would leave it out
  end
  return last[1] ~= nil and collectgarbage("count") - before
end

collectgarbage("stop")
local TABLE = grown_by(10000) / 10000 -- KB, half as much where a pointer has 32 bits
collectgarbage("restart")

--- Is garbage collected without being asked to?
local function collector_works()
  return grown_by(1500000) < 0.6 * TABLE * 1500000
end

-- The program lua5.4 starts in the first of these modes, a host of its own in the second.
local MODES = _VERSION == "Lua 5.4" and { "generational", "incremental" } or { "as it comes" }

local function set_mode(mode)
  if mode ~= "as it comes" then
    collectgarbage(mode)
  end
end

local function describe_large(mode)
  describe(("a large text (collector %s)"):format(mode), function()
    local text = large_text()
    before_each(function()
      set_mode(mode)
      collectgarbage()
      collectgarbage()
    end)

    after_each(function()
      debug.sethook()
      collectgarbage("restart")
      set_mode(MODES[1])
    end)

    it("is decoded like a small one", function()
      local list = assert(core.decode(text))
      assert.equal(ROWS + 1, #list)
      for i = 1, ROWS, 371 do
        local tags = core.array({ "a", core.null })
        assert_identical({ id = i, name = "row " .. i, tags = tags }, list[i])
      end
    end)

    it("leaves the collector running when it was", function()
      for _ = 1, 3 do
        assert.equal(ROWS + 1, #core.decode(text))
        assert.is_true(collector_works())
      end
    end)

    it("leaves the collector stopped when it was", function()
      collectgarbage("stop")
      assert(core.decode(text))
      assert.is_false(collector_works())
    end)

    it("leaves no more memory in use than a few of its kind, page after page", function()
      local page = "[" .. ('{"id":1,"name":"row","tags":["a",null]},'):rep(4000) .. "0]"
      assert(#page > 2 ^ 17)
      local most, before = 0, collectgarbage("count")
      for _ = 1, 100 do
        assert.equal(4001, #core.decode(page))
        most = math.max(most, collectgarbage("count") - before)
      end
      assert.is_true(most < 65536, most .. " KB") -- all of them: 100 MB
    end)

    it("is refused with the same error as a small one", function()
      local bad = large_text("[1,]")
      local value, message, position, limit = core.decode(bad)
      assert.is_nil(value)
      assert.matches("expected a value", message)
      assert.equal(#bad - 1, position)
      assert.is_nil(limit)
      local hasty = core.decoder({ max_seconds = 1e-300 })
      assert.equal("max_seconds", select(4, hasty:decode(text)))
      assert.is_true(collector_works())
    end)

    it("lets a hook of the program raise", function()
      local decoder = core.decoder({})
      local left = 2000
      debug.sethook(function()
        left = left - 1
        if left == 0 and debug.getinfo(2, "S").source == "=json" then
          error("enough")
        end
      end, "c")
      local ok, message = pcall(decoder.decode, decoder, text)
      debug.sethook()
      assert.equal(jit == nil, ok)
      assert.is_true(ok or tostring(message):match("enough") ~= nil)
      assert.is_true(collector_works())
      assert.equal(ROWS + 1, #assert(decoder:decode(text)))
    end)

    it("keeps the memory of a program that does nothing else within bounds", function()
      local before, most = collectgarbage("count"), 0
      local value = core.decode(text)
      collectgarbage()
      local size = collectgarbage("count") - before
      assert.equal(ROWS + 1, #value)
      for _ = 1, 24 do
        value = core.decode(text)
        most = math.max(most, collectgarbage("count") - before)
      end
      assert.equal(ROWS + 1, #value)
      assert.is_true(most < 12 * size)
    end)
  end)
end

for _, mode in ipairs(MODES) do
  describe_large(mode)
end

-- By size of the text, the largest heap in which the collector rests, in kilobytes. Lua 5.1 cannot
-- say whether it works, and 5.5 has other settings of its pace.
local LARGEST =
  { [100] = 200, [191] = 382, [192] = 1152, [600] = 3600, [1023] = 6138, [1024] = 6144 }
if jit then
  LARGEST = { [64] = 4224, [600] = 5296, [1024] = 6144 }
elseif _VERSION == "Lua 5.1" or _VERSION == "Lua 5.5" then
  LARGEST = {}
end

describe("the collector", function()
  local function during(text, heap)
    local command = "%s spec/support/at_rest.lua %d %d 2>&1"
    local pipe = assert(io.popen(command:format(os.getenv("LUA") or "lua5.4", text, heap)))
    local said = pipe:read("*a")
    pipe:close()
    return said
  end

  for text, heap in pairs(LARGEST) do
    local place = ("beside a text of %d KB rests in a heap of %d KB"):format(text, heap)
    it(place .. " and in no larger one", function()
      assert.equal("at rest\n", during(text, heap - 10))
      if text > 64 then -- beside a small text it does not get round in a large heap
        assert.equal("at work\n", during(text, heap + 10))
      end
    end)
  end

  it("works together with a text of less than 64 KB", function()
    assert.equal("at work\n", during(63, 0))
  end)
end)
