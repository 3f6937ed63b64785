--- The settings of a client, from its options, the environment and the defaults.
---
--- A mistake that a user can make outside the program (no key, a key of the wrong kind, an invalid
--- host) becomes the error of the first call that needs the value.

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

settings.DEFAULTS = {
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

--- A value in quotes for a message, unless it looks like a key in the wrong variable.
local function quoted(value)
  return value:find("ph[xacs]_") and "(it looks like a key)" or ("%q"):format(value)
end

local function invalid(option, message, ...)
  return errors.new({ kind = "invalid", option = option, message = message:format(...) })
end

--- Names the variable that an invalid value comes from, if it is set.
local function name_source(err, variable)
  if env(variable) then
    err.source = variable
    err.message = ("%s: %s"):format(variable, err.message)
  end
  return err
end

--- The host of the cloud that has the API, for one of its hosts that accept events.
--- @param name string lower case
--- @return string? url
local function beside_events(name)
  local region = name:match("^(%a%a)%.i%.posthog%.com$")
  return region and ("https://%s.posthog.com"):format(region)
end

--- Checks a host that is a URL.
--- @return string? message what is wrong with it
local function host_reason(parsed, allow_http)
  local name = parsed.host
  local own = beside_events(name)
  if own then
    return ("%s accepts only events; for this API use %s"):format(name, own)
  end
  local prefix = parsed.path:match("^(.-)/project/%d")
  if prefix then -- of a browser's address bar
    return ("the host is the address of a page: use %s%s"):format(parsed.origin, prefix)
  elseif parsed.scheme == "http" and not allow_http and not url.is_loopback(name) then
    return ("plain http to %s would expose the key to the network; use https%s"):format(
      name,
      option_names.also(", or %s", "allow_insecure_http")
    )
  end
end

--- An example URL for a message: the one that a host without a scheme probably means.
local function likely_url(text)
  local name = text:match("^([%w.-]+):?%d*/?[%w/.-]*$")
  if name == nil or quoted(text) ~= ("%q"):format(text) then
    return HOSTS.us
  end
  local own = beside_events(text:lower():match("^[^/:]*"))
  if own then
    return own
  end
  local scheme = url.is_loopback(name:lower()) and "http://"
    or name:find(".", 1, true) and "https://"
  return scheme and url.parse(scheme .. text) and scheme .. text or HOSTS.us
end

--- @param text string "us", "eu" or a URL
--- @param allow_http? boolean plain http to another machine
--- @return table? target { base, origin, scheme }
--- @return posthog.llm.Error? err its `host`: the part that may be shown
function settings.resolve_host(text, allow_http)
  local parsed, reason = url.parse(HOSTS[text:lower()] or text)
  local err
  if text:find("@", 1, true) then
    local key_option = option_names.of("personal_api_key")
    err = invalid("host", "the host contains a user or password; the key goes into %s", key_option)
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

--- Checks the form of a key. The reason shows nothing of the key.
--- @return string? reason why it cannot be a key
local function key_reason(key)
  if key:lower():find("^bearer") then
    return 'begins with "Bearer": give the key alone'
  elseif key:find("^[%u_]+=.") then
    return "begins with the name of a variable: give only what follows the ="
  elseif key:find("[\r\n]") then
    return "contains a line break: give it without the end of the line"
  elseif key:find("^[\"'`]") or key:find("[\"'`]$") then
    return "has quotes around it: give it without them"
  elseif key:find("[%c ]") then
    return "contains a space or a control character"
  elseif key:find("[\128-\255]") then
    return "contains a character that is not ASCII: was it copied from formatted text?"
  end
end

local MADE_AT = "Create a personal API key at %s/settings/user-api-keys"

--- @param key? string
--- @param base? string base URL of the server; default: the US cloud's
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

--- Returns a function that returns the key of the next request. The key is stored only in its
--- upvalues, which cannot be reached through the client's fields.
--- @param base? string base URL of the server
local function key_source(option, base)
  if option == nil or type(option) == "string" then
    local key, err = settings.check_key(option or env("POSTHOG_PERSONAL_API_KEY"), base)
    if err and option == nil then
      name_source(err, "POSTHOG_PERSONAL_API_KEY")
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
--- @param base? string base URL of the server; default: the US cloud's
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

--- Checks a proxy. The message of libcurl would show the proxy's password.
--- @return string? reason what is wrong with it
local function proxy_reason(proxy)
  local word, rest = proxy:match("^([^:/@]*)://(.*)$")
  if word and not PROXIES[word:lower()] then
    return "the proxy's scheme is not http, https, socks4 or socks5"
  end
  local authority, path = (rest or proxy):match("^([^/?#]*)(.*)$")
  local address = authority:match("([^@]*)$")
  if path:find("@", 1, true) then
    return "the proxy's user or password contains a character that has to be percent-encoded"
  elseif not url.parse("http://" .. address) then
    return "the proxy is not a URL: give one such as http://proxy.example:3128"
  end
end

local PROXY_VARIABLES = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }

