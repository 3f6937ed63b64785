--- The endpoint of a call as messages name it: the server, its port, the proxy; and the setting
--- that changes it.

local bypasses_proxy = require("posthog.llm.http.no_proxy")
local option_names = require("posthog.llm.util.option_names")
local url = require("posthog.llm.http.url")

local endpoint = {}

local CLOUDS = { us = "https://us.posthog.com", eu = "https://eu.posthog.com" }
local OTHERS = { [CLOUDS.us] = "eu", [CLOUDS.eu] = "us" }

--- @param settings table of settings.resolve
--- @return string server "us.posthog.com"; with its scheme when that is http
function endpoint.server(settings)
  return (settings.origin:gsub("^https://", ""))
end

--- @return string address "us.posthog.com:443"
function endpoint.address(settings)
  local parsed = url.parse(settings.origin)
  return parsed.host .. ":" .. parsed.port
end

--- @return string name the host alone, "us.posthog.com"
function endpoint.host_name(settings)
  return url.parse(settings.origin).host
end

--- @return boolean
function endpoint.is_cloud(settings)
  return OTHERS[settings.origin] ~= nil
end

--- How to set another host: by the variable or the option that set this one.
--- @param settings posthog.llm.Settings
--- @param host string
--- @return string "POSTHOG_HOST=eu", or that of the option
function endpoint.give_host(settings, host)
  if settings.host == nil then
    return "POSTHOG_HOST=" .. host
  end
  return option_names.set("host", host)
end

--- A hint that asks whether the other cloud is meant.
--- @param settings posthog.llm.Settings
--- @param what string "the account"
--- @return string? hint nil: the server is not a cloud
function endpoint.other_cloud(settings, what)
  local other = OTHERS[settings.origin]
  if other then
    local words = "Is %s on the %s cloud? Then %s"
    return words:format(what, other:upper(), endpoint.give_host(settings, other))
  end
end

--- The page of the server where keys are made.
function endpoint.keys_page(settings)
  return settings.target.base .. "/settings/user-api-keys"
end

--- The proxy of the call.
--- @return string? address without a user and password; nil: there is none
function endpoint.proxy(settings)
  local proxy, no_proxy = settings.transfer.proxy, settings.transfer.no_proxy
  if proxy ~= "" and not bypasses_proxy(no_proxy, endpoint.host_name(settings)) then
    return (proxy:gsub("^%a[%w+.-]*://", ""):gsub("^.*@", ""):gsub("/.*$", ""))
  end
end

return endpoint
