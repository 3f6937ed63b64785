local folders = require("spec.support.folders")

--- Runs the check on a spec, given by its source.
local function check(source)
  local root = folders.new()
  folders.write(root, "a_spec.lua", source)
  local process = io.popen(
    ("%s tools/check_test_names.lua '%s/a_spec.lua' 2>&1 || echo failed"):format(
      os.getenv("LUA") or "lua5.4",
      root
    )
  )
  local output = process:read("*a")
  process:close()
  folders.remove(root)
  return output
end

describe("tools/check_test_names.lua", function()
  it("accepts sentences of their own in the terms of the field", function()
    assert.equal(
      "",
      check([[
      describe("a client", function()
        setup(error)
        it("closes its connections", error)
        describe("with a codec", function() it("decodes a response by it", error) end)
      end)
      describe("a pool", function() it("closes its connections", error) end)
    ]])
    )
  end)

  for what, case in pairs({
    ["a name of three words"] = {
      'describe("core.decode", function() it("reads true") end)',
      'a_spec%.lua: "core%.decode reads true": a sentence has at least 4 words\nfailed\n$',
    },
    ["a name that comes twice"] = {
      'for _ = 1, 2 do it("a client closes its connections") end',
      'its connections": is also the name of a test in %S+a_spec%.lua\nfailed\n$',
    },
    ["a term of old"] = {
      'it("a client decodes Answers as JSON")',
      '"answers": say response of a server, result of a call\nfailed\n$',
    },
    ["a fragment for what is invalid"] = {
      'it("a client refuses a host that is none")',
      '"that is none": say invalid\nfailed\n$',
    },
  }) do
    it("refuses " .. what, function()
      assert.matches(case[2], check(case[1]))
    end)
  end
end)
