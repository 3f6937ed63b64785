--- How the words of a command line are read.

local exits = require("posthog.llm.cli.exits")
local nearest = require("posthog.llm.cli.nearest")
local parser = require("posthog.llm.cli.parser")

local LUA = os.getenv("LUA")

--- Commands of which each form of a declaration is one.
local ROOT = {
  name = "tool",
  text = "A tool.",
  options = {
    { "--json", "JSON." },
    { "-q --quiet", "Quiet." },
    { "--host", "The host.", value = "HOST" },
  },
  commands = {
    {
      name = "fetch",
      summary = "fetch it",
      arguments = {
        { "first-name", "Whose." },
        { "to", "Where to.", optional = true },
      },
      options = {
        { "-y --yes", "Do not ask." },
        { "-n --max-count", "How many.", value = "N", convert = parser.convert.count },
        { "--from", "Since when.", value = "WHEN" },
        { "--format", "How.", value = "FORMAT", choices = { "text", "json" } },
        { "--field", "Which.", value = "NAME", many = true },
        { "--version", "Which one.", value = "V" },
      },
      run = function() end,
    },
    {
      name = "store",
      summary = "store files",
      commands = {
        {
          name = "add",
          summary = "add files",
          arguments = { { "file", "Files.", many = true }, { "to", "Where to." } },
          run = function() end,
        },
        {
          name = "list",
          summary = "list files",
          arguments = { { "dir", "Folders.", optional = true, many = true } },
          run = function() end,
        },
        {
          name = "pick",
          summary = "pick one",
          arguments = { { "which", "One.", choices = { "a", "b" } } },
          run = function() end,
        },
      },
    },
  },
}

