--- The code blocks of a page of Markdown, in their order, each with the language that it is in
--- and what its mark says. A mark is an invisible comment in front of the block:
---
---   <!-- pasted: in nvim -->       the host that it needs: nvim, nginx or luv
---   <!-- pasted: on API v2 -->     a server of API v1 does not have it: the page is run on both
---   <!-- pasted: with NAME -->     spec/pasted/fixtures/NAME.sh makes what has to be there
---   <!-- pasted: by make NAME -->  it builds, installs or tests: that target of the Makefile does
---                                  the same, or is it
---   <!-- pasted: by spec/NAME -->  it asks PostHog itself: that spec has it ask the emulator;
---                                  or several, with commas
---   <!-- pasted: by tools/NAME --> that program, a part of `make matrix`, takes it from the page
---
--- Several go into one, with a semicolon between them. A block without a language behind one that
--- runs is what that one prints; with lines that begin with "$ " it is a session of a shell. One in
--- the language "text" is nothing that anybody could run.

local page = {}

--- @class spec.pasted.Block
--- @field page string path of the page
--- @field line integer of its first line of code
--- @field kind "lua"|"sh"|"console"|"nginx"|"vim"|"output"|"text"
--- @field text string
--- @field host? "nvim"|"nginx"|"luv"
--- @field version? "current" only servers of API v2 have what it calls
--- @field with? string a fixture
--- @field by? string the target that runs it
--- @field shows? spec.pasted.Block what it prints

local KINDS = { lua = "lua", sh = "sh", nginx = "nginx", vim = "vim", text = "text" }
local HOSTS = { nvim = true, nginx = true, luv = true }

--- What a line of a block may begin with that another target runs.
local BUILDS = {
  "^make%f[%s%z]",
  "^sudo make%f[%s%z]",
  "^sudo apt%-get ",
  "^apt%-get ",
  "^luarocks ",
  "^git %l+ ",
  "^bash %.ci/run$",
  "^tools/fuzz ",
  "^tools/needs ",
  "^[A-Z_]+=%S+ make%f[%s%z]",
  '^[A-Z_]+="[^"]*" make%f[%s%z]',
}

local function fail(block, text, ...)
  error(("%s:%d: %s"):format(block.page, block.line, text:format(...)), 0)
end

local function read_mark(block, mark)
  for part in (mark or ""):gmatch("[^;]+") do
    local word, rest = part:match("^%s*(%l+) (.-)%s*$")
    if word == "in" and HOSTS[rest] then
      block.host = rest
    elseif word == "with" then
      block.with = rest
    elseif word == "on" and rest == "API v2" then
      block.version = "current"
    elseif
      word == "by" and (rest:find("^make %l") or rest:find("^spec/%S") or rest:find("^tools/%S"))
    then
      block.by = rest
    else
      fail(block, "the mark '%s' is not known", part)
    end
  end
end

local function kind_of(block, language)
  if language == "" then
    return ("\n" .. block.text):find("\n%$ ") and "console" or "output"
  end
  return KINDS[language] or fail(block, "nobody can run the language '%s'", language)
end

local function read(path)
  local file = io.open((path:gsub(",$", "")))
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text
end

--- The lines of a block that builds are commands that do, of targets that there are.
local function check_builds(block)
  local makefile = read("Makefile")
  local text = block.text:gsub("\\\n%s*", "")
  for line in text:gmatch("[^\n]+") do
    for command in (line:gsub("%s*#.*$", "") .. " && "):gmatch("%s*(.-) && ") do
      local builds = command == "" or command:find("^cd ") ~= nil
      for _, pattern in ipairs(BUILDS) do
        builds = builds or command:find(pattern) ~= nil
      end
      if not builds then
        fail(block, "'%s' neither builds nor installs: let it run", command)
      end
      local words = command:match("^make%f[%s%z](.*)$")
        or command:match("^[A-Z_]+=%S+ make(.*)$")
        or command:match("^sudo make(.*)$")
      if words then
        for word in words:gsub('"[^"]*"', ""):gmatch("%S+") do
          if not word:find("=") and not makefile:find("\n" .. word:gsub("%-", "%%-") .. ":", 1) then
            fail(block, "'%s': there is no target '%s'", line, word)
          end
        end
      end
    end
  end
