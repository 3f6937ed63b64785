--- Datasets (doc/api.md 1.6 to 1.10 and 2.2).

local calls = require("posthog.llm.util.calls")
local exports = require("posthog.llm.api.exports")
local row_resource = require("posthog.llm.api.row_resource")

--- @class posthog.llm.DatasetList: posthog.llm.CallOptions
--- @field id__in? string[] only these, 100 at most; empty: none
--- @field search? string in name, description and the text of metadata
--- @field order_by? string|string[] created_at, updated_at, and with "-" before
--- @field limit? integer rows a page; 100
--- @field offset? integer
--- @field archived? boolean API v2: those instead of the others

--- @class posthog.llm.DatasetEach: posthog.llm.DatasetList
--- @field prefetch? integer pages to read at the same time as the one that is needed; 0

--- @class posthog.llm.DatasetFields a field that is absent is not sent, llm.null is sent as null
--- @field name? string required by create; 400 characters
--- @field description? string
--- @field metadata? any JSON
--- @field deleted? boolean API v2: alone, and as `archived` too

--- @class posthog.llm.Datasets
--- @field list fun(self: posthog.llm.Datasets, options?: posthog.llm.DatasetList): posthog.llm.Page?, posthog.llm.Error?, posthog.llm.Response? one page, newest first; deleted ones are not listed
--- @field each fun(self: posthog.llm.Datasets, options?: posthog.llm.DatasetEach): fun(): posthog.llm.Dataset? all pages; raises the error of a page that fails
--- @field get fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? kind "not_found" for a deleted one too, with API v2 the row, marked `archived`
--- @field create fun(self: posthog.llm.Datasets, fields: posthog.llm.DatasetFields, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? never repeated when its response is lost: err.ambiguous
--- @field find_created fun(self: posthog.llm.Datasets, fields: posthog.llm.DatasetFields, since: number|string, options?: posthog.llm.CallOptions): posthog.llm.Dataset[]?, posthog.llm.Error?, posthog.llm.Response? after a create whose err is ambiguous: the rows with these fields made since then, newest first, maybe none; `since` is err.sent_at, seconds of this machine, or a timestamp of the server
--- @field update fun(self: posthog.llm.Datasets, id: string, fields: posthog.llm.DatasetFields, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? the last writer wins; API v1 changes deleted ones too, API v2 answers kind "conflict"
--- @field delete fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? marks it deleted
--- @field undelete fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? takes the mark away
--- @field destroy fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): nil, posthog.llm.Error?, posthog.llm.Response? the API's DELETE, which servers refuse
--- @field archive fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? API v2: out of the lists, until it is restored
--- @field restore fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.CallOptions): posthog.llm.Dataset?, posthog.llm.Error?, posthog.llm.Response? API v2: back into the lists
--- @field revisions fun(self: posthog.llm.Datasets, id: string, options?: posthog.llm.HistoryOptions): fun(): posthog.llm.Revision? API v2: newest first; raises the error of a page that fails
local Datasets = { __name = "posthog.llm.Datasets" }
Datasets.__index = Datasets

row_resource.define(Datasets, {
  name = "datasets",
  base = "datasets/",
  parameters = {
    { "id__in", "ids" },
    { "search", "string", omit_empty = true }, -- API v2 refuses it (doc/api.md 3.3)
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
