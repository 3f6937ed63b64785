--- The rows of a dataset, page by page, with failures as values: an iterator
--- that raises needs pcall, within which Lua 5.1 cannot wait.

local pages = require("posthog.llm.pages")

--- @param client posthog.llm.Client
--- @param options { dataset: string, limit: integer, revision?: integer, prefetch?: integer }
--- @return fun(): posthog.llm.DatasetItem?, posthog.llm.Error? next_row newest first
local function listing(client, options)
  local function fetch(query)
    return client.dataset_items:list({
      dataset = options.dataset,
      revision = options.revision,
      limit = options.limit,
      offset = tonumber(("&" .. (query or "")):match("&offset=(%d+)")),
    })
  end
  return pages.rows(fetch, ("limit=%d"):format(options.limit), options.prefetch or 0)
end

return listing
