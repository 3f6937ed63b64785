--- CSV by rules: tables written as it, and a second reader, which goes from byte to byte as
--- RFC 4180 says and shares nothing with that of the library.

local csv_text = {}

--- @param rows string[][]
--- @param separator string
--- @param ending string "\n" or "\r\n"
--- @param quotes fun(cell: string): boolean whether a cell that does not need quotes has them
--- @return string
function csv_text.write(rows, separator, ending, quotes)
  local lines = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for j, cell in ipairs(row) do
      local needs = cell:find('["\r\n]')
        or cell:find(separator, 1, true)
        or (#row == 1 and cell == "")
      cells[j] = (needs or quotes(cell)) and '"' .. cell:gsub('"', '""') .. '"' or cell
    end
    lines[i] = table.concat(cells, separator) .. ending
  end
  return table.concat(lines)
end

--- @param text string
--- @param separator string
--- @return string[][] rows up to the first that is wrong
--- @return boolean is_wrong
function csv_text.read(text, separator)
  local rows, row, cell = {}, {}, {}
  local state = "start" -- of a field; then plain, quoted, closed
  local at, has_text = 1, false

  local function end_field()
    row[#row + 1] = table.concat(cell)
    cell, state = {}, "start"
  end
  local function end_row()
    if has_text then
      end_field()
      if state == "start" then
        rows[#rows + 1] = row
      end
    end
    row, cell, state, has_text = {}, {}, "start", false
  end

  while at <= #text do
    local c = text:sub(at, at)
    local stop = text:find("^\r*\n", at) or text:find("^\r*$", at)
    if state == "quoted" then
      if c == '"' and text:sub(at + 1, at + 1) == '"' then
        cell[#cell + 1], at = '"', at + 1
      elseif c == '"' then
        state = "closed"
      else
        cell[#cell + 1] = c
      end
    elseif stop then
      end_row()
      at = text:find("\n", at, true) or #text
    elseif c == separator then
      has_text = true
      end_field()
    elseif state == "closed" or (c == '"' and state == "plain") then
      return rows, true
    else
      has_text = true
      state = c == '"' and "quoted" or "plain"
      cell[#cell + 1] = c ~= '"' and c or nil
    end
    at = at + 1
  end
  if state == "quoted" then
    return rows, true
  end
  if has_text then
    end_row()
  end
  return rows, false
end

--- Rows made of bytes: the first few say how many columns, which separator, which line end.
--- @param data string
--- @return string[][] rows
--- @return string separator
--- @return string ending
function csv_text.rows(data)
  local columns = (data:byte(1) or 0) % 4 + 1
  local choice = data:byte(2) or 0
  local separator = ({ ",", ";", "\t", "|" })[choice % 4 + 1]
  local rows, row = {}, {}
  for cell in data:sub(3):gmatch("([^\31]*)\31?") do
    row[#row + 1] = cell
    if #row == columns then
      rows[#rows + 1], row = row, {}
    end
  end
  return rows, separator, choice % 8 < 4 and "\n" or "\r\n"
end

return csv_text
