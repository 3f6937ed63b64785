--- Whom a call has asked, as messages name it: the server, its port, the proxy
--- in between.

local goes_past = require("posthog.llm.http.no_proxy")
local option_names = require("posthog.llm.util.option_names")
local url = require("posthog.llm.http.url")

local place = {}

local CLOUDS = { us = "https://us.posthog.com", eu = "https://eu.posthog.com" }
local OTHERS = { [CLOUDS.us] = "eu", [CLOUDS.eu] = "us" }

--- @param settings table of settings.resolve
--- @return string server "us.posthog.com"; with its scheme where that is http
function place.server(settings)
  return (settings.origin:gsub("^https://", ""))
end

--- @return string address "us.posthog.com:443"
function place.address(settings)
  local parsed = url.parse(settings.origin)
  return parsed.host .. ":" .. parsed.port
end

--- @return string name of the host alone
function place.name(settings)
  return url.parse(settings.origin).host
end

--- @return boolean
function place.is_cloud(settings)
  return OTHERS[settings.origin] ~= nil
end

--- How to give another host, where this one came from.
--- @param settings posthog.llm.Settings
--- @param host string
--- @return string "POSTHOG_HOST=eu", or that of the option
function place.give_host(settings, host)
  if settings.host == nil then
    return "POSTHOG_HOST=" .. host
  end
  return option_names.set("host", host)
end

--- Asks whether the other cloud is meant.
--- @param settings posthog.llm.Settings
--- @param what string "the account"
--- @return string? hint nil: it is not a cloud
function place.other_cloud(settings, what)
  local other = OTHERS[settings.origin]
  if other then
    local words = "Is %s on the %s cloud? Then %s"
    return words:format(what, other:upper(), place.give_host(settings, other))
  end
end

--- Where the keys of the server are made.
function place.keys_page(settings)
  return settings.target.base .. "/settings/user-api-keys"
end

--- The proxy by which the call goes.
--- @return string? address without a user and password; nil: there is none
function place.proxy(settings)
  local proxy, no_proxy = settings.transfer.proxy, settings.transfer.no_proxy
  if proxy ~= "" and not goes_past(no_proxy, place.name(settings)) then
    return (proxy:gsub("^%a[%w+.-]*://", ""):gsub("^.*@", ""):gsub("/.*$", ""))
  end
end

return place
