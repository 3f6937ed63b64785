--- Why the C core cannot be used, and how to fix it, in one line. This module is loaded only in
--- that case, and requires no other module of the library, since those need the core.

local core_error = {}

local FILE = "posthog/llm/core.so"

--- The folder that holds this copy of posthog/llm/, with a final slash; "": the working directory.
local SOURCE = debug.getinfo(1, "S").source
local MODULES = SOURCE:match("^@(.*)posthog/llm/util/core_error%.lua$") or ""
local CHECKOUT = MODULES:match("^(.*)lua/$")

--- The same path without "bin/../", to be read by people.
local function shorten(path)
  return (
    path:gsub("([^/]+)/%.%./", function(folder)
      return (folder ~= "." and folder ~= "..") and "" or nil
    end)
  )
end

local JIT = rawget(_G, "jit") ~= nil
local THIS_LUA = JIT and "LuaJIT" or _VERSION
local LUA_VERSION = JIT and "luajit" or _VERSION:match("%d%.%d")

local function exists(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

if CHECKOUT and not exists(CHECKOUT .. "src/core.c") then
  CHECKOUT = nil
end

local vim = rawget(_G, "vim")

local function in_neovim()
  return type(vim) == "table"
end

--- The core that `require` finds first.
--- @return string? path
local function find()
  if in_neovim() then -- whose own loader comes first
    local ran, found = pcall(vim.api.nvim_get_runtime_file, "lua/" .. FILE, false)
    if ran and found[1] then
      return found[1]
    end
  end
  for template in package.cpath:gmatch("[^;]+") do
    local path = template:gsub("%?", (FILE:gsub("%.so$", "")))
    if exists(path) then
      return path
    end
  end
end

--- The version and Lua that a core was built for, read from its bytes without loading it.
--- @return string? version
--- @return string? lua
local function build_of(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return bytes:match("posthog%-llm core (%S+) for (Lua%u*[ %d.]*)")
end

--- The folder for C modules that belongs to this copy of the library.
local function own_folder()
  if CHECKOUT then
    return CHECKOUT .. "build/" .. LUA_VERSION .. "/"
  end
  return (MODULES:gsub("share/lua/([%d.]+/)$", "lib/lua/%1"))
end

--- A folder with a core of this version for this Lua: the own one, or another on package.cpath,
--- behind the one that was found. Debian's is below lib/<architecture>.
--- @return string? folder with a final slash
local function built_folder(version)
  local folders = { own_folder() }
  for folder in package.cpath:gmatch("([^;]*/)%?%.so") do
    folders[#folders + 1] = folder
  end
  for _, folder in ipairs(folders) do
    local built_version, built_lua = build_of(folder .. FILE)
    if built_version == version and built_lua == THIS_LUA then
      return folder
    end
  end
end

--- The command that runs a target of the Makefile for this Lua.
local function make(target, default_version)
  local words = { "make", target }
  if LUA_VERSION ~= default_version then
    words[#words + 1] = "LUA_VERSION=" .. LUA_VERSION
  end
  return table.concat(words, " ")
end

--- @return string remedy
local function run(command)
  if not CHECKOUT then
    return ('run "%s" in its checkout'):format(command)
  end
  local where = shorten(CHECKOUT):gsub("(.)/$", "%1")
  return ('run "%s"%s'):format(command, where ~= "" and where ~= "." and " in " .. where or "")
end

--- What to do so that a core of this version is found.
--- @return string
local function remedy(version)
  if in_neovim() and CHECKOUT and vim.fn.has("nvim-0.10") == 1 then
    return run("nvim -l build.lua")
  elseif in_neovim() then
    return run(make("nvim", "luajit") .. (CHECKOUT and " NVIM_PLUGIN_DIR=." or ""))
  end
  local folder = built_folder(version)
  if folder then
    local words = rawget(_G, "ngx") and "add %s?.so to lua_package_cpath"
      or 'set LUA_CPATH="%s?.so;;"'
    return words:format(shorten(folder))
  elseif CHECKOUT then
    return run((make(nil, "5.4")))
  end
  local rock = ("luarocks --lua-version %s make"):format(_VERSION:match("%d%.%d"))
  return run(make("install", "5.4") .. '" or "' .. rock)
end

--- @return string message
local function describe(version, loaded, value)
  local path = find()
  local built_version, built_lua
  if path then
    built_version, built_lua = build_of(path)
  end
  if loaded and built_version == version then
    local program = in_neovim() and "Neovim" or "this program"
    local what = "%s was built anew after the one before it was loaded: restart %s"
    return what:format(shorten(path), program)
  elseif loaded then
    local what = "%s is version %s of the C core, and its Lua files need %s: %s"
    return what:format(shorten(path or FILE), built_version or "0.0", version, remedy(version))
  elseif not path then
    local what = in_neovim() and "there is no C core, no lua/%s on the runtimepath: %s"
      or "there is no C core for " .. THIS_LUA .. ", no %s on package.cpath: %s"
    return what:format(FILE, remedy(version))
  elseif built_lua and built_lua ~= THIS_LUA then
    local what = "%s is built for %s, and this is %s: %s"
    return what:format(shorten(path), built_lua, THIS_LUA, remedy(version))
  end
  local reason = tostring(value):gsub("^error loading module [^\n]*\n%s*", ""):gsub("%s*\n.*", "")
  return ("the C core cannot be loaded: %s"):format(reason)
end

--- The level of the first function outside the library, as error() counts it in the caller of this
--- function.
local function callers_level()
  local own = "@" .. MODULES .. "posthog/llm/"
  local level = 2
  local frame = debug.getinfo(level, "S")
  while frame do
    local is_code = frame.what == "Lua" or frame.what == "main"
    if is_code and frame.source:sub(1, #own) ~= own then
      return level - 1
    end
    level = level + 1
    frame = debug.getinfo(level, "S")
  end
  return 0
end

--- Lua 5.1 leaves a marker, not a table, in package.loaded for a module whose loading failed, and
--- reports a loop when it is required again. Without the marker the same error is raised again.
local function forget_unfinished()
  for name, value in pairs(package.loaded) do
    if name:find("^posthog%.llm") and type(value) ~= "table" then
      package.loaded[name] = nil
    end
  end
end

--- Raises the reason, at the line of the program that required the library.
--- @param version string the one that the Lua files need
--- @param loaded boolean whether `require` found a core
--- @param value any the core, or what `require` raised
function core_error.raise(version, loaded, value)
  local message = "posthog.llm: " .. describe(version, loaded, value)
  forget_unfinished()
  error(message, callers_level())
end

return core_error
