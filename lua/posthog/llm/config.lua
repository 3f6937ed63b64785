--- Options of llm.new and the environment, validated in one place.
---
--- Misuse (a wrong type, an unknown option) raises where llm.new was called.
--- What a user can get wrong outside the program (no key, a key of the wrong
--- kind, a host that is none) is the error of the first call that needs it.

local body = require("posthog.llm.body")
local check = require("posthog.llm.check")
local errors = require("posthog.llm.errors")
local pace = require("posthog.llm.pace")
local url = require("posthog.llm.url")

local config = {}

--- @class posthog.llm.Options
--- @field personal_api_key? string|fun():string default: POSTHOG_PERSONAL_API_KEY; a function is called for each request
--- @field project_id? integer|string digits or "@current"; default: POSTHOG_PROJECT_ID
--- @field host? string "us", "eu" or a URL; default: POSTHOG_HOST, else https://us.posthog.com
--- @field scope_prefix? "environments"|"projects" the path word for skills; default: found out
--- @field profile? posthog.llm.Generation which generation of the API the host speaks; default: found out
--- @field timeout? number seconds for one attempt; 30
--- @field connect_timeout? number seconds; 5
--- @field deadline? number seconds for the whole call, waits included; 120
--- @field max_retries? integer 2
--- @field max_connections? integer to a host, over HTTP/1.1; 8
--- @field max_response_bytes? integer after decompression; 64 MiB
--- @field max_header_bytes? integer of an answer; 256 KiB
--- @field max_redirects? integer followed in an attempt; 5
--- @field max_excerpt_bytes? integer of a server's words in an error; 2048
--- @field max_json_depth? integer levels of an answer, up to 4000; 512
--- @field max_decode_seconds? number for the JSON of one answer; 10
--- @field ca_file? string PEM bundle; default: SSL_CERT_FILE, else the system's
--- @field proxy? string URL; default: for https the environment's https_proxy, all_proxy, no_proxy
--- @field user_agent_suffix? string
--- @field allow_insecure_http? boolean plain http to a host that is not loopback
--- @field keep_null? boolean null in fields of the API arrives as llm.null
--- @field pace? boolean|posthog.llm.PaceOptions waits rather than go over a limit; default: true for us and eu.posthog.com, false for every other host
--- @field json? { decode: fun(text: string): any, encode: fun(value: any): string } a codec in place of the core's
--- @field on_request? fun(request: { method: string, url: string, headers: table, attempt: integer })
--- @field on_response? fun(response: { status: integer, headers: table, url: string, attempt: integer })
--- @field on_retry? fun(retry: { error: posthog.llm.Error, delay: number, attempt: integer })

--- Limits in place of the cloud's, which are 480 a minute and 4800 an hour, and
--- for spend 10 a minute, 60 an hour, 200 a day.
--- @class posthog.llm.PaceOptions
--- @field per_minute? integer of all requests but those for spend
--- @field per_hour? integer
--- @field spend? { per_minute?: integer, per_hour?: integer, per_day?: integer }
--- @field dict? string in nginx: the lua_shared_dict by which all workers share the count

