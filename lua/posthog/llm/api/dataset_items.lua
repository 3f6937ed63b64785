--- The items of datasets (doc/api.md 1.11 to 1.15 and 2.2).

local calls = require("posthog.llm.util.calls")
local item_fields = require("posthog.llm.api.item_fields")
local row_resource = require("posthog.llm.api.row_resource")
local versions = require("posthog.llm.api.item_versions")

--- @class posthog.llm.DatasetItemList: posthog.llm.CallOptions
--- @field dataset? string id; nil, on API v1 alone: the items of all datasets of the project
--- @field limit? integer rows of a page; default: the server's, 100, on API v2 10, which is at most
---   25
--- @field offset? integer rows to leave out; default: none
--- @field archived? boolean API v2: true lists the archived items instead of the others
--- @field revision? integer API v2: the rows exactly as they were at this revision of the dataset

--- @class posthog.llm.DatasetItemEach: posthog.llm.DatasetItemList
--- @field prefetch? integer pages that are on their way while the rows of one are used; default 0

--- What `create` and `update` send. Absent fields are not sent, `llm.null` is sent as null. A field
--- with two names is given under one of them, whatever version of the API the server has.
--- @class posthog.llm.DatasetItemFields
--- @field dataset? string id; required by `create`
--- @field input? any JSON; API v2: required by `create`, and not null
--- @field output? any JSON: the expected output
--- @field metadata? any JSON; API v2: an object
--- @field ref_trace_id? string at most 255 characters
--- @field ref_timestamp? string ISO 8601; without an offset it is UTC
--- @field ref_source_id? string at most 255 characters
--- @field expected_output? any another name of `output`
--- @field source_trace_id? string another name of `ref_trace_id`; API v2: only for `create`, like
---   the next two
--- @field source_timestamp? string another name of `ref_timestamp`
--- @field source_event_id? string another name of `ref_source_id`
--- @field source_output? any API v2: JSON, the output that was captured
--- @field client_item_id? string API v2: a unique key of your own, only for `create`, at most 255
---   characters: a repeated create returns the item that is there
--- @field base_version? integer API v2, only for `update`: the version that was edited
--- @field deleted? boolean another name of `archived`; API v2: only without other fields
--- @field archived? boolean another name of `deleted`

--- @class posthog.llm.ItemGetOptions: posthog.llm.CallOptions
--- @field revision? integer API v2: the item as it was at this revision of its dataset
--- @field raw? boolean true: `input`, `output`, `metadata` and other free JSON as
---   [llm.json.raw](json.md#llmjsonraw), to show and send back byte for byte; default false

--- @class posthog.llm.ItemMarkOptions: posthog.llm.CallOptions
--- @field base_version? integer API v2: the version that was edited; default: the latest

--- @class posthog.llm.ItemRestoreOptions: posthog.llm.ItemMarkOptions
--- @field source_version? integer the version whose content the item gets; default: the latest

--- The rows of datasets: an input, the expected output, and whatever JSON belongs to them. The key
--- needs the scope `dataset:read`, or `dataset:write` for the calls that write. API v2 keeps
--- versions of each item, and allows 406,666 bytes of JSON in one; API v1 allows about 20 MB in a
--- request. [Datasets](../datasets.md) explains lost responses, [JSON](../json.md) what becomes of
--- values.
--- @class posthog.llm.DatasetItems
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
  shown = { dataset = "dataset" },
  only_current = { "revision", "archived" },
  of_get = { { "revision", "integer", least = 1 } },
  raw_fields = item_fields.IS_FREE_JSON,
  marks = { BASE_VERSION },
  of_restore = { "source_version" },
  change = versions.change,
})
row_resource.define_history(DatasetItems, "versions", "versions/", "version_id", "id")
calls.publish(DatasetItems, "dataset_items")

return {
  new = function(run, state)
    return row_resource.new(DatasetItems, run, state)
  end,
}
