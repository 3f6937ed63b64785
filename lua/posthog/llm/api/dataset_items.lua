--- The items of datasets (doc/api.md 1.11 to 1.15 and 2.2).

local calls = require("posthog.llm.util.calls")
local item_fields = require("posthog.llm.api.item_fields")
local row_resource = require("posthog.llm.api.row_resource")
local versions = require("posthog.llm.api.item_versions")

--- @class posthog.llm.DatasetItemList: posthog.llm.CallOptions
--- @field dataset? string id; nil: the items of all datasets of the project
--- @field limit? integer rows per page; default 100
--- @field offset? integer
--- @field archived? boolean API v2: true lists the archived items instead of the others
--- @field revision? integer API v2: the rows as they were at this revision of the dataset

--- @class posthog.llm.DatasetItemEach: posthog.llm.DatasetItemList
--- @field prefetch? integer pages to read ahead, at the same time as the one needed; default 0

--- The fields of both API versions; a field that has two names must be given under one of them.
--- @class posthog.llm.DatasetItemFields absent fields are not sent, llm.null is sent as null
--- @field dataset? string id; required by create
--- @field input? any JSON, replaced as a whole
--- @field output? any JSON, replaced as a whole
--- @field metadata? any JSON, replaced as a whole
--- @field ref_trace_id? string at most 255 characters
--- @field ref_timestamp? string ISO 8601
--- @field ref_source_id? string at most 255 characters
--- @field deleted? boolean API v2: only without other fields; also called `archived`
--- @field expected_output? any another name of `output`
--- @field source_trace_id? string another name of `ref_trace_id`; API v2: set by create only, like
---   the next two
--- @field source_timestamp? string another name of `ref_timestamp`
--- @field source_event_id? string another name of `ref_source_id`
--- @field source_output? any API v2: JSON, the output that was captured
--- @field client_item_id? string API v2: a unique key chosen by the caller, for create; at most 255
---   characters
--- @field base_version? integer API v2: the version that an update is based on

--- @class posthog.llm.ItemGetOptions: posthog.llm.CallOptions
--- @field revision? integer API v2: the item as it was at this revision of its dataset
--- @field raw? boolean free JSON (input, output, metadata and the like) as llm.json.raw: to show
---   and send back what the server has, byte for byte

--- @class posthog.llm.ItemMarkOptions: posthog.llm.CallOptions
--- @field base_version? integer API v2: the version that the change is based on; default: the
---   latest

--- @class posthog.llm.ItemRestoreOptions: posthog.llm.ItemMarkOptions
--- @field source_version? integer the version whose content to restore; default: the latest

--- @class posthog.llm.DatasetItems
--- @field list fun(self: posthog.llm.DatasetItems, options?: posthog.llm.DatasetItemList): posthog.llm.Page?, posthog.llm.Error?, posthog.llm.Response? one page, newest first
--- @field each fun(self: posthog.llm.DatasetItems, options?: posthog.llm.DatasetItemEach): fun(): posthog.llm.DatasetItem? all pages; raises the error of a page that fails
--- @field get fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.ItemGetOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? a deleted item: API v1 kind "not_found", API v2 the item with `archived` true
--- @field create fun(self: posthog.llm.DatasetItems, fields: posthog.llm.DatasetItemFields, options?: posthog.llm.CallOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? never repeated when its response is lost: err.ambiguous; API v2, with client_item_id: repeated, and the same item comes back
--- @field find_created fun(self: posthog.llm.DatasetItems, fields: posthog.llm.DatasetItemFields, since: number|string, options?: posthog.llm.CallOptions): posthog.llm.DatasetItem[]?, posthog.llm.Error?, posthog.llm.Response? after a create whose err is ambiguous: the rows with these fields made since then, newest first, possibly none; `since` is err.sent_at, seconds by this machine's clock, or a timestamp of the server
--- @field update fun(self: posthog.llm.DatasetItems, id: string, fields: posthog.llm.DatasetItemFields, options?: posthog.llm.CallOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? the last writer wins, also on deleted items; API v2, with base_version: kind "conflict" when that is not the latest
--- @field delete fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.ItemMarkOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? marks it deleted
--- @field undelete fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.ItemMarkOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? removes that mark
--- @field destroy fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.CallOptions): nil, posthog.llm.Error?, posthog.llm.Response? the API's DELETE, which servers refuse
--- @field archive fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.ItemMarkOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? API v2: removes it from the lists, until it is restored
--- @field restore fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.ItemRestoreOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? API v2: returns it to the lists
--- @field versions fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.HistoryOptions): fun(): posthog.llm.DatasetItem? API v2: the item at each of its versions, newest first; raises the error of a page that fails
local DatasetItems = { __name = "posthog.llm.DatasetItems" }
DatasetItems.__index = DatasetItems

local BASE_VERSION = { "base_version", "integer", least = 1 }

row_resource.define(DatasetItems, {
  name = "dataset_items",
  base = "dataset_items/",
  parameters = {
    { "dataset", "id" },
    { "limit", "integer", least = 1 },
    { "offset", "integer", least = 0 },
    { "revision", "integer", least = 1 },
    { "archived", "boolean" },
  },
  only_current = { "revision", "archived" },
  of_get = { { "revision", "integer", least = 1 } },
  raw_fields = item_fields.IS_FREE_JSON,
  marks = { BASE_VERSION },
  of_restore = { "source_version" },
  change = versions.change,
})
row_resource.define_history(DatasetItems, "versions", "versions/", "version_id")
calls.publish(DatasetItems, "dataset_items")

return {
  new = function(run, state)
    return row_resource.new(DatasetItems, run, state)
  end,
}
