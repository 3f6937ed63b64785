--- bench/counts.txt: counts of instructions that a later run is compared with, in
--- sections, which end at an empty line and are told apart by their first words.

local HERE = debug.getinfo(1, "S").source:match("^@(.*)counts%.lua$") or "bench/"

local counts = { PATH = HERE .. "counts.txt" }

local REPORT_ABOVE, FAIL_ABOVE = 3, 10 -- % of growth

local function sections()
  local file = io.open(counts.PATH, "rb")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  local all = {}
  for section in (text .. "\n"):gmatch("(.-\n)\n+") do
    all[#all + 1] = section
  end
  return all
end

local function begins(section, title)
  return section:sub(1, #title) == title
end

--- @param title string what the section begins with
--- @return string section
function counts.read(title)
  for _, section in ipairs(sections()) do
    if begins(section, title) then
      return section
    end
  end
  error(("%s has no section %q: make bench-count writes it"):format(counts.PATH, title), 0)
end

--- Replaces the section with this title, and leaves the others as they are.
--- @param title string
--- @param lines string[] the first begins with the title
function counts.write(title, lines)
  local all, place = sections(), nil
  for i, section in ipairs(all) do
    place = begins(section, title) and i or place
  end
  all[place or #all + 1] = table.concat(lines, "\n") .. "\n"
  local file = assert(io.open(counts.PATH, "wb"))
  assert(file:write(table.concat(all, "\n")))
  file:close()
end

--- @param section string
--- @param versions string of what is here
--- @return boolean same whether the section has the counts of these versions; says so if not
function counts.comparable(section, versions)
  local kept = section:match("\n# (Lua [^\n]*)")
  if kept ~= versions then
    local words = "%s has the counts of\n  %s, which say nothing of\n  %s"
    print(words:format(counts.PATH, kept, versions))
  end
  return kept == versions
end

--- @param section string
--- @param name string of a case
--- @return number? first
--- @return number? last
function counts.of(section, name)
  local line = section:match("\n" .. name:gsub("%-", "%%-") .. " +([^\n]*)")
  if line then
    return tonumber(line:match("^%S+")), tonumber(line:match("%S+$"))
  end
end

--- @param value number
--- @return string
function counts.number(value)
  return (value < 1000 and "%.2f" or "%.0f"):format(value)
end

--- Says whether a count has grown.
--- @param name string
--- @param unit string
--- @param now number
--- @param kept? number
--- @return boolean whether it passes
function counts.compare(name, unit, now, kept)
  if not kept then
    print(("FAILED %s is not in %s: make bench-count"):format(name, counts.PATH))
    return false
  end
  local growth = (now / kept - 1) * 100
  local verdict = growth > FAIL_ABOVE and "FAILED" or growth > REPORT_ABOVE and "grew" or "ok"
  local words = "%-6s %-14s %9s a %s, kept %s (%+.1f %%)"
  print(words:format(verdict, name, counts.number(now), unit, counts.number(kept), growth))
  return verdict ~= "FAILED"
end

return counts
