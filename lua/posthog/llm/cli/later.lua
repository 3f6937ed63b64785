--- Functions of the command whose module is loaded when they are called: most commands need few.

--- @param module string within posthog.llm.cli: "skills.remote"
--- @param name? string of the function; nil: the module is one
--- @return function
return function(module, name)
  return function(...)
    local loaded = require("posthog.llm.cli." .. module)
    return (name and loaded[name] or loaded)(...)
  end
end
