local core = require("posthog.llm.core")

describe("core.escape", function()
  it("leaves the unreserved characters of RFC 3986 as they are", function()
    local text = "ABCXYZabcxyz0189-._~"
    assert.equal(text, core.escape(text))
    assert.equal("", core.escape(""))
  end)

  it("turns every other byte into a percent escape", function()
    for byte = 0, 255 do
      local char = string.char(byte)
      local want = char:match("^[%w%-._~]$") and byte < 128 and char or ("%%%02X"):format(byte)
      assert.equal(want, core.escape(char))
      assert.equal("a" .. want .. "b", core.escape("a" .. char .. "b"))
    end
  end)

  it("keeps slashes only where asked to", function()
    assert.equal("a%2Fb%20c", core.escape("a/b c"))
    assert.equal("a/b%20c", core.escape("a/b c", true))
    assert.equal("a/b", core.escape("a/b", true))
  end)

  it("takes text of any length, and numbers", function()
    assert.equal(("%25x"):rep(100000), core.escape(("%x"):rep(100000)))
    assert.equal("12", core.escape(12))
  end)

  it("refuses what is not text", function()
    assert.error(function()
      core.escape()
    end)
    assert.error(function()
      core.escape({})
    end)
    assert.error(function()
      core.escape(nil, true)
    end)
  end)
end)
