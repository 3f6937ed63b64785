--- Folders as people make them, each through a push, the change of somebody else, a pull and a
--- push: whatever the user wrote has to be there in the end, and a second push has to find nothing
--- to do. Run by spec/skill_folder_generated_spec.lua for a few of them, and by hand for many:
---
---   tools/lua 5.4 spec/skill_folder/generated.lua [--count=1000] [--seed=1]
---
--- The last line is "N passed, N failed".

local lfs = require("lfs")

local folders = require("spec.support.folders")
local shell = require("spec.support.shell")

local generated = {}

--- A generator of numbers that is the same on every Lua.
local function generator(seed)
  local state = seed % 2147483646 + 1
  local function random(n)
    state = (state * 16807) % 2147483647
    return state % n + 1
  end
  return random
end

local function one_of(random, list)
  return list[random(#list)]
end

local TEXTS = {
  "Fills in forms.",
  "Rédige des réponses, vite.",
  "書類を整理します",
  'Use when asked for a \\"report\\"',
  "Numbers: 1.10, 0x1f and 1e3",
  "🦔 keeps things small",
}

--- Keys that the API does not know; they belong to the user, and stay in the file.
local UNKNOWN = {
  'x-owner: "Team A"',
  "x-tags: [a, b, 1.10]",
  "x-list:\n  - one # first\n  - two",
  "x-map:\n  deep:\n    deeper: yes\n  # inside\n  other: ~",
  "model: opus",
}

local METADATA = {
  "metadata:\n  # who\n  author: someone\n  nested:\n    level: 2\n    list: [1, 2.5, x]\n",
  'metadata: { version: "1.10", audience: all } # one line\n',
  'metadata:\n  "quoted key": it\'s\n  number: 12345678901234567890\n',
}

local DESCRIPTIONS = {
  function(text)
    return "description: " .. '"' .. text:gsub('\\"', '\\"') .. '"\n'
  end,
  function(text)
    return "description: >-\n  " .. text:gsub("\\", "") .. "\n  A second line of it.\n"
  end,
  function(text)
    return "description: |\n  " .. text:gsub("\\", "") .. "\n  A second line of it.\n"
  end,
}

local TOOLS = {
  "allowed-tools: Read, Write # both\n",
  "allowed-tools: [Read, Grep]\n",
  "allowed-tools:\n  - Read\n  # not Write\n  - Grep\n",
}

--- A front matter in the manner of people.
local function front_matter(random, name)
  local parts = {}
  local function maybe(chance, text)
    if random(100) <= chance then
      parts[#parts + 1] = text
    end
  end
  maybe(40, "# kept by hand\n")
  parts[#parts + 1] = "name: " .. name .. (random(3) == 1 and " # its name\n" or "\n")
  maybe(30, "\n")
  parts[#parts + 1] = one_of(random, DESCRIPTIONS)(one_of(random, TEXTS))
  maybe(40, "# about the licence\nlicense: MIT # see LICENSE\n")
  maybe(30, "compatibility: needs python 3\n")
  maybe(50, one_of(random, TOOLS))
  maybe(50, one_of(random, UNKNOWN) .. "\n")
  maybe(50, one_of(random, METADATA))
  maybe(30, one_of(random, UNKNOWN):gsub("^x%-", "y-"):gsub("^model", "other-model") .. "\n")
  maybe(30, "# the end of it\n")
  return table.concat(parts)
end

local PATHS = {
  "references/guide.md",
  "references/été.md",
  "scripts/run.sh",
  "資料/一.md",
  "assets/a b.txt",
  "data.json",
}

--- @return table folder { skill, files, crlf, bom, executable } texts with LF
local function make(random, name)
  local body = {}
  for i = 1, 6 + random(6) do
    body[i] = ("%s, line %d.\n"):format(one_of(random, { "Read", "Écris", "読む", "- item" }), i)
  end
  local made = {
    skill = ("---\n%s---\n%s%s"):format(
      front_matter(random, name),
      random(2) == 1 and "\n" or "",
      table.concat(body)
    ),
    files = {},
    crlf = random(4) == 1,
    bom = random(6) == 1,
  }
  for _, path in ipairs(PATHS) do
    if random(2) == 1 then
      made.files[path] = ("first of %s\nsecond\nthird\nfourth\nfifth\n"):format(path)
    end
  end
  made.files["scripts/run.sh"] = "#!/bin/sh\necho one\necho two\necho three\n"
  return made
end

local function on_disk(made, text, is_skill)
  text = made.crlf and text:gsub("\n", "\r\n") or text
  return is_skill and made.bom and "\239\187\191" .. text or text
end

local function write(dir, made)
  folders.write(dir, "SKILL.md", on_disk(made, made.skill, true))
  for path, text in pairs(made.files) do
    folders.write(dir, path, on_disk(made, text))
  end
  shell.run(("chmod 755 '%s/scripts/run.sh'"):format(dir))
end

--- The lines of a front matter that are the user's own: comments and keys that the API does not
--- know, with what belongs to them.
local function own_lines(skill)
  local head, lines, is_own = skill:match("^%-%-%-\n(.-)\n%-%-%-\n"), {}, false
  for line in (head .. "\n"):gmatch("([^\n]*)\n") do
    if line:find('^[%w"]') then
      is_own = line:find("^[xy]%-") ~= nil or line:find("^%l*%-?model:") ~= nil
    end
    if is_own or line:find("#", 1, true) then
      lines[#lines + 1] = line
    end
  end
  return lines
end

--- Fails with what was to hold.
local function check(condition, words, ...)
  if not condition then
    error(words:format(...), 0)
  end
end

local function checked(words, value, err)
  check(value, "%s: %s", words, tostring(err))
  return value
end

local function read_plain(dir, path)
  local text = folders.read(dir, path)
  check(text, "%s is gone", path)
  return (text:gsub("^\239\187\191", ""):gsub("\r\n", "\n"))
end

--- What the user has written is there, in the style in which it was written.
local function check_kept(dir, made, words)
  local text = folders.read(dir, "SKILL.md")
  local plain = read_plain(dir, "SKILL.md")
  for _, line in ipairs(own_lines(made.skill)) do
    check(
      ("\n" .. plain):find("\n" .. line .. "\n", 1, true),
      "%s: the line is gone: %s",
      words,
      line
    )
  end
  check((text:sub(1, 3) == "\239\187\191") == made.bom, "%s: the byte order mark", words)
  local _, all = text:gsub("\n", "")
  local _, returns = text:gsub("\r\n", "")
  check(returns == (made.crlf and all or 0), "%s: %d of %d lines end in CRLF", words, returns, all)
  local mode = lfs.attributes(dir .. "/scripts/run.sh", "permissions")
  check(mode == "rwxr-xr-x", "%s: the mode of the script is %s", words, mode)
end

local function trim(text)
  return text:match("^%s*(.-)%s*$")
end

--- The change of somebody else, in a folder of their own.
local function change_there(skill_folder, client, name, there)
  checked("their pull", skill_folder.pull(client, name, there))
  local text = read_plain(there, "SKILL.md")
  folders.write(there, "SKILL.md", trim(text) .. "\nTheirs, at the end.\n")
  local script = read_plain(there, "scripts/run.sh")
  folders.write(there, "scripts/run.sh", script:gsub("echo three", "echo THREE"))
  folders.write(there, "references/theirs.md", "A file of theirs.\n")
  checked("their push", skill_folder.push(client, there))
end

--- A change here, of other lines.
local function change_here(dir, made)
  made.skill = made.skill:gsub("line 1%.", "line 1, changed here.")
  made.files["scripts/run.sh"] = made.files["scripts/run.sh"]:gsub("echo one", "echo ONE")
  folders.write(dir, "SKILL.md", on_disk(made, made.skill, true))
  folders.write(dir, "scripts/run.sh", on_disk(made, made.files["scripts/run.sh"]))
end

--- A checkout of the folder as git makes it with core.autocrlf.
local function check_autocrlf(skill_folder, client, root, dir, name)
  local clone = root .. "/clone"
  local output, status = shell.run(
    (
      "cd '%s' && git init -q . && git -c core.autocrlf=false add -A && "
      .. "git -c user.name=a -c user.email=a@example.net commit -qm all && "
      .. "git -c core.autocrlf=true clone -q . '%s/%s' && rm -rf .git"
    ):format(dir, clone, name)
  )
  check(status == 0, "git: %s", output)
  local folder = clone .. "/" .. name
  for _, file in ipairs(checked("status of the clone", skill_folder.status(client, folder))) do
    check(
      file.state == "same" or file.state == "unchanged",
      "the clone: %s is %s",
      file.path,
      file.state
    )
  end
  local pushed = checked("push of the clone", skill_folder.push(client, folder))
  check(pushed.action == "unchanged", "the clone was %s", pushed.action)
end

--- One folder through it all. Raises what did not hold.
function generated.run_one(client, name, random)
  local skill_folder = require("posthog.llm.skill_folder")
  local root = folders.new()
  local dir, there = root .. "/here/" .. name, root .. "/there/" .. name
  local ran, err = pcall(function()
    local made = make(random, name)
    write(dir, made)
    local pushed = checked("push", skill_folder.push(client, dir))
    check(pushed.action == "created", "the first push: %s", pushed.action)
    check_kept(dir, made, "after the first push")
    check(read_plain(dir, "SKILL.md") == made.skill, "the first push has changed SKILL.md")
    change_there(skill_folder, client, name, there)
    change_here(dir, made)
    checked("pull", skill_folder.pull(client, name, dir))
    check_kept(dir, made, "after the pull")
    local text = read_plain(dir, "SKILL.md")
    check(text:find("line 1, changed here.", 1, true), "the change here is gone")
    check(text:find("Theirs, at the end.", 1, true), "their change is not there")
    local script = "#!/bin/sh\necho ONE\necho two\necho THREE\n"
    check(read_plain(dir, "scripts/run.sh") == script, "the script is not merged")
    check(trim(read_plain(dir, "references/theirs.md")) == "A file of theirs.", "their file")
    pushed = checked("second push", skill_folder.push(client, dir))
    check(pushed.action == "published", "the second push: %s", pushed.action)
    pushed = checked("third push", skill_folder.push(client, dir))
    check(pushed.action == "unchanged", "the third push: %s", pushed.action)
    check_kept(dir, made, "at the end")
    check(read_plain(dir, "SKILL.md") == text, "a push has changed SKILL.md")
    local skill = checked("get", client.skills:get(name))
    check(not skill.body:find("\r", 1, true), "the server has CR")
    check(skill.body == trim(text:match("^%-%-%-\n.-\n%-%-%-\n(.*)$")), "the server's body")
    local content = checked("file", client.skills:file(name, "scripts/run.sh")).content
    check(content == trim(script), "the server's script")
    if random(5) == 1 then
      check_autocrlf(skill_folder, client, root, dir, name)
    end
  end)
  folders.remove(root)
  if not ran then
    error(err, 0)
  end
end

--- @param client posthog.llm.Client
--- @param count integer
--- @param seed integer
--- @param tell? fun(done: integer)
--- @return string[] failures
function generated.run(client, count, seed, tell)
  local failures = {}
  for i = 1, count do
    local ran, err =
      pcall(generated.run_one, client, ("made-%d-%d"):format(seed, i), generator(seed * 10007 + i))
    if not ran then
      failures[#failures + 1] = ("folder %d of seed %d: %s"):format(i, seed, tostring(err))
    end
    if tell then
      tell(i)
    end
  end
  return failures
end

if arg and arg[0] and arg[0]:find("skill_folder/generated%.lua$") then
  local settings = { count = 1000, seed = os.time() % 100000 }
  for _, word in ipairs(arg) do
    local name, value = word:match("^%-%-(%l+)=(%d+)$")
    if not name or not settings[name] then
      io.stderr:write("unknown option ", word, "\n")
      os.exit(2)
    end
    settings[name] = tonumber(value)
  end
  local passed, failed = 0, 0
  for _, profile in ipairs({ "reference", "current" }) do
    local e = require("spec.emulator").start({ profile = profile })
    e:settings({ log = false })
    local client = require("posthog.llm").new({
      host = e.url,
      personal_api_key = "phx_emulator_all",
      project_id = 112358,
    })
    local failures = generated.run(client, settings.count, settings.seed, function(done)
      io.stderr:write(("\r%s: %d of %d"):format(profile, done, settings.count))
    end)
    io.stderr:write("\n")
    e:stop()
    for _, failure in ipairs(failures) do
      print(profile .. ": " .. failure)
    end
    failed = failed + #failures
    passed = passed + settings.count - #failures
  end
  print(("%d passed, %d failed"):format(passed, failed))
  os.exit(failed == 0)
end

return generated
