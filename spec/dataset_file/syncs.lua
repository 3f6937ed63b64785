--- Syncs versions of a file one after the other, while requests fail, others write to the dataset, and
--- the syncing process is killed again and again; then compares the dataset with the file, by other
--- means than the library under test.

local cjson = require("cjson").new()

local kills = require("spec.dataset_file.kills")

local syncs = {}

local LUA = os.getenv("LUA") or (arg and arg[-1]) or "lua5.4"
local MOST_RUNS = 40 -- for one version of the file

--- A number from 1, by a generator of our own: math.random is not the same on all Luas.
local state
local function random(most)
  state = (state * 16807) % 2147483647
  return state % most + 1
end

--- A version of the file: about half of all keys, with one of a few contents each.
--- @return table<string, string> wanted by key, the JSON of output
local function make_file(path, records)
  local lines, wanted = {}, {}
  for id = 1, records do
    if random(2) == 1 then
      local output = ({ '"a"', "[1,2.5,null]", '{"n":9007199254740993}', "false", '"ü\\n"' })[random(
        5
      )]
      local line = '{"input":"row %d","output":%s,"metadata":{"id":"%d","t":%d}}'
      lines[#lines + 1] = line:format(id, output, id, random(2))
      wanted[tostring(id)] = lines[#lines]
    end
  end
  for i = #lines, 2, -1 do -- in any order
    local j = random(i)
    lines[i], lines[j] = lines[j], lines[i]
  end
  kills.write(path, table.concat(lines, "\n") .. "\n")
  return wanted
end

--- What somebody else writes now or in a moment, as shell text. It may fail like everything else.
local function other_write(e, dataset, rows, profile)
  local row = rows[random(#rows + 1)]
  local method, path = "POST", "dataset_items/"
  local body
  if not row or random(4) == 1 then
    body = ('{"dataset":"%s","input":"theirs","metadata":{"id":"alien %d"}}'):format(
      dataset,
      random(1e6)
    )
  elseif profile == "current" then
    local archives = random(3) == 1
    path = ("dataset_items/%s/%s"):format(row.id, archives and "archive/" or "")
    method = archives and "POST" or "PATCH"
    body = archives and ('{"base_version":%d}'):format(row.version)
      or ('{"base_version":%d,"expected_output":"theirs"}'):format(row.version)
  else
    method, path = "PATCH", ("dataset_items/%s/"):format(row.id)
    body = random(3) == 1 and '{"deleted":true}' or '{"output":"theirs"}'
  end
  local words = "{ sleep %.2f; curl -q -s --noproxy '*' --max-time 5 -X %s "
    .. "-H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '%s' "
    .. "'%s/api/projects/112358/%s' >/dev/null; } & "
  return words:format(random(40) / 100, method, kills.KEY, body, e.url, path)
end

--- What is in the dataset, by the key; a key twice has "twice".
local function held(e, dataset, profile)
  local found = {}
  for _, row in ipairs(kills.rows(e, dataset)) do
    local id = tostring(row.metadata.id)
    local output = row[profile == "current" and "expected_output" or "output"]
    found[id] = found[id] and "twice" or { row.input, output, row.metadata.t }
  end
  return found
end

--- How the dataset differs from the file.
--- @return string[] differences
local function compare(wanted, found)
  local list = {}
  for id, line in pairs(wanted) do
    local record, row = cjson.decode(line), found[id]
    local has = type(row) == "table" and cjson.encode({ row[1], row[2], row[3] })
    if has ~= cjson.encode({ record.input, record.output, record.metadata.t }) then
      list[#list + 1] = ("%s: %s, not %s"):format(id, tostring(has or row), line)
    end
  end
  for id in pairs(found) do
    list[#list + 1] = not wanted[id] and id .. ": is there, and not in the file" or nil
  end
  return list
end

--- @param e posthog.Emulator
--- @param options { records: integer, versions: integer, kills: integer, seed: integer, settle: number, profile: string, after: integer, slow?: boolean, tell?: fun(version: integer, killed: integer) }
---   slow: responses come late, and in another order
--- @return { runs: integer, killed: integer, conflicts: integer, others: integer, differences: string[], output: string }
function syncs.run(e, options)
  state = options.seed % 2147483646 + 1
  local dataset = e:seed({ datasets = 1 }).datasets[1]
  local path, name = e.prefix .. "/sync.jsonl", e.prefix .. "/sync.json"
  local program = ("%s spec/dataset_file/importer.lua '%s' 2>&1; echo status=$?"):format(LUA, name)
  local result = { runs = 0, killed = 0, conflicts = 0, others = 0, differences = {} }

  --- @return table? summary
  local function once(kill, others)
    kills.write(
      name,
      cjson.encode({
        url = e.url,
        dataset = dataset,
        source = path,
        settle = options.settle,
        concurrency = 4,
        kill = kill,
        sync = { key = "metadata.id", prune = true },
      })
    )
    result.output = kills.output_of(others .. program .. "; wait")
    result.runs = result.runs + 1
    local status = tonumber(result.output:match("status=(%d+)"))
    result.killed = result.killed + (status == 137 and 1 or 0)
    local summary = result.output:match("(%b{})%s*status=0%s")
    summary = summary and cjson.decode(summary)
    result.conflicts = result.conflicts + (summary and summary.conflicts or 0)
    return summary
  end

  for version = 1, options.versions do
    e:settings({ chance = random(1e6) })
    e:faults(kills.faults(options.slow))
    local wanted = make_file(path, options.records)
    local killed, runs = result.killed, 0
    repeat
      local kill = result.killed - killed < options.kills
        and { from = random(4) == 1 and "start" or "create", after = random(options.after) }
      if kill and options.slow and random(2) == 1 then -- at a moment when it waits
        kill = { from = "create", seconds = random(200) / 1000 }
      end
      e:faults({})
      local rows, others = kills.rows(e, dataset), ""
      e:faults(kills.faults(options.slow))
      for _ = 1, random(4) - 1 do
        others = others .. other_write(e, dataset, rows, options.profile)
        result.others = result.others + 1
      end
      once(kill or nil, others)
      runs = runs + 1
    until (not kill and runs > 2) or runs >= 3 * options.kills
    -- Nobody else writes any more; requests still fail.
    local summary
    runs = 0
    repeat
      summary = once(nil, "")
      runs = runs + 1
    until summary and summary.conflicts == 0 or runs > MOST_RUNS
    if not summary then
      table.insert(result.differences, ("version %d: no end: %s"):format(version, result.output))
    end
    e:faults({})
    for _, difference in ipairs(compare(wanted, held(e, dataset, options.profile))) do
      table.insert(result.differences, ("version %d: %s"):format(version, difference))
    end
    summary = once(nil, "")
    local idle = summary
      and summary.created + summary.updated + summary.deleted + summary.restored == 0
    if not idle then
      table.insert(
        result.differences,
        ("version %d: a second sync: %s"):format(version, result.output)
      )
    end
    if options.tell then
      options.tell(version, result.killed)
    end
  end
  return result
end

return syncs
