--- Writes the table of the README anew, from bench/results.md.
---
---   lua5.4 bench/summary.lua bench/results.md README.md

local RESULTS, README = arg[1], arg[2]
local START, STOP = "<!-- written by make bench -->\n", "<!-- up to here -->"

local SOCKET, PAGE, SMALL = "luasocket, kept + cjson, ", "page of 280 KB, TLS", "GET of 1 KB, TLS"

--- Of each row: what is done, and by whom; the section of the results, and for
--- Lua 5.4 and LuaJIT how the row there begins, and the column.
local ROWS = {
  { "decode a page of items", "lua-cjson", "decode", { "page of 95", 3 }, { "page of 95", 5 } },
  { "decode a skill", "lua-cjson", "decode", { "skill with", 3 }, { "skill with", 5 } },
  { "encode a page of items", "lua-cjson", "encode", { "page of 95", 3 }, { "page of 95", 5 } },
  { "get a page of 280 KB", "lua-curl, lua-cjson", PAGE, nil, { "lua-curl", 4 } },
  { "", "luasocket, lua-cjson", PAGE, { SOCKET .. "Lua 5.4", 4 }, { SOCKET .. "LuaJIT", 4 } },
  { "", "Python's http.client, json", PAGE, { "Python", 4 } },
  { "", "a curl started for it, lua-cjson", PAGE, nil, { "curl spawned", 4 } },
  { "get 1 KB", "libcurl alone, in C", SMALL, { "libcurl alone", 4 } },
  { "", "luasocket, lua-cjson", SMALL, { SOCKET .. "Lua 5.4", 4 }, { SOCKET .. "LuaJIT", 4 } },
  { "", "Python's http.client, json", SMALL, { "Python", 4 } },
  { "", "a curl started for it, lua-cjson", SMALL, nil, { "curl spawned", 4 } },
}

local function read(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- @return table<string, string[][]> rows of cells by the heading above them
local function tables_of(text)
  local heading, tables = "", { [""] = {} }
  for line in text:gmatch("[^\n]+") do
    local following = line:match("^#+ (.*)")
    if following then
      heading = following
      tables[heading] = {}
    elseif line:find("^| ") then
      local cells = {}
      for cell in line:gmatch("| *(.-) *%f[|]") do
        cells[#cells + 1] = cell
      end
      table.insert(tables[heading], cells)
    end
  end
  return tables
end

--- @param place? { [1]: string, [2]: integer }
--- @return string the median, without its quartiles; "" where there is none
local function figure(rows, place)
  for _, cells in ipairs(place and rows or {}) do
    if cells[1]:sub(1, #place[1]) == place[1] then
      local value = tonumber(cells[place[2]]:match("^[%d.]+"))
      return (value < 9.95 and "%.1f" or "%.0f"):format(value)
    end
  end
  return ""
end

local tables = tables_of(read(RESULTS))
local lines = { "| CPU time in multiples of ours | | Lua 5.4 | LuaJIT |", "|---|---|---:|---:|" }
for _, row in ipairs(ROWS) do
  local rows = assert(tables[row[3]], "no section " .. row[3])
  local cells = { row[1], row[2], figure(rows, row[4]), figure(rows, row[5]) }
  lines[#lines + 1] = ("| %s |"):format(table.concat(cells, " | "))
end

local text = read(README)
local _, start = text:find(START, 1, true)
local stop = text:find(STOP, start, true)
assert(start and stop, "no place for the table")
local file = assert(io.open(README, "wb"))
file:write(text:sub(1, start), table.concat(lines, "\n"), "\n", text:sub(stop))
file:close()
