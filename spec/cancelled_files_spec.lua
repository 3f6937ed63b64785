--- A task of the event loop that is cancelled at any of its responses leaves no file of its own and
--- holds no lock: the same call goes on at once.

local dataset_file = require("posthog.llm.dataset_file")
local folders = require("spec.support.folders")
local live = require("spec.support.live")
local llm = require("posthog.llm")
local skill_folder = require("posthog.llm.skill_folder")

local has_luv, luv = pcall(require, "luv")
if not has_luv then
  describe("a cancelled task", function()
    pending("needs lua-luv for this Lua")
  end)
  return
end

local ROWS = 21
local MANY = 230 -- some pages of each version of the API
-- Lua 5.1 yields through no pcall: there the collector closes what a task had open.
local IS_PUC_5_1 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local function records(count)
  local lines = {}
  for i = 1, count do
    lines[i] = ('{"input":{"n":%d}}\n'):format(i)
  end
  return table.concat(lines)
end

for _, profile in ipairs({ "reference", "current" }) do
  describe("a cancelled task, on " .. live.api_name[profile] .. ",", function()
    local t = live.session({ profile = profile })
    local dir, counter, client

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      t.e:settings({ dataset_limit = 0 })
      counter = { count = 0 }
      client = t.client({
        on_response = function()
          counter.count = counter.count + 1
          if counter.count == counter.limit then
            counter.task:cancel()
          end
        end,
      })
      dir = folders.new()
      folders.write(dir, "in.jsonl", records(ROWS))
    end)
    after_each(function()
      folders.remove(dir)
    end)

    --- Runs it in a task that is cancelled at a response; without a limit, never.
    --- @return any result
    --- @return any err of the task, or that the function has returned
    local function run(f, limit)
      counter.count, counter.limit = 0, limit
      local result, failed
      counter.task = llm.go(f, function(err, value, why)
        result, failed = value, err or why
      end)
      luv.run()
      if IS_PUC_5_1 then
        collectgarbage()
        collectgarbage()
      end
      return result, failed
    end

    --- Cancels a call at each of its responses, and calls it again after each.
    --- @param prepare fun(): any?
    --- @param f fun(): any, any
    --- @param look? fun() called after each
    local function cancel_everywhere(step, prepare, f, look)
      local limit, cancelled = 1, 0
      while true do
        prepare()
        local result, err = run(f, limit)
        if result then
          break
        end
        assert.equal("cancelled", err.kind, tostring(err))
        cancelled = cancelled + 1
        if look then
          look()
        end
        result, err = run(f)
        assert.is_true(result ~= nil, ("after response %d: %s"):format(limit, tostring(err)))
        limit = limit + step
      end
      assert.is_true(cancelled > 0)
    end

    local function names()
      local list = {}
      for path in pairs(folders.tree(dir)) do
        list[#list + 1] = path
      end
      table.sort(list)
      return list
    end

    local function forget(name)
      os.remove(dir .. "/" .. name)
    end

    it("leaves no part of an export", function()
      local dataset = t.e:seed({ datasets = 1 }).datasets[1]
      t.e:seed({ items = MANY, dataset = dataset })
      cancel_everywhere(1, function()
        forget("out.jsonl")
      end, function()
        return dataset_file.export(client, dataset, dir .. "/out.jsonl")
      end, function()
        for _, name in ipairs(names()) do
          assert.is_nil(name:find("out", 1, true), name)
        end
      end)
    end)

    it("leaves no lock of an import, which goes on", function()
      local made, ids = 0, {}
      cancel_everywhere(4, function()
        forget("in.jsonl.journal")
        made = made + 1
        ids[made] = assert(client.datasets:create({ name = "golden " .. made })).id
      end, function()
        return dataset_file.import(client, "golden " .. made, dir .. "/in.jsonl", { settle = 0.1 })
      end)
      for i = 1, made do
        local count = 0
        for _ in client.dataset_items:each({ dataset = ids[i] }) do
          count = count + 1
        end
        assert.equal(ROWS, count)
      end
    end)

    it("leaves no lock of a sync", function()
      local made = 0
      cancel_everywhere(4, function()
        made = made + 1
        assert(client.datasets:create({ name = "golden " .. made }))
      end, function()
        return dataset_file.sync(
          client,
          "golden " .. made,
          dir .. "/in.jsonl",
          { key = "input.n", settle = 0.1 }
        )
      end)
    end)

    it("leaves no lock of a root of skills", function()
      for i = 1, 6 do
        local files = { { path = "a.md", content = "x" } }
        local row = { name = "s-" .. i, description = "d", body = "text", files = files }
        assert(client.skills:create(row))
      end
      local turn = 0
      cancel_everywhere(1, function()
        turn = turn + 1
      end, function()
        return skill_folder.pull_all(client, ("%s/root %d"):format(dir, turn))
      end)
      cancel_everywhere(1, function()
        turn = turn + 1
        for i = 1, 6 do
          folders.write(dir .. "/root 1/s-" .. i, "a.md", "turn " .. turn)
        end
      end, function()
        return skill_folder.push_all(client, dir .. "/root 1")
      end)
    end)
  end)
end

describe("a file that is written in a coroutine which nobody resumes", function()
  it("is removed when it is collected", function()
    local atomic_file = require("posthog.llm.util.atomic_file")
    local dir = folders.new()
    local co = coroutine.wrap(function()
      local file = assert(atomic_file.open(dir .. "/out"))
      assert(file:write("half"))
      coroutine.yield()
    end)
    co()
    assert.is_not_nil(next(folders.tree(dir)))
    co = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(folders.tree(dir)))
    folders.remove(dir)
  end)
end)
