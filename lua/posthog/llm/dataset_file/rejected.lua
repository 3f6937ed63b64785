--- The form of rejected records in a file, which can be mended and imported: the
--- record itself, and under one more key the reason.
---
---   {"input": 5, "output": "x", "_rejected": {"record": 7, "line": 8, "reason": "...", "mapped": true}}
---   {"_rejected": {"record": 9, "line": 10, "reason": "...", "text": "{no JSON"}}
---
--- `mapped`: the keys are names of an item's fields already, and are not mapped again.

local display = require("posthog.llm.util.display")
local json = require("posthog.llm.json")
local json_value = require("posthog.llm.util.json_value")
local mapping = require("posthog.llm.dataset_file.mapping")

local KEY = "_rejected"
local LONGEST = 100000 -- bytes: a longer text is left out

local rejected = {}

--- Makes an entry for the journal; without the record if JSON cannot represent it.
--- @param of { n: integer, line?: integer }
--- @param reason string in any encoding
--- @param record? table the record, if it is an object
--- @param more? { mapped?: boolean, text?: string } text: a record that is not an object
--- @return table
local function entry(of, reason, record, more)
  local made = { n = of.n, line = of.line, rejected = display.clean(reason), record = record }
  for name, value in pairs(more or {}) do
    made[name] = value
  end
  if not json.encode(made) then
    made.record, made.text = nil, nil
  end
  return made
end

--- Makes the entry of a record that was not sent.
--- @param record posthog.llm.dataset_file.Record
--- @param options table of the import
--- @param reason string
--- @return table entry for the journal
function rejected.record(record, options, reason)
  local value = mapping.value(record, options)
  if json_value.is_object(value) then
    return entry(record, reason, value, { mapped = record.is_mapped })
  end
  local text = record.text or (value ~= nil and json.encode(value)) or nil
  if text and #text > LONGEST then
    text = nil
  elseif text and not json_value.is_text(text) then
    text = display.clean(text)
  end
  return entry(record, reason, nil, { text = text })
end

--- Makes the entry of a record that was sent.
--- @param job posthog.llm.dataset_file.Job
--- @param reason string
--- @param is_lost? boolean it may have been created: it keeps the key that the import gave it, by
---   which the server recognises it
--- @return table entry for the journal
function rejected.job(job, reason, is_lost)
  local fields = {}
  for name, value in pairs(job.fields) do
    fields[name] = value
  end
  fields.dataset = nil
  if not job.own_key and not is_lost then
    fields.client_item_id = nil
  end
  return entry(job, reason, fields, { mapped = true })
end

--- Formats an entry as a line of the file.
--- @param made table entry of the journal
--- @return string
function rejected.line(made)
  local parts = { ('"record":%d'):format(made.n) }
  parts[#parts + 1] = made.line and ('"line":%d'):format(made.line) or nil
  parts[#parts + 1] = '"reason":' .. json.encode(made.rejected)
  parts[#parts + 1] = made.mapped and '"mapped":true' or nil
  parts[#parts + 1] = made.text and '"text":' .. json.encode(made.text) or nil
  local own = made.record and json.encode(made.record):sub(2, -2) or ""
  own = own ~= "" and own .. "," or ""
  return ('{%s"%s":{%s}}\n'):format(own, KEY, table.concat(parts, ","))
end

--- Turns a record that comes from such a file back into the record that it contains, as
--- it was or as it was mended. Leaves other records unchanged.
--- @param record posthog.llm.dataset_file.Record changed
function rejected.unwrap(record)
  local value = record.value
  local mark = json_value.is_object(value) and value[KEY]
  if not json_value.is_object(mark) then
    return
  end
  local own = {}
  for name, field in next, value do
    own[name] = name ~= KEY and field or nil
  end
  if next(own) == nil and type(mark.text) == "string" then
    record.text = mark.text
    own = json.decode(mark.text) -- it may have been mended where it stands
  end
  if json_value.is_object(own) and next(own) ~= nil then
    record.value, record.is_mapped = own, mark.mapped == true or nil
    return
  end
  record.value = nil
  record.reason = type(mark.reason) == "string" and mark.reason
    or ("line %s: there is no record beside %q"):format(record.line or record.n, KEY)
end

return rejected
