--- The library, with its C core. Where that is missing, or of another version, every command says
--- so in one line, each time.

local core = {}

--- A module that could not be loaded: LuaJIT keeps a mark for it, and then speaks of a loop.
local function forget()
  for name, value in pairs(package.loaded) do
    if type(value) == "userdata" and vim.startswith(name, "posthog.") then
      package.loaded[name] = nil
    end
  end
end

--- Loads the library. Raises one line that says what to run.
--- @return table llm posthog.llm
function core.load()
  local loaded, llm = pcall(require, "posthog.llm")
  if loaded then
    return llm
  end
  forget()
  error((tostring(llm):gsub("^.-posthog%.llm: ", ""):gsub("%s*\n.*", "")), 0)
end

return core
