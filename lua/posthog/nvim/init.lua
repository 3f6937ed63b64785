--- The public functions of the editor plugin; :help posthog.

local nvim = {}

--- What the buffer of a skill's file stands at, for status lines.
--- @param buffer? integer default: the present one
--- @return string text "pdf-forms 4", "pdf-forms 4 (latest 6)", "" in other buffers
function nvim.status(buffer)
  local found = vim.b[buffer or 0].posthog
  if not found then
    return ""
  elseif found.state == "new" then
    return found.name .. " (new)"
  end
  local text = found.version and ("%s %d"):format(found.name, found.version) or found.name
  if found.latest and found.latest ~= found.version then
    text = ("%s (latest %d)"):format(text, found.latest)
  end
  if found.state ~= "ready" then
    text = ("%s, %s"):format(text, found.state)
  end
  return text
end

--- What the user has spent, for status lines: from a cache, which is filled behind the scenes.
--- @return string text "" where nothing is known yet
function nvim.spend()
  return require("posthog.nvim.spend").line()
end

return nvim
