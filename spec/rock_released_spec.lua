-- The rock that LuaRocks packs of what `make dist` makes. Once is enough.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local release = require("spec.support.release")

local busted = { describe = describe, it = it, setup = setup, teardown = teardown }
require("spec.rock.behaves")(
  busted,
  "the released rock",
  (
    "%s dist && cd build && LUAROCKS pack dist/posthog-llm-%s-1.rockspec"
    .. " && LUAROCKS install INTO posthog-llm-%s-1.src.rock"
  ):format(release.NEW_MAKE, release.version(), release.version())
)
