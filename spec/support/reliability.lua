--- What goes wrong, and what each kind of call makes of it: the rows of doc/reliability.md, and the
--- cases of spec/reliability*_spec.lua.
---
--- A row: { what, action, cells }, and
---   always   every request meets it, not only the first
---   before   it meets the call that is made before, on the same connection
---   options  for the client
---   late     it writes when the call is over
---   linger   seconds until the next call
---   http2    the cells over HTTP/2, where they differ
---   newer    the cells with libcurl 8.23, where they differ
---
--- A cell, such as "network? 2/1+1": how the call ends, "ok" or the kind of its error, "?" for an
--- ambiguous one; requests sent, how many of them wrote something, reads made to find out.

local reliability = {}

--- The calls, in the order of the cells.
reliability.CALLS = { "get", "update", "create item", "publish", "create skill", "archive" }

local TIMEOUTS = { plain = 0.3, valgrind = 3 } -- seconds
local TIMEOUT = TIMEOUTS[os.getenv("SPEC_MODE") or "plain"] or 1
local LATE = 2 * TIMEOUT
local SOON = { timeout = TIMEOUT }
local SMALL = { max_response_bytes = 100000 }

local OK = "HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n"
local LENGTH = "Content-Length: {length}\r\n\r\n"
local CUT = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Le"
local OTHER = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 28\r\n\r\n"
  .. '{"id":"x","name":"injected"}'
local HTML = "<!DOCTYPE html><html><body>Please log in</body></html>"

local function with(headers)
  return { head = OK .. headers .. LENGTH }
end

--- Nothing to notice.
local FINE = { "ok 1", "ok 1/1", "ok 1/1", "ok 1/1", "ok 1/1", "ok 1/1" }

--- Refused before anything was written, and then not.
local AGAIN = { "ok 2", "ok 2/1", "ok 2/1", "ok 2/1", "ok 2/1", "ok 2/1" }

--- Refused n times, nothing written.
local function refused(kind, n)
  local read, written = kind .. " " .. n, ("%s %d/0"):format(kind, n)
  return { read, written, written, written, written, written }
end

--- The first response lost, nothing written.
local function lost(kind)
  return { "ok 2", "ok 2/1", kind .. "? 1/0", "ok 2/1+1", kind .. "? 1/0+1", kind .. "? 1/0+1" }
end

--- The first response lost, but written. One without a body may come through.
--- @param archive? string
local function written(kind, archive)
  return { "ok 2", "ok 2/2", kind .. "? 1/1", "ok 1/1+2", "ok 1/1+1", archive or "ok 1/1+1" }
end

--- The same with every response. Over a connection that was kept libcurl sends a read once more by
--- itself.
--- @param n integer requests of a read
local function lost_each(kind, n)
  return {
    kind .. " " .. n,
    kind .. "? 3/0",
    kind .. "? 1/0",
    kind .. "? 2/0+2",
    kind .. "? 1/0+1",
    kind .. "? 1/0+1",
  }
end

local function written_each(kind, n)
  return {
    kind .. " " .. n,
    kind .. "? 3/3",
    kind .. "? 1/1",
    "ok 1/1+2",
    "ok 1/1+1",
    "ok 1/1+1",
  }
end

--- Written, and the response of no use, as the next one would be.
--- @param archive? string
local function useless(kind, archive)
  return {
    kind .. " 1",
    kind .. "? 1/1",
    kind .. "? 1/1",
    "ok 1/1+2",
    "ok 1/1+1",
    archive or "ok 1/1",
  }
end

local GROUPS = {}

