rockspec_format = "3.0"
package = "posthog-llm"
version = "scm-2"

-- Of a checkout, by `luarocks make`. For a release `make dist` writes a rockspec whose source is
-- the archive, and leaves all else as it is here.
source = {
  url = "file://.",
}

description = {
  summary = "PostHog's LLM API: skills, datasets and spend, in scripts, Neovim and nginx",
  detailed = [[
A client of PostHog's LLM API for Lua 5.1 to 5.5 and LuaJIT. A C core does HTTP
(libcurl) and lossless JSON; the same code runs in a script, in Neovim and in
an nginx handler, and blocks neither of the last two.
]],
  license = "MIT",
  labels = { "posthog", "llm", "http", "json", "neovim", "openresty" },
}

dependencies = {
  "lua >= 5.1, < 5.6",
  "luafilesystem", -- of the command, for skills as folders
}

-- No header is named: LuaRocks does not look into include/<architecture>, where
-- Debian has it and the compiler finds it. Elsewhere CURL_DIR=... helps.
external_dependencies = {
  CURL = { library = "curl" },
}

-- By the Makefile, which knows the files and the flags: there is no second list of either.
build = {
  type = "make",
  build_target = "all",
  install_target = "install-library",
  variables = {
    ROCK_LUA = "$(LUA)",
    CFLAGS = "$(CFLAGS)",
    LUA_CFLAGS = "-I$(LUA_INCDIR)",
    CURL_CFLAGS = "-I$(CURL_INCDIR)",
    CURL_LIBS = "-L$(CURL_LIBDIR) -lcurl",
    LUA_DIR = "$(LUADIR)",
    LUA_LIB_DIR = "$(LIBDIR)",
  },
  install = {
    bin = { "bin/posthog-llm" },
  },
  copy_directories = { "spec/emulator" }, -- for the command emulator
}
