--- Zip archives, without compression.

local ffi = require("ffi")

ffi.cdef("unsigned long crc32(unsigned long crc, const char *data, unsigned int size);")

local zip = {}

local VERSION, UTF8_NAMES, STORED = 20, 0x800, 0
local NO_TIME, FIRST_DAY = 0, 0x21 -- 1980-01-01

--- A number in `bytes` bytes, lowest first.
local function little(value, bytes)
  local list = {}
  for i = 1, bytes do
    list[i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(list)
end

local function short(value)
  return little(value, 2)
end
local function long(value)
  return little(value, 4)
end

--- What a file's own header and the directory say alike.
local function facts(entry)
  return short(VERSION)
    .. short(UTF8_NAMES)
    .. short(STORED)
    .. short(NO_TIME)
    .. short(FIRST_DAY)
    .. long(tonumber(ffi.C.crc32(0, entry.content, #entry.content)))
    .. long(#entry.content)
    .. long(#entry.content)
    .. short(#entry.name)
    .. short(0)
end

--- @param entries { name: string, content: string }[]
--- @return string archive
function zip.pack(entries)
  local parts, directory, offset = {}, {}, 0
  for i, entry in ipairs(entries) do
    local known = facts(entry)
    parts[i] = "PK\3\4" .. known .. entry.name .. entry.content
    directory[i] = "PK\1\2"
      .. short(VERSION)
      .. known
      .. short(0)
      .. short(0)
      .. short(0)
      .. long(0)
      .. long(offset)
      .. entry.name
    offset = offset + #parts[i]
  end
  local listed = table.concat(directory)
  return table.concat(parts)
    .. listed
    .. "PK\5\6"
    .. long(0)
    .. short(#entries)
    .. short(#entries)
    .. long(#listed)
    .. long(offset)
    .. short(0)
end

return zip
