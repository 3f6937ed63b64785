--- Datasets (doc/api.md 1.6 to 1.10 and 2.2).

local calls = require("posthog.llm.util.calls")
local exports = require("posthog.llm.api.exports")
local row_resource = require("posthog.llm.api.row_resource")

--- @class posthog.llm.DatasetList: posthog.llm.CallOptions
--- @field id__in? string[] only these ids, at most 100; an empty list selects none
--- @field search? string text in name, description or the text of metadata
--- @field order_by? string|string[] created_at or updated_at; descending with "-" before it
--- @field limit? integer rows per page; default 100
--- @field offset? integer
--- @field archived? boolean API v2: true lists the archived datasets instead of the others

--- @class posthog.llm.DatasetEach: posthog.llm.DatasetList
--- @field prefetch? integer pages to read ahead, at the same time as the one needed; default 0

--- @class posthog.llm.DatasetFields absent fields are not sent, llm.null is sent as null
--- @field name? string required by create; at most 400 characters
--- @field description? string
--- @field metadata? any JSON
--- @field deleted? boolean API v2: only without other fields; also called `archived`

--- @class posthog.llm.Datasets
--- @field list fun(self: posthog.llm.Datasets, options?: posthog.llm.DatasetList): posthog.llm.Page?, posthog.llm.Error?, posthog.llm.Response? one page, newest first, without deleted datasets
--- @field each fun(self: posthog.llm.Datasets, options?: posthog.llm.DatasetEach): fun(): posthog.llm.Dataset? all pages; raises the error of a page that fails
--- @field get fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? a deleted dataset: API v1 kind "not_found", API v2 the dataset with `archived` true
--- @field create fun(self: posthog.llm.Datasets, fields: posthog.llm.DatasetFields, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? never repeated when its response is lost: err.ambiguous
--- @field find_created fun(self: posthog.llm.Datasets, fields: posthog.llm.DatasetFields, since: number|string, options?: posthog.llm.CallOptions): posthog.llm.Dataset[]?, posthog.llm.Error?, posthog.llm.Response? after a create whose err is ambiguous: the rows with these fields made since then, newest first, possibly none; `since` is err.sent_at, seconds by this machine's clock, or a timestamp of the server
--- @field update fun(self: posthog.llm.Datasets, id: string, fields: posthog.llm.DatasetFields, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? the last writer wins; a deleted dataset: API v1 changes it, API v2 returns kind "conflict"
--- @field delete fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? marks it deleted
--- @field undelete fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? removes that mark
--- @field destroy fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): nil, posthog.llm.Error?, posthog.llm.Response? the API's DELETE, which servers refuse
--- @field archive fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? API v2: removes it from the lists, until it is restored
--- @field restore fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? API v2: returns it to the lists
--- @field revisions fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.HistoryOptions): fun(): posthog.llm.Revision? API v2: newest first; raises the error of a page that fails
local Datasets = { __name = "posthog.llm.Datasets" }
Datasets.__index = Datasets

row_resource.define(Datasets, {
  name = "datasets",
  base = "datasets/",
  parameters = {
    { "id__in", "ids" },
    { "search", "string", omit_empty = true }, -- API v2 refuses an empty one (doc/api.md 3.3)
    { "order_by", "strings" },
    { "limit", "integer", least = 1 },
    { "offset", "integer", least = 0 },
    { "archived", "boolean" },
  },
  only_current = { "archived" },
  has_unique_names = true,
  marks = {},
  change = function(self, request)
    request.idempotent = true
    return row_resource.send(self, request)
  end,
})
row_resource.define_history(Datasets, "revisions", "revisions/", "id")
exports.define(Datasets)
calls.publish(Datasets, "datasets")

return {
  new = function(run, state)
    return row_resource.new(Datasets, run, state)
  end,
}
