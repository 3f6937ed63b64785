--- What a client works with: its options, the environment, and the defaults.
---
--- What a user can get wrong outside the program (no key, a key of the wrong
--- kind, an invalid host) is the error of the first call that needs it.

local body = require("posthog.llm.http.body")
local check = require("posthog.llm.util.check")
local errors = require("posthog.llm.util.errors")
local item_fields = require("posthog.llm.api.item_fields")
local option_names = require("posthog.llm.util.option_names")
local rate_limit = require("posthog.llm.http.rate_limit")
local url = require("posthog.llm.http.url")

local settings = {}

settings.DEFAULT_HOST = "https://us.posthog.com"

local FREE_JSON = item_fields.FREE_JSON
local IS_FREE = item_fields.IS_FREE_JSON

local HOSTS = {
  us = settings.DEFAULT_HOST,
  eu = "https://eu.posthog.com",
}

local DEFAULTS = {
  timeout = 30,
  connect_timeout = 5,
  deadline = 120,
  max_retries = 2,
  max_connections = 8,
  max_response_bytes = 64 * 1024 * 1024,
  max_header_bytes = 256 * 1024,
  max_redirects = 5,
  max_excerpt_bytes = 2048,
  max_json_depth = 512,
  max_decode_seconds = 10,
}

local function env(name)
  local value = os.getenv(name)
  if value ~= "" then
    return value
  end
end

--- A value to show, unless it looks like a key that got into the wrong place.
local function quoted(value)
  return value:find("ph[xacs]_") and "(it looks like a key)" or ("%q"):format(value)
end

local function invalid(option, message, ...)
  return errors.new({ kind = "invalid", option = option, message = message:format(...) })
end

--- Names the variable that a value is from; where there is none, the message says so.
local function from(err, variable)
  if env(variable) then
    err.source = variable
    err.message = ("%s: %s"):format(variable, err.message)
  end
  return err
end

--- What is wrong with a host that is a URL.
--- @return string? message
local function host_reason(parsed, allow_http)
  local name = parsed.host
  local region = name:match("^(%a%a)%.i%.posthog%.com$")
  if region then
    return ("%s takes events only; for this API use https://%s.posthog.com"):format(name, region)
  end
  local prefix = parsed.path:match("^(.-)/project/%d")
  if prefix then -- of a browser's address bar
    return ("the host is the address of a page: use %s%s"):format(parsed.origin, prefix)
  elseif parsed.scheme == "http" and not allow_http and not url.is_loopback(name) then
    return ("plain http to %s would show the key to the network; use https%s"):format(
      name,
      option_names.also(", or %s", "allow_insecure_http")
    )
  end
end

--- The URL that a name without a scheme is short for, as an example.
local function likely_url(text)
  local name = text:match("^([%w.-]+):?%d*/?[%w/.-]*$")
  if name == nil or quoted(text) ~= ("%q"):format(text) then
    return HOSTS.us
  end
  local scheme = url.is_loopback(name:lower()) and "http://"
    or name:find(".", 1, true) and "https://"
  return scheme and url.parse(scheme .. text) and scheme .. text or HOSTS.us
end

--- @param text string "us", "eu" or a URL
--- @param allow_http? boolean plain http to another machine
--- @return table? target { base, origin, scheme }
--- @return posthog.llm.Error? err with `host`: what can be shown of it
function settings.resolve_host(text, allow_http)
  local parsed, reason = url.parse(HOSTS[text:lower()] or text)
  local err
  if text:find("@", 1, true) then
    local place = option_names.of("personal_api_key")
    err = invalid("host", "the host holds a user or password; the key goes into %s", place)
    err.host = parsed and parsed.origin
  elseif not parsed or parsed.query then
    local words = "the host %s %s; use us, eu or a URL such as %s"
    err = invalid("host", words, quoted(text), reason or "has a query", likely_url(text))
    err.host = quoted(text):match('^"(.*)"$')
  else
    reason = host_reason(parsed, allow_http)
    err = reason and invalid("host", "%s", reason)
  end
  if err then
    err.host = err.host or parsed and parsed.origin
    return nil, err
  end
  return {
    origin = parsed.origin,
    scheme = parsed.scheme,
    base = parsed.origin .. parsed.path:gsub("/+$", ""),
  }
end

