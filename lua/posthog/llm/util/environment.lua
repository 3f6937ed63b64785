--- Variables of the environment. One that is empty is as good as not set.

local environment = {}

--- The first of these variables that is set.
--- @param names string[] in order of precedence
--- @return string? value
--- @return string? name
function environment.first(names)
  for _, name in ipairs(names) do
    local value = os.getenv(name)
    if value and value ~= "" then
      return value, name
    end
  end
end

return environment
