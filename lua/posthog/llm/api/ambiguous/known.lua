--- What the responses of earlier calls have shown: who owns the key, and which skill has a name.
--- Clients made from one another with `with` share it as long as host, project and key are the
--- same.

local MAX_NAMES = 1000 -- beyond that all are forgotten: correctness does not depend on them

--- @class posthog.llm.Known
--- @field has_one_user boolean false when the key is a function, which may return keys of several
---   users
--- @field user? any the id of the key's owner
--- @field names integer the number of entries in `skills`
--- @field skills table<string, string> by name: the `first_version_created_at`, which identifies a
---   skill, of the skill that a response last showed under it

local known = {}

local function new(has_one_user)
  return { has_one_user = has_one_user, skills = {}, names = 0 }
end

--- @param family table of clients
--- @param settings table of the client
--- @param key string|function? the option
--- @return posthog.llm.Known
function known.of(family, settings, key)
  if key ~= nil and type(key) ~= "string" then -- a function, or a callable table
    return new(false)
  end
  local target = settings.target and settings.target.base or ""
  local name = ("%s\n%s\n%s"):format(target, tostring(settings.project), key or "")
  family.known = family.known or {}
  family.known[name] = family.known[name] or new(true)
  return family.known[name]
end

--- Learns who owns the key, from something that was just made with it.
--- @param self posthog.llm.Known
--- @param author any the user object
function known.learn_user(self, author)
  if self.has_one_user and type(author) == "table" and author.id ~= nil then
    self.user = author.id
  end
end

--- Learns which skill has a name, from any response that shows it.
--- @param self posthog.llm.Known
--- @param skill any
function known.learn_skill(self, skill)
  if type(skill) ~= "table" then
    return
  end
  local name, first = skill.name, skill.first_version_created_at
  if type(name) ~= "string" or type(first) ~= "string" then
    return
  end
  if not self.skills[name] then
    if self.names >= MAX_NAMES then
      self.skills, self.names = {}, 0
    end
    self.names = self.names + 1
  end
  self.skills[name] = first
end

return known
