--- What the pages take from the data of the library instead of from its comments.

local cache_options = require("posthog.llm.cache.options")
local call_options = require("posthog.llm.dataset_file.call_options")
local errors = require("posthog.llm.util.errors")
local exports = require("posthog.llm.api.exports")
local item_fields = require("posthog.llm.api.item_fields")
local many = require("posthog.llm.skill_folder.many")
local nvim_defaults = require("posthog.nvim.defaults")
local redis = require("posthog.llm.host.redis")
local settings = require("posthog.llm.client.settings")

local facts = {}

local of_file = call_options.DEFAULTS
local at_once, ahead = of_file.concurrency, of_file.prefetch

--- The defaults of options, by class. Those that are not here are in the comments alone.
--- @type table<string, table<string, any>>
facts.DEFAULTS = {
  ["posthog.llm.CacheOptions"] = cache_options.DEFAULTS,
  ["posthog.llm.DatasetDiffOptions"] = { prefetch = ahead },
  ["posthog.llm.DatasetExportOptions"] = { prefetch = ahead },
  ["posthog.llm.DatasetImportOptions"] = { concurrency = at_once, settle = of_file.settle },
  ["posthog.llm.DatasetSyncOptions"] = of_file,
  ["posthog.llm.ExportWaitOptions"] = { deadline = exports.LONGEST_WAIT },
  ["posthog.llm.Options"] = settings.DEFAULTS,
  ["posthog.llm.RedisOptions"] = redis.DEFAULTS,
  ["posthog.llm.SkillPullAllOptions"] = { concurrency = many.AT_ONCE },
  ["posthog.nvim.Config"] = nvim_defaults.settings,
  ["posthog.nvim.SpendConfig"] = nvim_defaults.spend,
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

local KINDS = { json = "JSON", text = "text", time = "time, ISO 8601" }

--- The names of an item's fields in both versions of the API, which are the library's own table.
--- @return string[][] rows the first is the header
function facts.item_names()
  local rows = { { "API v1", "API v2", "type", "" } }
  for _, field in ipairs(item_fields.FIELDS) do
    rows[#rows + 1] = {
      field.v1 and ("`%s`"):format(field.v1) or "none",
      ("`%s`"):format(field.name),
      KINDS[field.kind],
      field.fixed and "API v2: set by `create`, and then fixed" or "",
    }
  end
  return rows
end

return facts
