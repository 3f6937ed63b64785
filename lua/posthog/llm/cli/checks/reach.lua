--- The way to the server: proxy, name, connection, TLS, a response, its clock. One request shows all
--- of it, as an error says which step failed.

local goes_past = require("posthog.llm.http.no_proxy")
local redact = require("posthog.llm.http.redact")
local times = require("posthog.llm.util.time")

local reach = {}

local PATH = "/api/personal_api_keys/@current/" -- reads what the key itself may do
local SKEW = 300 -- seconds

local PROXIES = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }

local function env(names)
  for _, name in ipairs(names) do
    local value = os.getenv(name)
    if value and value ~= "" then
      return value, name
    end
  end
end

--- @return string? proxy without a user or password
--- @return string? variable
local function proxy_of(url)
  local proxy, name = env(PROXIES)
  if url.scheme == "http" or not proxy or goes_past(env({ "no_proxy", "NO_PROXY" }), url.host) then
    return nil
  end
  return proxy:match("([^@]*)$"):match("^%a*:?/?/?([^/?#]*)"), name
end

--- Makes a request. Ctrl-C ends the command.
function reach.ask(client, ...)
  local value, err, response = client:request(...)
  if err and err.kind == "cancelled" then
    error(err, 0)
  end
  return value, err, response
end

--- Another scheme on the same port, with an invalid key.
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
  local _, err, response = reach.ask(client, "GET", "/")
  client:close()
  local answers = response ~= nil or err ~= nil and err.stage == "certificate"
  return answers, origin, answers or err ~= nil and err.stage ~= "connect"
end

local function ms(seconds)
  return ("%.0f ms"):format(1000 * math.max(0, seconds))
end

local FORM = { -- of an address, which needs no lookup
  "^%d+%.%d+%.%d+%.%d+$",
  "^%[",
}

local function is_address(host)
  return host:find(FORM[1]) ~= nil or host:find(FORM[2]) ~= nil
end

--- What each step says when it was passed.
local PASSED = {
  proxy = function(self)
    return self.proxy and ("%s (%s)"):format(self.proxy, self.proxy_name) or "none"
  end,
  name_lookup = function(self, timings)
    local host = self.url.host
    if is_address(host) then
      return host .. " is an address"
    elseif self.proxy then
      return "left to the proxy"
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

--- @param up_to? string the step that was not passed
local function tell_passed(self, up_to, timings)
  for _, step in ipairs(STEPS) do
    if step == up_to then
      return
    end
    self:tell(step, "ok", PASSED[step](self, timings))
  end
end

--- By the step: how to fix it.
local CURES = {
  proxy = function(self)
    local name = self.proxy_name or "https_proxy"
    return ("fix or unset %s, or add %s to no_proxy"):format(name, self.url.host)
  end,
  name_lookup = function(self)
    return "is it spelt right, and is this machine online? Else " .. self:how_to_set("host")
  end,
  connection = function(self)
    return ("does the server run, on port %s, and does a firewall let you through? Else %s"):format(
      self.url.port,
      self:how_to_set("host")
    )
  end,
  server = function(self)
    return "is it PostHog's own address, without a login page or proxy before it? Else "
      .. self:how_to_set("host")
  end,
}

local CERTIFICATE = "is it the right host, and this machine's clock right? For an authority of "
  .. "your own: SSL_CERT_FILE=ca.pem"
local NO_TLS = "is the port right? "

--- @return string message
--- @return string cure
local function explain_tls(self, err)
  if err.stage == "certificate" then
    return "the certificate is not trusted: " .. err.message, CERTIFICATE
  elseif not err.stage then -- the file of those to trust
    return err.message, "name a file that can be read in SSL_CERT_FILE, or unset it"
  end
  local plain, origin = speaks(self, "http")
  if not plain and not self.proxy and (err.option or ""):find("timeout$") then
    return "the port takes the connection, but does not answer in TLS",
      NO_TLS .. self:how_to_set("host")
  elseif not plain then
    return "no TLS with the port: " .. err.message, NO_TLS .. self:how_to_set("host")
  end
  return "the port speaks plain http, the host says https",
    self:how_to_set("host", origin) .. ", or name the port that speaks https"
end

--- Of a port that is silent libcurl 8 does not tell whether it took the
--- connection and TLS was never there.
local function is_silent(self, err)
  local timed_out = err.stage == "connect" and (err.option or ""):find("timeout$")
  if not timed_out or self.proxy or self.url.scheme ~= "https" then
    return false
  end
  local _, _, connects = speaks(self, "http")
  return connects
end

--- The step that an error without a response names.
local function step_of(self, err)
  local stage = err.stage
  if err.kind == "invalid" then -- the host was looked at before
    return "proxy"
  elseif stage == "certificate" or err.kind == "tls" or is_silent(self, err) then
    return "tls"
  elseif stage == "connect" or stage == "name_lookup" then
    return self.proxy and "proxy" or stage == "connect" and "connection" or stage
  end
  return stage or "server"
end

--- Does a server that gives no usable response to plain http want TLS?
local function wants_tls(self)
  if self.url.scheme == "http" then
    local secure, origin = speaks(self, "https")
    return secure and origin
  end
end

local function fail_for_tls(self, origin)
  tell_passed(self, "tls")
  local words = "the port speaks https, the host says http"
  self:fail("tls", "tls", words, self:how_to_set("host", origin))
end

local function fail_without_response(self, err)
  local step = step_of(self, err)
  local origin = step == "server" and wants_tls(self)
  if origin then
    return fail_for_tls(self, origin)
  end
  tell_passed(self, step)
  if step == "tls" then
    self:fail(step, err.kind, explain_tls(self, err))
  else
    self:fail(step, err.kind, err.message, CURES[step](self))
  end
end

--- What the response holds, for people.
local function content(err, response)
  local is_empty = response.status == 204 or err and err.kind == "decode" and err.body == nil
  local kind = response.headers["content-type"]
  return not is_empty and kind and kind:match("^[^;]+") or "nothing"
end

--- What is wrong with a response that is not PostHog's, and why. PostHog tells a
--- key its label; where it refuses to, that has a `detail` (doc/api.md 0.5).
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

--- How to fix it when something other than PostHog has answered, or PostHog does not at present.
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
  local theirs = date and times.http(date)
  if not theirs then
    return self:tell("clock", "unknown", "the server does not say what time it has")
  end
  local off = os.time() - theirs
  local apart = math.abs(off)
  if apart <= SKEW then
    return self:tell("clock", "ok", ("%d s apart from the server's"):format(apart))
  end
  local size = apart >= 72000 and ("%.1f days"):format(apart / 86400)
    or ("%.0f minutes"):format(apart / 60)
  local words = "this machine's clock is %s %s the server's"
  local message = words:format(size, off > 0 and "ahead of" or "behind")
  self:fail("clock", "invalid", message, "set it, such as by: timedatectl set-ntp true")
end

--- @param self posthog.llm.cli.Checkup
--- @return boolean there is a server that can be asked more
function reach.check(self)
  self.proxy, self.proxy_name = proxy_of(self.url)
  local value, err, response = reach.ask(self.client, "GET", PATH)
  if not response then
    fail_without_response(self, err)
    return false
  end
  local reason = unlike_posthog(value, err, response)
  local origin = reason and response.status == 400 and wants_tls(self) -- what a port of TLS says
  if origin then
    fail_for_tls(self, origin)
    return false
  end
  tell_passed(self, nil, response.timings)
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
