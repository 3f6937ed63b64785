--- The data of the profile that is played at the moment.

local settings = require("server.settings").values

--- @return table profile see server/profiles/
return function()
  return require("server.profiles." .. settings.profile)
end
