-- Fails when the Lua that runs this does not compile one of the files.
--
--   lua5.5 tools/check_syntax.lua file ...

local refused = 0
for _, name in ipairs({ ... }) do
  local _, err = loadfile(name)
  if err then
    refused = refused + 1
    io.stderr:write(err, "\n")
  end
end

os.exit(refused == 0 and 0 or 1)