local HOSTS = {
  us = "https://us.posthog.com",
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

local function seconds(value, what, level)
  check.type(value, "number", what, level + 1)
  if not (value > 0 and value < 1e6) then
    local got = tostring(value)
    check.fail(level + 1, "%s: a positive number of seconds expected, got %s", what, got)
  end
  return value
end

local function of_type(expected)
  return function(value, what, level)
    check.type(value, expected, what, level + 1)
    return value
  end
end

local function count(least, most)
  return function(value, what, level)
    return (check.integer(value, what, level + 1, least, most)) -- a tail call would shift the level
  end
end

local function hook(value, what, level)
  if not check.callable(value) then
    check.fail(level + 1, "%s: function expected, got %s", what, check.type_name(value))
  end
  return value
end

local function one_line(value, what, level)
  check.type(value, "string", what, level + 1)
  if value:find("[%c]") then
    check.fail(level + 1, "%s holds a control character", what)
  end
  return value
end

local function api_key(value, what, level)
  if type(value) ~= "string" and not check.callable(value) then
    check.fail(level + 1, "%s: string or function expected, got %s", what, check.type_name(value))
  end
  return value
end

local function project(value, what, level)
  if type(value) == "number" then
    return ("%d"):format(check.integer(value, what, level + 1, 0))
  end
  check.type(value, "string", what, level + 1)
  return value
end

local function host(value, what, level)
  check.type(value, "string", what, level + 1)
  local parsed = url.parse(value)
  if parsed and parsed.userinfo or value:find("@", 1, true) then
    check.fail(level + 1, "%s holds a user or password; the key goes into personal_api_key", what)
  end
  return value
end

local function prefix(value, what, level)
  if value ~= "environments" and value ~= "projects" then
    check.fail(level + 1, '%s: "environments" or "projects" expected', what)
  end
  return value
end

local function generation(value, what, level)
  if value ~= "reference" and value ~= "current" then
    check.fail(level + 1, '%s: "reference" or "current" expected', what)
  end
  return value
end

local function codec(value, what, level)
  check.type(value, "table", what, level + 1)
  if not (check.callable(value.decode) and check.callable(value.encode)) then
    check.fail(level + 1, "%s: a codec with decode and encode expected", what)
  end
  return value
end

local function check_fields(value, checks, what, level)
  check.known(value, checks, what, level + 1)
  local checked = {}
  for name, field in pairs(value) do
    checked[name] = checks[name](field, what .. "." .. name, level + 1)
  end
  return checked
end

local function spend_pace(value, what, level)
  check.type(value, "table", what, level + 1)
  local limits = { per_minute = count(1), per_hour = count(1), per_day = count(1) }
  local checked = check_fields(value, limits, what, level + 1)
  if next(checked) == nil then
    check.fail(level + 1, "%s: per_minute, per_hour or per_day expected", what)
  end
  return checked
end

local PACE =
  { per_minute = count(1), per_hour = count(1), spend = spend_pace, dict = one_line }

local function pace_rules(value, what, level)
  if type(value) == "boolean" then
    return value
  elseif type(value) ~= "table" then
    local got = check.type_name(value)
    check.fail(level + 1, "%s: true, false or a table of limits expected, got %s", what, got)
  end
  local checked = check_fields(value, PACE, what, level + 1)
  if next(checked) == nil then
    check.fail(level + 1, "%s: per_minute, per_hour, spend or dict expected", what)
  end
  return checked
end

--- Levels of JSON: masking goes down into them, and LuaJIT's stack ends there.
local DEEPEST = 4000

local OPTIONS = {
  personal_api_key = api_key,
  project_id = project,
  host = host,
  scope_prefix = prefix,
  profile = generation,
  timeout = seconds,
  connect_timeout = seconds,
  deadline = seconds,
  max_retries = count(0),
  max_connections = count(1),
  max_response_bytes = count(1),
  max_header_bytes = count(1),
  max_redirects = count(0),
  max_excerpt_bytes = count(0),
  max_json_depth = count(1, DEEPEST),
  max_decode_seconds = seconds,
  ca_file = one_line,
  proxy = one_line,
  user_agent_suffix = one_line,
  allow_insecure_http = of_type("boolean"),
  keep_null = of_type("boolean"),
  pace = pace_rules,
  json = codec,
  on_request = hook,
  on_response = hook,
  on_retry = hook,
}

--- Call options that each method takes: the same rules, for one call.
config.CALL_OPTIONS = {
  timeout = seconds,
  deadline = seconds,
  max_retries = count(0),
  headers = of_type("table"),
}

--- @param options? table as the caller gave them
--- @param level integer as for error()
--- @return table options a copy, checked
function config.check(options, level)
  if options == nil then
    return {}
  end
  check.type(options, "table", "options", level + 1)
  check.known(options, OPTIONS, "options", level + 1)
  local checked = {}
  for name, value in pairs(options) do
    checked[name] = OPTIONS[name](value, name, level + 1)
  end
  return checked
end

local function env(name)
  local value = os.getenv(name)
  if value ~= "" then
    return value
  end
end

--- A value to show, unless it looks like a key that got into the wrong place.
local function shown(value)
  return value:find("ph[xacs]_") and "(it looks like a key)" or ("%q"):format(value)
end

local function invalid(message, ...)
  return errors.new({ kind = "invalid", message = message:format(...) })
end

--- @return table? target { base, origin, scheme }
--- @return posthog.llm.Error?
local function resolve_host(text, allow_http)
  local name = shown(HOSTS[text] or text)
  local parsed, problem = url.parse(HOSTS[text] or text)
  if text:find("@", 1, true) then
    return nil, invalid("the host holds a user or password; the key goes into personal_api_key")
  elseif not parsed then
    return nil, invalid("the host %s %s; use us, eu or a URL such as %s", name, problem, HOSTS.us)
  elseif parsed.query then
    return nil, invalid("the host %s has a query", name)
  elseif parsed.host:find("^%a%a%.i%.posthog%.com$") then
    return nil,
      invalid(
        "%s takes events only; for this API use https://%s.posthog.com",
        parsed.host,
        parsed.host:sub(1, 2)
      )
  elseif parsed.scheme == "http" and not allow_http and not url.is_loopback(parsed.host) then
    return nil,
      invalid(
        "plain http to %s would show the key to the network; use https, or allow_insecure_http",
        parsed.host
      )
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

local function auth(message)
  return errors.new({ kind = "auth", message = message })
end

--- @return string? key
--- @return posthog.llm.Error?
local function check_key(key)
  if key == nil or key == "" then
    return nil, auth("no key: set POSTHOG_PERSONAL_API_KEY or pass personal_api_key")
  end
  local wrong = WRONG_KEYS[key:sub(1, 4)]
  if wrong then
    return nil, auth(("the key is %s; this API needs a personal API key (phx_...)"):format(wrong))
  elseif key:find("[%c ]") then
    return nil, auth("the key holds a line break, a space or a control character")
  end
  return key
end

--- Returns a function that gives the key of the next request. The key lives in
--- its upvalues, where no walk over a client's fields finds it.
local function key_source(option)
  if option == nil or type(option) == "string" then
    local key, err = check_key(option or env("POSTHOG_PERSONAL_API_KEY"))
    return function()
      return key, err and errors.copy(err)
    end
  end
  return function()
    local key, why = option()
    if type(key) ~= "string" or key == "" then
      local got = key == "" and "an empty string" or check.type_name(key)
      local reason = why ~= nil and ": " .. tostring(why) or ""
      return nil, auth(("no key: the function personal_api_key returned %s%s"):format(got, reason))
    end
    return check_key(key)
  end
end

local function resolve_project(id)
  if id == nil then
    return nil, invalid("no project: set POSTHOG_PROJECT_ID or pass project_id")
  elseif not (id:find("^%d+$") or id == "@current") then
    return nil, invalid('the project id %s is not a number or "@current"', shown(id))
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
--- @return string? problem
local function proxy_problem(proxy)
  local word, rest = proxy:match("^([^:/@]*)://(.*)$")
  if word and not PROXIES[word:lower()] then
    return "the proxy's scheme is not http, https, socks4 or socks5"
  end
  local authority, path = (rest or proxy):match("^([^/?#]*)(.*)$")
  local address = authority:match("([^@]*)$")
  if path:find("@", 1, true) then
    return "the proxy's user or password holds a character that has to be percent-encoded"
  elseif not url.parse("http://" .. address) then
    return "the proxy is no URL such as http://proxy.example:3128"
  end
end

--- https goes by the proxy of the environment, as curl and others do; http
--- never does, since it only reaches this machine (CGI's "httpoxy").
--- @return string proxy "": none
--- @return string? no_proxy
--- @return posthog.llm.Error?
local function resolve_proxy(options, scheme)
  local proxy, no_proxy = options.proxy, nil
  if not proxy and scheme == "https" then
    proxy = env("https_proxy") or env("HTTPS_PROXY") or env("all_proxy") or env("ALL_PROXY")
    no_proxy = env("no_proxy") or env("NO_PROXY")
  end
  local problem = proxy and proxy ~= "" and proxy_problem(proxy)
  if problem then
    return "", nil, invalid(problem)
  end
  return proxy or "", no_proxy
end

--- @return posthog.llm.Pace? pace nil: none is kept
local function resolve_pace(option, origin)
  if option == nil then
    option = origin == HOSTS.us or origin == HOSTS.eu
  end
  return option and pace.new(option, origin) or nil
end

--- What the core is told of every transfer; it stays the same from call to call.
local function transfer_settings(settings, options)
  local scheme = settings.target.scheme
  local proxy, no_proxy, problem = resolve_proxy(options, scheme)
  if problem then
    return nil, problem
  end
  return {
    connect_timeout = settings.connect_timeout,
    max_response_bytes = settings.max_response_bytes,
    max_header_bytes = settings.max_header_bytes,
    max_connections = settings.max_connections,
    proxy = proxy,
    no_proxy = no_proxy,
  }
end

--- What a client works with: every option with its default, and either a
--- value or the error for each thing that the environment may lack.
--- @param options table from config.check
--- @return table settings
function config.resolve(options)
  local settings = {}
  for name, value in pairs(DEFAULTS) do
    settings[name] = value
  end
  for name, value in pairs(options) do
    settings[name] = value
  end
  settings.personal_api_key = nil
  settings.decoder = body.decoder(settings.keep_null or false, settings)
  settings.error_decoder = body.decoder(false, settings)
  settings.key = key_source(options.personal_api_key)
  settings.project, settings.project_error =
    resolve_project(options.project_id or env("POSTHOG_PROJECT_ID"))
  settings.target, settings.target_error =
    resolve_host(options.host or env("POSTHOG_HOST") or HOSTS.us, options.allow_insecure_http)
  if settings.target then
    settings.pace = resolve_pace(options.pace, settings.target.origin)
    settings.transfer, settings.target_error = transfer_settings(settings, options)
    settings.needs_trust = settings.target.scheme == "https" -- found by the first call
  end
  return settings
end

return config
