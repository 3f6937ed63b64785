-- Runs one spec file in this Lua; tools/test calls it, once a file, so that a
-- crash costs one file and every file starts with a fresh process.
--
--   <lua> tools/spec.lua build-folder spec-file [busted option ...]

local argv = arg
local build = argv[1]

--- Where `require` would find the module; 5.1 has no package.searchpath.
local function find(name, path)
  local as_path = name:gsub("%.", "/")
  for template in path:gmatch("[^;]+") do
    local candidate = template:gsub("%?", as_path)
    local opened = io.open(candidate, "rb")
    if opened then
      opened:close()
      return candidate
    end
  end
end

-- An installed copy must not be tested in place of this tree.
for _, want in ipairs({
  { "posthog.llm.core", package.cpath, "./" .. build .. "/posthog/llm/core.so" },
  { "posthog.llm", package.path, "./lua/posthog/llm/init.lua" },
}) do
  local found = find(want[1], want[2])
  if found and found ~= want[3] then
    io.stderr:write(("spec: %s comes from %s, not from %s\n"):format(want[1], found, want[3]))
    os.exit(3)
  end
end

-- Without paths given, busted would put ./src and ./csrc in front.
local options = {
  "--output=tools/report.lua",
  "--lpath=./lua/?.lua",
  "--cpath=./" .. build .. "/?.so",
}
for i = 2, #argv do
  options[#options + 1] = argv[i]
end
arg = options

-- Ends the process itself when a test has failed, and returns otherwise. The
-- pcall makes it close the state first, so that finalizers run either way.
local ok, why = pcall(require("busted.runner"), { standalone = false })
if not ok then
  io.stderr:write(tostring(why), "\n")
  os.exit(1, true)
end
