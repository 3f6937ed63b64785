--- The error of an attempt without a usable response: message, option to blame and hint. The core
--- names the cause (src/net/failure.c). The messages of libcurl and of the TLS library, which
--- differ between versions, follow ours in parentheses where they add something.

local option_names = require("posthog.llm.util.option_names")
local endpoint = require("posthog.llm.http.explain.endpoint")
local url = require("posthog.llm.http.url")

--- @class posthog.llm.Explained
--- @field message string
--- @field option? string
--- @field hint? string

--- @class posthog.llm.Failed
--- @field settings table of the client
--- @field words string libcurl's message
--- @field proxy? string address of the proxy
--- @field status? integer its response to CONNECT
--- @field timeout number seconds that the attempt was given
--- @field answered? boolean the client has had a response before

local function clock_says()
  return ("Is the clock of this machine right? It says %s"):format(os.date("!%Y-%m-%d %H:%M UTC"))
end

--- How to set the host to plain http; nil: not allowed for this host.
local function http_host(settings)
  if settings.allow_insecure_http or url.is_loopback(endpoint.host_name(settings)) then
    return endpoint.give_host(settings, "http://" .. endpoint.address(settings))
  end
end

local function https_hint(failed)
  local settings = failed.settings
  if settings.target.scheme == "http" and not failed.answered then
    local address = endpoint.address(settings)
    return ("Does the port speak https? Then %s"):format(
      endpoint.give_host(settings, "https://" .. address)
    )
  end
end

local NETWORK = "Is this machine online, and could a firewall block the connection?"

local CAUSES = {}

--- Whether the name of the proxy is the only one that is looked up: it looks up the server's. Some
--- releases of libcurl report its failure as that of the server's name.
local function only_proxy_name(failed)
  local scheme = failed.proxy and failed.settings.transfer.proxy:lower():match("^(%w+)://")
  return failed.proxy ~= nil and not (scheme or "http"):find("^socks")
end

function CAUSES.name(failed)
  if only_proxy_name(failed) then
    return CAUSES.proxy_name(failed)
  end
  local words = "the name %s cannot be looked up"
  return {
    message = words:format(endpoint.host_name(failed.settings)),
    option = "host",
    hint = "Is it spelt right, and is this machine online?",
  }
end

function CAUSES.proxy_name(failed)
  local words = "the name of the proxy, %s, cannot be looked up"
  local name = (failed.proxy or "?"):gsub(":%d+$", "")
  return { message = words:format(name), option = "proxy" }
end

--- A failed connection, to the proxy or to the server.
local function connect_failed(failed, to_proxy, to_server)
  if failed.proxy then
    return { message = to_proxy:format(failed.proxy), option = "proxy" }
  end
  local hint = endpoint.is_cloud(failed.settings) and NETWORK
    or "Are host and port right, and is the server running?"
  return {
    message = to_server:format(endpoint.address(failed.settings)),
    option = "host",
    hint = hint,
  }
end

function CAUSES.refused(failed)
  return connect_failed(
    failed,
    "the proxy %s refuses the connection: nothing listens there",
    "%s refuses the connection: nothing listens there"
  )
end

function CAUSES.unreachable(failed)
  return connect_failed(failed, "there is no route to the proxy %s", "there is no route to %s")
end

function CAUSES.connect(failed)
  local explained = connect_failed(failed, "no connection to the proxy %s", "no connection to %s")
  explained.message = ("%s (%s)"):format(explained.message, failed.words)
  return explained
end

function CAUSES.proxy_refused(failed)
  local status = failed.status or 0
  local proxy = failed.proxy or "in between"
  if status == 407 then
    return {
      message = ("the proxy %s requires a user and a password (HTTP 407)"):format(proxy),
      option = "proxy",
      hint = "Put them into its URL: http://USER:PASSWORD@" .. proxy,
    }
  end
  local words = "the proxy %s does not connect to %s (%s)"
  local why = status > 0 and ("HTTP %d"):format(status) or failed.words
  return {
    message = words:format(proxy, endpoint.address(failed.settings), why),
    option = "proxy",
  }
end

function CAUSES.authority(failed)
  local words = "the certificate of %s is signed by an authority that is not trusted here"
  return {
    message = words:format(endpoint.address(failed.settings)),
    option = "ca_file",
    hint = "Does the server or a proxy use a certificate authority of its own? "
      .. "Name its file (PEM) in SSL_CERT_FILE"
      .. option_names.also(" or %s", "ca_file"),
  }
end

function CAUSES.wrong_name(failed)
  return {
    message = ("the certificate of %s is for another name"):format(
      endpoint.address(failed.settings)
    ),
    option = "host",
    hint = "Is the host spelt right? If it is, something answers in its place, such as a proxy",
  }
end

