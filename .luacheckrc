std = "max"
max_line_length = 100
max_comment_line_length = false -- annotations do not wrap
-- One method may leave its self unused; an unused argument often names itself.
self = false
unused_args = false

exclude_files = { "build", "lua_modules" }

-- Whether the host is nginx or Neovim is asked here.
files["lua/posthog/llm/host"] = { read_globals = { "ngx", "vim" } }
files["lua/posthog/llm/cache"] = { read_globals = { "ngx" } }
files["lua/posthog/llm/cache.lua"] = { read_globals = { "ngx" } }
files["lua/posthog/llm/http/rate_limit"] = { read_globals = { "ngx" } }
files["lua/posthog/llm/init.lua"] = { read_globals = { "ngx", "vim" } }

-- stylua folds what it can.
files["spec"] = { std = "+busted", max_code_line_length = 125, max_string_line_length = 125 }
files["spec/emulator"] = { std = "+ngx_lua" }
files["spec/**/*nvim*"] = { read_globals = { "vim" } }
files["spec/**/*ngx*"] = { std = "+ngx_lua" }
files["spec/**/*nginx*"] = { std = "+ngx_lua" }
files["examples/nginx"] = { std = "+ngx_lua" }
-- Options and variables of buffers and windows are set by fields of vim.
local writable = { read_only = false, other_fields = true }
local vim = { other_fields = true, fields = { b = writable, bo = writable, g = writable, wo = writable } }
files["lua/posthog/nvim"] = { read_globals = { vim = vim } }
files["lua/posthog/health.lua"] = { read_globals = { vim = vim } }
files["plugin"] = { read_globals = { vim = vim } }
files["build.lua"] = { read_globals = { vim = vim } }

-- The runner hands busted its arguments.
files["tools/spec.lua"] = { globals = { "arg" } }
