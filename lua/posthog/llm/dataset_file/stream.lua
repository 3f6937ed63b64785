--- A function of the caller's as the target of an export, with the methods of an atomic
--- file. It has already received what was written before a failure.

local digest = require("posthog.llm.util.digest")
local errors = require("posthog.llm.util.errors")

--- @class posthog.llm.dataset_file.Stream
--- @field bytes integer
--- @field private sink fun(text: string): any, string?
--- @field private hasher userdata
local Stream = {}
Stream.__index = Stream

--- @param text string
--- @return true?
--- @return posthog.llm.Error?
function Stream:write(text)
  local ok, message = self.sink(text)
  if not ok then
    local words = "the export cannot be written: " .. tostring(message)
    return nil, errors.new({ kind = "file", message = words })
  end
  self.bytes = self.bytes + #text
  self.hasher:add(text)
  return true
end

--- @return string sha256
function Stream:commit()
  return self.hasher:hex()
end

function Stream.abandon() end

--- @param sink fun(text: string): any, string? nil and a message when it cannot take the text
--- @return posthog.llm.dataset_file.Stream
return function(sink)
  return setmetatable({ sink = sink, bytes = 0, hasher = digest.hasher() }, Stream)
end