--- @param text string words, separated by blanks
local function parse(text)
  local words = {}
  for word in text:gmatch("%S+") do
    words[#words + 1] = word
  end
  return parser.parse(ROOT, words)
end

describe("the parser of the command", function()
  for text, expected in pairs({
    ["fetch me"] = { first_name = "me" },
    ["fetch me here"] = { first_name = "me", to = "here" },
    ["--json fetch -q me --yes"] = { json = true, quiet = true, yes = true, first_name = "me" },
    ["fetch -yq me"] = { quiet = true, yes = true, first_name = "me" },
    ["fetch -n5 me"] = { max_count = 5, first_name = "me" },
    ["fetch -yn 5 me"] = { yes = true, max_count = 5, first_name = "me" },
    ["fetch --max-count=5 me --host="] = { max_count = 5, host = "", first_name = "me" },
    ["fetch --from -7d me"] = { from = "-7d", first_name = "me" },
    ["fetch --from - me -"] = { from = "-", first_name = "me", to = "-" },
    ["fetch --from=--x me"] = { from = "--x", first_name = "me" },
    ["fetch --format json me --version 2"] = {
      format = "json",
      version = "2",
      first_name = "me",
    },
    ["fetch --field a=b --field c me"] = { field = { "a=b", "c" }, first_name = "me" },
    ["fetch -- -me --json"] = { first_name = "-me", to = "--json" },
    ["fetch --json --json me"] = { json = true, first_name = "me" },
    ["store add a b"] = { file = { "a" }, to = "b" },
    ["store add a b c"] = { file = { "a", "b" }, to = "c" },
    ["store list"] = { dir = {} },
    ["store --host=h list a b"] = { host = "h", dir = { "a", "b" } },
    ["store pick b"] = { which = "b" },
  }) do
    it("reads " .. text, function()
      local args, command = parse(text)
      assert.same(expected, args)
      assert.is_function(command.run)
    end)
  end

  for text, expected in pairs({
    ["fech me"] = { "unknown command 'fech'\nDid you mean 'fetch'?", "tool" },
    ["list"] = { "unknown command 'list'\nDid you mean 'store list'?", "tool" },
    ["nothing"] = { "unknown command 'nothing'", "tool" },
    ["store ad"] = { "unknown command 'ad'\nDid you mean 'add'?", "tool store" },
    ["fech --help"] = { "unknown command 'fech'\nDid you mean 'fetch'?", "tool" },
    ["--json"] = { "a command is required", "tool" },
    ["store"] = { "a command is required", "tool store" },
    ["fetch"] = { "missing argument 'first-name'", "tool fetch" },
    ["fetch a b c d"] = { "too many arguments: 'c'", "tool fetch" },
    ["store add a"] = { "missing argument 'to'", "tool store add" },
    ["store pick c"] = { "which: invalid value 'c': must be one of a, b", "tool store pick" },
    ["fetch me --form x"] = { "unknown option '--form'\nDid you mean '--from'?", "tool fetch" },
    ["fetch me --qiet"] = { "unknown option '--qiet'\nDid you mean '--quiet'?", "tool fetch" },
    ["fetch me --zzzzzz=1"] = { "unknown option '--zzzzzz'", "tool fetch" },
    ["fetch me -x"] = { "unknown option '-x'", "tool fetch" },
    ["fetch me -yx"] = { "unknown option '-x'", "tool fetch" },
    ["fetch me -7d"] = { "unknown option '-7d'", "tool fetch" },
    ["store --yes list"] = { "unknown option '--yes'", "tool store" },
    ["fetch me --from"] = { "--from: a value is missing: --from WHEN", "tool fetch" },
    ["fetch me --from --yes"] = { "--from: a value is missing: --from WHEN", "tool fetch" },
    ["fetch me --yes=1"] = { "--yes takes no value", "tool fetch" },
    ["fetch me --from a --from b"] = { "--from is given twice", "tool fetch" },
    ["fetch me -n x"] = {
      "--max-count: invalid number 'x': a whole number above 0",
      "tool fetch",
    },
    ["fetch me --max-count -1"] = {
      "--max-count: invalid number '-1': a whole number above 0",
      "tool fetch",
    },
    ["fetch me --format yaml"] = {
      "--format: invalid value 'yaml': must be one of text, json",
      "tool fetch",
    },
  }) do
    it("refuses " .. text, function()
      local ok, err = pcall(parse, text)
      assert.is_false(ok)
      assert.is_true(exits.is_usage(err))
      assert.same(expected, { err.message, err.command })
    end)
  end

  it("shows the help of the command that the words name, also behind a mistake", function()
    for text, path in pairs({
      [""] = "tool",
      ["-h"] = "tool",
      ["fetch --help"] = "tool fetch",
      ["fetch a b c -h"] = "tool fetch",
      ["store --nope --help"] = "tool store",
      ["store add --from -h"] = "tool store add",
    }) do
      local args, command, shown = parse(text)
      assert.is_nil(args)
      assert.is_nil(command)
      assert.equal("Usage: " .. path .. " ", shown:sub(1, #path + 8))
    end
    for _, text in ipairs({ "-V", "--version", "fetch -V", "store --version" }) do
      local _, _, shown = parse(text)
      assert.equal(require("posthog.llm")._VERSION .. "\n", shown)
    end
  end)

  it("finds the name that was meant, and none where nothing is near", function()
    local names = { "pull", "push", "status", "rename-file", "list", "lint" }
    for word, expected in pairs({
      pul = "pull",
      plul = "pull",
      stats = "status",
      rename = "rename-file",
      ["rename_file"] = "rename-file",
      lst = "list",
      x = false,
      delete = false,
      [""] = false,
    }) do
      assert.equal(expected, nearest.of(word, names) or false, word)
    end
  end)
end)

describe("the start of the command", function()
  --- The modules of ours that a run has loaded.
  local function loaded(words)
    local report = "local exit = os.exit; os.exit = function(...) "
      .. "for name in pairs(package.loaded) do io.stderr:write(name, ' ') end; exit(...) end"
    local pipe =
      io.popen(("%s -e %q bin/posthog-llm %s 2>&1 >/dev/null"):format(LUA, report, words))
    local list = {}
    for name in pipe:read("*a"):gmatch("posthog%.llm%.(%S+)") do
      list[name] = true
    end
    pipe:close()
    assert.is_true(list["cli.parser"])
    return list
  end

  it("loads the part of a group alone that a command needs", function()
    local list = loaded("datasets list --limit 0")
    for _, name in ipairs({ "cli.datasets.files", "cli.datasets.sync", "cli.items", "client" }) do
      assert.is_nil(list[name], name)
    end
    assert.is_true(list["cli.datasets"])
    assert.is_nil(loaded("items list --limit 0")["cli.items.edit"])
  end)

  it("loads no module that the command does not need", function()
    local version = loaded("--version")
    for _, name in ipairs({ "client", "json", "cli.skills", "cli.context", "cli.help_text" }) do
      assert.is_nil(version[name], name)
    end
    local offline = loaded("skills status --offline spec")
    assert.is_true(offline["skill_folder.status"])
    for _, name in ipairs({
      "client",
      "credentials",
      "cli.datasets",
      "cli.help_text",
      "cli.progress",
      "http.url",
      "skill_folder.push",
      "skill_folder.pull",
      "skill_folder.merge",
      "util.unicode_data",
    }) do
      assert.is_nil(offline[name], name)
    end
  end)
end)
