--- The path scope of skills, the word before the project in their paths (doc/api.md 3.1):
--- "environments" in API v1, "projects" on newer servers, which accept both for a transition period
--- and announce the new one in their responses.

local errors = require("posthog.llm.util.errors")

local path_scope = {}

local function names_successor(response)
  local link = response.successor
  return link ~= nil and link:find("/api/projects/", 1, true) ~= nil
end

--- Whether the server's router does not know the path. A 404 that has only `detail` is about a
--- skill or a file.
local function is_unknown_route(err)
  return err ~= nil and err.kind == "not_found" and err.type ~= nil and err.code == "not_found"
end

--- Whether the response comes from the resource, even if it is an error.
local function is_from_resource(err, response)
  return err == nil or (response ~= nil and err.kind ~= "server")
end

--- Wraps the pipeline of skills so that it learns the path scope. Calls may run at the same time,
--- so each uses the scope with which it began.
--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param state table of the client: `path_scope` and `settings.scope_prefix`
function path_scope.follow(run, state)
  local function run_as(scope, request)
    request.under = scope
    return run(request)
  end

  local fixed = state.settings.scope_prefix
  if fixed then
    return function(request)
      return run_as(fixed, request)
    end
  end

  local refuted = false -- "projects" was tried, and is unknown too
  return function(request)
    local scope = state.path_scope
    local value, err, response = run_as(scope, request)
    if scope ~= "projects" then
      if response and names_successor(response) then
        state.path_scope = "projects"
      elseif
        is_unknown_route(err)
        and not err.ambiguous -- an ambiguous write may have happened under this scope
        and (state.path_scope == "projects" or not refuted)
      then
        local again, again_err, again_response = run_as("projects", request)
        local unknown = is_unknown_route(again_err)
        if not unknown or again_err.ambiguous then
          value, err, response = again, again_err, again_response
        end
        if unknown then
          refuted = true
        elseif is_from_resource(again_err, again_response) then
          state.path_scope = "projects"
        end
      end
    end
    return errors.result(value, err, response)
  end
end

return path_scope
