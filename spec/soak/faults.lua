--- What goes wrong in the soak, and how often. A fifth of the requests get one of these.
---
--- Left out are answers that lie about a write: a 429 or a 4xx though it was done, a 404 for what
--- is there, an answer that nobody asked for when another request is on its way already. No client
--- can see through those. A write that is done long after the client has given
--- up is left out for the updates of rows, where the last writer wins, whoever that is.

local OK = "HTTP/1.1 200 OK\r\n"
local LENGTH = "Content-Length: {length}\r\n\r\n"
local HTML = { ["Content-Type"] = "text/html" }
local OVER = 2.5 -- seconds, longer than an attempt may take

--- @class soak.Fault
--- @field name string
--- @field kind string the line of the summary that it counts for
--- @field share number of the requests that match
--- @field action table as for the emulator
--- @field late? boolean the write comes when the client has given up
--- @field method? string
--- @field path? string
--- @field http? string

--- @type soak.Fault[]
local faults = {}

local function add(kind, share, list)
  for _, fault in ipairs(list) do
    fault.kind, fault.share = kind, fault.share or share
    fault.name = fault.name or kind
    faults[#faults + 1] = fault
  end
end

add("status, not done", 0.006, {
  { name = "500", action = { status = 500, body = "<h1>", headers = HTML } },
  { name = "502", action = { status = 502 } },
  { name = "503", action = { status = 503, headers = { ["Retry-After"] = "1" } } },
  { name = "504", action = { status = 504, body = "{" } },
  { name = "408", action = { status = 408 } },
})
add("status, though done", 0.008, {
  { name = "500 done", action = { status = 500, apply = true, body = "{}" } },
  { name = "504 done", action = { status = 504, apply = true } },
})
add("throttled", 0.008, {
  { name = "429", action = { status = 429, headers = { ["Retry-After"] = "2" } } },
  { name = "429 bare", action = { status = 429, body = "Slow down" } },
})
add("refused", 0.002, {
  { name = "400", action = { status = 400, body = '{"detail":"no"}' } },
  { name = "401", action = { status = 401, body = "" } },
  { name = "403", action = { status = 403, body = "<b>no</b>", headers = HTML } },
  { name = "413", method = "POST", action = { status = 413 } },
  {
    name = "409",
    method = "PATCH",
    path = "/llm_skills/",
    share = 0.01,
    action = { status = 409, body = '{"detail":"newer","current_version":99999}' },
  },
})
add("closed", 0.008, {
  { name = "closed before", action = { close = "before" } },
  { name = "closed after", action = { close = "after" } },
  { name = "reset before", action = { close = "before", reset = true } },
  { name = "reset after", action = { close = "after", reset = true } },
})
add("cut in the head", 0.006, {
  {
    name = "head cut, done",
    http = "1.1",
    action = { raw = "HTTP/1.1 201 Created\r\nContent-Ty", apply = true },
  },
  { name = "head cut", http = "1.1", action = { raw = "HTTP/1.1 20" } },
  {
    name = "head without end",
    http = "1.1",
    share = 0.001,
    action = { head = OK, body = "", endless = "X-A: b\r\n" },
  },
})
add("cut in the body", 0.006, {
  { name = "truncated", action = { truncate = 40 } },
  { name = "truncated, reset", action = { truncate = 5, reset = true } },
  { name = "chunks cut", action = { chunked = true, truncate = 60 } },
  { name = "one byte less", action = { cut = -1 } },
})
add("wrong length", 0.004, {
  { name = "length too short", action = { headers = { ["Content-Length"] = "5" } } },
  {
    name = "length too long",
    share = 0.001,
    action = { headers = { ["Content-Length"] = "100000" } },
  },
})
add("garbage", 0.004, {
  { name = "no HTTP", http = "1.1", action = { raw = "\1\2 nothing\r\n\r\n" } },
  { name = "no HTTP, done", http = "1.1", action = { raw = "+OK POP3 ready\r\n", apply = true } },
  { name = "garbage behind", action = { append = "}garbage" } },
  { name = "empty", action = { body = "" } },
  { name = "another JSON", action = { body = "[]" } },
  { name = "a page", action = { body = "<html>Log in</html>", headers = HTML } },
})
add("compressed", 0.004, {
  { name = "gzip", action = { gzip = true } },
  { name = "gzip cut", action = { gzip = true, cut = -8 } },
  {
    name = "gzip that is none",
    action = { body = "\31\139\8\0\0nothing", headers = { ["Content-Encoding"] = "gzip" } },
  },
  { name = "gzip bomb", share = 0.002, action = { gzip = true, endless = "0" } },
  { name = "body without end", share = 0.002, action = { endless = "x" } },
})
add("slow", 0.004, {
  { name = "late answer", action = { delay = 0.1 } },
  { name = "late body", action = { delay = { body = 0.1 } } },
  { name = "drip", action = { drip = { bytes = 300, every = 0.01 } } },
})
add("too slow", 0.001, {
  { name = "answer too late", action = { delay = OVER } },
  { name = "body too late", action = { delay = { body = OVER } } },
  {
    name = "item too late",
    late = true,
    method = "POST",
    path = "/dataset_items/",
    share = 0.003,
    action = { delay = { write = OVER } },
  },
  {
    name = "skill too late",
    late = true,
    method = "POST",
    path = "/llm_skills/",
    share = 0.003,
    action = { delay = { write = OVER } },
  },
  {
    name = "version too late",
    late = true,
    method = "PATCH",
    path = "/llm_skills/",
    share = 0.003,
    action = { delay = { write = OVER } },
  },
  {
    name = "deletion too late",
    late = true,
    method = "DELETE",
    path = "/llm_skills/",
    share = 0.003,
    action = { delay = { write = OVER } },
  },
})
add("connection", 0.006, {
  { name = "ends behind the answer", http = "1.1", action = { head = OK .. LENGTH } },
  {
    name = "told to close",
    http = "1.1",
    action = { head = OK .. "Connection: close\r\n" .. LENGTH },
  },
  {
    name = "interim answers",
    http = "1.1",
    action = { head = "HTTP/1.1 103 Early Hints\r\n\r\n" .. OK .. LENGTH },
  },
})
add("redirect", 0.004, {
  { name = "307 here", path = "/$", action = { status = 307, headers = { Location = "./" } } },
  { name = "308 here", path = "/$", action = { status = 308, headers = { Location = "./" } } },
  { name = "302", action = { status = 302, headers = { Location = "https://example.com/" } } },
})

return faults
