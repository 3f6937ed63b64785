--- Runs the blocks of a page as a reader would who pastes them one after the other: those for a
--- shell in one bash, those in Lua in one program, those for Neovim in one Neovim, those of nginx
--- in one configuration; against one emulator, in a folder that looks like a checkout.

local emulator = require("spec.emulator")
local page = require("spec.pasted.page")
local shown = require("spec.pasted.shown")

local runner = {}

local LUA = os.getenv("LUA") or "lua5.4"
local SECONDS = 180 -- for a page
local KEY = "phx_emulator_all"

--- What a reader puts in place of what the page shows.
local FILLED_IN = {
  { "phx_%.%.%.", KEY },
  { "(POSTHOG_PROJECT_ID=)42%f[%D]", "%1112358" },
  { "(POSTHOG_PROJECT_ID=)12345%f[%D]", "%1112358" },
  { "(POSTHOG_HOST=)eu%f[%s]", "%1$POSTHOG_HOST" },
  { "(%-%-host )eu%f[%s]", '%1"$POSTHOG_HOST"' },
  { "(%-%-project )42%f[%s]", "%1112358" },
  { "(project_id = )42%f[%D]", "%1112358" },
}

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function output_of(shell)
  local pipe = assert(io.popen(shell))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read("*a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function has(command)
  return output_of("PATH=$PATH:/usr/sbin command -v " .. command) ~= ""
end

--- @return string? why pages cannot be run here
function runner.unable()
  for _, name in ipairs({ "bash", "script", "setsid", "jq" }) do
    if not has(name) then
      return name .. " is not installed"
    end
  end
  for _, name in ipairs({ "lfs" }) do
    if not pcall(require, name) then
      return name .. " is not there for this Lua"
    end
  end
end

--- @class spec.pasted.Run
--- @field blocks spec.pasted.Block[]
--- @field problems table<integer, string> by the number of the block
--- @field skipped table<integer, string> why one was left out
--- @field log table[] what the emulator was asked
--- @field refused? string a request that only a wrong program makes
--- @field complaints? string of nginx
--- @field said string what bash itself said
local Run = {}
Run.__index = Run

--- Whether a block is run on another Lua: its host brings LuaJIT, or it names Lua 5.4.
function runner.is_elsewhere(block)
  local asks_nginx = block.text:find("127.0.0.1:8080", 1, true)
  if block.host == "nvim" or block.host == "nginx" or asks_nginx then
    return not rawget(_G, "jit")
  end
  return block.kind ~= "lua" and block.text:find("lua5%.4") ~= nil and LUA ~= "lua5.4"
end

--- Why a block does not run here.
local function skipped(block, version)
  if block.version and block.version ~= version then
    return "only on API v2"
  elseif block.by then
    return "run by " .. block.by
  elseif block.kind == "text" then
    return "nothing to run"
  elseif runner.is_elsewhere(block) then
    return "run on another Lua"
  elseif block.host == "nvim" and not has("nvim") then
    return "nvim is not installed"
  elseif block.host == "nginx" then
    return require("spec.ngx.server").missing()
  elseif block.host == "luv" and not pcall(require, "luv") then
    return "luv is not there for this Lua"
  end
end

--- One program of some blocks, each at the lines that it has on the page.
local function program(run, wanted)
  local lines = {}
  for n, block in ipairs(run.blocks) do
    if not run.skipped[n] and wanted(block) then
      while #lines < block.line - 2 do
        lines[#lines + 1] = ""
      end
      lines[#lines + 1] = ("__pasted(%d)"):format(n)
      local text = run:text(block)
      if block.kind == "vim" then
        text = ("vim.cmd(%q)\n"):format(text)
      end
      for line in text:gmatch("([^\n]*)\n") do
        lines[#lines + 1] = line
      end
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

local function is_plain_lua(block)
  return block.kind == "lua" and not block.host
end

local function is_for_nvim(block)
  return block.host == "nvim"
end

--- @param text string as the page has it
--- @return string as a reader pastes it
function Run:fill_in(text)
  for _, pair in ipairs(FILLED_IN) do
    text = text:gsub(pair[1], pair[2])
  end
  return (text:gsub("127%.0%.0%.1:8080", "127.0.0.1:" .. (self.nginx and self.nginx.port or 8080)))
end

function Run:text(block)
  return self:fill_in(block.text)
end

--- A session of a shell as a script, and what it shows of each command.
local function session(run, text)
  local script, expected = { "stty cols 80 rows 24 -echo" }, {}
  local continued = false
  for line in text:gmatch("([^\n]*)\n") do
    if continued or line:find("^%$ ") then
      if not continued then
        expected[#expected + 1] = ""
        script[#script + 1] = "printf '\\002\\n'"
      end
      script[#script + 1] = run:fill_in(continued and line or line:sub(3))
      continued = line:find("\\$") ~= nil
    else
      expected[#expected] = expected[#expected] .. line .. "\n"
    end
  end
  return table.concat(script, "\n") .. "\n", expected
end

local START_LUA = [[
mkfifo "$out/turn" "$out/turns"
$LUA "$root/spec/pasted/in_lua.lua" "$out/program.lua" "$page" "$out/turns" \
  <"$out/turn" >"$out/lua.out" 2>"$out/lua.err" &
exec 7>"$out/turn" 8<"$out/turns"
]]

local STEPS = {
  sh = [[
__block=%d
cd "$work"
set -o pipefail
trap 'echo "$__block $? $BASH_COMMAND" >>"$out/codes"' ERR
. "$out/%d.sh" >"$out/%d.out" 2>&1
trap - ERR
]],
  lua = [[
[ -n "$lua_is_gone" ] || { echo %d >&7; read -r -u 8 __turn || lua_is_gone=yes; }
]],
  console = [[
cd "$work"; script -qefc "bash $out/%d.sh" /dev/null </dev/null >"$out/%d.out"
]],
  luv = [[
cd "$work"; $LUA "$out/%d.lua" >"$out/%d.out" 2>&1 || echo "%d $? program" >>"$out/codes"
]],
  nvim = [[
cd "$work"; nvim --headless -i NONE -n -u NONE -c "luafile $root/spec/pasted/in_nvim.lua" \
  -c "qall!" >"$out/nvim.log" 2>&1 </dev/null
]],
}

--- The bash that does it all.
local function driver(run, out)
  local parts = {}
  local text = program(run, is_plain_lua)
  if text ~= "\n" then
    write(out .. "/program.lua", text)
    parts[1] = 'cd "$work"\n' .. START_LUA
  end
  write(out .. "/nvim.lua", program(run, is_for_nvim))
  local nvim_ran = false
  local function make_fixture(n, block)
    if block.with and not block.is_made then
      block.is_made = true
      parts[#parts + 1] = ('cd "$work"; . "$root/spec/pasted/fixtures/%s.sh" >"$out/%d.with" 2>&1'):format(
        block.with,
        n
      )
    end
  end
  for n, block in ipairs(run.blocks) do
    make_fixture(n, block)
    local step = block.host or block.kind
    if run.skipped[n] or block.kind == "output" or block.host == "nginx" then
      step = nil
    elseif step == "sh" then
      write(("%s/%d.sh"):format(out, n), run:text(block) .. ":\n") -- the codes are the trap's
    elseif step == "console" then
      local script
      script, block.expected = session(run, block.text)
      write(("%s/%d.sh"):format(out, n), script)
    elseif step == "luv" then
      write(("%s/%d.lua"):format(out, n), run:text(block))
    elseif step == "nvim" then
      step = not nvim_ran and step or nil
      nvim_ran = true
      for later = n, #run.blocks do -- they all run now
        if run.blocks[later].host == "nvim" then
          make_fixture(later, run.blocks[later])
        end
      end
    end
    if step then
      parts[#parts + 1] = (STEPS[step]:gsub("%%d", tostring(n)))
    end
  end
  return table.concat(parts, "\n") .. '\necho done >"$out/done"\n'
end

local function absolute(paths, root)
  return ((";" .. paths):gsub(";%./", ";" .. root .. "/"):sub(2))
end

local function environment(run, root, base)
  local names = {
    HOME = base .. "/work/home",
    LUA = LUA,
    LUA_PATH = absolute(os.getenv("LUA_PATH") or ";;", root),
    LUA_CPATH = absolute(os.getenv("LUA_CPATH") or ";;", root),
    PATH = base .. "/bin:" .. os.getenv("PATH"),
    POSTHOG_HOST = run.emulator.url,
    POSTHOG_PERSONAL_API_KEY = KEY,
    POSTHOG_PROJECT_ID = "112358",
    TERM = "xterm",
    PAGER = "cat",
    LC_ALL = "C.UTF-8",
    TZ = "UTC",
    root = root,
    work = base .. "/work",
    out = base .. "/out",
    page = run.path,
  }
  local lines = {}
  for name, value in pairs(names) do
    lines[#lines + 1] = ("export %s=%s"):format(name, quote(value))
  end
  return table.concat(lines, "\n") .. "\n"
end

--- The folder that the blocks run in: a checkout, by links.
local function make_folders(base, root)
  output_of(
    ('mkdir -p %s/work/home %s/bin %s/out; for f in %s/*; do ln -s "$f" %s/work/; done'):format(
      base,
      base,
      base,
      quote(root),
      base
    )
  )
  write(base .. "/bin/posthog-llm", '#!/bin/sh\nexec "$root/spec/pasted/command.sh" "$@"\n')
  write(base .. "/bin/pass", "#!/bin/sh\necho " .. KEY .. "\n")
  output_of(("chmod +x %s/bin/*"):format(base))
end

--- Messages of the driver, by block.
local function read_codes(run, out)
  for line in (read(out .. "/codes") or ""):gmatch("[^\n]+") do
    local n, code, command = line:match("^(%d+) (%d+) (.*)$")
    if n then
      n = tonumber(n)
      local is_told, before = false, ""
      for told in run:text(run.blocks[n]):gmatch("[^\n]+") do
        local comment = before:find("^#") and before or "" -- in the line above, as in doc/cli.md
        is_told = is_told
          or told:find(command, 1, true) and (comment .. told):find("ends with " .. code, 1, true)
        before = told
      end
      if not is_told then
        run.problems[n] = ("ends with %s: %s"):format(code, command)
      end
    end
  end
end

local function outputs_of_lua(run, out)
  local outputs, last = {}, nil
  local text = "\n" .. (read(out .. "/lua.out") or "")
  for n, output in text:gmatch("\1(%d+)\n([^\1]*)") do
    last = tonumber(n)
    outputs[last] = output
  end
  local err = read(out .. "/lua.err") or ""
  for n, block in ipairs(run.blocks) do
    if is_plain_lua(block) and not run.skipped[n] then
      if not outputs[n] then
        run.problems[n] = "was not reached: " .. err
      elseif n == last and not text:find("\1end\n$") then
        run.problems[n] = err
      end
    end
  end
  return outputs
end

--- What `-->` in comments says, a line of output each.
local function told_in_comments(text)
  local lines = {}
  for told in text:gmatch("%-%->[ \t]*([^\n]*)") do
    lines[#lines + 1] = (told:gsub("  +", "\t"))
  end
  return lines[1] and table.concat(lines, "\n") .. "\n"
end

local function judge(run, n, block, output)
  if run.problems[n] then
    run.problems[n] = run.problems[n] .. "\n" .. (output or "")
    return
  end
  if block.kind == "console" then
    local at = 0
    for part in (output or ""):gsub("^[^\2]*", ""):gmatch("\2\r?\n([^\2]*)") do
      at = at + 1
      run.problems[n] = run.problems[n] or shown.differs(block.expected[at], part)
    end
    if at < #block.expected then
      run.problems[n] = "not all of its commands ran:\n" .. (output or "")
    end
    return
  end
  local expected = block.shows and block.shows.text
    or block.kind == "lua" and told_in_comments(block.text)
  if expected then
    run.problems[n] = shown.differs(expected, output or "")
  elseif ("\n" .. (output or "")):find("\nposthog%-llm: ") then
    run.problems[n] = "it says what went wrong:\n" .. output
  end
end

local REFUSED = { [400] = true, [401] = true, [403] = true, [405] = true, [406] = true }
local PROJECTS = { ["112358"] = true, ["@current"] = true }

--- What only a program that is wrong asks for.
local function check_log(run)
  for _, entry in ipairs(run.log) do
    local status, is_own = entry.status or 0, (entry.raw_header or ""):find(KEY, 1, true)
    local project = entry.target:match("^/api/%l+s/([^/]+)/")
    -- What `destroy` asks for, every server refuses.
    local is_destroy = entry.method == "DELETE" and entry.target:find("/dataset", 1, true)
    if
      is_own and (REFUSED[status] or status >= 500) and not is_destroy
      or project and not entry.target:find("/users/", 1, true) and not PROJECTS[project]
    then
      run.refused = ("%s %s was answered with %d"):format(entry.method, entry.target, status)
    end
  end
end

--- @param path string of the page, from the root of the checkout
--- @param version? posthog.llm.ApiVersion of the server; default: "reference", API v1
--- @return spec.pasted.Run
function runner.run(path, version)
  local run =
    setmetatable({ path = path, blocks = page.blocks(path), problems = {}, skipped = {} }, Run)
  local uses_nginx
  for n, block in ipairs(run.blocks) do
    run.skipped[n] = skipped(block, version)
    uses_nginx = uses_nginx or (block.host == "nginx" and not run.skipped[n])
  end
  local root = output_of("pwd"):gsub("\n$", "")
  local base = output_of('mktemp -d "${TMPDIR:-/tmp}/posthog-pasted.XXXXXX"'):gsub("\n$", "")
  make_folders(base, root)
  run.emulator = emulator.start({ profile = version })
  if uses_nginx then
    require("spec.pasted.in_nginx").start(run, base)
  else
    for n, block in ipairs(run.blocks) do
      if not run.skipped[n] and block.text:find("127.0.0.1:8080", 1, true) then
        run.skipped[n] = "there is no nginx that it could ask"
      end
    end
  end
  local script = environment(run, root, base) .. driver(run, base .. "/out")
  write(base .. "/driver.sh", script)
  run.said =
    output_of(("setsid -w timeout --foreground %d bash %s/driver.sh 2>&1"):format(SECONDS, base))
  if not read(base .. "/out/done") then
    run.said = run.said .. ("\nthe page was not done within %d s"):format(SECONDS)
  end
  read_codes(run, base .. "/out")
  local outputs = outputs_of_lua(run, base .. "/out")
  for n, block in ipairs(run.blocks) do
    if not run.skipped[n] and block.kind ~= "output" and block.host ~= "nginx" then
      judge(run, n, block, outputs[n] or read(("%s/out/%d.out"):format(base, n)))
    end
  end
  run.log = run.emulator:log()
  check_log(run)
  run.complaints = run.nginx and require("spec.pasted.in_nginx").stop(run)
  run.emulator:stop()
  if not os.getenv("KEEP_PASTED") then
    output_of("rm -rf " .. quote(base))
  else
    io.stderr:write(base, "\n")
  end
  return run
end

return runner
