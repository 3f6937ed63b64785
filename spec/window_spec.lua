local pipeline = require("spec.pipeline")
local window = require("posthog.llm.host.window")

describe("a window of jobs", function()
  local e, c

  setup(function()
    e = pipeline.emulator.start()
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
    c = pipeline.client(e.url, { max_connections = 20 })
  end)
  after_each(function()
    c:close()
  end)

  local function slow(ms)
    local value, err = c:request("GET", "/__emulator/slow?ms=" .. ms)
    return value, err
  end

  --- The elements of a list, one a call.
  local function each(list)
    local at = 0
    return function()
      at = at + 1
      return list[at]
    end
  end

  it("does every job, as many at the same time as it is wide", function()
    local running, most, done = 0, 0, {}
    assert.is_true(window.run(3, each({ 1, 2, 3, 4, 5, 6, 7 }), function(job)
      running = running + 1
      most = math.max(most, running)
      assert(slow(5))
      running = running - 1
      done[job] = true
    end))
    assert.same({ 3, 0 }, { most, running })
    assert.same({ true, true, true, true, true, true, true }, done)
  end)

  it("begins the next job while a slow one is still running", function()
    local order = {}
    assert.is_true(window.run(2, each({ 3000, 1, 1, 1, 1, 1 }), function(ms)
      assert(slow(ms))
      order[#order + 1] = ms
    end))
    assert.same({ 1, 1, 1, 1, 1, 3000 }, order)
  end)

  it("takes jobs from a source that waits, and jobs that are put back", function()
    local waiting, tries = { "a", "b", "c" }, {}
    local function next_job()
      assert(slow(1))
      return table.remove(waiting, 1)
    end
    assert.is_true(window.run(2, next_job, function(job)
      tries[job] = (tries[job] or 0) + 1
      assert(slow(1))
      if tries[job] < 3 then
        waiting[#waiting + 1] = job
      end
    end))
    assert.same({ a = 3, b = 3, c = 3 }, tries)
  end)

  it("begins no more after an error, awaits what runs, and returns the first error", function()
    local begun, ended = {}, {}
    local done, err = window.run(2, each({ 200, 1, 1, 1 }), function(ms)
      begun[#begun + 1] = ms
      assert(slow(ms))
      ended[#ended + 1] = ms
      return nil, "failed at " .. ms
    end)
    assert.same({ nil, "failed at 1" }, { done, err })
    assert.same({ 200, 1 }, begun)
    assert.same({ 1, 200 }, ended)
  end)

  it("ends with the error of its source", function()
    local worked = 0
    local jobs = each({ 1, 1, 1 })
    local done, err = window.run(1, function()
      local job = jobs()
      if worked == 2 then
        return nil, "no more can be read"
      end
      return job
    end, function()
      worked = worked + 1
    end)
    assert.same({ nil, "no more can be read", 2 }, { done, err, worked })
  end)

  it("raises what a job raised, once the others have ended", function()
    local raised, ended, begun = {}, 0, 0
    local ok, err = pcall(window.run, 3, each({ 100, 1, 100, 1, 1, 1, 1 }), function(ms)
      begun = begun + 1
      assert(slow(ms))
      if ms == 1 then
        error(raised, 0)
      end
      ended = ended + 1
    end)
    assert.is_false(ok)
    assert.equal(raised, err)
    assert.same({ 3, 2 }, { begun, ended })
  end)

  it("tells at once what was raised, to a caller who takes it, and returns it", function()
    local raised, ended = {}, 0
    local at
    local done, err = window.run(2, each({ 100, 1, 1, 1 }), function(ms)
      assert(slow(ms))
      if ms == 1 then
        error(raised, 0)
      end
      ended = ended + 1
    end, function(what)
      assert.equal(raised, what)
      at = ended
    end)
    assert.same({ nil, raised }, { done, err })
    assert.same({ 0, 1 }, { at, ended })
  end)

  it("does nothing for a source without jobs", function()
    assert.is_true(window.run(4, each({}), function()
      error("never")
    end))
    assert.same({}, e:log())
  end)
end)
