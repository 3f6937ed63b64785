--- What a call costs beside libcurl alone: CPU time of the process, user and
--- system, and wall time, for calls one after the other on a warm connection.
---
---   tools/lua 5.4 bench/calls.lua       (after: make build/bench/floor)
---
--- The library builds the request, sends it, decodes the answer and makes the
--- response table. The floor (bench/floor.c) sends the same request and throws
--- the answer away. Both take turns; each ratio is one turn's, so that a change
--- of the machine's pace meets both alike.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local core = require("posthog.llm.core")
local llm = require("posthog.llm")
local measure = require("measure")
local server = require("server")

local FLOOR = os.getenv("BENCH_FLOOR") or here .. "/../build/bench/floor"
local KEY = "phx_" .. "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
local DATASET = "01950000-0000-7000-8000-000000000000"

-- Many short turns: a machine that others use too changes its pace by the second.
local TURNS = 3 * measure.TURNS

local web = server.start()

local function client_of(url)
  return llm.new({
    personal_api_key = KEY,
    project_id = 1,
    host = url,
    ca_file = url == web.tls_url and web.ca_file or nil,
    max_retries = 0,
  })
end

local function get_dataset(client)
  return client.datasets:get(DATASET)
end

local PAGE = { limit = 100 }

local function get_page(client)
  return client.dataset_items:list(PAGE)
end

local CASES = {
  { "GET 1 KB, HTTP/1.1", "url", get_dataset, text = "dataset", count = 500 },
  { "GET 1 KB, TLS HTTP/2", "tls_url", get_dataset, text = "dataset", count = 400 },
  { "page of 100, HTTP/1.1", "url", get_page, text = "items", count = 40 },
  { "page of 100, TLS HTTP/2", "tls_url", get_page, text = "items", count = 40 },
}

--- The request as it goes out, seen by the library's own hook.
local function request_of(case)
  local seen
  local client = client_of(web[case[2]]):with({
    on_request = function(request)
      seen = request
    end,
  })
  local _, err, response = case[3](client)
  assert(not err, tostring(err))
  client:close()
  seen.http_version = response.http_version
  return seen
end

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- The command that does the same with libcurl alone.
local function floor_of(case, request)
  local ca_file = case[2] == "tls_url" and web.ca_file or ""
  local words = { FLOOR, tostring(case.count), request.url, ca_file }
  for name, value in pairs(request.headers) do
    words[#words + 1] = name .. ": " .. value
  end
  words[#words + 1] = "Authorization: Bearer " .. KEY
  for i, word in ipairs(words) do
    words[i] = quote(word)
  end
  return table.concat(words, " ")
end

--- @return number cpu seconds a call
--- @return number wall seconds a call
local function run_floor(command, case, request)
  local pipe = assert(io.popen(command, "r"))
  local line = pipe:read("*l") or ""
  pipe:close()
  local cpu, wall, bytes, version = line:match("^(%S+) (%S+) (%d+) (%S+)$")
  assert(cpu, "the floor said: " .. line)
  assert(tonumber(bytes) == #server.texts[case.text], "the floor got another body")
  assert(version == request.http_version, "the floor spoke another version of HTTP")
  return tonumber(cpu) / case.count, tonumber(wall) / case.count
end

local function run_calls(client, case)
  local call = case[3]
  collectgarbage()
  local wall, cpu = core.now(), os.clock()
  for _ = 1, case.count do
    local value, err = call(client)
    if not value then
      error(tostring(err))
    end
  end
  return (os.clock() - cpu) / case.count, (core.now() - wall) / case.count
end

--- What decoding alone takes of a call.
local function run_decode(case)
  local text = server.texts[case.text]
  collectgarbage()
  local cpu = os.clock()
  for _ = 1, case.count do
    core.decode(text)
  end
  return (os.clock() - cpu) / case.count
end

local function compare(case)
  local request = request_of(case)
  local command = floor_of(case, request)
  local client = client_of(web[case[2]])
  run_calls(client, case)
  local cpu, wall, decode, floor_cpu, floor_wall, ratio = {}, {}, {}, {}, {}, {}
  for turn = 1, TURNS do
    cpu[turn], wall[turn] = run_calls(client, case)
    floor_cpu[turn], floor_wall[turn] = run_floor(command, case, request)
    decode[turn] = run_decode(case)
    ratio[turn] = cpu[turn] / floor_cpu[turn]
  end
  client:close()
  local middle, low, high = measure.quartiles(ratio)
  print(
    ("%-24s %8.1f %8.1f %8.1f %6.2f %6.2f-%.2f %8.1f %8.1f"):format(
      case[1],
      measure.median(cpu) * 1e6,
      measure.median(decode) * 1e6,
      measure.median(floor_cpu) * 1e6,
      middle,
      low,
      high,
      measure.median(wall) * 1e6,
      measure.median(floor_wall) * 1e6
    )
  )
end

measure.head("Calls beside libcurl alone, us a call", measure.parts_of_a_call())
print(
  ("%-24s %8s %8s %8s %6s %11s %8s %8s"):format(
    "",
    "CPU",
    "decode",
    "floor",
    "ratio",
    "quartiles",
    "wall",
    "floor"
  )
)
for _, case in ipairs(CASES) do
  compare(case)
end
web:stop()
