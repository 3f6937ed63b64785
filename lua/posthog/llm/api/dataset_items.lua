--- The items of datasets (doc/api.md 1.11 to 1.15 and 2.2).

local calls = require("posthog.llm.util.calls")
local row_resource = require("posthog.llm.api.row_resource")
local versions = require("posthog.llm.api.item_versions")

--- @class posthog.llm.DatasetItemList: posthog.llm.CallOptions
--- @field dataset? string id; without it the items of all datasets of the project
--- @field limit? integer rows a page; 100
--- @field offset? integer
--- @field archived? boolean API v2: those instead of the others
--- @field revision? integer API v2: the rows as they were at this revision of the dataset

--- @class posthog.llm.DatasetItemEach: posthog.llm.DatasetItemList
--- @field prefetch? integer pages to read at the same time as the one that is needed; 0

--- The fields of either API version; one that goes by two names is given once.
--- @class posthog.llm.DatasetItemFields a field that is absent is not sent, llm.null is sent as null
--- @field dataset? string id; required by create
--- @field input? any JSON, replaced whole
--- @field output? any JSON, replaced whole
--- @field metadata? any JSON, replaced whole
--- @field ref_trace_id? string 255 characters
--- @field ref_timestamp? string ISO 8601
--- @field ref_source_id? string 255 characters
--- @field deleted? boolean API v2: alone, and as `archived` too
--- @field expected_output? any `output`
--- @field source_trace_id? string `ref_trace_id`; API v2: set by create only, as the next two
--- @field source_timestamp? string `ref_timestamp`
--- @field source_event_id? string `ref_source_id`
--- @field source_output? any API v2: JSON, what was captured
--- @field client_item_id? string API v2: a key of the caller's own, for create; 255 characters
--- @field base_version? integer API v2: the version that an update is based on

--- @class posthog.llm.ItemGetOptions: posthog.llm.CallOptions
--- @field revision? integer API v2: the item as it was at this revision of its dataset

--- @class posthog.llm.ItemMarkOptions: posthog.llm.CallOptions
--- @field base_version? integer API v2: the version that the change is based on; default: the latest

--- @class posthog.llm.ItemRestoreOptions: posthog.llm.ItemMarkOptions
--- @field source_version? integer the version whose content it is to have; default: the latest

--- @class posthog.llm.DatasetItems
--- @field list fun(self: posthog.llm.DatasetItems, options?: posthog.llm.DatasetItemList): posthog.llm.Page?, posthog.llm.Error?, posthog.llm.Response? one page, newest first
--- @field each fun(self: posthog.llm.DatasetItems, options?: posthog.llm.DatasetItemEach): fun(): posthog.llm.DatasetItem? all pages; raises the error of a page that fails
--- @field get fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.ItemGetOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? kind "not_found" for a deleted one too, with API v2 the row, marked `archived`
--- @field create fun(self: posthog.llm.DatasetItems, fields: posthog.llm.DatasetItemFields, options?: posthog.llm.CallOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? never repeated when its response is lost: err.ambiguous; API v2, with client_item_id: repeated, and the same item comes back
--- @field find_created fun(self: posthog.llm.DatasetItems, fields: posthog.llm.DatasetItemFields, since: number|string, options?: posthog.llm.CallOptions): posthog.llm.DatasetItem[]?, posthog.llm.Error?, posthog.llm.Response? after a create whose err is ambiguous: the rows with these fields made since then, newest first, maybe none; `since` is err.sent_at, seconds of this machine, or a timestamp of the server
--- @field update fun(self: posthog.llm.DatasetItems, id: string, fields: posthog.llm.DatasetItemFields, options?: posthog.llm.CallOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? the last writer wins, and works on deleted ones; API v2, with base_version: kind "conflict" when it is not the latest
--- @field delete fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.ItemMarkOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? marks it deleted
--- @field undelete fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.ItemMarkOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? takes the mark away
--- @field destroy fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.CallOptions): nil, posthog.llm.Error?, posthog.llm.Response? the API's DELETE, which servers refuse
--- @field archive fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.ItemMarkOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? API v2: out of the lists, until it is restored
--- @field restore fun(self: posthog.llm.DatasetItems, id: string, options?: posthog.llm.ItemRestoreOptions): posthog.llm.DatasetItem?, posthog.llm.Error?, posthog.llm.Response? API v2: back into the lists
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
