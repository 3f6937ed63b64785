--- What all subcommands of the command share.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local cjson = require("cjson.safe").new()
local command = require("spec.support.command")
local folders = require("spec.support.folders")
local live = require("spec.support.live")
local shells = require("spec.support.shell")

local unable = command.unable()
local KEY = command.KEY

describe("the command posthog-llm", function()
  if unable then
    pending(unable)
    return
  end

  local t = command.session()
  local run, ends = t.run, t.ends
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  it("shows its help without arguments", function()
    local result = ends(0, {})
    assert.matches("Usage: posthog%-llm", result.out)
    assert.equal("", result.err)
    assert.equal(result.out, ends(0, { "--help" }).out)
  end)

  it("says what is wrong with a command, and how to show its help", function()
    for _, case in ipairs({
      { { "skils" }, "Did you mean 'skills'", "posthog%-llm %-%-help" },
      { { "skills" }, "a command is required", "posthog%-llm skills %-%-help" },
      { { "skills", "show" }, "missing argument 'name'", "posthog%-llm skills show %-%-help" },
      {
        { "skills", "show", "x", "--version", "0" },
        "%-%-version: invalid number '0'",
        "show %-%-help",
      },
      { { "skills", "show", "a/b" }, "name contains a slash", "%-%-help" },
    }) do
      local result = ends(2, case[1])
      assert.equal("", result.out)
      assert.matches(case[2], result.err)
      assert.matches("Try: .*" .. case[3], result.err)
    end
  end)

  it("goes by the terminal, whatever COLUMNS, LINES and the locale say", function()
    t.e:seed({ skills = 1 })
    local help, list = ends(0, { "--help" }).out, ends(0, { "skills", "list" }).out
    for _, env in ipairs({
      { COLUMNS = "nonsense", LINES = "-1" },
      { COLUMNS = "1", LINES = "1" },
      { LC_ALL = "C" },
      { LC_ALL = "", LC_CTYPE = "", LANG = "" },
    }) do
      assert.equal(help, ends(0, { "--help" }, { env = env }).out)
      assert.equal(list, ends(0, { "skills", "list" }, { env = env }).out)
      assert.equal(help, ends(0, { "--help" }, { env = env, terminal = 80, screen = true }).out)
    end
  end)

  it("shows a help in as many columns as the terminal has", function()
    for _, columns in ipairs({ 1, 20, 40, 79, 200 }) do
      local out = ends(0, { "--help" }, { terminal = columns, screen = true }).out
      local widest = 0
      for line in out:gmatch("[^\n]+") do
        widest = math.max(widest, #line)
      end
      assert.is_true(widest <= math.max(columns, 32) and widest <= 80, columns .. ": " .. widest)
    end
  end)

  it("exits with 4 where something is not found", function()
    assert.matches("no skill named", ends(4, { "skills", "show", "nobody" }).err)
  end)

  it("takes the key from a file or from standard input", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write("\239\187\191  " .. KEY .. " \r\nmore\n") -- a BOM, as editors of Windows put it
    file:close()
    local without = { POSTHOG_PERSONAL_API_KEY = false }
    ends(0, { "--key-file", path, "skills", "list" }, { env = without })
    ends(0, { "skills", "list", "--key-file", "-" }, { env = without, stdin = KEY .. "\n" })
    os.remove(path)
    assert.matches("%-%-key%-file", ends(5, { "skills", "list" }, { env = without }).err)
    local gone = ends(5, { "skills", "list", "--key-file", path }, { env = without })
    assert.matches("No such file", gone.err)
    local empty = ends(5, { "skills", "list", "--key-file", "-" }, { env = without })
    assert.matches("no key in its first line", empty.err)
  end)

  it("never prints a key that was given as a file or a host", function()
    for _, option in ipairs({ "--key-file", "--host", "--project" }) do
      local result = run({ "skills", "list", option, "phx_not_to_be_seen" })
      assert.is_true(result.code > 0)
      assert.matches("looks like a key", result.err)
      assert.is_nil(result.err:find("not_to_be_seen", 1, true), result.err)
    end
  end)

  -- Lua looks for them there by default, LuaJIT first of all.
  it("runs no module that the working directory holds", function()
    local folder = folders.new()
    local hostile = "io.stderr:write('hostile ', ..., '\\n') os.exit(3)"
    for _, module in ipairs({
      "lfs",
      "zlib",
      "cjson",
      "posthog/llm/core",
      "posthog/llm/util/core",
      "posthog/llm/cli",
      "posthog/llm/init",
    }) do
      folders.write(folder, module .. ".lua", hostile)
      folders.write(folder, module .. ".so", "not a library")
    end
    folders.write(folder, "a.gz", "\31\139\8\0")
    folders.write(folder, "skill/SKILL.md", "---\nname: skill\ndescription: d\n---\nb\n")
    local account =
      " POSTHOG_PERSONAL_API_KEY=phx_x POSTHOG_PROJECT_ID=1 POSTHOG_HOST=http://127.0.0.1:1 "
    for _, paths in ipairs({ "", "LUA_PATH=';;' LUA_CPATH=';;'" }) do
      for _, words in ipairs({
        "--version",
        "skills lint skill",
        "datasets import x a.gz --dry-run",
        "__complete skill skills show ''",
      }) do
        local line = "cd '%s'; %s %s %s timeout 20 %s %s"
        local output, status = shells.run(
          line:format(folder, shells.WITHOUT_LUA_PATHS, paths, account, command.anywhere(), words)
        )
        assert.is_nil(output:find("hostile", 1, true), words .. ": " .. output)
        assert.is_nil(output:find("not a library", 1, true), words .. ": " .. output)
        assert.not_equal(3, status)
      end
    end
    local own = "cd '%s'; %s LUA_PATH='./?.lua;;' %s skills lint skill"
    local output = shells.run(own:format(folder, shells.WITHOUT_LUA_PATHS, command.anywhere()))
    folders.remove(folder)
    assert.truthy(output:find("hostile ", 1, true), output) -- it was asked for
  end)

  it("never prints a key that was given as another argument", function()
    local key = "phx_abcdefghijklmnopqrstuvwxyzABCDEFGH0123456789"
    for _, words in ipairs({
      { key },
      { "--" .. key },
      { "skills", key },
      { "skills", "new", key },
      { "skills", "push", key },
      { "skills", "pull", key },
      { "datasets", "show", key },
    }) do
      local result = run(words)
      assert.is_true(result.code > 0)
      assert.truthy(result.err:find("[key]", 1, true), result.err)
      assert.is_nil(result.err:find("abcdef", 1, true), result.err)
      table.insert(words, 1, "--json")
      result = run(words)
      assert.is_nil(result.err:find("abcdef", 1, true), result.err)
    end
  end)

  it("names the flag or the variable that is wrong, and exits with 2 for a flag", function()
    for _, case in ipairs({
      { 2, { "--host", "nonsense" }, {}, '%-%-host: the host "nonsense" is not an http' },
      { 2, { "--host", "https://us.i.posthog.com" }, {}, "%-%-host: us.i.posthog.com accepts" },
      { 2, { "--project", "mine" }, {}, '%-%-project: the project id "mine" is not a number' },
      { 1, {}, { POSTHOG_HOST = "nonsense" }, 'POSTHOG_HOST: the host "nonsense" is not' },
      { 1, {}, { POSTHOG_PROJECT_ID = "mine" }, 'POSTHOG_PROJECT_ID: the project id "mine"' },
      { 1, {}, { POSTHOG_PROJECT_ID = "" }, "set POSTHOG_PROJECT_ID or give %-%-project" },
      { 5, {}, { POSTHOG_PERSONAL_API_KEY = "" }, "or give %-%-key%-file" },
      { 5, {}, { POSTHOG_PERSONAL_API_KEY = "phx_wrong" }, ": the key is not valid %(" },
      { 4, { "--project", "5" }, {}, "^posthog%-llm: project 5 is not known at http" },
    }) do
      local arguments = { "skills", "list" }
      for _, word in ipairs(case[2]) do
        arguments[#arguments + 1] = word
      end
      local result = ends(case[1], arguments, { env = case[3] })
      assert.matches(case[4], result.err)
      assert.is_nil(result.err:find("personal_api_key", 1, true))
      assert.is_nil(result.err:find("skills:", 1, true))
    end
  end)

  it("names no option of the library that it does not have itself", function()
    for _, host in ipairs({ "http://posthog.example", "https://me:xyzzy@posthog.example" }) do
      local result = run({ "skills", "list", "--host", host })
      assert.is_true(result.code > 0)
      assert.is_nil(result.err:find("%l_%l"), result.err)
      assert.is_nil(result.err:find("xyzzy", 1, true), result.err)
    end
  end)

  it("does not read a key that the terminal would show", function()
    local result = ends(2, { "skills", "list", "--key-file", "-" }, {
      env = { POSTHOG_PERSONAL_API_KEY = false },
      terminal = 80,
      screen = true,
    })
    assert.matches("terminal", result.out)
  end)

  it("reports an output that cannot be written", function()
    local pipe = io.popen(command.line({ "--version" }, ".") .. " 2>&1 >/dev/full; echo $?")
    local text = pipe:read("*a")
    pipe:close()
    assert.matches("cannot write the output", text)
    assert.matches("\n1\n$", text)
  end)

  it("does not reuse the number of a closed stream", function()
    local shell = "POSTHOG_HOST=%s POSTHOG_PROJECT_ID=112358 POSTHOG_PERSONAL_API_KEY=%s %s "
    local list = shell:format(t.e.url, KEY, command.line({ "skills", "list" }, "."))
    for closed, expected in pairs({
      ["2>&1 >&-"] = "cannot write the output: Bad file descriptor\n1\n$",
      ["--key-file - 2>&1 <&-"] = "%-%-key%-file: %-: Bad file descriptor\n5\n$",
    }) do
      local pipe = io.popen(list .. closed .. "; echo $?")
      local text = pipe:read("*a")
      pipe:close()
      assert.matches(expected, text)
    end
  end)

  for _, profile in ipairs({ "reference", "current" }) do
    it("prints all that the server sent as JSON, on " .. live.api_name[profile], function()
      t.e:settings({ profile = profile })
      local made = t.e:seed({ skills = 1, datasets = 1, items = 1 })
      local function same(path, ...)
        path = "/api/projects/:project_id/" .. path
        local whole = cjson.decode(ends(0, { "api", "GET", path }).out)
        local text = ends(0, { "--json", ... }).out
        assert.equal(text, ends(0, { "--json", ... }).out)
        local shown = cjson.decode(text)
        assert.is_table(shown)
        assert.same(whole.results and whole.results[1] or whole, shown)
      end
      same("datasets/" .. made.datasets[1] .. "/", "datasets", "show", made.datasets[1])
      same("datasets/", "datasets", "list")
      same("llm_skills/", "skills", "list")
      local items = "dataset_items/?dataset=" .. made.datasets[1]
      same(items, "items", "list", "--dataset", made.datasets[1])
    end)
  end

  it("escapes control characters in JSON on a terminal, and nowhere else", function()
    local hostile = "\127 \194\155 \216\156 \226\128\174 \239\187\191 \243\160\128\129 \195\188"
    local body = cjson.encode({ name = hostile })
    t.e:fault({
      match = { path = "/x" },
      action = {
        status = 200,
        body = body,
        headers = {
          ["Content-Type"] = "application/json",
        },
      },
    })
    local args = { "api", "GET", "/api/x" }
    assert.truthy(ends(0, args).out:find(hostile, 1, true))
    local shown = ends(0, args, { terminal = 80, screen = true }).out
    local escapes = [["\u007f \u009b \u061c \u202e \ufeff \udb40\udc01 ü"]]
    assert.truthy(shown:find(escapes, 1, true), shown)
  end)

  it("leaves the progress bar out where it does not fit, and on a dumb terminal", function()
    t.e:seed({ datasets = 1, items = 20 })
    local args = { "items", "list", "--limit", "20" }
    assert.matches("\rreading  %[#+%]  20/20 items  100%%", ends(0, args, { terminal = 80 }).err)
    local narrow = ends(0, args, { terminal = 40 }).err
    assert.matches("\rreading  20/20 items  100%%\27", narrow)
    assert.is_nil(narrow:find("…", 1, true), narrow)
    assert.equal("", ends(0, args, { terminal = 80, env = { TERM = "dumb" } }).err)
  end)

  it("shows on a terminal what it waits for", function()
    local function list(...)
      t.e:fault({
        match = { path = "llm_skills" },
        action = { status = 429, times = 1, headers = { ["Retry-After"] = "1" } },
      })
      return ends(0, { "skills", "list", ... }, { terminal = 80, screen = true }).out
    end
    local words = "^\rtoo many requests; trying again in %d s\27%[K\r\27%[K\27%[1mNAME[^\r]*\n$"
    assert.matches(words, list())
    assert.matches("^\27%[1mNAME[^\r]*\n$", list("-q"))
  end)

  local function while_listing(shell)
    t.e:fault({ match = { path = "llm_skills" }, action = { delay = 30 } })
    local asked = "n=0; until curl -q -s --noproxy '*' %s/__emulator/log | grep -q llm_skills"
      .. " || [ $((n += 1)) -gt 400 ]; "
      .. "do sleep 0.05; done; "
    return asked:format(t.e.url) .. shell
  end

  it("stops at Ctrl-C while it waits for a response", function()
    local result = run({ "skills", "list" }, {
      terminal = 80,
      screen = true,
      typed = while_listing("printf '\\003'; sleep 1"),
    })
    assert.equal(130, result.code, result.out)
    assert.equal("posthog-llm: interrupted\n", result.out)
  end)

  it("stops at Ctrl-C while it waits for the key", function()
    local fifo = os.tmpname()
    local line = command.line({ "skills", "list", "--key-file", fifo }, ".")
    os.remove(fifo)
    -- Opening it to write returns when the command has opened it to read.
    local pipe = io.popen(
      ("mkfifo %s || exit; %s 2>&1 & pid=$!; "):format(fifo, line)
        .. ("exec 4>%s; kill -TERM $pid; exec 4>&-; wait $pid; echo $?"):format(fifo)
    )
    local text = pipe:read("*a")
    pipe:close()
    os.remove(fifo)
    assert.equal("posthog-llm: interrupted\n143\n", text)
  end)

  it("stops when it is terminated by a signal", function()
    local result = run({ "skills", "list" }, { while_running = while_listing("kill -TERM $pid") })
    assert.equal(143, result.code, result.err)
    assert.equal("posthog-llm: interrupted\n", result.err)
  end)
end)
