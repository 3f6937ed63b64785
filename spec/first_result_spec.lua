-- README's way from nothing to the first answer: few commands, and they work. What it installs is
-- here already; the rest runs in a copy, as after a clone.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local folders = require("spec.support.folders")
local shell = require("spec.support.shell")

local README = folders.read(".", "README.md")

--- The commands of the first block of a section, each without its remark.
local function commands_of(title)
  local section = README:match("\n## " .. title .. "\n(.-)\n## ")
  local list = {}
  for line in section:match("\n\n(    .-)\n\n"):gsub("\\\n", ""):gmatch("[^\n]+") do
    for command in line:gsub("%s+#.*", ""):gsub(" && ", "\n"):gmatch("[^\n]+") do
      list[#list + 1] = command:match("^%s*(.-)%s*$")
    end
  end
  return list
end

describe("README", function()
  it("leads to the first result in five commands, on a bare system", function()
    local commands = commands_of("Try it")
    assert.same({
      "sudo apt-get update",
      "sudo apt-get install git make",
      "git clone <this repository> posthog-llm",
      "cd posthog-llm",
      "make demo",
    }, { table.unpack(commands, 1, 5) })
  end)

  it("is right about a fresh clone: make demo builds and shows results", function()
    local clone = folders.new() .. "/posthog-llm"
    local said, status = shell.run(
      (
        "mkdir -p '%s' && { git ls-files 2>/dev/null || find . -path"
        .. " ./build -prune -o -type f -print; } | tar -cf - -T - | tar -xf - -C '%s'"
      ):format(clone, clone)
    )
    assert.equal(0, status, said)
    said, status = shell.run(
      (
        "unset MAKEFLAGS MAKELEVEL LUA_VERSION BUILD NEEDS; %s make -C '%s'"
        .. " --no-print-directory demo SETUP=: CFLAGS=-O0"
      ):format(shell.WITHOUT_LUA_PATHS, clone)
    )
    folders.remove(clone:match("^(.*)/"))
    assert.equal(0, status, said)
    for _, answer in ipairs({
      "created pdf-forms, version 1",
      "created 230 items in golden answers",
      "published",
    }) do
      assert.truthy(said:find(answer, 1, true), said)
    end
  end)

  it("names every package of Debian's that building and the command take", function()
    local line = README:match("\n    (sudo apt%-get install gcc.-)\n\n")
    local needed = shell.run(
      ". tools/system.sh; system_packages debian 5.4 cc pkg-config lua5.4"
        .. " libcurl lua-program lfs"
    )
    local count = 0
    for entry in needed:gmatch("%S+") do
      count = count + 1
      local name = entry:match("^[^|]*"):gsub("%p", "%%%0")
      assert.truthy((line .. " "):find(" " .. name .. "[ \n]"), entry)
    end
    assert.equal(7, count)
  end)
end)
