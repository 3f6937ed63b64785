--- What --json prints: one shape for all commands, errors too.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson.safe").new()
local command = require("spec.support.command")
local command_tree = require("spec.support.command_tree")
local folders = require("spec.support.folders")

command.describe(busted, "the JSON of the command", function()
  local t = command.session({ profile = "current" })
  local run, ends = t.run, t.ends
  t.hook(busted)

  --- The lines of a text, each a JSON object.
  local function objects(text, what)
    local list = {}
    for line in text:gmatch("[^\n]+") do
      local value = cjson.decode(line)
      assert.is_table(value, (what or "") .. ": " .. line)
      list[#list + 1] = value
    end
    assert.is_true(text == "" or text:sub(-1) == "\n", what)
    return list
  end

  local function error_of(code, words, options)
    local result = ends(code, words, options)
    assert.equal("", result.out)
    local list = objects(result.err)
    local found = list[#list].error
    assert.equal(code, found.exit_code)
    assert.is_string(found.message)
    return found
  end

  it("has an error as an object on standard error, with what the library knows of it", function()
    local missing = error_of(4, { "skills", "show", "nobody", "--json" })
    assert.equal("not_found", missing.kind)
    assert.equal(404, missing.status)
    assert.equal("skills:get", missing.call)
    assert.equal(t.e.url, missing.host)
    assert.matches("no skill named", missing.message)
    assert.equal(1, missing.attempts)
    local usage = error_of(2, { "--json", "skills", "show" })
    assert.same({
      kind = "usage",
      message = "missing argument 'name'",
      help = "posthog-llm skills show --help",
      exit_code = 2,
    }, usage)
    local env = { env = { POSTHOG_PERSONAL_API_KEY = "phx_wrong" } }
    assert.equal("auth", error_of(5, { "--json", "skills", "list" }, env).kind)
    local host = error_of(2, { "--json", "--host", "nonsense", "skills", "list" })
    assert.same({ "invalid", "--host" }, { host.kind, host.about })
    ends(0, { "datasets", "create", "twice" })
    assert.equal("conflict", error_of(3, { "--json", "datasets", "create", "twice" }).kind)
    env = { env = { POSTHOG_HOST = "http://127.0.0.1:1" } }
    assert.equal("network", error_of(1, { "--json", "skills", "list" }, env).kind)
  end)

  it("names the folder that an error is about, and lists what is wrong with it", function()
    local root = folders.new()
    folders.write(root, "bad/SKILL.md", "---\nname: Bad Name\n---\n")
    folders.write(root, "good/SKILL.md", "---\nname: good\ndescription: Good.\n---\n# Good\n")
    local result = run({ "--json", "skills", "push", "bad", "good" }, { dir = root })
    folders.remove(root)
    assert.equal(1, result.code)
    assert.equal("good", objects(result.out)[1].name)
    local found = objects(result.err)[1].error
    assert.equal("bad", found.about)
    assert.equal("bad/SKILL.md", found.problems[1].path)
    assert.is_string(found.problems[1].message)
  end)

  it("has notes as objects too, and none with --quiet", function()
    t.e:seed({ skills = 1 })
    local words = { "--json", "api", "GET", "/api/users/@me/", "--include" }
    local response = objects(ends(0, words).err)[1].response
    assert.equal(200, response.status)
    assert.equal("application/json", response.headers["content-type"])
    local budget = { "--json", "spend", "--budget", "1" }
    assert.same({ { note = "the budget is reached" } }, objects(ends(6, budget).err))
    budget[#budget + 1] = "-q"
    assert.equal("", ends(6, budget).err)
  end)

  it("has no progress bar and no colours beside it, also on a terminal", function()
    local made = t.e:seed({ datasets = 1, items = 50 })
    local words = { "--json", "items", "list", "--dataset", made.datasets[1] }
    local result = ends(0, words, { terminal = 80 })
    assert.equal("", result.err)
    result = run({ "--json", "skills", "show", "nobody" }, { terminal = 80 })
    assert.is_nil(result.err:find("\27", 1, true))
    assert.equal("not_found", objects(result.err)[1].error.kind)
  end)

  --- These talk to a person or a shell.
  local OTHERS = { login = true, emulator = true, completions = true, help = true }

  it("is all that any example prints, on both streams", function()
    local root = folders.new()
    local lines = { "mkdir shim log home" }
    local function line(text, ...)
      lines[#lines + 1] = text:format(...)
    end
    line("cat > shim/posthog-llm <<'END'")
    line("#!/bin/sh")
    line("n=$(ls '%s/log' | wc -l)", root)
    line("printf '%%s ' \"$@\" >'%s'/log/$n.words", root)
    line("%s --json \"$@\" >'%s'/log/$n.out 2>'%s'/log/$n.err", command.anywhere(), root, root)
    line("code=$?; cat '%s'/log/$n.out; exit $code", root)
    line("END")
    line("chmod +x shim/posthog-llm; PATH='%s'/shim:$PATH HOME='%s'/home; export HOME", root, root)
    local page = folders.read(".", "doc/cli.md")
    local try = page:match("\n## Try it\n.-\n```sh\n[^\n]*emulator[^\n]*\n(.-)```")
    lines[#lines + 1] = assert(try)
    command_tree.each(function(entry, words)
      if not entry.commands and not OTHERS[words[1]] then
        for _, example in ipairs(entry.examples) do
          lines[#lines + 1] = "( " .. example[1] .. "\n) >/dev/null 2>&1 </dev/null"
        end
      end
    end)
    command.script(lines, t.e, root)
    local count = 0
    local pipe = io.popen(("cd '%s/log' && ls *.words"):format(root))
    for name in pipe:read("*a"):gmatch("(%d+)%.words") do
      local words = folders.read(root, "log/" .. name .. ".words")
      objects(folders.read(root, "log/" .. name .. ".out"), words)
      for _, value in ipairs(objects(folders.read(root, "log/" .. name .. ".err"), words)) do
        assert.is_truthy(value.error or value.note or value.response, words)
        assert.is_nil(value.error and value.error.kind == "bug" or nil, words)
      end
      count = count + 1
    end
    pipe:close()
    folders.remove(root)
    assert.is_true(count > 60, count)
  end)
end)