local WRONG_KEYS = {
  phc_ = "a project key (phc_...), which only captures events",
  phs_ = "a project secret key (phs_...)",
}

local function auth(hint, message, ...)
  return errors.new({
    kind = "auth",
    option = "personal_api_key",
    message = message:format(...),
    hint = hint,
  })
end

--- What makes a key unusable; nothing of the key is shown.
--- @return string? reason
local function key_reason(key)
  if key:lower():find("^bearer") then
    return 'begins with "Bearer": give the key alone'
  elseif key:find("^[%u_]+=.") then
    return "begins with the name of a variable: give only what follows the ="
  elseif key:find("[\r\n]") then
    return "holds a line break: give it without the end of its line"
  elseif key:find("^[\"'`]") or key:find("[\"'`]$") then
    return "has quotes around it: give it without them"
  elseif key:find("[%c ]") then
    return "holds a space or a control character"
  elseif key:find("[\128-\255]") then
    return "holds a character that is not ASCII: was it copied from a formatted text?"
  end
end

local MADE_AT = "A personal API key is made at %s/settings/user-api-keys"

--- @param key? string
--- @param base? string of the server's URLs; the cloud's
--- @return string? key
--- @return posthog.llm.Error?
function settings.check_key(key, base)
  local hint = MADE_AT:format(base or HOSTS.us)
  if key == nil or key == "" then
    local give = option_names.give("personal_api_key")
    return nil, auth(hint, "no key: set POSTHOG_PERSONAL_API_KEY or %s", give)
  end
  local wrong = WRONG_KEYS[key:sub(1, 4)]
  if wrong then
    local words = "the key is %s; this API needs a personal API key (phx_...)"
    return nil, auth(hint, words, wrong)
  end
  local reason = key_reason(key)
  if reason then
    return nil, auth(nil, "the key %s", reason)
  end
  return key
end

--- Returns a function that gives the key of the next request. The key lives in
--- its upvalues, where no walk over a client's fields finds it.
--- @param base? string of the server's URLs
local function key_source(option, base)
  if option == nil or type(option) == "string" then
    local key, err = settings.check_key(option or env("POSTHOG_PERSONAL_API_KEY"), base)
    if err and option == nil then
      from(err, "POSTHOG_PERSONAL_API_KEY")
    end
    return function()
      return key, err and errors.copy(err)
    end
  end
  return function()
    local key, why = option()
    if type(key) ~= "string" or key == "" then
      local got = key == "" and "an empty string" or check.type_name(key)
      local reason = why ~= nil and ": " .. tostring(why) or ""
      return nil, auth(nil, "no key: the function personal_api_key returned %s%s", got, reason)
    end
    return settings.check_key(key, base)
  end
end

local PROJECT_AT = "Its number is in the address of the project's pages: %s/project/NUMBER"

--- @param id? string
--- @param base? string of the server's URLs; the cloud's
--- @return string? id
--- @return posthog.llm.Error?
function settings.resolve_project(id, base)
  local err
  if id == nil then
    local give = option_names.give("project_id")
    err = invalid("project_id", "no project: set POSTHOG_PROJECT_ID or %s", give)
  elseif not (id:find("^%d+$") or id == "@current") then
    err = invalid("project_id", 'the project id %s is not a number or "@current"', quoted(id))
  end
  if err then
    err.hint = PROJECT_AT:format(base or HOSTS.us)
    return nil, err
  end
  return id
end

local PROXIES = {
  http = true,
  https = true,
  socks4 = true,
  socks4a = true,
  socks5 = true,
  socks5h = true,
}

--- What is wrong with a proxy. libcurl would say it with the proxy's password.
--- @return string? reason
local function proxy_reason(proxy)
  local word, rest = proxy:match("^([^:/@]*)://(.*)$")
  if word and not PROXIES[word:lower()] then
    return "the proxy's scheme is not http, https, socks4 or socks5"
  end
  local authority, path = (rest or proxy):match("^([^/?#]*)(.*)$")
  local address = authority:match("([^@]*)$")
  if path:find("@", 1, true) then
    return "the proxy's user or password holds a character that has to be percent-encoded"
  elseif not url.parse("http://" .. address) then
    return "the proxy is not a URL: give one such as http://proxy.example:3128"
  end
end

local PROXY_VARIABLES = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }

