--- What a file is found to be, before the first record is sent: which of its names are which
--- fields of an item, and the words for it.

local aliases = require("posthog.llm.dataset_file.aliases")
local display = require("posthog.llm.util.display")
local errors = require("posthog.llm.util.errors")
local failure = require("posthog.llm.dataset_file.failure")
local formats = require("posthog.llm.dataset_file.formats")
local json_value = require("posthog.llm.util.json_value")
local mapping = require("posthog.llm.dataset_file.mapping")
local option_names = require("posthog.llm.util.option_names")
local paths = require("posthog.llm.dataset_file.paths")
local rejected = require("posthog.llm.dataset_file.rejected")
local separators = require("posthog.llm.dataset_file.separators")
local values = require("posthog.llm.dataset_file.values")

local recognition = {}

local MOST_NAMES = 12 -- in a message

--- What a file was found to be.
--- @class posthog.llm.dataset_file.Found
--- @field format "jsonl"|"json"|"csv"
--- @field compression? "gzip"
--- @field separator? string of CSV
--- @field path? string of the list within a JSON object
--- @field records? integer how many there are, or by the bytes are likely to be
--- @field estimated? boolean they were not counted
--- @field fields? table<string, string> where the fields come from, if not from their own names
--- @field left_out string[] names of the file that nothing is made of
--- @field unnamed integer columns without a name, which are left out too
--- @field leaves_out_keys? boolean records have a `client_item_id`, which the server, API v1, does
---   not know: it is left out
--- @field has_keys boolean records have a `client_item_id`
--- @field is_guess boolean something is not as the name of the file and the options say
--- @field text string all of it in one line

local function quoted(name)
  return '"' .. display.clean(tostring(name)) .. '"'
end

