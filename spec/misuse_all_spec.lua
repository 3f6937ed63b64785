-- Every method of every resource names the caller's line when it is misused.

local all_methods = require("spec.support.methods")
local llm = require("posthog.llm")

local unpack = table.unpack or unpack -- luacheck: ignore 143

describe("misuse", function()
  local client = llm.new({ personal_api_key = "phx_x", project_id = 1, host = "us" })

  --- Asserts that the call raises a text with this in it, at the line behind `line`.
  local function raises(text, method, ...)
    local arguments, n = { ... }, select("#", ...)
    local line
    local ok, message = pcall(function()
      line = debug.getinfo(1, "l").currentline + 1
      local _ = method(unpack(arguments, 1, n))
    end)
    assert.is_false(ok)
    assert.equal("string", type(message), tostring(message))
    assert.is_truthy(message:find(("misuse_all_spec.lua:%d: "):format(line), 1, true), message)
    assert.is_truthy(message:find(text, 1, true), message)
  end

  for resource, methods in pairs(all_methods) do
    local calls = client[resource]
    local class = getmetatable(calls).__index

    it("of " .. resource .. " is tested for every method", function()
      for name, value in pairs(class) do
        if type(value) == "function" and name:sub(1, 1) ~= "_" then
          assert.is_truthy(methods[name], name .. " is missing here")
        end
      end
    end)

    for name, right in pairs(methods) do
      it(("of %s:%s is raised at the caller's line"):format(resource, name), function()
        local method = class[name]
        --- The right arguments with one of them replaced, or one behind them.
        local function with(at, value)
          local arguments = { unpack(right) }
          arguments[at] = value
          return unpack(arguments, 1, math.max(#right, at))
        end
        raises("with a colon", method, nil)
        raises("with a colon", method, {}, unpack(right))
        raises('unknown option "bogus"', method, calls, with(#right + 1, { bogus = 1 }))
        raises("options: table expected", method, calls, with(#right + 1, "x"))
        raises("timeout", method, calls, with(#right + 1, { timeout = "x" }))
        raises("headers", method, calls, with(#right + 1, { headers = { a = "\n" } }))
        for i in ipairs(right) do
          raises("expected, got", method, calls, with(i, true))
        end
      end)
    end
  end
end)
