--- Runs the Lua blocks of a page as one program:
---
---   <lua> spec/pasted/in_lua.lua PROGRAM PAGE TURNS
---
--- In the program __pasted(n) stands in front of block n. It waits there until the shell, where the
--- other blocks of the page run, says by standard input that it is the block's turn; that the one
--- before is done it says by the file TURNS.

local path, page, turns = arg[1], arg[2], assert(io.open(arg[3], "w"))
local load_strictly = dofile(arg[0]:gsub("[^/]*$", "") .. "strict.lua")
local input, output = io.stdin, io.stdout
local running

local function done()
  if running then
    output:flush()
    turns:write(running, "\n")
    turns:flush()
  end
end

local function pasted(n)
  done()
  running = n
  local turn = input:read("*l")
  assert(turn == tostring(n), "it is not the turn of this block")
  output:write("\1", n, "\n")
end

local chunk = load_strictly(path, page, { __pasted = pasted })
arg = { [0] = path } -- luacheck: ignore
local ok, err = xpcall(chunk, function(raised)
  return type(raised) == "string" and debug.traceback(raised, 2) or raised
end)
if not ok then
  output:flush()
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
output:write("\1end\n")
done()
