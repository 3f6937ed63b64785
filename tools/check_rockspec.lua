-- Fails when a file of lua/ or src/ is missing from the rockspec, or the
-- rockspec names one that is not there, or has a name that is not right.
--
--   lua5.4 tools/check_rockspec.lua

local rockspec = io.popen("ls *.rockspec"):read("*l")
local spec = {}
assert(loadfile(rockspec, "t", spec))()

local listed, wrong = {}, 0

local function complain(...)
  wrong = wrong + 1
  io.stderr:write(rockspec, ": ", string.format(...), "\n")
end

local right = ("%s-%s.rockspec"):format(spec.package, spec.version)
if rockspec ~= right then
  complain("LuaRocks wants it to be named %s", right)
end
-- From such a name lazy.nvim takes it that the plugin is built by LuaRocks, and
-- builds a Lua 5.1 for it. Another revision it leaves alone.
for _, version in ipairs({ "scm-1", "git-1", "dev-1" }) do
  if spec.version == version then
    complain("lazy.nvim would build a plugin of version %s, and a Lua with it", version)
  end
end

for name, module in pairs(spec.build.modules) do
  if type(module) == "string" then
    listed[module] = true
    local as_path = "lua/" .. name:gsub("%.", "/")
    if module ~= as_path .. ".lua" and module ~= as_path .. "/init.lua" then
      complain("module %s is %s", name, module)
    end
  else
    for _, source in ipairs(module.sources) do
      listed[source] = true
    end
  end
end

-- The editor plugin, lua/posthog/nvim, is no part of the rock.
for file in io.popen("find lua/posthog/llm -name '*.lua'; find src -name '*.c'"):lines() do
  if not listed[file] then
    complain("%s is not listed", file)
  end
  listed[file] = nil
end
local left = {}
for file in pairs(listed) do
  left[#left + 1] = file
end
table.sort(left)
for _, file in ipairs(left) do
  complain("%s does not exist", file)
end

os.exit(wrong == 0)
