--- The plugin in a terminal, under the fingers of somebody who types: keys are bytes, and what counts
--- is the screen. Each in a process of its own; spec/nvim_typing_spec.lua names them as tests.

-- luacheck: globals vim

local support = require("spec.nvim.support")
local terminal = require("spec.nvim.terminal")

local SKILL = support.SKILL
local control = support.control
local equal = support.equal
local given = support.given
local matches = support.matches
local publish = support.publish

local scenarios, it = support.list()

--- Opens the skill in a terminal.
local function open(settings, options)
  local term = terminal.start(settings, options)
  term:type(":edit " .. SKILL .. "<CR>")
  term:shows("# PDF forms")
  term:wait(function()
    return term:lua("require('posthog.nvim').status()") == "pdf-forms 1"
  end)
  return term
end

local function status_is(term, expected)
  term:wait(function()
    return term:lua("require('posthog.nvim').status()") == expected
  end, expected .. " is not the status")
end

--- Responses to writes come so late.
local function slow_writes(seconds)
  control("faults", { { match = { method = "PATCH" }, action = { delay = seconds } } })
end

--- No prompt waits for a key.
local function is_free(term)
  local _, is_blocking = term:mode()
  equal(false, is_blocking, "a prompt waits for a key")
  term:wait(function() -- the screen is drawn a moment later
    return not term:screen():find("Press ENTER", 1, true)
  end, "a prompt waits for Enter")
end

local function body_of(client)
  return assert(client.skills:get("pdf-forms")).body
end

