--- Lua modules that only the command needs, not the rest of the library.

local errors = require("posthog.llm.util.errors")

local needs = {}

--- @class posthog.llm.cli.Needed
--- @field rock string its name in LuaRocks and in messages
--- @field packages table<string, string> its names in package managers, as in tools/system.sh: V is
---   the Lua version, 5.4, and v the same without the dot; %5.4: only for that Lua

--- @type table<string, posthog.llm.cli.Needed> by the name of the module
local MODULES = {
  lfs = {
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

--- The commands that install a module: from the system's packages, and with LuaRocks.
--- @param needed posthog.llm.cli.Needed
--- @return string
local function remedy(needed)
  local name = system()
  local package = name and package_of(needed, name)
  local by_rocks = ("luarocks --lua-version %s install %s"):format(LUA_VERSION, needed.rock)
  return package and ("%s %s, or %s"):format(INSTALL[name], package, by_rocks) or by_rocks
end

--- Loads a module. If it is not installed, raises an error that says how to install it.
--- @param name string of the module
--- @return any
function needs.module(name)
  local found, module = pcall(require, name)
  if not found then
    local needed = MODULES[name]
    local message = ("%s is missing: %s"):format(needed.rock, remedy(needed))
    error(errors.new({ kind = "file", message = message }), 0)
  end
  return module
end

return needs
