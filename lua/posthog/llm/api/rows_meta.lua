--- @meta posthog.llm.rows
-- The methods that row_resource.lua makes for datasets and for items, for language servers and for
-- the reference. Nothing requires this file.

--- @class posthog.llm.Datasets
local Datasets = {}

--- Creates a dataset. It is never repeated when its response is lost, since names may repeat on API
--- v1: use [find_created](#clientdatasetsfind_created).
---
--- ```lua
--- local dataset = assert(client.datasets:create({
---   name = "golden",
---   description = "Questions with known answers.",
---   metadata = { team = "support", tags = llm.array({}) },
--- }))
--- print(dataset.id, dataset.created_at)
--- ```
--- @param fields posthog.llm.DatasetFields
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Dataset? dataset
--- @return posthog.llm.Error? err kind `invalid`, with `attr`: that field is missing or invalid;
---   kind `conflict` (API v2), code `dataset_name_conflict`: the name is taken; code
---   `limit_reached`: there are as many datasets as the server allows; `ambiguous`: it may have
---   been created
--- @return posthog.llm.Response? response
function Datasets:create(fields, options) end

--- One dataset.
---
--- ```lua
--- local same, err = client.datasets:get(dataset.id)
--- print(same and same.name or err) --> golden
--- ```
--- @param id string
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Dataset? dataset
--- @return posthog.llm.Error? err kind `not_found`: there is none with this id; on API v1 also one
---   that is deleted, which API v2 returns with `archived = true`
--- @return posthog.llm.Response? response
function Datasets:get(id, options) end

--- One page of the project's datasets, newest first, without deleted ones. An empty `id__in` gives
--- an empty page without a request.
---
--- ```lua
--- local page = assert(client.datasets:list({ search = "gold", order_by = "-updated_at", limit = 10 }))
--- print(page.count, page.results[1].name) --> 1  golden
--- ```
--- @param options? posthog.llm.DatasetList
--- @return posthog.llm.Page? page its `results` are [datasets](#dataset)
--- @return posthog.llm.Error? err kind `invalid`: the server refuses a filter; API v1: `archived`
--- @return posthog.llm.Response? response
function Datasets:list(options) end

--- All datasets of the project, newest first, without deleted ones. One request for each page; none
--- before the first step. No dataset comes twice; one that is created meanwhile may be missed.
---
--- ```lua
--- for row in client.datasets:each({ search = "gold" }) do
---   print(row.id, row.name)
--- end
--- ```
--- @param options? posthog.llm.DatasetEach
--- @return fun(): posthog.llm.Dataset? iterator for a generic `for`; raises the error of a page
---   that fails
function Datasets:each(options) end

--- Changes a dataset. Absent fields stay; `metadata` is replaced as a whole. The last writer wins.
--- It is retried, as a repeat changes nothing more.
---
--- ```lua
--- dataset = assert(client.datasets:update(dataset.id, { description = "Reviewed in May." }))
--- print(dataset.name, dataset.description) --> golden  Reviewed in May.
--- ```
--- @param id string
--- @param fields posthog.llm.DatasetFields
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Dataset? dataset
--- @return posthog.llm.Error? err kind `not_found`; kind `invalid`, with `attr`; kind `conflict`
---   (API v2), code `dataset_archived` or `dataset_name_conflict`
--- @return posthog.llm.Response? response
function Datasets:update(id, fields, options) end

--- Looks for datasets that a create has made whose response was lost: those with these fields that
--- were created since then. Values are compared as the server stores them. A create that is still
--- on its way is not found.
---
--- ```lua
--- local fields = { name = "silver" }
--- local made, err = client.datasets:create(fields)
--- if err and err.ambiguous then
---   local found = assert(client.datasets:find_created(fields, err.sent_at))
---   made = found[1] or assert(client.datasets:create(fields))
--- end
--- print(made and made.name or err) --> silver
--- ```
--- @param fields posthog.llm.DatasetFields as they were given to `create`
--- @param since number|string `err.sent_at`: seconds since 1970 by this machine's clock; or a
---   timestamp of the server
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Dataset[]? found newest first; possibly empty
--- @return posthog.llm.Error? err
function Datasets:find_created(fields, since, options) end

--- Marks a dataset as deleted: it is no longer in lists. Its items stay. On API v2 it is archived.
---
--- ```lua
--- local deleted = assert(client.datasets:delete(dataset.id))
--- print(deleted.deleted) --> true
--- ```
--- @param id string
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Dataset? dataset
--- @return posthog.llm.Error? err kind `not_found`
--- @return posthog.llm.Response? response
function Datasets:delete(id, options) end

--- Removes the mark that `delete` has set. API v1 cannot list deleted datasets: keep the id.
---
--- ```lua
--- dataset = assert(client.datasets:undelete(dataset.id))
--- print(dataset.deleted) --> false
--- ```
--- @param id string
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Dataset? dataset
--- @return posthog.llm.Error? err kind `not_found`
--- @return posthog.llm.Response? response
function Datasets:undelete(id, options) end

--- The API's hard DELETE, which servers refuse. It is here so that the error says what to do.
---
--- ```lua
--- local _, err = client.datasets:destroy(dataset.id)
--- print(err) -- use :delete, which marks rows as deleted
--- ```
--- @param id string
--- @param options? posthog.llm.CallOptions
--- @return nil none
--- @return posthog.llm.Error? err kind `invalid` (405), on API v2 `forbidden` (403)
--- @return posthog.llm.Response? response
function Datasets:destroy(id, options) end

--- Removes a dataset from the lists, until it is restored. API v2 only. Doing it again changes
--- nothing.
---
--- ```lua
--- local archived = assert(client.datasets:archive(dataset.id))
--- print(archived.archived) --> true
--- ```
--- @param id string
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Dataset? dataset
--- @return posthog.llm.Error? err kind `not_found`
--- @return posthog.llm.Response? response
function Datasets:archive(id, options) end

--- Returns an archived dataset to the lists. API v2 only.
---
--- ```lua
--- dataset = assert(client.datasets:restore(dataset.id))
--- print(dataset.archived) --> false
--- ```
--- @param id string
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.Dataset? dataset
--- @return posthog.llm.Error? err kind `not_found`
--- @return posthog.llm.Response? response
function Datasets:restore(id, options) end

--- The history of a dataset, newest first: each write to its items makes a revision. API v2 only.
--- One request for each page.
---
--- ```lua
--- for revision in client.datasets:revisions(dataset.id) do
---   print(revision.revision, revision.created_at)
--- end
--- ```
--- @param id string
--- @param options? posthog.llm.HistoryOptions
--- @return fun(): posthog.llm.Revision? iterator for a generic `for`; raises the error of a page
---   that fails
function Datasets:revisions(id, options) end

--- @class posthog.llm.DatasetItems
local DatasetItems = {}

--- Creates an item. It is not repeated when its response is lost, unless it has a `client_item_id`:
--- use [find_created](#clientdataset_itemsfind_created).
---
--- ```lua
--- local item = assert(client.dataset_items:create({
---   dataset = dataset.id,
---   input = { question = "What is 2 + 2?", tags = llm.array({}) },
---   output = { answer = 4, note = llm.null },
--- }))
--- print(item.id, item.input.question)
--- ```
--- @param fields posthog.llm.DatasetItemFields
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.DatasetItem? item
--- @return posthog.llm.Error? err kind `invalid`, with `attr`: that field is missing or invalid, or
---   too large; with `path`: a value cannot be encoded, and nothing was sent; kind `conflict` (API
---   v2), code `limit_reached`: the dataset has as many items as the server allows; code
---   `client_item_id_conflict`, with `current_item_id`; `ambiguous`: it may have been created
--- @return posthog.llm.Response? response
function DatasetItems:create(fields, options) end

--- One item.
---
--- ```lua
--- local same = assert(client.dataset_items:get(item.id))
--- print(same.output.answer, same.output.note == llm.null) --> 4  true
---
--- local raw = assert(client.dataset_items:get(item.id, { raw = true }))
--- print(raw.output:decode().answer) --> 4
--- ```
--- @param id string
--- @param options? posthog.llm.ItemGetOptions
--- @return posthog.llm.DatasetItem? item
--- @return posthog.llm.Error? err kind `not_found`: there is none with this id; on API v1 also one
---   that is deleted, which API v2 returns with `archived = true`
--- @return posthog.llm.Response? response
function DatasetItems:get(id, options) end

--- One page of items, newest first, without deleted ones. A page can have many megabytes: choose a
--- small `limit`.
---
--- ```lua
--- local page = assert(client.dataset_items:list({ dataset = dataset.id, limit = 5 }))
--- print(page.count, page.results[1].input.question) --> 1  What is 2 + 2?
--- ```
--- @param options? posthog.llm.DatasetItemList
--- @return posthog.llm.Page? page its `results` are [items](#datasetitem)
--- @return posthog.llm.Error? err kind `invalid`: there is no such dataset (API v1), or `dataset`
---   is missing (API v2); kind `not_found`: there is no such dataset (API v2)
--- @return posthog.llm.Response? response
function DatasetItems:list(options) end

--- All items of a dataset, newest first, without deleted ones. One request for each page; none
--- before the first step. No item comes twice, and those that are there all the time all come; one
--- that is created meanwhile may be missed. Where others delete items so quickly that 20 pages in a
--- row have to be read again, it raises, kind `decode`, rather than leave one out.
---
--- ```lua
--- for row in client.dataset_items:each({ dataset = dataset.id, prefetch = 2 }) do
---   print(row.id, row.input.question)
--- end
--- ```
--- @param options? posthog.llm.DatasetItemEach
--- @return fun(): posthog.llm.DatasetItem? iterator for a generic `for`; raises the error of a page
---   that fails
function DatasetItems:each(options) end

--- Changes an item. Absent fields stay; `input`, `output` and `metadata` are replaced as a whole.
--- Without `base_version` the last writer wins: on API v2, where items have versions, it is then
--- two requests, a read and the write.
---
--- ```lua
--- item = assert(client.dataset_items:update(item.id, { output = { answer = "four" } }))
--- print(item.output.answer) --> four
--- ```
--- @param id string
--- @param fields posthog.llm.DatasetItemFields
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.DatasetItem? item
--- @return posthog.llm.Error? err kind `not_found`; kind `invalid`, with `attr`; kind `conflict`
---   (API v2), code `stale_version`, with `current_version`: `base_version` is not the latest; code
---   `dataset_item_archived`; code `limit_reached`: it has as many versions as the server allows;
---   `ambiguous`
--- @return posthog.llm.Response? response
function DatasetItems:update(id, fields, options) end

--- Looks for items that a create has made whose response was lost: those with these fields that
--- were created since then. Values are compared as the server stores them. A create that is still
--- on its way is not found.
---
--- ```lua
--- local fields = { dataset = dataset.id, input = "What is 3 + 3?", output = 6 }
--- local made, err = client.dataset_items:create(fields)
--- if err and err.ambiguous then
---   local found = assert(client.dataset_items:find_created(fields, err.sent_at))
---   made = found[1] or assert(client.dataset_items:create(fields))
--- end
--- print(made and made.output or err) --> 6
--- ```
--- @param fields posthog.llm.DatasetItemFields as they were given to `create`
--- @param since number|string `err.sent_at`: seconds since 1970 by this machine's clock; or a
---   timestamp of the server
--- @param options? posthog.llm.CallOptions
--- @return posthog.llm.DatasetItem[]? found newest first; possibly empty
--- @return posthog.llm.Error? err
function DatasetItems:find_created(fields, since, options) end

--- Marks an item as deleted: it is no longer in lists. On API v2 it is archived, by two requests
--- without `base_version`.
---
--- ```lua
--- local deleted = assert(client.dataset_items:delete(item.id))
--- print(deleted.deleted) --> true
--- ```
--- @param id string
--- @param options? posthog.llm.ItemMarkOptions
--- @return posthog.llm.DatasetItem? item
--- @return posthog.llm.Error? err kind `not_found`; kind `conflict` (API v2), code `stale_version`
--- @return posthog.llm.Response? response
function DatasetItems:delete(id, options) end

--- Removes the mark that `delete` has set. API v1 cannot list deleted items: keep the id.
---
--- ```lua
--- item = assert(client.dataset_items:undelete(item.id))
--- print(item.deleted) --> false
--- ```
--- @param id string
--- @param options? posthog.llm.ItemMarkOptions
--- @return posthog.llm.DatasetItem? item
--- @return posthog.llm.Error? err kind `not_found`; kind `conflict` (API v2), code `stale_version`
--- @return posthog.llm.Response? response
function DatasetItems:undelete(id, options) end

--- The API's hard DELETE, which servers refuse. It is here so that the error says what to do.
---
--- ```lua
--- local _, err = client.dataset_items:destroy(item.id)
--- print(err) -- use :delete, which marks rows as deleted
--- ```
--- @param id string
--- @param options? posthog.llm.CallOptions
--- @return nil none
--- @return posthog.llm.Error? err kind `invalid` (405), on API v2 `forbidden` (403)
--- @return posthog.llm.Response? response
function DatasetItems:destroy(id, options) end

--- Removes an item from the lists, until it is restored. API v2 only.
---
--- ```lua
--- item = assert(client.dataset_items:archive(item.id, { base_version = item.version }))
--- print(item.archived) --> true
--- ```
--- @param id string
--- @param options? posthog.llm.ItemMarkOptions
--- @return posthog.llm.DatasetItem? item
--- @return posthog.llm.Error? err kind `not_found`; kind `conflict`, code `stale_version`,
---   `dataset_item_archived` or `limit_reached`
--- @return posthog.llm.Response? response
function DatasetItems:archive(id, options) end

--- Returns an archived item to the lists, with its latest content or that of an older version. API
--- v2 only.
---
--- ```lua
--- item = assert(client.dataset_items:restore(item.id, { source_version = 1 }))
--- print(item.archived, item.output.answer) --> false  4
--- ```
--- @param id string
--- @param options? posthog.llm.ItemRestoreOptions
--- @return posthog.llm.DatasetItem? item
--- @return posthog.llm.Error? err kind `not_found`; kind `conflict`, code `stale_version` or
---   `dataset_item_active`: it is not archived
--- @return posthog.llm.Response? response
function DatasetItems:restore(id, options) end

--- An item at each of its versions, newest first. API v2 only. One request for each page.
---
--- ```lua
--- for version in client.dataset_items:versions(item.id) do
---   print(version.version, version.archived, version.output.answer)
--- end
--- ```
--- @param id string
--- @param options? posthog.llm.HistoryOptions
--- @return fun(): posthog.llm.DatasetItem? iterator for a generic `for`; raises the error of a page
---   that fails
function DatasetItems:versions(id, options) end

return { Datasets = Datasets, DatasetItems = DatasetItems }
