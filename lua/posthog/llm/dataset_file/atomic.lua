--- A file that is there as a whole or not at all: written under a temporary
--- name beside its own, synced, renamed.

local core = require("posthog.llm.core")
local problem = require("posthog.llm.dataset_file.problem")

--- @class posthog.llm.dataset_file.Atomic
--- @field path string
--- @field bytes integer
--- @field private temporary string
--- @field private file file*
--- @field private hasher userdata
local Atomic = {}
Atomic.__index = Atomic

local TRIES = 20 -- of names that are taken

--- A name that nobody else uses now: the clock's digits, and where a table lies.
local function temporary_name(path)
  local word = core.sha256(("%.9f %s"):format(core.now(), tostring({}))):sub(1, 12)
  return ("%s.%s.tmp"):format(path, word)
end

local function reserve(path)
  local made, message
  for _ = 1, TRIES do
    local name = temporary_name(path)
    made, message = core.create_file(name, "")
    if made then
      return name
    end
  end
  return nil, message
end

local atomic = {}

--- @param path string
--- @return posthog.llm.dataset_file.Atomic?
--- @return posthog.llm.Error?
function atomic.open(path)
  if path:find("^/dev/") then
    return nil, problem(path, "is a device, not a file")
  end
  local name, message = reserve(path)
  local file
  if name then
    file, message = io.open(name, "r+b")
  end
  if not file then
    return nil, problem(path, "cannot be written: %s", message)
  end
  return setmetatable(
    { path = path, bytes = 0, temporary = name, file = file, hasher = core.hasher() },
    Atomic
  )
end

--- @param text string
--- @return true?
--- @return posthog.llm.Error?
function Atomic:write(text)
  local ok, message = self.file:write(text)
  if not ok then
    self:abandon()
    return nil, problem(self.path, "cannot be written: %s", message)
  end
  self.bytes = self.bytes + #text
  self.hasher:add(text)
  return true
end

--- Puts the file in its place.
--- @return string? sha256 of what was written
--- @return posthog.llm.Error?
function Atomic:commit()
  local file = self.file
  self.file = nil
  local ok, message = file:flush()
  file:close()
  if ok then
    ok, message = core.sync(self.temporary)
  end
  if ok then
    ok, message = os.rename(self.temporary, self.path)
  end
  if not ok then
    os.remove(self.temporary)
    return nil, problem(self.path, "cannot be written: %s", message)
  end
  core.sync(self.path:match("^(.*/)[^/]*$") or ".") -- the name; some file systems cannot
  return self.hasher:hex()
end

--- Leaves what was there before.
function Atomic:abandon()
  local file = self.file
  self.file = nil
  if file then
    file:close()
    os.remove(self.temporary)
  end
end

return atomic
