--- Files that are there as a whole or not at all: written under a temporary
--- name beside their own, synced, renamed. And what is said when a disk fails.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")

local atomic_file = {}

--- @param path string
--- @param what string what could not be done
--- @param why string the system's words, which may begin with the path
--- @return nil
--- @return posthog.llm.Error err kind "file"; `file` and `path` are the path
function atomic_file.failure(path, what, why)
  why = tostring(why)
  if why:sub(1, #path + 2) == path .. ": " then
    why = why:sub(#path + 3)
  end
  return errors.failure(errors.new({
    kind = "file",
    message = ("%s: %s: %s"):format(path, what, why),
    path = path,
    file = path,
  }))
end

--- Waits until the name of a file is on the disk; some file systems cannot.
--- @param path string of the file
function atomic_file.sync_name(path)
  core.sync(path:match("^(.*/)[^/]*$") or ".")
end

--- @class posthog.llm.AtomicFile
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

local function reserve(path, mode)
  local made, message
  for _ = 1, TRIES do
    local name = temporary_name(path)
    made, message = core.create_file(name, "", mode or path) -- who could not read it cannot then
    if made then
      return name
    end
  end
  return nil, message
end

--- @param path string
--- @param mode? integer who may use it; without it as before, or 0644 less the umask
--- @return posthog.llm.AtomicFile?
--- @return posthog.llm.Error?
function atomic_file.open(path, mode)
  if path:find("^/dev/") then
    return atomic_file.failure(path, "cannot be written", "it is a device, not a file")
  end
  local name, message = reserve(path, mode)
  local file
  if name then
    file, message = io.open(name, "r+b")
  end
  if not file then
    return atomic_file.failure(path, "cannot be written", message)
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
    return atomic_file.failure(self.path, "cannot be written", message)
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
    return atomic_file.failure(self.path, "cannot be written", message)
  end
  atomic_file.sync_name(self.path)
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

return atomic_file
