--- The checks of the connection: proxy, name lookup, connection, TLS, a response of the server, its
--- clock. One request is enough, since its error names the step that failed.

local bypasses_proxy = require("posthog.llm.http.no_proxy")
local environment = require("posthog.llm.util.environment")
local redact = require("posthog.llm.http.redact")
local times = require("posthog.llm.util.time")

local reach = {}

local PATH = "/api/personal_api_keys/@current/" -- the key's own label, scopes and projects
local MAX_SKEW = 300 -- seconds

local PROXIES = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }

--- @return string? proxy without a user or password
--- @return string? variable
local function proxy_of(url)
  local proxy, name = environment.first(PROXIES)
  if
    url.scheme == "http"
    or not proxy
    or bypasses_proxy(environment.first({ "no_proxy", "NO_PROXY" }), url.host)
  then
    return nil
  end
  return proxy:match("([^@]*)$"):match("^%a*:?/?/?([^/?#]*)"), name
end

--- Makes a request. An interrupt ends the command.
function reach.request(client, ...)
  local value, err, response = client:request(...)
  if err and err.kind == "cancelled" then
    error(err, 0)
  end
  return value, err, response
end

--- Tries another scheme on the same port, with an invalid key.
--- @return boolean answers
--- @return string origin
--- @return boolean connects
local function speaks(self, scheme)
  local origin = ("%s://%s:%s"):format(scheme, self.url.host, self.url.port)
  local client = require("posthog.llm").new({
    host = origin,
    allow_insecure_http = true,
    personal_api_key = "none",
    project_id = "0",
    timeout = 5,
    deadline = 5,
    max_retries = 0,
  })
  local _, err, response = reach.request(client, "GET", "/")
  client:close()
  local answers = response ~= nil or err ~= nil and err.stage == "certificate"
  return answers, origin, answers or err ~= nil and err.stage ~= "connect"
end

local function ms(seconds)
  return ("%.0f ms"):format(1000 * math.max(0, seconds))
end

local ADDRESSES = { -- patterns of IP addresses, which need no lookup
  "^%d+%.%d+%.%d+%.%d+$",
  "^%[",
}

local function is_address(host)
  return host:find(ADDRESSES[1]) ~= nil or host:find(ADDRESSES[2]) ~= nil
end

--- The message of each step that succeeded.
local PASSED = {
  proxy = function(self)
    return self.proxy and ("%s (%s)"):format(self.proxy, self.proxy_name) or "none"
  end,
  name_lookup = function(self, timings)
    local host = self.url.host
    if is_address(host) then
      return host .. " is an IP address"
    elseif self.proxy then
      return "done by the proxy"
    end
    return timings and ("%s, %s"):format(host, ms(timings.name_lookup)) or host
  end,
  connection = function(self, timings)
    local port = "port " .. self.url.port
    return timings and ("%s, %s"):format(port, ms(timings.connect - timings.name_lookup)) or port
  end,
  tls = function(self, timings)
    if self.url.scheme == "http" then
      return "not used: plain http to this machine"
    end
    return timings and "the certificate is trusted, " .. ms(timings.tls - timings.connect) or "used"
  end,
}
local STEPS = { "proxy", "name_lookup", "connection", "tls" }

--- @param up_to? string the step that failed
local function report_passed(self, up_to, timings)
  for _, step in ipairs(STEPS) do
    if step == up_to then
      return
    end
    self:tell(step, "ok", PASSED[step](self, timings))
  end
end

--- How to fix each step.
local CURES = {
  proxy = function(self)
    local name = self.proxy_name or "https_proxy"
    return ("fix or unset %s, or add %s to no_proxy"):format(name, self.url.host)
  end,
  name_lookup = function(self)
    return "is it spelt right, and is this machine online? Otherwise " .. self:how_to_set("host")
  end,
  connection = function(self)
    local words = "is the server running, on port %s, and could a firewall block the connection? "
      .. "Otherwise %s"
    return words:format(self.url.port, self:how_to_set("host"))
  end,
  server = function(self)
    return "is it PostHog's own address, without a login page or proxy in front of it? "
      .. "Otherwise "
      .. self:how_to_set("host")
  end,
}

local CERTIFICATE = "is it the right host, and is this machine's clock right? "
  .. "For a certificate authority of your own: SSL_CERT_FILE=ca.pem"
local NO_TLS = "is the port right? "

--- @return string message
--- @return string cure
local function explain_tls(self, err)
  if err.stage == "certificate" then
    return "the certificate is not trusted: " .. err.message, CERTIFICATE
  elseif not err.stage then -- about the CA bundle
    return err.message, "set SSL_CERT_FILE to a readable PEM file, or unset it"
  end
  local plain, origin = speaks(self, "http")
  if not plain and not self.proxy and (err.option or ""):find("timeout$") then
    return "the port accepts the connection, but does not answer in TLS",
      NO_TLS .. self:how_to_set("host")
  elseif not plain then
    return "no TLS connection to the port: " .. err.message, NO_TLS .. self:how_to_set("host")
  end
  return "the port speaks plain http, but the host begins with https",
    self:how_to_set("host", origin) .. ", or give the port for https"
