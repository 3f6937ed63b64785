-- Makes the changes of tools/mutate: each is one small change of one module, by rule.
--
--   lua5.4 tools/mutate.lua make FOLDER SHARE SEED MODULE ...   writes FOLDER/N/ for each change, prints N
--   lua5.4 tools/mutate.lua report FOLDER                       says which nobody noticed
--
-- FOLDER/N/init.lua, as LUA_INIT, puts the changed module in the place of the real one;
-- FOLDER/N/specs has the specs that cover it, the quick ones first; FOLDER/N/what says what is changed.

-- By module: the specs that are to notice a change of it.
local LOST =
  "ambiguous_rules lost_response lost_writes lost_response_doubt api_versions v2_skills model"
local SPECS = {
  ["posthog.llm.api.ambiguous"] = LOST,
  ["posthog.llm.api.ambiguous.created"] = "lost_response api_versions lost_writes",
  ["posthog.llm.api.ambiguous.known"] = LOST,
  ["posthog.llm.api.ambiguous.lost"] = LOST,
  ["posthog.llm.api.ambiguous.rows"] = "api_versions lost_writes lost_response_doubt model",
  ["posthog.llm.api.ambiguous.rules"] = LOST,
  ["posthog.llm.api.ambiguous.skills"] = "lost_response lost_writes v2_skills"
    .. " lost_response_doubt model",
  ["posthog.llm.api.ambiguous.stored"] = LOST,
  ["posthog.llm.http.server_clock"] = "ambiguous_rules retry lost_response",
  ["posthog.llm.util.compare"] = "ambiguous_rules lost_response lost_writes values"
    .. " skills skill_bodies",
  ["posthog.llm.http.call"] = "retry client transport bad_responses errors url limits pace keys"
    .. " secrets config lost_response lost_writes",
  ["posthog.llm.http.redact"] = "redact secrets bad_responses",
  ["posthog.llm.http.retry"] = "retry transport current_skills",
  ["posthog.llm.skill_folder.merge"] = "skill_folder_text skill_folder skill_folder_meanwhile"
    .. " skill_folder_tree skill_folder_safety",
  ["posthog.llm.dataset_file.journal"] = "dataset_file_import dataset_file_hostile"
    .. " dataset_file_kill",
}

-- Changes that change nothing that can be seen, with the reason: "module: line: change".
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
  local base = "lua/" .. module:gsub("%.", "/")
  local file = io.open(base .. ".lua", "rb")
  if file then
    file:close()
    return base .. ".lua"
  end
  return base .. "/init.lua"
end

