--- Probes for lost writes on the datasets and items of API v2: reads that show what became of them.
--- An item keeps its id and versions forever, so it cannot be confused with another; a dataset's
--- name is unique.

local body = require("posthog.llm.http.body")
local compare = require("posthog.llm.util.compare")
local pages = require("posthog.llm.api.pages")
local rules = require("posthog.llm.api.ambiguous.rules")
local stored = require("posthog.llm.api.ambiguous.stored")
local url = require("posthog.llm.http.url")

--- Each function returns a probe: fun(lost: posthog.llm.Lost, err: posthog.llm.Error):
--- posthog.llm.Finding
local probes = {}

local UNKNOWN = { verdict = rules.UNKNOWN }
local PAGE_SIZE = 100 -- datasets, or versions of an item, of which a server keeps 40

--- The fields that each version of an item has.
local CONTENT = { "input", "expected_output", "metadata", "archived" }

--- @param fields table the shape of the page
local function read_page(self, path, query, options, fields)
  local page, _, response = self._run({
    method = "GET",
    under = "projects",
    path = path,
    query = query,
    idempotent = true,
    shape = fields,
    options = options,
  })
  return type(page) == "table" and page.results or {}, response
end

--- The versions of an item by their number, none where they cannot be read. Those of another item,
--- as a confused cache sends them, would prove that a write did not happen.
--- @return table<integer, table> versions
--- @return posthog.llm.Response? response
local function history(self, path, id, options)
  local query = ("limit=%d"):format(PAGE_SIZE)
  local rows, response = read_page(self, path .. "versions/", query, options, pages.shape("id", id))
  local versions = {}
  for _, row in ipairs(rows) do
    if type(row) == "table" and type(row.version) == "number" then
      versions[row.version] = row
    end
  end
  return versions, response
end

local function made(lost, row, response, content)
  return lost:has_made({
    at = row.version_created_at,
    by = row.version_created_by,
    content = content,
  }, response)
end

--- @param self table the resource
--- @param path string of the item
--- @param id string of the item
--- @param base integer the version that the write is based on
--- @param changes table the fields that it sets, as they are sent; `source_version`: those of that
---   version
function probes.next_version(self, path, id, base, changes)
  return function(lost)
    local sent, err = body.canonical(changes, self._codec)
    local versions, response = history(self, path, id, lost:options())
    if err or not versions[base] then
      return UNKNOWN
    end
    local source = versions[sent.source_version or base]
    local after, evidence = versions[base + 1], { skill = "same" }
    if after and source then
      local content = "equal"
      for _, name in ipairs(CONTENT) do
        local expected = sent[name]
        if expected == nil then
          expected = source[name]
        end
        content = stored.both(content, stored.json(expected, after[name]))
      end
      evidence.made = made(lost, after, response, content)
    end
    return {
      verdict = rules.decide(rules.NEXT_VERSION, evidence),
      value = after,
      response = response,
      why = ("version %d was made by somebody else"):format(base + 1),
    }
  end
end

--- A create with client_item_id when the server has an item with that key and other content: the
--- item may have been changed since.
--- @param self table the resource
--- @param base string path of all items
--- @param fields table as they are sent
function probes.keyed(self, base, fields)
  return function(lost, failed)
    local id = failed.current_item_id
    local sent, err = body.canonical(fields, self._codec)
    if err or type(id) ~= "string" or not id:find("^[%w-]+$") then
      return UNKNOWN
    end
    local versions, response = history(self, base .. id .. "/", id, lost:options())
    local first = versions[1]
    if not first then
      return UNKNOWN
    end
    local content = stored.has_row_fields(first, sent)
    return {
      verdict = rules.decide(rules.KEYED_ITEM, { made = made(lost, first, response, content) }),
      value = first,
      response = response,
      why = "another item has its client_item_id",
    }
  end
end

--- A create of a dataset, whose name is unique.
--- @param self table the resource
--- @param base string path of all datasets
--- @param fields table as they are sent
function probes.named(self, base, fields)
  return function(lost)
    local sent, err = body.canonical(fields, self._codec)
    local name = type(fields.name) == "string" and compare.trim(fields.name) or ""
    if err or name == "" then
      return UNKNOWN
    end
    local query = ("search=%s&limit=%d"):format(url.escape(name), PAGE_SIZE)
    local rows, response = read_page(self, base, query, lost:options(), pages.SHAPE)
    for _, row in ipairs(rows) do
      if type(row) == "table" and row.name == name then
        return {
          verdict = rules.decide(rules.FIRST_VERSION, {
            made = lost:has_made({
              at = row.created_at,
              by = row.created_by,
              content = stored.has_row_fields(row, sent),
            }, response),
            skill = lost:time_of(row.created_at, response) == "before" and "same" or nil,
          }),
          value = row,
          response = response,
          why = "the name belongs to another dataset",
        }
      end
    end
    return UNKNOWN
  end
end

return probes
