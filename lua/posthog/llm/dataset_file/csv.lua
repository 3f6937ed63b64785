--- Records of a CSV file (RFC 4180), whose first line names the columns.

local positions = require("posthog.llm.dataset_file.positions")
local failure = require("posthog.llm.dataset_file.failure")

local QUOTE = 34
local RETURN = 13
local MOST_LINES = 1000000 -- of one record

--- A pattern that ends in `\r+$` would begin anew at each \r of somebody's million.
local function without_returns(text)
  local last = #text
  while text:byte(last) == RETURN do
    last = last - 1
  end
  return text:sub(1, last)
end

--- The text of the next record: lines up to one where all quotes are closed.
--- @return string? text without the line end
--- @return posthog.llm.Error? err
--- @return integer? line where it begins
local function read(input)
  local parts, open = {}, false
  local first
  while true do
    local line, err = input:line()
    if not line then
      if first and not err then
        err = failure(input.path, "line %d: the quote in this record is never closed", first)
      end
      return nil, err
    end
    first = first or input.number
    local _, quotes = line:gsub('"', "")
    open = open ~= (quotes % 2 == 1)
    parts[#parts + 1] = line
    if not open then
      return without_returns(table.concat(parts, "\n")), nil, first
    elseif #parts > MOST_LINES then
      return nil, failure(input.path, "line %d: a record has more than %d lines", first, MOST_LINES)
    end
  end
end

--- @param text string of a record, whose quotes are all closed
--- @param separator string
--- @return string[]? fields
--- @return string? message
--- @return integer? at the byte to blame
local function split(text, separator)
  local fields, at = {}, 1
  while true do
    local stop, value
    if text:byte(at) == QUOTE then
      local close = at
      repeat
        close = text:find('"', close + 1, true)
        local doubled = text:byte(close + 1) == QUOTE
        close = doubled and close + 1 or close
      until not doubled
      stop, value = close + 1, text:sub(at + 1, close - 1):gsub('""', '"')
      if stop <= #text and text:sub(stop, stop) ~= separator then
        return nil, "something follows the quotes of this field", stop
      end
    else
      stop = text:find(separator, at, true) or #text + 1
      value = text:sub(at, stop - 1)
      local quote = value:find('"', 1, true)
      if quote then
        return nil, "a quote within a field that does not begin with one", at + quote - 1
      end
    end
    fields[#fields + 1] = value
    if stop > #text then
      return fields
    end
    at = stop + 1
  end
end

--- A column whose name another has too cannot be told from it; one without a name, such as
--- the row numbers of pandas, cannot be asked for. Neither matters where `fields` takes others.
--- @param names string[]
--- @param fields any the option
--- @return string? message
local function check_header(names, fields)
  local wanted
  if type(fields) == "table" then
    wanted = {}
    for _, source in pairs(fields) do
      wanted[source] = true
    end
  end
  local seen = {}
  for _, name in ipairs(names) do
    if name:find("\r", 1, true) then
      return "line 1: lines end in CR alone; save the file with LF or CRLF"
    elseif seen[name] and name ~= "" and (not wanted or wanted[name]) then
      return ("line 1: two columns have the name %q"):format(name)
    end
    seen[name] = true
  end
end

--- @param input posthog.llm.dataset_file.Bytes
--- @param options { separator?: string, fields?: any }
--- @return fun(is_skipped?: boolean): posthog.llm.dataset_file.Record?, posthog.llm.Error?
local function csv(input, options)
  local separator = options.separator or ","
  local names, columns

  --- A quote in the wrong place may have joined lines that are records of their
  --- own, so nothing after it can be trusted.
  local function fields_of(text, line)
    local fields, message, at = split(text, separator)
    if fields then
      return fields
    end
    local where = positions.words(positions.after(line, 1, text:sub(1, at - 1)))
    return nil, failure(input.path, "%s: %s", where, message)
  end

  local function next_fields(is_skipped)
    while true do
      local text, err, line = read(input)
      if not text then
        return nil, err
      elseif is_skipped and text ~= "" then
        return {}, nil, line
      elseif text ~= "" then
        local fields, bad = fields_of(text, line)
        return fields, bad, line, text
      end
    end
  end

  --- @return posthog.llm.Error? err
  local function read_header()
    local err
    names, err = next_fields()
    if names and #names <= 2 and table.concat(names, separator):find("^sep=[^\r\n]$") then
      names, err = next_fields() -- a spreadsheet's line that tells the separator
    end
    if not names then
      return err
    end
    local message = check_header(names, options.fields)
    columns = {}
    for _, name in ipairs(names) do
      columns[#columns + 1] = name ~= "" and name or nil
    end
    return message and failure(input.path, "%s", message)
  end

  return function(is_skipped)
    local fields, err, line, text
    if not names then
      err = read_header()
      if err or not names then
        return nil, err
      end
    end
    fields, err, line, text = next_fields(is_skipped)
    if not fields then
      return nil, err
    end
    local record = { line = line, columns = columns, unnamed = #names - #columns }
    if is_skipped then
      return record
    elseif #fields ~= #names then
      local words = "line %d: %d fields, but the first line names %d columns"
      record.text = text
      record.reason = words:format(line, #fields, #names)
      return record
    end
    record.cells = {}
    for i, name in ipairs(names) do
      record.cells[name] = fields[i]
    end
    record.cells[""] = nil
    return record
  end
end

return csv
