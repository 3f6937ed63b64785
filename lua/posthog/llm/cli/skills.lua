--- posthog-llm skills ...

local parser = require("posthog.llm.cli.parser")

--- One line of a text, for a column.
local function line(text)
  return text and text:gsub("%s+", " ") or nil
end

local function list(context, args)
  local rows = {}
  local options = { search = args.search, order_by = args.order_by }
  for skill in context:client().skills:each(options) do
    if context.json then
      context.out:json(skill)
    else
      rows[#rows + 1] = { skill.name, skill.version, line(skill.description) }
    end
  end
  if not context.json then
    context.out:table({ "NAME", "VERSION", "DESCRIPTION" }, rows, { [2] = true })
  end
end

local function show(context, args)
  local skill, err = context:client().skills:get(args.name, { version = args.version })
  if not skill then
    return nil, err
  end
  if context.json then
    context.out:json(skill)
  else
    context.out:text(skill.body)
  end
end

local NAME = { "name", "The skill." }
local VERSION = {
  "--version",
  "This version, not the latest.",
  value = "N",
  convert = parser.convert.count,
}

--- @type posthog.llm.cli.Command
return {
  name = "skills",
  summary = "keep skills as folders",
  commands = {
    {
      name = "list",
      summary = "list the skills",
      options = {
        { "--search", "Only those with this text.", value = "TEXT" },
        { "--order-by", "A field; -field for the other way.", value = "FIELD" },
      },
      run = list,
    },
    {
      name = "show",
      summary = "print the body of a skill",
      arguments = { NAME },
      options = { VERSION },
      run = show,
    },
  },
}
