--- The response without its body, the third result of a call.

local redact = require("posthog.llm.http.redact")
local server_clock = require("posthog.llm.http.server_clock")

local response = {}

--- The third result of a call, without the body. All fields but `status`, `attempts` and `url` are
--- made when they are first read: before that, `pairs` does not list them.
--- @class posthog.llm.Response
--- @field status integer HTTP status
--- @field headers table<string, string> by lower-case name, and indexed in any case:
---   `headers["Retry-After"]`; repeated ones joined by ", "
--- @field request_id? string to give to the server's operators
--- @field attempts integer requests made for the call
--- @field timings
---   { name_lookup: number, connect: number, tls: number, first_byte: number, total: number }
---   seconds since the last attempt began
--- @field http_version? string "1.1" or "2"
--- @field url string without secrets
--- @field server_time? integer seconds since 1970 by the server's clock, when it made the response
--- @field successor? string the path that the server names in place of a deprecated one
---   (RFC 9745, RFC 5829)
--- @field settled? boolean true: the response to the write itself was lost, and this one shows that
---   it has happened

local LONGEST_LINK = 4096 -- bytes; of a longer one the pattern could take minutes

local HEADERS = {
  __index = function(headers, name)
    if type(name) == "string" then
      return rawget(headers, name:lower())
    end
  end,
}

--- A copy for a hook, which may change it.
function response.copy_headers(headers)
  local copy = setmetatable({}, HEADERS)
  for name, value in pairs(headers) do
    copy[name] = value
  end
  return copy
end

--- The transfer of each response, from which its other fields are read when first used: few
--- programs use them, and making them costs as much as decoding a small row.
local transfers = setmetatable({}, { __mode = "k" })

local LAZY_FIELDS = {
  headers = function(transfer)
    return setmetatable(transfer:headers(), HEADERS)
  end,
  timings = function(transfer)
    return transfer:timings()
  end,
  http_version = function(transfer)
    return transfer:http_version()
  end,
  successor = function(_, self)
    local headers = self.headers
    local link = headers.deprecation and headers.link
    if link and #link <= LONGEST_LINK then
      return link:match('<([^>]*)>[^,]*rel="?successor%-version')
    end
  end,
  server_time = function(_, self)
    return server_clock.read(self.headers)
  end,
  request_id = function(_, self)
    return self.headers["x-request-id"] or self.headers["cf-ray"]
  end,
}

local Response = {
  __index = function(self, name)
    local make, transfer = LAZY_FIELDS[name], transfers[self]
    if not make or not transfer then
      return nil
    end
    local value = make(transfer, self)
    rawset(self, name, value)
    return value
  end,
}

--- @param transfer userdata a finished one, or the core's copy of all but its body
--- @param status integer
--- @param url string
--- @param attempts integer
--- @param echoed string? the key, if the headers hold it: it is redacted
--- @return posthog.llm.Response
function response.new(transfer, status, url, attempts, echoed)
  local self = setmetatable({ status = status, attempts = attempts, url = url }, Response)
  transfers[self] = transfer
  if echoed then
    redact.headers(self.headers, echoed)
  end
  return self
end

--- The numbers in the header fields that a request names: some calls of the API return data in
--- header fields in addition to a body.
--- @param self posthog.llm.Response
--- @param names table<string, string> the fields, by the names that they get
--- @return table<string, number>
function response.numbers(self, names)
  local numbers = {}
  for name, field in pairs(names) do
    numbers[name] = tonumber(self.headers[field])
  end
  return numbers
end

return response
