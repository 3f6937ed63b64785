--- Keys, scopes and projects: who may do what. All keys are for tests only.

local responses = require("server.responses")
local json = require("server.json")
local settings = require("server.settings").values
local store = require("server.store")

local auth = {}

local ZOE = {
  id = "48213",
  uuid = "0192f3a4-6b1e-7c55-9d02-3f7be1c0a911",
  email = "zoe.nunez@example.net",
  text = json.raw(
    '{"id":48213,"uuid":"0192f3a4-6b1e-7c55-9d02-3f7be1c0a911",'
      .. '"distinct_id":"rQ7xk2ZpT0mVb9LwYh3Nc5Jd8Gs1Fa6E","first_name":"Zoë",'
      .. '"last_name":"Núñez-Ōta","email":"zoe.nunez@example.net","is_email_verified":true,'
      .. '"hedgehog_config":{"use_as_profile":true,"color":"green",'
      .. '"accessories":["beret","glasses"],"skin":"default"},'
      .. '"role_at_organization":"engineering"}'
  ),
}
local LI = {
  id = "9007199254740993", -- as text: no number of Lua holds it
  uuid = "018e44c0-91aa-7d10-8f3e-0c2b7aa1d4e2",
  email = "li+ml@example.org",
  text = json.raw(
    '{"id":9007199254740993,"uuid":"018e44c0-91aa-7d10-8f3e-0c2b7aa1d4e2",'
      .. '"distinct_id":null,"first_name":"李","last_name":"","email":"li+ml@example.org",'
      .. '"is_email_verified":null,"hedgehog_config":null,"role_at_organization":null}'
  ),
}
local GONE = { email = nil, text = json.raw("null") } -- rows of a removed account

local function scopes(list)
  local set = {}
  for scope in list:gmatch("%S+") do
    set[scope] = true
    local resource = scope:match("^(.-):write$")
    if resource then
      set[resource .. ":read"] = true
    end
  end
  return set
end

--- The accounts that are still there.
local USERS = { ZOE, LI }

--- The account that has this `id` or `uuid`, or nil.
function auth.find_user(field, value)
  for _, user in ipairs(USERS) do
    if user[field] == value then
      return user
    end
  end
end

--- Whose rows seeded ones are.
auth.default_user = ZOE

local ALL_WRITE = scopes("llm_skill:write dataset:write user:read")

--- @type table<string, { user: table, scopes: table, project: integer? }>
local KEYS = {
  phx_emulator_all = { user = ZOE, scopes = scopes("*") },
  phx_emulator_write = { user = ZOE, scopes = ALL_WRITE },
  phx_emulator_read = { user = ZOE, scopes = scopes("llm_skill:read dataset:read user:read") },
  phx_emulator_skills = { user = ZOE, scopes = scopes("llm_skill:write") },
  phx_emulator_datasets = { user = ZOE, scopes = scopes("dataset:write") },
  phx_emulator_none = { user = ZOE, scopes = {} },
  phx_emulator_elsewhere = { user = ZOE, scopes = scopes("*"), project = 271828 },
  phx_emulator_li = { user = LI, scopes = scopes("*") },
  phx_emulator_gone = { user = GONE, scopes = scopes("*") },
  pha_emulator_oauth = { user = ZOE, scopes = ALL_WRITE },
  emulator_key_without_prefix = { user = ZOE, scopes = scopes("*") },
}

local function refuse(code, detail)
  local response = responses.not_authenticated(code, detail)
  if settings.www_authenticate then
    response.headers["WWW-Authenticate"] = "Bearer resource_metadata="
      .. '"https://us.posthog.com/.well-known/oauth-protected-resource"'
  end
  error(response)
end

--- Finds the key of the request; throws a 401 without a good one.
function auth.identify(ctx)
  local header = ctx.headers["authorization"]
  if type(header) == "table" then
    header = header[1]
  end
  local text = header and header:match("^Bearer%s+(.-)%s*$")
  if not text or text == "" then
    refuse("not_authenticated", "Authentication credentials were not provided.")
  end
  local key = KEYS[text]
  if not key then
    refuse(
      "authentication_failed",
      "The personal API key in the Authorization header is not valid."
    )
  end
  ctx.key, ctx.key_text, ctx.user = key, text, key.user
end

--- Resolves the project of the path; throws a 404 or 403.
function auth.enter_project(ctx, id)
  if id == "@current" then
    id = tostring(ctx.key.project or store.current)
  end
  local project = id:match("^%d+$") and store.projects[tonumber(id)]
  if not project then
    error(responses.not_found("Project not found."))
  end
  if project.foreign or (ctx.key.project and ctx.key.project ~= project.id) then
    error(responses.denied(("The key cannot be used for project %d."):format(project.id)))
  end
  ctx.project = project
end

--- Throws a 403 when the key lacks the scope; "any" requires none.
function auth.require_scope(ctx, scope)
  if scope ~= "any" and not ctx.key.scopes["*"] and not ctx.key.scopes[scope] then
    error(responses.denied(("The key lacks the scope '%s'"):format(scope)))
  end
end

--- GET personal_api_keys/@current: what any personal key may read about itself, without a scope.
function auth.own_key(ctx)
  if settings.own_key == "denied" then
    error(responses.denied("The key lacks the scope 'personal_api_key:read'"))
  elseif settings.own_key == "absent" then
    error(responses.not_found("Endpoint not found."))
  elseif ctx.key_text:find("^pha_") then
    refuse("authentication_failed", "This takes a personal API key only.")
  end
  local list = {}
  for scope in pairs(ctx.key.scopes) do
    list[#list + 1] = json.string(scope)
  end
  table.sort(list)
  return responses.ok(
    (
      '{"id":"k%s","label":"%s","value":null,"mask_value":"phx_...%s",'
      .. '"created_at":"2026-01-05T10:00:00Z","last_used_at":"2026-11-20","user_id":%s,'
      .. '"scopes":[%s],"scoped_teams":[%s],"scoped_organizations":[],"last_rolled_at":null}'
    ):format(
      #ctx.key_text,
      ctx.key_text:match("[^_]*$"),
      ctx.key_text:sub(-4),
      ctx.user.id or "0",
      table.concat(list, ","),
      ctx.key.project or ""
    )
  )
end

return auth
