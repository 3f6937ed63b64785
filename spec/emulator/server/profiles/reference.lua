--- The API as the reference pages describe it. Only data: `require`s belong into the modules that
--- the routes name.
---
--- `project` routes lie below /api/environments/:project_id/ and /api/projects/:project_id/ alike,
--- `root` routes below /api/. In a path `:x` is one segment and `*x` all the rest. A method has the
--- scope that it needs, or `any`, and the function of server/ that responds. `throttle` names the settings
--- that limit the calls, all of them or those of a method; without it `rate_limit` does. `media` is what
--- a route returns in addition to JSON.
--- `flag` names the setting that has a group of routes switched on.

return {
  root = {
    { path = "users/@me", GET = "user:read users.me" },
    { path = "personal_api_keys/@current", GET = "any auth.own_key" },
    {
      path = "llm_analytics/@me/spend",
      throttle = "spend_rate_limit",
      GET = "user:read spend.get",
    },
  },
  project = {
    {
      flag = "skill_feature",
      {
        path = "llm_skills",
        GET = "llm_skill:read skills.list",
        POST = "llm_skill:write skills.create",
      },
      {
        path = "llm_skills/name/:skill_name",
        GET = "llm_skill:read skills.get",
        PATCH = "llm_skill:write skills.publish",
      },
      { path = "llm_skills/name/:skill_name/archive", POST = "llm_skill:write skills.archive" },
      { path = "llm_skills/name/:skill_name/duplicate", POST = "llm_skill:write skills.duplicate" },
      { path = "llm_skills/name/:skill_name/files", POST = "llm_skill:write skill_files.create" },
      {
        path = "llm_skills/name/:skill_name/files-rename",
        POST = "llm_skill:write skill_files.rename",
      },
      {
        path = "llm_skills/name/:skill_name/files/*file_path",
        GET = "llm_skill:read skill_files.get",
        DELETE = "llm_skill:write skill_files.delete",
      },
      { path = "llm_skills/resolve/name/:skill_name", GET = "llm_skill:read skills.resolve" },
    },
    {
      {
        path = "datasets",
        GET = "dataset:read datasets.list",
        POST = "dataset:write datasets.create",
      },
      {
        path = "datasets/:id",
        GET = "dataset:read datasets.get",
        PUT = "dataset:write datasets.replace",
        PATCH = "dataset:write datasets.update",
        DELETE = "dataset:write resource.refuse_delete",
      },
      {
        path = "dataset_items",
        GET = "dataset:read dataset_items.list",
        POST = "dataset:write dataset_items.create",
      },
      {
        path = "dataset_items/:id",
        GET = "dataset:read dataset_items.get",
        PUT = "dataset:write dataset_items.replace",
        PATCH = "dataset:write dataset_items.update",
        DELETE = "dataset:write resource.refuse_delete",
      },
    },
  },
  skill = {
    shape = {
      "id",
      "name",
      "description",
      "body",
      "license",
      "compatibility",
      "allowed_tools",
      "metadata",
      "files",
      "outline",
      "version",
      "created_by",
      "created_at",
      "updated_at",
      "deleted",
      "is_latest",
      "latest_version",
      "version_count",
      "first_version_created_at",
    },
    not_in_lists = { body = true, files = true },
    file = { "path", "content_type" },
    max_description = 4096, -- characters, on write
    reserved = { new = true }, -- names
    strict_paths = false, -- whether a path is more than relative and without `..`
    skill_first = false, -- whether an unknown skill is reported before bad input
    explains = false, -- whether the 404 of a skill proposes others
    own_metadata = nil, -- the keys of metadata that a publish leaves as they are
    spaceless_tools = false, -- whether the names of tools hold no whitespace
    categories = {}, -- categories by the prefix of a name
    bundles = false, -- whether PostHog brings skills, which have names and locks of their own
    owned = false, -- whether skills have owners, and versions descriptions
  },
  spend = {
    parts = { "summary", "by_product", "by_tool", "by_model" },
    tool = { "tool", "generation_count", "cost_usd", "share_of_scoped", "avg_input_tokens" },
    traces = true, -- whether top_traces is there in any case
    bucketed = false, -- whether the window may be asked for in pieces
  },
  settings = {}, -- those whose default is another than in settings.lua
  state = { -- what GET state tells of a row
    dataset = { "id", "name", "deleted" },
    item = { "id", "dataset", "deleted" },
  },
}
