--- What a skill has to keep to: each rule of the API and of the Agent Skills
--- format once, with its source, how bad it is to break, and the words for it.
---
--- The codes that the server uses itself, in the `spec_problems` of a skill
--- (doc/api.md 4.1), are those of the server.

local option_names = require("posthog.llm.util.option_names")

local rules = {}

--- Counts of characters, unless bytes are said (doc/api.md, skill object, 1.1, 2.1).
rules.LIMITS = {
  name = 64,
  description = 1024, -- of API v2 and the format; API v1 takes 4096
  longest_description = 4096,
  license = 255,
  compatibility = 500,
  text = 1000000, -- bytes of the body and of each file
  files = 200, -- of API v2; API v1 takes 50
  fewest_files = 50,
  total = 19000000, -- bytes of all texts; a request has 20 MB
  versions = 2000, -- of one skill
}

--- Names that no skill can have (doc/api.md 2.1, 4.1); true: on API v1 too.
rules.RESERVED =
  { new = true, scouts = "current", ["review-hog"] = "current", community = "current" }

--- What names of PostHog's own kinds of skills begin with: there is no renaming out of or into them,
--- and those that it brings itself cannot be created (doc/api.md 4.1).
rules.PREFIXES = { "signals-scout-", "review-hog-" }

--- Keys of `metadata` that the server keeps for itself (doc/api.md 4.1).
rules.OWN_METADATA = { "canonical_hash", "seeded_by", "source" }

local FORMAT = "the Agent Skills format"
local API = "doc/api.md, skill object"
local LEFT_OUT = "; PostHog leaves such a skill out of its bundle and marketplace"

--- @class posthog.llm.SkillRule
--- @field level "error"|"warning" a push is refused for an error
--- @field reference? "warning"|false the level on a server that is known to have API v1; false: none
--- @field source string
--- @field words string a format
--- @field skippable? boolean `skip_binary` leaves the file out instead

