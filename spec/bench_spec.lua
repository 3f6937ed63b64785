--- That the benches run and have a figure in every cell; not what the figures are. Once is
--- enough: they start the Luas themselves.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

--- @param shell string
--- @return string output
--- @return integer code
local function output_of(shell)
  local pipe = io.popen(shell .. " 2>&1; echo status=$?")
  local output, code = pipe:read("a"):match("^(.*)status=(%d+)\n$")
  pipe:close()
  return output, tonumber(code)
end

describe("the benchmark", function()
  setup(function()
    local said, code = output_of("${MAKE:-make} -s --no-print-directory build-bench")
    assert.equal(0, code, said)
  end)

  for part, rows in pairs({
    codec = { "page of 95 items", "dataset, 777 B", "page of 7000 items" },
    calls = { "libcurl alone, C, not decoded", "posthog-llm, Lua 5.4" },
    jobs = { "pull of 50 files", "export of 5,000", "import of 2,000" },
    gather = { "16 in flight, HTTP/1.1", "32 in flight, TLS HTTP/2", "prefetch = 4" },
  }) do
    it("measures the part " .. part, function()
      local jobs = part == "jobs" and table.concat(rows, ", ") or ""
      local output, code =
        output_of(("BENCH_TURNS=1 BENCH_JOBS='%s' tools/bench %s"):format(jobs, part))
      assert.equal(0, code, output)
      for _, row in ipairs(rows) do
        local cells = output:match("\n| " .. row:gsub("%p", "%%%0") .. "[^|]*|([^\n]*)")
        assert.is_string(cells, row .. " is missing in\n" .. output)
        assert.matches("%d", cells)
        assert.is_nil(cells:find("nan", 1, true) or cells:find("inf", 1, true), cells)
      end
      if part == "calls" and output:find("\n| lua%-curl") then
        local same = "\n| posthog%-llm on libcurl%S*, LuaJIT *| *%d"
        assert.is_true(
          not output_of("bench/libcurl_of_lua_curl"):find("%S") or output:find(same) ~= nil
        )
      end
    end)
  end
end)
