--- Texts of the size and kind that the API sends, the same on every run and
--- every Lua: a page of dataset items, a dataset, a skill with a long body, a
--- spend report, and one very large page. Written by hand, not by a codec.

local fixtures = {}

--- A generator of pseudo-random integers that any Lua computes alike.
--- @param seed integer
--- @return fun(low: integer, high: integer): integer
local function generator(seed)
  local state = seed
  return function(low, high)
    state = (state * 16807) % 2147483647
    return low + state % (high - low + 1)
  end
end

local words = {}
for word in
  ([[the agent answered with a trace of every generation and its cost in model time where prompt
  tokens were counted twice because cache reads show up as input please check settings before you
  export to file or change the limit for this project so that none of them gets lost when someone
  asks why answers became slow and which tool was called first
  größe naïve данные 概要 “quoted” …]]):gmatch("%S+")
do
  words[#words + 1] = word
end

--- Text as it stands inside of a JSON string.
local function prose(random, bytes)
  local parts, size = {}, 0
  while size < bytes do
    local word = words[random(1, #words)]
    local stop = random(1, 40)
    local gap = stop == 1 and ".\\n\\n"
      or stop == 2 and ",\\n"
      or stop == 3 and ' \\"'
      or stop == 4 and '\\" '
      or " "
    parts[#parts + 1] = word
    parts[#parts + 1] = gap
    size = size + #word + #gap
  end
  return table.concat(parts)
end

local function hex(random, digits)
  local parts = {}
  for i = 1, digits do
    parts[i] = ("%x"):format(random(0, 15))
  end
  return table.concat(parts)
end

local function uuid(random)
  return ("0195%s-%s-7%s-8%s-%s"):format(
    hex(random, 4),
    hex(random, 4),
    hex(random, 3),
    hex(random, 3),
    hex(random, 12)
  )
end

local function timestamp(random)
  return ("2026-%02d-%02dT%02d:%02d:%02d.%06dZ"):format(
    random(1, 12),
    random(1, 28),
    random(0, 23),
    random(0, 59),
    random(0, 59),
    random(0, 999999)
  )
end

--- A fraction between 0 and 1 with that many digits.
local function fraction(random, digits)
  local parts = { "0." }
  for i = 2, digits do
    parts[i] = random(0, 9)
  end
  parts[digits + 1] = random(1, 9)
  return table.concat(parts)
end

local function user(random)
  return (
    '{"id":%d,"uuid":"%s","distinct_id":"%s","first_name":"Zoë","last_name":"Núñez",'
    .. '"email":"zoe.%d@example.net","is_email_verified":true,"hedgehog_config":'
    .. '{"use_as_profile":true,"color":null,"accessories":["beret","glasses"],"skin":"default"},'
    .. '"role_at_organization":"engineering"}'
  ):format(random(1, 99999), uuid(random), hex(random, 32), random(1, 99))
end

local function item(random, dataset)
  local messages = {
    ('{"role":"system","content":"%s"}'):format(prose(random, random(80, 400))),
  }
  for turn = 1, random(1, 4) do
    messages[#messages + 1] = ('{"role":"user","content":"%s"}'):format(
      prose(random, random(40, 300))
    )
    if turn % 2 == 0 then
      messages[#messages + 1] = (
        '{"role":"assistant","content":null,"tool_calls":[{"id":"call_%s",'
        .. '"type":"function","function":{"name":"query_run","arguments":"{\\"day\\":\\"%s\\",'
        .. '\\"limit\\":%d}"}}]}'
      ):format(hex(random, 12), timestamp(random), random(1, 100))
    else
      messages[#messages + 1] = ('{"role":"assistant","content":"%s"}'):format(
        prose(random, random(60, 500))
      )
    end
  end
  return (
    '{"id":"%s","dataset":"%s","input":{"messages":[%s],"temperature":%s,"max_tokens":%d,'
    .. '"stream":false,"stop":[]},"output":{"choices":[{"index":0,"message":{"role":"assistant",'
    .. '"content":"%s","tool_calls":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":%d,'
    .. '"completion_tokens":%d,"total_tokens":%d,"cache":{"read":%d,"write":0}},"cost_usd":%s},'
    .. '"metadata":{"language":"en","reviewed":true,"score":%s,"labels":["good","short"],'
    .. '"extra":{},"weights":[%s,%s,%s]},"ref_trace_id":"%s","ref_timestamp":"%s",'
    .. '"ref_source_id":%s,"deleted":false,"created_at":"%s","updated_at":"%s","created_by":%s,'
    .. '"team":112358}'
  ):format(
    uuid(random),
    dataset,
    table.concat(messages, ","),
    fraction(random, 1),
    random(1, 40) * 100,
    prose(random, random(60, 500)),
    random(10, 9999),
    random(10, 999),
    random(10, 9999),
    random(0, 9999),
    fraction(random, 6),
    fraction(random, 2),
    fraction(random, 3),
    fraction(random, 3),
    fraction(random, 16),
    uuid(random),
    timestamp(random),
    random(1, 3) == 1 and "null" or '"' .. uuid(random) .. '"',
    timestamp(random),
    timestamp(random),
    user(random)
  )
end

--- @param count integer number of items
--- @return string
function fixtures.items(count)
  local random = generator(20260514)
  local dataset = uuid(random)
  local rows = {}
  for i = 1, count do
    rows[i] = item(random, dataset)
  end
  return ('{"count":%d,"next":null,"previous":null,"results":[%s]}'):format(
    count,
    table.concat(rows, ",")
  )
end

--- @return string
function fixtures.dataset()
  local random = generator(7)
  return (
    '{"id":"%s","name":"Helpdesk replies","description":"%s","metadata":{"language":["de",'
    .. '"日本語"],"rows":4123,"ratio":0.1,"tags":{},"parent":null},"created_at":"%s",'
    .. '"updated_at":"%s","deleted":false,"created_by":%s,"team":112358}'
  ):format(uuid(random), prose(random, 120), timestamp(random), timestamp(random), user(random))
end

--- A line of Markdown prose, as it stands inside of a JSON string.
local function sentence(random)
  local part = {}
  for i = 1, random(6, 18) do
    part[i] = words[random(1, #words)]
  end
  return table.concat(part, " ")
end

local function skill_of(random, body)
  return (
    '{"id":"%s","name":"trace-triage","description":"Finds slow generations.","body":"%s",'
    .. '"license":"Apache-2.0","compatibility":"","allowed_tools":["Bash","Read"],"metadata":'
    .. '{"owner_team":"ml-platform","nested":{"empty":[],"flag":false}},"files":[{"path":'
    .. '"scripts/collect.sh","content_type":"text/x-shellscript"}],"outline":[],"version":7,'
    .. '"is_latest":true,"created_at":"%s","updated_at":"%s","created_by":%s}'
  ):format(uuid(random), body, timestamp(random), timestamp(random), user(random))
end

--- Lines of code, as they stand inside of a JSON string: quotes, tabs, backslashes.
local CODE = {
  "local function triage(%s)",
  '\\tif %s.kind == \\"generation\\" then',
  "\\t\\tlocal seconds = (%s.ended - started) / 1000",
  '\\t\\tprint((\\"%%d\\\\t%%s\\"):format(seconds, %s.name))',
  "\\tend",
  "\\treturn %s",
  "end",
  'posthog-llm items list --dataset \\"$%s\\" --json |',
  "  jq -r '.results[] | [.id, .%s] | @tsv' \\\\",
  "  > out.tsv",
  '{\\"event\\": \\"$ai_generation\\", \\"cost\\": %s},',
}

--- What an encoder that keeps to ASCII makes of words that do not.
local ESCAPED = { "gr\\u00f6\\u00dfe", "na\\u00efve", "\\u6982\\u8981", "\\u201cquoted\\u201d" }

local function block_of_code(random)
  local lines = { random(1, 2) == 1 and "```lua" or "```sh" }
  for i = 2, random(4, 12) do
    lines[i] = CODE[random(1, #CODE)]:format(("x"):rep(random(1, 12)))
  end
  lines[#lines + 1] = "```\\n"
  return table.concat(lines, "\\n")
end

--- @param bytes integer size of the body, Markdown with code: an escape every 33 bytes, and what is
---   not ASCII partly as it is, partly escaped
--- @param seed? integer another skill of the kind
--- @return string
function fixtures.skill(bytes, seed)
  local random = generator(seed or 17)
  local lines, size = {}, 0
  while size < bytes do
    local kind = random(1, 22)
    local line
    if kind == 1 then
      line = "\\n## Step " .. #lines .. "\\n"
    elseif kind == 2 then
      line = block_of_code(random)
    elseif kind == 3 then
      line = "| model | p50 ms | p95 ms |\\n|-------|-------:|-------:|\\n| a | 812 | 9450 |"
    elseif kind == 4 then
      line = "* " .. sentence(random):gsub(" ", ' \\"', 1):gsub(" (%l+)$", '\\" %1')
    elseif kind == 5 then
      line = sentence(random) .. " " .. ESCAPED[random(1, #ESCAPED)] .. "."
    else
      line = (kind < 12 and "* " or "") .. sentence(random)
    end
    lines[#lines + 1] = line
    size = size + #line + 2
  end
  return skill_of(random, table.concat(lines, "\\n"))
end

--- @param bytes integer size of the body, Markdown in which escapes are rare
--- @return string
function fixtures.prose(bytes)
  local random = generator(11)
  local lines, size = {}, 0
  while size < bytes do
    local kind = random(1, 12)
    local line
    if kind == 1 then
      line = "\\n## Step " .. #lines .. "\\n"
    elseif kind == 2 then
      line = '```bash\\n./scripts/collect.sh --day \\"$DAY\\" --out traces.jsonl\\n```'
    elseif kind == 3 then
      line = "| model | p50 ms | p95 ms |\\n|-------|-------:|-------:|\\n| a | 812 | 9450 |"
    else
      line = (kind < 6 and "* " or "") .. sentence(random)
    end
    lines[#lines + 1] = line
    size = size + #line + 2
  end
  return skill_of(random, table.concat(lines, "\\n"))
end

--- @param count integer rows in each of the four lists
--- @return string
function fixtures.spend(count)
  local random = generator(13)
  local tools, models, traces, products = {}, {}, {}, {}
  for i = 1, count do
    products[i] = ('{"product":"product_%d","event_count":%d,"cost_usd":%d.%06d}'):format(
      i,
      random(1, 99999),
      random(0, 2000),
      random(1, 999999)
    )
    tools[i] = (
      '{"tool":"mcp__posthog__tool-%d","generation_count":%d,"cost_usd":%d.%06d,'
      .. '"share_of_scoped":%s,"avg_input_tokens":%d.0}'
    ):format(
      i,
      random(1, 99999),
      random(0, 2000),
      random(1, 999999),
      fraction(random, 16),
      random(0, 200000)
    )
    models[i] = (
      '{"model":"model-%d","generation_count":%d,"cost_usd":%d.%s,"input_tokens":%d,'
      .. '"output_tokens":%d}'
    ):format(
      i,
      random(1, 99999),
      random(0, 2000),
      fraction(random, 12):sub(3),
      random(1, 2000000000),
      random(1, 99999999)
    )
    traces[i] = ('{"trace_id":"%s","generation_count":%d,"cost_usd":%s,"started_at":"%s"}'):format(
      uuid(random),
      random(1, 999),
      fraction(random, 17),
      timestamp(random)
    )
  end
  local function list(rows)
    return '{"items":[' .. table.concat(rows, ",") .. '],"truncated":false}'
  end
  return (
    '{"summary":{"date_from":"%s","date_to":"%s","product":"posthog_code","total_cost_usd":'
    .. '1843.2070509999999,"event_count":48211,"scoped_cost_usd":1790.114306,'
    .. '"scoped_event_count":46002},"by_product":%s,"by_tool":%s,"by_model":%s,'
    .. '"top_traces":%s}'
  ):format(
    timestamp(random),
    timestamp(random),
    list(products),
    list(tools),
    list(models),
    list(traces)
  )
end

return fixtures
