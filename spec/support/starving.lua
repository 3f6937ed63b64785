-- The program of spec/alloc_spec.lua, run by starve.c: each step of a call's way through the core,
-- and a whole call of a client, while the n-th allocation fails, for every n until none is left:
-- alone, and with all that follow. Afterwards the same step has to go well.
--
--   starving.lua mode url tls_url ca_file       mode: "script" or "thread"

local unpack = table.unpack or unpack -- luacheck: ignore

if jit then
  jit.off()
end -- its compiler may not run out of memory

local mode, url, tls_url, ca_file = ...
local core = require("posthog.llm.core")
local starve = require("spec_starve")

local TEXT = '{"results":[{"id":1,"name":"a\\u00e9","big":18446744073709551616,"n":null},'
  .. '{"id":2,"name":"'
  .. ("b"):rep(200)
  .. '\\n","long":"'
  .. ("\\t"):rep(600)
  .. '"}],"deep":'
  .. ("["):rep(100)
  .. ("]"):rep(100)
  .. "}"
local MANY = {}
for i = 1, 300 do
  MANY[i] = ("%q:{%q:%d}"):format("key" .. i, "member" .. i, i)
end
MANY = "{" .. table.concat(MANY, ",") .. "}"

local VALUE = core.decode(TEXT)
local LONG_TEXT = ("x"):rep(100000)
local LINES = { "X-A: 1", "X-B: 2" }
local engine, pool, decoder, seen

--- Seconds. Out of memory libcurl 8.23 may lose a transfer, which then takes all its time; so it
--- gets little while memory is short.
local SHORT, LONG = os.getenv("SPEC_MODE") == "plain" and 0.2 or 2, 20
local timeout = LONG

local function check_value(value)
  assert(value.results[2].name == VALUE.results[2].name)
  assert(tostring(value.results[1].big) == "18446744073709551616")
end

--- libcurl has other words for it, by where it was when memory was short.
local Failed = {
  __tostring = function(failed)
    return failed.message
  end,
}

local function check_transfer(status, message)
  if not status then
    error(setmetatable({ message = message }, Failed))
  end
end

local function wait(transfer)
  local stop = core.now() + 60
  while not transfer:done() do
    assert(core.now() < stop, "hangs")
    engine:poll(1)
    engine:collect(seen)
  end
end

--- A call to the echo, which answers with what it was sent.
local function exchange(origin)
  local transfer, why = pool:start(
    core.request_config({ ca_file = ca_file }, LINES),
    { method = "POST", json = VALUE },
    origin .. "/__emulator/echo",
    timeout
  )
  assert(transfer, why)
  wait(transfer)
  local status, _, message = transfer:result()
  check_transfer(status, message)
  assert(status == 200)
  local headers = transfer:headers()
  assert(headers["content-type"] and transfer:timings().total and transfer:body(10))
  local echo, problem = transfer:decode(decoder)
  assert(echo, problem)
  check_value(core.decode(echo.body or transfer:body()))
end

--- For want of memory, and of nothing else?
local function is_starved(why)
  if getmetatable(why) == Failed or (type(why) == "table" and why.kind) then
    return true
  end
  local text = tostring(why):lower()
  -- The last two: no room on the stack of Lua.
  return text:find("memory") or text:find("nested too deeply") or text:find("stack overflow")
end

local steps = {}

