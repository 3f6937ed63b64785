--- Compares what the callers of the soak were told with what the server has done and holds.

local judge = {}

--- What the log has to say of a write whose outcome is known: how often it was done, at least and
--- at most. Updates may be repeated, since twice is the same as once. An archive may find that
--- another worker's was first.
local TIMES = {
  ["create dataset"] = { 1, 1 },
  ["create item"] = { 1, 1 },
  ["update dataset"] = { 1, 9 },
  ["update item"] = { 1, 9 },
  ["delete dataset"] = { 1, 9 },
  ["delete item"] = { 1, 9 },
  ["undelete dataset"] = { 1, 9 },
  ["undelete item"] = { 1, 9 },
  ["create skill"] = { 1, 1 },
  ["duplicate skill"] = { 1, 1 },
  ["publish"] = { 1, 1 },
  ["create file"] = { 1, 1 },
  ["rename file"] = { 1, 1 },
  ["delete file"] = { 1, 1 },
  ["archive skill"] = { 0, 1 },
}

--- @class soak.Case what is judged, and what was found
--- @field journal table[]
--- @field truth soak.Truth
--- @field faults soak.Fault[]

--- A problem with the whole history of the call that it is about.
local function history(case, entry, text, ...)
  local lines = { ("%s %s: %s"):format(entry.kind, entry.call or "", text:format(...)) }
  local told = {}
  for name, value in pairs(entry) do
    if type(value) == "number" then
      value = ("%g"):format(value)
    end
    told[#told + 1] = ("%s=%s"):format(name, tostring(value))
  end
  table.sort(told)
  lines[2] = "  told: " .. table.concat(told, ", ")
  for _, request in ipairs(case.truth.log[entry.call] or {}) do
    local fault = case.faults[request.fault]
    local status = request.status and ("%d"):format(request.status) or "no status"
    lines[#lines + 1] = ("  %d %s %s over %s (%d): %s%s%s"):format(
      request.n,
      request.method,
      request.target,
      request.http,
      request.connection,
      status,
      request.applied and ", done" or "",
      fault and ", fault: " .. fault.name or ""
    )
  end
  return table.concat(lines, "\n")
end

local function applied(case, entry)
  local n = 0
  for _, request in ipairs(case.truth.log[entry.call] or {}) do
    if request.applied then
      n = n + 1
    end
  end
  return n
end

--- Whether a write came when its client had long given up.
local function came_late(case, entry)
  for _, request in ipairs(case.truth.log[entry.call] or {}) do
    local fault = case.faults[request.fault]
    if fault and fault.late and request.applied then
      return true
    end
  end
  return false
end

--- Each check gets a function that takes a problem: an entry, and what is wrong with it.
local checks = {}

local function check(name, run)
  checks[#checks + 1] = { name = name, run = run }
end

check("no call raised", function(case, bad)
  for _, entry in ipairs(case.journal) do
    if entry.kind == "raised" then
      bad(entry, "%s", entry.message)
    end
  end
end)

check("every answer was the one to its call", function(case, bad)
  for _, entry in ipairs(case.journal) do
    if entry.wrong then
      bad(entry, "%s", entry.wrong)
    end
  end
end)

for _, one in ipairs({
  { "done", "what was told as done happened exactly once" },
  { "failed", "what was told as failed did not happen" },
  { "unknown", "what was left open happened once at most" },
}) do
  local outcome = one[1]
  check(one[2], function(case, bad)
    for _, entry in ipairs(case.journal) do
      local times = entry.outcome == outcome and TIMES[entry.kind]
      if times then
        local n = applied(case, entry)
        local least = outcome == "done" and times[1] or 0
        local most = outcome == "failed" and 0 or times[2]
        if n < least or n > most then
          bad(entry, "it was done %d times", n)
        end
      end
    end
  end)
end

--- The rows of a resource as they have to be, from the journal: by id, with the marks that may be
--- in it, and whether it lives.
local function expected_rows(journal, what)
  local rows, maybe = {}, {}
  for _, entry in ipairs(journal) do
    local row = rows[entry.on]
    if entry.kind == "create " .. what or entry.kind == "find " .. what then
      if entry.id then
        rows[entry.id] = { entry = entry, marks = { [entry.mark] = true }, alive = true }
      elseif entry.outcome == "unknown" then
        maybe[entry.mark] = entry
      end
    elseif entry.kind == "update " .. what then
      if entry.outcome == "done" then
        row.marks = {}
      end
      if entry.outcome ~= "failed" then
        row.marks[entry.mark] = true
      end
    elseif entry.kind == "delete " .. what or entry.kind == "undelete " .. what then
      local alive = entry.kind == "undelete " .. what
      if entry.outcome == "done" then
        row.alive = alive
      elseif entry.outcome == "unknown" and row.alive ~= alive then
        row.alive = nil
      end
    end
  end
  return rows, maybe
end

local function compare_rows(what, mark_of)
  return function(case, bad)
    local held = case.truth[what .. "s"]
    local rows, maybe = expected_rows(case.journal, what)
    for id, row in pairs(rows) do
      local live = held.live[id]
      if held.deleted[id] == nil then
        bad(row.entry, "%s is missing", id)
      elseif row.alive ~= nil and held.deleted[id] == row.alive then
        bad(row.entry, "%s is %s", id, row.alive and "deleted" or "not deleted")
      elseif live and not row.marks[mark_of(live)] then
        bad(row.entry, "%s has the mark %s", id, tostring(mark_of(live)))
      end
    end
    local seen = {}
    for id in pairs(held.deleted) do
      local made = held.live[id] and held.live[id].metadata.made
      local entry = maybe[made]
      if not rows[id] and (not entry or seen[made]) then
        bad(entry or { kind = what }, "%s, made by %s, is one too many", id, tostring(made))
      end
      if made then
        seen[made] = true
      end
    end
  end
end

check(
  "the server's datasets are those of the callers",
  compare_rows("dataset", function(row)
    return row.description
  end)
)
check(
  "the server's items are those of the callers",
  compare_rows("item", function(row)
    return row.input.mark
  end)
)

check("find_created found what there was", function(case, bad)
  local creates = {}
  for _, entry in ipairs(case.journal) do
    if entry.kind == "create item" or entry.kind == "create dataset" then
      creates[entry.mark] = entry
    elseif entry.found then
      local create = creates[entry.mark]
      local n = applied(case, create)
      if entry.found ~= n and not (entry.found < n and came_late(case, create)) then
        bad(create, "%d found, %d made", entry.found, n)
      end
    end
  end
end)

--- The file paths that one version has and another has not.
local function paths_only_in(one, other)
  local there, list = {}, {}
  for _, file in ipairs(other.files) do
    there[file.path] = true
  end
  for _, file in ipairs(one.files) do
    if not there[file.path] then
      list[#list + 1] = file.path
    end
  end
  return list
end

--- Who made a version: by the mark that it bears, or for a deletion by what he was told.
local function maker(writes, before, after)
  if before.description ~= after.description then
    return writes.marks[after.description]
  end
  local new, gone = paths_only_in(after, before), paths_only_in(before, after)
  if new[1] then
    return writes.marks[new[1]:match("^f/%d+/ä (%S+)/")]
  end
  for _, entry in ipairs(writes.deletes[gone[1]] or {}) do
    local here = entry.on == after.name and entry.outcome ~= "failed"
    if here and (entry.version == nil or entry.version == after.version) then
      return entry
    end
  end
end

--- Writes that make a version with their mark in it.
local MARKED = { ["publish"] = true, ["create file"] = true, ["rename file"] = true }

local function skill_writes(journal)
  local writes = { names = {}, marks = {}, deletes = {}, archives = {}, made = {} }
  for _, entry in ipairs(journal) do
    if entry.kind == "create skill" or entry.kind == "duplicate skill" then
      writes.names[entry.on] = entry
    elseif entry.kind == "archive skill" then
      local told = writes.archives[entry.on]
      writes.archives[entry.on] = told == "done" and told or entry.outcome
    elseif entry.kind == "delete file" then
      writes.deletes[entry.path] = writes.deletes[entry.path] or {}
      table.insert(writes.deletes[entry.path], entry)
      writes.made[#writes.made + 1] = entry
    elseif MARKED[entry.kind] then
      writes.marks[entry.mark] = entry
      writes.made[#writes.made + 1] = entry
    end
  end
  return writes
end

check("the server's skills are those of the callers", function(case, bad)
  local writes = skill_writes(case.journal)
  for name, entry in pairs(writes.names) do
    local there, archived = case.truth.skills[name], writes.archives[name]
    local may_be_gone = archived == "done" or archived == "unknown"
    if there and archived == "done" then
      bad(entry, "%s is there though archived", name)
    elseif there and entry.outcome == "failed" then
      bad(entry, "%s is there", name)
    elseif not there and entry.outcome == "done" and not may_be_gone then
      bad(entry, "%s is missing", name)
    end
  end
  for name in pairs(case.truth.skills) do
    if not writes.names[name] then
      bad({ kind = "skill", on = name }, "nobody made it")
    end
  end
end)

check(
  "each version of a skill is one caller's write, and each write one version",
  function(case, bad)
    local writes = skill_writes(case.journal)
    local made_by = {}
    for name, versions in pairs(case.truth.skills) do
      for version = 2, #versions do
        local entry = maker(writes, versions[version - 1], versions[version])
        if not entry then
          bad({ kind = "version", on = name, version = version }, "nobody made it")
        elseif made_by[entry] then
          bad(entry, "it made version %d and version %d", made_by[entry], version)
        elseif entry.outcome == "failed" then
          bad(entry, "it made version %d though it failed", version)
        elseif entry.version and entry.version ~= version then
          bad(entry, "it made version %d and was told %d", version, entry.version)
        else
          made_by[entry] = version
        end
      end
    end
    for _, entry in ipairs(writes.made) do
      if entry.outcome == "done" and case.truth.skills[entry.on] and not made_by[entry] then
        bad(entry, "version %s is not there, or somebody else's", tostring(entry.version))
      end
    end
  end
)

--- @param case soak.Case
--- @return { name: string, problems: string[] }[] one for each check
function judge.all(case)
  local results = {}
  for i, one in ipairs(checks) do
    local result = { name = one.name, problems = {} }
    one.run(case, function(entry, ...)
      table.insert(result.problems, history(case, entry, ...))
    end)
    results[i] = result
  end
  return results
end

return judge
