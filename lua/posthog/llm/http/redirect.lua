--- Which redirects are followed: of GET, and 307 and 308 with their method and body, on the same
--- origin (doc/api.md 0.8). The key is never sent to another origin.

local excerpt = require("posthog.llm.http.excerpt")
local redact = require("posthog.llm.http.redact")
local url = require("posthog.llm.http.url")

local redirect = {}

local REDIRECTS = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

--- @param settings posthog.llm.Settings
--- @param request posthog.llm.Request
--- @param attempt posthog.llm.Attempt
--- @param response posthog.llm.Response
--- @return string? target nil: not to be followed
--- @return string? message for the error
function redirect.target(settings, request, attempt, response)
  local status, location = response.status, response.headers.location
  if not REDIRECTS[status] then
    return nil, ("the server answered %d, which this call does not expect"):format(status)
  elseif not location or location == "" then
    return nil, ("the server answered %d without a Location"):format(status)
  end
  local target = url.join(attempt.url, location)
  local redacted = redact.text(url.without_userinfo(target), attempt.key)
  local parsed = url.parse(target)
  local why
  if not parsed or parsed.userinfo or parsed.origin ~= settings.target.origin then
    why = "not followed: the key only goes to " .. settings.target.origin
  elseif status ~= 307 and status ~= 308 and request.method ~= "GET" then
    why = ("not followed: a %d may turn %s into GET"):format(status, request.method)
  elseif attempt.redirects >= settings.max_redirects then
    why = ("not followed: over the limit max_redirects (%d)"):format(settings.max_redirects)
  else
    return target
  end
  local words = "the server redirects to %s, %s"
  return nil, words:format(excerpt.cut(redacted, settings), why)
end

return redirect
