--- The spend endpoint: its parameters, its cache, and where it is not served.

local responses = require("server.responses")
local figures = require("server.spend_figures")
local profile = require("server.profile")
local settings = require("server.settings").values
local store = require("server.store")
local text = require("server.text")
local times = require("server.times")
local validate = require("server.validate")

local spend = {}

local CACHE_SECONDS = 300
local MAX_DAYS = 90

local function known_product(product, attr)
  if product ~= "posthog_code" then
    error(
      responses.invalid(attr, "invalid_choice", ('"%s" is not a valid choice.'):format(product))
    )
  end
end

local BUCKET_MINUTES = { [5] = true, [15] = true, [30] = true, [60] = true }
local MAX_BUCKETS = 600

local function known_bucket(minutes, attr)
  if not BUCKET_MINUTES[minutes] then
    error(
      responses.invalid(attr, "invalid_choice", ('"%d" is not a valid choice.'):format(minutes))
    )
  end
end

local function bucketed()
  return profile().spend.bucketed
end

local FIELDS = {
  { "date_from", "string", max = 32 },
  { "date_to", "string", max = 32 },
  { "product", "string", required = true, max = 64, check = known_product },
  { "limit", "integer", min = 1, max = 200 },
  { "refresh", "boolean" },
  { "bucket_minutes", "integer", check = known_bucket, when = bucketed },
}

local function relative(value, now)
  local at = times.parse_relative(value, now)
  if at and settings.relative_dates == "midnight" then
    at = at - at % times.DAY
  end
  return at
end

--- One end of the window; throws when it cannot be read.
local function moment(value, attr, now)
  local at = times.parse(value) or times.parse_date(value) or relative(value, now)
  if not at then
    error(
      responses.invalid(
        attr,
        "invalid_input",
        "Use an ISO 8601 date or a relative one such as -7d."
      )
    )
  end
  return at
end

local cache = {}

function spend.reset()
  cache = {}
end

--- The redirect of the older EU cloud: to another host, with the known parameters only.
local function redirect(ctx)
  local parts = {}
  for _, name in ipairs({ "date_from", "date_to", "limit", "product", "refresh" }) do
    local value = ctx.query[name]
    if value then
      parts[#parts + 1] = name .. "=" .. text.escape_query(value)
    end
  end
  return responses.empty(302, {
    ["Content-Type"] = "text/html; charset=utf-8",
    ["Location"] = settings.spend_redirect
      .. "/api/llm_analytics/@me/spend/"
      .. (#parts > 0 and "?" .. table.concat(parts, "&") or ""),
  })
end

--- Responses that come from the other region, by the setting that asks for them: any shape.
local RELAYED = {
  relay_400 = function()
    return responses.ok('{"error":"bad_request"}', 400)
  end,
  relay_429 = function()
    return responses.ok('{"error":"slow_down"}', 429)
  end,
  relay_502 = function()
    return responses.envelope(
      502,
      "server_error",
      "cross_region_upstream_unavailable",
      "The spend analysis cannot be had right now."
    )
  end,
}

--- The window that the query asks for; throws when it is invalid, or has too many parts.
local function window_of(query, now)
  local to = query.date_to and moment(query.date_to, "date_to", now) or now
  local from = moment(query.date_from or "-30d", "date_from", now)
  local minutes = query.bucket_minutes
  if to <= from then
    error(responses.invalid("date_to", "invalid_input", "date_to has to be after date_from."))
  elseif to - from > MAX_DAYS * times.DAY then
    error(
      responses.invalid(
        "date_from",
        "invalid_input",
        ("The window has at most %d days."):format(MAX_DAYS)
      )
    )
  elseif minutes and to - from > MAX_BUCKETS * minutes * 60 * times.SECOND then
    error(
      responses.invalid(
        "bucket_minutes",
        "invalid_input",
        ("The window has more than %d buckets."):format(MAX_BUCKETS)
      )
    )
  end
  return {
    from = from,
    to = to,
    product = query.product,
    limit = query.limit or 50,
    bucket_minutes = minutes,
  }
end

--- Whether this is another cloud than the one that has the figures. Its route needs the last slash.
local function is_relay()
  return settings.spend == "redirect" or settings.spend:find("^relay") ~= nil
end

function spend.get(ctx)
  if settings.spend == "absent" or is_relay() and ctx.raw_path:sub(-1) ~= "/" then
    error(responses.not_found("Endpoint not found."))
  end
  if settings.spend == "redirect" then
    return redirect(ctx)
  end
  if RELAYED[settings.spend] then
    return RELAYED[settings.spend]()
  end
  if not ctx.user.email then
    error(responses.denied("The user has no e-mail address."))
  end
  local query = validate.query(ctx, FIELDS)
  local now = store.now()
  local window = window_of(query, now)
  local name = table.concat({
    ctx.user.email,
    query.date_from or "-30d",
    query.date_to or "",
    query.product,
    window.limit,
    query.bucket_minutes or "",
    settings.spend,
    settings.profile,
    settings.spend_without,
    tostring(settings.spend_traces),
  }, "\0")
  local kept = cache[name]
  if not query.refresh and kept and now - kept.at < CACHE_SECONDS * times.SECOND then
    return responses.ok(kept.body)
  end
  local body = figures.write(profile().spend, window)
  cache[name] = { at = now, body = body }
  return responses.ok(body)
end

return spend
