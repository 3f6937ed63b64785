--- The spend in the editor, and who asks for it, each in a process of its own.
--- spec/nvim_spend_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")

local checkhealth = support.checkhealth
local control = support.control
local equal = support.equal
local matches = support.matches
local requests = support.requests
local text = support.text
local wait = support.wait

local scenarios, it = support.list()

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

--- Starts editors that draw the spend until there is one, print it and leave.
local function editors_with_spend(count)
  local script = vim.fn.tempname() .. ".lua"
  vim.fn.writefile({
    "local line = require('posthog.nvim').spend",
    "vim.wait(40000, function() return line() ~= '' end, 5)",
    "io.stdout:write(line())",
    "vim.cmd('qall!')",
  }, script)
  local root = vim.fn.getcwd()
  local arguments = { vim.v.progpath, "--headless", "-i", "NONE", "-n", "-u", "NONE" }
  vim.list_extend(arguments, { "--cmd", "set runtimepath^=" .. root, "-c", "luafile " .. script })
  local editors = {}
  for i = 1, count do
    editors[i] = vim.system(arguments, { text = true })
  end
  return editors
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
  local others = editors_with_spend(5)
  for i = 1, 5 do
    equal(line(), others[i]:wait().stdout)
  end
  equal(1, spend_requests())
end)

it("asks for the spend once where six editors begin at once with an empty cache", function()
  control("faults", { { match = { path = "spend" }, action = { delay = 0.5 } } })
  local editors, shown = editors_with_spend(6), {}
  for i = 1, 6 do
    shown[i] = editors[i]:wait().stdout
    matches("%$", shown[i])
    equal(shown[1], shown[i])
  end
  equal(1, spend_requests())
end)

it("counts the calls for spend, failures too, and ends at the limit of a day", function()
  vim.g.posthog = { spend = { refresh = -1, max_per_day = 3 } }
  control("faults", { { match = { path = "spend" }, action = { status = 400 } } })
  local line = require("posthog.nvim").spend
  wait(function()
    line()
    return spend_requests() >= 3
  end)
  for _ = 1, 20 do
    line()
    vim.wait(25)
  end
  equal(3, spend_requests())
  equal({ calls = 3, most = 3 }, require("posthog.nvim.spend").state())
end)

it("leaves a server alone for a while that has refused to tell the spend", function()
  control("faults", { { match = { path = "spend" }, action = { status = 400 } } })
  local line = require("posthog.nvim").spend
  --- As another editor, which has not seen the file.
  local function draw(count)
    package.loaded["posthog.nvim.spend"] = nil
    for _ = 1, count do
      equal("", line())
      vim.wait(10)
    end
  end
  wait(function()
    equal("", line())
    return spend_requests() > 0
  end)
  draw(20)
  equal(1, spend_requests())
  local path = vim.fn.glob(vim.fn.stdpath("cache") .. "/posthog/spend-*.json")
  vim.fn.writefile({ vim.json.encode({ calls = { os.time() - 270, os.time() - 301 } }) }, path)
  draw(20)
  equal(1, spend_requests())
  vim.fn.writefile({ vim.json.encode({ calls = { os.time() - 301 } }) }, path)
  wait(function()
    draw(2)
    return spend_requests() == 2
  end)
end)

it("only reads what it knows where nothing is to be asked for", function()
  control("faults", { { match = { path = "spend" }, action = { status = 400 } } })
  local line = require("posthog.nvim").spend
  wait(function()
    equal("", line())
    return spend_requests() > 0
  end)
  local scheduled, schedule = 0, vim.schedule
  local function drawn()
    scheduled = 0
    for _ = 1, 50 do
      line()
    end
    return scheduled
  end
  -- luacheck: globals vim.schedule
  vim.schedule = function(f)
    scheduled = scheduled + 1
    schedule(f)
  end
  wait(function()
    return drawn() == 0
  end)
  for _ = 1, 20 do
    equal(0, drawn())
    vim.wait(10)
  end
  vim.schedule = schedule
  equal(1, spend_requests())
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
