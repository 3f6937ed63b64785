--- A client: settings, connections, and the resources that use them.

local call = require("posthog.llm.http.call")
local calls = require("posthog.llm.util.calls")
local check = require("posthog.llm.util.check")
local client_options = require("posthog.llm.client.options")
local client_settings = require("posthog.llm.client.settings")
local direct = require("posthog.llm.http.direct")
local errors = require("posthog.llm.util.errors")
local api_version = require("posthog.llm.api.versions.api_version")
local known = require("posthog.llm.api.ambiguous.known")
local query = require("posthog.llm.http.query")
local rate_limit = require("posthog.llm.http.rate_limit")
local redact = require("posthog.llm.http.redact")

local VERSION = require("posthog.llm.util.version")

--- What [llm.new](llm.md#llmnew) returns. The calls are in its resources:
---
--- ```lua
--- local skill, err, response = client.skills:get("pdf-forms")
--- print(skill and skill.version or err) --> 3
--- print(response.status, response.attempts) --> 200  1
--- ```
---
--- A call returns `value, err, response`. Success: `value` is not nil and `err` is nil. Failure:
--- nil, an [error](errors.md) and, if a response arrived, the response. A mistake of the program,
--- such as a wrong type or an unknown option, raises at its line. A response without content (204)
--- is the value true: that of `archive`, and of any call where a server or a gateway sends one.
--- @class posthog.llm.Client
--- @field skills posthog.llm.Skills
--- @field datasets posthog.llm.Datasets
--- @field dataset_items posthog.llm.DatasetItems
--- @field spend posthog.llm.Spend
local Client = { __name = "posthog.llm.Client" }
Client.__index = Client

local client = { VERSION = VERSION }

--- The argument for which a client's `_private` returns the private state; other code cannot have
--- this table. The state contains the closure that returns the key, so it must not be reachable
--- through the client's fields. A weak table from clients to states would not do: on Lua 5.1 and
--- LuaJIT it would never release a client that its own hooks refer to.
local PRIVATE = {}

local WEAK_KEYS = { __mode = "k" }

--- Clients made from one another with `with` share connections, as long as one of them is open.
local function new_family()
  return { open = setmetatable({}, WEAK_KEYS) }
end

local RESOURCES = {
  skills = "posthog.llm.api.skills",
  datasets = "posthog.llm.api.datasets",
  dataset_items = "posthog.llm.api.dataset_items",
  spend = "posthog.llm.api.spend",
}

--- Clients made from one another with `with`, which share an engine and a pool.
--- @class posthog.llm.Family
--- @field open table<posthog.llm.State, boolean> the clients that are not closed; weak keys
--- @field engine? userdata the engine of the process; another one after a fork
--- @field pool? userdata the connections of that engine

--- The private state of a client, which the pipeline and the resources use.
--- @class posthog.llm.State
--- @field options posthog.llm.Options as the caller passed them, for `with`
--- @field settings posthog.llm.Settings
--- @field api_version posthog.llm.KnownVersion the API version of the host
--- @field family? posthog.llm.Family nil once the client is closed
--- @field path_scope "environments"|"projects" the path scope of skills, as known so far
--- @field user_agent string
--- @field request_configs table<boolean, posthog.llm.RequestConfig> the headers, with and without a
---   body; `key`: the API key in them
--- @field prefixes table<string, string> the start of URLs, by Request.under
--- @field in_flight table<userdata, boolean> transfers; weak keys
--- @field closed boolean
--- @field used? userdata the transfer of a direct read that has ended, for the next one
--- @field known posthog.llm.Known what earlier responses have shown

--- @param options posthog.llm.Options checked
--- @param family posthog.llm.Family
--- @return posthog.llm.Client
local function create(options, family)
  local settings = client_settings.resolve(options)
  local suffix = settings.user_agent_suffix
  local state = {
    options = options,
    settings = settings,
    api_version = api_version.new(settings),
    family = family,
    known = known.of(family, settings, options.personal_api_key),
    path_scope = settings.scope_prefix or "environments",
    user_agent = "posthog-llm/" .. VERSION .. (suffix and " " .. suffix or ""),
    request_configs = {},
    prefixes = {},
    -- Weak: the transfer of an abandoned call can be collected.
    in_flight = setmetatable({}, WEAK_KEYS),
    closed = false,
  }
  family.open[state] = true
  local self = setmetatable({}, Client)
  function self._private(token)
    return token == PRIVATE and state or nil
  end
  local run = direct.follow(function(request)
    return call.run(state, request)
  end, state)
  local function redact_error(err)
    local key = state.request_configs.key -- of the last request
    if key then
      redact.error(err, key)
    end
  end
  self._origin, self._redact = settings.origin, redact_error
  self._base, self._project = settings.target and settings.target.base, settings.project
  for name, module in pairs(RESOURCES) do
    self[name] = require(module).new(run, state)
    self[name]._origin, self[name]._redact = settings.origin, redact_error
  end
  return self
end

--- @param options? posthog.llm.Options
--- @param level integer as for error()
--- @return posthog.llm.Client
function client.new(options, level)
  return create(client_options.check(options, level + 1), new_family())
end

local NO_CLIENT = "a client expected; call its methods with a colon"

local function state_of(self, level)
  if type(self) ~= "table" or getmetatable(self) ~= Client then
    check.fail(level + 1, NO_CLIENT)
  end
  return self._private(PRIVATE)
end

--- A client with some options changed. It shares connections with this one, and has to be closed by
--- itself.
---
--- ```lua
--- local patient = client:with({ timeout = 120, deadline = 600 })
--- assert(patient.skills:get("pdf-forms"))
--- patient:close()
--- ```
--- @param options posthog.llm.Options those to change
--- @return posthog.llm.Client client
function Client:with(options)
  local state = state_of(self, 2)
  local merged = {}
  for name, value in pairs(state.options) do
    merged[name] = value
  end
  for name, value in pairs(client_options.check(options, 2)) do
    merged[name] = value
  end
  local new = create(merged, state.family or new_family())
  return new
end

--- Closes this client: calls in flight and later ones return an error of kind `cancelled`.
--- Connections are closed with the last client that shares them. Closing again does nothing; a
--- client that is dropped without it is collected with all that it owns.
---
--- ```lua
--- local other = client:with({ keep_null = true })
--- other:close()
--- local _, err = other.skills:list()
--- print(err.kind) --> cancelled
--- ```
function Client:close()
  local state = state_of(self, 2)
  if state.closed then
    return
  end
  state.closed, state.used = true, nil
  for transfer in pairs(state.in_flight) do
    pcall(transfer.cancel, transfer) -- a transfer that was just finalized may still be in the table
  end
  local family = state.family
  state.family = nil
  family.open[state] = nil
  if next(family.open) == nil and family.pool then
    family.pool:close()
    family.engine, family.pool = nil, nil
  end
end

--- The version of the API that the server has: "reference" is API v1, "current" API v2. The option
--- `profile` sets it, or the server's responses have shown it. Sends nothing.
---
--- ```lua
--- if client:profile() == "current" then
---   print(#assert(client.skills:search("forms")).results .. " skills found")
--- end
--- ```
--- @return posthog.llm.ApiVersion? version nil: no response has shown it yet
function Client:profile()
  return state_of(self, 2).api_version.get()
end

--- How many requests may go now before `pace` holds one back. Sends nothing. It counts the requests
--- of this program, not those of others with the same key; with `pace.redis`, those of all
--- machines, as of the last request.
---
--- ```lua
--- local careful = client:with({ pace = { per_minute = 100 } })
--- assert(careful.skills:list({ limit = 1 }))
--- for _, window in ipairs(careful:pace()) do
---   print(window.left .. " of " .. window.most) --> 99 of 100
--- end
--- ```
--- @return posthog.llm.PaceLeft[]? left for each window, the longest first; nil: there is no pace,
---   or its store does not say
--- @return number? wait seconds until the server accepts requests again, after a 429; nil: at once
function Client:pace()
  local settings = state_of(self, 2).settings
  local key = settings.rate_limit and settings.key()
  if key then
    return rate_limit.left(settings.rate_limit, key)
  end
end

local METHODS = {
  GET = true,
  HEAD = true,
  POST = true,
  PUT = true,
  PATCH = true,
  DELETE = true,
  OPTIONS = true,
}
local REQUEST = query.spec({}, { "query", "json", "idempotent" })

local function check_path(path, level)
  check.type(path, "string", "path", level + 1)
  if path:sub(1, 1) ~= "/" then
    check.fail(level + 1, "path: %q does not begin with a slash", path)
  elseif path:find("[^\33-\126]") or path:find('["#<>\\^`{|}]') then
    check.fail(level + 1, "path: %q contains a character that has to be percent-encoded", path)
  end
  local bare, own = path:match("^([^?]*)%??(.*)$")
  query.check_encoded(own, level + 1)
  for segment in bare:sub(2):gsub("/$", ""):gsub("%%2[eE]", "."):gmatch("[^/]*") do
    if segment == "." or segment == ".." then
      check.fail(level + 1, "path: %q has a dot segment", path)
    end
  end
  if bare:find("//", 1, true) then
    check.fail(level + 1, "path: %q has an empty segment", path)
  end
end

--- Makes a request to any endpoint of PostHog's API, with the same authentication, retries and
--- errors. Other methods than GET and HEAD are repeated only where nothing was sent or on a 429,
--- unless `idempotent` is set.
---
--- ```lua
--- local me = assert(client:request("GET", "/api/users/@me/"))
--- local page = assert(client:request("GET", "/api/projects/:project_id/datasets/", {
---   query = { limit = 5 },
--- }))
--- print(me.email, #page.results) --> zoe.nunez@example.net  0
--- ```
--- @param method string "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" or "OPTIONS"
--- @param path string begins with "/" and is percent-encoded; `:project_id` becomes the client's
---   project
--- @param options? posthog.llm.RequestOptions
--- @return any? value the decoded body; true: the response is empty
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function Client:request(method, path, options)
  local state = state_of(self, 2)
  check.type(method, "string", "method", 2)
  method = method:upper()
  if not METHODS[method] then
    check.fail(2, "invalid method %q: GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS", method)
  end
  check_path(path, 2)
  local _, call_options = query.read(REQUEST, options, 2)
  options = options or {}
  local encoded = options.query ~= nil and query.encode(options.query, 2) or nil
  local idempotent = options.idempotent
  if idempotent == nil then
    idempotent = method == "GET" or method == "HEAD"
  end
  check.type(idempotent, "boolean", "idempotent", 2)
  if method == "HEAD" and options.json ~= nil then
    check.fail(2, "json: a HEAD request has no body")
  end
  local bare, own = path:match("^([^?]*)%??(.*)$")
  if bare:find("/:project_id", 1, true) then
    local settings = state.settings
    if settings.project_error then
      return nil, errors.copy(settings.project_error)
    end
    bare = (bare .. "/"):gsub("/:project_id/", "/" .. settings.project .. "/"):sub(1, -2)
  end
  if own ~= "" then
    encoded = encoded and own .. "&" .. encoded or own
  end
  return call.run(state, {
    method = method,
    path = bare,
    query = encoded,
    json = options.json,
    idempotent = idempotent,
    options = call_options,
  })
end

Client.request = calls.method(Client, "request", Client.request, NO_CLIENT)

function Client:__tostring()
  local target = state_of(self, 2).settings.target
  return ("posthog.llm.Client (%s)"):format(target and target.base or "no host")
end

return client
