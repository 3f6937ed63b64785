-- Writes doc/reference/ from the comments and the data of the library:
--
--   tools/lua 5.4 tools/reference.lua
--
-- A page that is as it should be is left alone.

local book = require("tools.reference.book")

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

for path, text in pairs(book.texts(book.read())) do
  if read(path) ~= text then
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    print(path)
  end
end
