--- What becomes of a file that was changed here, there or on both sides.

local plan = {}

--- @alias posthog.llm.SkillFolderAction
--- | "none"  both sides agree
--- | "keep"  only this side has changed it
--- | "take"  only the other side has changed it, or taken it away
--- | "merge" both have, each in its way
--- | "clash" one side has changed it and the other has taken it away

--- Digests tell the three apart; nil: there is no such file.
--- @param base? string as it was pulled
--- @param ours? string as it is in the folder
--- @param theirs? string as it is on the server
--- @return posthog.llm.SkillFolderAction
function plan.decide(base, ours, theirs)
  if ours == theirs then
    return "none"
  elseif theirs == base then
    return "keep"
  elseif ours == base then
    return "take"
  elseif ours == nil or theirs == nil then
    return "clash"
  end
  return "merge"
end

--- @alias posthog.llm.SkillFolderState
--- | "same"    as pulled, or changed alike on both sides
--- | "local"   changed here
--- | "remote"  changed, added or removed on the server
--- | "both"    changed on both sides
--- | "new"     only here, and never on the server
--- | "gone"    removed here

local STATES = { none = "same", take = "remote", merge = "both", clash = "both" }

--- @return posthog.llm.SkillFolderState
function plan.state(base, ours, theirs)
  local action = plan.decide(base, ours, theirs)
  if action ~= "keep" then
    return STATES[action]
  elseif base == nil then
    return "new"
  end
  return ours == nil and "gone" or "local"
end

return plan
