--- posthog-llm datasets import, where the server refuses records, as a user runs it.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local dataset_command = require("spec.support.dataset_command")

dataset_command.describe(busted, "posthog-llm datasets import", function(t, profile)
  local ends = t.ends
  local write = t.write
  local text_of = t.text_of
  local numbers = t.numbers
  local holds = t.holds

  it("imports rejected records from their file, mended, and says so", function()
    local source = write("a.jsonl", '{"input":1}\n{"question":2}\n{"input":3,}\n')
    local import = { "datasets", "import", "golden", source, "--create" }
    local rejects = source .. ".rejects.jsonl"
    local first = ends(7, import)
    assert.equal("1 row imported, 2 rejected (" .. rejects .. ")\n", first.out)
    assert.matches("mend them in that file, and give it to import", first.err)
    local text = text_of(rejects):gsub('"question"', '"input"'):gsub("3,}", "3}")
    write("a.jsonl.rejects.jsonl", text)
    assert.equal("2 rows imported\n", ends(0, { "datasets", "import", "golden", rejects }).out)
    holds(3, "golden")
    -- Neither command makes anything again, nor one with the first file mended instead.
    ends(7, import)
    ends(0, { "datasets", "import", "golden", rejects })
    write("a.jsonl", '{"input":1}\n{"input":2}\n{"input":3}\n')
    local changed = ends(1, import)
    assert.matches("1 of its records are in the dataset already", changed.err)
    assert.matches(
      "mend rejected records in [^ ]*a.jsonl.rejects.jsonl and import that",
      changed.err
    )
    assert.equal(text, text_of(rejects))
    holds(3, "golden")
  end)

  it(
    "stops when the first records are all refused for one reason, and says how to go on",
    function()
      ends(0, { "datasets", "create", "golden" })
      t.e:fault({
        match = { method = "POST", path = "dataset_items/$" },
        action = {
          status = 400,
          headers = { ["Content-Type"] = "application/json" },
          body = '{"type":"validation_error","code":"invalid_input","detail":"No.","attr":"metadata"}',
        },
      })
      local import = { "datasets", "import", "golden", numbers(30) }
      local result = ends(1, import)
      assert.matches("the first 10 records for the same reason: No;", result.err)
      assert.matches("give %-%-reject%-all to", result.err)
      assert.matches("field metadata", result.err)
      assert.matches("0 of 30 rows are known to be in the dataset", result.err)
      import[5] = "--reject-all"
      assert.matches("30 rejected", ends(7, import).out)
    end
  )

  if profile == "current" then
    it("ends with 8 at a limit of the server's, and says how much is in and left", function()
      local source = numbers(620) -- a server of today takes 600
      local import = { "datasets", "import", "golden", source, "--create" }
      for _ = 1, 2 do
        local result = ends(8, import)
        assert.matches("600 of 620 records are in the dataset, 20 are left", result.err)
        assert.matches("600 dataset_items of at most 600", result.err)
        assert.matches("Split the file over several datasets", result.err)
        assert.is_nil(result.err:find("same command", 1, true))
      end
      import[#import + 1] = "--dry-run"
      local dry = ends(7, import)
      assert.matches("warning: 600 of at most 600 items are in the dataset: 20 of these", dry.err)
      ends(8, { "datasets", "import", "golden", source, "--json" })
      t.e:settings({ dataset_limit = 1 })
      assert.matches("at most 1", ends(8, { "datasets", "create", "one more" }).err)
    end)
  end
end)
