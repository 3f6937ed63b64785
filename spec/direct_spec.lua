-- A read gives the same by the direct way and by the pipeline: values, errors, response fields, and
-- the requests that the server sees.

local api_version = require("posthog.llm.api.versions.api_version")
local clock = require("posthog.llm.host.clock")
local direct = require("posthog.llm.http.direct")
local direct_reads = require("spec.support.direct_reads")
local emulator = require("spec.emulator")
local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local KEY, ID, ROW = direct_reads.KEY, direct_reads.ID, direct_reads.ROW
local get, skill, answer, answers, header =
  direct_reads.get,
  direct_reads.skill,
  direct_reads.answer,
  direct_reads.answers,
  direct_reads.header

local e, restore

--- What a test may compare of an object: no times, no numbers of connections.
local function told(value)
  if type(value) ~= "table" then
    return type(value) == "userdata" and tostring(value) or value
  end
  local copy = {}
  for name, field in pairs(value) do
    copy[name] = told(field)
  end
  return copy
end

local VOLATILE = { date = true, ["x-request-id"] = true }

local function of_response(response)
  if not response then
    return nil
  end
  local listed, headers = {}, {}
  for name in pairs(response) do
    listed[name] = true
  end
  for name, value in pairs(response.headers) do
    headers[name] = not VOLATILE[name] and value or nil
  end
  assert.equal(response.headers["content-type"], response.headers["Content-Type"])
  assert.equal("number", type(response.timings.total))
  return {
    listed = listed,
    headers = headers,
    status = response.status,
    attempts = response.attempts,
    url = response.url:gsub(":%d+/", "/"),
    http_version = response.http_version,
    successor = response.successor,
    has_time = response.server_time ~= nil,
    request_id = response.request_id ~= nil,
    settled = response.settled,
  }
end

local function of_error(err)
  if err == nil then
    return nil
  end
  assert.is_true(llm.is_error(err), tostring(err))
  assert.is_nil(tostring(err):find(KEY, 1, true))
  local fields = told(err)
  fields.text = tostring(err)
  for name, value in pairs(fields) do
    if type(value) == "string" then
      fields[name] = value
        :gsub("%d+ ms", "N ms")
        :gsub("within [%d.]+ s", "within N s")
        :gsub("01%x+%-%x+%-7%x+%-%x+%-%x+", "REQUEST")
    end
  end
  return fields
end

local function of_log()
  local list = {}
  for i, entry in ipairs(e:log()) do
    list[i] = {
      line = ("%s %s %s"):format(entry.method, entry.target, entry.http),
      status = entry.status,
      body = entry.body,
      headers = entry.raw_header and entry.raw_header:gsub("\r", "") or told(entry.headers),
    }
  end
  return list
end

