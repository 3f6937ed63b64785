--- One nginx worker whose handler makes a call that takes the server 200 ms:
--- how long its clients wait, how long those of another location do meanwhile,
--- and what an idle worker costs. Beside it what nginx's own proxy_pass takes
--- to the same server. It needs nginx with its Lua module, and wrk.
---
---   make bench-hosts BENCHES=nginx
---   BENCH_SECONDS=30 tools/lua luajit bench/nginx.lua

local HERE = debug.getinfo(1, "S").source:match("^@(.*)nginx%.lua$") or "bench/"
package.path = HERE .. "?.lua;" .. HERE .. "../?.lua;" .. package.path

local measure = require("measure")
local nginx = require("spec.ngx.server")
local upstream = require("server")

local SECONDS = tonumber(os.getenv("BENCH_SECONDS")) or 8
local output_of = nginx.output_of

local LOCATION = [[
    location = /call {
      content_by_lua_block {
        local dataset, err = client.datasets:get("wait-200")
        if not dataset then
          ngx.log(ngx.ERR, tostring(err))
          return ngx.exit(502)
        end
        ngx.say(dataset.id)
      }
    }
    location = /proxy {
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass http://proxied/api/projects/1/datasets/wait-200/;
    }
]]
local INIT = [[
  upstream proxied {
    server %s;
    keepalive 600;
  }
  init_by_lua_block {
    client = require("posthog.llm").new({
      host = "%s", ca_file = %s, personal_api_key = "phx_bench", project_id = 1,
      max_connections = 600, max_retries = 0,
    })
  }
]]

local UNITS = { us = 0.001, ms = 1, s = 1000, m = 60000 }

--- @return number? milliseconds
local function milliseconds(text)
  local number, unit = (text or ""):match("^([%d.]+)(%a+)$")
  return number and tonumber(number) * UNITS[unit]
end

--- @param pause? integer ms that each connection waits before a request
--- @return string command that prints a report to a file
local function wrk(url, connections, seconds, report, pause)
  local script = ""
  if pause then
    script = "-s '" .. report .. ".lua'"
    local file = assert(io.open(report .. ".lua", "w"))
    file:write(("function delay() return %d end\n"):format(pause))
    file:close()
  end
  return ("wrk -t1 -c%d -d%g --timeout 10s --latency %s '%s' >'%s'"):format(
    connections,
    seconds,
    script,
    url,
    report
  )
end

local function read_report(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  local errors = tonumber(text:match("Non%-2xx or 3xx responses: (%d+)")) or 0
  for count in (text:match("Socket errors: ([^\n]*)") or ""):gmatch("%d+") do
    errors = errors + tonumber(count)
  end
  return {
    p50 = milliseconds(text:match("\n%s+50%%%s+(%S+)")),
    p99 = milliseconds(text:match("\n%s+99%%%s+(%S+)")),
    most = milliseconds(text:match("Latency%s+%S+%s+%S+%s+(%S+)")),
    count = tonumber(text:match("(%d+) requests in")),
    errors = errors,
  }
end

local rows = {}

local function row(...)
  rows[#rows + 1] = { ... }
end

local function ms(value)
  return value and ("%.1f"):format(value) or "-"
end

local function start(source, tls)
  return nginx.start({
    emulator = source,
    server = LOCATION,
    http = INIT:format(
      source.url:match("//(.*)"),
      tls and source.tls_url or source.url,
      tls and ("%q"):format(source.ca_file) or "nil"
    ),
  })
end

--- Load on a location, and one client that asks for /plain a hundred times a second.
--- @param warm boolean its connections are open already
local function load(server, path, what, connections, warm)
  local pid = server:workers()[1]
  local calls, plain = server.prefix .. "/calls", server.prefix .. "/plain"
  if warm then
    output_of(wrk(server.url .. path, connections, 1, calls))
  end
  local before = nginx.cpu(pid)
  output_of(
    ("(%s) & (sleep 0.5; %s) & wait"):format(
      wrk(server.url .. path, connections, SECONDS, calls),
      wrk(server.url .. "/plain", 1, SECONDS - 1, plain, 10)
    )
  )
  local a, b = read_report(calls), read_report(plain)
  local cpu = (nginx.cpu(pid) - before) / 100 / SECONDS
  row(
    what,
    ms(a.p50),
    ms(a.p99),
    ms(a.most),
    tostring(a.errors),
    ms(b.p99),
    ms(b.most),
    ("%.0f%%"):format(cpu * 100)
  )
end

--- The same without any call: what the machine and wrk themselves cost.
local function floor(server)
  local report = server.prefix .. "/plain"
  output_of(wrk(server.url .. "/plain", 1, 3, report, 10))
  local b = read_report(report)
  row("/plain alone", "-", "-", "-", tostring(b.errors), ms(b.p99), ms(b.most), "-")
end

local function idle(server)
  local pid = server:workers()[1]
  output_of("sleep 2")
  local cpu, switches = nginx.cpu(pid), nginx.switches(pid)
  output_of("sleep 5")
  return ("Idle for 5 s after it: %d ms of CPU, %d switches of threads."):format(
    (nginx.cpu(pid) - cpu) * 10,
    nginx.switches(pid) - switches
  )
end

local missing = nginx.missing()
  or (output_of("command -v wrk") == "" and "wrk is not installed (Debian: wrk)")
if missing then
  print("bench/nginx.lua is left out: " .. missing)
  return
end

local source = upstream.start()
local server = start(source, false)
floor(server)
for _, connections in ipairs({ 1, 100, 500 }) do
  load(server, "/call", ("HTTP/1.1, %d in flight"):format(connections), connections, true)
  load(server, "/proxy", ("  proxy_pass, %d"):format(connections), connections, true)
end
local rest = idle(server)
server:stop()
for _, connections in ipairs({ 100, 500 }) do
  server = start(source, true) -- so that no connection is open yet
  load(server, "/call", ("TLS HTTP/2 cold, %d"):format(connections), connections, false)
  server:stop()
end
source:stop()

print(("\n## One nginx worker, calls of 200 ms, %d s each\n"):format(SECONDS))
measure.table(
  { "ms", "p50", "p99", "max", "errors", "/plain p99", "max", "CPU of the worker" },
  rows
)
print("\n" .. rest)
