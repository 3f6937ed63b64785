--- Fetches one dataset with a large body, and prints how much the process has grown at most, as a
--- multiple of the value's own size in Lua, which is about that of the body.
---
---   <lua> spec/support/large_body.lua URL ID

local llm = require("posthog.llm")
local process = require("spec.support.process")

local options = { personal_api_key = "phx_large", project_id = 1, profile = "reference" }
options.host = arg[1]
local client = llm.new(options)
client.datasets:get("bulk-200-json-1000-whole-length") -- what a first call loads

local before, heap = process.peak(), collectgarbage("count")
local value = assert(client.datasets:get(arg[2]))
print(("%.2f"):format((process.peak() - before) / (collectgarbage("count") - heap)))
assert(#value.detail > 0)
