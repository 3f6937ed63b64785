-- Fails when the rockspec is not named by its version, or when lazy.nvim would build by it.
--
--   lua5.4 tools/check_rockspec.lua

local rockspec = io.popen("ls *.rockspec"):read("*l")
local spec = {}
assert(loadfile(rockspec, "t", spec))()

local right = ("%s-%s.rockspec"):format(spec.package, spec.version)
if rockspec ~= right then
  error(("%s: LuaRocks wants it to be named %s"):format(rockspec, right), 0)
end
-- From such a name lazy.nvim takes it that the plugin is built by LuaRocks, and
-- builds a Lua 5.1 for it. Another revision it leaves alone.
for _, version in ipairs({ "scm-1", "git-1", "dev-1" }) do
  if spec.version == version then
    error(("%s: lazy.nvim would build it, and a Lua with it"):format(rockspec), 0)
  end
end
