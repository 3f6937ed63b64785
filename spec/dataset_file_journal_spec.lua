local errors = require("posthog.llm.util.errors")
local folders = require("spec.support.folders")
local journals = require("posthog.llm.dataset_file.journal")
local json = require("posthog.llm.json")

local HEADER = { journal = 1, dataset = "d", source = "a.jsonl", bytes = 10, sha256 = "abc" }

--- All kinds of lines, as the runs of an import write them.
local ENTRIES = {
  { n = 1, at = 100, key = "k1" },
  { n = 2, at = 100, key = "k2" },
  { n = 3, line = 4, rejected = 'no "input"' },
  { n = 2, id = "row 2" },
  { n = 4, skipped = true },
  { n = 1, id = "row 1", how = "found" },
  { n = 5, at = 900, key = "k5" },
  { resumed = 1000 },
  { n = 5, id = "row 5", how = "existing" },
  { n = 6, at = 1001, key = "k6" },
  { finished = true },
}

describe("a journal", function()
  local folder, path

  before_each(function()
    folder = folders.new()
    path = folder .. "/j"
  end)
  after_each(function()
    folders.remove(folder)
  end)

  local function write(text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  end

  local function text_of()
    local file = assert(io.open(path, "rb"))
    local text = file:read("*a")
    file:close()
    return text
  end

  local function others()
    return { "before 1", "before 2" }
  end

  --- What a journal knows.
  local function knowledge(journal)
    local known = {}
    for _, id in ipairs({ "before 1", "before 2", "row 1", "row 2", "row 5" }) do
      known[id] = journal:knows(id)
    end
    return {
      last = journal.last,
      open = journal.open,
      counts = journal.counts,
      finished = journal.finished,
      has_header = journal.header ~= nil,
      known = known,
    }
  end

  --- @return string
  local function whole_journal()
    local journal = assert(journals.open(path))
    assert(journal:begin(HEADER, 99, others))
    for _, entry in ipairs(ENTRIES) do
      assert(journal:write({ entry }))
    end
    journal:close()
    return text_of()
  end

  --- Its lines that have an end.
  local function whole_lines(text)
    return text:match("^.*\n") or ""
  end

  it("that is cut at any byte is what its whole lines are, and goes on behind them", function()
    local text = whole_journal()
    for cut = 0, #text do
      write(whole_lines(text:sub(1, cut)))
      local journal = assert(journals.open(path))
      local wanted = knowledge(journal)
      journal:close()
      write(text:sub(1, cut))
      journal = assert(journals.open(path), "cut at " .. cut)
      assert.same(wanted, knowledge(journal), "cut at " .. cut)
      assert.equal(whole_lines(text:sub(1, cut)), text_of())
      assert(journal:begin(HEADER, 2000, others))
      assert(journal:write({ { n = 7, at = 2001, key = "k7" } }))
      journal:close()
      for line in text_of():gmatch("[^\n]*\n") do
        assert.is_table(json.decode(line), "cut at " .. cut .. ": " .. line)
      end
    end
  end)

  it("that is torn again and again, at random bytes, is right each time", function()
    local text = whole_journal()
    local seed = os.time() % 100000
    math.randomseed(seed)
    for round = 1, 60 do
      local held = text:sub(1, math.random(0, #text))
      for time = 1, 5 do
        local words = ("seed %d, round %d, time %d"):format(seed, round, time)
        write(held)
        local journal = assert(journals.open(path), words)
        local before = whole_lines(held)
        assert.equal(before, text_of(), words)
        assert(journal:begin(HEADER, 3000 + time, others), words)
        assert(journal:write({ { n = 10 + time, at = 3000 + time, key = "k" } }))
        assert(journal:write({ { n = 10 + time, id = "row " .. 10 + time } }))
        assert.is_true(journal:knows("row " .. 10 + time))
        journal:close()
        local grown = text_of()
        assert.equal(before, grown:sub(1, #before), words)
        held = grown:sub(1, math.random(#before, #grown))
      end
    end
  end)

  it("that ends in zero bytes, as after a power failure, is cut off before them", function()
    local text = whole_journal()
    for _, zeros in ipairs({ "\0", ("\0"):rep(200000), '{"n":9,"at"\0\0' }) do
      write(text .. zeros)
      local journal = assert(journals.open(path))
      assert.is_true(journal.finished)
      journal:close()
      assert.equal(text, text_of())
    end
  end)

  it("whose torn line an earlier release has ended can be read, and torn once more", function()
    local text = whole_journal()
    write(text .. '{"n":8,"at":10\n{"resumed":2000}\n{"n":8,"a')
    local journal = assert(journals.open(path))
    assert.equal(6, journal.last)
    assert(journal:begin(HEADER, 3000, others))
    journal:close()
    assert(journals.open(path)):close()
  end)

  it("is none where a text of another kind is, which stays as it is", function()
    for _, text in ipairs({
      "x",
      "notes\nmore",
      '{"input":1}',
      '{"input":1}\n{"in',
      '{"in\n{"in',
      '["journal"]\n',
      "\n\n",
      "\0\0\0",
    }) do
      write(text)
      local journal, err = journals.open(path)
      assert.is_nil(journal, text)
      assert.is_true(errors.is(err))
      assert.truthy(err.message:find("is not a journal", 1, true), err.message)
      assert.equal(text, text_of())
    end
  end)
end)