--- @type table<string, posthog.llm.SkillRule>
rules.ALL = {
  -- SKILL.md as a file
  skill_missing = {
    level = "error",
    source = FORMAT,
    words = "the file is missing: this folder is not a skill",
  },
  unreadable = { level = "error", source = "the disk", words = "%s" },
  skill_not_text = { level = "error", source = "doc/api.md 1.2", words = "%s" },
  front_matter = { level = "error", source = FORMAT, words = "%s" },
  unknown_key = {
    level = "warning",
    source = API,
    words = "%s: the API has no field for it",
  },

  text_after_front_matter = {
    level = "warning",
    source = "YAML, and PostHog's import",
    words = "the front matter ends in this line, and what follows up to --- is not sent: end it "
      .. "with --- for that to be the body, or remove it",
  },
  mixed_line_ends = {
    level = "warning",
    source = "doc/skill_folder.md",
    words = "this line ends otherwise than most: an update ends all of them in %s",
  },

  -- its fields
  name_missing = { level = "error", source = FORMAT, words = "name is missing" },
  name_too_long = { level = "error", source = API, words = "name is longer than 64 characters" },
  name_malformed = {
    level = "error",
    source = API .. ", and " .. FORMAT,
    words = "name %q: use lowercase letters, digits and single hyphens between them",
  },
  name_reserved = {
    level = "error",
    source = "doc/api.md 2.1",
    words = "name %q is reserved: choose another one",
  },
  name_reserved_now = {
    level = "error",
    reference = false,
    source = "doc/api.md 2.1, 4.1",
    words = "name %q is reserved: choose another one",
  },
  name_has_prefix = {
    level = "warning",
    reference = false,
    source = "doc/api.md 4.1",
    words = "name %q begins with %q, which makes it a skill of PostHog's own kind: it cannot be "
      .. "renamed, and is refused where PostHog brings one of that name",
  },
  name_is_not_the_folders = {
    level = "error",
    source = FORMAT,
    words = "name is %q, and the folder's is %q",
  },
  name_is_not_the_locks = {
    level = "error",
    source = "doc/skill_folder.md",
    words = "name is %q, and the folder was pulled from %q",
  },
  description_empty = {
    level = "error",
    source = API .. ", and " .. FORMAT,
    words = "description is missing",
  },
  description_too_long = {
    level = "error",
    reference = "warning",
    source = "doc/api.md 3.3, 4.1, and " .. FORMAT,
    words = "description has %d characters; at most %d are allowed" .. LEFT_OUT,
  },
  field_too_long = {
    level = "error",
    source = API,
    words = "%s has %d characters; at most %d are allowed",
  },
  tool_has_blank = {
    level = "error",
    source = "doc/api.md 4.1, and " .. FORMAT,
    words = "allowed-tools: %q has a blank, which the API does not accept in the name of a tool; "
      .. "push with %s, which divides it at the blanks as PostHog's own import does (a pull joins "
      .. "it again), or write it without",
  },
  metadata_kept_by_server = {
    level = "warning",
    reference = false,
    source = "doc/api.md 4.1",
    words = "metadata.%s: PostHog keeps this key for itself, and may not store it; it stays in "
      .. "this file",
  },
  tool_empty = {
    level = "error",
    source = API,
    words = "allowed-tools: the name of a tool is empty, which the API does not accept",
  },
  has_nul = {
    level = "error",
    source = "doc/api.md 0.4",
    words = "%s: has the character NUL, which the API does not accept",
  },
  number_too_large = {
    level = "error",
    source = "doc/api.md 0.4",
    words = "metadata: %s is too large a number for the server's database: write it in quotes",
  },
  body_empty = {
    level = "error",
    source = API,
    words = "there is no text after the front matter",
  },
  body_too_large = {
    level = "error",
    source = API,
    words = "the body has %d bytes; at most %d are allowed",
  },

  -- files beside it
  file_path_invalid = { level = "error", source = "doc/api.md 1.1", words = "the path %s" },
  file_path_collides = {
    level = "warning",
    source = "doc/api.md 4.1",
    words = "differs only by case: on macOS and Windows it is the same as %s" .. LEFT_OUT,
  },
  file_path_has_twin = {
    level = "warning",
    source = "file systems of macOS",
    words = "differs only by how accents are written: on macOS it is the same as %s",
  },
  not_text = { level = "error", source = "doc/api.md 1.2", words = "%s", skippable = true },
  file_empty = {
    level = "error",
    source = "doc/api.md 1.1",
    words = "is empty, which the API does not accept",
    skippable = true,
  },
  init_empty = {
    level = "error",
    source = "doc/api.md 1.1",
    words = "is an empty __init__.py, and the API does not accept empty files: write a line of "
      .. "comment into it",
    skippable = true,
  },
  file_too_large = {
    level = "error",
    source = "doc/api.md 1.2",
    words = "has %d bytes; at most %d are allowed",
  },
  not_a_file = {
    level = "error",
    source = "doc/api.md 1.2",
    words = "is a %s: the API holds texts of at most 1000000 bytes",
    skippable = true,
  },
  too_many_files = {
    level = "error",
    source = "doc/api.md 2.1",
    words = "there are %d files beside it; at most %d are allowed",
  },
  too_many_for_v1 = {
    level = "warning",
    source = "doc/api.md 2.1",
    words = "there are %d files beside it; API v1 allows %d",
  },
  too_large = {
    level = "error",
    source = "doc/api.md 0.5",
    words = "all texts together have %d bytes; %d fit into a request",
  },

  too_many_versions = {
    level = "error",
    source = "doc/api.md 0.7",
    words = "the skill has %d versions, and no skill can have more: archive it, which removes "
      .. "them, and push with %s; or copy it by `duplicate` under another name",
  },

  -- what is left to do
  unresolved = { level = "error", source = "doc/skill_folder.md", words = "%s" },
  exported = { level = "warning", source = "doc/api.md 4.1", words = "%s" },
  spec_problem = { level = "warning", source = "doc/api.md 4.1", words = "%s" },
}

--- What breaking a rule means.
--- @param code string
--- @param api_version? posthog.llm.ApiVersion where it is known
--- @return "error"|"warning"|false level false: nothing, on this server
function rules.level(code, api_version)
  local rule = rules.ALL[code]
  if api_version == "reference" and rule.reference ~= nil then
    return rule.reference
  end
  return rule.level
end

--- The words for it, with the way out.
--- @param code string
--- @param ... any for the words of the rule
--- @return string message
function rules.message(code, ...)
  local rule = rules.ALL[code]
  local message = select("#", ...) > 0 and rule.words:format(...) or rule.words
  if rule.skippable then
    message = ("%s; push with %s to leave it out"):format(message, option_names.code("skip_binary"))
  end
  return message
end

--- Why no skill can have this name.
--- @param name string
--- @return string? code
function rules.name_error(name)
  if name == "" then
    return "name_missing"
  elseif #name > rules.LIMITS.name then
    return "name_too_long"
  elseif not ("-" .. name):gsub("%-[a-z0-9]+", ""):find("^$") then
    return "name_malformed"
  end
  local reserved = rules.RESERVED[name]
  return reserved and (reserved == "current" and "name_reserved_now" or "name_reserved") or nil
end

--- How the server says that a skill does not keep to the format.
--- @param finding posthog.llm.SpecProblem
--- @return string
function rules.of_server(finding)
  return ("PostHog leaves the skill out of its bundle and marketplace: %s (%s)"):format(
    finding.message,
    finding.code
  )
end

return rules
