--- The outcome of a write with a lost response, from what is read back afterwards. A rule is one
--- line: a verdict and its conditions. The first rule whose conditions all hold decides; if there
--- is none, the outcome is unknown. doc/reliability.md has the same lines with the proof of each.

local rules = {
  --- The write has happened, once.
  HAPPENED = "happened",
  --- It has not happened and will not, even if the request is still on its way.
  REFUSED = "refused",
  --- It has not happened so far, and can be repeated safely: the server refuses the second of two
  --- requests.
  FREE = "free",
  --- None of these can be proved.
  UNKNOWN = "unknown",
}

--- Whether the call has made a version or a row that exists.
---   time     "since" the call began, or "before", by more than the clock skew
---   author   "self", "other"; "unknown": the client does not know yet who owns its key;
---            nil: the row does not say
---   content  what is stored compared with what was sent: "equal", "differs"
rules.MADE = {
  { "no", time = "before" },
  { "no", author = "other" },
  { "no", content = "differs" },
  { "yes", time = "since", author = "self", content = "equal" },
  { "yes", time = "since", author = "unknown", content = "equal" },
}

--- A write that names the version it is based on, of a skill or of an item (for an item, `skill` is
--- always "same").
---   skill    "same": the one that had the name when the call began
---   made     whether this call made version base + 1; "none": that version does not exist yet
---   requests "one" or "two": how many requests of this call may have taken effect
rules.NEXT_VERSION = {
  { rules.HAPPENED, made = "yes", requests = "one" },
  { rules.HAPPENED, made = "yes", skill = "same" },
  { rules.REFUSED, made = "no", skill = "same" },
  { rules.FREE, made = "none", skill = "same" },
}

--- A write on files without a base version: the history since the call began has a version that
--- equals the one before except for this change.
rules.ANY_VERSION = {
  { rules.HAPPENED, made = "yes" },
}

--- A new skill or dataset, or a copy of a skill, under a unique name.
---   made   whether this call made version 1 under the name
---   skill  "same": what has the name had it when the call began; "known": a response before the call
---          showed it
rules.FIRST_VERSION = {
  { rules.REFUSED, skill = "known" },
  { rules.HAPPENED, made = "yes" },
  { rules.REFUSED, skill = "same" },
}

--- An archive, after which nothing can be read.
---   skill  "gone": the API itself says that no skill has the name
rules.ARCHIVE = {
  { rules.HAPPENED, skill = "gone" },
}

--- The rename of a skill.
---   new, old  which skill has that name now: "it", the one to rename; "other"; nil: none, or unknown
rules.RENAME = {
  { rules.HAPPENED, new = "it" },
  { rules.REFUSED, old = "it", new = "other" },
}

--- Owners do not belong to a version: the last writer wins.
---   skill   "same": the one that had the name before the call
---   before  "differs": before the call the skill had other owners than those that were sent
---   owners  "equal": now it has those that were sent
rules.OWNERS = {
  { rules.HAPPENED, skill = "same", before = "differs", owners = "equal" },
}

--- An item with a client_item_id, which no second item can ever have.
---   made  whether this call made version 1 of the item with that key
rules.KEYED_ITEM = {
  { rules.HAPPENED, made = "yes" },
  { rules.REFUSED, made = "no" },
}

local function holds(rule, evidence)
  for name, value in pairs(rule) do
    if name ~= 1 and evidence[name] ~= value then
      return false
    end
  end
  return true
end

--- @param list table one of the above
--- @param evidence table<string, string>
--- @return string verdict rules.UNKNOWN if no rule holds
function rules.decide(list, evidence)
  for _, rule in ipairs(list) do
    if holds(rule, evidence) then
      return rule[1]
    end
  end
  return rules.UNKNOWN
end

return rules
