--- What a test can switch while the emulator runs. One table of defaults, one of values.

local times = require("server.times")

local settings = {}

local DEFAULTS = {
  profile = "reference", -- which server to play: a file of server/profiles; see settings.start
  log = true, -- keep the log of requests; benches switch it off
  log_max = 20000, -- entries kept in memory
  rate_limit = 0, -- calls a key may make within rate_window; 0 is no limit
  spend_rate_limit = 0, -- the same for the spend endpoint, which has a count of its own
  list_rate_limit = 0, -- current: the same for the list of skills, which has one of its own
  export_rate_limit = 0, -- current: the same for exports of datasets, which count twice
  bundle_rate_limit = 0, -- current: the same for the bundle of skills, which counts twice
  rate_window = 60, -- seconds
  rate_limit_by = "key", -- who shares a limit: a key, or all keys of the organization
  retry_after = true, -- send Retry-After with a 429
  www_authenticate = true, -- send WWW-Authenticate with a 401
  request_id = "X-Request-Id", -- the header with the id of a request; "" sends none
  link_origin = "", -- scheme and host of next and previous; "" takes those of the request
  clock = "", -- a fixed timestamp instead of the time of day
  clock_step = 0.000001, -- seconds that a fixed clock moves on at each use
  json_nul = "stored", -- \u0000 in free JSON: stored or error (500)
  wide_integers = "stored", -- integers beyond 64 bits in it: stored, or breaks what shows them (500)
  jsonb = false, -- free JSON comes back as from the database: names sorted, numbers spelt anew
  chance = 1, -- decides which requests the share of a fault falls on
  old_rows = false, -- whether new datasets and items have nulls as old ones do
  file_limit = 50, -- files of a skill
  version_limit = 2000, -- versions of a skill
  first_owner = "creator", -- current: who owns a new skill that names nobody: creator or nobody
  create_own_metadata = "kept", -- current: the server's keys of metadata in a create: kept or dropped
  file_digests = true, -- current: whether size and sha256 of a file are known
  bundled_skills = "signals-scout-sample review-hog-sample", -- current: names nobody may create
  locked_skills = "", -- current: names of skills that cannot be archived
  locked_status = 400, -- current: the status for archiving one of them
  search = "serve", -- current: the search of skills: serve or timeout (503)
  skill_feature = true, -- whether skills are switched on
  dataset_feature = true, -- current: whether datasets are switched on
  dataset_limit = 20, -- current: datasets of a project, archived ones too; 0 is no limit
  item_limit = 600, -- current: items of a dataset, archived ones too; 0 is no limit
  item_bytes = 406666, -- current: bytes of an item's four JSON fields as one object
  item_version_limit = 40, -- current: versions of an item; 0 is no limit
  item_archive_limit = 39, -- current: versions with which an item is not archived any more; 0: any
  conflict_nulls = false, -- current: whether a 409 has nulls for what it does not tell
  bundle = "serve", -- current: the bundle of skills: serve, absent (404) or unknown (503)
  export_polls = 1, -- current: how often an export is seen pending after it was asked for
  export_outcome = "complete", -- current: what it is then: complete or failed
  export_lines = "full", -- current: a line of an export: full, or short as older servers had it
  export_archived = false, -- current: whether archived items are in it
  export_copies = 1, -- current: how often each line is there, for large ones
  export_transfer = "length", -- current: with a Content-Length, or chunked
  spend = "serve", -- serve, empty, absent (as self-hosted), redirect (as the EU cloud once did), relay (as
  -- it does now), or relay_400, relay_429, relay_502: what it may hand on
  spend_without = "", -- parts of the response, and fields of their rows, that this server does not have
  spend_traces = false, -- current: whether top_traces is still there, empty
  relative_dates = "exact", -- where -7d begins: exact, or at midnight
  spend_redirect = "https://us.posthog.com", -- where spend = "redirect" points
  own_key = "serve", -- what a key learns of itself: serve, denied (as older ones) or absent
  environments = "serve", -- what /api/environments/ does: serve, deprecated, redirect or absent
  unknown_method = "not_allowed", -- a method that a route does not have: that (405) or denied (403)
}

--- Settings that are one word of several.
local CHOICES = {
  spend = "serve empty redirect absent relay relay_400 relay_429 relay_502",
  relative_dates = "exact midnight",
  rate_limit_by = "key organization",
  environments = "serve deprecated redirect absent",
  unknown_method = "not_allowed denied",
  export_outcome = "complete failed",
  export_lines = "full short",
  export_transfer = "length chunked",
  json_nul = "stored error",
  wide_integers = "stored breaks",
  bundle = "serve absent unknown",
  create_own_metadata = "kept dropped",
  first_owner = "creator nobody",
  search = "serve timeout",
  own_key = "serve denied absent",
}

local values = {}
settings.values = values

--- The profile of that name, or nil.
local function find_profile(name)
  if not name:find("^%l+$") then
    return nil
  end
  local ok, profile = pcall(require, "server.profiles." .. name)
  return ok and profile or nil
end

--- Plays another profile: the settings whose default it changes take that default.
local function play(name)
  if values.profile then
    for changed in pairs(find_profile(values.profile).settings) do
      values[changed] = DEFAULTS[changed]
    end
  end
  for changed, value in pairs(find_profile(name).settings) do
    values[changed] = value
  end
  values.profile = name
end

function settings.reset()
  for name, value in pairs(DEFAULTS) do
    values[name] = value
  end
  play(DEFAULTS.profile)
end

--- Chooses the profile that is played from now on and after each reset.
function settings.start(profile)
  DEFAULTS.profile = profile
  settings.reset()
end

--- Takes over the given ones.
--- @return string? err what is wrong with them; then nothing has changed
function settings.change(changes)
  for name, value in pairs(changes) do
    if DEFAULTS[name] == nil then
      return "unknown setting: " .. tostring(name)
    end
    if type(value) ~= type(DEFAULTS[name]) then
      return ("setting %s wants a %s"):format(name, type(DEFAULTS[name]))
    end
    local choices = CHOICES[name]
    if choices and not (" " .. choices .. " "):find(" " .. value .. " ", 1, true) then
      return ("setting %s wants one of: %s"):format(name, choices)
    end
  end
  if changes.clock and changes.clock ~= "" and not times.parse(changes.clock) then
    return "setting clock wants a timestamp such as 2026-05-14T10:02:11Z"
  end
  if changes.profile and not find_profile(changes.profile) then
    return "no profile " .. changes.profile
  end
  if changes.profile and changes.profile ~= values.profile then
    play(changes.profile)
  end
  for name, value in pairs(changes) do
    values[name] = value
  end
end

settings.reset()

return settings
