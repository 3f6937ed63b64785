--- The path word before the project in the paths of skills (contract 3.1):
--- "environments" on the servers of the reference, "projects" on newer ones,
--- which for a time answer to both and say so.

local scope = {}

local function names_successor(headers)
  local link = headers.link
  return headers.deprecation ~= nil
    and link ~= nil
    and link:find('rel="?successor%-version') ~= nil
    and link:find("/api/projects/", 1, true) ~= nil
end

--- Only the router's own 404 says that the path is unknown; one that has just
--- `detail` is about a skill or a file.
local function is_unknown_route(err)
  return err ~= nil and err.status == 404 and err.type ~= nil and err.code == "not_found"
end

--- Wraps the pipeline of skills so that it learns the word.
--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param state table of the client: `scope` and `settings.scope_prefix`
function scope.follow(run, state)
  if state.settings.scope_prefix then
    return run
  end
  local tried = false
  return function(request)
    local value, err, response = run(request)
    if state.scope == "projects" then
      return value, err, response
    elseif response and names_successor(response.headers) then
      state.scope = "projects"
    elseif is_unknown_route(err) and not tried then
      tried = true
      state.scope = "projects"
      local again, problem, answer = run(request)
      if not is_unknown_route(problem) then
        return again, problem, answer
      end
      state.scope = "environments"
    end
    return value, err, response
  end
end

return scope
