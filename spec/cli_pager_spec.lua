--- Long texts on a terminal: through PAGER, and never elsewhere.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson")
local command = require("spec.support.command")

command.describe(busted, "the pager of the command", function()
  local t = command.session()
  local run, ends = t.run, t.ends
  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    t.e:settings({ profile = "reference" })
  end)

  local ROWS = 24 -- of the terminals of spec.support.command

  --- Creates a skill with a text of so many lines.
  local function skill(lines)
    local body = {}
    for i = 1, lines do
      body[i] = "line " .. i
    end
    local data = { name = "long", description = "Long.", body = table.concat(body, "\n") }
    local path = "/api/projects/:project_id/llm_skills/"
    ends(0, { "api", "POST", path, "--data", cjson.encode(data) })
  end

  local SHOW = { "skills", "show", "long" }
  local MARK = [[sed "s/^/paged: /"]]

  local function on_terminal(words, pager, more)
    local options = { terminal = 80, screen = true, env = { PAGER = pager } }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    return run(words, options)
  end

  it("shows a text that is longer than the terminal, with its arguments", function()
    skill(ROWS)
    local result = on_terminal(SHOW, MARK)
    assert.equal(0, result.code)
    assert.matches("^paged: line 1\npaged: line 2\n", result.out)
    assert.matches("\npaged: line 24\n$", result.out)
  end)

  it("shows lines that a narrow terminal breaks", function()
    skill(1)
    t.e:reset()
    local text = ("x"):rep(100) .. "\n"
    local data = { name = "long", description = "Long.", body = text:rep(ROWS - 1) }
    local path = "/api/projects/:project_id/llm_skills/"
    ends(0, { "api", "POST", path, "--data", cjson.encode(data) })
    assert.matches("^paged: x", on_terminal(SHOW, MARK).out)
    assert.matches("^x", on_terminal(SHOW, MARK, { terminal = 120 }).out)
  end)

  it("is not used where the text fits, in a pipe, for JSON, or where nobody wants it", function()
    skill(ROWS - 1)
    assert.matches("^line 1\n", on_terminal(SHOW, MARK).out)
    t.e:reset()
    skill(100)
    for _, case in ipairs({
      { SHOW, { terminal = 80, env = { PAGER = MARK } } },
      { { "--json", "skills", "show", "long" }, { terminal = 80, screen = true } },
      { { "--no-pager", "skills", "show", "long" }, { terminal = 80, screen = true } },
      { SHOW, { terminal = 80, screen = true, env = { PAGER = MARK, TERM = "dumb" } } },
      { SHOW, { terminal = 80, screen = true, env = { PAGER = "" } } },
      { SHOW, { terminal = 80, screen = true, env = { PAGER = " cat " } } },
    }) do
      case[2].env = case[2].env or { PAGER = MARK }
      local result = run(case[1], case[2])
      assert.equal(0, result.code)
      assert.is_nil(result.out:find("paged: ", 1, true), result.out)
      assert.matches("line 100", result.out)
    end
  end)

  it("is asked for by each command whose text may be long", function()
    t.e:settings({ profile = "current" })
    local made = t.e:seed({ datasets = 1 })
    local input = {}
    for i = 1, 50 do
      input[i] = "line " .. i
    end
    local item = cjson.decode(ends(0, {
      "api",
      "POST",
      "/api/projects/:project_id/dataset_items/",
      "--data",
      cjson.encode({ dataset = made.datasets[1], input = table.concat(input, "\n") }),
    }).out)
    for _, words in ipairs({
      { "items", "show", item.id },
      { "spend" },
      { "help", "--full", "datasets", "import" },
    }) do
      local text = on_terminal(words, MARK).out
      assert.matches("^paged: ", text, table.concat(words, " "))
      local plain = on_terminal(words, "cat").out
      assert.equal(plain, (text:gsub("paged: ", "")))
    end
    local short = { terminal = 20 }
    assert.matches("^paged: ", on_terminal({ "--help" }, MARK, short).out)
    assert.matches("^Usage", on_terminal({ "--help", "--no-pager" }, MARK, short).out)
  end)

  it("may end before it has read all, and keeps the exit code of the command", function()
    skill(10000)
    local result = on_terminal(SHOW, "head -n 2")
    assert.same({ 0, "line 1\nline 2\n" }, { result.code, result.out })
    local budget = on_terminal({ "spend", "--budget", "1", "--rows", "50" }, "head -n 1")
    assert.equal(6, budget.code)
    assert.equal("the budget is reached\n", budget.out:match("[^\n]*\n$"))
  end)

  it("leaves the text to the terminal where it cannot be run or fails, and says so", function()
    skill(30)
    for pager, status in pairs({
      ["/no/such/pager -x"] = 127,
      ["false"] = 1,
      ["'"] = 2,
    }) do
      local result = on_terminal(SHOW, pager)
      assert.equal(0, result.code)
      local words = "posthog%-llm: the pager %(PAGER=[^\n]*%) has failed with " .. status
      assert.matches(words .. "; %-%-no%-pager does without\nline 1\n", result.out)
      assert.matches("\nline 30\n$", result.out)
    end
  end)

  it("leaves the text to the terminal where there is no room for the file", function()
    skill(3000)
    local result = on_terminal(SHOW, MARK, { before = "exec 2>/dev/null; ulimit -f 1" })
    local words = "^posthog%-llm: the pager %(PAGER=[^\n]*%) has failed with no file; [^\n]*\n"
    assert.matches(words .. "line 1\nline 2\n", result.out) -- which has no room for more either
  end)

  it("is less where PAGER is not set, which leaves the text on the screen", function()
    local pipe = io.popen("command -v less")
    local less = pipe:read("*l")
    pipe:close()
    if not less then
      pending("less is not installed")
      return
    end
    skill(40)
    local result = on_terminal(SHOW, false, { typed = command.answer("line 1", "q") })
    assert.equal(0, result.code)
    assert.matches("line 1\27?[^\n]*\n", result.out)
    assert.is_nil(result.out:find("line 40", 1, true))
    assert.is_nil(result.out:find("\27%[%?1049h"), "another screen")
  end)

  it("has Ctrl-C to itself, also twice", function()
    skill(40)
    local path = os.tmpname()
    local file = io.open(path, "w")
    file:write([[
      n=0; tries=0
      trap 'n=$((n + 1)); printf int' INT
      : >"$0.ready"
      cat >/dev/null
      until [ "$n" = 2 ] || [ "$tries" = 300 ]; do tries=$((tries + 1)); sleep 0.1; done
    ]])
    file:close()
    local pager = "sh " .. path
    local typed = command.until_true("[ -e " .. path .. ".ready ]")
      .. ("printf '\\003'; sleep 0.5; %s; sleep 1"):format(command.answer("int", "\\003"))
    local result = on_terminal(SHOW, pager, { typed = typed })
    os.remove(path)
    os.remove(path .. ".ready")
    assert.equal("intint", (result.out:gsub("%^C", "")))
    assert.equal(0, result.code)
  end)

  it("gets the colours of a report, and no control characters of the server", function()
    local data = {
      name = "long",
      description = "Long.",
      body = ("\27[2J\n"):rep(30),
    }
    local path = "/api/projects/:project_id/llm_skills/"
    ends(0, { "api", "POST", path, "--data", cjson.encode(data) })
    local shown = on_terminal(SHOW, MARK).out
    assert.matches("^paged: \\x1b%[2J\n", shown)
    assert.is_nil(shown:find("\27", 1, true))
    assert.matches("\27%[", on_terminal({ "spend" }, MARK).out)
  end)
end)
