--- Calls of the soak on datasets and items. Each worker fills a dataset of its own, so that it
--- knows what has to be there; `marks` of a row are what an update may have left in it.

local llm = require("posthog.llm")

local MOST_ITEMS = 30 -- of a dataset, before it is given up for a new one

local function wrong(text, ...)
  return text:format(...)
end

--- What a live row may hold after an update of this outcome.
local function remember(row, outcome, mark)
  if outcome == "done" then
    row.marks = { [mark] = true }
  elseif outcome == "unknown" then
    row.marks[mark] = true
  end
end

--- Whether a row lives after it was to be marked so; nil: nobody knows.
local function remember_life(row, outcome, alive)
  if outcome == "done" then
    row.alive = alive
  elseif outcome == "unknown" and row.alive ~= alive then
    row.alive = nil
  end
end

--- A read of a row: what is wrong with the answer.
local function read_row(row, mark_of)
  return function(value)
    if row.alive == false then
      return wrong("%s is deleted", row.id)
    end
    if value.id ~= row.id then
      return wrong("%s instead of %s", value.id, row.id)
    end
    local mark = mark_of(value)
    if not row.marks[mark] then
      return wrong("%s has the mark %s", row.id, tostring(mark))
    end
  end
end

--- Reads a row; a 404 is wrong for one that lives.
local function get_row(w, kind, resource, row, mark_of)
  local entry, options = w:begin(kind, { on = row.id })
  local value, err, response = resource:get(row.id, options)
  if err and err.status == 404 and row.alive then
    entry.wrong = "it is not found"
  end
  w:finish(entry, read_row(row, mark_of), value, err, response)
end

local function description(value)
  return value.description
end

--- Ends a search for what a create may have made.
--- @return string? id
local function find(w, entry, found, err, response)
  entry.found = found and #found
  entry.id = found and found[1] and found[1].id
  w:finish(entry, nil, found, err, response)
  return entry.id
end

local function new_dataset(w)
  local mark = w:mark()
  local fields = { name = "soak " .. mark, description = mark, metadata = { made = mark } }
  local entry, options = w:begin("create dataset", { mark = mark })
  local value, err, response = w.client.datasets:create(fields, options)
  entry.id = value and value.id
  local outcome = w:finish(entry, function(made)
    if made.metadata.made ~= mark then
      return "another dataset"
    end
  end, value, err, response)
  local id = entry.id
  if outcome == "unknown" then
    local sent_at = err.sent_at
    entry, options = w:begin("find dataset", { mark = mark })
    id = find(w, entry, w.client.datasets:find_created(fields, sent_at, options))
  end
  if id then
    w.dataset = { id = id, marks = { [mark] = true }, alive = true, items = {}, maybe = {} }
  end
end

local function update_dataset(w)
  local mark = w:mark()
  local entry, options = w:begin("update dataset", { on = w.dataset.id, mark = mark })
  local value, err, response =
    w.client.datasets:update(w.dataset.id, { description = mark }, options)
  remember(
    w.dataset,
    w:finish(entry, function(row)
      if row.id ~= w.dataset.id or row.description ~= mark then
        return "another value"
      end
    end, value, err, response),
    mark
  )
end

local function get_dataset(w)
  get_row(w, "get dataset", w.client.datasets, w.dataset, description)
end

local function list_datasets(w)
  local entry, options = w:begin("list datasets", {}, { id__in = { w.dataset.id } })
  local page, err, response = w.client.datasets:list(options)
  w:finish(entry, function(value)
    local n = #value.results
    if n ~= (w.dataset.alive and 1 or 0) and w.dataset.alive ~= nil then
      return wrong("%d rows", n)
    end
    return n > 0 and read_row(w.dataset, description)(value.results[1]) or nil
  end, page, err, response)
end

--- The end of a dataset: deleted, and now and then taken back.
local function leave_dataset(w)
  local row, resource = w.dataset, w.client.datasets
  w.dataset = nil
  local entry, options = w:begin("delete dataset", { on = row.id })
  local value, err, response = resource:delete(row.id, options)
  remember_life(row, w:finish(entry, nil, value, err, response), false)
  if w.chance:falls(0.3) then
    entry, options = w:begin("undelete dataset", { on = row.id })
    value, err, response = resource:undelete(row.id, options)
    w:finish(entry, nil, value, err, response)
  end
end

local function item_fields(w, mark)
  return {
    input = { mark = mark, text = w.chance:text(30), list = { 1, 2.5, llm.null, llm.array({}) } },
    output = llm.null,
    ref_source_id = mark,
  }
end

local function item_mark(value)
  return value.input.mark == value.ref_source_id and value.ref_source_id or nil
end

