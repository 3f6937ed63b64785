--- Lua modules that only the command needs, not the rest of the library.

local errors = require("posthog.llm.util.errors")

local needs = {}

--- @class posthog.llm.cli.Needed
--- @field module string
--- @field rock string its name in LuaRocks and in messages
--- @field packages table<string, string> its names in package managers, as in tools/system.sh: V is
---   the Lua version, 5.4, and v the same without the dot; %5.4: only for that Lua

--- @type posthog.llm.cli.Needed[]
needs.LIST = {
  {
    module = "argparse",
    rock = "argparse",
    packages = { debian = "lua-argparse", fedora = "lua-argparse%5.4", arch = "luav-argparse" },
  },
  {
    module = "lfs",
    rock = "luafilesystem",
    packages = {
      debian = "lua-filesystem",
      fedora = "lua-filesystem%5.4",
      arch = "luav-filesystem",
      alpine = "luaV-filesystem",
    },
  },
}

local INSTALL = {
  debian = "apt-get install",
  fedora = "dnf install",
  arch = "pacman -S --needed",
  alpine = "apk add",
}
local RELATIVES = { ubuntu = "debian", rhel = "fedora", centos = "fedora" }

local LUA_VERSION = _VERSION:match("%d%.%d")

--- Identifies the operating system by its os-release file.
--- @return string? name a key of INSTALL
local function system()
  local file = io.open(os.getenv("OS_RELEASE") or "/etc/os-release")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  local ids = ("\n" .. text):match("\nID=([^\n]*)") or ""
  local like = ("\n" .. text):match("\nID_LIKE=([^\n]*)") or ""
  for named in (ids .. " " .. like):gmatch("%w+") do
    local id = RELATIVES[named] or named
    if INSTALL[id] then
      return id
    end
  end
end

--- @param needed posthog.llm.cli.Needed
--- @return string? name of the package for this Lua
local function package_of(needed, name)
  local package, only_for = (needed.packages[name] or ""):match("^([^%%]+)%%?(.*)$")
  if not package or only_for ~= "" and only_for ~= LUA_VERSION then
    return nil
  end
  local values = { V = LUA_VERSION, v = LUA_VERSION:gsub("%.", "") }
  return (package:gsub("lua([Vv])", function(letter)
    return "lua" .. values[letter]
  end))
end

--- The commands that install these modules: from the system's packages, and with LuaRocks.
--- @param missing posthog.llm.cli.Needed[]
--- @return string
local function remedy(missing)
  local name = system()
  local packages, without, rocks = {}, {}, {}
  for _, needed in ipairs(missing) do
    local package = name and package_of(needed, name)
    rocks[#rocks + 1] = needed.rock
    if package then
      packages[#packages + 1] = package
    else
      without[#without + 1] = needed.rock
    end
  end
  local by_rocks = "luarocks --lua-version " .. LUA_VERSION .. " install "
  if #packages == 0 then
    return by_rocks .. table.concat(rocks, " ")
  end
  local by_system = INSTALL[name] .. " " .. table.concat(packages, " ")
  if #without > 0 then
    return by_system .. ", and " .. by_rocks .. table.concat(without, " ")
  end
  return by_system .. ", or " .. by_rocks .. table.concat(rocks, " ")
end

--- The modules of LIST that are not installed.
--- @return posthog.llm.cli.Needed[]
local function find_missing()
  local missing = {}
  for _, needed in ipairs(needs.LIST) do
    if not pcall(require, needed.module) then
      missing[#missing + 1] = needed
    end
  end
  return missing
end

--- "a, b and c are missing"
local function in_words(missing)
  local text = missing[1].rock
  for i = 2, #missing do
    text = text .. (i == #missing and " and " or ", ") .. missing[i].rock
  end
  return text .. (#missing == 1 and " is missing" or " are missing")
end

--- Loads a module. If it is not installed, raises an error that names all missing modules and says
--- how to install them.
--- @param name string of the module
--- @return any
function needs.module(name)
  local found, module = pcall(require, name)
  if not found then
    local missing = find_missing()
    local message = in_words(missing) .. ": " .. remedy(missing)
    error(errors.new({ kind = "file", message = message }), 0)
  end
  return module
end

return needs
