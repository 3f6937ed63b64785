-- One pace for all workers of a real nginx, by a lua_shared_dict.
if not rawget(_G, "jit") or os.getenv("SPEC_MODE") == "valgrind" then
  return
end

local cjson = require("cjson")
local emulator = require("spec.emulator")
local pipeline = require("spec.pipeline")
local server = require("spec.ngx.server")

local missing = server.missing()
if missing then
  describe("the option pace in nginx", function()
    pending("is left out: " .. missing)
  end)
  return
end

local LOCATION = [[
    location = /%s { content_by_lua_block { require("spec.ngx.pace").%s() } }
]]

describe("the option pace in nginx", function()
  local e, nginx
  local workers = 3

  setup(function()
    e = emulator.start()
    nginx = server.start({
      emulator = e,
      workers = workers,
      http = "lua_shared_dict pace 2m; lua_shared_dict small 12k;",
      server = LOCATION:format("paced", "call")
        .. LOCATION:format("dict", "dict")
        .. LOCATION:format("empty", "empty"),
    })
  end)
  teardown(function()
    nginx:stop()
    e:stop()
  end)
  before_each(function()
    e:reset()
    for _, name in ipairs({ "pace", "small", "results" }) do
      nginx:get("/empty?dict=" .. name)
    end
  end)
  after_each(function()
    assert.equal("", nginx:complaints())
  end)

  local function content(dict)
    return cjson.decode((nginx:get("/dict?dict=" .. dict)))
  end

  --- What came of the calls, and how many workers made them.
  local function results()
    local all, by = content("results"), 0
    for name in pairs(all) do
      if name:find("^by ") then
        by = by + 1
        all[name] = nil
      end
    end
    return all, by
  end

  it("allows exactly as many requests as the limit, in all workers together", function()
    for round = 1, 3 do
      e:reset()
      nginx:get("/empty?dict=pace")
      nginx:get("/empty?dict=results")
      nginx:get_many("/paced?dict=pace&per_minute=50&deadline=20", 150)
      local all, by = results()
      assert.same({ went = 50, rate_limited = 100 }, all)
      assert.equal(50, #e:log(), "round " .. round)
      assert.equal(workers, by)
    end
  end)

  it("without a dict counts each worker separately", function()
    nginx:get_many("/paced?per_minute=5&deadline=20", 60)
    local all = results()
    assert.equal(5 * workers, all.went)
  end)

  it("keeps to the window when the workers' requests wait for each other", function()
    nginx:get_many("/paced?fast=1&dict=pace&per_minute=10&deadline=3600", 35)
    local all, by = results()
    assert.same({ went = 35 }, all)
    assert.equal(35, #e:log())
    assert.is_true(by > 1)
    local times = {}
    for name, at in pairs(content("pace")) do
      if name:find(" %d+$") and at > 0 then
        times[#times + 1] = at
      end
    end
    table.sort(times)
    assert.equal(35, #times)
    for i = 1, #times - 10 do
      assert.is_true(times[i + 10] - times[i] > 60)
    end
    assert.is_true(times[35] - times[1] < 60 * 20) -- four windows, and the machine may be busy
  end)

  it("makes a 429 known to all workers", function()
    e:fault({ action = { status = 429, headers = { ["Retry-After"] = "50" }, times = 1 } })
    nginx:get("/paced?dict=pace&per_minute=1000&deadline=20")
    nginx:get_many("/paced?dict=pace&per_minute=1000&deadline=20", 60)
    local all, by = results()
    assert.same({ rate_limited = 61 }, all)
    assert.equal(workers, by)
    assert.equal(1, #e:log())
    local said = nginx:get("/paced?dict=pace&per_minute=1000&deadline=20")
    assert.truthy(said:find("since the server asked to wait (429)", 1, true), said)
    assert.equal("went", (nginx:get("/paced?dict=pace&per_minute=9&key=phx_emulator_li")))
  end)

  it("stores no key in the dict", function()
    e:fault({ action = { status = 429, headers = { ["Retry-After"] = "50" }, times = 1 } })
    nginx:get("/paced?dict=pace&per_minute=1000&deadline=20")
    local entries = 0
    for name, value in pairs(content("pace")) do
      entries = entries + 1
      assert.is_nil(name:find(pipeline.KEY, 1, true))
      assert.is_nil(tostring(value):find(pipeline.KEY, 1, true))
    end
    assert.equal(4, entries) -- a time and a block, and the number of each
  end)

  it("reports a dict that does not exist or is full", function()
    local words = 'datasets:list: invalid: pace.dict: nginx has no lua_shared_dict "none" (host '
    assert.equal(words, nginx:get("/paced?dict=none&per_minute=5"):sub(1, #words))
    nginx:get_many("/paced?dict=small&per_minute=1000&deadline=20", 300)
    local all = results()
    assert.is_true(all.went > 0 and all.invalid > 0)
    assert.equal(300 + 1, all.went + all.invalid)
    assert.equal(all.went, #e:log())
    words = 'datasets:list: invalid: pace.dict: lua_shared_dict "small": no memory (host '
    assert.equal(words, nginx:get("/paced?dict=small&per_minute=1000"):sub(1, #words))
  end)
end)
