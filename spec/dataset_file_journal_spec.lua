local atomic_file = require("posthog.llm.util.atomic_file")
local errors = require("posthog.llm.util.errors")
local file_system = require("posthog.llm.util.file_system")
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
  { n = 8, rejected = "over a limit", again = true },
  { limit = { resource = "items", limit = 8, current_count = 8 } },
  { reported = 1, bytes = 20 },
  { sending = 1200 },
  { sending = 1100 },
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
      refused = journal.refused,
      limit = journal.limit,
      reported = journal.reported,
      latest = journal.latest,
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

  it("knows the limit that was met, what is to be tried again, and when it last sent", function()
    whole_journal()
    local journal = assert(journals.open(path))
    assert.same({ [8] = true }, journal.refused)
    assert.same({ resource = "items", limit = 8, current_count = 8 }, journal.limit)
    assert.same({ reported = 1, bytes = 20 }, journal.reported)
    assert.equal(1200, journal.latest)
    assert(journal:write({ { n = 8, at = 1300 } }))
    assert.same({}, journal.refused)
    assert.equal(1300, journal.latest)
    assert.is_nil(journal:clear())
    for _, name in ipairs({ "limit", "reported", "latest", "header" }) do
      assert.is_nil(journal[name], name)
    end
    journal:close()
    assert.equal("", text_of())
  end)

  it("can be read while it is another process's, or not at all", function()
    assert.is_nil(journals.peek(path))
    local text = whole_journal()
    local journal = assert(journals.open(path))
    assert.same(knowledge(journal), knowledge(assert(journals.peek(path))))
    journal:close()
    write(text:sub(1, -2)) -- torn: it stays as it is
    assert.is_false(assert(journals.peek(path)).finished)
    assert.equal(text:sub(1, -2), text_of())
    for _, other in ipairs({ "", "# Notes\n", '{"a":1}\n', '{"other":"row"}\n' }) do
      write(other)
      assert.is_nil(journals.peek(path), other)
    end
    write(text .. 'what\n{"n":9,"at":1}\n') -- damaged
    assert.is_nil(journals.peek(path))
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
    assert.equal(8, journal.last)
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

  it("is none where a device or a pipe is, which is not read", function()
    assert(os.execute("mkfifo " .. path))
    for _, other in ipairs({ "/dev/full", "/dev/zero", "/dev/null", path }) do
      local journal, err = journals.open(other)
      assert.is_nil(journal, other)
      assert.truthy(
        err.message:find("cannot be a device, a pipe or a folder", 1, true),
        err.message
      )
      assert.equal(other, err.file)
      assert.is_nil(journals.peek(other))
    end
  end)

  --- A new journal with these entries, open.
  local function with(entries)
    local journal = assert(journals.open(path))
    assert(journal:begin(HEADER, 99, others))
    assert(journal:write(entries))
    return journal
  end

  local function sent(n, at)
    return { n = n, at = at, key = "k" .. n }
  end

  it("begins with the rows that are not its own, and what it belongs to", function()
    with({}):close()
    local lines = {}
    for line in text_of():gmatch("[^\n]+") do
      lines[#lines + 1] = json.decode(line)
    end
    assert.same({ { other = "before 1" }, { other = "before 2" }, HEADER }, lines)
    assert.equal(1, select(2, text_of():gsub('"journal"', "")))
    local journal = assert(journals.open(path))
    assert.same(HEADER, journal.header)
    assert(journal:begin(HEADER, 2000, function()
      error("it has begun before")
    end))
    journal:close()
    assert.matches('\n{"resumed":2000}\n$', text_of())
  end)

  it("has its name on the disk too when it begins", function()
    local sync_name, synced = atomic_file.sync_name, {}
    function atomic_file.sync_name(name)
      synced[#synced + 1] = name
      return sync_name(name)
    end
    with({}):close()
    atomic_file.sync_name = sync_name
    assert.same({ path }, synced)
  end)

  it("is not begun when it is unknown what was there before", function()
    local journal = assert(journals.open(path))
    local reason = errors.new({ kind = "network", message = "gone" })
    local ok, err = journal:begin(HEADER, 99, function()
      return nil, reason
    end)
    assert.is_nil(ok)
    assert.equal(reason, err)
    journal:close()
    assert.equal("", text_of())
  end)

  it("is refused for another dataset or source, and stays as it is", function()
    with({ sent(1, 100) }):close()
    local before = text_of()
    for name, case in pairs({
      dataset = { "e", "another dataset, d; name another one by `journal`" },
      sha256 = { "abd", "another source: a.jsonl, 10 bytes, SHA%-256 abc%.%.%." },
      bytes = { 11, "another source: a.jsonl, 10 bytes" },
      format = { "csv", "another source: a.jsonl" },
    }) do
      local header = {}
      for key, value in pairs(HEADER) do
        header[key] = value
      end
      header[name] = case[1]
      local journal = assert(journals.open(path))
      local ok, err = journal:begin(header, 2000, others)
      assert.is_nil(ok)
      assert.equal("journal", err.option)
      assert.equal(path, err.file)
      assert.matches(case[2], err.message)
      journal:close()
      assert.equal(before, text_of())
    end
    local changed = { journal = 1, dataset = "d", source = "a.jsonl", bytes = 12, sha256 = "def" }
    local words = "the file was changed since, and %d of its records are in the dataset already:"
      .. " put it back to go on%s; with a new journal (`journal`) all of its records would be"
      .. " imported once more"
    local with_rejects = ", or mend rejected records in r.jsonl and import that file"
    local ids = {}
    for n = 1, 6 do -- of each outcome another number
      local how = n == 1 and "found" or n < 4 and "existing" or "created"
      ids[n] = { n = n, id = "row " .. n, how = how }
    end
    with(ids):close()
    for _, rejects in ipairs({ false, "r.jsonl" }) do
      local journal = assert(journals.open(path))
      local _, err = journal:begin(changed, 2000, others, rejects or nil)
      local expected = words:format(6, rejects and with_rejects or "")
      assert.equal(expected, err.message:match("; (the file was changed.*)$"))
      journal:close()
    end
    local renamed = { journal = 1, dataset = "d", source = "b.jsonl", bytes = 10, sha256 = "abc" }
    local journal = assert(journals.open(path))
    assert(journal:begin(renamed, 2000, others)) -- the same source under another name
    journal:close()
  end)

  it("counts records by what came of them", function()
    local journal = with({
      { n = 1, id = "a" },
      { n = 2, id = "b", how = "created" },
      { n = 3, id = "c", how = "found" },
      { n = 4, id = "d", how = "found" },
      { n = 5, id = "e", how = "existing" },
      { n = 6, id = "f", how = "later" }, -- of a later release
      { n = 7, rejected = "no" },
      { n = 8, rejected = "no" },
      { n = 9, skipped = true },
      { n = 3, at = 100, key = "k3" },
    })
    local counts = { created = 3, found = 2, existing = 1, rejected = 2, skipped = 1 }
    assert.same(counts, journal.counts)
    assert.equal(9, journal.last)
    assert.same({ [3] = { at = 100, key = "k3" } }, journal.open)
    assert.is_false(journal.finished)
    assert(journal:write({ { finished = true } }))
    assert.is_true(journal.finished)
    journal:close()
    journal = assert(journals.open(path))
    assert.same(counts, journal.counts)
    assert.is_true(journal.finished)
    journal:close()
  end)

  it("remembers rows for five minutes before the oldest record whose outcome is unknown", function()
    local journal =
      with({ sent(1, 1000), { n = 1, id = "first" }, sent(2, 1300), { n = 2, id = "second" } })
    assert.is_true(journal:knows("before 1"))
    assert.is_true(journal:knows("first"))
    assert(journal:write({ sent(3, 1301) }))
    assert.is_false(journal:knows("before 1"))
    assert.is_true(journal:knows("first"))
    assert.is_true(journal:knows("second"))
    assert(journal:write({ sent(4, 1301), sent(5, 1200), { n = 5, id = "fifth" } }))
    assert(journal:write({ sent(6, 5000), { n = 6, id = "sixth" }, sent(7, 9000) }))
    assert.is_true(journal:knows("first")) -- the third is looked for still
    assert(journal:write({ { n = 3, id = "third" }, { n = 4, skipped = true }, sent(8, 9001) }))
    for id, known in pairs({
      first = false,
      second = false,
      fifth = false,
      third = true,
      sixth = true,
    }) do
      assert.equal(known, journal:knows(id), id)
    end
    journal:close()
    journal = assert(journals.open(path))
    for id, known in pairs({
      first = false,
      second = false,
      fifth = false,
      third = true,
      sixth = true,
    }) do
      assert.equal(known, journal:knows(id), id)
    end
    journal:close()
  end)

  it("is one process's until it is closed", function()
    local journal = with({})
    local second, err = journals.open(path)
    assert.is_nil(second)
    assert.matches("another import is using this journal", err.message)
    assert.equal(path, err.file)
    journal:close()
    journal:close()
    second = assert(journals.open(path))
    second:close()
  end)

  it("that cannot be opened says why, and is nobody's then", function()
    local journal, err = journals.open(folder .. "/none/j")
    assert.is_nil(journal)
    assert.equal("file", err.kind)
    assert.matches("cannot write the journal: No such file or directory", err.message)
    write("notes\n")
    for _ = 1, 2 do
      journal, err = journals.open(path)
      assert.is_nil(journal)
      assert.matches("is not a journal", err.message)
    end
  end)

  it("that is damaged names the line", function()
    local lines = {}
    for line in whole_journal():gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    for number = 4, #lines - 1 do
      for _, bad in ipairs({ lines[number]:sub(1, -2), "5", "null", "" }) do
        local kept = lines[number]
        lines[number] = bad
        write(table.concat(lines, "\n") .. "\n")
        lines[number] = kept
        local journal, err = journals.open(path)
        if lines[number + 1]:find("resumed", 1, true) then -- where a run was cut off
          assert(journal):close()
        else
          assert.is_nil(journal)
          assert.matches(("line %d of the journal is damaged"):format(number), err.message)
        end
      end
    end
  end)

  it("writes nothing more once it could not write, nor believes it", function()
    for _, failing in ipairs({ "write", "flush", "sync" }) do
      os.remove(path)
      local journal = with({})
      local real, sync = journal.file, file_system.sync
      local function refuse()
        return nil, "No space left on device"
      end
      journal.file = setmetatable({}, {
        __index = function(_, name)
          return name == failing and refuse
            or function(_, ...)
              return real[name](real, ...)
            end
        end,
      })
      file_system.sync = failing == "sync" and refuse or sync
      local ok, err = journal:write_through({ { n = 1, rejected = "no" } })
      file_system.sync = sync
      assert.is_nil(ok)
      assert.equal("file", err.kind)
      assert.matches("cannot write the journal: No space left on device", err.message)
      assert.equal(failing == "sync" and 1 or 0, journal.counts.rejected)
      journal.file = real
      for _, method in ipairs({ "write", "write_through" }) do
        local again, same = journal[method](journal, { { n = 2, rejected = "no" } })
        assert.is_nil(again)
        assert.equal(err, same)
      end
      journal:close()
      assert.is_nil(text_of():find('"n":2', 1, true))
    end
  end)

  it("of a sync has on the disk when something is sent, once a second", function()
    local sync, synced = file_system.sync, 0
    file_system.sync = function(name)
      synced = synced + 1
      return sync(name)
    end
    finally(function()
      file_system.sync = sync
    end)
    local header = { kind = "sync" }
    for name, value in pairs(HEADER) do
      header[name] = value
    end
    local journal = assert(journals.open(path))
    assert(journal:begin(header, 99, others))
    synced = 0
    for _, now in ipairs({ 100, 100, 100, 101, 101 }) do
      assert.is_nil(journal:keep_time(now))
    end
    assert.same({ 2, 101 }, { synced, journal.latest })
    assert(journal:write_through({ sent(1, 103) })) -- says it too
    assert.is_nil(journal:keep_time(103))
    assert.same({ 3, 103 }, { synced, journal.latest })
    journal:close()
    os.remove(path)
    journal = with({}) -- of an import, which asks the server about all that has no outcome
    assert.is_nil(journal:keep_time(200))
    assert.is_nil(journal.latest)
    journal:close()
  end)

  it("has what was rejected, in its order, until there is enough", function()
    with({
      { n = 2, line = 3, rejected = "two" },
      { n = 1, id = "a" },
      { n = 1, line = 2, rejected = "one" },
      { n = 4, line = 9, rejected = "four" },
    }):close()
    local journal, seen = assert(journals.open(path)), {}
    assert.is_nil(journal:each_rejected(function(entry)
      seen[#seen + 1] = { entry.n, entry.line, entry.rejected }
    end))
    assert.same({ { 2, 3, "two" }, { 1, 2, "one" }, { 4, 9, "four" } }, seen)
    local reason, count = errors.new({ kind = "file", message = "full" }), 0
    assert.equal(
      reason,
      journal:each_rejected(function()
        count = count + 1
        return count == 2 and reason or nil
      end)
    )
    assert.equal(2, count)
    os.remove(path)
    assert.matches("cannot be read", journal:each_rejected(error).message)
    journal:close()
  end)

  it("whose first line was torn by an earlier release can be read", function()
    local text = whole_journal()
    for _, torn in ipairs({ '{"other":"bef\n', '{"journal":1,"data\n' }) do
      write(torn .. text)
      local journal = assert(journals.open(path))
      assert.is_true(journal.finished)
      journal:close()
      local header = text:gsub('{"other":[^\n]*\n', "")
      write(torn .. header)
      journal = assert(journals.open(path))
      assert.is_true(journal.finished)
      journal:close()
    end
  end)

  it("whose torn line cannot be cut off is not gone on with", function()
    local text = whole_journal() .. '{"n":'
    write(text)
    local truncate = file_system.truncate
    function file_system.truncate()
      return nil, "Read-only file system"
    end
    local journal, err = journals.open(path)
    file_system.truncate = truncate
    assert.is_nil(journal)
    assert.matches("cannot write the journal: Read%-only file system", err.message)
    assert.equal(text, text_of())
  end)
end)
