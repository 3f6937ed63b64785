--- What the server holds and what it has done, read past the library: from the emulator's own
--- account, its log, and by curl.

local cjson = require("cjson").new()

local truth = {}

local PROJECT = "/api/projects/112358/"
local SKILL = PROJECT .. "llm_skills/name/%s/?version=%d"
local PATIENCE = 100 -- looks at the log, a tenth of a second apart
local PAGE = 100000 -- rows: all of them

local function lines_of(name)
  local file = assert(io.open(name, "rb"))
  local list = {}
  for line in file:lines() do
    list[#list + 1] = line
  end
  file:close()
  return list
end

--- Some requests may still be at work for a client that has gone long ago.
local function wait_for_all(e)
  for _ = 1, PATIENCE do
    if #lines_of(e.log_file) >= e:state().requests then
      return
    end
    os.execute("sleep 0.1")
  end
  error("the server is still at work", 0)
end

--- Bodies of many GETs over one connection, one a line.
local function fetch(e, targets)
  local name = e.prefix .. "/soak.curl"
  local file = assert(io.open(name, "wb"))
  file:write('header = "Authorization: Bearer phx_emulator_all"\n')
  for _, target in ipairs(targets) do
    file:write(('url = "%s%s"\n'):format(e.url, target))
  end
  file:close()
  local command = "curl -q -sS -f --noproxy '*' --max-time 60 -w '\\n' -K '%s' 2>&1"
  local pipe = assert(io.popen(command:format(name)))
  local list = {}
  for line in pipe:lines() do
    list[#list + 1] = cjson.decode(line)
  end
  pipe:close()
  assert(#list == #targets, "the server did not give all rows")
  return list
end

--- Live rows of a collection by id.
local function live(e, path)
  local rows = {}
  for _, row in ipairs(fetch(e, { PROJECT .. path .. "/?limit=" .. PAGE })[1].results) do
    rows[row.id] = row
  end
  return rows
end

--- All versions of all skills, by name and number.
local function versions(e, skills)
  local targets, list = {}, {}
  for _, skill in ipairs(skills) do
    for version = 1, skill.version do
      targets[#targets + 1] = SKILL:format(skill.name, version)
    end
  end
  for _, skill in ipairs(targets[1] and fetch(e, targets) or {}) do
    list[skill.name] = list[skill.name] or {}
    list[skill.name][skill.version] = skill
  end
  return list
end

local function deleted(rows)
  local by_id = {}
  for _, row in ipairs(rows) do
    by_id[row.id] = row.deleted == true
  end
  return by_id
end

--- The call of the soak that a request was for.
local function call_of(entry)
  if entry.headers then
    return entry.headers["x-soak-call"]
  end
  return entry.raw_header and entry.raw_header:match("\r\n[Xx]%-[Ss]oak%-[Cc]all: ([%d.]+)\r\n")
end

--- @class soak.Truth
--- @field requests integer
--- @field faulted table<integer, integer> how many requests got which fault
--- @field log table<string, table[]> the requests of each call, in order of arrival
--- @field datasets { deleted: table<string, boolean>, live: table<string, table> } by id
--- @field items { deleted: table<string, boolean>, live: table<string, table> }
--- @field skills table<string, table[]> versions by name

--- @param e posthog.Emulator whose clients have gone
--- @return soak.Truth
function truth.read(e)
  wait_for_all(e)
  e:faults({})
  e:settings({ log = false })
  local all = { requests = 0, faulted = {}, log = {} }
  for _, line in ipairs(lines_of(e.log_file)) do
    local entry = cjson.decode(line)
    local call, place = call_of(entry), entry.fault
    all.requests = all.requests + 1
    if place then
      all.faulted[place] = (all.faulted[place] or 0) + 1
    end
    if call then
      all.log[call] = all.log[call] or {}
      entry.body, entry.headers, entry.raw_header = nil, nil, nil
      table.insert(all.log[call], entry)
    end
  end
  local state = e:state().projects["112358"]
  all.datasets = { deleted = deleted(state.datasets), live = live(e, "datasets") }
  all.items = { deleted = deleted(state.items), live = live(e, "dataset_items") }
  all.skills = versions(e, state.skills)
  return all
end

return truth
