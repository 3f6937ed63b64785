--- What has become of a write whose answer is lost, by what can be read
--- afterwards. A rule is one line: where all that it names is so, its verdict
--- holds; the first that fits decides; where none does, it cannot be known.
--- doc/reliability.md has the same lines with the proof of each.

local rules = {
  --- The write was done, once.
  HAPPENED = "happened",
  --- It was not done and will not be, should the request still be on its way.
  REFUSED = "refused",
  --- It has not been done so far, and one more request does it once: the server
  --- refuses the second of two.
  FREE = "free",
  --- Neither can be shown.
  UNKNOWN = "unknown",
}

--- Whether the call has made a version or a row that is there.
---   time     "since" the call began, or "before", by more than clocks may differ
---   author   "self", "other"; "unknown": the client has not seen yet who it is;
---            nil: the row does not say
---   content  what was sent is what is stored: "equal", "differs"
rules.MADE = {
  { "no", time = "before" },
  { "no", author = "other" },
  { "no", content = "differs" },
  { "yes", time = "since", author = "self", content = "equal" },
  { "yes", time = "since", author = "unknown", content = "equal" },
}

--- A write that names the version it is based on: of a skill, or of an item,
--- which is never another one.
---   skill    "same": the one that had the name when the call began
---   made     by this call: version base + 1; "none": there is none yet
---   requests "one" or "two" of this call may have been done
rules.NEXT_VERSION = {
  { rules.HAPPENED, made = "yes", requests = "one" },
  { rules.HAPPENED, made = "yes", skill = "same" },
  { rules.REFUSED, made = "no", skill = "same" },
  { rules.FREE, made = "none", skill = "same" },
}

--- A write on files without a base: the history since the call began has a
--- version that is the one before with just this change.
rules.ANY_VERSION = {
  { rules.HAPPENED, made = "yes" },
}

--- A new skill or dataset, or a copy of a skill, under a name that only one can have.
---   made   by this call: version 1 of the name
---   skill  "same": it had the name when the call began
rules.FIRST_VERSION = {
  { rules.REFUSED, skill = "known" },
  { rules.HAPPENED, made = "yes" },
  { rules.REFUSED, skill = "same" },
}

--- An archive, which leaves nothing to read.
---   skill  "gone": the API itself says that no skill has the name
rules.ARCHIVE = {
  { rules.HAPPENED, skill = "gone" },
}

--- A skill's new name.
---   new, old  what has that name now: "it", the skill that is renamed; "other"; "gone"
rules.RENAME = {
  { rules.HAPPENED, new = "it" },
  { rules.REFUSED, old = "it", new = "other" },
}

--- Owners are no part of a version: the last writer wins.
---   owners  "equal": those that were sent
rules.OWNERS = {
  { rules.HAPPENED, owners = "equal" },
}

--- An item with a key of the caller's own, which no second one can ever have.
---   made  by this call: version 1 of the item with that key
rules.KEYED_ITEM = {
  { rules.HAPPENED, made = "yes" },
  { rules.REFUSED, made = "no" },
}

local function fits(rule, evidence)
  for name, value in pairs(rule) do
    if name ~= 1 and evidence[name] ~= value then
      return false
    end
  end
  return true
end

--- @param list table one of the above
--- @param evidence table<string, string>
--- @return string verdict rules.UNKNOWN where no rule fits
function rules.decide(list, evidence)
  for _, rule in ipairs(list) do
    if fits(rule, evidence) then
      return rule[1]
    end
  end
  return rules.UNKNOWN
end

return rules