local function new_item(w)
  local mark = w:mark()
  local fields = item_fields(w, mark)
  fields.dataset, fields.metadata = w.dataset.id, { made = mark }
  local entry, options = w:begin("create item", { mark = mark, on = w.dataset.id })
  local value, err, response = w.client.dataset_items:create(fields, options)
  entry.id = value and value.id
  local outcome = w:finish(entry, function(made)
    if item_mark(made) ~= mark or made.input.text ~= fields.input.text then
      return "another item"
    end
  end, value, err, response)
  local id = entry.id
  if outcome == "unknown" then
    w.dataset.maybe[mark] = true
    local sent_at = err.sent_at
    entry, options = w:begin("find item", { mark = mark })
    id = find(w, entry, w.client.dataset_items:find_created(fields, sent_at, options))
  end
  if id then
    w.dataset.items[#w.dataset.items + 1] =
      { id = id, made = mark, marks = { [mark] = true }, alive = true }
  end
end

local function update_item(w)
  local row, mark = w.chance:of(w.dataset.items), w:mark()
  local entry, options = w:begin("update item", { on = row.id, mark = mark })
  local value, err, response = w.client.dataset_items:update(row.id, item_fields(w, mark), options)
  remember(
    row,
    w:finish(entry, function(after)
      if after.id ~= row.id or item_mark(after) ~= mark then
        return "another value"
      end
    end, value, err, response),
    mark
  )
end

local function get_item(w)
  local row = w.chance:of(w.dataset.items)
  if row.alive == false then
    return
  end -- a 404
  get_row(w, "get item", w.client.dataset_items, row, item_mark)
end

local function mark_item(kind, method, alive)
  return function(w)
    local row = w.chance:of(w.dataset.items)
    local entry, options = w:begin(kind, { on = row.id })
    local resource = w.client.dataset_items
    local value, err, response = resource[method](resource, row.id, options)
    remember_life(row, w:finish(entry, nil, value, err, response), alive)
  end
end

--- What is wrong with the whole list of the items of a dataset.
local function compare_items(dataset, rows)
  local expected, seen = {}, {}
  for _, row in ipairs(dataset.items) do
    expected[row.id] = row
  end
  for _, value in ipairs(rows) do
    local row = expected[value.id]
    if seen[value.id] then
      return wrong("%s comes twice", value.id)
    end
    seen[value.id] = true
    local problem = row and read_row(row, item_mark)(value)
    if problem then
      return problem
    end
    if not row and not dataset.maybe[value.metadata.made] then
      return wrong("nobody made %s", value.id)
    end
  end
  for _, row in ipairs(dataset.items) do
    if row.alive and not seen[row.id] then
      return wrong("%s is missing", row.id)
    end
  end
end

local function each_item(w)
  local ahead = w.chance:below(3)
  local entry, options = w:begin(
    "each item",
    { on = w.dataset.id },
    { dataset = w.dataset.id, limit = 7, prefetch = ahead }
  )
  -- A gather of one catches what the iterator raises, on every Lua.
  local values, errors = llm.gather({
    function()
      local rows = {}
      for row in w.client.dataset_items:each(options) do
        rows[#rows + 1] = row
      end
      return rows
    end,
  })
  local err = errors and errors[1]
  if err and not llm.is_error(err) then
    error(err, 0)
  end
  w:finish(entry, function(rows)
    return compare_items(w.dataset, rows)
  end, values[1], err)
end

local function get_spend(w)
  local entry, options = w:begin("get spend", {})
  w:finish(entry, function(value)
    if not value.summary then
      return "no summary"
    end
  end, w.client.spend:get(options))
end

local function no_dataset(w)
  return not w.dataset
end
local function has_dataset(w)
  return w.dataset
end
local function has_items(w)
  return w.dataset and #w.dataset.items > 0
end
local function has_room(w)
  return w.dataset and #w.dataset.items < MOST_ITEMS
end
local function is_full(w)
  return w.dataset and #w.dataset.items >= MOST_ITEMS
end

return {
  { weight = 100, may = no_dataset, run = new_dataset },
  { weight = 4, may = has_dataset, run = update_dataset },
  { weight = 4, may = has_dataset, run = get_dataset },
  { weight = 4, may = has_dataset, run = list_datasets },
  { weight = 15, may = is_full, run = leave_dataset },
  { weight = 20, may = has_room, run = new_item },
  { weight = 12, may = has_items, run = update_item },
  { weight = 10, may = has_items, run = get_item },
  { weight = 4, may = has_items, run = mark_item("delete item", "delete", false) },
  { weight = 3, may = has_items, run = mark_item("undelete item", "undelete", true) },
  { weight = 5, may = has_dataset, run = each_item },
  {
    weight = 2,
    may = function()
      return true
    end,
    run = get_spend,
  },
}