--- For https the proxy of the environment is used, as by curl and others; for http never, since a
--- CGI program's HTTP_PROXY can be set by its client ("httpoxy"), and http is meant for this
--- machine.
--- @param options { proxy?: string }
--- @param scheme "http"|"https"
--- @return string proxy "": no proxy
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
    return "", nil, name and name_source(err, name) or err
  end
  return proxy or "", no_proxy
end

--- @return posthog.llm.RateLimit? rate_limit nil: no rate limit
local function resolve_rate_limit(option, origin)
  if option == nil then
    option = origin == HOSTS.us or origin == HOSTS.eu
  end
  return option and rate_limit.new(option, origin) or nil
end

--- The settings of the core's transfers, which are the same for all calls of a client.
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

--- @class posthog.llm.Target the server of the requests
--- @field base string URL to which paths are appended
--- @field origin string its scheme, host and port
--- @field scheme "http"|"https"

--- Every option with its default (posthog.llm.Options documents those that are not changed here),
--- and for each value that can be invalid either the value or its error.
--- @class posthog.llm.Settings: posthog.llm.Options
--- @field personal_api_key nil the key is stored only in an upvalue of `key`
--- @field key fun(): string?, posthog.llm.Error? returns the key of the next request
--- @field has_fixed_key boolean whether the key is the same for all requests
--- @field project? string
--- @field project_error? posthog.llm.Error the error of every call that needs a project
--- @field target? posthog.llm.Target
--- @field target_error? posthog.llm.Error the error of every call
--- @field rate_limit? posthog.llm.RateLimit nil: no rate limit
--- @field transfer? table the settings of the core's transfers; the first call adds ca_file
--- @field needs_ca_bundle? boolean whether the CA bundle has yet to be found
--- @field decoder userdata for responses
--- @field error_decoder userdata for error bodies, in which nulls of quoted free JSON are kept
--- @field is_free? table<string, boolean> fields in which null is kept; nil: in all fields

--- Computes the settings of a client.
--- @param options table from options.check
--- @return posthog.llm.Settings
function settings.resolve(options)
  local resolved = {}
  for name, value in pairs(settings.DEFAULTS) do
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
  resolved.has_fixed_key = type(options.personal_api_key or "") == "string"
  resolved.project, resolved.project_error =
    settings.resolve_project(options.project_id or env("POSTHOG_PROJECT_ID"), base)
  if host_error and not options.host then
    name_source(host_error, "POSTHOG_HOST")
  end
  if resolved.project_error and not options.project_id then
    name_source(resolved.project_error, "POSTHOG_PROJECT_ID")
  end
  if resolved.target then
    resolved.rate_limit = resolve_rate_limit(options.pace, resolved.target.origin)
    resolved.transfer, resolved.target_error = transfer_settings(resolved, options)
    resolved.needs_ca_bundle = resolved.target.scheme == "https" -- found by the first call
  end
  return resolved
end

return settings
