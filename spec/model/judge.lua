--- Compares what a call has told with what the server has done, by the server's own account.

local cjson = require("cjson").new()
local kinds = require("spec.model.kinds")
local stage = require("spec.model.stage")

local judge = {}

--- The writes whose handler ran, in the order in which it did.
local function writes_of(log)
  local list = {}
  for _, entry in ipairs(log) do
    if entry.order then
      list[#list + 1] = entry
    end
  end
  table.sort(list, function(a, b)
    return a.order < b.order
  end)
  return list
end

local function ends(target, tail)
  return target:gsub("%?.*", ""):sub(-#tail) == tail
end

--- What a write did to the names of skills: the one that is made, and the one that goes.
local function names_of(entry)
  if not entry.applied or not entry.target:find("/llm_skills/", 1, true) then
    return nil
  end
  local name = entry.target:match("/name/([^/]+)/")
  local body = entry.body ~= "" and cjson.decode(entry.body) or {}
  if ends(entry.target, "/llm_skills/") then
    return body.name, nil
  end
  if ends(entry.target, "/archive/") then
    return nil, name
  end
  if ends(entry.target, "/duplicate/") then
    return body.new_name, nil
  end
  if ends(entry.target, "/rename/") then
    return body.new_name, name
  end
end

--- Whether the write did something; kinds may have answers of their own for that.
local function has_written(kind, entry)
  if kind.answers then
    return kind.answers[entry.handled] == true
  end
  return entry.applied
end

--- Which skill has a name, told by the place of its making.
--- @param writes table[] in order
--- @param initial any what has it before
--- @param count integer how many of the writes have been done
local function holder(writes, name, initial, count)
  local found = initial
  for _, entry in ipairs(writes) do
    if entry.order <= count then
      local made, gone = names_of(entry)
      if made == name then
        found = entry.order
      end
      if gone == name then
        found = nil
      end
    end
  end
  return found
end

--- Goes through the writes.
--- @return table truth
---   applied  how often a request of the call wrote something
---   beyond   one did after others had archived or made a skill of these names behind the call's
---            return: what is assumed not to be
---   missed   an archive of the call took a skill away after its return, which the name had by then
---   left     at the return the name has the skill still that it had when the first request came in
local function find_out(kind, result)
  local writes, name = writes_of(result.log), result.world.name
  local truth, arrived, returned, changed = { applied = 0 }, math.huge, math.huge, false
  for _, entry in ipairs(result.log) do
    if stage.is_tried(entry) then
      arrived = math.min(arrived, entry.writes)
    end
    if stage.is_return(entry) then
      returned = entry.writes
    end
  end
  --- What had the name when there were so many writes.
  local function holder_at(count)
    return holder(writes, name, result.world.old_name, count)
  end
  for _, entry in ipairs(writes) do
    local made, gone = names_of(entry)
    if stage.is_tried(entry) and has_written(kind, entry) then
      truth.applied = truth.applied + 1
      truth.beyond = truth.beyond or changed
      truth.missed = truth.missed
        or (gone == name and entry.order > returned and holder_at(returned) ~= nil)
    end
    changed = changed or (stage.is_later(entry) and (made or gone) ~= nil)
  end
  truth.left = holder_at(arrived) ~= nil and holder_at(returned) == holder_at(arrived)
  return truth
end

--- @param told table the story
--- @param result table of stage.play
--- @return string outcome "ok", "failed", "ambiguous", "beyond" or "wrong"
--- @return string? why
function judge.decide(told, result)
  local kind = kinds.find(told.kind)
  local truth, err = find_out(kind, result), result.err
  local outcome = not err and "ok" or err.ambiguous and "ambiguous" or "failed"
  local why
  if outcome == "ambiguous" then
    why = type(err.sent_at) ~= "number" and "ambiguous without sent_at"
  elseif outcome == "failed" then
    why = truth.applied > 0 and "it is said not to have happened, and did"
  elseif told.kind == "skills:archive" then
    why = (truth.missed and "it took a skill away afterwards")
      or (truth.applied > 1 and "it was done twice")
      or (truth.applied == 0 and truth.left and "the skill is still there")
  elseif kind.once and told.kind:find("^dataset_items:archive") and not told.base then
    why = truth.applied > 1 and "it was done twice" -- or was so already
  elseif kind.once then
    why = truth.applied ~= 1
      and ("it is said to have happened, and did %d times"):format(truth.applied)
  else
    why = truth.applied == 0 and "it is said to have happened, and did not"
  end
  if why and truth.beyond then
    return "beyond", why
  end
  if why then
    return "wrong", why
  end
  return outcome, nil, truth
end

return judge
