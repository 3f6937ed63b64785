--- What newer servers tell of a file in the list of a skill's files.

local ffi = require("ffi")

local json = require("server.json")
local settings = require("server.settings").values
local text = require("server.text")

ffi.cdef("unsigned char *SHA256(const char *data, size_t size, unsigned char *digest);")

local file_facts = {}

local DIGEST_BYTES = 32

--- The digest in hex by the OpenSSL that nginx is linked with; nil, a null then, without one.
local function sha256(content)
  local digest = ffi.new("unsigned char[?]", DIGEST_BYTES)
  if not pcall(function()
    ffi.C.SHA256(content, #content, digest)
  end) then
    return nil
  end
  return (
    ffi.string(digest, DIGEST_BYTES):gsub(".", function(c)
      return ("%02x"):format(c:byte())
    end)
  )
end

local known = setmetatable({}, { __mode = "k" }) -- by file: its content never changes

local UNKNOWN = { "size", "sha256" } -- of files that were written before servers kept them

--- @param file { path: string, content: string, content_type: string }
--- @return table facts by the names of the API
function file_facts.of(file)
  local facts = known[file]
  if not facts then
    local _, line_ends = file.content:gsub("\n", "")
    facts = {
      path = file.path,
      content_type = file.content_type,
      line_count = line_ends + 1, -- content never ends in one
      char_count = text.length(file.content),
      size = #file.content,
      sha256 = sha256(file.content),
    }
    known[file] = facts
  end
  if settings.file_digests then
    return facts
  end
  local shown = setmetatable({}, { __index = facts })
  for _, name in ipairs(UNKNOWN) do
    shown[name] = json.null
  end
  return shown
end

return file_facts
