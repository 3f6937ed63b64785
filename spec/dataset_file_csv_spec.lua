--- CSV beside other readers: one from byte to byte, and Python's. And what a large file takes.

local csv_text = require("spec.support.csv_text")
local json = require("posthog.llm.json")
local sources = require("posthog.llm.dataset_file.sources")

local function output_of(shell)
  local pipe = assert(io.popen(shell))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local PYTHON = output_of("command -v python3"):gsub("%s", "")

--- What makes tables hard, often; other bytes, seldom.
local PARTS = {
  '"',
  '""',
  '"\r\n',
  "\r\n",
  "\n",
  ",",
  ";",
  "\t",
  "|",
  "\31",
  "a",
  "5",
  " ",
  "\195\164",
  '","',
}

--- Texts that look like tables, the same each time.
local function texts(seed)
  local function random(n)
    seed = seed * 16807 % 2147483647
    return seed % n
  end
  return function()
    local parts = {}
    for i = 1, random(60) + 4 do
      parts[i] = random(9) == 0 and string.char(random(255) + 1) or PARTS[random(#PARTS) + 1]
    end
    return table.concat(parts)
  end
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

describe("CSV", function()
  it(
    "is read and counted as by a reader from byte to byte, and errors are where a quote is",
    function()
      package.loaded.fuzz = { watch = function() end }
      local target = require("spec.fuzz.csv")
      package.loaded.fuzz = nil
      local next_text = texts(7)
      for _ = 1, 2500 do
        local text = next_text()
        local ok, message = pcall(target, text)
        assert.is_true(ok, ("%q: %s"):format(text, tostring(message)))
      end
      require("posthog.llm.dataset_file.bytes").HEAD = 32 * 1024
    end
  )

  it("is read as Python's csv module reads it", function()
    if PYTHON == "" then
      pending("there is no python3")
      return
    end
    local folder = output_of("mktemp -d"):gsub("%s", "")
    local next_text = texts(11)
    local files = {}
    for i = 1, 400 do
      local data = next_text()
      local rows, separator, ending = csv_text.rows(data)
      local names = {}
      for j = 1, data:byte(1) % 4 + 1 do
        names[j] = "c" .. j
      end
      table.insert(rows, 1, names)
      local turn = i
      local text = csv_text.write(rows, separator, ending, function()
        turn = turn + 1
        return turn % 3 == 0
      end)
      if i % 2 == 0 then -- any bytes; Python ends a line at a lone CR too
        text = table.concat(names, separator) .. "\n" .. data:sub(3):gsub("\r\n?", "\n")
      end
      files[i] = { path = write(("%s/%d.csv"):format(folder, i), text), separator = separator }
    end
    local script = write(
      folder .. "/read.py",
      [=[
import csv, json, sys
for i in range(1, 401):
    separator = sys.argv[i]
    with open("%s/%d.csv" % (sys.argv[401], i), newline="", encoding="latin-1") as file:
        rows = [[c.encode("latin-1").hex() for c in row] for row in csv.reader(file, delimiter=separator) if row]
    print(json.dumps(rows))
]=]
    )
    local words = {}
    for i, file in ipairs(files) do
      words[i] = "'" .. file.separator .. "'"
    end
    local said = output_of(("%s %s %s %s"):format(PYTHON, script, table.concat(words, " "), folder))
    local number, compared = 0, 0
    for line in said:gmatch("[^\n]+") do
      number = number + 1
      local theirs = assert(json.decode(line))
      local options = { format = "csv", separator = files[number].separator }
      local source = assert(sources.open(files[number].path, options))
      local n = 1
      while true do
        local record, err = source.next()
        if not record then
          assert.is_true(err ~= nil or n == #theirs, ("%d: %d of %d"):format(number, n, #theirs))
          break
        end
        n = n + 1
        local row = theirs[n]
        if record.cells then
          local hex = {}
          for i, name in ipairs(record.columns) do
            hex[i] = record.cells[name]:gsub(".", function(c)
              return ("%02x"):format(c:byte())
            end)
          end
          assert.same(table.concat(row, "|"), table.concat(hex, "|"), files[number].path)
          compared = compared + 1
        else
          assert.is_truthy(record.reason:find(("%d fields"):format(#row), 1, true), record.reason)
        end
      end
      source.close()
    end
    os.execute("rm -rf " .. folder)
    assert.equal(400, number)
    assert.is_true(compared > 150, tostring(compared))
  end)

  it("and other files of any length are read within the same memory", function()
    local path = os.tmpname()
    local options
    for form, text in pairs({
      csv = 'a,b\n"x ""y"" z\n",' .. ("w"):rep(80) .. "\n",
      jsonl = '{"a":"' .. ("w"):rep(80) .. '"}\n',
      json = '{"a":"' .. ("w"):rep(80) .. '"},\n',
    }) do
      local body = text:rep(100000)
      body = form == "json" and "[" .. body .. "1]" or body
      write(path, body)
      local size = #body
      body = nil -- luacheck: ignore
      options = { format = form }
      collectgarbage()
      collectgarbage()
      local before, most, read = collectgarbage("count"), 0, 0
      assert(sources.survey(path, options))
      local source = assert(sources.open(path, options))
      repeat
        local record = source.next()
        read = read + 1
        if read % 10000 == 0 then
          collectgarbage()
          most = math.max(most, collectgarbage("count") - before)
        end
      until not record
      source.close()
      assert.is_true(read > 100000 and size > 8e6)
      assert.is_true(most < 2048, ("%s: %.0f KiB of %.0f"):format(form, most, size / 1024))
    end
    os.remove(path)
  end)

  it(
    "and other files are counted in time that does not depend on the length of their lines",
    function()
      local tally = require("posthog.llm.dataset_file.tally")
      local function seconds(format, piece)
        local began = os.clock()
        for _ = 1, 20 do
          local counter = tally.new(format, ",")
          counter.add(piece)
          counter.finish()
        end
        return os.clock() - began
      end
      for _, format in ipairs({ "jsonl", "csv", "json" }) do
        local short = seconds(format, (("w"):rep(60) .. "   \n"):rep(1024))
        local long = ("w"):rep(30000) .. (" "):rep(35000) .. "\n"
        assert.is_true(seconds(format, long) < 10 * short + 0.2, format)
      end
    end
  )

  it("takes no more than twice the time for a field of twice the length", function()
    local function seconds(length)
      local path =
        write(os.tmpname(), 'a,b\n"' .. ('""'):rep(length) .. '\n","x"\n' .. ("1,2\n"):rep(9))
      local began = os.clock()
      for _ = 1, 3 do
        assert.equal(10, assert(sources.survey(path, { format = "csv" })).records)
        local source = assert(sources.open(path, { format = "csv" }))
        assert.equal(length + 1, #source.next().cells.a)
        source.close()
      end
      os.remove(path)
      return os.clock() - began
    end
    seconds(1000)
    local short, long = seconds(100000), seconds(800000)
    assert.is_true(long < 24 * math.max(short, 0.01), ("%.3f s, then %.3f s"):format(short, long))
  end)
end)
