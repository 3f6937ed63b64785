--- What the pages take from the data of the library instead of from its comments.

local errors = require("posthog.llm.util.errors")
local settings = require("posthog.llm.client.settings")

local facts = {}

--- The defaults of options, by class. Those that are not here are in the comments alone.
--- @type table<string, table<string, any>>
facts.DEFAULTS = {
  ["posthog.llm.Options"] = settings.DEFAULTS,
}

local MIB, KIB = 1024 * 1024, 1024

--- A default as a page has it.
--- @param value any
--- @return string
function facts.written(value)
  if type(value) == "string" then
    return ('"%s"'):format(value)
  elseif type(value) == "number" and value >= MIB and value % MIB == 0 then
    return ("%d MiB"):format(value / MIB)
  elseif type(value) == "number" and value >= 16 * KIB and value % KIB == 0 then
    return ("%d KiB"):format(value / KIB)
  end
  return tostring(value)
end

--- The statuses that become a kind of error, such as "404, 410".
--- @param kind posthog.llm.ErrorKind
--- @return string
function facts.statuses(kind)
  local words = {}
  for hundred = 3, 5 do
    local usual, found = errors.kind_of(hundred * 100 + 99), {}
    for status = hundred * 100, hundred * 100 + 99 do
      if errors.kind_of(status) == kind then
        found[#found + 1] = tostring(status)
      end
    end
    if #found > 0 and usual == kind then
      local all = #found == 100
      words[#words + 1] = ("%s%dxx"):format(all and "" or "other ", hundred)
    elseif #found > 0 then
      words[#words + 1] = table.concat(found, ", ")
    end
  end
  return table.concat(words, ", ")
end

return facts
