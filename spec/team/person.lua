--- Somebody with a root of skills, who edits, pulls and pushes. Whatever a call refuses has to be
--- told in a way that says what to do, and this person does it.

local command = require("spec.support.command")
local folders = require("spec.support.folders")
local lfs = require("lfs")
local skill_folder = require("posthog.llm.skill_folder")

local person = {}
person.__index = person

local FILES = { "a.md", "b.md", "c/d.md" }

--- @param team table with chance, ledger, client, e
function person.new(team, name)
  local self = { team = team, name = name, root = folders.new(), aside = 0, told = 0 }
  return setmetatable(self, person)
end

--- The folders with a SKILL.md, in order.
function person:dirs()
  local list = {}
  for name in lfs.dir(self.root) do
    local dir = self.root .. "/" .. name
    if name:sub(1, 1) ~= "." and lfs.attributes(dir .. "/SKILL.md", "mode") == "file" then
      list[#list + 1] = dir
    end
  end
  table.sort(list)
  return list
end

local function lines_of(text)
  local lines = {}
  for line in (text:gsub("\n*$", "\n")):gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

local function is_marker(line)
  return line:find("^<<<<<<<") or line:find("^=======$") or line:find("^>>>>>>>")
end

--- Where the body begins.
local function first_line(lines)
  if lines[1] ~= "---" then
    return 1
  end
  for i = 2, #lines do
    if lines[i] == "---" then
      return i + 1
    end
  end
end

function person:new_skill(name)
  local line = self.team.ledger:line(self.name)
  local text = "---\nname: %s\ndescription: For tests.\n---\n\n# Title\n\n%s\n"
  folders.write(self.root, name .. "/SKILL.md", text:format(name, line))
end

--- Inserts, replaces or deletes a line somewhere.
function person:edit(dir)
  local chance, ledger = self.team.chance, self.team.ledger
  local path = chance:falls(0.3) and "SKILL.md" or chance:of(FILES)
  local lines = lines_of(folders.read(dir, path) or "")
  local first = first_line(lines)
  local at = first + chance:below(#lines - first + 2)
  local old = lines[at]
  local what = chance:below(10)
  if what < 6 or not old or is_marker(old) or at == first then
    table.insert(lines, at, ledger:line(self.name))
  else
    ledger:take_away(self.name, old)
    if what < 9 then
      lines[at] = ledger:line(self.name)
    else
      table.remove(lines, at)
    end
  end
  if #table.concat(lines) == 0 then
    lines[1] = ledger:line(self.name)
  end
  folders.write(dir, path, table.concat(lines, "\n") .. "\n")
end

function person:delete_file(dir)
  local path = self.team.chance:of(FILES)
  local text = folders.read(dir, path)
  if text then
    self.team.ledger:take_away(self.name, text)
    os.remove(dir .. "/" .. path)
  end
end

--- Takes the markers of conflicts away, and keeps the lines of both sides.
function person:resolve(dir)
  for path, text in pairs(folders.tree(dir)) do
    if path:find("%.md$") and text:find("<<<<<<<", 1, true) then
      local kept = {}
      for _, line in ipairs(lines_of(text)) do
        kept[#kept + 1] = not is_marker(line) and line or nil
      end
      folders.write(dir, path, table.concat(kept, "\n") .. "\n")
    end
  end
end

--- Paths of a folder's files that have markers.
local function marked_in(dir)
  local list = {}
  for path, text in pairs(folders.tree(dir)) do
    if path:find("%.md$") and text:find("<<<<<<<", 1, true) then
      list[#list + 1] = path
    end
  end
  return list
end

--- The same of all folders.
function person:marked()
  local list = {}
  for _, dir in ipairs(self:dirs()) do
    for _, path in ipairs(marked_in(dir)) do
      list[dir .. "/" .. path] = dir
    end
  end
  return list
end

--- Every marker is in a file that the status names. That comes first, as it leads back what a
--- command that was killed has begun to write.
function person:check_told()
  for _, dir in ipairs(self:dirs()) do
    local list, err = skill_folder.status(nil, dir)
    local named = {}
    for _, finding in ipairs(list and list.unresolved or {}) do
      named[finding.path] = true
    end
    for _, path in ipairs(marked_in(dir)) do
      local words = ("not told: the conflict in %s/%s: %s"):format(dir, path, tostring(err))
      assert(named[path], words)
    end
  end
end

--- Puts a folder away, as somebody does who wants to look at it later.
function person:put_aside(dir)
  self.aside = self.aside + 1
  lfs.mkdir(self.root .. "/.aside")
  assert(os.rename(dir, ("%s/.aside/%d"):format(self.root, self.aside)))
end

--- Does what an error says.
function person:follow(dir, err)
  self.told = self.told + 1
  local text = tostring(err)
  if err.conflicts or text:find("not resolved", 1, true) then
    self:resolve(dir)
  elseif err.option == "force" and text:find("is not there", 1, true) then
    if self.team.chance:falls(0.5) then
      local pushed, why = skill_folder.push(self.team.client, dir, { force = true })
      assert(pushed or why.kind == "conflict" or why.conflicts or why.problems, tostring(why))
    else
      self:put_aside(dir)
    end
  elseif err.option == "force" then
    self:put_aside(dir)
  elseif err.kind == "invalid" and text:find("marker", 1, true) then
    self:resolve(dir)
  elseif err.kind == "invalid" and text:find("no text after the front matter", 1, true) then
    local skill_md = folders.read(dir, "SKILL.md")
    folders.write(dir, "SKILL.md", skill_md .. self.team.ledger:line(self.name) .. "\n")
  else
    error(self.name .. ": " .. dir .. ": " .. text, 0)
  end
end

--- Every file that has markers now, and had none, was told.
local function check_new_markers(self, before, places)
  local named = {}
  for _, place in ipairs(places) do
    for _, conflict in ipairs(place.err.conflicts or {}) do
      named[place.dir .. "/" .. conflict.path] = true
    end
  end
  for full in pairs(self:marked()) do
    assert(before[full] or named[full], "a conflict came without a word: " .. full)
  end
end

function person:pull_all(prune)
  local before = self:marked()
  local options = { prune = prune, yes = prune }
  local result = assert(skill_folder.pull_all(self.team.client, self.root, options))
  check_new_markers(self, before, result.failed)
  return result.failed
end

function person:push_all()
  local before, failed = self:marked(), {}
  for _, row in ipairs(assert(skill_folder.push_all(self.team.client, self.root))) do
    failed[#failed + 1] = row.err and row or nil
  end
  check_new_markers(self, before, failed)
  return failed
end

function person:push_one(dir)
  local before = self:marked()
  local pushed, err = skill_folder.push(self.team.client, dir)
  local failed = pushed and {} or { { dir = dir, err = err } }
  check_new_markers(self, before, failed)
  return failed
end

--- Runs the command, and kills it on its way.
function person:be_killed(what)
  local team = self.team
  local out = os.tmpname()
  local line = command.line({ "skills", what, "--all", self.root }, team.here)
  local words = "POSTHOG_HOST='%s' POSTHOG_PROJECT_ID=112358 POSTHOG_PERSONAL_API_KEY=%s "
    .. "timeout --foreground -s KILL %.3f %s >%s 2>&1" -- ends when the process is gone, with its lock
  local seconds = 0.03 + team.chance:below(250) / 1000
  os.execute("{ " .. words:format(team.e.url, command.KEY, seconds, line, out) .. "; } 2>/dev/null")
  local text = folders.read("", out)
  os.remove(out)
  assert(not text:find("this is a bug", 1, true), text)
end

return person
