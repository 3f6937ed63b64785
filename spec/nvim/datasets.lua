--- Lists of items, imports and exports, each in a process of its own.
--- spec/nvim_datasets_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")

local IS_CURRENT = support.IS_CURRENT
local control = support.control
local count_of = support.count_of
local edit = support.edit
local equal = support.equal
local given_item = support.given_item
local listen = support.listen
local matches = support.matches
local other = support.other
local said = support.said
local text = support.text
local wait = support.wait

local scenarios, it = support.list()

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

it("takes blanks in the names of datasets and files, and no dataset for another", function()
  listen()
  local client = other()
  local dataset = assert(client.datasets:create({ name = "my golden set" }))
  local path = records(3):gsub("%.jsonl$", " 1.jsonl")
  vim.fn.rename((path:gsub(" 1", "")), path)
  vim.cmd("PostHog import " .. vim.fn.fnameescape(path) .. " my golden set")
  wait(function()
    return said[#said] == "posthog: 3 items imported into my golden set"
  end)
  local out = vim.fn.tempname() .. " 1.jsonl"
  vim.cmd("PostHog export my golden set " .. vim.fn.fnameescape(out))
  wait(function()
    return said[#said] == "posthog: 3 items exported to " .. out
  end)
  vim.cmd("PostHog dataset my golden set")
  wait(function()
    return vim.api.nvim_buf_get_name(0) == ("posthog://datasets/%s/"):format(dataset.id)
  end)
  if not IS_CURRENT then -- a name may be there twice
    assert(client.datasets:create({ name = "my golden set" }))
    vim.cmd("PostHog dataset my golden set")
    wait(function()
      return said[#said]:find("two datasets have the name", 1, true)
    end)
  end
end)

it("says that a list is waited for, which looks empty", function()
  listen()
  given_item("1")
  vim.g.posthog = { wait = 20 }
  control("faults", { { match = { method = "GET" }, action = { delay = 0.3 } } })
  edit("posthog://datasets/")
  equal("posthog: waiting for the server; the list comes when it is there", said[#said])
  wait(function()
    return text():find("golden", 1, true)
  end)
end)

it("shows how far an export is, and leaves no file where it is cancelled", function()
  listen()
  local client = other()
  local dataset = assert(client.datasets:create({ name = "golden" }))
  vim.cmd("PostHog import " .. records(240) .. " golden")
  wait(function()
    return said[#said] == "posthog: 240 items imported into golden"
  end)
  equal(240, count_of(client, dataset.id))
  local steps, echo = {}, vim.api.nvim_echo
  -- luacheck: globals vim.api.nvim_echo
  vim.api.nvim_echo = function(chunks, history, options)
    steps[#steps + 1] = tonumber(chunks[1][1]:match("(%d+) of 240"))
    return echo(chunks, history, options)
  end
  require("posthog.nvim.progress").every = 0
  control("faults", { { match = { method = "GET" }, action = { delay = 0.1 } } })
  local out = vim.fn.tempname() .. ".jsonl"
  vim.cmd("PostHog export golden " .. out)
  wait(function()
    return said[#said] == "posthog: 240 items exported to " .. out
  end)
  assert(#steps > 1 and steps[#steps] == 240, vim.inspect(steps))
  for i = 2, #steps do
    assert(steps[i] >= steps[i - 1], vim.inspect(steps))
  end
  local other_file = vim.fn.tempname() .. ".jsonl"
  control("faults", { { match = { method = "GET" }, action = { delay = 4 } } })
  vim.cmd("PostHog export golden " .. other_file)
  vim.wait(120)
  vim.cmd("PostHog cancel")
  wait(function()
    return said[#said]:find("no file was made", 1, true)
  end)
  equal(0, #vim.fn.glob(other_file .. "*", true, true))
end)

it("goes on with an import whose editor was killed, and makes no item twice", function()
  listen()
  local client = other()
  local dataset = assert(client.datasets:create({ name = "golden" }))
  control("faults", { { match = { method = "POST" }, action = { delay = 0.5 } } })
  local path = records(80)
  local channel = support.another_editor()
  vim.rpcrequest(channel, "nvim_exec2", "PostHog import " .. path .. " golden", {})
  wait(function()
    return count_of(client, dataset.id) > 10
  end)
  vim.uv.kill(vim.fn.jobpid(channel), "sigkill")
  vim.fn.jobwait({ channel })
  control("faults", {})
  assert(count_of(client, dataset.id) < 80)
  vim.cmd("PostHog import " .. path .. " golden")
  local function is_done()
    return #said > 0 and said[#said]:find("items imported into golden", 1, true) ~= nil
  end
  assert(vim.wait(40000, is_done, 20), vim.inspect(said)) -- what is on its way is waited for
  equal(80, count_of(client, dataset.id))
end)

it("goes on with an import that was cancelled, and makes no item twice", function()
  listen()
  local client = other()
  local dataset = assert(client.datasets:create({ name = "golden" }))
  control("faults", { { match = { method = "POST" }, action = { delay = 0.5 } } })
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

return scenarios
