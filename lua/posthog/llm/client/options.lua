--- The options of llm.new. A wrong type or an unknown option raises at the line that makes the
--- client.

local check = require("posthog.llm.util.check")
local option_names = require("posthog.llm.util.option_names")
local redis = require("posthog.llm.host.redis")
local url = require("posthog.llm.http.url")

local options = {}

--- The options of [llm.new](llm.md#llmnew) and [client:with](#clientwith).
--- @class posthog.llm.Options
--- @field personal_api_key? string|fun():string `phx_...`; a function is called for each request;
---   default: the variable `POSTHOG_PERSONAL_API_KEY`
--- @field project_id? integer|string digits, or "@current"; spend needs none; default: the variable
---   `POSTHOG_PROJECT_ID`
--- @field host? string "us", "eu" or a URL, which may have a path; default: the variable
---   `POSTHOG_HOST`, else "us"
--- @field profile? posthog.llm.ApiVersion the version of the API that the server has: see
---   [Compatibility](../compatibility.md); default: detected
--- @field scope_prefix? "environments"|"projects" the word before the project in the paths of
---   skills; default: detected
--- @field timeout? number seconds for one attempt, from the name lookup to the last byte; default
---   30
--- @field connect_timeout? number seconds to connect, TLS included; default 5
--- @field deadline? number seconds for the whole call, attempts and the waits between them; default
---   120
--- @field max_retries? integer attempts after the first; default 2
--- @field max_connections? integer to one host, over HTTP/1.1; further calls wait for a free one.
---   Over HTTP/2 calls share connections; default 8
--- @field max_response_bytes? integer after decompression; default 64 MiB
--- @field max_header_bytes? integer of the header fields of one response; default 256 KiB
--- @field max_redirects? integer followed in one attempt; default 5
--- @field max_excerpt_bytes? integer of the server's text in an error; default 2048
--- @field max_json_depth? integer levels of one response, 1 to 4000; default 512
--- @field max_decode_seconds? number for the JSON of one response; default 10
--- @field ca_file? string path of a bundle of certificates (PEM); default: the variable
---   `SSL_CERT_FILE`, else the system's
--- @field proxy? string URL; "": none. Plain http uses no proxy of the environment; default: for
---   https the variables `https_proxy`, `all_proxy` and `no_proxy`
--- @field user_agent_suffix? string added to the header `User-Agent`
--- @field allow_insecure_http? boolean allow plain http to another machine, which shows the key to
---   the network; default false
--- @field keep_null? boolean null in the API's own fields arrives as `llm.null`, not nil; default
---   false
--- @field pace? boolean|posthog.llm.PaceOptions hold a request back rather than exceed a rate
---   limit; true: the cloud's limits; default: true for us and eu.posthog.com, false for other
---   hosts
--- @field json? { decode: fun(text: string): any, encode: fun(value: any): string } a codec such as
---   `cjson.safe`, which may lose values that the library's own keeps; default: [llm.json](json.md)
--- @field source? string where credentials.find has found the other values; the client does not use
---   it
--- @field on_request?
---   fun(request: { method: string, url: string, headers: table, attempt: integer }) called before
---   each attempt, with copies that do not hold the key; what it returns is ignored, and what it
---   raises is raised to the caller
--- @field on_response?
---   fun(response: { status: integer, headers: table, url: string, attempt: integer }) called after
---   each response
--- @field on_retry? fun(retry: { error: posthog.llm.Error, delay: number, attempt: integer })
---   called before each wait of `delay` seconds between two attempts

--- Rate limits in place of the cloud's, which are 480 requests a minute and 4800 an hour, and for
--- spend 10 a minute, 60 an hour and 200 a day. [Pacing](../reliability.md#pacing) explains what is
--- counted and where.
--- @class posthog.llm.PaceOptions
--- @field per_minute? integer of all requests except those for spend
--- @field per_hour? integer of all requests except those for spend
--- @field spend? { per_minute?: integer, per_hour?: integer, per_day?: integer } of those for spend
--- @field dict? string in nginx: the `lua_shared_dict` in which all workers count
--- @field redis? posthog.llm.RedisOptions in nginx: the Redis in which all machines count
--- @field store? posthog.llm.PaceStore an object of the program's own that counts; of `dict`,
---   `redis` and `store` there can be one

local seconds = check.seconds

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
    check.fail(level + 1, "%s contains a control character", what)
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
    local key_option = option_names.of("personal_api_key")
    check.fail(level + 1, "%s contains a user or password; the key goes into %s", what, key_option)
  end
  return value
end

local function prefix(value, what, level)
  if value ~= "environments" and value ~= "projects" then
    check.fail(level + 1, '%s: "environments" or "projects" expected', what)
  end
  return value
end

local function api_version(value, what, level)
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

--- What is wrong with a Redis can be found out before a call only while nginx reads its
--- configuration, where a wait harms nobody. One that is not there yet is no mistake.
local function pace_redis(value, what, level)
  local checked = redis.check(value, what, level + 1)
  local _, err = redis.new(checked)
  if err then
    check.fail(level + 1, "%s: %s", what, (err:gsub("^redis: ", "")))
  elseif rawget(_G, "ngx").get_phase() == "init" then
    local address, words, for_good = require("posthog.llm.host.redis_check").try(checked)
    checked.address = address
    if for_good then
      check.fail(level + 1, "%s: redis %s:%d %s", what, checked.host, checked.port, words)
    end
  end
  return checked
end

local function pace_store(value, what, level)
  check.type(value, "table", what, level + 1)
  if not check.callable(value.take) then
    check.fail(level + 1, "%s: an object with a method take expected", what)
  end
  for _, name in ipairs({ "hold", "give_back", "left" }) do
    if value[name] ~= nil and not check.callable(value[name]) then
      local got = check.type_name(value[name])
      check.fail(level + 1, "%s.%s: function expected, got %s", what, name, got)
    end
  end
  return value
end

local PACE = {
  per_minute = count(1),
  per_hour = count(1),
  spend = spend_pace,
  dict = one_line,
  redis = pace_redis,
  store = pace_store,
}

--- Where requests are counted, of which there can be one.
local PLACES = { "dict", "redis", "store" }

local function pace_rules(value, what, level)
  if type(value) == "boolean" then
    return value
  elseif type(value) ~= "table" then
    local got = check.type_name(value)
    check.fail(level + 1, "%s: true, false or a table of limits expected, got %s", what, got)
  end
  local checked = check_fields(value, PACE, what, level + 1)
  if next(checked) == nil then
    check.fail(level + 1, "%s: per_minute, per_hour, spend, dict, redis or store expected", what)
  end
  local place
  for _, name in ipairs(PLACES) do
    if checked[name] and place then
      local words = "%s: %s and %s exclude each other: requests are counted in one place"
      check.fail(level + 1, words, what, place, name)
    end
    place = checked[name] and name or place
  end
  return checked
end

--- Nesting levels of JSON. redact.value recurses into them, and LuaJIT's stack allows no more.
local MAX_DEPTH = 4000

local OPTIONS = {
  personal_api_key = api_key,
  project_id = project,
  host = host,
  scope_prefix = prefix,
  profile = api_version,
  timeout = seconds,
  connect_timeout = seconds,
  deadline = seconds,
  max_retries = count(0),
  max_connections = count(1),
  max_response_bytes = count(1),
  max_header_bytes = count(1),
  max_redirects = count(0),
  max_excerpt_bytes = count(0),
  max_json_depth = count(1, MAX_DEPTH),
  max_decode_seconds = seconds,
  ca_file = one_line,
  proxy = one_line,
  user_agent_suffix = one_line,
  allow_insecure_http = of_type("boolean"),
  keep_null = of_type("boolean"),
  pace = pace_rules,
  json = codec,
  source = one_line,
  on_request = hook,
  on_response = hook,
  on_retry = hook,
}

--- @param given? table as the caller passed them
--- @param level integer as for error()
--- @return table options a copy, checked
function options.check(given, level)
  if given == nil then
    return {}
  end
  check.type(given, "table", "options", level + 1)
  check.known(given, OPTIONS, "options", level + 1)
  local checked = {}
  for name, value in pairs(given) do
    checked[name] = OPTIONS[name](value, option_names.of(name) or name, level + 1)
  end
  return checked
end

return options