it("loses nothing that is typed while a write waits for a slow server", function()
  local client = given()
  local term = open({ wait = 100 })
  slow_writes(0.5)
  term:type(":%s/two/zwei/<CR>:write<CR>")
  term:type("Go")
  term:type_slowly("typed while the answer is on its way, and on")
  status_is(term, "pdf-forms 2")
  term:type_slowly(" and after it")
  local typed = "typed while the answer is on its way, and on and after it"
  term:wait(function()
    return term:text():sub(-#typed) == typed
  end)
  equal({ "i", false }, { term:mode() })
  equal({ 14, #typed }, term:request("nvim_win_get_cursor", 0))
  equal(true, term:lua("vim.bo.modified"))
  matches("\nzwei\n", body_of(client))
  assert(not body_of(client):find("typed", 1, true))
  control("faults", {})
  term:type("<Esc>:write<CR>")
  status_is(term, "pdf-forms 3")
  matches(typed .. "$", body_of(client))
  equal(false, term:lua("vim.bo.modified"))
end)

it("takes what is typed before :w has given up waiting, in the order in which it was", function()
  given()
  local term = open({ wait = 20000 })
  slow_writes(0.4)
  term:type(":%s/two/zwei/<CR>:write<CR>ggOfirst<Esc>")
  term:shows("first")
  equal({ 1, 4 }, term:request("nvim_win_get_cursor", 0))
  status_is(term, "pdf-forms 2")
end)

for _, case in ipairs({
  { "insert mode", "Gi", "i" },
  { "the command line", ":echo 'typed ", "c" },
  { "visual mode", "ggVj", "V" },
  { "an operator", "ggd", "no" },
}) do
  local name, keys, expected = case[1], case[2], case[3]
  it("leaves " .. name .. " alone when a write is confirmed", function()
    given()
    local term = open({ wait = 50 })
    slow_writes(1)
    term:type(":%s/two/zwei/<CR>:write<CR>" .. keys)
    term:wait(function()
      local is_typed = expected ~= "c" or term:lua("vim.fn.getcmdline()") == keys:sub(2)
      return is_typed and term:mode() == expected
    end, "the keys are not done")
    local mode, before = term:mode(), term:text()
    local line = term:lua("vim.fn.getcmdline()")
    status_is(term, "pdf-forms 2")
    vim.wait(50)
    equal({ mode, before, line }, { (term:mode()), term:text(), term:lua("vim.fn.getcmdline()") })
    equal(false, term:lua("vim.bo.modified"))
  end)
end

for _, case in ipairs({ { "insert mode", "Go" }, { "the command line", ":echo 'x" } }) do
  local name, keys = case[1], case[2]
  it("asks for no Enter in " .. name .. " when a write fails late and at length", function()
    given()
    local term = open({ wait = 50 })
    local words = ("a reason that goes on and on "):rep(12)
    control("faults", {
      { match = { method = "PATCH" }, action = { delay = 0.4, status = 400, body = words } },
    })
    term:type(":%s/two/zwei/<CR>:write<CR>" .. keys)
    local typed = "0123456789012345678901234567890123456789"
    term:type_slowly(typed .. " on")
    vim.wait(100)
    is_free(term)
    local got = name == "insert mode" and term:text() or term:lua("vim.fn.getcmdline()")
    equal(typed .. " on", got:sub(-#typed - 3))
    term:type("<Esc>")
    term:wait(function()
      return term:messages():find("posthog: skills:publish: invalid: .*HTTP 400")
    end)
    if name == "the command line" then
      term:shows("posthog: skills:publish: invalid")
    end
    is_free(term)
    equal(true, term:lua("vim.bo.modified"))
  end)
end

it("asks for no Enter after a message that is longer than the line", function()
  given()
  local term = open()
  term:type(":PostHog colour<CR>")
  term:shows("posthog: :PostHog colour is not known; there are")
  term:shows("... :messages")
  vim.wait(100)
  is_free(term)
  matches("undelete$", term:messages())
  term:type(":PostHog merge<CR>:PostHog take mine<CR>:PostHog diff x<CR>")
  term:shows("a version or latest is expected")
  is_free(term)
end)

it("undoes past a write, and knows which text was written", function()
  local client = given()
  local term = open()
  term:type(":%s/two/zwei/<CR>:write<CR>")
  status_is(term, "pdf-forms 2")
  term:type("Goone line more<Esc>")
  term:shows("one line more")
  term:type("u")
  term:wait(function()
    return not term:lua("vim.bo.modified")
  end)
  term:type("u")
  term:shows("\ntwo")
  equal(true, term:lua("vim.bo.modified"))
  term:type(":earlier 1f<CR>:later 1f<CR>")
  term:shows("zwei")
  term:type("u:write<CR>")
  status_is(term, "pdf-forms 3")
  matches("\ntwo\n", body_of(client))
  is_free(term)
end)

--- Passes connections on to the emulator, until it is closed: then the server is dead.
local function relay()
  local port = tonumber(os.getenv("EMULATOR_URL"):match(":(%d+)"))
  local server, ends = vim.uv.new_tcp(), {}
  server:bind("127.0.0.1", 0)
  server:listen(16, function()
    local near, far = vim.uv.new_tcp(), vim.uv.new_tcp()
    server:accept(near)
    ends[#ends + 1], ends[#ends + 2] = near, far
    far:connect("127.0.0.1", port, function()
      local function pass(from, to)
        from:read_start(function(_, data)
          if data then
            to:write(data)
          elseif not to:is_closing() then
            to:shutdown()
          end
        end)
      end
      pass(near, far)
      pass(far, near)
    end)
  end)
  local url = "http://127.0.0.1:" .. server:getsockname().port
  return url,
    function()
      server:close()
      for _, one in ipairs(ends) do
        if not one:is_closing() then
          one:close()
        end
      end
    end
end

it("stays where :wqa meets a dead server, and loses nothing", function()
  given()
  local url, kill = relay()
  local term = open({ quit_wait = 1500 }, { env = { POSTHOG_HOST = url } })
  term:type("Goof great value<Esc>")
  term:shows("of great value")
  kill()
  term:type(":wqall<CR>")
  term:wait(function()
    return term:screen():find("posthog: ", 1, true) or term.status
  end)
  equal(nil, term.status)
  term:type("<CR>")
  term:shows("of great value")
  equal(true, term:lua("vim.bo.modified"))
  term:type(":quit<CR>")
  term:shows("E37")
  term:type("<CR>:qall!<CR>")
  term:wait(function()
    return term.status
  end)
  equal(0, term.status)
end)

it("quits by :wq where the server answers, and stays where it does not in time", function()
  local client = given()
  local term = open({ wait = 100 })
  slow_writes(2)
  term:type(":%s/two/zwei/<CR>:wq<CR>")
  term:shows("posthog: on its way; stays modified until the server confirms it")
  status_is(term, "pdf-forms 2")
  equal(nil, term.status)
  control("faults", {})
  term:type("<Esc>:let g:posthog = #{wait: 20000}<CR>:%s/one/eins/<CR>ZZ")
  term:wait(function()
    return term.status
  end)
  equal(0, term.status)
  matches("eins\nzwei", body_of(client))
end)

it("waits for the writes of :wqa as long as quit_wait, and quits", function()
  local client = given()
  local term = open({ wait = 50 })
  slow_writes(0.5)
  term:type(":%s/two/zwei/<CR>:wqall<CR>")
  term:wait(function()
    return term.status
  end)
  equal(0, term.status)
  matches("\nzwei\n", body_of(client))
end)

it("decides a conflict in diff mode by do and :PostHog take", function()
  local client = given()
  local term = open()
  publish(client, function(body)
    return (body:gsub("one", "ONE"):gsub("six", "SIX"))
  end)
  term:type(":%s/one/eins/<CR>:%s/six/sechs/<CR>:write<CR>")
  term:shows("has published version 2")
  term:type("<CR>:PostHog merge<CR>")
  term:wait(function()
    return #term:request("nvim_list_wins") == 2
  end)
  is_free(term)
  term:type("/eins<CR>do")
  term:wait(function()
    return term:text():find("\nONE\n", 1, true)
  end)
  term:type("/sechs<CR>:PostHog take mine<CR>:write<CR>")
  status_is(term, "pdf-forms 3")
  matches("ONE\ntwo\nthree\nfour\nfive\nsechs$", body_of(client))
end)

it("picks a skill and a file of it by the numbers of vim.ui.select", function()
  given()
  local term = terminal.start()
  term:type(":PostHog<CR>")
  term:shows("1: pdf-forms: Fills in PDF forms.")
  term:type("1<CR>")
  term:shows("3: scripts/run.py")
  term:type("3<CR>")
  term:shows("print(2)")
  vim.wait(50)
  is_free(term)
  term:type(":PostHog<CR>")
  term:shows("1: pdf-forms")
  term:type("<Esc>")
  vim.wait(100)
  is_free(term)
  equal("print(1)\nprint(2)", term:text())
end)

it("asks before a file is deleted, and for the name before a skill is archived", function()
  local client = given()
  local term = open()
  term:type(":edit posthog://skills/pdf-forms/scripts/run.py<CR>")
  term:shows("print(2)")
  term:type(":PostHog delete<CR>")
  term:shows("Delete scripts/run.py of pdf-forms?")
  term:type("n")
  vim.wait(100)
  is_free(term)
  equal(2, #assert(client.skills:get("pdf-forms")).files)
  term:type(":PostHog archive<CR>")
  term:shows("Type its name:")
  term:type("pdf-form<CR>")
  term:shows("nothing was archived")
  is_free(term)
  term:type(":PostHog delete<CR>")
  term:shows("Delete scripts/run.py of pdf-forms?")
  term:type("y")
  term:shows("version 2 of pdf-forms is without scripts/run.py")
  is_free(term)
  term:type(":edit " .. SKILL .. "<CR>:PostHog archive<CR>")
  term:shows("Type its name:")
  term:type("pdf-forms<CR>")
  term:shows("skill pdf-forms is archived")
  equal(nil, (client.skills:get("pdf-forms")))
end)

return scenarios