--- https goes by the proxy of the environment, as curl and others do; http
--- never does, since it only reaches this machine (CGI's "httpoxy").
--- @param options { proxy?: string }
--- @param scheme "http"|"https"
--- @return string proxy "": none
--- @return string? no_proxy
--- @return posthog.llm.Error?
function settings.resolve_proxy(options, scheme)
  local proxy, no_proxy, name = options.proxy, nil, nil
  if not proxy and scheme == "https" then
    for _, variable in ipairs(PROXY_VARIABLES) do
      if not proxy and env(variable) then
        proxy, name = env(variable), variable
      end
    end
    no_proxy = env("no_proxy") or env("NO_PROXY")
  end
  local reason = proxy and proxy ~= "" and proxy_reason(proxy)
  if reason then
    local err = invalid("proxy", "%s", reason)
    return "", nil, name and from(err, name) or err
  end
  return proxy or "", no_proxy
end

--- @return posthog.llm.RateLimit? rate_limit nil: none is set
local function resolve_rate_limit(option, origin)
  if option == nil then
    option = origin == HOSTS.us or origin == HOSTS.eu
  end
  return option and rate_limit.new(option, origin) or nil
end

--- What the core is given for every transfer; it stays the same from call to call.
local function transfer_settings(resolved, options)
  local scheme = resolved.target.scheme
  local proxy, no_proxy, err = settings.resolve_proxy(options, scheme)
  if err then
    return nil, err
  end
  return {
    connect_timeout = resolved.connect_timeout,
    max_response_bytes = resolved.max_response_bytes,
    max_header_bytes = resolved.max_header_bytes,
    max_connections = resolved.max_connections,
    proxy = proxy,
    no_proxy = no_proxy,
  }
end

--- @class posthog.llm.Target where requests go
--- @field base string the URL that paths are below
--- @field origin string scheme, host and port of it
--- @field scheme "http"|"https"

--- Every option with its default (posthog.llm.Options has those that stay as they
--- are given), and either a value or the error for each thing that may be amiss.
--- @class posthog.llm.Settings: posthog.llm.Options
--- @field personal_api_key nil the key is only in the upvalue of `key`
--- @field key fun(): string?, posthog.llm.Error? of the next request
--- @field project? string
--- @field project_error? posthog.llm.Error of calls below a project
--- @field target? posthog.llm.Target
--- @field target_error? posthog.llm.Error of every call
--- @field rate_limit? posthog.llm.RateLimit nil: none is set
--- @field transfer? table what the core is given for every transfer; ca_file is found by the first call
--- @field needs_ca_bundle? boolean the CA bundle is still to be found
--- @field decoder userdata of responses
--- @field error_decoder userdata of error bodies, which keep what free JSON they quote
--- @field is_free? table<string, boolean> fields in which null stays; nil: it stays in all

--- What a client works with.
--- @param options table from options.check
--- @return posthog.llm.Settings
function settings.resolve(options)
  local resolved = {}
  for name, value in pairs(DEFAULTS) do
    resolved[name] = value
  end
  for name, value in pairs(options) do
    resolved[name] = value
  end
  resolved.personal_api_key = nil
  if not resolved.keep_null then
    resolved.is_free = IS_FREE
  end
  resolved.decoder = body.decoder(not resolved.keep_null and FREE_JSON or nil, resolved)
  resolved.error_decoder = body.decoder(FREE_JSON, resolved)
  local host = options.host or env("POSTHOG_HOST")
  local target, host_error = settings.resolve_host(host or "us", options.allow_insecure_http)
  local base = target and target.base
  resolved.target, resolved.target_error = target, host_error
  resolved.origin = target and target.origin or host_error.host
  resolved.key = key_source(options.personal_api_key, base)
  resolved.project, resolved.project_error =
    settings.resolve_project(options.project_id or env("POSTHOG_PROJECT_ID"), base)
  if host_error and not options.host then
    from(host_error, "POSTHOG_HOST")
  end
  if resolved.project_error and not options.project_id then
    from(resolved.project_error, "POSTHOG_PROJECT_ID")
  end
  if resolved.target then
    resolved.rate_limit = resolve_rate_limit(options.pace, resolved.target.origin)
    resolved.transfer, resolved.target_error = transfer_settings(resolved, options)
    resolved.needs_ca_bundle = resolved.target.scheme == "https" -- found by the first call
  end
  return resolved
end

return settings
