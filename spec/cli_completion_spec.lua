--- Names of the server in the completions of bash, zsh and fish.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local command = require("spec.support.command")
local commands = require("posthog.llm.cli.commands")
local folders = require("spec.support.folders")
local lfs = require("lfs")
local shell = require("spec.support.shell")

local SKILL = "pdf-forms"
local DATASET = "my golden: set"
local SHOWS = { skill = SKILL, dataset = DATASET, version = "2" }

command.describe(busted, "the completion of names", function()
  local root
  local t = command.session({ profile = "current" })
  local ends = t.ends
  setup(t.start)
  teardown(t.stop)

  local function api(method, path, data)
    ends(0, { "api", method, "/api/projects/:project_id/" .. path, "--data", data })
  end

  before_each(function()
    t.reset()
    root = folders.new()
    folders.write(root, "bin/posthog-llm", "#!/bin/sh\nexec " .. command.anywhere() .. ' "$@"\n')
    os.execute("chmod +x '" .. root .. "/bin/posthog-llm'")
    for _, name in ipairs({ "bash", "zsh", "fish" }) do
      folders.write(root, "completion." .. name, ends(0, { "completions", name }).out)
    end
    api("POST", "llm_skills/", '{"name":"pdf-forms","description":"PDF.","body":"# One"}')
    api("PATCH", "llm_skills/name/pdf-forms/", '{"base_version":1,"body":"# Two"}')
    api("POST", "llm_skills/", '{"name":"web-forms","description":"Web.","body":"# Web"}')
    api("POST", "datasets/", ('{"name":"%s"}'):format(DATASET))
    api("POST", "datasets/", '{"name":"silver"}')
  end)
  after_each(function()
    folders.remove(root)
  end)

  --- Runs lines of bash with the command in PATH and a cache of its own.
  local function script(lines, env)
    local all = { XDG_CACHE_HOME = root .. "/cache", HOME = root, LC_ALL = "C.UTF-8" }
    for name, value in pairs(env or {}) do
      all[name] = value
    end
    table.insert(lines, 1, "PATH='" .. root .. "/bin':$PATH")
    return command.script(lines, t.e, root, all)
  end

  --- The lines that __complete prints.
  local function names(words, env)
    local output = script({ "posthog-llm __complete " .. words .. "; echo code $?" }, env)
    return (output:gsub("code 0\n$", ""))
  end

  --- The same, where there are some. A machine that has other work may not have them in time: then
  --- they are asked for again.
  local function some(words, env)
    for _ = 1, 60 do
      local shown = names(words, env)
      if shown ~= "" then
        return shown
      end
      os.execute("rm -rf '" .. root .. "/cache' '" .. root .. "/.cache'")
    end
  end

  --- Has the lists in the cache.
  local function fill_cache()
    for _, words in ipairs({
      "skill skills show ''",
      "dataset datasets show ''",
      "version skills show pdf-forms --version ''",
      "version skills show web-forms --version ''",
    }) do
      local found
      for _ = 1, 60 do
        found = names(words) ~= ""
        -- Of a machine that has other work it may have none, or some: then again.
        local parts = shell.run("grep -L '^complete ' '" .. root .. "'/cache/posthog-llm/*")
        if found and parts == "" then
          break
        end
        found = false
        os.execute("grep -L '^complete ' '" .. root .. "'/cache/posthog-llm/* | xargs rm -f")
      end
      assert.is_true(found, words)
    end
  end

  --- How often the server was asked for names.
  local function asked(from)
    return #t.e:log(from)
  end

  local function has(program)
    return shell.run("command -v " .. program) ~= ""
  end

  it("knows skills, datasets and the versions of a skill, and asks once a minute", function()
    fill_cache()
    local from = asked()
    for _ = 1, 2 do
      assert.equal("pdf-forms\nweb-forms\n", names("skill skills show ''"))
      assert.equal("web-forms\n", names("skill skills show web"))
      assert.equal(DATASET .. "\n", names("dataset datasets show my"))
      assert.equal("2\n1\n", names("version skills show pdf-forms --version ''"))
      assert.equal("1\n", names("version skills --json show web-forms --version ''"))
      assert.equal("2\n1\n", names("version skills diff skills/pdf-forms/ ''"))
    end
    assert.equal(0, asked(from))
  end)

  it("asks again when the list is a minute old", function()
    fill_cache()
    local list = shell.run("grep -l pdf-forms " .. root .. "/cache/posthog-llm/*")
    local path = "cache/posthog-llm/" .. list:match("names%-%x+")
    local from = asked()
    local text = folders.read(root, path)
    local at = text:match("^complete (%d+)\n")
    folders.write(root, path, (text:gsub(at, ("%.0f"):format(at - 50))))
    names("skill skills show ''")
    assert.equal(0, asked(from))
    folders.write(root, path, (text:gsub(at, ("%.0f"):format(at - 61))))
    names("skill skills show ''")
    assert.equal(1, asked(from))
    folders.write(root, path, "nonsense")
    assert.equal("pdf-forms\nweb-forms\n", some("skill skills show ''"))
  end)

  it(
    "keeps lists where only their owner reads them, by host and project, without the key",
    function()
      names("skill skills show ''")
      names("skill --project 5 skills show ''")
      local folder = root .. "/cache/posthog-llm"
      assert.equal("rwx------", lfs.attributes(folder, "permissions"))
      local count = 0
      for file in lfs.dir(folder) do
        if file ~= "." and file ~= ".." then
          count = count + 1
          assert.equal("rw-------", lfs.attributes(folder .. "/" .. file, "permissions"))
          local text = file .. folders.read(folder, file)
          assert.is_nil(text:find("phx_", 1, true))
          assert.is_nil(text:find("127.0.0.1", 1, true))
        end
      end
      assert.equal(2, count)
    end
  )

  it("uses the cache of the home where XDG_CACHE_HOME is not set or relative", function()
    for _, value in ipairs({ "", "relative" }) do
      assert.equal("web-forms\n", some("skill skills show w", { XDG_CACHE_HOME = value }))
      assert.is_truthy(lfs.attributes(root .. "/.cache/posthog-llm", "mode"))
    end
    assert.is_nil(lfs.attributes(root .. "/relative", "mode"))
    folders.write(root, "file", "")
    assert.equal("web-forms\n", some("skill skills show w", { XDG_CACHE_HOME = root .. "/file" }))
  end)

  it("goes by the account of the line", function()
    local without = { POSTHOG_PERSONAL_API_KEY = "" }
    assert.equal("", names("skill skills show ''", without))
    folders.write(root, "key", command.KEY .. "\n")
    assert.equal("web-forms\n", some("skill --key-file key skills show w", without))
    assert.equal("web-forms\n", some("skill --key-file '~/key' skills show w", without))
    assert.equal("", names("skill --host nonsense skills show ''"))
    assert.equal("left\n", names("skill --key-file - skills show '' <key; echo left", without))
  end)

  it("is silent where it fails, and does not wait for a server that is slow", function()
    t.e:fault({ match = { path = "llm_skills" }, action = { status = 500 } })
    assert.equal("", names("skill skills show ''"))
    t.e:reset()
    assert.equal("", names("skill skills show ''", { POSTHOG_HOST = "http://127.0.0.1:1" }))
    for _, words in ipairs({ "", "nonsense", "nonsense skills", "version skills show", "skill" }) do
      names(words)
    end
    t.e:fault({ match = { path = "datasets" }, action = { delay = 30 } })
    local clock = require("posthog.llm.host.clock")
    --- The least of a few times that it takes, with bash and the start of Lua.
    local function least_of(place)
      local least = math.huge
      for i = 1, 4 do
        local began = clock.now()
        assert.equal("", names("dataset datasets show ''", { XDG_CACHE_HOME = root .. place(i) }))
        least = math.min(least, clock.now() - began)
      end
      return least
    end
    local first = least_of(function(i)
      return "/" .. i
    end)
    assert.is_true(first >= 0.2 and first < 10, "s: " .. first) -- of 30
    local again = least_of(function()
      return "/1"
    end)
    assert.is_true(again < first, "s: " .. again) -- what was not there a moment ago is not waited for
  end)

  it("searches where there are more names than it can fetch in time", function()
    t.e:seed({ skills = 2500 })
    api("POST", "llm_skills/", '{"name":"zebra-skill","description":"Z.","body":"# Z"}')
    local all = some("skill skills show ''")
    local _, count = all:gsub("\n", "")
    assert.is_true(count >= 100 and count <= 1000, count)
    assert.equal("zebra-skill\n", some("skill skills show zebra"))
  end)

  it("leaves out names that would break a line or a terminal", function()
    api("POST", "datasets/", [[{"name":"evil\u001b[2J\nname"}]])
    assert.equal(DATASET .. "\nsilver\n", some("dataset datasets show ''"))
  end)

  --- Each place of a command that takes a name: the words before it, and what it takes.
  local function each_place(visit, list, words)
    for _, entry in ipairs(list) do
      local path = words .. " " .. entry.name
      each_place(visit, entry.commands or {}, path)
      local before = path
      for _, argument in ipairs(entry.arguments or {}) do
        for kind in (argument.takes or ""):gmatch("%S+") do
          visit(before .. " ", kind)
        end
        before = before .. " " .. ((argument.takes or ""):find("skill") and SKILL or "x")
      end
      for _, option in ipairs(entry.options or {}) do
        local of_skill = option.takes == "version" and " " .. SKILL or ""
        for kind in (option.takes or ""):gmatch("%S+") do
          visit(path .. of_skill .. " " .. option[1]:match("%S+$") .. " ", kind)
        end
      end
    end
  end

  local function places()
    local list = {}
    each_place(function(line, kind)
      if SHOWS[kind] then
        list[#list + 1] = { line = line, shows = SHOWS[kind] }
      end
    end, commands.commands, "posthog-llm")
    assert.is_true(#list > 15)
    return list
  end

  local TRY = [[
    try() {
      COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
      _posthog-llm
      printf '%s|' "${COMPREPLY[@]}"; echo
    }]]

  it("works in bash, at each place that takes a name", function()
    fill_cache()
    local lines, expected = { "source completion.bash", TRY }, {}
    for i, place in ipairs(places()) do
      lines[#lines + 1] = "try " .. place.line .. "''"
      expected[i] = place
    end
    local at = 0
    for line in script(lines):gmatch("([^\n]*)\n") do
      at = at + 1
      local quoted = expected[at].shows:gsub(" ", "\\ ")
      assert.is_truthy(("|" .. line):find("|" .. quoted .. "|", 1, true), expected[at].line .. line)
    end
    assert.equal(#expected, at)
  end)

  --- What bash completes after these words.
  local function of_bash(lines)
    local list = { "source completion.bash", TRY }
    for i, line in ipairs(lines) do
      list[i + 2] = "try posthog-llm" .. line
    end
    local shown = {}
    for line in script(list):gmatch("([^\n]*)\n") do
      shown[#shown + 1] = "|" .. line
    end
    assert.equal(#lines, #shown)
    return shown
  end

  it("leaves no command and no option out in bash", function()
    local lines, wanted = {}, {}
    local function visit(entry, path)
      local known = {}
      for _, inner in ipairs(entry.commands or {}) do
        known[#known + 1] = inner.name
        visit(inner, path .. " " .. inner.name)
      end
      if #known > 0 then
        lines[#lines + 1], wanted[#wanted + 1] = path .. " ''", known
      end
      known = { "--help" }
      for _, list in ipairs({ entry.options or {}, commands.options }) do
        for _, option in ipairs(list) do
          known[#known + 1] = option[1]:match("%S+$")
        end
      end
      lines[#lines + 1], wanted[#wanted + 1] = path .. " --", known
    end
    visit(commands, "")
    for i, shown in ipairs(of_bash(lines)) do
      for _, name in ipairs(wanted[i]) do
        assert.is_truthy(shown:find("|" .. name .. "|", 1, true), lines[i] .. ": " .. name)
      end
    end
  end)

  it("quotes names in bash, and keeps to what bash takes for a word", function()
    fill_cache()
    local output = script({
      "source completion.bash",
      TRY,
      "try posthog-llm datasets show 'my\\ g'",
      "try posthog-llm datasets show '\"my g'",
      "try posthog-llm datasets show 'my\\ golden' ':' '\\ s'",
      "try posthog-llm items list --dataset = sil",
      "try posthog-llm --host http : //127.0.0.1 : 1 datasets show ''",
    })
    assert.equal("my\\ golden:\\ set|\nmy golden: set|\n\\ set|\nsilver|\n|\n", output)
  end)

  it("never completes a name to a command in bash, in no quotes", function()
    for _, name in ipairs({ "$(id)", "`id`", "a'; id; '", 'a\\"; id; \\"', "!id", "\\\\" }) do
      api("POST", "datasets/", ('{"name":"hostile %s"}'):format(name))
    end
    some("dataset datasets show ''")
    local output = script({
      "source completion.bash",
      TRY,
      "try posthog-llm datasets show hostile",
      "try posthog-llm datasets show '\"hostile'",
      'try posthog-llm datasets show "\'hostile"',
      "posthog-llm __complete dataset datasets show hostile | while IFS= read -r name; do",
      '  try posthog-llm datasets show hostile | grep -qF "$(printf %q "$name")|" && echo same',
      "done",
    })
    local bare, double, single, same = output:match("^([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$")
    assert.equal(6, select(2, bare:gsub("hostile\\ ", "")))
    assert.equal("hostile a'; id; '|", double)
    assert.is_nil(single:find("a'; id", 1, true))
    assert.equal(5, select(2, single:gsub("hostile ", "")))
    assert.equal(("same\n"):rep(6), same)
  end)

  it("works at the keyboard in bash", function()
    fill_cache()
    folders.write(
      root,
      "rc",
      "PS1='> '; bind 'set enable-bracketed-paste off'; . ./completion.bash\n"
    )
    folders.write(
      root,
      "keys",
      "type() { printf 'posthog-llm %s\\t' \"$1\"; "
        .. command.until_in("shown", '"$2"')
        .. "printf '\\001echo = \\n'; sleep 0.5; }\n"
        .. command.until_in("shown", "'^> '")
        .. "\ntype 'datasets show my' 'show my.*set'\ntype 'skills show pd' 'show pdf-forms'\n"
        .. "type 'items list --dataset=sil' '=silver'\nprintf 'exit\\n'"
    )
    local output = script({
      "sh keys | timeout 100 script -qefc 'TERM=dumb bash --noprofile --rcfile rc -i' shown",
    })
    for _, expected in ipairs({
      "\n= posthog-llm datasets show my golden: set",
      "\n= posthog-llm skills show pdf-forms",
      "\n= posthog-llm items list --dataset=silver",
    }) do
      assert.is_truthy(output:find(expected, 1, true), expected .. " in " .. output)
    end
  end)

  it("works in fish, at each place that takes a name", function()
    if not has("fish") then
      pending("fish is not installed")
      return
    end
    fill_cache()
    local lines, list = { "source completion.fish" }, places()
    for _, place in ipairs(list) do
      lines[#lines + 1] = "echo '>'; complete -C '" .. place.line .. "'"
    end
    folders.write(root, "try.fish", table.concat(lines, "\n") .. "\n")
    local at = 0
    for shown in script({ "fish try.fish" }):gmatch(">\n([^>]*)") do
      at = at + 1
      local place = list[at]
      local there = ("\n" .. shown):find("\n" .. place.shows:gsub("%p", "%%%0") .. "[\n\t]")
      local quoted = ("\n" .. shown):find("\n" .. place.shows:gsub(" ", "\\ "), 1, true)
      assert.is_truthy(there or quoted, place.line .. shown)
    end
    assert.equal(#list, at)
  end)

  it("works in zsh", function()
    if not has("zsh") then
      pending("zsh is not installed")
      return
    end
    folders.write(
      root,
      "try.zsh",
      [=[
      zmodload zsh/zpty
      zpty shell "TERM=dumb zsh -f -i"
      feed() { zpty -w shell "$1"; }
      feed "PS1= PS2=; unsetopt zle_bracketed_paste 2>/dev/null; autoload -U compinit; compinit -u -D"
      feed "source $PWD/completion.zsh; bindkey '^I' complete-word '^U' kill-whole-line; echo ready"
      await() {
        local got line n=0
        while (( n++ < 200 )) && [[ $got != *$1* ]]; do
          zpty -rt shell line && got+=$line || sleep 0.05
        done
        print -r -- $got
      }
      await ready >/dev/null
      for words in "datasets show my" "datasets export sil" "skills show pdf" \
        "items list --dataset sil" "skills show web-forms --version "; do
        zpty -w -n shell "posthog-llm $words"$'\t'
        sleep 3
        zpty -w shell $'\C-u: @end'
        await @end
      done
      zpty -d shell
    ]=]
    )
    fill_cache()
    local output = script({ "timeout 60 zsh -f try.zsh" })
    for _, expected in ipairs({
      "datasets show my\\ golden:\\ set",
      "datasets export silver",
      "skills show pdf-forms",
      "items list --dataset silver",
      "skills show web-forms --version 1",
    }) do
      assert.is_truthy(output:find(expected, 1, true), expected .. " in " .. output)
    end
  end)
end)
