-- Fails when the Lua that runs this does not compile one of the files.
--
--   lua5.5 tools/check_syntax.lua file ...
--
-- To Lua 5.5 the first variable of a loop is a constant. Few systems have that Lua yet, so 5.4,
-- which knows constants, is shown loops that begin with `local name <const> = name`.

local LOOP = "%f[%w_]for%s+([%a_][%w_]*)[%s,=][^\n]-%f[%w_]do%f[^%w_]"

local function with_constants(text)
  return (text:gsub("^#![^\n]*", ""):gsub("(" .. LOOP .. ")", "%1 local %2 <const> = %2"))
end

local refused = 0
for _, name in ipairs({ ... }) do
  local chunk, err = loadfile(name)
  if chunk and _VERSION == "Lua 5.4" then
    local file = assert(io.open(name, "rb"))
    chunk, err = load(with_constants(file:read("a")), "@" .. name)
    file:close()
  end
  if not chunk then
    refused = refused + 1
    io.stderr:write(err, "\n")
  end
end

os.exit(refused == 0 and 0 or 1)
