--- What the command says of itself: helps, manual, exit codes, completions; and
--- that it is all there once it is installed.

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local command = require("spec.support.command")
local command_tree = require("spec.support.command_tree")
local commands = require("posthog.llm.cli.commands")
local exits = require("posthog.llm.cli.exits")
local parser = require("posthog.llm.cli.parser")
local version = require("posthog.llm.util.version")

local unable = command.unable()
local LUA = os.getenv("LUA")

local function output_of(shell)
  local pipe = io.popen(shell)
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

command.describe(busted, "the manual", function()
  it("says the same as the help texts", function()
    for form, path in pairs({ markdown = "doc/cli.md", man = "doc/posthog-llm.1" }) do
      local made = output_of(LUA .. " tools/manual.lua " .. form)
      assert.is_true(#made > 1000, path)
      assert.is_true(made == read(path), path .. " is stale: make manual")
    end
  end)

  --- The help of a command, on a terminal of so many columns.
  local function help_of(words, columns, is_full)
    local all = {}
    for i, word in ipairs(words) do
      all[i] = word
    end
    all[#all + 1] = "--help"
    local _, _, shown = parser.parse(commands, all, columns, is_full)
    return shown
  end

  it("has help texts that fit a screen of 24 lines and 80 columns, above the prompt", function()
    command_tree.each(function(_, words)
      local shown = help_of(words)
      for line in shown:gmatch("([^\n]*)\n") do
        assert.is_true(#line <= 80, line)
        assert.is_nil(line:find("[^ -~]"), line) -- also where the locale is ASCII
      end
      local _, count = shown:gsub("\n", "")
      assert.is_true(count <= 23, ("%d lines: %s"):format(count, table.concat(words, " ")))
    end)
  end)

  it(
    "names every option and command in each help text, and describes all in the full one",
    function()
      command_tree.each(function(entry, words)
        local shown, full = help_of(words), help_of(words, nil, true)
        for _, list in ipairs({ entry.options or {}, entry.commands or {}, entry.arguments or {} }) do
          for _, thing in ipairs(list) do
            local name = thing.name or thing[1]:match("%S+$")
            assert.is_truthy(shown:find(name, 1, true), name)
            local words_of_it = (thing.summary or thing[2]):gsub("%s+", " ")
            assert.is_truthy(full:gsub("%s+", " "):find(words_of_it, 1, true), words_of_it)
          end
        end
        local reference = #words == 0 and "help --full:" or "help --full"
        assert.is_truthy(shown == full or shown:find(reference, 1, true), shown)
      end)
    end
  )

  it("has help texts that fit a terminal of 40 columns", function()
    command_tree.each(function(_, words)
      for line in help_of(words, 40):gmatch("([^\n]*)\n") do
        assert.is_true(#line <= 40 or line:find("^ *%S+ ?\\?$") ~= nil, line)
      end
    end)
  end)

  it("names in each help text the options of every command", function()
    command_tree.each(function(entry, words)
      local shown = help_of(words)
      for _, option in ipairs(commands.options) do
        local name = option[1]:match("%S+$") .. (option.value and " " .. option.value or "")
        assert.is_truthy(shown:find(name, 1, true), name)
      end
      if entry == commands then
        assert.matches("\n  %-V, %-%-version +Show", shown)
      end
    end)
  end)

  it("has three examples in each help text, the same as in the manual page", function()
    local manual = read("doc/cli.md")
    command_tree.each(function(entry, words)
      local shown = help_of(words):gsub(" \\\n +", " ")
      local at = shown:find("\nExamples:\n", 1, true)
      assert.is_truthy(at, shown)
      assert.is_true(#entry.examples >= 3, shown)
      local full = help_of(words, nil, true):gsub(" \\\n +", " ")
      for i, example in ipairs(entry.examples) do
        local as_shown = "\n  " .. example[1]:gsub("\n", "\n  ")
        assert.is_truthy(i > 3 or shown:find(as_shown, at, true), as_shown)
        assert.is_truthy(full:find(as_shown, 1, true), as_shown)
        assert.is_truthy(full:find("# " .. example[2]:sub(1, 30), 1, true), example[2])
        assert.is_truthy(manual:find("\n" .. example[1] .. "\n", 1, true), example[1])
      end
    end)
  end)

  it("has for each command an example, which is a valid command", function()
    local count = 0
    command_tree.each(function(entry, path)
      assert.is_truthy(entry.commands or entry.examples, table.concat(path, " "))
      for _, example in ipairs(entry.examples or {}) do
        local line =
          example[1]:gsub('"%$%l+"', "x"):gsub("'[^']*'", "{}"):match('posthog%-llm [^|>&)"]*')
        local words = {}
        for word in line:gmatch("%S+") do
          words[#words + 1] = word
        end
        table.remove(words, 1)
        local _, found = parser.parse(commands, words)
        assert.is_function(found.run)
        count = count + 1
      end
    end)
    assert.is_true(count > 5)
  end)
end)

command.describe(busted, "the command posthog-llm", function()
  local t = command.session({ profile = "current" })
  local run, ends = t.run, t.ends
  t.hook(busted)

  local DATASETS = "/api/projects/:project_id/datasets/"
  local RECORDS = os.tmpname()

  --- How to come to each code that the manual lists.
  local CASES = {
    [0] = { "api", "GET", DATASETS },
    [1] = { "api", "POST", DATASETS, "--data", "[]" },
    [2] = { "api", "GET" },
    [3] = { "api", "POST", DATASETS, "--data", '{"name":"twice"}' },
    [4] = { "api", "GET", DATASETS .. "0192f3a4-6b1e-7c55-9d02-3f7be1c0a911/" },
    [5] = { "api", "GET", "/api/projects/314159/datasets/" },
    [6] = { "spend", "--budget", "1" },
    [7] = { "datasets", "diff", "twice", RECORDS, "--format", "jsonl" },
    [8] = { "api", "POST", "/api/projects/:project_id/dataset_items/", "--data", "{}" },
    [130] = { "emulator", "-q" },
  }
  local FULL = {
    status = 409,
    headers = { ["Content-Type"] = "application/json" },
    body = '{"code":"limit_reached","resource":"dataset_items","current_count":600,"limit":600}',
  }

  it("exits with every code that the manual lists", function()
    ends(0, CASES[3])
    t.e:fault({ match = { method = "POST", path = "dataset_items/$" }, action = FULL })
    local file = assert(io.open(RECORDS, "w"))
    file:write('{"input":1}\n')
    file:close()
    for _, row in ipairs(exits.LIST) do
      local code = row[1]
      local case = assert(CASES[code], code)
      if code == 130 then
        local result = command.run(case, {
          while_running = command.until_in("$out", "API_KEY") .. "kill -INT $pid",
        })
        assert.equal(code, result.code, result.err)
      else
        assert.equal(code, run(case).code, table.concat(case, " "))
      end
    end
    os.remove(RECORDS)
  end)

  it("lets the shells complete its words", function()
    for _, shell in ipairs({ "bash", "zsh", "fish" }) do
      local text = ends(0, { "completions", shell }).out
      local path = os.tmpname()
      local file = io.open(path, "w")
      file:write(text)
      file:close()
      if output_of("command -v " .. shell) ~= "" then
        assert.equal("0\n", output_of(shell .. " -n " .. path .. "; echo $?"), shell)
      end
      os.remove(path)
    end
    ends(2, { "completions", "tcsh" })
  end)

  it("shows the help of any command, and its version", function()
    local help = ends(0, { "help" })
    assert.equal("", help.err)
    assert.equal(ends(0, { "--help" }).out, help.out)
    local push = ends(0, { "skills", "push", "--help" }).out
    assert.equal(push, ends(0, { "help", "skills", "push" }).out)
    local full = ends(0, { "help", "--full", "spend" }).out
    assert.matches("\n  %-%-ascii +Draw with", full)
    assert.is_nil(ends(0, { "help", "spend" }).out:find("\n  %-%-ascii +Draw with"))
    assert.equal(ends(0, { "--version" }).out, ends(0, { "-V" }).out)
    local unknown = ends(2, { "help", "skils" })
    assert.matches("Did you mean 'skills'", unknown.err)
    assert.equal("", unknown.out)
  end)

  it("completes names of files in fish only where the command takes some", function()
    if output_of("command -v fish") == "" then
      pending("fish is not installed")
      return
    end
    local path = os.tmpname()
    local file = io.open(path, "w")
    file:write(
      ends(0, { "completions", "fish" }).out,
      [[
      cd (mktemp -d); touch "with space.html"; mkdir folder
      function try; complete -C $argv[1] | string replace -r '\t.*' '' | string join '|'; end
      try "posthog-llm spe"
      try "posthog-llm --project 5 spend --fo"
      try "posthog-llm spend --format m"
      try "posthog-llm spend --output with"
      echo names:
      try "posthog-llm skills show "
      try "posthog-llm skills show --version 5 "
      try "posthog-llm --project "
      try "posthog-llm datasets import "
      echo files:
      try "posthog-llm datasets import golden "
      try "posthog-llm skills pull pdf-forms "
      try "posthog-llm skills push one "
      rm -r $PWD
    ]]
    )
    file:close()
    local shown = output_of("fish " .. path .. " 2>&1")
    os.remove(path)
    assert.equal(
      "spend\n--format\nmarkdown\nwith space.html\nnames:\n"
        .. "files:\nfolder/|with space.html\nfolder/\nfolder/\n",
      (shown:gsub("\n\n+", "\n"))
    )
  end)

  it("completes its words in bash", function()
    local path = os.tmpname()
    local file = io.open(path, "w")
    file:write(
      ends(0, { "completions", "bash" }).out,
      [[
      try() {
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        _posthog-llm 2>&1
        printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' '|'
        echo
      }
      cd "$(mktemp -d)" && touch "with space.html" && mkdir folder
      try posthog-llm spe
      try posthog-llm --project 5 spend --fo
      try posthog-llm spend --format m
      try posthog-llm spend --output with
      try posthog-llm completions f
      echo names:
      try posthog-llm skills show ""
      try posthog-llm skills show --version 5 ""
      try posthog-llm --project ""
      try posthog-llm datasets import ""
      echo files:
      try posthog-llm datasets import golden ""
      try posthog-llm skills pull pdf-forms ""
      try posthog-llm skills push one ""
      rm -r "$PWD"
    ]]
    )
    file:close()
    local shown = output_of("bash " .. path)
    os.remove(path)
    assert.equal(
      "spend|\n--format|\nmarkdown|\nwith space.html|\nfish|\nnames:\n|\n|\n|\n|\n"
        .. "files:\nfolder|with space.html|\nfolder|\nfolder|\n",
      shown
    )
  end)
end)

describe("make install", function()
  if unable or os.getenv("SPEC_MODE") ~= "plain" then
    pending(unable or "installs what make all has built")
    return
  end

  local prefix
  setup(function()
    prefix = os.tmpname()
    os.remove(prefix)
    local lua_version = LUA:match("[%d.]+$") or LUA
    local said = output_of(
      (
        "${MAKE:-make} -s --no-print-directory install SETUP=: "
        .. "LUA_VERSION=%s PREFIX='%s' 2>&1"
      ):format(lua_version, prefix)
    )
    assert.equal("", (said:gsub("[^\n]*jobserver[^\n]*\n", "")))
  end)
  teardown(function()
    os.execute("rm -rf " .. prefix)
  end)

  --- Of the installed command, elsewhere, without the paths of this checkout.
  local function says(shell)
    return output_of(
      "cd / && unset LUA_PATH LUA_CPATH && PATH="
        .. prefix
        .. "/bin:$PATH && "
        .. "{ "
        .. shell
        .. "; } 2>&1"
    )
  end

  it("installs a command that runs from anywhere", function()
    assert.equal(LUA, read(prefix .. "/bin/posthog-llm"):match("^#!/usr/bin/env (%S+)\n"))
    assert.equal("posthog-llm " .. version .. "\n0\n", says("posthog-llm --version; echo $?"))
  end)

  it("installs a command that also runs through a symbolic link", function()
    local shown = says(
      'ln -s $(command -v posthog-llm) "'
        .. prefix
        .. "/it's a link\" && "
        .. "cd "
        .. prefix
        .. " && './it'\\''s a link' --version"
    )
    assert.equal("posthog-llm " .. version .. "\n", shown)
  end)

  it("installs the emulator of the command", function()
    local shown = says(
      "posthog-llm emulator -q >"
        .. prefix
        .. "/environment & "
        .. command.until_in(prefix .. "/environment", "API_KEY")
        .. ". "
        .. prefix
        .. "/environment; posthog-llm skills list; "
        .. "posthog-llm spend --format line; kill $!; wait $! || echo $?"
    )
    assert.equal(
      "NAME  VERSION  DESCRIPTION\n" .. "$1,843.21 in 30 days · claude-opus-4-8 83.9%\n143\n",
      shown
    )
  end)

  it("installs the man page and the completions", function()
    assert.equal(read("doc/posthog-llm.1"), read(prefix .. "/share/man/man1/posthog-llm.1"))
    for path, shell in pairs({
      ["bash-completion/completions/posthog-llm"] = "bash",
      ["zsh/site-functions/_posthog-llm"] = "zsh",
      ["fish/vendor_completions.d/posthog-llm.fish"] = "fish",
    }) do
      assert.equal(says("posthog-llm completions " .. shell), read(prefix .. "/share/" .. path))
    end
  end)
end)