end

--- A spec that runs what a block shows has its commands in it.
local function check_spec(block)
  local text = block.by:gsub("[^ ,]+,?", read)
  for command in block.text:gmatch("posthog%-llm (%l+)") do
    if not text:find('"' .. command .. '"', 1, true) then
      fail(block, "%s does not run '%s'", block.by, command)
    end
  end
end

--- A program of make matrix that runs what a block shows reads the page.
local function check_tool(block)
  if not read(block.by):find(block.page, 1, true) then
    fail(block, "%s takes nothing from this page", block.by)
  elseif not read("tools/matrix"):find(block.by, 1, true) then
    fail(block, "make matrix does not run %s", block.by)
  end
end

local CHECKS = { make = check_builds, spec = check_spec, tools = check_tool }

local RUNS = { lua = true, sh = true, vim = true }

--- Blocks that make no sense. What a block shows belongs to the one in front of it.
local function check(block, before)
  if block.kind == "output" then
    if not before or not RUNS[before.kind] or before.shows then
      fail(block, "no block stands in front of it that could print it")
    end
    before.shows = block
  elseif block.by then
    CHECKS[block.by:match("^%l+")](block)
  elseif block.kind == "sh" and ("\n" .. block.text):find("\nmake%f[%s]") then
    fail(
      block,
      "what builds needs a mark in front of it, such as <!-- pasted: by make all -->, "
        .. "and # before remarks"
    )
  elseif block.kind == "text" and ("\n" .. block.text):find("\n%$ ") then
    fail(block, "a session of a shell is not 'text'")
  elseif block.kind == "nginx" and block.host ~= "nginx" then
    fail(block, "a block of nginx needs the mark 'in nginx'")
  end
end

--- @param path string
--- @return spec.pasted.Block[]
function page.blocks(path)
  local blocks, mark = {}, nil
  local open -- the block whose lines these are
  local number, was_blank, in_list = 0, true, false

  local function begin(language, line)
    open = { page = path, line = line, lines = {}, language = language, mark = mark }
    mark = nil
  end

  local function finish()
    open.text = table.concat(open.lines, "\n") .. "\n"
    read_mark(open, open.mark)
    open.kind = kind_of(open, open.language)
    check(open, blocks[#blocks])
    blocks[#blocks + 1] = open
    open = nil
  end

  for line in io.lines(path) do
    number = number + 1
    if open and open.fence then
      if line:find("^%s*```%s*$") then
        finish()
      else
        open.lines[#open.lines + 1] = line:gsub("^" .. open.fence, "")
      end
    elseif line:find("^%s*```") then
      local indent, language = line:match("^(%s*)```(%S*)")
      begin(language, number + 1)
      open.fence = indent
    elseif open and (line:find("^    ") or line == "") then
      open.lines[#open.lines + 1] = line:sub(5)
    else
      if open then -- an indented block, with the empty line behind it
        while open.lines[#open.lines] == "" do
          table.remove(open.lines)
        end
        finish()
      end
      if line:find("^    %S") and was_blank and not in_list then
        begin("sh", number)
        open.lines[1] = line:sub(5)
      elseif line:find("^%s*<!%-%- pasted: ") then
        mark = line:match("^%s*<!%-%- pasted: (.-) %-%->$")
      elseif line:find("%S") then
        if mark then
          error(("%s:%d: a mark without a block behind it"):format(path, number), 0)
        end
        in_list = line:find("^%s*[-*] ") ~= nil or (in_list and line:find("^  ") ~= nil)
      end
    end
    was_blank = line == ""
  end
  if open then
    finish()
  end
  return blocks
end

return page
