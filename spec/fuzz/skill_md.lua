-- SKILL.md: whatever the bytes are, it is read or refused with a line; what is read means to libyaml the
-- same, where lyaml is there; what is written reads back as the same fields, twice as the same text; and
-- an update by other fields keeps each comment, each unknown key and what stands after a line `...`.
-- An input is a front matter and, after the last RS (\30), bytes that the changes are made by.

local fuzz = require("fuzz")

fuzz.watch()

local front_matters = require("spec.support.front_matters")
local json_text = require("posthog.llm.util.json_text")
local skill_changes = require("spec.support.skill_changes")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local text = require("posthog.llm.skill_folder.text")
local yaml = require("posthog.llm.skill_folder.yaml")

local has_second, second = pcall(require, "spec.support.second_yaml")

local LONGEST_KEY = 1024 -- libyaml takes none that is longer

--- The same to libyaml. Its binding ends a text at a zero byte.
local function check_meaning(head)
  local document, err = yaml.read(head)
  if not document then
    assert(err.line >= 1 and err.message ~= "")
    return
  end
  local meaning = json_text.sorted(yaml.value(document.root))
  local is_short = #head <= LONGEST_KEY
  if has_second and is_short and not meaning:find("\\u0000", 1, true) then
    local theirs, wrong = second.read(document.source) -- libyaml looks at what follows a line ... too
    assert(theirs, wrong and wrong.message)
    assert(json_text.sorted(second.value(theirs)) == meaning, meaning)
  end
end

local function check_render(fields)
  local written = skill_md.render(fields)
  local again = assert(skill_md.read(written))
  assert(skill_md.canonical(again) == skill_md.canonical(fields), written)
  assert(skill_md.render(again) == written, written)
  for field, value in pairs(fields) do
    if field ~= "body" and value ~= "" and (type(value) ~= "table" or next(value) ~= nil) then
      assert(json_text.sorted(again[field]) == json_text.sorted(value), written)
    end
  end
end

--- Random numbers that begin with these bytes.
local function numbers(bytes)
  local seed = #bytes + 1
  for i = 1, #bytes do
    seed = (seed * 257 + bytes:byte(i)) % 2147483646
  end
  return front_matters.random(seed + 1)
end

return function(data)
  local head, bytes = data:match("^(.*)\30([^\30]*)$")
  head = head or data
  skill_md.read(data)
  check_meaning(text.unix(head))
  local source = "---\n" .. head .. "\n---\n\nbody\n"
  local fields = skill_md.read(source)
  if not fields then
    return
  end
  check_render(fields)
  local normal = skill_md.normal(fields)
  assert(
    skill_md.update(normal, source) == source or source:find("\r", 1, true),
    "a change of nothing"
  )
  skill_changes.check(source, skill_changes.make(numbers(bytes or head), normal))
end
