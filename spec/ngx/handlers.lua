--- What the nginx of spec/ngx_spec.lua serves.

local llm = require("posthog.llm")

local handlers = {}

local client

--- One for the worker; no retry hides a failure.
local function the_client()
  client = client or handlers.client()
  return client
end

function handlers.client(options)
  local all = {
    host = os.getenv("EMULATOR_URL"),
    personal_api_key = "phx_emulator_all",
    project_id = 112358,
    max_connections = 600,
    max_retries = 0,
  }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return llm.new(all)
end

--- Has the emulator take so many milliseconds; returns them, and the error.
local function slow(ms, with)
  local value, err = (with or the_client()):request("GET", "/__emulator/slow", {
    query = { ms = ms },
  })
  return value and value.slept_ms, err
end

--- Makes a call and keeps what came of it, for result().
function handlers.try(name)
  local ms, err = slow(20)
  local phase = name .. " " .. ngx.get_phase() .. ": "
  ngx.shared.results:set(name, phase .. (ms or err.kind .. ": " .. err.message))
end

--- The same with llm.sleep and llm.gather, both where nginx cannot wait.
function handlers.try_others(name)
  local ok, message = pcall(function()
    llm.sleep(0.01)
  end)
  ngx.shared.results:set(name .. ".sleep", tostring(ok) .. " " .. tostring(message))
  local values, failures = llm.gather({
    function()
      return 1
    end,
    function()
      return slow(20)
    end,
  })
  ngx.shared.results:set(name .. ".gather", values[1] .. " " .. failures[2].kind)
end

--- Answers with what was kept for the last word of the path, or for ?name=.
function handlers.result()
  local name = ngx.var.arg_name or ngx.var.uri:match("[^/]+$")
  ngx.say(ngx.shared.results:get(name) or "nothing yet")
end

function handlers.try_in_timer()
  local done = require("ngx.semaphore").new()
  assert(ngx.timer.at(0, function()
    handlers.try("timer")
    done:post()
  end))
  assert(done:wait(5))
  handlers.result()
end

local paths = {}

--- GET /slow?ms=: one call.
function paths.slow()
  local ms, err = slow(tonumber(ngx.var.arg_ms) or 200)
  if not ms then
    ngx.status = 502
  end
  ngx.say(ms or tostring(err))
end

--- GET /skill?name=
function paths.skill()
  local skill, err = the_client().skills:get(ngx.var.arg_name)
  ngx.say(skill and skill.name or tostring(err))
end

--- GET /ahead?prefetch=&most=: rows of an iterator that reads ahead, and how long they took.
function paths.ahead()
  ngx.update_time()
  local began, count = ngx.now(), 0
  local most = tonumber(ngx.var.arg_most)
  local prefetch = tonumber(ngx.var.arg_prefetch)
  for _ in the_client().datasets:each({ limit = 1, prefetch = prefetch }) do
    count = count + 1
    if count == most then
      break
    end
  end
  ngx.update_time()
  ngx.print(require("cjson").encode({ rows = count, seconds = ngx.now() - began }))
end

--- GET /window: the order in which jobs end, and how many of five begin when the first fails.
function paths.window()
  local window = require("posthog.llm.host.window")
  local function jobs(list)
    local at = 0
    return function()
      at = at + 1
      return list[at]
    end
  end
  local order, begun = {}, 0
  local done = window.run(2, jobs({ 200, 1, 1, 1, 1 }), function(ms)
    assert(slow(ms))
    order[#order + 1] = ms
  end)
  local _, err = window.run(2, jobs({ 1, 50, 1, 1, 1 }), function(ms)
    begun = begun + 1
    assert(slow(ms))
    return nil, "no more"
  end)
  ngx.print(table.concat(order, ","), " ", tostring(done), "; ", begun, " ", err)
end

--- GET /gather: results and errors by place, and how long ten calls took.
function paths.gather()
  ngx.update_time()
  local began = ngx.now()
  local functions = {}
  for i = 1, 10 do
    functions[i] = function()
      return slow(800 + i)
    end
  end
  local values, errors = llm.gather(functions, { concurrency = 10 })
  ngx.update_time()
  local most, now = 0, 0
  local mixed, failures = llm.gather({
    function()
      return "one"
    end,
    function()
      return nil, "two"
    end,
    function()
      error("three", 0)
    end,
    function()
      now = now + 1
      most = math.max(most, now)
      slow(50)
      now = now - 1
      return false
    end,
    function()
      now = now + 1
      most = math.max(most, now)
      slow(50)
      now = now - 1
    end,
  }, { concurrency = 2 })
  ngx.say(require("cjson").encode({
    values = values,
    errors = errors or "none",
    seconds = ngx.now() - began,
    mixed = { mixed[1], mixed[2] == nil, mixed[3] == nil, mixed[4], mixed[5] == nil },
    failures = { failures[2], failures[3] },
    most = most,
    empty = #llm.gather({}),
  }))
end

--- GET /sleep: how long 0.1 s are.
function paths.sleep()
  local began = ngx.now()
  llm.sleep(0.1)
  ngx.say(ngx.now() - began)
end

--- GET /close: a client closed by another light thread while it waits.
function paths.close()
  local own = handlers.client()
  local began = ngx.now()
  local thread = ngx.thread.spawn(function()
    return slow(19000, own)
  end)
  ngx.sleep(0.1)
  own:close()
  local _, value, err = ngx.thread.wait(thread)
  ngx.say(tostring(value), " ", err and err.kind, " ", ngx.now() - began < 9)
end

--- GET /deadline
function paths.deadline()
  local began = ngx.now()
  local _, err = slow(19000, handlers.client({ deadline = 0.2 }))
  ngx.say(err and err.kind, " ", ngx.now() - began < 9)
end

--- GET /killed: a light thread is killed while it waits, its request goes on.
function paths.killed()
  local thread = ngx.thread.spawn(slow, 30000)
  ngx.sleep(0.1)
  ngx.say(tostring(ngx.thread.kill(thread)))
end

--- GET /break: ends, from below, the connection that tells of finished
--- transfers; answers with how often.
function paths.break_()
  local ffi = require("ffi")
  pcall(
    ffi.cdef,
    [[
    struct spec_address { unsigned short family; char path[108]; };
    int getpeername(int fd, struct spec_address *address, unsigned *length);
    int shutdown(int fd, int how);
  ]]
  )
  local count = 0
  for fd = 0, 1023 do
    local address, length = ffi.new("struct spec_address"), ffi.new("unsigned[1]", 110)
    if
      ffi.C.getpeername(fd, address, length) == 0
      and address.family == 1
      and ffi.string(address.path):find("/posthog%-llm%.")
    then
      count = count + 1
      ffi.C.shutdown(fd, 2)
    end
  end
  ngx.say(count)
end

--- GET /null: whether all the nulls are one.
function paths.null()
  ngx.say(tostring(llm.null == ngx.null and llm.null == require("cjson").null))
end

--- GET /memory: kilobytes in use.
function paths.memory()
  collectgarbage()
  collectgarbage()
  ngx.say(collectgarbage("count"))
end

function handlers.content()
  local run = paths[ngx.var.uri:sub(2)]
  if not run then
    return ngx.exit(404)
  end
  run()
end

return handlers
