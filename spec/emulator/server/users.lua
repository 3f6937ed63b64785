--- The account of the key.

local responses = require("server.responses")
local json = require("server.json")
local store = require("server.store")

local users = {}

--- The user's own fields, and the project that is the present one.
function users.me(ctx)
  if not ctx.user.id then
    error(responses.not_found("Not found."))
  end
  local keys, members = {}, json.members(json.encode(ctx.user.text))
  for name in pairs(members) do
    if name ~= "id" then
      keys[#keys + 1] = name
    end
  end
  table.sort(keys)
  local values = {}
  for _, name in ipairs(keys) do
    values[name] = json.raw(members[name])
  end
  local project = ctx.key.project or store.current
  values.team = json.raw(('{"id":%d,"name":"Project %d"}'):format(project, project))
  keys[#keys + 1] = "team"
  return responses.ok(json.object(keys, values))
end

return users
