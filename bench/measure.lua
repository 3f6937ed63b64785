--- What the benches share: how often, medians, programs run and read, tables.

local measure = {}

--- Repetitions of each measurement; what is compared takes turns.
measure.TURNS = tonumber(os.getenv("BENCH_TURNS")) or 9

--- @param list number[] is sorted by this
--- @return number median
--- @return number least
--- @return number most
function measure.median(list)
  table.sort(list)
  return list[math.floor((#list + 1) / 2)], list[1], list[#list]
end

--- @param list number[] is sorted by this
--- @return number median
--- @return number low a quarter of them is below
--- @return number high
function measure.quartiles(list)
  local median = measure.median(list)
  return median, list[math.ceil(#list / 4)], list[math.ceil(#list * 3 / 4)]
end

--- @param list number[]
--- @return string
function measure.ratio(list)
  return ("%.2f (%.2f to %.2f)"):format(measure.quartiles(list))
end

--- @param word string
--- @return string
function measure.quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- @param command string for sh
--- @return string what it wrote
function measure.output_of(command)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- @param command string
--- @return string? its first line, nil when that is empty
function measure.first_line(command)
  local line = measure.output_of(command .. " 2>/dev/null"):match("^[^\n]*")
  return line ~= "" and line or nil
end

--- @param command string
--- @return boolean
function measure.succeeds(command)
  local status = os.execute(command .. " >/dev/null 2>&1")
  return status == true or status == 0
end

--- Runs a program whose last line is numbers.
--- @param command string
--- @return number ...
function measure.numbers_of(command)
  local text = measure.output_of(command .. " 2>&1")
  local numbers = {}
  for word in (text:match("([^\n]*)\n$") or ""):gmatch("%S+") do
    numbers[#numbers + 1] = tonumber(word)
  end
  if #numbers == 0 then
    error(("%s\nsaid: %s"):format(command, text), 0)
  end
  return (table.unpack or unpack)(numbers) -- luacheck: ignore unpack
end

--- Prints a table of Markdown that can be read as it is.
--- @param columns string[] the first is aligned left, the others right
--- @param rows string[][]
function measure.table(columns, rows)
  local widths = {}
  for _, row in ipairs({ columns, (table.unpack or unpack)(rows) }) do -- luacheck: ignore unpack
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 3, #cell)
    end
  end
  local function print_row(row)
    local cells = {}
    for i, width in ipairs(widths) do
      local gap = (" "):rep(width - #(row[i] or ""))
      cells[i] = i == 1 and (row[i] or "") .. gap or gap .. (row[i] or "")
    end
    print("| " .. table.concat(cells, " | ") .. " |")
  end
  print_row(columns)
  local rules = {}
  for i, width in ipairs(widths) do
    rules[i] = i == 1 and ("-"):rep(width + 2) or ("-"):rep(width + 1) .. ":"
  end
  print("|" .. table.concat(rules, "|") .. "|")
  for _, row in ipairs(rows) do
    print_row(row)
  end
end

return measure
