--- Files that exist whole or not at all: written under a temporary name in the same folder,
--- synced, renamed. Also the error for any failure of a file or disk.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")
local finalizer = require("posthog.llm.util.finalizer")

local atomic_file = {}

--- @param path string
--- @param what string what failed, such as "cannot be written"
--- @param why string the system's message, which may begin with the path
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

--- Waits until the file's directory entry is on the disk. File systems that cannot are ignored.
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
--- @field private owner any discards the file when nobody holds it, as where a thread of nginx was killed
local Atomic = {}
Atomic.__index = Atomic

local MAX_TRIES = 20 -- while the temporary name exists already

--- A name that nothing else is likely to use: from the time, and from a table's address, which
--- differs between processes.
local function temporary_name(path)
  local suffix = core.sha256(("%.9f %s"):format(core.now(), tostring({}))):sub(1, 12)
  return ("%s.%s.tmp"):format(path, suffix)
end

local function reserve(path, mode)
  local created, message
  for _ = 1, MAX_TRIES do
    local name = temporary_name(path)
    created, message = core.create_file(name, "", mode or path) -- path: with the old file's mode
    if created then
      return name
    end
  end
  return nil, message
end

--- @param path string
--- @param mode? integer permission bits; nil: those of the file that it replaces, or 0644 less the
---   umask
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
  local self = { path = path, bytes = 0, temporary = name, file = file, hasher = core.hasher() }
  self.owner = finalizer(function()
    Atomic.abandon(self)
  end)
  return setmetatable(self, Atomic)
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

--- Replaces the file at `path`.
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

--- Discards what was written; the file at `path` stays as it was.
function Atomic:abandon()
  local file = self.file
  self.file = nil
  if file then
    if io.type(file) == "file" then -- else both are collected at once
      file:close()
    end
    os.remove(self.temporary)
  end
end

return atomic_file