--- @param names string[]
local function list_of(names)
  local shown = {}
  for i = 1, math.min(#names, MOST_NAMES) do
    shown[i] = display.clean(names[i])
  end
  return table.concat(shown, ", ") .. (#names > MOST_NAMES and ", ..." or "")
end

--- The names of the first records: columns, or keys in alphabetical order.
--- @param records posthog.llm.dataset_file.Record[]
--- @param is_mapping boolean fields are mapped, but not those of records that were mapped before
--- @return string[] names
--- @return boolean is_table
local function names_of(records, is_mapping)
  if records[1] and records[1].columns then
    return records[1].columns, true
  end
  local names, seen = {}, {}
  for _, record in ipairs(records) do
    rejected.unwrap(record)
    local counts = json_value.is_object(record.value) and not (is_mapping and record.is_mapped)
    for name in next, counts and record.value or {} do
      names[#names + 1] = not seen[name] and name or nil
      seen[name] = true
    end
  end
  table.sort(names)
  return names, false
end

--- The option that says a mapping, as its user types it.
--- @param fields table<string, string>
local function option_of(fields)
  local parts = {}
  local flag = option_names.of("fields")
  for _, name in ipairs(aliases.TARGETS) do
    local source = fields[name]
    if source and flag == "fields" then
      parts[#parts + 1] = ("%s = %q"):format(name, source)
    elseif source then
      local word = name .. "=" .. display.clean(source)
      parts[#parts + 1] = flag .. " " .. (word:find("[^%w_=.-]") and "'" .. word .. "'" or word)
    end
  end
  if flag == "fields" then
    return "fields = { " .. table.concat(parts, ", ") .. " }"
  end
  return table.concat(parts, " ")
end

--- @return nil
--- @return posthog.llm.Error
local function refuse(file, words, ...)
  local err = failure(file, words, ...)
  err.option = "fields"
  return nil, err
end

--- More than one name may be a field.
--- @param guess posthog.llm.dataset_file.Guess
local function refuse_doubt(file, guess)
  local ways = {}
  for i, name in ipairs(guess.candidates) do
    guess.fields[guess.doubtful] = name
    ways[i] = option_of(guess.fields)
  end
  local words = "%s may each be the %s; choose one: %s"
  local names = list_of(guess.candidates):gsub(", ([^,]*)$", " and %1")
  return refuse(file, words, names, guess.doubtful, table.concat(ways, ", or "))
end

--- What the caller's mapping lacks in the file.
local function check_given(file, form, names, is_table, fields)
  local there = {}
  for _, name in ipairs(names) do
    there[name] = true
  end
  for field, source in pairs(fields) do
    local is_needed = is_table or paths.split(field) == "input"
    if type(source) == "string" and is_needed and #names > 0 then
      local is_there = there[source] or there[paths.split(source)]
      if not is_there and is_table then
        local single = #names == 1 and form.separator
        local words = "it has no column %s; its columns are: %s%s"
        local hint = single
            and option_names.also("; is there another separator? give %s", "separator")
          or ""
        return refuse(file, words, quoted(source), list_of(names), hint)
      elseif not is_there then
        return refuse(file, "no record has %s; they have: %s", quoted(source), list_of(names))
      end
    end
  end
  return true
end

--- What no field is made of.
local function left_out(names, fields)
  local used, rest = {}, {}
  for _, source in pairs(fields) do
    if type(source) == "string" then
      used[source], used[paths.split(source)] = true, true
    end
  end
  for _, name in ipairs(names) do
    rest[#rest + 1] = not used[name] and name or nil
  end
  return rest
end

--- Where the fields come from when nobody says it: their own names, or those of other tools.
--- @return table<string, string>|false? fields false: their own names
--- @return posthog.llm.Error? err
local function guess_fields(file, names, is_table)
  local guess = aliases.find(names)
  local unknown, has_own
  for _, name in ipairs(names) do
    has_own = has_own or values.is_field(name)
    unknown = unknown
      or (not values.is_field(name) and not mapping.is_servers(name) and name)
      or nil
  end
  if guess.doubtful then
    return refuse_doubt(file, guess)
  elseif not unknown or (guess.is_own and not is_table and has_own) then
    return false -- a record of JSON with another name is rejected by itself
  elseif guess.is_own or not guess.fields.input then
    local place = is_table and "line 1: " or ""
    local words = "%san item has no field %s; map columns to fields by %s, such as %s"
    local example = option_of({ input = guess.fields.input or unknown })
    return refuse(file, words, place, quoted(unknown), option_names.code("fields"), example)
  end
  return guess.fields
end

local KINDS = { jsonl = "JSONL", json = "a JSON list", csv = "CSV" }

--- "gzip, CSV with ';', 1,319 records"
local function form_words(found)
  local parts = { KINDS[found.format] }
  if found.separator then
    local word = separators.WORDS[found.separator]
    parts[1] = "CSV with " .. (word or "'" .. found.separator .. "'")
  elseif found.path then
    parts[1] = "the JSON list " .. display.clean(found.path)
  end
  if found.compression then
    table.insert(parts, 1, found.compression)
  end
  if found.records then
    local digits = tostring(found.records)
    while digits:find("^%d%d%d%d") do
      digits = digits:gsub("^(%d+)(%d%d%d)", "%1,%2")
    end
    local unit = found.records == 1 and " record" or " records"
    parts[#parts + 1] = (found.estimated and "about " or "") .. digits .. unit
  end
  return table.concat(parts, ", ")
end

--- All in one line.
--- @param found posthog.llm.dataset_file.Found
--- @return string
local function words(found)
  local line, arrows = { form_words(found) }, {}
  local names = {}
  for name in pairs(found.fields or {}) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b)
    local first = { input = 1, expected_output = 2, output = 2 }
    local one, other = first[a] or 3, first[b] or 3
    return one < other or (one == other and a < b)
  end)
  for _, name in ipairs(names) do
    local source = found.fields[name]
    local from = type(source) == "string" and display.clean(source) or "a function"
    arrows[#arrows + 1] = name .. " <- " .. from
  end
  line[#line + 1] = #arrows > 0 and table.concat(arrows, ", ") or nil
  if #found.left_out > 0 then
    line[#line + 1] = "left out: " .. list_of(found.left_out)
  end
  if found.unnamed > 0 then
    local columns = found.unnamed == 1 and "a column" or found.unnamed .. " columns"
    line[#line + 1] = columns .. " without a name left out"
  end
  if found.leaves_out_keys then
    line[#line + 1] = "client_item_id left out, API v1 does not have it"
  end
  return table.concat(line, "; ")
end

--- Tells the caller what a file was found to be, by the field names of its server.
--- @param found posthog.llm.dataset_file.Found
--- @param client posthog.llm.Client
--- @param on_start? fun(found: posthog.llm.dataset_file.Found): boolean?
--- @param what string "the import"
--- @return posthog.llm.Error? err the caller wants to stop
function recognition.tell(found, client, on_start, what)
  local fields = found.fields
  if fields and fields.expected_output and client:profile() == "reference" then
    fields.output, fields.expected_output = fields.expected_output, nil
  end
  if found.has_keys and client:profile() == "reference" then
    found.leaves_out_keys, found.is_guess = true, true
  end
  found.text = words(found)
  if on_start and on_start(found) == false then
    return errors.new({ kind = "cancelled", message = what .. " was stopped" })
  end
end

--- @param names string[] of the first records
--- @param fields? any
local function has_keys(names, fields)
  if type(fields) == "table" then
    return fields.client_item_id ~= nil
  end
  for _, name in ipairs(not fields and names or {}) do
    if name == "client_item_id" then
      return true
    end
  end
  return false
end

--- Recognises a file by its first records.
--- @param path string whose name may say something
--- @param source posthog.llm.dataset_file.Source
--- @param options { fields?: any, separator?: string, format?: string, records?: string }
--- @return posthog.llm.dataset_file.Found?
--- @return any fields the option to go on with, or err
function recognition.find(path, source, options)
  local form = source.form
  local records, failed = source.peek()
  if failed then
    return nil, failed
  end
  local names, is_table = names_of(records, options.fields ~= nil)
  local fields, err = options.fields, nil
  if type(fields) == "table" then
    local ok
    ok, err = check_given(source.path, form, names, is_table, fields)
    fields = ok and fields
  elseif fields == nil and #names > 0 then
    fields, err = guess_fields(source.path, names, is_table)
    fields = fields or nil
  end
  if err then
    return nil, err
  end
  local unnamed = records[1] and records[1].unnamed or 0
  local found = { format = form.format, compression = form.compression, path = form.records }
  found.separator = form.separator
  found.unnamed, found.left_out = unnamed, {}
  if type(fields) == "table" then
    found.fields = {}
    for name, from in pairs(fields) do
      found.fields[name] = from
    end
    found.left_out = options.fields == nil and left_out(names, fields) or {}
  end
  local said = options.format or options.records and "json" or formats.of_name(path)
  local separator = options.separator or formats.separator(path) or ","
  found.is_guess = said ~= form.format
    or (form.separator or separator) ~= separator
    or form.records ~= options.records
    or (fields ~= nil and options.fields == nil)
    or unnamed > 0
  found.records, found.estimated = source.count()
  found.has_keys = has_keys(names, fields)
  return found, fields
end

return recognition