--- Over TLS libcurl is left alone: 7.88 frees the name of a host twice when there is no memory
--- for another copy of it.
local function step(name, least, f, is_tls)
  steps[#steps + 1] = { name = name, least = least, f = f, is_tls = is_tls }
end

step("decode", 100, function()
  check_value(assert(core.decode(TEXT)))
  assert(core.decode(MANY).key300.member300 == 300)
end)

step("a decoder", 20, function()
  local d = core.decoder({ keep_null = false, free = { "metadata" }, max_depth = 200 })
  check_value(assert(d:decode(TEXT)))
  assert(d:decode("[1,") == nil)
end)

step("encode", 5, function()
  local text = assert(core.encode(VALUE))
  assert(#text > 1000)
  assert(core.encode({ a = { { b = print } } }) == nil)
  assert(core.escape(("a/b"):rep(400)))
end)

--- What happens once in a process: nothing of it is kept when it fails.
local function make_first_engine()
  local n, ok, why = 0
  repeat
    n = n + 1
    ok, why = select(2, starve.call(core.engine, n, 2))
    assert(ok or is_starved(why), why)
  until ok or n == 50
  assert(ok, why)
  assert(n > 5)
end

step("engine", 5, function()
  debug.getregistry()["posthog.llm.engine.current"] = nil
  engine = core.engine()
end)

step("run the thread", 0, function()
  if mode == "thread" then
    engine:run()
  end
end)

step("pool", 1, function()
  if pool then
    pool:close()
  end
  pool, seen, decoder = engine:pool(), {}, core.decoder({})
end)

step("exchange", 50, function()
  exchange(url)
end)

step("a direct read", 50, function()
  local config = core.request_config({}, LINES)
  local get, start, value_of = core.direct_get(pool, config, decoder, "phx_none", timeout, timeout)
  local address = url .. "/__emulator/echo"
  local value, transfer = get(address)
  if value == nil then
    wait(assert(transfer, "not enough memory"))
    value = value_of(transfer)
  end
  if value == nil then
    local status, _, message = transfer:result()
    check_transfer(status, message)
  end
  assert(value.method == "GET" and transfer:headers()["content-type"])
  transfer = start(address)
  wait(assert(transfer, "not enough memory"))
  value = value_of(transfer)
  if value == nil then
    local status, _, message = transfer:result()
    check_transfer(status, message)
  end
  assert(value.method == "GET" and value_of(transfer) == nil)
end)

step("a stream", 50, function()
  local transfer, why = pool:start(
    core.request_config({}, LINES),
    { method = "POST", body = LONG_TEXT, stream = true },
    url .. "/__emulator/echo", -- without a query, which libcurl 7.88 may leave out
    timeout
  )
  assert(transfer, why)
  local bytes = 0
  while true do
    local piece, kind, message = transfer:read()
    if piece == "" then
      wait(transfer)
    elseif piece then
      bytes = bytes + #piece
    else
      check_transfer(not kind, message)
      break
    end
  end
  assert(transfer:result() == 200 and transfer:headers()["content-type"])
  assert(bytes > #LONG_TEXT, bytes)
end)

step("a new pool's exchange", 100, function()
  pool:close()
  pool = engine:pool()
  exchange(url)
end)

step("one over TLS", 100, function()
  pool:close()
  pool = engine:pool()
  exchange(tls_url)
end, true)

step("a crowd", 100, function()
  pool:close()
  pool = engine:pool()
  local config = core.request_config({ max_connections = 4 }, {})
  local open, failed = {}, nil
  for i = 1, 6 do
    local transfer, why =
      pool:start(config, { method = "GET" }, url .. "/__emulator/bytes?n=3000", timeout)
    assert(transfer, why)
    open[i] = transfer
  end
  open[5]:cancel()
  for i, transfer in ipairs(open) do
    wait(transfer)
    local status, _, message = transfer:result()
    if not status and i ~= 5 then
      failed = message
    end
  end
  check_transfer(not failed, failed)
end)

local function new_client()
  return require("posthog.llm").new({
    personal_api_key = "phx_emulator_all",
    project_id = 112358,
    host = url,
    max_retries = 0,
  })
end

local client
step("a call of a client", 100, function()
  client = client or new_client()
  local dataset, err = client.datasets:create({ name = "starving" })
  if not dataset then
    error(err, 0)
  end
  assert(dataset.name == "starving")
  local ok, problem = client.datasets:delete(dataset.id)
  if not ok then
    error(problem, 0)
  end
end)

step("a client, made and closed", 20, function()
  local other = new_client()
  other:close()
  assert(not other.datasets:list())
end)

local function attempt(name, n, most, call, again)
  timeout = SHORT
  local failures, ok, why = call(n, most)
  timeout = LONG
  local what = ("%s, allocation %d fails, %g at most"):format(name, n, most)
  local late = not ok and tostring(why):find("timed out", 1, true)
  if late and failures == 0 then -- the machine is busy, and the call did not come so far in time
    failures, ok, why = call(n, most)
    late = not ok and tostring(why):find("timed out", 1, true)
  end
  if not ok and not late and (failures == 0 or not is_starved(why)) then
    error(what .. ": " .. tostring(why), 0)
  end
  if failures > 0 or late then
    if not ok then
      collectgarbage()
    end
    ok, why = pcall(again)
    if not ok then
      error(what .. ", and then: " .. tostring(why), 0)
    end
  end
  return failures
end

--- Returns the number of allocations.
local function starve_all(name, most, call, again)
  local n = 0
  repeat
    n = n + 1
  until attempt(name, n, most, call, again) == 0
  return n - 1
end

-- From 5.2 on Lua collects garbage and asks again, which has to fail too.
local ALONE = _VERSION == "Lua 5.1" and 1 or 2

table.insert(steps, 1, {
  name = "load",
  least = 50,
  f = function() end,
  call = function(n, most)
    return starve.load(n, most)
  end,
})

make_first_engine()
for _, s in ipairs(steps) do
  local call = s.call or function(n, most)
    return starve.call(s.f, n, most)
  end
  local counts = {}
  starve.spare(s.is_tls)
  for i, most in ipairs({ ALONE, 1e9 }) do
    counts[i] = starve_all(s.name, most, call, s.f)
    assert(counts[i] >= s.least, s.name .. " allocates only " .. counts[i])
  end
  print(("%-28s %5d %5d"):format(s.name, unpack(counts)))
end
print("done")
