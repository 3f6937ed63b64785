--- Compiles the C core into the folder of the plugin, with a C compiler and the libcurl that the
--- system has: no headers of Lua or libcurl, no make, no LuaRocks. It requires nothing, so that
--- build.lua can run it before the plugin is on the runtimepath.

local build = {}

local CORE = "lua/posthog/llm/core.so"
local MODULE = CORE:match("^lua/(.*)%.so$"):gsub("/", ".")

--- @class posthog.nvim.Built
--- @field path string of the core
--- @field message string for the user, one line

--- The folder that holds src/ and lua/.
local function plugin_folder()
  local here = debug.getinfo(1, "S").source:match("^@(.*)$")
  return vim.fn.fnamemodify(here, ":p:h:h:h:h")
end

--- The name of the first program that exists.
local function compiler()
  for _, name in ipairs({ vim.env.CC or "cc", "cc", "gcc", "clang" }) do
    if vim.fn.executable(name) == 1 then
      return name
    end
  end
end

local LIBRARIES = {
  "libcurl.so.4",
  "libcurl-gnutls.so.4",
  "libcurl-nss.so.4",
  "libcurl.so",
  "libcurl.4.dylib",
  "libcurl.dylib",
}

--- The version of libcurl, 0xXXYYZZ: the core is compiled for what it can do. nil without a
--- libcurl, or in a Neovim whose Lua has no FFI.
local function curl_version()
  local has_ffi, ffi = pcall(require, "ffi")
  if not has_ffi then
    return nil
  end
  pcall(
    ffi.cdef,
    [[
    struct posthog_curl_version { int age; const char *version; unsigned int number; };
    struct posthog_curl_version *curl_version_info(int now);
  ]]
  )
  for _, name in ipairs(LIBRARIES) do
    local found, library = pcall(ffi.load, name)
    if found then
      return tonumber(library.curl_version_info(0).number)
    end
  end
end

--- Runs a program in the plugin's folder. Within a build of lazy.nvim the editor goes on
--- meanwhile: it resumes the coroutine at every turn of its loop, and shows what is yielded.
--- @return integer status
--- @return string output
local function run(arguments, folder)
  local done
  local process = vim.system(arguments, { cwd = folder, text = true }, function(result)
    done = result
  end)
  if package.loaded["lazy"] and coroutine.running() then
    while not done do
      coroutine.yield("compiling the C core")
    end
  else
    done = process:wait()
  end
  return done.code, (done.stdout or "") .. (done.stderr or "")
end

local function flags(version)
  local words = {
    "-std=c99",
    "-O2",
    "-fPIC",
    "-fvisibility=hidden",
    "-pthread",
    "-w",
    "-Isrc",
    "-Isrc/headers",
    ("-DLIBCURL_VERSION_NUM=0x%06x"):format(version),
  }
  if rawget(_G, "jit") then
    words[#words + 1] = "-DPOSTHOG_LLM_LUAJIT"
  end
  if vim.fn.has("mac") == 1 then
    vim.list_extend(words, { "-bundle", "-undefined", "dynamic_lookup" })
  else
    vim.list_extend(words, { "-shared", "-Wl,-z,nodelete" }) -- a thread may outlive dlclose
  end
  return words
end

local function sources(folder)
  local found = vim.fn.glob(folder .. "/src/*.c", true, true)
  vim.list_extend(found, vim.fn.glob(folder .. "/src/*/*.c", true, true))
  for i, path in ipairs(found) do
    found[i] = path:sub(#folder + 2)
  end
  return found
end

--- What a failed compilation asks of the user.
local function explain(output)
  if output:find("[%w_]+%.h[^\n]*[Nn]o such file") or output:find("cannot find crt", 1, true) then
    return "the headers of the C library are missing (Debian, Ubuntu: apt install libc6-dev; "
      .. "Fedora: dnf install glibc-devel; Alpine: apk add musl-dev; macOS: xcode-select --install)"
  end
  return "the compiler says: " .. (output:match("([^\n]*error[^\n]*)") or output:sub(1, 300))
end

--- Why this machine cannot build it, for :checkhealth.
--- @return string? reason with what to install
function build.obstacle()
  local ran, reason = pcall(build.requirements)
  return not ran and reason or nil
end

--- Raises where this machine cannot build it, with what to install.
--- @return string cc
--- @return integer version of libcurl
function build.requirements()
  if vim.fn.has("nvim-0.10") == 0 then
    error("Neovim 0.10 or newer is needed; on older ones run make nvim (doc/neovim.md)", 0)
  end
  local cc = compiler()
  if not cc then
    error(
      "a C compiler is needed: install gcc or clang (Debian, Ubuntu: apt install gcc libc6-dev; "
        .. "macOS: xcode-select --install)",
      0
    )
  end
  local version = curl_version()
  if not version then
    error(
      "libcurl is needed, which comes with curl: install curl (Debian, Ubuntu: apt install curl)",
      0
    )
  elseif version < 0x074400 then
    error(("libcurl 7.68 or newer is needed, and this is 0x%06x"):format(version), 0)
  end
  local into = plugin_folder() .. "/" .. CORE:match("^(.*)/")
  if vim.uv.fs_access(into, "W") ~= true then
    local words = "%s cannot be written: build it as its owner, or have a copy of the plugin of "
      .. "your own"
    error(words:format(into), 0)
  end
  return cc, version
end

--- Raises where the new core does not load into this Neovim.
local function check_loads(path)
  local open, why = package.loadlib(path, "luaopen_posthog_llm_core")
  local loaded, core = pcall(open or function() end)
  if not open or not loaded then
    error("the core was built and does not load: " .. tostring(open and core or why), 0)
  end
  return core
end

--- Builds it in place. What ran before goes on with the core that it has loaded: the new file takes
--- the name of the old one.
--- @return posthog.nvim.Built built raises a text of one line when it cannot be built
function build.run()
  local folder = plugin_folder()
  local cc, version = build.requirements()
  local path = folder .. "/" .. CORE
  local new = ("%s.%d"):format(path, vim.fn.getpid())
  local arguments = { cc }
  vim.list_extend(arguments, flags(version))
  vim.list_extend(arguments, sources(folder))
  vim.list_extend(arguments, { "-o", new, "-lm" })
  if vim.fn.has("linux") == 1 then
    arguments[#arguments + 1] = "-ldl" -- a library of its own until glibc 2.34
  end
  local status, output = run(arguments, folder)
  if status ~= 0 then
    os.remove(new)
    error(explain(output), 0)
  end
  local loaded, core = pcall(check_loads, new)
  if not loaded then
    os.remove(new)
    error(core, 0)
  end
  local renamed, why = os.rename(new, path)
  if not renamed then
    os.remove(new)
    error(("%s cannot be written: %s"):format(path, why), 0)
  end
  local message = ("built %s for %s"):format(path, core.curl_version)
  if package.loaded[MODULE] then
    message = message .. "; restart Neovim, which has loaded the one before"
  end
  return { path = path, message = message }
end

return build
