-- Makes the changes of tools/mutate: each is one small change of one module, by
-- the rules of tools/mutations/.
--
--   lua5.4 tools/mutate.lua make FOLDER SHARE SEED MODULE ...   writes FOLDER/N/ for each change, prints N
--   lua5.4 tools/mutate.lua report FOLDER                       says which nobody noticed
--
-- A module is one of Lua, by its name, or a C file, by its path. FOLDER/N/changed is
-- its changed text, FOLDER/N/path where that belongs; FOLDER/N/specs has the specs that
-- cover it, the quick ones first; FOLDER/N/what says what is changed. For a module of
-- Lua FOLDER/N/init.lua, as LUA_INIT, puts it in the place of the real one.

local changes_of_lua = require("tools.mutations.lua")
local changes_of_c = require("tools.mutations.c")

-- By module: the specs that are to notice a change of it.
local RESPONSES = "lost_response lost_response_create "
local WRITES = "lost_writes lost_writes_v2 "
local VERSIONS = "api_versions api_v2 "
local LOST = "ambiguous_rules lost_response_doubt v2_skills model "
  .. RESPONSES
  .. WRITES
  .. VERSIONS
local CALLS = "retry client transport bad_responses errors error_texts error_texts_response"
  .. " error_calls url limits pace pace_option keys secrets config ca_bundle v2_skills datasets "
  .. RESPONSES
  .. WRITES
local NUMBERS = "json_number json_decode json_encode json json_suite"
local SPECS = {
  ["posthog.llm.api.ambiguous"] = LOST,
  ["posthog.llm.api.ambiguous.created"] = RESPONSES .. VERSIONS .. WRITES,
  ["posthog.llm.api.ambiguous.known"] = LOST,
  ["posthog.llm.api.ambiguous.lost"] = LOST,
  ["posthog.llm.api.ambiguous.rows"] = VERSIONS .. WRITES .. "lost_response_doubt model",
  ["posthog.llm.api.ambiguous.rules"] = LOST,
  ["posthog.llm.api.ambiguous.skills"] = RESPONSES
    .. WRITES
    .. "ambiguous_skills ambiguous_files v2_skills lost_response_doubt model",
  ["posthog.llm.api.ambiguous.stored"] = LOST,
  ["posthog.llm.http.server_clock"] = RESPONSES .. "ambiguous_rules retry",
  ["posthog.llm.util.compare"] = RESPONSES
    .. WRITES
    .. "compare ambiguous_rules values skills skill_bodies",
  ["posthog.llm.http.attempt"] = CALLS,
  ["posthog.llm.http.attempt_error"] = CALLS,
  ["posthog.llm.http.call"] = CALLS,
  ["posthog.llm.http.excerpt"] = CALLS,
  ["posthog.llm.http.outcome"] = CALLS .. " export_read",
  ["posthog.llm.http.redirect"] = CALLS,
  ["posthog.llm.http.send"] = CALLS .. " prefetch",
  ["posthog.llm.http.send_ahead"] = "prefetch pages",
  ["posthog.llm.http.shape"] = CALLS .. " other_row other_row_read direct codec",
  ["posthog.llm.http.value"] = CALLS,
  ["posthog.llm.http.waits"] = CALLS,
  ["posthog.llm.http.redact"] = "redact secrets bad_responses",
  ["posthog.llm.http.retry"] = "retry transport v2_skills",
  ["posthog.llm.skill_folder.change"] = "skill_folder_change skill_folder_meanwhile"
    .. " skill_folder_safety",
  ["posthog.llm.skill_folder.field_merge"] = "skill_folder_merge skill_folder_text skill_folder"
    .. " skill_folder_meanwhile",
  ["posthog.llm.skill_folder.merge"] = "skill_folder_merge skill_folder_text skill_folder"
    .. " skill_folder_meanwhile skill_folder_tree skill_folder_safety",
  ["posthog.llm.dataset_file.journal"] = "dataset_file_journal dataset_file_import_journal"
    .. " dataset_file_import dataset_file_import_stopped dataset_file_hostile dataset_file_kill",
  ["src/json/bignum.c"] = NUMBERS,
  ["src/json/number.c"] = NUMBERS,
  ["src/json/number_object.c"] = NUMBERS,
  ["src/json/number_read.c"] = NUMBERS,
}

-- Changes that change nothing that can be seen, with the reason.
local EQUAL = "tools/mutate-equal.txt"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function path_of(module)
  if module:find("%.c$") then
    return module
  end
  local base = "lua/" .. module:gsub("%.", "/")
  local file = io.open(base .. ".lua", "rb")
  if file then
    file:close()
    return base .. ".lua"
  end
  return base .. "/init.lua"
end

local function line_of(text, number)
  local n = 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    n = n + 1
    if n == number then
      return line:match("^%s*(.-)%s*$")
    end
  end
end

