--- Sessions restore the plugin's buffers without text: they are loaded again.

local session = {}

function session.restore()
  for _, number in ipairs(vim.api.nvim_list_bufs()) do
    local name = vim.api.nvim_buf_get_name(number)
    if vim.startswith(name, "posthog://") and vim.api.nvim_buf_is_loaded(number) then
      vim.api.nvim_buf_call(number, function()
        pcall(vim.cmd, "silent edit") -- one that cannot be loaded does not stop the others
      end)
    end
  end
end

return session
