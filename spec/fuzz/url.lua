-- URLs: the origin that we take from a text is the one that libcurl would connect to, a reference
-- without a host stays at its origin, and what is escaped says the same and nothing else. An input
-- is a URL, a reference and a value with RS (\30) between them.

local core = require("posthog.llm.core")
local fuzz = require("fuzz")

fuzz.watch()

local query = require("posthog.llm.http.query")
local url = require("posthog.llm.http.url")

local BASE = "https://us.posthog.com/api/projects/1/datasets/?limit=2"

local function unescape(text)
  return (
    text:gsub("%%(%x%x)", function(digits)
      return string.char(tonumber(digits, 16))
    end)
  )
end

local function origin_of(parts)
  return ("%s://%s:%s"):format(parts.scheme, parts.host:lower(), parts.port)
end

--- Takes a text apart, and compares with libcurl where both accept it.
local function parse(text)
  local ours = url.parse(text)
  local theirs = ours and fuzz.curl_url(text)
  if theirs then
    local origin = assert(fuzz.curl_url(ours.origin), ours.origin)
    assert(origin_of(origin) == origin_of(theirs), ours.origin)
    assert((ours.userinfo ~= nil) == (theirs.user ~= nil), "user")
    assert(theirs.path == (ours.path ~= "" and ours.path or "/"), ours.path)
    assert((theirs.query or "") == (ours.query or ""), ours.query)
    if url.is_loopback(ours.host) then
      local host = theirs.host:lower()
      assert(host:find("^127%.") or host == "[::1]" or host:find("localhost$"), host)
    end
  end
  return ours, theirs
end

local function check_join(base, reference)
  local joined = url.join(base, reference)
  local target, theirs = parse(joined)
  local resolved = target and fuzz.curl_url(base, reference)
  if resolved and theirs then
    assert(origin_of(theirs) == origin_of(resolved), joined)
  end
  if not reference:find("^%a[%w+.-]*:") and not reference:find("^//") then
    assert(not target or target.origin == url.parse(base).origin, joined)
    assert(not (target and reference:find("^/") and (target.path .. "/"):find("/%.%.?/")), joined)
  end
end

local function check_escape(value)
  local escaped = core.escape(value)
  assert(not escaped:find("[^%w%-._~%%]"), escaped)
  assert(unescape(escaped) == value, escaped)
  assert(escaped == fuzz.curl_escape(value), escaped)
  local path = core.escape(value, true)
  assert(path:gsub("/", "%%2F") == escaped, path)
  local parts = assert(fuzz.curl_url("https://us.posthog.com/name/" .. escaped .. "/"))
  assert(parts.path == "/name/" .. escaped .. "/", parts.path)
end

local function check_query(name, value)
  if name == "personal_api_key" or name == "token" then
    return
  end
  local encoded = query.encode({ [name] = { value, name } }, 1)
  local parts = assert(fuzz.curl_url("https://us.posthog.com/?" .. encoded))
  assert(parts.query == encoded, parts.query)
  local first, second, third = encoded:match("^([^=&,]*)=([^=&,]*),([^=&,]*)$")
  assert(unescape(first) == name and unescape(second) == value and unescape(third) == name, encoded)
end

return function(data)
  local text, reference, value = data:match("^([^\30]*)\30?([^\30]*)\30?(.*)$")
  check_escape(data)
  check_query(reference, value)
  if data:find("%z") then
    return
  end -- libcurl's functions end there
  local parsed = parse(text)
  check_join(parsed and not parsed.userinfo and text or BASE, reference)
  check_join(BASE, reference)
  local bare = parse(url.without_userinfo(text))
  assert(not bare or not bare.userinfo, text)
end
