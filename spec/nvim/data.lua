--- Dataset items as buffers, imports and exports, and the spend, each in a process of its own.
--- spec/nvim_data_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")

local checkhealth = support.checkhealth
local control = support.control
local edit = support.edit
local equal = support.equal
local failure = support.failure
local given_item = support.given_item
local listen = support.listen
local matches = support.matches
local other = support.other
local replace = support.replace
local requests = support.requests
local said = support.said
local text = support.text
local wait = support.wait

local scenarios, it = support.list()

local INPUT = '{"b":1.0,"a":[1e2,12345678901234567890,"\\u00e9"],"n":null,"e":{}}'

--- The input of an item, as the server has it.
local function input_of(client, id)
  return tostring(assert(client.dataset_items:get(id, { raw = true })).input)
end

it(
  "shows an item as JSON in lines, with every literal as it is, and writes what has changed",
  function()
    local client, dataset, id = given_item(INPUT)
    local before = input_of(client, id)
    edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
    equal("json", vim.bo.filetype)
    matches('"input": {\n    "', text())
    matches("1%.0", text())
    matches("12345678901234567890", text())
    local since = #requests()
    vim.cmd("write")
    replace('"yes"', '"no"')
    vim.cmd("write")
    equal(false, vim.bo.modified)
    local row = assert(client.dataset_items:get(id))
    equal("no", row.expected_output)
    equal(before, input_of(client, id))
    local bodies = {}
    for i = since + 1, #requests() do
      local request = requests()[i]
      bodies[#bodies + 1] = request.method ~= "GET" and request.method or nil
    end
    equal({ "PATCH" }, bodies)
  end
)

it("writes JSON byte for byte as it stands in the buffer, white space apart", function()
  local client, dataset, id = given_item("1")
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  replace('"input": 1', '"input": {"x": 2.50, "y" : [ ]}')
  vim.cmd("write")
  local stored = input_of(client, id)
  assert(
    stored:gsub("%s", "") == '{"x":2.50,"y":[]}' or stored:gsub("%s", "") == '{"x":2.5,"y":[]}',
    stored
  )
end)

--- JSON that a reader would like to spell anew.
local ODD = {
  ["an escaped name"] = '{"\\u0061b\\n\\"":1,"\\ud83e\\udd94":2}',
  ["a name twice"] = '{"a":1,"b":2,"a":3}',
  ["1.0 beside 1"] = "[1.0,1,-0.0,1e2,1E+2,0.1000]",
  ["integers of 64 bits"] = "[9223372036854775807,-9223372036854775808,18446744073709551615]",
  ["an integer of 400 digits"] = "[" .. ("1234567890"):rep(40) .. "]",
  ["a number that no double holds"] = "[1e400,-1e400,1e-400]",
  ["nesting"] = ("["):rep(200) .. '{"a":{}}' .. ("]"):rep(200),
  ["a text alone"] = '"text"',
  ["false"] = "false",
  ["line ends and quotes"] = '["a\\nb\\r\\tc","\\\\","/","\\/","<\\u2028>"]',
}

for what, input in pairs(ODD) do
  it("keeps " .. what .. " of an item to the letter when another field is written", function()
    control("settings", { jsonb = false }) -- this server keeps it as it came
    local client, dataset, id = given_item(input)
    edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
    equal(
      input,
      (
        table
          .concat(vim.tbl_map(vim.trim, vim.split(text(), "\n")), "")
          :match('^{"input": (.*),"[%w_]*output": "yes"')
          :gsub('": ', '":')
      )
    )
    replace('"yes"', '"no"')
    vim.cmd("write")
    equal("no", assert(client.dataset_items:get(id)).expected_output)
    equal(input, input_of(client, id))
    local sent = {}
    for _, request in ipairs(requests()) do
      sent[#sent + 1] = request.method == "PATCH" and request.body or nil
    end
    equal(1, #sent)
    assert(not sent[1]:find('"input"', 1, true), sent[1])
    replace('"no"', '"yes"')
    replace('"metadata": .*', '"metadata": {"b": 1.0}')
    vim.cmd("write")
    equal(input, input_of(client, id))
    matches("1%.0", tostring(assert(client.dataset_items:get(id, { raw = true })).metadata))
  end)
end

it("refuses what is not an item, with the line", function()
  local client, dataset, id = given_item("1")
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  replace('"input": 1', '"input": oops')
  matches("line 2: invalid JSON", failure("write"))
  replace("oops", "2")
  replace('"metadata"', '"expcted_output"')
  matches('"expcted_output" cannot be set here; there are input', failure("write"))
  equal("1", input_of(client, id))
  equal(true, vim.bo.modified)
end)

it("creates an item, whose buffer then has its name", function()
  local client, dataset = given_item("1")
  edit(("posthog://datasets/%s/new.json"):format(dataset))
  replace('"input": null', '"input": {"q": 1.0}')
  vim.cmd("write")
  equal(false, vim.bo.modified)
  local id = vim.api.nvim_buf_get_name(0):match("^posthog://datasets/[^/]+/(.+)%.json$")
  assert(id and id ~= "new", vim.api.nvim_buf_get_name(0))
  matches('"q"', input_of(client, id))
  equal(2, #assert(client.dataset_items:list({ dataset = dataset })).results)
  replace('"q": 1.0', '"q": 3')
  vim.cmd("write")
  matches("3", input_of(client, id))
  equal(2, #assert(client.dataset_items:list({ dataset = dataset })).results)
end)

it("does not create an item twice when the answer is lost", function()
  local client, dataset = given_item("1")
  vim.g.posthog = { wait = 20000 }
  edit(("posthog://datasets/%s/new.json"):format(dataset))
  replace('"input": null', '"input": "of a lost answer"')
  control("faults", { { match = { method = "POST" }, action = { close = "after", times = 1 } } })
  vim.cmd("write")
  equal(false, vim.bo.modified)
  equal(2, #assert(client.dataset_items:list({ dataset = dataset })).results)
end)

it("meets the change of somebody else to an item, also on servers that check nothing", function()
  local client, dataset, id = given_item('{"one":1,"two":2,"three":3,"four":4,"five":5}')
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  local row = assert(client.dataset_items:get(id))
  local fields = { input = { one = 1, two = 2, three = 3, four = 4, five = 55 } }
  fields.base_version = row.version
  assert(client.dataset_items:update(id, fields))
  replace('"yes"', '"no"')
  matches("somebody has changed the item", failure("write"))
  equal("yes", assert(client.dataset_items:get(id)).expected_output)
  vim.cmd("PostHog merge")
  matches('"five": 55', text())
  matches('"no"', text())
  vim.cmd("write")
  row = assert(client.dataset_items:get(id))
  equal({ "no", 55 }, { row.expected_output, row.input.five })
end)

it("lists the items of a dataset, some at a time", function()
  local client, dataset = given_item("1")
  for i = 2, 5 do
    assert(client.dataset_items:create({ dataset = dataset, input = { n = i } }))
  end
  vim.g.posthog = { items = 3 }
  edit("posthog://datasets/")
  matches("^golden", text())
  vim.api.nvim_feedkeys(vim.keycode("<CR>"), "xt", false)
  equal(5, vim.api.nvim_buf_line_count(0))
  matches("R loads 3 more", text())
  vim.api.nvim_feedkeys("R", "xt", false)
  equal(6, vim.api.nvim_buf_line_count(0))
  vim.api.nvim_feedkeys(vim.keycode("2G<CR>"), "xt", false)
  matches('"input": {\n    "n": 5', text())
end)

it("shows the spend in a float that q closes", function()
  vim.cmd("PostHog spend")
  wait(function()
    return #vim.api.nvim_list_wins() == 2
  end)
  matches("^LLM spend of posthog_code", text())
  vim.api.nvim_feedkeys("q", "xt", false)
  equal(1, #vim.api.nvim_list_wins())
end)

--- Requests for spend that have reached the server.
local function spend_requests()
  local count = 0
  for _, request in ipairs(requests()) do
    count = count + (request.target:find("spend", 1, true) and 1 or 0)
  end
  return count
end

it("draws the spend from a cache, which one editor of several fills", function()
  local line = require("posthog.nvim").spend
  equal("", line())
  wait(function()
    return line() ~= ""
  end)
  matches("%$", line())
  local before = spend_requests()
  equal(1, before)
  vim.wait(50)
  line()
  local script = vim.fn.tempname() .. ".lua"
  vim.fn.writefile({
    "local line = require('posthog.nvim').spend",
    "vim.wait(3000, function() return line() ~= '' end, 5)",
    "io.stdout:write(line())",
    "vim.cmd('qall!')",
  }, script)
  local root = vim.fn.getcwd()
  local arguments = { vim.v.progpath, "--headless", "-i", "NONE", "-n", "-u", "NONE" }
  vim.list_extend(arguments, { "--cmd", "set runtimepath^=" .. root, "-c", "luafile " .. script })
  local others = {}
  for i = 1, 5 do
    others[i] = vim.system(arguments, { text = true })
  end
  for i = 1, 5 do
    equal(line(), others[i]:wait().stdout)
  end
  equal(1, spend_requests())
end)

it("counts the calls for spend, failures too, and ends at the limit of a day", function()
  vim.g.posthog = { spend = { refresh = -1, max_per_day = 3 } }
  control("faults", { { match = { path = "spend" }, action = { status = 400 } } })
  local line = require("posthog.nvim").spend
  for _ = 1, 40 do
    line()
    vim.wait(25)
  end
  equal(3, spend_requests())
  equal({ calls = 3, most = 3 }, require("posthog.nvim.spend").state())
end)

it("opens the items of a dataset by its name", function()
  local _, dataset = given_item("1")
  vim.cmd("PostHog dataset golden")
  wait(function()
    return vim.api.nvim_buf_get_name(0) == ("posthog://datasets/%s/"):format(dataset)
  end)
  equal({ "golden" }, vim.fn.getcompletion("PostHog dataset g", "cmdline"))
end)

--- A file of so many records.
local function records(count)
  local path, lines = vim.fn.tempname() .. ".jsonl", {}
  for i = 1, count do
    lines[i] = vim.json.encode({ input = { n = i }, metadata = { batch = 1 } })
  end
  vim.fn.writefile(lines, path)
  return path
end

local function count_of(client, dataset)
  local count = 0
  for _ in client.dataset_items:each({ dataset = dataset }) do
    count = count + 1
  end
  return count
end

it("imports a file into a dataset and exports it, while the loop goes on", function()
  listen()
  local client = other()
  local dataset = assert(client.datasets:create({ name = "golden" }))
  local ticks, timer = 0, vim.uv.new_timer()
  timer:start(0, 1, function()
    ticks = ticks + 1
  end)
  vim.cmd("PostHog import " .. records(240) .. " golden")
  wait(function()
    return #said > 0
  end)
  equal("posthog: 240 items imported into golden", said[1])
  equal(240, count_of(client, dataset.id))
  local out = vim.fn.tempname() .. ".jsonl"
  vim.cmd("PostHog export golden " .. out)
  wait(function()
    return #said > 1
  end)
  equal(240, #vim.fn.readfile(out))
  vim.cmd("PostHog export golden " .. out)
  matches("exists: give another name", said[#said])
  assert(ticks > 20, ticks)
  timer:close()
end)

it("goes on with an import that was cancelled, and makes no item twice", function()
  listen()
  local client = other()
  local dataset = assert(client.datasets:create({ name = "golden" }))
  control("faults", { { match = { method = "POST" }, action = { delay = 0.05 } } })
  local path = records(80)
  vim.cmd("PostHog import " .. path .. " golden")
  wait(function()
    return count_of(client, dataset.id) > 10
  end)
  vim.cmd("PostHog cancel")
  wait(function()
    return #said >= 2
  end)
  local before = count_of(client, dataset.id)
  assert(before < 80, before)
  control("faults", {})
  vim.wait(200)
  vim.cmd("PostHog import " .. path .. " golden")
  assert(
    vim.wait(30000, function()
      return said[#said]:find("items imported", 1, true) ~= nil
    end, 20),
    vim.inspect(said)
  )
  equal(80, count_of(client, dataset.id))
end)

it(
  "draws an empty line from a cache that is broken, and asks for nothing it cannot count",
  function()
    local folder = vim.fn.stdpath("cache") .. "/posthog"
    vim.fn.mkdir(vim.fn.stdpath("cache"), "p")
    vim.fn.writefile({ "in the way" }, folder)
    local line = require("posthog.nvim").spend
    for _ = 1, 10 do
      equal("", line())
      vim.wait(10)
    end
    equal(0, spend_requests())
    matches("posthog cannot be written: spend%(%) stays empty", checkhealth())
    vim.fn.delete(folder)
    matches("the cache of spend%(%) is empty", checkhealth())
    local spend = require("posthog.nvim.spend")
    spend.state()
    local id = require("posthog.nvim.account").current().id
    local path = ("%s/spend-%s.json"):format(folder, vim.fn.sha256(id):sub(1, 24))
    for _, broken in ipairs({ '{"at":"x","line":{},"calls":["a",{}]}', "[]", "nul", "" }) do
      vim.fn.writefile({ broken }, path)
      equal({ calls = 0, most = 150 }, spend.state())
    end
    vim.fn.writefile(
      { vim.json.encode({ at = os.time() + 9e6, line = "$1", calls = { 9e12 } }) },
      path
    )
    equal({ calls = 0, most = 150 }, spend.state())
  end
)

it("shows the spend of the account that the settings name now", function()
  local line = require("posthog.nvim").spend
  line()
  wait(function()
    return line() ~= ""
  end)
  local path = vim.fn.tempname()
  vim.fn.writefile({ "phx_emulator_gone" }, path) -- one whose spend is refused
  vim.g.posthog = { key_file = path, host = vim.env.POSTHOG_HOST, project = 112358 }
  equal("", line())
  vim.wait(300, function()
    return line() ~= ""
  end)
  equal("", line())
end)

return scenarios
