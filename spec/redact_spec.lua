-- What finds the key and what takes it out see the same.

local core = require("posthog.llm.core")
local redact = require("posthog.llm.http.redact")

local KEY = "phx_a-b/Z9"

--- The key with one of its characters in another form.
local function with(at, form)
  return KEY:sub(1, at - 1) .. form .. KEY:sub(at + 1)
end

describe("posthog.llm.http.redact", function()
  local shown = { KEY }
  for at = 1, #KEY do
    local character = KEY:byte(at)
    for _, form in ipairs({
      "%%%02x",
      "%%%02X",
      "\\u00%02x",
      "\\x%02X",
      "&#%d;",
      "&#0%d;",
      "&#x%x;",
      "&#X00%X;",
    }) do
      shown[#shown + 1] = with(at, form:format(character))
    end
    if not KEY:sub(at, at):find("%w") then
      shown[#shown + 1] = with(at, "\\" .. KEY:sub(at, at))
    end
  end

  it("removes the key wherever it stands, each character in any form", function()
    for _, text in ipairs(shown) do
      for _, around in ipairs({
        { "", "" },
        { "p", "x" },
        { "phx_", "%" },
        { "%", "&#" },
        { "\\", "\\" },
        { "&#112;", "" },
      }) do
        local whole = around[1] .. text .. around[2]
        assert.is_true(core.holds(whole, KEY), whole)
        assert.equal(around[1] .. "[key]" .. around[2], redact.text(whole, KEY))
      end
    end
  end)

  it("leaves alone what only looks like the key", function()
    for _, text in ipairs({
      "",
      "p",
      KEY:sub(2),
      KEY:sub(1, -2),
      with(1, "P"),
      with(4, "%5"),
      with(4, "%5g"),
      with(4, "\\u015f"),
      with(4, "\\u5f"),
      with(4, "&#x5f"),
      with(4, "&#0095 "),
      with(4, "&#1095;"),
      with(4, "&#;"),
      with(4, "&#x;"),
      with(2, "\\h"),
      with(4, "\0"),
      "%",
      "\\",
      "&",
      "&#",
      "\\u00",
      "\\x",
    }) do
      assert.is_false(core.holds(text, KEY), text)
      assert.equal(text, redact.text(text, KEY))
    end
  end)

  it("finds the key that is cut off at the end of a text", function()
    assert.equal("phx_a-[key][key].", redact.text("phx_a-" .. KEY .. KEY .. ".", KEY))
  end)
end)
