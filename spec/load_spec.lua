-- What loading the library does not do. The library that is preloaded here and
-- a sanitizer's would be in each other's way.
if os.getenv("SPEC_MODE") ~= "plain" then
  return
end

describe("loading the library", function()
  local preload = "build/lookup.so"

  local function output_of(command)
    local pipe = io.popen(command .. " 2>&1")
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

  local function run(code)
    return output_of(("LD_PRELOAD=$PWD/%s $LUA -e '%s'"):format(preload, code))
  end

  setup(function()
    local said = output_of("${CC:-cc} -shared -fPIC -o " .. preload .. " spec/support/lookup.c")
    assert.equal("", said)
  end)

  it("does not resolve a host name, which could take half a minute", function()
    assert.equal("", run([[require("posthog.llm").new({ host = "us" })]]))
  end)

  it("leaves name resolution to the first call", function()
    local said = run([[
      local llm = require("posthog.llm")
      local client = llm.new({ host = "us", personal_api_key = "phx_x", max_retries = 0 })
      local spend, err = client.spend:get()
      print(spend, err.kind)]])
    local rest, lookups = said:gsub("a name was looked up\n", "")
    assert.is_true(lookups >= 1) -- libcurl 8.23 asks once for each family of addresses
    assert.equal("nil\tnetwork\n", rest)
  end)
end)
