--- Imports a file while requests fail and the importing process is killed again and again; then
--- compares the dataset with the file, by other means than the library under test.

local cjson = require("cjson").new()

local kills = {}

local LUA = os.getenv("LUA") or (arg and arg[-1]) or "lua5.4"
local KEY = "phx_emulator_all"
kills.KEY = KEY

--- A tenth of the requests, before or after the server has done what they ask for.
local FAULTS = {
  { close = "before" },
  { close = "after" },
  { close = "after", reset = true },
  { status = 503 },
  { status = 504, apply = true, body = "{}" },
  { truncate = 20 },
  { cut = -1 },
  { raw = "HTTP/1.1 201 Created\r\nContent-Ty", apply = true },
  { status = 429, headers = { ["Retry-After"] = "0" } },
  { headers = { ["Content-Length"] = "5" } },
}
kills.SHARE = 0.1

--- Of the requests without a fault: some are done late, the others answered late, each tenth of them very.
--- So many are on their way at any moment, and end in another order.
local DELAYS = {
  { share = 0.1, action = { delay = { write = 0.06 } } },
  { share = 0.1, action = { delay = { answer = 0.1 } } },
  { share = 1, action = { delay = { answer = 0.01 } } },
}

--- Requests at the same time, of a run whose responses come late.
local WIDTHS = { 1, 3, 8, 20 }

--- @param slow? boolean no response comes at once
function kills.faults(slow)
  local list = {}
  for i, action in ipairs(FAULTS) do
    -- Each is asked about those that the ones before it have let through.
    local share = kills.SHARE / #FAULTS / (1 - kills.SHARE * (i - 1) / #FAULTS)
    list[i] = { match = { share = share }, action = action }
  end
  for _, delay in ipairs(slow and DELAYS or {}) do
    list[#list + 1] = { match = { share = delay.share }, action = delay.action }
  end
  return list
end

function kills.write(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
end

--- Every fifth record is equal to others; one is not JSON.
--- @return table<string, integer> wanted how often each input has to be there
local function make_source(name, records)
  local lines, wanted = {}, {}
  for i = 1, records do
    local input = i % 5 == 0 and "again " .. i % 3 or "row " .. i
    lines[i] = ('{"input":"%s","output":{"n":null,"l":[],"f":1.5}}'):format(input)
    wanted[input] = (wanted[input] or 0) + 1
  end
  table.insert(lines, math.floor(records / 2), "{no JSON}")
  kills.write(name, table.concat(lines, "\n") .. "\n")
  return wanted
end

function kills.output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- Calls the API by curl. The faults are off by then.
function kills.get(e, path)
  local words = "curl -q -sS --noproxy '*' --max-time 60 -H 'Authorization: Bearer %s' '%s%s'"
  return cjson.decode(kills.output_of(words:format(KEY, e.url, path)))
end

--- All rows of a dataset.
function kills.rows(e, dataset)
  local rows = {}
  while true do
    local path = "/api/projects/112358/dataset_items/?dataset=%s&limit=1000&offset=%d"
    local page = kills.get(e, path:format(dataset, #rows))
    for _, row in ipairs(page.results) do
      rows[#rows + 1] = row
    end
    if #rows >= page.count then
      return rows
    end
  end
end

--- How often each input is there.
local function held(e, dataset)
  local counts = {}
  for _, row in ipairs(kills.rows(e, dataset)) do
    counts[row.input] = (counts[row.input] or 0) + 1
  end
  return counts
end

local function read(name)
  local file = io.open(name, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

--- What a power failure leaves of a journal: all that was synced, and of the rest what happens to
--- be on the disk, or zero bytes.
local function cut_power(journal)
  local text = read(journal)
  local synced = tonumber(read(journal .. ".synced") or "0")
  if text and #text > synced then
    local length = math.random(synced, #text)
    local zeros = math.random(3) == 1 and ("\0"):rep(#text - length) or ""
    kills.write(journal, text:sub(1, length) .. zeros)
  end
end

--- When the next run kills itself. The first does so for sure; others may be done before.
local function next_kill(options, killed)
  if killed > 0 and math.random(5) == 1 then
    return { from = "start", after = math.random(500000) }
  elseif killed > 0 and options.slow and math.random(2) == 1 then -- at a moment when it waits
    return { from = "create", seconds = math.random(300) / 1000 }
  end
  return { from = "create", after = math.random(options.after or 1) }
end

--- Runs the import until it ends, killing it so many times on the way.
--- @param e posthog.Emulator
--- @param options { records: integer, kills: integer, seed: integer, settle: number, slow?: boolean, power?: boolean, pairs?: boolean, tell?: fun(runs: integer, killed: integer) }
---   power: each kill is a power failure; pairs: two processes import the file at the same time
--- @return { runs: integer, killed: integer, summary: table, wanted: table, held: table, output: string }
function kills.run(e, options)
  math.randomseed(options.seed)
  local dataset = e:seed({ datasets = 1 }).datasets[1]
  local source = e.prefix .. "/kills.jsonl"
  local journal = source .. ".journal"
  os.remove(journal)
  os.remove(journal .. ".synced")
  local result = { runs = 0, killed = 0, wanted = make_source(source, options.records) }
  e:settings({ chance = options.seed })
  e:faults(kills.faults(options.slow))
  local name = e.prefix .. "/kills.json"
  local run = ("%s spec/dataset_file/importer.lua '%s'"):format(LUA, name)
  local program = run .. " 2>&1; echo status=$?"
  if options.pairs then
    program = ("%s >/dev/null 2>&1 & %s; wait"):format(run, program)
  end
  local status
  repeat
    local kill = result.killed < options.kills and next_kill(options, result.killed) or nil
    kills.write(
      name,
      cjson.encode({
        url = e.url,
        dataset = dataset,
        source = source,
        settle = options.settle,
        concurrency = options.slow and WIDTHS[math.random(#WIDTHS)] or 8,
        power = options.power,
        kill = kill,
      })
    )
    result.output = kills.output_of(program)
    status = tonumber(result.output:match("status=(%d+)%s*$"))
    result.runs = result.runs + 1
    if status == 137 then
      result.killed = result.killed + 1
      if options.power then
        cut_power(journal)
      end
    end
    if options.tell then
      options.tell(result.runs, result.killed)
    end
  until status ~= 137 and (status == 0 or result.runs > 4 * options.kills + 20)
  e:faults({})
  local line = result.output:match("(%b{})%s*status=0%s*$")
  result.summary = line and cjson.decode(line)
  result.held = held(e, dataset)
  return result
end

return kills
