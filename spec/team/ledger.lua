--- What people have written, line by line, and where each line is now: in the store's history, in a
--- folder, or taken away by its author. Each line has a mark that no other has.

local folders = require("spec.support.folders")

local ledger = {}
ledger.__index = ledger

local MARK = "%[(%a+) (%d+)%]"

--- @param client posthog.llm.Client
function ledger.new(client)
  return setmetatable({
    client = client,
    count = 0,
    written = {}, -- by mark: the author
    taken_away = {}, -- by mark, by the author
    in_history = {}, -- by mark; what was there once stays in the count, archived or not
    read = {}, -- ids of versions
  }, ledger)
end

--- A new line of somebody.
function ledger:line(author)
  self.count = self.count + 1
  local mark = ("[%s %d]"):format(author, self.count)
  self.written[mark] = author
  return mark .. " wrote this"
end

local function each_mark(text, f)
  for author, number in text:gmatch(MARK) do
    f(("[%s %s]"):format(author, number))
  end
end

--- Somebody deletes a text: what is by others has to be in the history all the same.
function ledger:take_away(author, text)
  each_mark(text, function(mark)
    if self.written[mark] == author then
      self.taken_away[mark] = true
    end
  end)
end

function ledger:keep(text)
  each_mark(text, function(mark)
    self.in_history[mark] = true
  end)
end

--- Reads all versions of a skill.
function ledger:remember(name)
  local skills = self.client.skills
  for version in skills:versions(name) do
    if not self.read[version.id] then
      local skill = assert(skills:get(name, { version = version.version }))
      self:keep(skill.body)
      for _, file in ipairs(skill.files) do
        local options = { version = version.version }
        self:keep(assert(skills:file(name, file.path, options)).content)
      end
      self.read[version.id] = true
    end
  end
end

--- Lines that are nowhere.
--- @param roots string[]
--- @return string[]
function ledger:lost(roots)
  for skill in self.client.skills:each() do
    self:remember(skill.name)
  end
  local here = {}
  for _, root in ipairs(roots) do
    for path, text in pairs(folders.tree(root)) do
      if not path:find(".posthog-skill.tmp", 1, true) then
        each_mark(text, function(mark)
          here[mark] = true
        end)
      end
    end
  end
  local lost = {}
  for mark in pairs(self.written) do
    if not (here[mark] or self.in_history[mark] or self.taken_away[mark]) then
      lost[#lost + 1] = mark
    end
  end
  table.sort(lost)
  return lost
end

return ledger
