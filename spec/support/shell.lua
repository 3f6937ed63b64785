--- Runs shell text and gives what it printed.

local shell = {}

--- For programs that are to find no library but the one that a test gives them.
shell.WITHOUT_LUA_PATHS = "env -u LUA_PATH -u LUA_CPATH -u LUA_PATH_5_2 -u LUA_CPATH_5_2"
  .. " -u LUA_PATH_5_3 -u LUA_CPATH_5_3 -u LUA_PATH_5_4 -u LUA_CPATH_5_4 "

--- @param text string
--- @return string output of both streams
--- @return integer status
function shell.run(text)
  local pipe = io.popen("{ " .. text .. "\n} 2>&1; echo status=$?")
  local output, status = pipe:read("*a"):match("^(.*)status=(%d+)\n$")
  pipe:close()
  return output, tonumber(status)
end

--- @param word string
--- @return string
function shell.quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

return shell
