--- Files that hold no records in any form that is read here, recognised by how they begin,
--- and what to do about each.

local foreign = {}

local COMPRESSED = "is compressed by %s; decompress it first: %s"

--- By their first bytes.
--- @type { [1]: string, [2]: string }[]
local BEGINNINGS = {
  {
    "PAR1",
    "is a Parquet file; convert it to JSONL or CSV first, by DuckDB or pandas for example",
  },
  { "ARROW1", "is an Arrow file; convert it to JSONL or CSV first, by pandas for example" },
  {
    "\255\255\255\255",
    "is an Arrow stream or another binary file; convert it to JSONL or CSV first",
  },
  { "Obj\1", "is an Avro file; convert it to JSONL or CSV first" },
  { "\137HDF\r\n", "is an HDF5 file; convert it to JSONL or CSV first, by pandas for example" },
  {
    "SQLite format 3%z",
    "is an SQLite database; export a table: sqlite3 -header -csv FILE 'select * from NAME'",
  },
  {
    "version https://git%-lfs%.github%.com/",
    "is a pointer of Git LFS, not the data itself; get that: git lfs pull",
  },
  { "\208\207\17\224", "is a file of an old Microsoft Office; save the sheet as CSV in UTF-8" },
  { "7z\188\175", "is a 7z archive; unpack it first" },
  { "\2537zXZ", COMPRESSED:format("xz", "xz -d") },
  { "%(\181/\253", COMPRESSED:format("Zstandard", "zstd -d") },
  { "BZh[1-9]1AY", COMPRESSED:format("bzip2", "bzip2 -d") },
  { "%%PDF%-", "is a PDF, not data" },
}

--- @param head string
local function is_workbook(head)
  return head:find("[Content_Types].xml", 1, true) or head:find("xl/", 1, true)
end

--- Whether every second byte or so is zero, as in a text of UTF-16.
local function is_utf16(head)
  local start = head:sub(1, 1000)
  local _, zeros = start:gsub("%z", "")
  return zeros * 4 > #start
end

--- @param head string the first bytes of a file, unpacked
--- @return string? message what it is, and what to do
function foreign.find(head)
  for _, entry in ipairs(BEGINNINGS) do
    if head:find("^" .. entry[1]) then
      return entry[2]
    end
  end
  if head:find("^PK[\3\5]") then
    if is_workbook(head) then
      return "is an Excel workbook; save the sheet as CSV in UTF-8"
    end
    return "is a ZIP archive; unpack it first"
  elseif head:sub(258, 262) == "ustar" then
    return "is a tar archive; unpack it first"
  elseif head:find("^%s*<[!?hH]") then
    return "is a page of HTML or XML, not data; was it saved from the wrong address?"
  elseif head:find("^\254\255") or head:find("^\255\254") or is_utf16(head) then
    return "is UTF-16; save it as UTF-8"
  end
end

return foreign
