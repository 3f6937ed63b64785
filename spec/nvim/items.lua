--- Dataset items as buffers, each in a process of its own.
--- spec/nvim_items_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")

local IS_CURRENT = support.IS_CURRENT
local control = support.control
local count_of = support.count_of
local edit = support.edit
local equal = support.equal
local failure = support.failure
local given_item = support.given_item
local listen = support.listen
local matches = support.matches
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

it("says that an item was deleted meanwhile, and writes it when it is brought back", function()
  local client, dataset, id = given_item("1")
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  replace('"yes"', '"no"')
  assert(client.dataset_items:delete(id))
  for _, command in ipairs({ "write", "write!" }) do
    matches("deleted.*:PostHog undelete brings it back", failure(command))
    equal(true, vim.bo.modified)
  end
  listen()
  vim.cmd("PostHog merge")
  matches(":PostHog undelete brings it back", said[#said])
  matches('"no"', text())
  vim.cmd("PostHog undelete")
  vim.cmd("write")
  equal({ false, "no" }, {
    vim.bo.modified,
    assert(client.dataset_items:get(id)).expected_output,
  })
end)

it("writes an item after :PostHog delete and :PostHog undelete as before", function()
  vim.fn.confirm = function()
    return 1
  end
  local client, dataset, id = given_item("1")
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  vim.cmd("PostHog delete")
  replace('"yes"', '"no"')
  matches(":PostHog undelete brings it back", failure("write"))
  vim.cmd("PostHog undelete")
  vim.cmd("write")
  equal("no", assert(client.dataset_items:get(id)).expected_output)
end)

it("opens no item that is not there, and says what may have become of it", function()
  local client, dataset, id = given_item("1")
  assert(client.dataset_items:delete(id))
  local name = ("posthog://datasets/%s/%s.json"):format(dataset, id)
  if IS_CURRENT then -- which shows it
    edit(name)
    replace('"yes"', '"no"')
    matches(":PostHog undelete brings it back", failure("write"))
  else
    matches("no such item; where it was deleted, :PostHog undelete", failure("edit " .. name))
    equal({ "", false }, { text(), vim.bo.modifiable })
  end
  vim.cmd("PostHog undelete")
  vim.cmd("edit!")
  matches('"input": 1', text())
end)

it("keeps the text where the dataset is deleted meanwhile", function()
  local client, dataset, id = given_item("1")
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  replace('"yes"', '"no"')
  assert(client.datasets:delete(dataset))
  if IS_CURRENT then
    local words = failure("write")
    matches("archived", words)
    assert(not words:find("somebody", 1, true), words)
    equal(true, vim.bo.modified)
    assert(client.datasets:undelete(dataset))
  end
  vim.cmd("write") -- an older server goes on taking changes
  equal("no", assert(client.dataset_items:get(id)).expected_output)
  assert(client.datasets:delete(dataset))
  edit(("posthog://datasets/%s/new.json"):format(dataset))
  replace('"input": null', '"input": "new"')
  local ran = pcall(vim.cmd, "write")
  equal(not ran, vim.bo.modified)
  matches('"new"', text())
end)

it("takes another refusal of the server for no change of somebody else", function()
  if not IS_CURRENT then
    return -- older servers have no versions to count
  end
  local _, dataset, id = given_item("1")
  control("settings", { item_version_limit = 1 })
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  replace('"yes"', '"no"')
  local words = failure("write")
  assert(not words:find("somebody", 1, true), words)
  matches("version", words)
  equal(true, vim.bo.modified)
end)

it("meets a change that is made between its read and its write", function()
  if not IS_CURRENT then
    return -- older servers let the last one win, and say so in the help
  end
  local client, dataset, id = given_item("1")
  vim.g.posthog = { wait = 60 }
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  wait(function()
    return text():find('"yes"', 1, true)
  end)
  control("faults", {
    { match = { method = "PATCH" }, action = { delay = { write = 3 }, times = 1 } },
  })
  listen()
  replace('"yes"', '"no"')
  vim.cmd("write")
  local version = assert(client.dataset_items:get(id)).version
  assert(client.dataset_items:update(id, { input = 2, base_version = version }))
  wait(function()
    return said[#said]:find("somebody has changed the item", 1, true)
  end)
  local row = assert(client.dataset_items:get(id))
  equal({ 2, "yes", true }, { row.input, row.expected_output, vim.bo.modified })
end)

it("meets a change that is made between its write and the next", function()
  local client, dataset, id = given_item('{"a":1}')
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  local items = require("posthog.nvim.account").current().client.dataset_items
  local update = items.update
  rawset(items, "update", function(...)
    rawset(items, "update", nil)
    local row, err = update(...)
    local theirs = { input = { a = "theirs" }, base_version = IS_CURRENT and row.version or nil }
    assert(client.dataset_items:update(id, theirs)) -- before the plugin reads it again
    return row, err
  end)
  replace('"yes"', '"no"')
  vim.cmd("write")
  equal("theirs", assert(client.dataset_items:get(id)).input.a)
  replace('"no"', '"never"')
  matches("somebody has changed the item", failure("write"))
  equal("theirs", assert(client.dataset_items:get(id)).input.a)
  vim.cmd("PostHog merge")
  matches('"a": "theirs"', text())
end)

it("writes a text once that the server spells in another way", function()
  control("settings", { jsonb = true })
  local client, dataset, id = given_item("1")
  local function writes()
    local count = 0
    for _, request in ipairs(requests()) do
      count = count + (request.method == "PATCH" and 1 or 0)
    end
    return count
  end
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  replace('"input": 1', '"input": {"b": 1e2, "a": 2.50}')
  vim.cmd("write")
  vim.cmd("write")
  vim.cmd("write!")
  equal(1, writes())
  local version = assert(client.dataset_items:get(id)).version
  assert(client.dataset_items:update(id, { metadata = { x = 1 }, base_version = version }))
  replace("1e2", "1e3")
  matches("somebody has changed the item", failure("write"))
  vim.cmd("PostHog merge")
  vim.cmd("write")
  local row = assert(client.dataset_items:get(id))
  equal({ 1, 1000 }, { row.metadata.x, row.input.b })
end)

it("refuses a name that is there twice, also in another spelling, and half a character", function()
  local client, dataset, id = given_item("1")
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  vim.api.nvim_buf_set_lines(0, 1, 2, false, { '  "input": 2,', [[  "in\u0070ut": 3,]] })
  matches('"input" is there twice', failure("write"))
  vim.api.nvim_buf_set_lines(0, 1, 3, false, { [[  "in\u0070ut": 4,]] })
  vim.cmd("write")
  equal("4", input_of(client, id))
  vim.api.nvim_buf_set_lines(0, 1, 2, false, { [[  "input": "\ud83e",]] })
  matches("line 2: invalid JSON: .*lone surrogate", failure("write"))
  equal({ "4", true }, { input_of(client, id), vim.bo.modified })
end)

it("goes on with the copy of an item that :saveas has made, and makes no other", function()
  local client, dataset, id = given_item("1")
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  vim.cmd(("saveas posthog://datasets/%s/new.json"):format(dataset))
  equal(2, count_of(client, dataset))
  replace('"yes"', '"no"')
  vim.cmd("write")
  equal({ 2, false }, { count_of(client, dataset), vim.bo.modified })
  equal("yes", assert(client.dataset_items:get(id)).expected_output)
end)

it("calls an item new as long as it is", function()
  local status = require("posthog.nvim").status
  local _, dataset, id = given_item("1")
  edit(("posthog://datasets/%s/%s.json"):format(dataset, id))
  equal(IS_CURRENT and id .. " 1" or id, status())
  edit(("posthog://datasets/%s/new.json"):format(dataset))
  equal("new item (new)", status())
end)

return scenarios