--- A line for each leaf of a value.
local function leaves(value)
  local lines = {}
  local function add(path, field)
    if type(field) ~= "table" then
      lines[#lines + 1] = ("%s = %s"):format(path, tostring(field))
      return
    end
    for name, inner in pairs(field) do
      add(path .. "." .. tostring(name), inner)
    end
  end
  add("", value)
  table.sort(lines)
  return lines
end

--- Everything that comes of some calls, as lines.
local function outcome(enabled, case)
  direct.enabled = enabled
  e:reset(case.faults)
  api_version.forget()
  local client = pipeline.client(case.tls and e.tls_url or e.url, case.options)
  local results = {}
  for i, call in ipairs(case) do
    local value, err, response = call(client)
    results[i] = {
      value = told(value),
      is_list = type(value) == "table"
        and getmetatable(value.results) == getmetatable(llm.array({})),
      names = type(value) == "table" and type(value.id) == "string" and value.team_id or nil,
      err = of_error(err),
      response = of_response(response),
      version = client:profile(),
    }
  end
  client:close()
  direct.enabled = true
  return leaves({ results = results, log = of_log() }), #e:log()
end

local function list(client)
  return client.datasets:list({ limit = 2, order_by = { "-created_at", "name" } })
end

local function items(client)
  return client.dataset_items:list({ dataset = ID, limit = 2 })
end

local function skills(client)
  return client.skills:list({ limit = 1 })
end

local function versions(client)
  return client.skills:resolve("pdf", { limit = 1 })
end

local function file(client)
  return client.skills:file("pdf", "a b.txt")
end

local function spend(client)
  return client.spend:get()
end

local SKILL = '{"id":"x","name":"pdf","version":2,"body":"text","first_version_created_at":"t"}'
local MOVED = {
  Deprecation = "@1770000000",
  Link = '</api/projects/112358/llm_skills/>; rel="successor-version"',
}
local UNKNOWN = '{"type":"invalid_request","code":"not_found","detail":"Not found."}'

local LATER = "http://127.0.0.1:1/elsewhere"
local CASES = {
  ["rows"] = { get, get, list, items, faults = answer(200, ROW) },
  ["rows of API v2"] = {
    get,
    get,
    faults = answer(200, ('{"id":"%s","team_id":1,"archived":false}'):format(ID)),
  },
  ["another row"] = { get, get, faults = answer(200, '{"id":"x","team_id":1}') },
  ["rows of another dataset"] = { items, faults = answer(200, '{"results":[{"dataset":"x"}]}') },
  ["the rows of a dataset"] = {
    items,
    faults = answer(200, ('{"results":[{"id":"x"},{"id":"y","dataset":"%s"}]}'):format(ID)),
  },
  ["another skill, and the history and the file of one"] = {
    skill,
    versions,
    file,
    faults = answer(
      200,
      '{"id":"x","name":"other","path":"b.txt","content":"","skill":{"name":"other"},"versions":[]}'
    ),
  },
  ["pages, on both APIs"] = {
    list,
    items,
    list,
    faults = answer(200, '{"count":1,"next":null,"results":[{"id":"x","team":1,"output":null}]}'),
  },
  ["empty pages"] = { list, items, faults = answer(200, '{"count":0,"results":[]}') },
  ["a page whose results are an object"] = { list, faults = answer(200, '{"results":{}}') },
  ["the server's own rows"] = { get, list, items },
  ["rows over TLS"] = { get, get, list, faults = answer(200, ROW), tls = true },
  ["the key in a body"] = { get, faults = answer(200, ('{"id":"%s","a":"%s"}'):format(ID, KEY)) },
  ["the key in the body of another shape"] = {
    get,
    faults = answer(200, ('{"a":"%s"}'):format(KEY)),
  },
  ["the key in a header"] = { get, get, faults = answer(200, ROW, header("X-Seen", "a " .. KEY)) },
  ["the key escaped in a header"] = {
    get,
    faults = answer(200, ROW, header("X-Seen", (KEY:gsub("_", "%%5F")))),
  },
  ["the key in a header's name"] = { get, faults = answer(200, ROW, header("X-" .. KEY, "1")) },
  ["the key in a URL"] = {
    function(client)
      return client.datasets:get(KEY)
    end,
    faults = answer(200, ROW),
  },
  ["an empty 200"] = { get, list, faults = answer(200, "") },
  ["a 204"] = { get, list, faults = answer(204) },
  ["a 206 and a 201"] = { get, get, faults = answers(answer(206, ROW), answer(201, ROW)) },
  ["a 304"] = { get, faults = answer(304) },
  ["JSON that breaks off"] = { get, list, faults = answer(200, '{"id":"x","na') },
  ["HTML"] = { get, faults = answer(200, "<h1>no</h1>", { ["Content-Type"] = "text/html" }) },
  ["null"] = { get, list, faults = answer(200, "null") },
  ["false"] = { get, list, faults = answer(200, "false") },
  ["a text"] = { get, list, faults = answer(200, '"id"') },
  ["a list"] = { get, list, faults = answer(200, '[{"id":"x"}]') },
  ["an id that is a number"] = { get, faults = answer(200, '{"id":1}') },
  ["JSON too deep"] = {
    get,
    options = { max_json_depth = 3 },
    faults = answer(200, '{"id":"x","a":[[[[1]]]]}'),
  },
  ["a body over the limit"] = {
    get,
    options = { max_response_bytes = 20 },
    faults = answer(200, ROW),
  },
  ["headers over the limit"] = {
    get,
    options = { max_header_bytes = 300 },
    faults = answer(200, ROW, header("X-Long", ("x"):rep(400))),
  },
  ["a body above a megabyte"] = {
    get,
    list,
    faults = answer(200, ('{"id":"%s","text":"%s"}'):format(ID, ("x"):rep(1200000))),
  },
  ["a compressed body"] = { get, list, options = { keep_null = true }, faults = answer(200, ROW) },
  ["an ETag and a request id"] = {
    get,
    faults = answer(200, ROW, { ETag = '"a"', ["CF-Ray"] = "abc" }),
  },
  ["a deprecated path"] = {
    get,
    faults = answer(200, ROW, {
      Deprecation = "@1770000000",
      Link = '</api/projects/1/>; rel="successor-version"',
    }),
  },
  ["skills"] = { skill, skill, faults = answer(200, SKILL) },
  ["skills and their files and lists, of the server"] = { skills, skill, versions, file },
  ["spend"] = { spend, spend, faults = answer(200, '{"summary":{"cost":1},"results":[]}') },
  ["lists of skills"] = { skills, skills, faults = answer(200, '{"results":[],"count":0}') },
  ["versions of a skill"] = {
    versions,
    faults = answer(200, ('{"skill":%s,"versions":[],"has_more":false}'):format(SKILL)),
  },
  ["a skill on a path that is going"] = {
    skill,
    skill,
    faults = answers(answer(200, SKILL, MOVED), answer(200, SKILL)),
  },
  ["a skill on a path that has gone"] = {
    skill,
    skill,
    faults = answers(answer(404, UNKNOWN), answer(200, SKILL), answer(200, SKILL)),
  },
  ["a skill in parts"] = {
    skill,
    faults = answers(
      answer(200, (SKILL:gsub("}", ',"body_total_length":8,"body_next_offset":4}'))),
      answer(200, (SKILL:gsub("}", ',"body_total_length":8}')))
    ),
  },
  ["a skill in parts that breaks off"] = {
    skill,
    faults = answers(
      answer(200, (SKILL:gsub("}", ',"body_total_length":8,"body_next_offset":4}'))),
      answer(200, (SKILL:gsub('"version":2', '"version":3')))
    ),
  },
  ["a redirect on the origin"] = {
    get,
    faults = answers(answer(307, "", { Location = "/api/projects/1/moved" }), answer(200, ROW)),
  },
  ["a redirect elsewhere"] = { get, list, faults = answer(302, "", { Location = LATER }) },
  ["a redirect to nowhere"] = { get, faults = answer(301) },
  ["redirects without end"] = { get, faults = answer(308, "", { Location = "?again" }) },
  ["a 401"] = { get, faults = answer(401, '{"type":"authentication_error","detail":"no"}') },
  ["a 403 with the key"] = { get, faults = answer(403, ('{"detail":"not %s"}'):format(KEY)) },
  ["a 404"] = { get, list, faults = answer(404, '{"detail":"Not found."}') },
  ["a 429 and then a row"] = {
    get,
    faults = answers(answer(429, "{}", header("Retry-After", "3")), answer(200, ROW)),
  },
  ["a 500 and then a row"] = { get, get, faults = answers(answer(500, "<h1>"), answer(200, ROW)) },
  ["a 503 to the end"] = { get, list, faults = answer(503, "") },
  ["a 503 without retries"] = { get, options = { max_retries = 0 }, faults = answer(503, "") },
  ["a connection that closes"] = {
    get,
    get,
    faults = { { action = { close = "before", times = 1 } }, answer(200, ROW)[1] },
  },
  ["a connection that always closes"] = { get, faults = { { action = { close = "before" } } } },
  ["a body that breaks off"] = {
    get,
    get,
    faults = answers(answer(200, ROW, nil, { truncate = 10 }), answer(200, ROW)),
  },
  ["a body that is late"] = {
    get,
    options = { timeout = 1, max_retries = 1 },
    faults = answer(200, ROW, nil, { delay = 4 }),
  },
  ["a deadline that passes"] = {
    get,
    options = { deadline = 1 },
    faults = answer(200, ROW, nil, { delay = 4 }),
  },
  ["a deadline of several attempts"] = {
    get,
    options = { timeout = 2, deadline = 3.5, max_retries = 9 },
    faults = answer(200, ROW, nil, { delay = 5 }),
  },
  ["a deadline of a skill in parts"] = {
    skill,
    options = { deadline = 3, max_retries = 0 },
    faults = answers(
      answer(200, (SKILL:gsub("}", ',"body_total_length":8,"body_next_offset":4}')), nil, {
        delay = 1.5,
      }),
      answer(200, (SKILL:gsub("}", ',"body_total_length":8}')), nil, { delay = 4 })
    ),
  },
  ["no project"] = { get, options = { project_id = "x" }, faults = answer(200, ROW) },
  ["a key of the wrong kind"] = { get, options = { personal_api_key = "phc_x" } },
  ["options of the call"] = {
    function(client)
      return client.datasets:get(ID, { timeout = 3, headers = { ["X-A"] = "b" } })
    end,
    faults = answer(200, ROW),
  },
  ["a row of a function of llm.gather"] = {
    function(client)
      local values, errors = llm.gather({
        function()
          return get(client)
        end,
        function()
          return get(client)
        end,
      })
      return values[1] and { values[1], values[2] }, errors and errors[1]
    end,
    faults = answer(200, ROW),
  },
  ["a client that is closed"] = {
    function(client)
      client:close()
      return get(client)
    end,
    faults = answer(200, ROW),
  },
  ["a client that is closed during the call"] = {
    function(client)
      local value, err, response
      llm.gather({
        function()
          value, err, response = get(client)
        end,
        function()
          llm.sleep(1)
          client:close()
        end,
      })
      return value, err, response
    end,
    faults = answer(200, ROW, nil, { delay = 9 }),
  },
  ["a call in a coroutine of the program's own"] = {
    coroutine.wrap(function(client)
      while true do
        client = coroutine.yield(get(client))
      end
    end),
    faults = answer(200, ROW),
  },
}

local names = {}
for name in pairs(CASES) do
  names[#names + 1] = name
end
table.sort(names)

describe("the direct way of a read gives what the pipeline gives for", function()
  setup(function()
    e = emulator.start({ tls = true })
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    local _, sleep_again = pipeline.instant_sleep()
    local random = clock.random
    clock.random = function()
      return 0
    end
    restore = function()
      sleep_again()
      clock.random = random
    end
  end)
  after_each(function()
    restore()
    direct.enabled = true
  end)

  for _, name in ipairs(names) do
    it(name, function()
      local case = CASES[name]
      if name:find("closed during") then
        restore() -- the close has to wait
      end
      if case.tls then
        case.options = { ca_file = e.ca_file }
      end
      local expected, requests = outcome(false, case)
      local lines, others = outcome(true, case)
      assert.equal(table.concat(expected, "\n"), table.concat(lines, "\n"))
      assert.equal(requests, others)
      assert.is_true(#lines > 3)
    end)
  end
end)
