--- Links between the files of a skill: gf on a relative path opens the bundled file.

local account = require("posthog.nvim.account")
local buffer = require("posthog.nvim.buffer")
local uri = require("posthog.nvim.uri")

local links = {}

--- The path without `.` and `..`; nil where it leads out of the skill.
local function normal(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      if #parts == 0 then
        return nil
      end
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return #parts > 0 and table.concat(parts, "/") or nil
end

--- For 'includeexpr'.
--- @param name string under the cursor
--- @return string name of a buffer, or what was given
function links.resolve(name)
  local state = buffer.state(vim.api.nvim_get_current_buf())
  if not state or state.at.kind ~= "file" or name:find("^%a[%w+.-]*:") or name:sub(1, 1) == "/" then
    return name
  end
  local target = name:gsub("[#?].*$", "")
  local folder = state.at.path:match("^(.*/)") or ""
  -- Relative to the file, as Markdown has it; and to the skill, as skills mostly have it.
  local path = normal(folder .. target)
  if path and not buffer.has_file(state, path) then
    path = normal(target)
  end
  if not path then
    return name
  end
  local target_name = uri.of_file(state.at.name, path, state.at.version)
  account.pass_on(target_name, state.account)
  return target_name
end

return links
