-- What can be tried without a network: the library and its core fit, and both do something.
local llm = require("posthog.llm")

assert(llm.json.encode({ list = llm.array({}) }) == '{"list":[]}')
local big = assert(llm.json.decode("[18446744073709551617]"))[1]
assert(tostring(big) == "18446744073709551617")

local client = llm.new({
  host = "http://127.0.0.1:1",
  personal_api_key = "phx_x",
  project_id = 1,
  max_retries = 0,
})
local _, err = client.skills:list()
assert(err.kind == "network", tostring(err))
print(("%s works on %s"):format(llm._VERSION, rawget(_G, "jit") and jit.version or _VERSION))
