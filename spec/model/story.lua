--- A story: one call, what befalls its requests, what others do meanwhile and afterwards, and when a
--- write that was held back is done. All of it follows from the seed and the number.
---
---   kind      of kinds.lua          version   of the API: "reference" or "current"
---   cold      the client has made no call before, so that it does not know its user
---   creator   "A", the tried client, "B" or "D" makes what there is
---   old       the skill is older than the call by more than clocks differ
---   base      the version that the write names, or false
---   faults    list of { on = "write"|"read", nth, name }
---   events    list of { at, who, act }: before the request `at` of the call, or "after" it; `who` is B
---             and C, other users, of whom C's account is hidden in answers, or D, the same user with
---             another client; act "release" does the writes that were held

local chance = require("spec.soak.chance")
local faults = require("spec.model.faults")
local kinds = require("spec.model.kinds")
local others = require("spec.model.others")

local story = {}

local POINTS = 6 -- requests of the call before which something may happen
local QUIET = 0.15 -- of the stories, in which nobody else does anything

local function draw_faults(random, kind)
  local list = {}
  local writes = kind.method == "PATCH" and 2 or 3
  for nth = 1, writes do
    if random:falls(nth == 1 and 0.9 or 0.4) then
      list[#list + 1] = { on = "write", nth = nth, name = random:of(faults.WRITES).name }
    end
  end
  for nth = 1, 4 do
    if random:falls(0.12) then
      list[#list + 1] = { on = "read", nth = nth, name = random:of(faults.READS).name }
    end
  end
  return list
end

--- @return table? event nil: nobody may do that here
local function draw_act(random, told, kind, at)
  local who = random:of({ "B", "B", "C", "D" })
  local act = random:of(kind.others)
  if others.is_alike(act) and at ~= "after" and (told.cold or who == "D") then
    return nil
  end
  return { at = at, who = who, act = act }
end

local function draw_events(random, told, kind)
  local list = {}
  local function release(at, share)
    if random:falls(share) then
      list[#list + 1] = { at = at, who = "the server", act = "release" }
    end
  end
  for at = 1, POINTS do
    release(at, 0.06)
    if random:falls(at < 4 and 0.3 or 0.1) then
      list[#list + 1] = draw_act(random, told, kind, at)
    end
    release(at, 0.06)
  end
  for _ = 1, random:below(3) do
    list[#list + 1] = draw_act(random, told, kind, "after")
    release("after", 0.3)
  end
  return list
end

--- @param seed integer
--- @param number integer
--- @param version string of the API
--- @param only? string the kind
function story.draw(seed, number, version, only)
  local random = chance.new(seed, number)
  local kind
  repeat
    kind = only and kinds.find(only) or random:of(kinds.list)
    if only and kind.version and kind.version ~= version then
      return nil
    end
  until not kind.version or kind.version == version
  local told = {
    seed = seed,
    number = number,
    kind = kind.name,
    version = version,
    cold = random:falls(0.2),
    creator = random:of({ "A", "A", "B", "D" }),
    old = random:falls(0.2),
    base = (kind.based or random:falls(0.6)) and 1 + random:below(2),
    variant = random:below(1000),
  }
  if told.creator == "A" and told.cold then
    told.creator = "D"
  end
  told.faults = draw_faults(random, kind)
  told.events = random:falls(QUIET) and {} or draw_events(random, told, kind)
  return told
end

--- What befell the first write: by it the results are counted.
function story.first_fault(told)
  for _, fault in ipairs(told.faults) do
    if fault.on == "write" and fault.nth == 1 then
      return fault.name
    end
  end
  return "no fault"
end

--- Whether nothing else happens than what befalls the first write.
function story.is_quiet(told)
  return #told.events == 0
    and #told.faults <= 1
    and (not told.faults[1] or (told.faults[1].on == "write" and told.faults[1].nth == 1))
end

--- The story in lines of text.
--- @return string
function story.text(told)
  local lines = {
    ("%s, %s version of the API, base %s, variant %d"):format(
      told.kind,
      told.version,
      tostring(told.base),
      told.variant
    ),
    ("  %s client; what is there was made by %s%s"):format(
      told.cold and "a new" or "a used",
      told.creator,
      told.old and ", long ago" or ""
    ),
  }
  for _, fault in ipairs(told.faults) do
    lines[#lines + 1] = ("  %s %d: %s"):format(fault.on, fault.nth, fault.name)
  end
  for _, event in ipairs(told.events) do
    local when = event.at == "after" and "afterwards" or "before request " .. event.at
    lines[#lines + 1] = ("  %s: %s: %s"):format(when, event.who, event.act)
  end
  return table.concat(lines, "\n")
end

local function without(list, i)
  local copy = {}
  for j, one in ipairs(list) do
    if j ~= i then
      copy[#copy + 1] = one
    end
  end
  return copy
end

local function with(told, changes)
  local copy = {}
  for name, value in pairs(told) do
    copy[name] = value
  end
  for name, value in pairs(changes) do
    copy[name] = value
  end
  return copy
end

--- The stories that are shorter by one thing.
--- @return table[]
function story.shorter(told)
  local list = {}
  for _, part in ipairs({ "events", "faults" }) do
    for i in ipairs(told[part]) do
      list[#list + 1] = with(told, { [part] = without(told[part], i) })
    end
  end
  if told.old then
    list[#list + 1] = with(told, { old = false })
  end
  if told.base and told.base > 1 then
    list[#list + 1] = with(told, { base = 1 })
  end
  return list
end

return story
