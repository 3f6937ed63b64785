--- Whether an error is the API's own statement that a skill does not exist (doc/api.md 0.5, 4.1).
--- The error of an unknown project or route has another shape; that of a gateway has another text,
--- or is not JSON.
--- @param err posthog.llm.Error
--- @param name string of the skill
--- @return boolean
return function(err, name)
  local body = err.body
  if err.kind ~= "not_found" or type(body) ~= "table" or not err.detail then
    return false
  elseif err.type == "skill_not_found" then
    return body.skill_name == name
  end
  return err.type == nil and err.code == nil
end
