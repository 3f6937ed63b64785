--- Datasets (doc/api.md 1.6 to 1.10 and 2.2).

local calls = require("posthog.llm.util.calls")
local exports = require("posthog.llm.api.exports")
local row_resource = require("posthog.llm.api.row_resource")

--- @class posthog.llm.DatasetList: posthog.llm.CallOptions
--- @field id__in? string[] only these ids, at most 100; an empty list selects none
--- @field search? string text in the name, the description or the text of the metadata; "": no
---   filter
--- @field order_by? string|string[] "created_at" or "updated_at", with "-" before it for the newest
---   first; API v1 also takes a list; default: the server's, "-created_at"
--- @field limit? integer rows of a page; default: the server's, 100, on API v2 50, which is at most
---   100
--- @field offset? integer rows to leave out; default: none
--- @field archived? boolean API v2: true lists the archived datasets instead of the others

--- @class posthog.llm.DatasetEach: posthog.llm.DatasetList
--- @field prefetch? integer pages that are on their way while the rows of one are used; default 0

--- What `create` and `update` send. Absent fields are not sent, `llm.null` is sent as null.
--- @class posthog.llm.DatasetFields
--- @field name? string at most 400 characters; required by `create`; unique on API v2
--- @field description? string API v2: at most 10,000 characters, and "" in place of null
--- @field metadata? any JSON; API v2: an object
--- @field deleted? boolean another name of `archived`; API v2: only without other fields
--- @field archived? boolean another name of `deleted`

--- The project's datasets: lists of examples for evaluations, whose rows are
--- [client.dataset_items](dataset_items.md). The key needs the scope `dataset:read`, or
--- `dataset:write` for the calls that write. [Datasets](../datasets.md) explains lost responses and
--- exports.
--- @class posthog.llm.Datasets
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
  shown = { id__in = "id" },
  only_current = { "archived" },
  has_unique_names = true,
  marks = {},
  change = function(self, request, id)
    request.idempotent = true
    request.asked = id
    return row_resource.send(self, request)
  end,
})
row_resource.define_history(Datasets, "revisions", "revisions/", "id", "dataset_id")
exports.define(Datasets)
calls.publish(Datasets, "datasets")

return {
  new = function(run, state)
    return row_resource.new(Datasets, run, state)
  end,
}
