--- The keys of a skill's metadata that the server keeps for itself.

local json = require("server.json")
local profile = require("server.profile")
local settings = require("server.settings").values

local own_metadata = {}

--- Members, as raw texts by name, as an object.
local function object(members)
  local texts = {}
  for name, raw in pairs(members) do
    texts[#texts + 1] = json.string(name) .. ":" .. raw
  end
  table.sort(texts)
  return json.raw("{" .. table.concat(texts, ",") .. "}")
end

--- The metadata of a version: what the caller gave, with the row's own values of the server's keys.
--- @param given { raw: string }? nil when the caller sent none
--- @param before { raw: string }
function own_metadata.published(given, before)
  local own = profile().skill.own_metadata
  if not given or not own then
    return given
  end
  local members, kept = json.members(given.raw), json.members(before.raw)
  for name in pairs(own) do
    members[name] = kept[name]
  end
  return object(members)
end

--- The metadata of a new skill. Whether the server's keys are dropped is said by a setting.
function own_metadata.created(given)
  if settings.create_own_metadata == "kept" then
    return given
  end
  return own_metadata.published(given, { raw = "{}" })
end

--- The metadata of a copy of a skill.
function own_metadata.duplicated(before)
  if not profile().skill.own_metadata then
    return before
  end
  local members = json.members(before.raw)
  members.seeded_by = nil
  return object(members)
end

return own_metadata
