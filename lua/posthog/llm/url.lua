--- URLs: taking apart, joining, comparing (RFC 3986).

local url = {}

local DEFAULT_PORTS = { http = "80", https = "443" }

--- @class posthog.llm.Url
--- @field scheme string lower case
--- @field host string lower case; an IPv6 address with its brackets
--- @field port string
--- @field origin string scheme://host[:port], without a default port
--- @field path string beginning with "/", or ""
--- @field query? string what follows "?"
--- @field userinfo? boolean there was a user or password; it is not kept

--- @param text string an absolute http or https URL
--- @return posthog.llm.Url? url
--- @return string? problem
function url.parse(text)
  if text:find("[%c ]") then
    return nil, "holds a space or control character"
  end
  local scheme, authority, rest = text:match("^([%a][%w+.-]*)://([^/?#]*)(.*)$")
  scheme = scheme and scheme:lower()
  if not DEFAULT_PORTS[scheme] then
    return nil, "is not an http or https URL"
  end
  local userinfo = authority:find("@", 1, true) ~= nil
  authority = authority:match("([^@]*)$")
  local host, port = authority:match("^(%[[%x:.]+%]):?(%d*)$")
  if not host then
    host, port = authority:match("^([^:%[%]]+):?(%d*)$")
  end
  if not host then
    return nil, "has no host"
  end
  if port == "" then
    port = DEFAULT_PORTS[scheme]
  end
  host = host:lower()
  local origin = scheme .. "://" .. host
  if port ~= DEFAULT_PORTS[scheme] then
    origin = origin .. ":" .. port
  end
  rest = rest:gsub("#.*", "")
  return {
    scheme = scheme,
    host = host,
    port = port,
    origin = origin,
    path = rest:match("^[^?]*"),
    query = rest:match("%?(.*)$"),
    userinfo = userinfo or nil,
  }
end

--- @param host string as in posthog.llm.Url
--- @return boolean
function url.is_loopback(host)
  return host == "localhost"
    or host:find("%.localhost$") ~= nil
    or host:find("^127%.%d+%.%d+%.%d+$") ~= nil
    or host == "[::1]"
end

local function remove_dots(path)
  local kept = {}
  for segment in path:gmatch("/([^/]*)") do
    if segment == ".." then
      kept[#kept] = nil
    elseif segment ~= "." then
      kept[#kept + 1] = segment
    end
  end
  local last = path:match("/([^/]*)$")
  local joined = "/" .. table.concat(kept, "/")
  if (last == "." or last == "..") and joined:sub(-1) ~= "/" then
    joined = joined .. "/"
  end
  return joined
end

--- Resolves a reference, such as a Location header, against an absolute URL.
--- @param base string
--- @param reference string
--- @return string absolute
function url.join(base, reference)
  reference = reference:gsub("#.*", "")
  if reference:find("^%a[%w+.-]*:") then
    return reference
  end
  local scheme, authority, path, query = base:match("^([^:]+)://([^/?#]*)([^?#]*)(%??[^#]*)")
  if reference:sub(1, 2) == "//" then
    return scheme .. ":" .. reference
  end
  local root = scheme .. "://" .. authority
  if reference == "" then
    return root .. path .. query
  elseif reference:sub(1, 1) == "?" then
    return root .. path .. reference
  end
  local ref_path, ref_query = reference:match("^([^?]*)(.*)$")
  if ref_path:sub(1, 1) ~= "/" then
    local folder = path:match("^(.*/)") or "/"
    ref_path = folder .. ref_path
  end
  return root .. remove_dots(ref_path) .. ref_query
end

return url
