--- The path word before the project in the paths of skills (doc/api.md 3.1):
--- "environments" on the servers of the reference, "projects" on newer ones,
--- which for a time answer to both and say so.

local errors = require("posthog.llm.util.errors")

local path_scope = {}

local function names_successor(response)
  local link = response.successor
  return link ~= nil and link:find("/api/projects/", 1, true) ~= nil
end

--- Only the router's own 404 says that the path is unknown; one that has just
--- `detail` is about a skill or a file.
local function is_unknown_route(err)
  return err ~= nil and err.kind == "not_found" and err.type ~= nil and err.code == "not_found"
end

--- An answer of the resource itself, be it a refusal.
local function is_settled(err, response)
  return err == nil or (response ~= nil and err.kind ~= "server")
end

--- Wraps the pipeline of skills so that it learns the word. Other calls may be
--- on their way meanwhile, so each has the word of its own until it is known.
--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param state table of the client: `path_scope` and `settings.scope_prefix`
function path_scope.follow(run, state)
  local function run_as(word, request)
    request.under = word
    return run(request)
  end

  local given = state.settings.scope_prefix
  if given then
    return function(request)
      return run_as(given, request)
    end
  end

  local refuted = false -- "projects" was tried and is unknown too
  return function(request)
    local word = state.path_scope
    local value, err, response = run_as(word, request)
    if word ~= "projects" then
      if response and names_successor(response) then
        state.path_scope = "projects"
      elseif is_unknown_route(err)
        and not err.ambiguous -- else it may have been done already, under this word
        and (state.path_scope == "projects" or not refuted)
      then
        local again, problem, answer = run_as("projects", request)
        if is_unknown_route(problem) then
          refuted = true
        else
          value, err, response = again, problem, answer
          state.path_scope = is_settled(problem, answer) and "projects" or state.path_scope
        end
      end
    end
    return errors.result(value, err, response)
  end
end

return path_scope
