-- Spec files whose tests hold on both API versions, once more on the newer one.

local again = require("spec.support.again")
local live = require("spec.support.live")

local FILES = {
  "mistakes",
  "pages",
  "prefetch",
  "lost_response",
  "lost_response_create",
  "skill_bodies",
  "skill_files",
  "skill_folder",
  "skills",
  "skills_misuse",
  "skills_misuse_options",
  "spend",
  "values",
}

live.profile = "current" -- of this process; each spec file has one of its own
again.describe("on API v2", FILES, getfenv and getfenv(1) or _ENV)
