--- The newest generation of the API. The skills routes of the reference stay; what is new comes
--- first, so that it also replaces an old one of the same path. See reference.lua for the form.

local reference = require("server.profiles.reference")

return {
  root = reference.root,
  project = {
    reference.project[1],
    {
      flag = "dataset_feature",
      { path = "datasets", GET = "dataset:read current.datasets.list",
        POST = "dataset:write current.datasets.create" },
      { path = "datasets/:id", GET = "dataset:read current.datasets.get",
        PATCH = "dataset:write current.datasets.update" },
      { path = "datasets/:id/archive", POST = "dataset:write current.datasets.archive" },
      { path = "datasets/:id/restore", POST = "dataset:write current.datasets.restore" },
      { path = "datasets/:id/revisions", GET = "dataset:read current.datasets.revisions" },
      { path = "datasets/:id/exports", throttle = "rate_limit export_rate_limit",
        POST = "dataset:read current.dataset_exports.create" },
      { path = "datasets/:id/exports/:export_id",
        GET = "dataset:read current.dataset_exports.get" },
      { path = "datasets/:id/exports/:export_id/content",
        GET = "dataset:read current.dataset_exports.content" },
      { path = "dataset_items", GET = "dataset:read current.dataset_items.list",
        POST = "dataset:write current.dataset_items.create" },
      { path = "dataset_items/:id", GET = "dataset:read current.dataset_items.get",
        PATCH = "dataset:write current.dataset_items.update" },
      { path = "dataset_items/:id/archive", POST = "dataset:write current.dataset_items.archive" },
      { path = "dataset_items/:id/restore", POST = "dataset:write current.dataset_items.restore" },
      { path = "dataset_items/:id/versions", GET = "dataset:read current.dataset_items.versions" },
    },
  },
  settings = {
    environments = "deprecated",
    unknown_method = "denied",
    file_limit = 200,
  },
  state = {
    dataset = { "id", "name", "archived", "current_revision" },
    item = { "id", "dataset", "archived", "version" },
  },
}
