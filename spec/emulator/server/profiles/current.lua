--- The newest generation of the API. The skills routes of the reference stay; what is new comes
--- first, so that it also replaces an old one of the same path. See reference.lua for the form.

local reference = require("server.profiles.reference")

return {
  root = reference.root,
  project = {
    {
      {
        path = "llm_skills",
        GET = "llm_skill:read current.skills.list",
        POST = "llm_skill:write skills.create",
      },
      { path = "llm_skills/search", GET = "llm_skill:read current.skill_search.get" },
      {
        path = "llm_skills/bundle",
        throttle = "rate_limit bundle_rate_limit",
        media = "application/zip",
        GET = "llm_skill:read current.skill_bundle.get",
      },
      {
        path = "llm_skills/name/:skill_name",
        GET = "llm_skill:read current.skills.get",
        PATCH = "llm_skill:write skills.publish",
      },
      {
        path = "llm_skills/name/:skill_name/rename",
        POST = "llm_skill:write current.skills.rename",
      },
      {
        path = "llm_skills/name/:skill_name/export",
        GET = "llm_skill:read current.skills.refuse_export",
      },
      {
        path = "llm_skills/name/:skill_name/skill-md",
        GET = "llm_skill:read current.skill_markdown.get",
      },
    },
    reference.project[1],
    {
      flag = "dataset_feature",
      {
        path = "datasets",
        GET = "dataset:read current.datasets.list",
        POST = "dataset:write current.datasets.create",
      },
      {
        path = "datasets/:id",
        GET = "dataset:read current.datasets.get",
        PATCH = "dataset:write current.datasets.update",
      },
      { path = "datasets/:id/archive", POST = "dataset:write current.datasets.archive" },
      { path = "datasets/:id/restore", POST = "dataset:write current.datasets.restore" },
      { path = "datasets/:id/revisions", GET = "dataset:read current.datasets.revisions" },
      {
        path = "datasets/:id/exports",
        throttle = "rate_limit export_rate_limit",
        POST = "dataset:read current.dataset_exports.create",
      },
      {
        path = "datasets/:id/exports/:export_id",
        GET = "dataset:read current.dataset_exports.get",
      },
      {
        path = "datasets/:id/exports/:export_id/content",
        media = "application/x-ndjson",
        GET = "dataset:read current.dataset_exports.content",
      },
      {
        path = "dataset_items",
        GET = "dataset:read current.dataset_items.list",
        POST = "dataset:write current.dataset_items.create",
      },
      {
        path = "dataset_items/:id",
        GET = "dataset:read current.dataset_items.get",
        PATCH = "dataset:write current.dataset_items.update",
      },
      { path = "dataset_items/:id/archive", POST = "dataset:write current.dataset_items.archive" },
      { path = "dataset_items/:id/restore", POST = "dataset:write current.dataset_items.restore" },
      { path = "dataset_items/:id/versions", GET = "dataset:read current.dataset_items.versions" },
    },
  },
  skill = {
    shape = {
      "id",
      "name",
      "description",
      "body_total_length",
      "body_next_offset",
      "body",
      "license",
      "compatibility",
      "allowed_tools",
      "metadata",
      "category",
      "owners",
      "files",
      "outline",
      "version",
      "version_description",
      "created_by",
      "created_at",
      "updated_at",
      "deleted",
      "is_latest",
      "latest_version",
      "version_count",
      "first_version_created_at",
    },
    not_in_lists = {
      body = true,
      body_total_length = true,
      body_next_offset = true,
      files = true,
    },
    file = { "path", "content_type", "line_count", "char_count", "size", "sha256" },
    max_description = 1024,
    reserved = { new = true, scouts = true, ["review-hog"] = true, community = true },
    strict_paths = true,
    skill_first = true,
    explains = true,
    own_metadata = { source = true, seeded_by = true, canonical_hash = true },
    owned = true,
  },
  spend = {
    parts = {
      "summary",
      "by_product",
      "by_tool",
      "by_model",
      "by_input_size",
      "by_day",
      "by_day_model",
      "by_bucket",
    },
    tool = {
      "tool",
      "generation_count",
      "cost_usd",
      "share_of_scoped",
      "avg_input_tokens",
      "cost_attributed_usd",
      "share_attributed",
    },
    bucketed = true,
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