function CAUSES.expired(failed)
  local words = "the certificate of %s has expired"
  local hint = clock_says()
    .. "; if it is right, the server's operators have to renew the certificate"
  return { message = words:format(endpoint.address(failed.settings)), hint = hint }
end

function CAUSES.not_yet_valid(failed)
  local words = "the certificate of %s is not valid yet"
  return { message = words:format(endpoint.address(failed.settings)), hint = clock_says() }
end

function CAUSES.certificate(failed)
  local words = "the certificate of %s cannot be trusted (%s)"
  return { message = words:format(endpoint.address(failed.settings), failed.words) }
end

function CAUSES.proxy_certificate(failed)
  local words = "the certificate of the proxy %s cannot be trusted (%s)"
  return { message = words:format(failed.proxy or "?", failed.words), option = "proxy" }
end

--- Whether the connection to the proxy itself uses TLS.
local function is_tls_proxy(failed)
  return failed.proxy ~= nil and failed.settings.transfer.proxy:lower():find("^https:") ~= nil
end

function CAUSES.no_tls(failed)
  if is_tls_proxy(failed) then
    local words = "the proxy %s does not speak https; it seems to speak plain http"
    local hint = "Then the proxy's URL has to begin with http://, also for a server with https"
    return { message = words:format(failed.proxy), option = "proxy", hint = hint }
  end
  local host = http_host(failed.settings)
  local words = "%s does not speak https; it seems to speak plain http"
  return {
    message = words:format(endpoint.address(failed.settings)),
    option = "host",
    hint = host and "Then " .. host or "Is it the server's port for https?",
  }
end

function CAUSES.handshake(failed)
  local settings = failed.settings
  local words = "no TLS connection to %s (%s)"
  local host = http_host(settings)
  local hint = host and "Does the port speak plain http? Then " .. host
    or "Is it the server's port for https?"
  if is_tls_proxy(failed) then
    hint = "The URL of a proxy mostly begins with http://, also for a server with https"
  elseif endpoint.is_cloud(settings) then
    hint = "A firewall or a proxy may interrupt TLS connections"
  end
  return { message = words:format(endpoint.address(settings), failed.words), hint = hint }
end

--- Seconds within which the connection has to be made, and the option that sets them.
local function connect_limit(failed)
  local settings = failed.settings
  if settings.connect_timeout < failed.timeout then
    return settings.connect_timeout, "connect_timeout"
  end
  return failed.timeout, "timeout"
end

function CAUSES.looking_up(failed)
  local seconds, option = connect_limit(failed)
  local words = "the name %s was not looked up within %.3g s"
  local name = endpoint.host_name(failed.settings)
  if only_proxy_name(failed) then
    name = "of the proxy, " .. failed.proxy:gsub(":%d+$", "") .. ","
  end
  return {
    message = words:format(name, seconds),
    option = option,
    hint = NETWORK,
  }
end

function CAUSES.connecting(failed)
  local seconds, option = connect_limit(failed)
  local words = "no connection to %s within %.3g s"
  local whom = failed.proxy and "the proxy " .. failed.proxy or endpoint.address(failed.settings)
  return { message = words:format(whom, seconds), option = option, hint = NETWORK }
end

function CAUSES.waiting(failed)
  local words = "no response from %s within %.3g s"
  return {
    message = words:format(endpoint.server(failed.settings), failed.timeout),
    option = "timeout",
  }
end

function CAUSES.answering(failed)
  local words = "the response of %s was not complete within %.3g s (%s)"
  local server = endpoint.server(failed.settings)
  return { message = words:format(server, failed.timeout, failed.words), option = "timeout" }
end

function CAUSES.queued(failed)
  return { message = failed.words, option = "max_connections" }
end

function CAUSES.no_http(failed)
  return {
    message = ("the program at %s does not speak HTTP"):format(endpoint.address(failed.settings)),
    option = "host",
    hint = https_hint(failed),
  }
end

function CAUSES.lost(failed)
  return {
    message = ("the connection was lost (%s)"):format(failed.words),
    hint = https_hint(failed),
  }
end

function CAUSES.broken_off(failed)
  return { message = ("the response broke off (%s)"):format(failed.words) }
end

function CAUSES.compression(failed)
  return { message = ("the response cannot be decompressed (%s)"):format(failed.words) }
end

function CAUSES.max_response_bytes(failed)
  return { message = failed.words, option = "max_response_bytes" }
end

function CAUSES.max_header_bytes(failed)
  return { message = failed.words, option = "max_header_bytes" }
end

--- @param cause? string of transfer:cause()
--- @param failed posthog.llm.Failed
--- @return posthog.llm.Explained
return function(cause, failed)
  local explain = CAUSES[cause]
  failed.proxy = endpoint.proxy(failed.settings)
  return explain and explain(failed) or { message = failed.words }
end
