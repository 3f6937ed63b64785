-- Spec files of reads once more, by the pipeline from the start: elsewhere plain reads are direct.

local again = require("spec.support.again")
local direct = require("posthog.llm.http.direct")

local FILES = {
  "api_version",
  "bad_responses",
  "client",
  "dataset_items",
  "datasets",
  "errors",
  "limits",
  "pages",
  "redact_cut",
  "reliability_responses",
}

direct.enabled = false -- in this process; each spec file has one of its own
again.describe("without direct reads", FILES, getfenv and getfenv(1) or _ENV)
