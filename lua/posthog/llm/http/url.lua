--- Parses and joins URLs (RFC 3986). The host is parsed by libcurl, since libcurl connects to it.

local core = require("posthog.llm.util.core")

local url = {
  --- Percent-encodes all but letters, digits and -._~ (RFC 3986 2.3).
  --- @type fun(text: string): string
  escape = core.escape,
}

local DEFAULT_PORTS = { http = "80", https = "443" }

local PROBLEMS = {
  ["no host"] = "has no host",
  ["bad host"] = "has an invalid host: use ASCII letters, digits, dots and hyphens, or an address",
  ["bad port"] = "has an invalid port: a number from 1 to 65535",
}

--- @class posthog.llm.Url
--- @field scheme string lower case
--- @field host string lower case; an IPv6 address with its brackets
--- @field port string
--- @field origin string scheme://host[:port], without a default port
--- @field path string beginning with "/", or ""
--- @field query? string what follows "?"
--- @field userinfo? boolean whether there was a user or password, which is not stored

--- @param text string an absolute http or https URL
--- @return posthog.llm.Url? url
--- @return string? reason
function url.parse(text)
  if text:find("[%c ]") then
    return nil, "contains a space or control character"
  end
  local scheme, authority, rest = text:match("^([%a][%w+.-]*)://([^/?#]*)(.*)$")
  scheme = scheme and scheme:lower()
  if not DEFAULT_PORTS[scheme] then
    return nil, "is not an http or https URL"
  end
  local whole = authority
  authority = authority:match("([^@]*)$")
  local userinfo = authority ~= whole
  local host, port
  if authority ~= "" then -- libcurl would take the first path segment for an empty host
    host, port = core.url_address(scheme .. "://" .. authority)
  end
  local other = userinfo and core.url_address(scheme .. "://" .. whole)
  if other and other ~= host then -- parsers disagree where the user ends: "user@[::%x:y@[::1]"
    return nil, PROBLEMS["bad host"]
  end
  if not host then
    return nil, PROBLEMS[port] or PROBLEMS["no host"]
  elseif host:find("[^%w%-._:%[%]]") then
    return nil, PROBLEMS["bad host"]
  elseif port == "0" then
    return nil, PROBLEMS["bad port"]
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
  if host == "localhost" or host:find("%.localhost$") or host == "[::1]" then
    return true
  end
  local b, c, d = host:match("^127%.(%d+)%.(%d+)%.(%d+)$")
  return b ~= nil and tonumber(b) < 256 and tonumber(c) < 256 and tonumber(d) < 256
end

--- The URL without its user and password, for messages.
--- @param text string
--- @return string
function url.without_userinfo(text)
  return (text:gsub("^(%a[%w+.-]*://)[^/?#]*@", "%1"))
end

local function remove_dots(path)
  local segments = {}
  for segment in path:gmatch("/([^/]*)") do
    if segment == ".." then
      segments[#segments] = nil
    elseif segment ~= "." then
      segments[#segments + 1] = segment
    end
  end
  local last = path:match("/([^/]*)$")
  local joined = "/" .. table.concat(segments, "/")
  if (last == "." or last == "..") and joined:sub(-1) ~= "/" then
    joined = joined .. "/"
  end
  return joined
end

--- Resolves a reference, such as a Location header, against an absolute URL.
--- @param base string
--- @param reference string
--- @return string absolute without a fragment
function url.join(base, reference)
  reference = reference:gsub("#.*", "")
  local scheme, authority, path, query = base:match("^([^:]+)://([^/?#]*)([^?#]*)(%??[^#]*)")
  local own_scheme, rest = reference:match("^(%a[%w+.-]*):(.*)$")
  if own_scheme then
    scheme, reference = own_scheme, rest
    if reference:sub(1, 2) ~= "//" then -- such as "mailto:x": nothing to resolve
      return scheme .. ":" .. reference
    end
  end
  if reference:sub(1, 2) == "//" then
    authority, path, query = reference:match("^//([^/?]*)([^?]*)(.*)$")
    return scheme .. "://" .. authority .. (path ~= "" and remove_dots(path) or "") .. query
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
