--- Names of the plugin's buffers. A path stands in them as it is, whatever characters it holds.

local uri = {}

local SCHEME = "posthog://"

--- @class posthog.nvim.Uri
--- @field kind "overview"|"skills"|"files"|"file"|"datasets"|"items"|"item"
--- @field name? string of the skill
--- @field version? integer of the skill; nil: the latest
--- @field path? string "SKILL.md" or that of a bundled file
--- @field dataset? string id
--- @field item? string id; nil, of kind "item": one that is to be created

local LONGEST_VERSION = 9 -- digits

local function skill(rest)
  local owner, path = rest:match("^([^/]+)/(.*)$")
  if not owner then
    return nil, "a skill is posthog://skills/NAME/"
  end
  local name, version = owner, nil
  if owner:find("@", 1, true) then
    name, version = owner:match("^([^@]+)@([1-9]%d*)$")
    if not name or #version > LONGEST_VERSION then
      return nil,
        ("invalid version in %q: posthog://skills/NAME@3/SKILL.md is version 3"):format(owner)
    end
  end
  if name == "." or name == ".." then
    return nil, ("no skill can be named %q"):format(name)
  end
  local found = { name = name, version = tonumber(version) }
  if path == "" then
    found.kind = "files"
  else
    found.kind, found.path = "file", path
  end
  return found
end

local function dataset(rest)
  local id, item = rest:match("^([^/]+)/(.*)$")
  if not id then
    return nil, "a dataset is posthog://datasets/ID/"
  elseif item == "" then
    return { kind = "items", dataset = id }
  end
  local item_id = item:match("^([^/]+)%.json$")
  if not item_id then
    return nil,
      "an item is posthog://datasets/ID/ITEM.json, a new one posthog://datasets/ID/new.json"
  end
  return { kind = "item", dataset = id, item = item_id ~= "new" and item_id or nil }
end

--- @param name string of a buffer
--- @return posthog.nvim.Uri? found
--- @return string? reason
function uri.parse(name)
  local rest = name:match("^posthog://(.*)$")
  if not rest then
    return nil, "the name does not begin with posthog://"
  elseif rest == "" then
    return { kind = "overview" }
  elseif rest == "skills/" or rest == "skills" then
    return { kind = "skills" }
  elseif rest == "datasets/" or rest == "datasets" then
    return { kind = "datasets" }
  end
  local first, more = rest:match("^(%w+)/(.+)$")
  if first == "skills" then
    return skill(more)
  elseif first == "datasets" then
    return dataset(more)
  end
  return nil, ("%q is not known: posthog://skills/ and posthog://datasets/ are"):format(name)
end

--- @param at posthog.nvim.Uri
--- @return string name of its buffer
function uri.format(at)
  if at.kind == "overview" then
    return SCHEME
  elseif at.kind == "skills" or at.kind == "datasets" then
    return SCHEME .. at.kind .. "/"
  elseif at.name then
    local version = at.version and "@" .. at.version or ""
    return ("%sskills/%s%s/%s"):format(SCHEME, at.name, version, at.path or "")
  end
  local item = at.kind == "item" and (at.item or "new") .. ".json" or ""
  return ("%sdatasets/%s/%s"):format(SCHEME, at.dataset, item)
end

--- @param name string of a skill
--- @param path? string default: SKILL.md
--- @param version? integer
--- @return string
function uri.of_file(name, path, version)
  return uri.format({ kind = "file", name = name, path = path or "SKILL.md", version = version })
end

--- What `-` goes to.
--- @param at posthog.nvim.Uri
--- @return string? name nil: there is nothing above
function uri.parent(at)
  if at.kind == "overview" then
    return nil
  elseif at.kind == "file" then
    return uri.format({ kind = "files", name = at.name, version = at.version })
  elseif at.kind == "item" then
    return uri.format({ kind = "items", dataset = at.dataset })
  elseif at.kind == "files" then
    return uri.format({ kind = "skills" })
  elseif at.kind == "items" then
    return uri.format({ kind = "datasets" })
  end
  return SCHEME
end

return uri