end

--- Whether a port accepts connections and then stays silent. When libcurl 8 times out it does not
--- say whether the connection or the TLS handshake was missing.
local function is_silent(self, err)
  local timed_out = err.stage == "connect" and (err.option or ""):find("timeout$")
  if not timed_out or self.proxy or self.url.scheme ~= "https" then
    return false
  end
  local _, _, connects = speaks(self, "http")
  return connects
end

--- The step that failed, by an error without a response.
local function step_of(self, err)
  local stage = err.stage
  if err.kind == "invalid" then -- not the host: it has been checked before
    return "proxy"
  elseif stage == "certificate" or err.kind == "tls" or is_silent(self, err) then
    return "tls"
  elseif stage == "connect" or stage == "name_lookup" then
    return self.proxy and "proxy" or stage == "connect" and "connection" or stage
  end
  return stage or "server"
end

--- Whether a server without a usable response to plain http speaks TLS.
local function wants_tls(self)
  if self.url.scheme == "http" then
    local secure, origin = speaks(self, "https")
    return secure and origin
  end
end

local function fail_for_tls(self, origin)
  report_passed(self, "tls")
  local words = "the port speaks https, but the host begins with http"
  self:fail("tls", "tls", words, self:how_to_set("host", origin))
end

local function fail_without_response(self, err)
  local step = step_of(self, err)
  local origin = step == "server" and wants_tls(self)
  if origin then
    return fail_for_tls(self, origin)
  end
  report_passed(self, step)
  if step == "tls" then
    self:fail(step, err.kind, explain_tls(self, err))
  else
    self:fail(step, err.kind, err.message, CURES[step](self))
  end
end

--- The content type of a response, for a message.
local function content(err, response)
  local is_empty = response.status == 204 or err and err.kind == "decode" and err.body == nil
  local kind = response.headers["content-type"]
  return not is_empty and kind and kind:match("^[^;]+") or "nothing"
end

--- Why a response cannot be PostHog's. PostHog returns the label of the key, or an error with a
--- `detail` (doc/api.md 0.5).
--- @return string? reason
local function unlike_posthog(value, err, response)
  if value == nil and (err.kind == "redirect" or err.kind == "too_large") then
    return err.message
  elseif value == nil and err.status >= 500 then
    return ("the server answers %d: %s"):format(err.status, err.message)
  elseif value == nil and err.detail then
    return nil
  elseif type(value) == "table" and type(value.label) == "string" then
    return nil
  end
  local words = "the server answers %d with %s"
  local start = words:format(response.status, content(err, response))
  if err and err.kind ~= "decode" and type(err.body) ~= "table" then
    return start .. ": " .. err.message
  elseif err and err.kind == "decode" or response.status == 204 then
    return start .. ", not JSON"
  end
  return start .. ", but not as PostHog does"
end

--- How to fix it when the response is not PostHog's, or PostHog is not available.
local function cure_of_answer(self, err)
  local cure = CURES.server(self)
  if err and (err.status == 429 or (err.status or 0) >= 500) then
    return "try again later; " .. cure
  elseif err and err.kind == "forbidden" and err.hint then
    return ("%s; %s"):format(err.hint:gsub("^%u", string.lower), cure)
  end
  return cure
end

local function check_clock(self, response)
  local date = response.headers.date
  local server_time = date and times.http(date)
  if not server_time then
    return self:tell("clock", "unknown", "the server's responses have no date")
  end
  local difference = os.time() - server_time
  local apart = math.abs(difference)
  if apart <= MAX_SKEW then
    return self:tell("clock", "ok", ("%d s apart from the server's"):format(apart))
  end
  local size = apart >= 72000 and ("%.1f days"):format(apart / 86400)
    or ("%.0f minutes"):format(apart / 60)
  local words = "this machine's clock is %s %s the server's"
  local message = words:format(size, difference > 0 and "ahead of" or "behind")
  self:fail("clock", "invalid", message, "set it, such as by: timedatectl set-ntp true")
end

--- @param self posthog.llm.Checkup
--- @return boolean ok whether further requests make sense
function reach.check(self)
  self.proxy, self.proxy_name = proxy_of(self.url)
  local value, err, response = reach.request(self.client, "GET", PATH)
  if not response then
    fail_without_response(self, err)
    return false
  end
  local reason = unlike_posthog(value, err, response)
  local origin = reason and response.status == 400 and wants_tls(self) -- a TLS port answers plain http with 400
  if origin then
    fail_for_tls(self, origin)
    return false
  end
  report_passed(self, nil, response.timings)
  if reason then
    local kind = err and err.kind or "decode"
    self:fail("server", kind, reason, cure_of_answer(self, err))
    return false
  end
  local words = "answers as PostHog does, %s"
  self:tell("server", "ok", words:format(ms(response.timings.total)))
  check_clock(self, response)
  self.own = { value = redact.value(value, self.account.personal_api_key), err = err }
  return true
end

return reach
