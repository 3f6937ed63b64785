--- The error of a response with an error status: the server's message where it helps, ours where
--- the reason is a wrong host, key or project, or a server that is not PostHog's API.

local errors = require("posthog.llm.util.errors")
local endpoint = require("posthog.llm.http.explain.endpoint")
local url = require("posthog.llm.http.url")

--- @class posthog.llm.Refused
--- @field err posthog.llm.Error from errors.from_response; message, hint and option are changed in
---   it
--- @field settings table of the client
--- @field request posthog.llm.Request
--- @field path string of the request, with the host's prefix
--- @field headers table<string, string> of the response

local REFUSED = {}

local function is_json(err)
  return type(err.body) == "table"
end

--- The response is not PostHog's: a login page, a gateway, another program.
local function not_posthog(refused, message)
  refused.err.message = message
  refused.err.hint = "Is it the right host, its path prefix included?"
  refused.err.option = "host"
end

REFUSED[401] = function(refused)
  local err, settings = refused.err, refused.settings
  err.option = "personal_api_key"
  if err.body ~= nil and not is_json(err) then
    not_posthog(refused, "something in front of the server, not PostHog's API, requires a login")
    return
  elseif err.code == "not_authenticated" then
    err.message = "the server saw no key"
    err.hint = "Does a proxy remove the header Authorization?"
    return
  end
  err.message = "the key is not valid"
  err.hint = endpoint.other_cloud(settings, "the account")
    or ("Was it made on this server? Its keys are at %s"):format(endpoint.keys_page(settings))
end

--- The scope that a key lacks; servers name it in quotes at the end (doc/api.md 0.5).
local function lacking_scope(err)
  return err.detail and err.detail:match("['\"]([%l_]+:[%l_]+)['\"]%.?$")
end

REFUSED[403] = function(refused)
  local err, settings = refused.err, refused.settings
  local scope = lacking_scope(err)
  if scope then
    err.message = ("the key lacks the scope %s"):format(scope)
    err.hint = ("Add it to the key at %s"):format(endpoint.keys_page(settings))
    err.option = "personal_api_key"
  elseif err.body ~= nil and not is_json(err) then
    err.message = "refused by a firewall or gateway in front of the server, not by PostHog's API"
    err.hint = "Such a gateway may refuse a network, a VPN, or a text that looks like an attack"
  elseif err.code == "permission_denied" and refused.request.under then
    local words = "Is the key's user a member of project %s, and may the key be used for it?"
    err.hint = words:format(settings.project)
    err.option = "project_id"
  end
end

local function no_project(refused)
  local err, settings = refused.err, refused.settings
  err.option = "project_id"
  if settings.project == "@current" then
    err.message = "the key's user has no current project: give a project's number"
  else
    local words = "project %s is not known at %s"
    err.message = words:format(settings.project, endpoint.server(settings))
  end
  err.hint = endpoint.other_cloud(settings, "it")
  err.hint = err.hint and "Key and project have to be of the same cloud. " .. err.hint
    or "Project, key and host have to belong together"
end

--- The texts of the server's router; a missing row or skill has others. They only choose our
--- message.
local ROUTER = "^Endpoint not found"
local PROJECT = "^Project not found"

local MAX_SUGGESTIONS = 5 -- names of existing skills in the message

