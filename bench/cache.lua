--- What a hit of posthog.llm.cache costs a request, beside a bare ngx.shared:get and ngx.print of the
--- same text, in one nginx worker. It needs nginx with its Lua module, and wrk.
---
---   make bench-hosts BENCHES=cache
---   BENCH_TURNS=11 tools/lua luajit bench/cache.lua

local HERE = debug.getinfo(1, "S").source:match("^@(.*)cache%.lua$") or "bench/"
package.path = HERE .. "?.lua;" .. HERE .. "../?.lua;" .. package.path

local emulator = require("spec.emulator")
local measure = require("measure")
local nginx = require("spec.ngx.server")

local TURNS = tonumber(os.getenv("BENCH_TURNS")) or 7
local SECONDS = 2 -- of a turn
local CONNECTIONS = 8
local SIZES = { 2000, 20000, 200000 } -- bytes of a skill's body
local output_of = nginx.output_of

local HTTP = [[
  lua_shared_dict skills 16m;
  lua_shared_dict bare 16m;
  init_by_lua_block {
    client = require("posthog.llm").new({
      host = "%s", personal_api_key = "phx_emulator_all", project_id = 112358,
    })
    cache = require("posthog.llm.cache").new({ client = client, dict = "skills", ttl = 3600 })
  }
]]
local SERVER = [[
    location = /hit {
      content_by_lua_block {
        local text, err = cache:skill_json(ngx.var.arg_name)
        if not text then
          ngx.log(ngx.ERR, tostring(err))
          return ngx.exit(502)
        end
        ngx.header.content_type = "application/json"
        ngx.print(text)
      }
    }
    location = /table {
      content_by_lua_block {
        local skill = cache:skill(ngx.var.arg_name)
        ngx.header.content_type = "application/json"
        ngx.print(skill.body)
      }
    }
    location = /bare {
      content_by_lua_block {
        local text = ngx.shared.bare:get(ngx.var.arg_name)
        ngx.header.content_type = "application/json"
        ngx.print(text)
      }
    }
    location = /cost {
      content_by_lua_block {
        local name, bare, count = ngx.var.arg_name, ngx.shared.bare, 200000
        local function time(look_up)
          local started, bytes = os.clock(), 0
          for _ = 1, count do
            bytes = bytes + #look_up()
          end
          return (os.clock() - started) / count * 1e6
        end
        local alone = time(function() return bare:get(name) end)
        local hit = time(function() return (cache:skill_json(name)) end)
        ngx.print(("%.2f us, a bare look-up %.2f us"):format(hit, alone))
      }
    }
    location = /fill {
      content_by_lua_block {
        ngx.shared.bare:set(ngx.var.arg_name, (cache:skill_json(ngx.var.arg_name)))
        ngx.say("done")
      }
    }
]]
local WAYS = { "bare", "hit", "table" }

local UNITS = { us = 0.001, ms = 1, s = 1000 }

local function milliseconds(text)
  local number, unit = text:match("^([%d.]+)(%a+)$")
  return tonumber(number) * UNITS[unit]
end

--- @return { p50: number, p99: number, rate: number }
local function turn(url)
  local command = "wrk -t1 -c%d -d%g --timeout 10s --latency '%s'"
  local text = output_of(command:format(CONNECTIONS, SECONDS, url))
  assert(not text:find("Non-2xx", 1, true) and not text:find("Socket errors", 1, true), text)
  return {
    p50 = milliseconds(text:match("\n%s+50%%%s+(%S+)")),
    p99 = milliseconds(text:match("\n%s+99%%%s+(%S+)")),
    rate = tonumber(text:match("Requests/sec:%s+([%d.]+)")),
  }
end

local function median(turns, field)
  local values = {}
  for i, figures in ipairs(turns) do
    values[i] = figures[field]
  end
  table.sort(values)
  return values[math.ceil(#values / 2)]
end

local missing = nginx.missing()
  or (output_of("command -v wrk") == "" and "wrk is not installed (Debian: wrk)")
if missing then
  print("bench/cache.lua is left out: " .. missing)
  return
end

local e = emulator.start({ profile = "current" })
local server = nginx.start({ emulator = e, http = HTTP:format(e.url), server = SERVER })
local names = e:seed({ skills = #SIZES }).skills
for i, bytes in ipairs(SIZES) do
  local body = '{"name":"%s","id":"x","version":1,"description":"d","files":[],"body":"%s"}'
  local text = ("Read references/fields.md first.\\n"):rep(math.floor(bytes / 33))
  e:fault({
    match = { path = "/name/" },
    action = { status = 200, body = body:format(names[i], text) },
  })
  assert(server:get("/fill?name=" .. names[i]) == "done")
end
e:faults({})

local rows = {}
for i, bytes in ipairs(SIZES) do
  local turns = { bare = {}, hit = {}, table = {} }
  for n = 0, TURNS do -- in turns, so that the load of the machine meets all; the first warms up
    for _, way in ipairs(WAYS) do
      turns[way][math.max(n, 1)] = turn(("%s/%s?name=%s"):format(server.url, way, names[i]))
    end
  end
  local bare = median(turns.bare, "p99")
  for _, way in ipairs(WAYS) do
    local p99 = median(turns[way], "p99")
    rows[#rows + 1] = {
      ("%s, %d kB"):format(
        ({ bare = "shared:get, ngx.print", hit = "cache:skill_json", table = "cache:skill" })[way],
        bytes / 1000
      ),
      ("%.3f"):format(median(turns[way], "p50")),
      ("%.3f"):format(p99),
      ("%.2f"):format(p99 / bare),
      ("%.0f"):format(median(turns[way], "rate")),
    }
  end
end
local cost = server:get("/cost?name=" .. names[1])
server:stop()
e:stop()

print(
  ("\n## A hit of the cache, one nginx worker, %d requests at a time, median of %d turns\n"):format(
    CONNECTIONS,
    TURNS
  )
)
measure.table({ "ms", "p50", "p99", "p99 / bare", "requests a second" }, rows)
print("\nOf it, in the worker: a hit of 2 kB takes " .. cost .. ".")
