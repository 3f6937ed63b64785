--- What the answers to earlier calls have told: whose key it is, and which skill
--- had a name. Clients that came of one another share it, as long as host,
--- project and key are the same.

local MOST_NAMES = 1000 -- then it begins anew: it is a help, and nothing depends on it

--- @class posthog.llm.Known
--- @field has_one_user boolean a function may give the keys of several
--- @field user? any the id of the user whose key it is
--- @field names integer how many there are in `skills`
--- @field skills table<string, string> when the first version of the skill was made that had the name last

local known = {}

local function new(has_one_user)
  return { has_one_user = has_one_user, skills = {}, names = 0 }
end

--- @param family table of clients
--- @param settings table of the client
--- @param key string|function? the option
--- @return posthog.llm.Known
function known.of(family, settings, key)
  if key ~= nil and type(key) ~= "string" then -- a function, or what can be called like one
    return new(false)
  end
  local target = settings.target and settings.target.base or ""
  local name = ("%s\n%s\n%s"):format(target, tostring(settings.project), key or "")
  family.known = family.known or {}
  family.known[name] = family.known[name] or new(true)
  return family.known[name]
end

--- Learns who made something that this key has just made.
--- @param self posthog.llm.Known
--- @param author any the user object
function known.learn_user(self, author)
  if self.has_one_user and type(author) == "table" and author.id ~= nil then
    self.user = author.id
  end
end

--- Learns what has a name, from any answer that shows the skill.
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
    if self.names >= MOST_NAMES then
      self.skills, self.names = {}, 0
    end
    self.names = self.names + 1
  end
  self.skills[name] = first
end

return known
