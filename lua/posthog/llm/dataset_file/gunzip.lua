--- Unpacks gzip as it is read, within bounded memory, by lua-zlib, which is asked for
--- only when such a file is met. What is left of a piece is kept; members that follow each other are
--- one file, as gzip has them.

local failure = require("posthog.llm.dataset_file.failure")
local optional_module = require("posthog.llm.util.optional_module")

--- Bytes that are unpacked at once. They become a thousand times as many at most.
local SLICE = 2048
local GZIP = 16 + 15 -- zlib's windowBits for gzip alone

local NEEDED = "is gzip, and Lua's module zlib, which unpacks it, is missing: install lua-zlib"
  .. " (Debian: apt-get install lua-zlib; LuaRocks: luarocks install lua-zlib)"

--- @class posthog.llm.dataset_file.Gunzip
--- @field private path string
--- @field private read fun(): string?, posthog.llm.Error?
--- @field private inflate fun(windowBits: integer): function
--- @field private raw string
--- @field private at integer where in it the rest begins
--- @field private before integer bytes before `raw`
--- @field private stream? function nil: between two members
--- @field private begin integer where the member begins, from 0
local Gunzip = {}
Gunzip.__index = Gunzip

local gunzip = { MAGIC = "\31\139" }

--- @param path string for messages
--- @param raw string what was read already
--- @param read fun(): string?, posthog.llm.Error? the next piece; nil at the end
--- @return posthog.llm.dataset_file.Gunzip?
--- @return posthog.llm.Error?
function gunzip.new(path, raw, read)
  local zlib = optional_module("zlib")
  if type(zlib) ~= "table" or not zlib.inflate then
    return nil, failure(path, "%s", NEEDED)
  end
  local self = { path = path, read = read, inflate = zlib.inflate, raw = raw, at = 1, before = 0 }
  return setmetatable(self, Gunzip)
end

--- @return integer bytes of the packed file before what comes next
local function position(self)
  return self.before + self.at - 1
end

--- Sees to it that there is a byte to go on with.
--- @return boolean? more nil: the end, or err
--- @return posthog.llm.Error? err
local function fill(self)
  while self.at > #self.raw do
    self.before = self.before + #self.raw
    local raw, err = self.read()
    if raw then
      self.raw, self.at = raw, 1
    elseif err then
      return nil, err
    else
      self.raw, self.at = "", 1
      if self.stream then
        local words = "the gzip data is cut short: it ends at byte %d, in what began at byte %d;"
          .. " get the file again"
        return nil, failure(self.path, words, self.before, self.begin)
      end
      return nil
    end
  end
  return true
end

--- Begins a member. Zeros may fill up the last block of a tape, and count as nothing.
--- @return posthog.llm.Error? err
local function begin(self)
  if position(self) > 0 and self.raw:byte(self.at) == 0 then
    self.at = (self.raw:find("[^%z]", self.at) or #self.raw + 1)
    return nil
  elseif self.raw:byte(self.at) ~= gunzip.MAGIC:byte() then
    return failure(
      self.path,
      "byte %d: something that is not gzip follows the data",
      position(self)
    )
  end
  self.stream, self.begin = self.inflate(GZIP), position(self)
end

--- The next piece of what was packed.
--- @return string? piece nil: the end, or err
--- @return posthog.llm.Error? err
function Gunzip:piece()
  while true do
    local more, err = fill(self)
    if more and not self.stream then
      err = begin(self)
    end
    if err or not more then
      return nil, err
    end
    if self.stream then
      local slice = self.raw:sub(self.at, self.at + SLICE - 1)
      local ok, text, ended, taken = pcall(self.stream, slice)
      if not ok then
        local words = "the gzip data is damaged, at byte %d or shortly before: get the file again"
        return nil, failure(self.path, words, position(self) + #slice)
      end
      if ended then
        self.stream = nil
        self.at = self.begin + taken - self.before + 1
      else
        self.at = self.at + #slice
      end
      if text ~= "" then
        return text
      end
    end
  end
end

return gunzip
