--- A SKILL.md as text, and what a text has to have.

local assert = require("luassert")

local skill_text = {}

--- @param name string
--- @param body? string default: "# Forms\n"
--- @param more? string lines of the front matter
function skill_text.skill_md(name, body, more)
  local head = "---\nname: %s\ndescription: Fills forms.\n%s---\n\n%s"
  return head:format(name, more or "", body or "# Forms\n")
end

--- Asserts that a text has this part, which is no pattern.
function skill_text.has(text, part)
  assert.truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
end

--- Asserts that it has not.
function skill_text.lacks(text, part)
  assert.is_nil(text:find(part, 1, true), ("%q is in:\n%s"):format(part, text))
end

return skill_text
