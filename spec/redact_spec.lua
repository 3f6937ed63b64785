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

  it("redacts the key at every position, each character in any form", function()
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
        assert.not_equal(whole, core.redact(whole, KEY, "[key]"))
        assert.equal(around[1] .. "[key]" .. around[2], redact.text(whole, KEY))
      end
    end
  end)

  it("does not change text that only resembles the key", function()
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
      assert.equal(text, core.redact(text, KEY, "[key]"))
      assert.equal(text, redact.text(text, KEY))
    end
  end)

  it("finds the key that is cut off at the end of a text", function()
    assert.equal("phx_a-[key][key].", redact.text("phx_a-" .. KEY .. KEY .. ".", KEY))
  end)

  it("finds the start of the key at the end of a text that was cut elsewhere", function()
    for length = 4, #KEY do
      assert.equal("url /?a=[key]", redact.cut_text("url /?a=" .. KEY:sub(1, length), KEY))
      assert.equal("[key]", redact.cut_text(KEY:sub(1, length), KEY))
    end
    assert.equal("[key] and [key]", redact.cut_text(KEY .. " and phx_", KEY))
    for _, text in ipairs({ "", "p", "phx", "a phx", "hx_a", "phx_a." }) do
      assert.equal(text, redact.cut_text(text, KEY))
    end
  end)

  it("removes the key from a value and the names in it, however deep", function()
    local value = { KEY, { [KEY] = { "x" .. KEY, 5, true } }, n = 1, [1.5] = KEY }
    local redacted = redact.value(value, KEY)
    assert.equal(value, redacted)
    assert.same(
      { "[key]", { ["[key]"] = { "x[key]", 5, true } }, n = 1, [1.5] = "[key]" },
      redacted
    )
    assert.equal(5, redact.value(5, KEY))
    assert.is_nil(redact.value(nil, KEY))
  end)

  it("removes the key from header fields, whose names are in lower case", function()
    assert.same(
      { ["x-[key]"] = "1", ["y"] = "[key]", ["[key]"] = "2" },
      redact.headers({ ["x-" .. KEY:lower()] = "1", y = KEY, [KEY] = "2" }, KEY)
    )
  end)

  it("removes the key from an error's texts and its body", function()
    local err = { message = KEY, kind = "server", body = { KEY }, status = 500, problems = { KEY } }
    redact.error(err, KEY)
    assert.same(
      { message = "[key]", kind = "server", body = { "[key]" }, status = 500, problems = { KEY } },
      err
    )
  end)
end)