local function write_change(folder, module, text, change)
  local changed = text:sub(1, change.from - 1) .. change.text .. text:sub(change.to + 1)
  os.execute("mkdir -p " .. folder)
  write(folder .. "/changed", changed)
  write(folder .. "/path", path_of(module) .. "\n")
  write(folder .. "/specs", SPECS[module] .. "\n")
  local line = line_of(text, change.line)
  write(folder .. "/what", ("%s\n%d\n%s\n%s\n"):format(module, change.line, line, change.what))
  if not module:find("%.c$") then
    local init = "package.preload[%q] = loadfile(%q)\n"
    local root = io.popen("pwd"):read("l")
    write(folder .. "/init.lua", init:format(module, root .. "/" .. folder .. "/changed"))
  end
end

--- All changes of a module that may run. The second one of a kind in a line is named so.
local function changes_of(module, text)
  local list, counts, is_c = {}, {}, module:find("%.c$")
  for _, change in ipairs((is_c and changes_of_c or changes_of_lua)(text)) do
    local key = change.line .. " " .. change.what
    counts[key] = (counts[key] or 0) + 1
    if counts[key] > 1 then
      change.what = ("%s (%d)"):format(change.what, counts[key])
    end
    local is_other = text:sub(change.from, change.to) ~= change.text
    local changed = text:sub(1, change.from - 1) .. change.text .. text:sub(change.to + 1)
    if is_other and (is_c or load(changed)) then
      list[#list + 1] = change
    end
  end
  return list
end

local commands = {}

function commands.make(folder, share, seed, ...)
  math.randomseed(tonumber(seed))
  local made = 0
  for _, module in ipairs({ ... }) do
    for spec in assert(SPECS[module], "no specs are named for " .. module):gmatch("%S+") do
      read(("spec/%s_spec.lua"):format(spec)) -- one that is not there would notice all
    end
    local text = read(path_of(module))
    for _, change in ipairs(changes_of(module, text)) do
      if math.random() < tonumber(share) then
        made = made + 1
        write_change(("%s/%d"):format(folder, made), module, text, change)
        print(made)
      end
    end
  end
end

--- The list: "MODULE: line of code", newline, change.
local function equal_changes()
  local known, place = {}, nil
  for line in io.lines(EQUAL) do
    local what = line:match("^  (%S.*)$")
    if what then
      known[place .. "\n" .. what] = true
    else
      place = line:match("^%S+: .*$") or place
    end
  end
  return known
end

--- Names what the list has of these modules that is not in them any more.
--- @return integer count
local function print_outdated(known, modules)
  local count, lines = 0, {}
  for module in pairs(modules) do
    for line in read(path_of(module)):gmatch("[^\n]+") do
      lines[("%s: %s"):format(module, line:match("^%s*(.-)%s*$"))] = true
    end
  end
  for key in pairs(known) do
    local place = key:match("^[^\n]*")
    if modules[place:match("^%S+"):sub(1, -2)] and not lines[place] then
      print(("%s\n    is no line of it any more: take it out of %s"):format(place, EQUAL))
      count = count + 1
    end
  end
  return count
end

local function read_result(folder)
  local file = io.open(folder .. "/result", "rb")
  local result = file and file:read("l") or "not run"
  if file then
    file:close()
  end
  return result
end

local ROW = "%-34s %4d changes, %3d to the same code, %3d of no effect,"
  .. " %4d of %4d noticed, %5.1f %%"

local function print_row(name, row)
  local counted = row.made - row.equal - row.same
  print(
    ROW:format(
      name,
      row.made,
      row.same,
      row.equal,
      row.noticed,
      counted,
      row.noticed / math.max(counted, 1) * 100
    )
  )
  return row.noticed, counted
end

function commands.report(folder)
  local known, modules, names = equal_changes(), {}, {}
  for number in io.popen("ls " .. folder .. " | sort -n"):lines() do
    local own = folder .. "/" .. number
    local file = io.open(own .. "/what", "rb")
    local module, at, line, what
    if file then
      module, at, line, what = file:read("l", "l", "l", "l")
      file:close()
    end
    local result = read_result(own)
    if module and result ~= "does not compile" then
      if not modules[module] then
        modules[module] = { made = 0, noticed = 0, equal = 0, same = 0 }
        names[#names + 1] = module
      end
      local row = modules[module]
      row.made = row.made + 1
      if result:find("^noticed") then
        row.noticed = row.noticed + 1
      elseif result == "same code" then
        row.same = row.same + 1
      elseif known[("%s: %s\n%s"):format(module, line, what)] then
        row.equal = row.equal + 1
      else
        print(("%s: %s\n  %s\n    line %s: %s"):format(module, line, what, at, result))
      end
    end
  end
  local noticed, made = 0, 0
  for _, name in ipairs(names) do
    local seen, counted = print_row(name, modules[name])
    noticed, made = noticed + seen, made + counted
  end
  local outdated = print_outdated(known, modules)
  print(("%d passed, %d failed"):format(noticed, made - noticed + outdated))
end

commands[arg[1]](table.unpack(arg, 2))