--- @param title string
--- @param rows table[]
local function group(title, rows)
  GROUPS[#GROUPS + 1] = { title = title, rows = rows }
end

group("The connection ends", {
  { "closed before the response, nothing written", { close = "before" }, lost("network") },
  { "closed before the response, written", { close = "after" }, written("network") },
  {
    "reset before the response, nothing written",
    { close = "before", reset = true },
    lost("network"),
  },
  { "reset before the response, written", { close = "after", reset = true }, written("network") },
  {
    "closed before the response each time, nothing written",
    { close = "before" },
    lost_each("network", 4),
    always = true,
    http2 = lost_each("network", 3),
  },
  {
    "closed before the response each time, written",
    { close = "after" },
    written_each("network", 4),
    always = true,
    http2 = written_each("network", 3),
  },
  { "closed within the headers, nothing written", { raw = CUT }, lost("network") },
  { "closed within the headers, written", { raw = CUT, apply = true }, written("network") },
  {
    "reset within the headers, written",
    { raw = CUT, apply = true, reset = true },
    written("network"),
  },
  {
    "closed after an interim response, written",
    { raw = "HTTP/1.1 103 Early Hints\r\n\r\n", apply = true },
    written("network"),
  },
  { "closed within the body", { truncate = 20 }, written("network") },
  { "reset within the body", { truncate = 20, reset = true }, written("network") },
  {
    "closed within the body, after whole JSON",
    { append = "    ", truncate = -2 },
    written("network"),
  },
  { "closed within a chunked body", { chunked = true, truncate = 20 }, written("network") },
  {
    "closed before the last chunk, after whole JSON",
    { chunked = true, truncate = 1e6 },
    written("network"),
  },
  {
    "closed in order after the response to the call before",
    { head = OK .. LENGTH },
    FINE,
    before = true,
  },
  {
    "reset after the response to the call before",
    { head = OK .. LENGTH, reset = true },
    FINE,
    before = true,
  },
})

group("The response takes too long", {
  {
    "no response in time, nothing written",
    { close = "before", delay = { answer = LATE } },
    lost("timeout"),
    options = SOON,
  },
  {
    "no response in time, written",
    { delay = { answer = LATE } },
    written("timeout"),
    options = SOON,
  },
  {
    "no response in time, written after that",
    { delay = { write = LATE } },
    { "ok 2", "ok 2/2", "timeout? 1/1", "ok 2/1+1", "timeout? 1/1+1", "timeout? 1/1+1" },
    options = SOON,
    late = true,
  },
  { "half of the body in time", { delay = { body = LATE } }, written("timeout"), options = SOON },
  {
    "the body drips",
    { drip = { bytes = 10, every = TIMEOUT / 4 } },
    written("timeout", "ok 1/1"),
    options = SOON,
  },
  {
    "Content-Length too long, connection left open",
    { headers = { ["Content-Length"] = "100000" } },
    written("timeout", "ok 1/1"),
    options = SOON,
  },
})

group("The body is wrong", {
  { "Content-Length too short", { headers = { ["Content-Length"] = "40" } }, useless("decode") },
  { "another response after the body, at once", { surplus = OTHER }, FINE },
  {
    "another response after the body, later",
    { surplus = OTHER, delay = { surplus = 0.02 } },
    FINE,
    linger = 0.4,
  },
  { "JSON that breaks off, announced so", { cut = -1 }, useless("decode") },
  { "garbage after the JSON", { append = "garbage" }, useless("decode") },
  { "nothing", { cut = 0 }, useless("decode") },
  { "a login page with 200", { body = HTML }, useless("decode") },
  { "gzip", { gzip = true }, FINE },
  {
    "invalid gzip",
    { body = "no gzip", headers = { ["Content-Encoding"] = "gzip" } },
    useless("decode"),
  },
  { "gzip that ends too early", { gzip = true, cut = -20 }, useless("decode") },
  { "gzip without its checksum", { gzip = true, cut = -8 }, FINE },
  {
    "gzip with a wrong checksum",
    { gzip = true, cut = -8, append = ("\0"):rep(8) },
    useless("decode"),
  },
  { "gzip with garbage after it", { gzip = true, append = "garbage" }, useless("decode") },
  { "gzip bomb", { gzip = true, endless = "0" }, useless("too_large"), options = SMALL },
  { "body without end", { endless = "x" }, useless("too_large"), options = SMALL },
})

group("The headers are odd", {
  {
    "100 and 103 first",
    {
      head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
        .. "Content-Length: 3\r\n\r\n"
        .. OK
        .. LENGTH,
    },
    FINE,
  },
  { "a line without a colon", with("nonsense\r\n"), written("network") },
  { "an empty name", with(": x\r\n"), FINE },
  { "a folded line", with("X-A: 1\r\n  2\r\n"), FINE },
  { "control bytes in a value", with("X-A: \1\27[31m\127\r\n"), FINE },
  { "a NUL in a value", with("X-A: a\0b\r\n"), written("network") },
  { "Content-Length twice, the same", with("Content-Length: {length}\r\n"), FINE },
  {
    "Content-Length twice, the first too short",
    with("Content-Length: 2\r\n"),
    FINE,
    newer = written("network", "ok 1/1"),
  },
  {
    "Content-Length twice, the second too short",
    { head = OK .. "Content-Length: {length}\r\nContent-Length: 2\r\n\r\n" },
    useless("decode"),
    newer = written("network", "ok 1/1"),
  },
  {
    "a line of 200 KB",
    with("X-A: " .. ("a"):rep(200000) .. "\r\n"),
    useless("too_large", "ok 1/1+1"),
  },
  {
    "lines without end",
    { head = OK, body = "", endless = "X-A: b\r\n" },
    useless("too_large", "ok 1/1+1"),
  },
})

group("The response is unexpected", {
  { "307 to the same origin", { status = 307, headers = { Location = "?again=1" } }, AGAIN },
  {
    "302 to the same origin",
    { status = 302, headers = { Location = "?again=1" } },
    { "ok 2", "redirect 1/0", "redirect 1/0", "redirect 1/0", "redirect 1/0", "redirect 1/0" },
  },
  {
    "307 to the same origin, each time",
    { status = 307, headers = { Location = "?again=1" } },
    refused("redirect", 6),
    always = true,
  },
  { "307 without a Location", { status = 307 }, refused("redirect", 1) },
  {
    "307 to another port",
    { status = 307, headers = { Location = "http://127.0.0.1:1/" } },
    refused("redirect", 1),
  },
  {
    "307 to another host",
    { status = 307, headers = { Location = "https://evil.example/" } },
    refused("redirect", 1),
  },
  {
    "307 to a file",
    { status = 307, headers = { Location = "file:///etc/passwd" } },
    refused("redirect", 1),
  },
  { "429, Retry-After in seconds", { status = 429, headers = { ["Retry-After"] = "2" } }, AGAIN },
  {
    "429, Retry-After as a date",
    {
      status = 429,
      headers = {
        ["Retry-After"] = "Sun, 06 Nov 2094 08:49:39 GMT",
        Date = "Sun, 06 Nov 2094 08:49:37 GMT",
      },
    },
    AGAIN,
  },
  { "429 without Retry-After", { status = 429 }, AGAIN },
  {
    "429, Retry-After of a day",
    { status = 429, headers = { ["Retry-After"] = "86400" } },
    refused("rate_limited", 1),
  },
  {
    "429, Retry-After nonsense",
    { status = 429, headers = { ["Retry-After"] = "-1e999" } },
    AGAIN,
  },
  { "429 each time", { status = 429 }, refused("rate_limited", 3), always = true },
  { "401", { status = 401 }, refused("auth", 1) },
  { "403", { status = 403 }, refused("forbidden", 1) },
  { "400", { status = 400 }, refused("invalid", 1) },
  { "408, nothing written", { status = 408 }, lost("invalid") },
  { "500, nothing written", { status = 500 }, lost("server") },
  { "500, written", { status = 500, apply = true }, written("server") },
  { "502 with a page, written", { status = 502, body = HTML, apply = true }, written("server") },
  { "503, nothing written", { status = 503 }, lost("server") },
  { "503 each time, nothing written", { status = 503 }, lost_each("server", 3), always = true },
  { "504, written", { status = 504, apply = true }, written("server") },
  {
    "504 each time, written",
    { status = 504, apply = true },
    written_each("server", 3),
    always = true,
  },
})

reliability.GROUPS = GROUPS

--- The table of doc/reliability.md.
--- @return string Markdown
function reliability.markdown()
  local calls = table.concat(reliability.CALLS, " | ")
  local lines = {}
  for _, one in ipairs(GROUPS) do
    lines[#lines + 1] = ("| **%s** | %s |"):format(one.title, calls)
    if #lines == 1 then
      lines[2] = ("|---"):rep(#reliability.CALLS + 1) .. "|"
    end
    for _, row in ipairs(one.rows) do
      lines[#lines + 1] = ("| %s | %s |"):format(row[1], table.concat(row[3], " | "))
      if row.newer then
        lines[#lines + 1] = ("| the same, libcurl 8.23 | %s |"):format(
          table.concat(row.newer, " | ")
        )
      end
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

return reliability