-- The tokens of a Lua text: { kind, text, from, to, line }.
local function tokens_of(text)
  local list, at, line = {}, 1, 1
  local function add(kind, from, to)
    list[#list + 1] = { kind = kind, text = text:sub(from, to), from = from, to = to, line = line }
  end
  while at <= #text do
    local _, stop = text:find("^%-%-%[%[.-%]%]", at)
    if not stop then
      _, stop = text:find("^%-%-[^\n]*", at)
    end
    if not stop then
      _, stop = text:find("^%s+", at)
    end
    if not stop then
      local kind
      for _, rule in ipairs({
        { "name", "^[%a_][%w_]*" },
        { "number", "^%d[%w.]*" },
        { "op", "^[=~<>]=" },
        { "op", "^%.%.%.?" },
        { "op", "^[^%w%s]" },
      }) do
        _, stop = text:find(rule[2], at)
        if stop then
          kind = rule[1]
          break
        end
      end
      local quote = text:match("^[\"']", at)
      if quote then
        stop, kind = at, "string"
        repeat
          stop = text:find("[\\" .. quote .. "]", stop + 1)
          local escaped = text:sub(stop, stop) == "\\"
          if escaped then
            stop = stop + 1
          end
        until not escaped
      elseif text:find("^%[%[", at) then
        _, stop = text:find("%]%]", at)
        kind = "string"
      end
      add(kind, at, stop)
    end
    for _ in text:sub(at, stop):gmatch("\n") do
      line = line + 1
    end
    at = stop + 1
  end
  return list
end

local TURNED = {
  ["=="] = "~=",
  ["~="] = "==",
  ["<"] = "<=",
  ["<="] = "<",
  [">"] = ">=",
  [">="] = ">",
  ["+"] = "-",
  ["and"] = "or",
  ["or"] = "and",
  ["true"] = "false",
  ["false"] = "true",
  ["not"] = "",
}
local OPENS = { ["if"] = "then", ["elseif"] = "then", ["while"] = "do" }

-- The changes of a text: { from, to, text, what, line }.
local function changes_of(text)
  local list, tokens = {}, tokens_of(text)
  local function add(token, to, replacement, what)
    list[#list + 1] =
      { from = token.from, to = to, text = replacement, what = what, line = token.line }
  end
  for i, token in ipairs(tokens) do
    local before = tokens[i - 1]
    if TURNED[token.text] and token.kind ~= "string" then
      add(
        token,
        token.to,
        TURNED[token.text],
        ("%s to %s"):format(
          token.text,
          TURNED[token.text] == "" and "nothing" or TURNED[token.text]
        )
      )
    elseif
      token.text == "-"
      and before
      and (
        before.kind == "name"
        or before.kind == "number"
        or before.text == ")"
        or before.text == "]"
      )
    then
      add(token, token.to, "+", "- to +")
    elseif
      token.kind == "string"
      and token.text:find('^"%l+"$')
      and before
      and before.text:find("^[=~]?=$")
    then
      add(token, token.to, token.text:sub(1, -2) .. '_"', token.text .. " to another word")
    elseif token.kind == "number" and tonumber(token.text) then
      local n = tonumber(token.text)
      add(token, token.to, ("%.14g"):format(n + 1), ("%s to %.14g"):format(token.text, n + 1))
    elseif OPENS[token.text] then
      local j, depth = i + 1, 0
      while tokens[j] and not (depth == 0 and tokens[j].text == OPENS[token.text]) do
        if tokens[j].text == "function" then
          depth = depth + 1
        end
        if tokens[j].text == "end" and depth > 0 then
          depth = depth - 1
        end
        j = j + 1
      end
      if tokens[j] then
        add(
          token,
          tokens[j].to,
          ("%s not (%s) %s"):format(
            token.text,
            text:sub(token.to + 1, tokens[j].from - 1),
            OPENS[token.text]
          ),
          "condition turned"
        )
      end
    end
  end
  local at, number = 1, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local code = line:gsub("%s*%-%-.*$", ""):match("^%s*(.-)%s*$")
    local is_statement = code:find('^[%a_][%w_.:%[%]"#, +%-]* = ')
      or code:find("^[%a_][%w_.:]*%b()$")
      or code:find("^return%f[%W]")
      or code == "break"
    if is_statement and not code:find("^local ") and not code:find("^end") then
      list[#list + 1] = {
        from = at,
        to = at + #line - 1,
        text = "",
        line = number,
        what = "left out: " .. code,
      }
    end
    at = at + #line + 1
  end
  return list
end

local function apply(text, change)
  return text:sub(1, change.from - 1) .. change.text .. text:sub(change.to + 1)
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

local commands = {}

function commands.make(folder, share, seed, ...)
  math.randomseed(tonumber(seed))
  local made, root = 0, io.popen("pwd"):read("l")
  for _, module in ipairs({ ... }) do
    local specs = assert(SPECS[module], "no specs are named for " .. module)
    local text = read(path_of(module))
    for _, change in ipairs(changes_of(text)) do
      local changed = apply(text, change)
      if changed ~= text and load(changed) and math.random() < tonumber(share) then
        made = made + 1
        local own = ("%s/%d"):format(folder, made)
        os.execute("mkdir -p " .. own)
        write(own .. "/module.lua", changed)
        write(
          own .. "/init.lua",
          ("package.preload[%q] = loadfile(%q)\n"):format(
            module,
            root .. "/" .. own .. "/module.lua"
          )
        )
        write(own .. "/specs", specs .. "\n")
        write(
          own .. "/what",
          ("%s\n%s:%d: %s\n%s\n"):format(
            module,
            path_of(module),
            change.line,
            change.what,
            line_of(text, change.line)
          )
        )
        print(made)
      end
    end
  end
end

local function equal_changes()
  local known, file = {}, io.open(EQUAL, "rb")
  if not file then
    return known
  end
  for line in file:lines() do
    local what = line:match("^(posthog[^|]*|[^|]*|[^|]*)|")
    if what then
      known[what:gsub("%s+", " "):gsub(" $", "")] = true
    end
  end
  file:close()
  return known
end

function commands.report(folder)
  local known, modules, names = equal_changes(), {}, {}
  local count = 0
  while true do
    local file = io.open(("%s/%d/what"):format(folder, count + 1), "rb")
    if not file then
      break
    end
    count = count + 1
    local module, where, line = file:read("l", "l", "l")
    file:close()
    local result = io.open(("%s/%d/result"):format(folder, count), "rb")
    local seen = result and result:read("l") or "not run"
    if result then
      result:close()
    end
    if not modules[module] then
      modules[module] = { made = 0, noticed = 0, equal = 0 }
      names[#names + 1] = module
    end
    local row, change = modules[module], where:match(":%d+: (.*)$")
    local key = ("%s | %s | %s"):format(module, line, change):gsub("%s+", " ")
    row.made = row.made + 1
    if seen ~= "lives" then
      row.noticed = row.noticed + 1
    elseif known[key] then
      row.equal = row.equal + 1
    else
      print(where .. "\n    " .. line)
    end
  end
  local noticed, made = 0, 0
  for _, name in ipairs(names) do
    local row = modules[name]
    local counted = row.made - row.equal
    noticed, made = noticed + row.noticed, made + counted
    print(
      ("%-40s %4d changes, %3d of no effect, %4d noticed, %5.1f %%"):format(
        name,
        row.made,
        row.equal,
        row.noticed,
        row.noticed / math.max(counted, 1) * 100
      )
    )
  end
  print(("%d passed, %d failed"):format(noticed, made - noticed))
end

commands[arg[1]](table.unpack(arg, 2))
