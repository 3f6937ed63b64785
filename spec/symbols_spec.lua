-- Another module of the process may carry its own copy of the same names.
describe("the core's shared object", function()
  it("exports luaopen_posthog_llm_core and nothing else", function()
    local core = package.cpath:match("[^;]+"):gsub("%?", "posthog/llm/core")
    local nm = io.popen("nm -D --defined-only '" .. core .. "'")
    local exported = {}
    for line in nm:lines() do
      exported[#exported + 1] = line:match("%S+$")
    end
    nm:close()
    assert.same({ "luaopen_posthog_llm_core" }, exported)
  end)
end)
