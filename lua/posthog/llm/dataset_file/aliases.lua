--- The names that other tools have for what an item has as `input` and `expected_output`.

local item_fields = require("posthog.llm.api.item_fields")

local aliases = {}

--- In small letters, with `_` between words. LangSmith, OpenAI evals, Braintrust, DeepEval, Ragas and
--- the sets of questions and answers on Hugging Face have these.
local NAMES = {
  input = { "input inputs question query prompt instruction problem user_input" },
  expected_output = {
    "expected_output output outputs expected expected_answer expected_response ideal reference",
    "reference_answer reference_output reference_outputs completion answer correct_answer",
    "ground_truth target gold solution",
  },
}

--- @type string[] in the order in which they are told
aliases.TARGETS = { "input", "expected_output" }

--- @type table<string, string> the field of each name
local TARGET_OF = {}
for target, lines in pairs(NAMES) do
  for name in table.concat(lines, " "):gmatch("%S+") do
    TARGET_OF[name] = target
  end
end

--- @param name string
--- @return string
local function normal(name)
  return (name:lower():gsub("[ %-]", "_"))
end

--- The names that may be a field. `input` and `expected_output` leave no doubt, unless `output` stands
--- beside the latter: that is its name on API v1, and with others what a model has answered.
--- @param names string[] of a file
--- @param target string
--- @return string[]
local function candidates(names, target)
  local list, exact = {}, {}
  for _, name in ipairs(names) do
    if TARGET_OF[normal(name)] == target then
      list[#list + 1] = name
      local field = item_fields.of(name)
      exact[#exact + 1] = field and field.name == target and name or nil
    end
  end
  local is_sure = exact[1] and (exact[1] == target or exact[2] == target)
  return is_sure and exact or list
end

--- @class posthog.llm.dataset_file.Guess
--- @field fields table<string, string> from the file's names
--- @field is_own boolean no name is another tool's
--- @field doubtful? string field with more than one candidate
--- @field candidates? string[] for it

--- Which names of a file are which fields.
--- @param names string[]
--- @return posthog.llm.dataset_file.Guess
function aliases.find(names)
  local guess = { fields = {}, is_own = true }
  for _, target in ipairs(aliases.TARGETS) do
    local list = candidates(names, target)
    guess.fields[target] = list[1]
    if #list > 1 then
      guess.doubtful, guess.candidates = guess.doubtful or target, guess.candidates or list
    end
    local field = list[1] and item_fields.of(list[1])
    guess.is_own = guess.is_own and (not list[1] or (field ~= nil and field.name == target))
  end
  for _, name in ipairs(names) do
    local field = item_fields.of(name)
    if field and field.name ~= "input" and field.name ~= "expected_output" then
      guess.fields[field.name] = name
    end
  end
  return guess
end

return aliases
