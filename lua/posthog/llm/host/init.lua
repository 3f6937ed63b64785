--- Finds the host at run time: it decides how a call waits.
---
--- A host is a module of
---   unavailable() -> posthog.llm.Error?   why no call can be made here, now
---   wait(transfer)                    returns when the transfer is done
---   sleep(seconds) -> false?           false when it was cancelled
---   background()                       from now on requests go on while Lua does something else
---   gather(functions, concurrency, raised?) -> values, errors
---
--- `ngx` present: nginx. `vim` present, or llm.go in use on a luv loop: uv.
--- Otherwise plain, which is also what a luv program outside of llm.go gets.

local host = {}

local loaded = package.loaded
local UV = "posthog.llm.host.uv"

--- Neovim's main thread; those of vim.loop.new_thread have no vim.schedule.
local function in_neovim()
  local vim = rawget(_G, "vim")
  return type(vim) == "table" and vim.schedule ~= nil and (vim.uv or vim.loop) ~= nil
end

local NGX = "posthog.llm.host.ngx"
local PLAIN = "posthog.llm.host.plain"

--- The kind of process does not change; only luv may be loaded later.
local HERE = rawget(_G, "ngx") and NGX or in_neovim() and UV or PLAIN

--- Runs for every call: two table lookups.
--- @return table host the module for the present one
function host.current()
  if HERE == PLAIN and loaded[UV] then
    return loaded[UV]
  end
  return loaded[HERE] or require(HERE)
end

--- Whether a call made here and now may block in the core: in a plain program, and there neither
--- inside a gather nor where Ctrl-C is to cancel calls. Runs for every plain read.
--- @return boolean?
function host.blocks()
  local plain = loaded[PLAIN]
  return HERE == PLAIN and not loaded[UV] and plain and plain.blocks
end

--- The host of llm.go.
--- @return table? uv
--- @return string? why it is not available
function host.uv()
  if HERE == NGX then
    return nil, "it needs Neovim or luv; in nginx use llm.gather or ngx.thread.spawn"
  end
  local ok, uv = pcall(require, UV)
  if ok then
    return uv
  elseif tostring(uv):find("luv is not available", 1, true) then
    return nil,
      "it needs an event loop: in Neovim, or in a program that begins with "
        .. 'require("luv") (Debian: lua-luv) and ends with luv.run(); elsewhere call directly, or '
        .. "use llm.gather"
  end
  error(uv, 0)
end

return host
