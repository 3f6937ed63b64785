--- What a language server and a reader are told of functions has to be true.

local annotations = require("tools.reference.annotations")

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  return lines
end

local function files(command)
  local found = {}
  local list = assert(io.popen(command .. " | LC_ALL=C sort"))
  for path in list:lines() do
    found[#found + 1] = path
  end
  list:close()
  return found
end

--- The functions of a module's table or class, each with the comment above it.
local function functions_of(path)
  local found = {}
  for _, declaration in ipairs(annotations.read(path).declarations) do
    if declaration.kind == "function" then
      local told = {}
      for i, value in ipairs(declaration.params) do
        told[i] = value.name
      end
      found[#found + 1] = {
        where = ("%s:%d %s"):format(path, declaration.line, declaration.name),
        name = declaration.name,
        parameters = table.concat(declaration.parameters, ", "),
        told = table.concat(told, ", "),
        commented = declaration.commented,
      }
    end
  end
  return found
end

--- What programs require, and the classes that they get from it.
local PUBLIC = {
  "init",
  "json",
  "clock",
  "host/clock",
  "client",
  "credentials",
  "skill_folder",
  "dataset_file",
  "spend_report",
  "api/skills/init",
  "api/skills/current",
  "api/skills/lists",
  "api/skills/reads",
  "api/spend",
  "api/exports",
  "api/rows_meta",
}

describe("the annotations of functions", function()
  it("name the real parameters, all of them and in their order", function()
    local wrong, seen = {}, 0
    for _, path in ipairs(files("find lua -name '*.lua'")) do
      for _, f in ipairs(functions_of(path)) do
        seen = seen + 1
        if f.told ~= "" and f.told ~= f.parameters then
          local words = "%s tells of (%s) and takes (%s)"
          wrong[#wrong + 1] = words:format(f.where, f.told, f.parameters)
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(seen > 300)
  end)

  it("exist for everything that a program can call", function()
    local wrong, seen = {}, 0
    for _, name in ipairs(PUBLIC) do
      local path = ("lua/posthog/llm/%s.lua"):format(name)
      local file = io.open(path)
      for _, f in ipairs(file and functions_of(path) or {}) do
        if not f.name:find("[.:]_") and not f.name:find("^%u%u") then
          seen = seen + 1
          if not f.commented or f.told ~= f.parameters then
            wrong[#wrong + 1] = f.where
          end
        end
      end
      if file then
        file:close()
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(seen > 40)
  end)
end)

describe("the comments", function()
  it("cite paragraphs that doc/api.md has", function()
    local headings, wrong, seen = {}, {}, 0
    for _, line in ipairs(lines_of("doc/api.md")) do
      local number = line:match("^#+ Part (%d+)") or line:match("^#+ ([%d.]+) ")
      if number then
        headings[number] = true
      end
    end
    for _, path in ipairs(files("find lua src spec -name '*.lua' -o -name '*.[ch]'")) do
      for number, line in ipairs(lines_of(path)) do
        local comment = line:match("%-%-.*") or line:match("%*.*")
        local cited = comment and comment:match("doc/api%.md ([^)]*)")
        for paragraph in (cited or ""):gmatch("%d+%.?%d*") do
          seen = seen + 1
          if not headings[paragraph] then
            wrong[#wrong + 1] = ("%s:%d cites %s"):format(path, number, paragraph)
          end
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(seen > 20)
  end)
end)

describe("doc/architecture.md", function()
  local ROOMS = { "" }
  for _, folder in ipairs({ "", "host/", "http/", "api/versions/" }) do
    ROOMS[#ROOMS + 1] = "lua/posthog/llm/" .. folder
  end
  for _, folder in ipairs({ "", "lua/", "net/", "json/" }) do
    ROOMS[#ROOMS + 1] = "src/" .. folder
  end

  local function exists(name)
    for _, room in ipairs(ROOMS) do
      local file = io.open(room .. name)
      if file then
        file:close()
        return true
      end
    end
    return false
  end

  it("names files that exist", function()
    local gone, seen = {}, 0
    for _, line in ipairs(lines_of("doc/architecture.md")) do
      for name in line:gmatch("`([%w_/]+%.[luahc]+)`") do
        seen = seen + 1
        if name ~= "lua.h" and not exists(name) then
          gone[#gone + 1] = name
        end
      end
    end
    assert.equal("", table.concat(gone, "\n"))
    assert.is_true(seen > 30)
  end)
end)
