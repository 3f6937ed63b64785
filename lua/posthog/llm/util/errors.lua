--- The error objects that every failed call returns as its second value.

local option_names = require("posthog.llm.util.option_names")

local errors = {}

--- Programs decide by it.
--- @alias posthog.llm.ErrorKind
--- | "invalid"       the server has refused the request; without a `status`: nothing was sent,
---   since a value, a host or a project is invalid
--- | "auth"          the key is not valid; without a `status`: there is no key, or it is one of
---   another kind
--- | "forbidden"     the key lacks a scope, or the project is another's
--- | "not_found"     there is no such skill, row, file or version
--- | "conflict"      with `current_version`: somebody else has written; else a name, a path or a
---   limit
--- | "rate_limited"  too many requests; without a `status`: held back by `pace`
--- | "server"        the server has failed, or a gateway before it
--- | "network"       no usable response: `stage` says how far it came
--- | "tls"           no trusted connection
--- | "timeout"       an attempt took longer than `timeout`, or the call longer than `deadline`
--- | "redirect"      a redirect that was not followed: to another host, or of a write
--- | "decode"        the response is not the expected JSON
--- | "too_large"     the response is over one of the limits `max_...`
--- | "cancelled"     the task was cancelled, or the client is closed
--- | "phase"         this phase of nginx, or event of Neovim, cannot wait
--- | "file"          a file or folder of this machine cannot be read or written

