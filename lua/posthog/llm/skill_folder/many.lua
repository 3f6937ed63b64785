--- The same for many skills, some at the same time: one failure does not stop the others.

local remote = require("posthog.llm.skill_folder.remote")
local window = require("posthog.llm.host.window")

local many = {}

many.AT_ONCE = 8 -- requests

--- What every other skill would meet too.
local STOPS = { auth = true, cancelled = true }

--- @class posthog.llm.SkillOutcome
--- @field value any
--- @field err? posthog.llm.Error

--- @param client posthog.llm.Client
--- @param list { name: string }[]
--- @param act fun(client: posthog.llm.Client, entry: table): any, posthog.llm.Error?
--- @param report fun(name: string, done: integer, total: integer)
--- @param at_once? integer
--- @return posthog.llm.SkillOutcome[] outcomes as the list; nil holes where it was not tried
--- @return posthog.llm.Error? stopped what kept the rest from being tried
function many.run(client, list, act, report, at_once)
  at_once = math.min(at_once or many.AT_ONCE, many.AT_ONCE)
  local workers = math.max(1, math.min(at_once, #list))
  local narrow = remote.narrow(client, math.floor(at_once / workers))
  local outcomes, last, done = {}, 0, 0
  local function next_index()
    last = last + 1
    return list[last] and last
  end
  local _, stopped = window.run(workers, next_index, function(i)
    local value, err = act(narrow, list[i])
    if err and STOPS[err.kind] then
      return nil, err
    end
    outcomes[i] = { value = value, err = err }
    done = done + 1
    report(list[i].name, done, #list)
  end)
  return outcomes, stopped
end

return many
