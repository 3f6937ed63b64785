-- Writes doc/reference/, and parts of doc/posthog.txt, from the comments and the data of the library:
--
--   tools/lua 5.4 tools/reference.lua
--
-- A page that is as it should be is left alone.

local book = require("tools.reference.book")
local vimdoc = require("tools.reference.vimdoc")

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

local all = book.read()
local texts = book.texts(all)
texts[vimdoc.PATH] = vimdoc.text(all, read(vimdoc.PATH))
for path, text in pairs(texts) do
  if read(path) ~= text then
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    print(path)
  end
end