--- What a failed call returns as its second value, and what an iterator raises. `tostring(err)` is
--- one readable line: the call, the kind, what went wrong, where, and what may help.
---
--- ```lua
--- local skill, err = client.skills:get("tax-forms")
--- print(skill, err.kind, err.status, err.call) --> nil  not_found  404  skills:get
---
--- local ok, raised = pcall(function()
---   for version in client.skills:versions("tax-forms") do
---     print(version.version)
---   end
--- end)
--- print(ok, raised.kind, raised.call) --> false  not_found  skills:versions
--- ```
---
--- Decide by `kind`, `code`, `option` and `stage`; the texts of `message`, `hint` and `detail` may
--- change. No field holds the key. Every field but `kind` and `message` may be nil, where it is
--- unknown or does not apply. [Errors](../client.md#errors) has examples of the texts,
--- [Reliability](../reliability.md) what is repeated.
--- @class posthog.llm.Error
--- @field kind posthog.llm.ErrorKind
--- @field message string what went wrong, in one line for people
--- @field call? string the method as a user writes it: "skills:get", "request", "skills:each" of an
---   iterator; "skill_folder.push" where the error begins in a tool; nil for `llm.json` and in
---   `on_retry`
--- @field host? string the origin that the request went to, or would have:
---   "https://us.posthog.com". Nil where the error is about a file of this machine
--- @field option? string the option to blame, of the client, the call or the tool: "project_id"
--- @field hint? string a sentence: what may help, where that is not certain
--- @field stage? "proxy"|"name_lookup"|"connect"|"tls"|"certificate" no usable response: the step
---   of connecting that failed
--- @field source? string the variable or the file that an invalid value comes from
--- @field key_source? string of `credentials`: where the key comes from
--- @field status? integer HTTP status; nil: there was no response
--- @field type? string from the server's response
--- @field code? string from the server's response, such as "required" or "throttled"
--- @field attr? string from the server's response: the field to blame
--- @field detail? string from the server's response, for people
--- @field current_version? integer conflict: the latest version
--- @field edit_index? integer publish: the edit that does not apply, counted from 0
--- @field file_path? string publish: the file whose edit does not apply
--- @field current_item_id? string conflict: the item that exists already
--- @field resource? string conflict with code "limit_reached": what has reached its limit. A retry
---   does not help
--- @field current_count? integer how many of it exist
--- @field limit? integer how many the server allows
--- @field retry_after? number seconds to wait before another attempt; also set where that was too
---   long to wait
--- @field request_id? string to give to the server's operators
--- @field attempts? integer requests made for the call
--- @field ambiguous? boolean true: the write may or may not have happened
--- @field sent_at? integer ambiguous: when the call began, in seconds since 1970, for
---   `find_created`
--- @field body? any the decoded body of the response, or the start of one that is not JSON
--- @field position? integer decode: byte offset in the text, from 1
--- @field path? string the part of a value that cannot be encoded, such as `results[3].input`; or
---   the path of a file
--- @field file? string the file of this machine to blame
--- @field line? integer the line in that file, or in an export
--- @field row? integer of `export_read`: the last complete row; 0: none
--- @field problems? { path: string, line?: integer, message: string }[] tools: everything that is
---   wrong
--- @field conflicts? { path: string, line?: integer, message: string }[] skill folders: what a
---   person has to decide
--- @field summary? string `message` without `problems` or `conflicts`
--- @field result? table skill folders: what was done nevertheless
local Error = { __name = "posthog.llm.Error" }
Error.__index = Error

--- A host as people name it; plain http stays visible.
local function short_host(host)
  return (host:gsub("^https://", ""))
end

--- Details that help to find the cause, for the end of the line.
--- @return string[]
local function notes_of(self)
  local notes = {}
  local host = self.host and short_host(self.host)
  if self.status and host then
    notes[#notes + 1] = ("HTTP %d from %s"):format(self.status, host)
  elseif self.status then
    notes[#notes + 1] = ("HTTP %d"):format(self.status)
  elseif host and not self.message:find(host:gsub("^http://", ""), 1, true) then
    notes[#notes + 1] = "host " .. host
  end
  if self.attr and self.attr == self.option then
    notes[#notes + 1] = "field " .. (option_names.of(self.attr) or self.attr)
  elseif self.attr then
    notes[#notes + 1] = "field " .. tostring(self.attr)
  end
  if self.current_version then
    notes[#notes + 1] = "current version " .. tostring(self.current_version)
  end
  if self.limit and self.current_count then
    local words = "%.0f %s of at most %.0f"
    notes[#notes + 1] = words:format(self.current_count, self.resource or "exist", self.limit)
  end
  if self.retry_after then
    local seconds = self.retry_after
    local form = seconds >= 10 and "retry after %.0f s" or "retry after %g s"
    notes[#notes + 1] = form:format(seconds >= 10 and math.ceil(seconds) or seconds)
  end
  if self.ambiguous then
    notes[#notes + 1] = "it may or may not have happened"
  end
  if self.request_id then
    notes[#notes + 1] = "request " .. self.request_id
  end
  return notes
end

--- What a terminal or a log takes for more than text, beyond ASCII's controls: those of C1, line
--- separators, and marks that turn the order of the letters around.
local CONTROLS = { "\194[\128-\159]", "\226\128[\142\143\168-\174]", "\226\129[\166-\169]" }

--- @param text string
--- @return string
local function one_line(text)
  text = text:gsub("%c+", " ")
  for _, pattern in ipairs(CONTROLS) do
    text = text:gsub(pattern, " ")
  end
  return text
end

--- What went wrong, where, and what may help, in one line without the call and the kind: for the
--- command, whose users know neither.
--- @param err posthog.llm.Error
--- @return string
function errors.describe(err)
  local text, notes = err.message, notes_of(err)
  if #notes > 0 then
    text = ("%s (%s)"):format(text, table.concat(notes, ", "))
  end
  if err.hint then
    text = text:gsub("%.$", "") .. ". " .. err.hint
  end
  return one_line(text)
end

--- One readable line: the call, the kind, and all that describes the error.
function Error:__tostring()
  local call = self.call and self.call .. ": " or ""
  return ("%s%s: %s"):format(call, self.kind, errors.describe(self))
end

--- Lets a program concatenate an error with a string.
function Error.__concat(a, b)
  return tostring(a) .. tostring(b)
end

--- @param fields table at least `kind` and `message`; becomes the error
--- @return posthog.llm.Error
function errors.new(fields)
  return setmetatable(fields, Error)
end

--- A shallow copy, which the caller may change.
--- @param err posthog.llm.Error
--- @return posthog.llm.Error
function errors.copy(err)
  local copy = {}
  for name, value in pairs(err) do
    copy[name] = value
  end
  return errors.new(copy)
end

--- What a failed call returns. LuaJIT's assert raises its last argument, not its second, so the
--- error is also the last one: assert(client.datasets:get(id)) raises it on every Lua.
--- @param err posthog.llm.Error
--- @param response? posthog.llm.Response
--- @return nil
--- @return posthog.llm.Error err
--- @return posthog.llm.Response? response
--- @return posthog.llm.Error err
function errors.failure(err, response)
  return nil, err, response, err
end

--- What a call returns: its value, or its failure.
--- @param value any
--- @param err? posthog.llm.Error
--- @param response? posthog.llm.Response
function errors.result(value, err, response)
  if err then
    return errors.failure(err, response)
  end
  return value, nil, response
end

--- The error when a 204, whose value is `true`, answers a call that needs content.
--- @param what string what is missing, "row"
--- @return posthog.llm.Error
function errors.no_content(what)
  return errors.new({ kind = "decode", status = 204, message = "the response has no " .. what })
end

--- @param value any
--- @return boolean
function errors.is(value)
  return type(value) == "table" and getmetatable(value) == Error
end

local KINDS = {
  [401] = "auth",
  [403] = "forbidden",
  [404] = "not_found",
  [410] = "not_found",
  [409] = "conflict",
  [429] = "rate_limited",
}

--- @param status integer 300 or more
--- @return posthog.llm.ErrorKind
function errors.kind_of(status)
  if KINDS[status] then
    return KINDS[status]
  elseif status >= 500 then
    return "server"
  elseif status >= 400 then
    return "invalid"
  end
  return "redirect"
end

local WORDS = {
  [400] = "the request was refused",
  [401] = "the key was not accepted",
  [403] = "access was refused",
  [404] = "not found",
  [405] = "this resource does not allow the method",
  [409] = "conflict",
  [413] = "the request is too large",
  [415] = "the content type was refused",
  [429] = "too many requests",
  [500] = "the server failed",
  [502] = "a gateway failed",
  [503] = "the server is not available",
  [504] = "a gateway timed out",
}

local COPIED = {
  type = "string",
  code = "string",
  attr = "string",
  detail = "string",
  current_version = "number",
  edit_index = "number",
  file_path = "string",
  current_item_id = "string",
  resource = "string",
  current_count = "number",
  limit = "number",
}

--- Makes an error from any of the three shapes of doc/api.md 0.5: the envelope, `detail` alone, and
--- what is not JSON.
--- @param status integer
--- @param body any the decoded body, or the start of its text, or nil
--- @return posthog.llm.Error
function errors.from_response(status, body)
  local err = { kind = errors.kind_of(status), status = status }
  if type(body) == "table" then
    for field, expected in pairs(COPIED) do
      if type(body[field]) == expected then
        err[field] = body[field]
      end
    end
  end
  if body ~= "" then
    err.body = body
  end
  local words = err.detail and one_line(err.detail)
  if words == nil or not words:find("%S") then
    words = WORDS[status] or ("the server answered %d"):format(status)
  end
  err.message = words
  return errors.new(err)
end

return errors