--- The skill names in a list of an error's body, quoted. What cannot be a name is left out.
--- @return string? text nil: the list has none
local function quoted_names(list)
  local names = {}
  for i, name in ipairs(type(list) == "table" and list or {}) do
    if i <= MAX_SUGGESTIONS and type(name) == "string" and name:find("^[%w_-]+$") then
      names[#names + 1] = ("%q"):format(name)
    end
  end
  return #names > 0 and table.concat(names, ", ") or nil
end

--- The highest number in a list of an error's body.
local function highest(list)
  local most
  for _, number in ipairs(type(list) == "table" and list or {}) do
    if type(number) == "number" and number % 1 == 0 then
      most = math.max(most or number, number)
    end
  end
  return most
end

--- Adds what exists to the message: API v2 lists it in the error (doc/api.md 2.1, 4.1).
local function propose(err)
  local names = err.type == "skill_not_found" and quoted_names(err.body.suggestions)
  local latest = err.type == "skill_version_not_found" and highest(err.body.available_versions)
  local message = err.message:gsub("%.$", "")
  if names then
    err.message = ("%s; did you mean %s?"):format(message, names)
  elseif latest then
    err.message = ("%s; the latest is version %d"):format(message, latest)
  end
end

REFUSED[404] = function(refused)
  local err = refused.err
  local detail = err.detail or ""
  if detail:find(PROJECT) then
    no_project(refused)
  elseif detail:find(ROUTER) then
    err.message = ("Endpoint not found: this server does not have %s"):format(refused.path)
    err.hint = not endpoint.is_cloud(refused.settings)
        and "A self-hosted server that is older may lack it; or the host's path prefix is wrong"
      or nil
  elseif not is_json(err) then
    local words = err.body and "the server has no %s, so it is not PostHog's API"
      or "nothing is at %s"
    not_posthog(refused, words:format(refused.path))
  elseif refused.request.under then
    propose(err)
    err.hint = ("Is it in project %s?"):format(refused.settings.project)
  end
end
REFUSED[410] = REFUSED[404]

REFUSED[400] = function(refused)
  local err, settings = refused.err, refused.settings
  if is_json(err) or err.body == nil then
    return
  end
  local excerpt = tostring(err.body)
  -- The texts of nginx, Apache and Go: nothing else identifies this error.
  local is_tls_port = excerpt:find("HTTPS", 1, true) or excerpt:find("SSL%-enabled")
  if settings.target.scheme == "http" and is_tls_port then
    local address = endpoint.address(settings)
    err.message = ("%s speaks https, but the request was plain http"):format(address)
    err.hint = "Then " .. endpoint.give_host(settings, "https://" .. address)
    err.option = "host"
  else
    not_posthog(refused, "the request was refused, not by PostHog's API")
  end
end

REFUSED[405] = function(refused)
  local err = refused.err
  if err.detail == nil then
    err.message = ("this server does not allow %s here"):format(refused.request.method)
  end
  if err.body ~= nil and not is_json(err) then
    not_posthog(refused, err.message)
  end
end

REFUSED[407] = function(refused)
  local proxy = endpoint.proxy(refused.settings)
  local err = refused.err
  err.message = "the proxy requires a user and a password"
  err.hint = proxy and "Put them into its URL: http://USER:PASSWORD@" .. proxy or nil
  err.option = "proxy"
end

REFUSED[413] = function(refused)
  refused.err.hint = "Send less at once; a gateway in front of a self-hosted server sets limits too"
end

local HOUR = 3600 -- seconds
local DAY = 24 * 60 -- minutes

--- @param seconds number
--- @return string "5 h 12 min"
local function span(seconds)
  if seconds < 120 then
    return ("%d s"):format(seconds)
  elseif seconds < HOUR then
    return ("%d min"):format(math.ceil(seconds / 60))
  end
  local minutes = math.ceil(seconds / 60)
  if minutes >= 2 * DAY then
    return ("%.0f days"):format(math.ceil(minutes / DAY))
  end
  return ("%d h %d min"):format(math.floor(minutes / 60), minutes % 60)
end

REFUSED[429] = function(refused)
  local err = refused.err
  local seconds = err.retry_after
  if seconds and seconds > HOUR then
    err.message = "too many requests: the limit of a day is reached"
  end
  if seconds and seconds > 60 then
    err.hint = "Requests are accepted again in " .. span(seconds)
  end
end

local LATER = "Try again later"

local function server_failed(refused)
  local err = refused.err
  err.hint = LATER .. (err.status == 500 and "; the server's log has the reason" or "")
  if endpoint.is_cloud(refused.settings) then
    err.hint = LATER .. "; https://status.posthog.com lists outages"
  end
end

for status = 500, 599 do
  REFUSED[status] = server_failed
end

REFUSED[511] = function(refused)
  refused.err.message = "this network requires a login first"
  refused.err.hint = "Open any page in a browser: the login page appears there"
end

--- A redirect that is not followed: its target may be the right host.
local function redirected(refused)
  local err, settings = refused.err, refused.settings
  local location = refused.headers.location
  local target = location and url.parse(url.join(settings.origin .. refused.path, location))
  err.option = "host"
  if not target or target.userinfo then
    return
  elseif target.path:find("/log%-?in") or target.path:find("/sso") or target.path:find("/auth") then
    err.hint = "It leads to a login page, which the API never does: is it the right host?"
  elseif endpoint.is_cloud(settings) then
    return -- the addresses of the clouds are known; an older EU cloud redirects spend to the US
  elseif target.origin ~= settings.origin and target.path == refused.path then
    err.hint = ("If that is the server's address: %s"):format(
      endpoint.give_host(settings, target.origin)
    )
  end
end

--- Explains an error status: sets `message`, `option` and `hint` of its error.
--- @param refused posthog.llm.Refused
return function(refused)
  local err = refused.err
  local explain = REFUSED[err.status]
  if not explain and err.kind == "invalid" and err.body ~= nil and not is_json(err) then
    explain = REFUSED[400]
  end
  if explain then
    explain(refused)
  elseif errors.kind_of(refused.err.status) == "redirect" then
    redirected(refused)
  end
end
