-- doc/compatibility.md and the annotations name every method of the resources, and no other.

local annotations = require("tools.reference.annotations")
local llm = require("posthog.llm")

local RESOURCES = { "datasets", "dataset_items", "skills", "spend" }

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- The methods of a client's resources, as "resource:method".
local function methods()
  local client = llm.new({ personal_api_key = "phx_x", host = "us" })
  local set = {}
  for _, resource in ipairs(RESOURCES) do
    for name, method in pairs(getmetatable(client[resource]).__index) do
      if type(method) == "function" and name:sub(1, 1) ~= "_" then
        set[resource .. ":" .. name] = true
      end
    end
  end
  client:close()
  return set
end

describe("doc/compatibility.md", function()
  it("has a line for each method of each resource, and no other line", function()
    local documented = {}
    for first in read("doc/compatibility.md"):gmatch("\n| (`[^|]*)|") do
      local resource
      for code in first:gmatch("`([^`]*)`") do
        local given, method = code:match("^([%w_]*):([%w_]+)")
        if method then
          resource = given ~= "" and given or resource
          assert.is_truthy(resource, code .. " names no resource")
          documented[resource .. ":" .. method] = true
        end
      end
    end
    assert.same(sorted(methods()), sorted(documented))
  end)

  for _, resource in ipairs(RESOURCES) do
    it("lists what the reference page of " .. resource .. " lists", function()
      local page = "reference/" .. resource
      local text = read("doc/" .. page .. ".md")
      for _, name in ipairs(sorted(methods())) do
        local method = name:match("^" .. resource .. ":(.*)$")
        if method then
          assert.is_truthy(text:find(":" .. method .. "[^%w_]"), name .. " is not in doc/" .. page)
        end
      end
    end)
  end
end)

describe("the type annotations", function()
  --- Methods that files define, or declare, under a comment that tells what they return.
  local function declared(files, class)
    local set = {}
    for _, name in ipairs(files) do
      local file = annotations.read(("lua/posthog/llm/%s.lua"):format(name))
      for _, declaration in ipairs(file.declarations) do
        local method = declaration.name:match("^" .. class .. ":([%w_]+)$")
        if declaration.kind == "function" and method and #declaration.returns > 0 then
          set[method] = true
        end
      end
    end
    return set
  end

  local CLASSES = {
    datasets = { "Datasets", files = { "api/rows_meta", "api/exports" } },
    dataset_items = { "DatasetItems", files = { "api/rows_meta" } },
    skills = {
      "Skills",
      files = { "api/skills/init", "api/skills/reads", "api/skills/lists", "api/skills/current" },
    },
    spend = { "Spend", files = { "api/spend" } },
  }
  for resource, class in pairs(CLASSES) do
    it("have every method of " .. resource, function()
      local wanted, found = {}, {}
      for name in pairs(declared(class.files, class[1])) do
        found[resource .. ":" .. name] = true
      end
      for name in pairs(methods()) do
        wanted[name] = name:find(resource .. ":", 1, true) == 1 or nil
      end
      assert.same(sorted(wanted), sorted(found))
    end)
  end
end)
