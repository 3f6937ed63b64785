--- The routes of the API as the reference pages describe it.
---
--- `project` routes lie below /api/environments/:project_id/ and /api/projects/:project_id/ alike,
--- `root` routes below /api/. In a path `:x` is one segment and `*x` all the rest. `throttle` names
--- the setting that limits the calls.

local dataset_items = require("server.dataset_items")
local datasets = require("server.datasets")
local resource = require("server.resource")
local skill_files = require("server.skill_files")
local skills = require("server.skills")
local spend = require("server.spend")

local function read(scope, run) return { scope = scope .. ":read", run = run } end
local function write(scope, run) return { scope = scope .. ":write", run = run } end

local SKILL, DATASET = "llm_skill", "dataset"

return {
  root = {
    { path = "llm_analytics/@me/spend", throttle = "spend_rate_limit",
      GET = { scope = "user:read", run = spend.get } },
  },
  project = {
    { path = "llm_skills",
      GET = read(SKILL, skills.list),
      POST = write(SKILL, skills.create) },
    { path = "llm_skills/name/:skill_name",
      GET = read(SKILL, skills.get),
      PATCH = write(SKILL, skills.publish) },
    { path = "llm_skills/name/:skill_name/archive", POST = write(SKILL, skills.archive) },
    { path = "llm_skills/name/:skill_name/duplicate", POST = write(SKILL, skills.duplicate) },
    { path = "llm_skills/name/:skill_name/files", POST = write(SKILL, skill_files.create) },
    { path = "llm_skills/name/:skill_name/files-rename", POST = write(SKILL, skill_files.rename) },
    { path = "llm_skills/name/:skill_name/files/*file_path",
      GET = read(SKILL, skill_files.get),
      DELETE = write(SKILL, skill_files.delete) },
    { path = "llm_skills/resolve/name/:skill_name", GET = read(SKILL, skills.resolve) },
    { path = "datasets",
      GET = read(DATASET, datasets.list),
      POST = write(DATASET, datasets.create) },
    { path = "datasets/:id",
      GET = read(DATASET, datasets.get),
      PUT = write(DATASET, datasets.replace),
      PATCH = write(DATASET, datasets.update),
      DELETE = write(DATASET, resource.refuse_delete) },
    { path = "dataset_items",
      GET = read(DATASET, dataset_items.list),
      POST = write(DATASET, dataset_items.create) },
    { path = "dataset_items/:id",
      GET = read(DATASET, dataset_items.get),
      PUT = write(DATASET, dataset_items.replace),
      PATCH = write(DATASET, dataset_items.update),
      DELETE = write(DATASET, resource.refuse_delete) },
  },
}
