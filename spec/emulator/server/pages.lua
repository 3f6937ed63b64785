--- Limit/offset pages: { count, next, previous, results }.

local responses = require("server.responses")
local json = require("server.json")
local request = require("server.request")
local settings = require("server.settings").values
local text = require("server.text")

local pages = {}

local PAGE = { "count", "next", "previous", "results" }

--- What Python's int() would make of it, or nil.
local function integer(value)
  local digits = value and value:match("^%s*([+-]?%d+)%s*$")
  return digits and tonumber((digits:gsub("^%+", "")))
end

--- The address of this list with another offset; parameters sorted by name. Offset 0 is left out.
local function link(ctx, limit, offset)
  local parameters = {}
  for i, pair in ipairs(ctx.query_pairs) do
    if pair[1] ~= "limit" and pair[1] ~= "offset" then
      parameters[#parameters + 1] = { pair[1], pair[2], i }
    end
  end
  parameters[#parameters + 1] = { "limit", ("%d"):format(limit), 0 }
  if offset > 0 then
    parameters[#parameters + 1] = { "offset", ("%d"):format(offset), 0 }
  end
  table.sort(parameters, function(a, b)
    if a[1] ~= b[1] then
      return a[1] < b[1]
    end
    return a[3] < b[3]
  end)
  local parts = {}
  for i, parameter in ipairs(parameters) do
    parts[i] = text.escape_query(parameter[1]) .. "=" .. text.escape_query(parameter[2])
  end
  local origin = settings.link_origin ~= "" and settings.link_origin
    or request.origin() .. ctx.prefix
  return origin .. ctx.raw_path .. "?" .. table.concat(parts, "&")
end

--- Cuts the page that the request asks for out of `rows`.
--- @param rows table[] all that match, in order
--- @param write fun(row: table): string the JSON of one row
--- @param policy { default: integer, max: integer? }
function pages.response(ctx, rows, write, policy)
  local limit = integer(ctx.query.limit)
  if not limit or limit <= 0 then
    limit = policy.default
  end
  if policy.max and limit > policy.max then
    limit = policy.max
  end
  local offset = integer(ctx.query.offset)
  if not offset or offset < 0 then
    offset = 0
  end
  local texts = {}
  for i = offset + 1, math.min(offset + limit, #rows) do
    texts[#texts + 1] = write(rows[i])
  end
  return responses.ok(json.object(PAGE, {
    count = #rows,
    next = offset + limit < #rows and link(ctx, limit, offset + limit) or nil,
    previous = offset > 0 and link(ctx, limit, math.max(offset - limit, 0)) or nil,
    results = json.raw(json.list(texts)),
  }))
end

--- Sorts a copy of `rows` by `keys`, each { name, descending }; equal rows keep their order. A number
--- that is missing is more than any other, as in the database.
function pages.sorted(rows, keys)
  local copy, place = {}, {}
  for i, row in ipairs(rows) do
    copy[i], place[row] = row, i
  end
  table.sort(copy, function(a, b)
    for _, key in ipairs(keys) do
      local x, y = a[key[1]] or math.huge, b[key[1]] or math.huge
      if x ~= y then
        if key[2] then
          x, y = y, x
        end
        return x < y
      end
    end
    return place[a] < place[b]
  end)
  return copy
end

return pages
