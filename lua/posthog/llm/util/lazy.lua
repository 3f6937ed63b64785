--- Modules that are loaded when something of them is used first, since loading takes longer than
--- many a command.

--- @param name string of a module that returns a table
--- @return table module
return function(name)
  return setmetatable({}, {
    __index = function(self, field)
      local module = require(name)
      setmetatable(self, { __index = module })
      return module[field]
    end,
  })
end
