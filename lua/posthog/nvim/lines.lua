--- The lines of a buffer, and the text that they stand for.

local lines = {}

local api = vim.api

--- @param buffer integer
--- @return string text with line ends
function lines.text(buffer)
  local list = api.nvim_buf_get_lines(buffer, 0, -1, false)
  local ending = vim.bo[buffer].fileformat == "dos" and "\r\n" or "\n"
  if table.concat(list):find("\n", 1, true) then -- as Neovim keeps a NUL in memory
    for i, line in ipairs(list) do
      list[i] = line:gsub("\n", "\0")
    end
  end
  return table.concat(list, ending) .. (vim.bo[buffer].endofline and ending or "")
end

--- The lines of a text, and the file format that their ends ask for.
--- @param text string
--- @return string[]
--- @return "unix"|"dos"
function lines.split(text)
  local list, at = {}, 1
  while at <= #text do
    local stop = text:find("\n", at, true) or #text + 1
    list[#list + 1] = text:sub(at, stop - 1)
    at = stop + 1
  end
  if not text:find("\r", 1, true) then
    return list, "unix"
  end
  for _, line in ipairs(list) do
    if line:sub(-1) ~= "\r" then
      return list, "unix"
    end
  end
  for i, line in ipairs(list) do
    list[i] = line:sub(1, -2)
  end
  return list, #list > 0 and "dos" or "unix"
end

--- Puts a text into a buffer. The first one leaves nothing to undo, a later one is one step.
--- @param buffer integer
--- @param text string
--- @param is_first boolean
function lines.fill(buffer, text, is_first)
  local list, format = lines.split(text)
  local levels = vim.bo[buffer].undolevels
  vim.bo[buffer].modifiable = true
  if is_first then
    vim.bo[buffer].undolevels = -1
  end
  api.nvim_buf_set_lines(buffer, 0, -1, false, list)
  vim.bo[buffer].undolevels = levels
  vim.bo[buffer].fileformat = format
  vim.bo[buffer].modified = false
end

return lines
