--- How well calls overlap: the wall time of many calls of 200 ms in one
--- llm.gather, with as many connections over HTTP/1.1, and as streams of one
--- connection over HTTP/2.
---
---   tools/lua 5.4 bench/gather.lua
---
--- "cold" makes all connections anew in each repetition, "kept" has them from
--- the one before.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local core = require("posthog.llm.core")
local llm = require("posthog.llm")
local measure = require("measure")
local server = require("server")

local web = server.start()

local function client_of(url, most)
  return llm.new({
    personal_api_key = "phx_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
    project_id = 1,
    host = url,
    ca_file = url == web.tls_url and web.ca_file or nil,
    max_retries = 0,
    max_connections = most,
  })
end

--- @return number wall seconds
--- @return number cpu seconds
--- @return table<integer, any> errors
local function run(client, count)
  local functions = {}
  for i = 1, count do
    functions[i] = function()
      return client.datasets:get("slow")
    end
  end
  collectgarbage()
  local wall, cpu = core.now(), os.clock()
  local _, errors = llm.gather(functions, { concurrency = count })
  wall, cpu = core.now() - wall, os.clock() - cpu
  return wall, cpu, errors or {}
end

local function show(what, url, count, kept)
  local wall, cpu, failed, why = {}, {}, 0, nil
  local client = client_of(url, count)
  if kept then
    run(client, count)
  end
  for turn = 1, math.min(measure.TURNS, 9) do
    local errors
    if not kept then
      client:close()
      client = client_of(url, count)
    end
    wall[turn], cpu[turn], errors = run(client, count)
    for _, err in pairs(errors) do
      failed, why = failed + 1, err
    end
  end
  client:close()
  local middle, least, most = measure.median(wall)
  print(
    ("%-24s %6d %8.1f %8.1f %8.1f %8.1f %7d"):format(
      what,
      count,
      middle * 1e3,
      least * 1e3,
      most * 1e3,
      measure.median(cpu) * 1e6 / count,
      failed
    )
  )
  if why then
    print("  such as: " .. tostring(why))
  end
end

measure.head("Calls of 200 ms at the same time, wall ms", measure.parts_of_a_call())
print(
  ("%-24s %6s %8s %8s %8s %8s %7s"):format(
    "",
    "calls",
    "median",
    "min",
    "max",
    "CPU us",
    "errors"
  )
)
show("HTTP/1.1, kept", web.url, 1, true)
for _, count in ipairs({ 100, 500 }) do
  show("HTTP/1.1, kept", web.url, count, true)
  show("HTTP/1.1, cold", web.url, count, false)
  show("TLS HTTP/2, kept", web.tls_url, count, true)
  show("TLS HTTP/2, cold", web.tls_url, count, false)
end
web:stop()
