--- Lines in nginx's error log: one a minute of a kind, however many requests it concerns.

local log = {}

local QUIET = 60 -- seconds

--- @param dict table
--- @param kind string
--- @param ... string
function log.warn(dict, kind, ...)
  if not dict:add("log " .. kind, true, QUIET) then
    dict:incr("unlogged " .. kind, 1, 0)
    return
  end
  local more = dict:get("unlogged " .. kind) or 0
  dict:delete("unlogged " .. kind)
  local words = more > 0 and (" (%d more since the last such line)"):format(more) or ""
  local text = table.concat({ ... })
  ngx.log(ngx.WARN, "posthog.llm.cache: ", text, words)
end

return log
