--- Runs Lua text as a program of its own, as those that use luv do.

local MODE = os.getenv("SPEC_MODE") or "plain"
local LUA = os.getenv("LUA") or "lua5.4"
local SLOWER = MODE == "plain" and 1 or 10

local luv_program = {}

--- @param text string
--- @param seconds? number after which it is ended; default 10
--- @return string output
--- @return integer status
function luv_program.run(text, seconds)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
  local pipe =
    io.popen(("timeout %d %s %s 2>&1; echo status=$?"):format((seconds or 10) * SLOWER, LUA, name))
  local output, status = pipe:read("*a"):match("^(.*)status=(%d+)\n$")
  pipe:close()
  os.remove(name)
  return output, tonumber(status)
end

--- The text of a program that has `llm`, `luv` and a `client` of the server.
--- @param url string
--- @param text string
function luv_program.with_client(url, text)
  return ([[
    local luv = require("luv")
    local llm = require("posthog.llm")
    local client = llm.new({ host = %q, personal_api_key = "phx_emulator_all", project_id = 1 })
    local function slow(ms)
      return client:request("GET", "/__emulator/slow", { query = { ms = ms } })
    end
  ]]):format(url) .. text
end

return luv_program
