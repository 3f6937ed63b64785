--- @meta posthog.llm.types
-- The tables that calls return and take, for language servers. The types are those of the API's
-- reference; any field but an id may be nil, and a server may send fields that are not listed here.

--- @class posthog.llm.GatherOptions
--- @field concurrency? integer how many run at once, from 1; default 8

--- @class posthog.llm.RequestOptions: posthog.llm.CallOptions
--- @field query? table<string, string|number|boolean|string[]> of the URL; a list is sent with
---   commas
--- @field json? any the body; `llm.null` is null
--- @field idempotent? boolean safe to repeat; default: true for GET and HEAD

--- What is left of a rate limit.
--- @class posthog.llm.PaceLeft
--- @field left integer requests that may go now
--- @field most integer requests in the window
--- @field seconds integer of the window

--- An account of PostHog. As `created_by` it is nil when the account was removed.
--- @class posthog.llm.User
--- @field id integer
--- @field uuid string
--- @field distinct_id? string
--- @field first_name string may be ""
--- @field last_name string may be ""
--- @field email string
--- @field is_email_verified? boolean
--- @field hedgehog_config? table
--- @field role_at_organization? string "engineering", "data", "product", "founder", "leadership",
---   "marketing", "sales", "student", "other" or ""

--- What a skill lists of a bundled file; `client.skills:file` reads its content.
--- @class posthog.llm.SkillFileEntry
--- @field path string
--- @field content_type string
--- @field line_count? integer API v2
--- @field char_count? integer API v2: code points
--- @field size? integer API v2: bytes
--- @field sha256? string API v2: of the content, in hex

--- Where a skill is not as the Agent Skills format has it. A skill that has any is left out of the
--- bundle and of PostHog's marketplace.
--- @class posthog.llm.SpecProblem
--- @field code string `name_malformed`, `description_empty`, `description_too_long`,
---   `file_path_invalid`, `file_path_not_canonical`, `file_path_collides`,
---   `file_path_shadows_directory`, or a newer one
--- @field message string for people
--- @field file_path? string of the file that it is about

--- @class posthog.llm.Heading a heading of a body
--- @field level integer 1 to 6
--- @field text string

--- @class posthog.llm.Skill one version of a skill
--- @field id string UUID of this version; each version has another one
--- @field name string
--- @field description string
--- @field body? string Markdown, without white space at its ends; nil in lists
--- @field license string "" when unset
--- @field compatibility string "" when unset
--- @field allowed_tools string[]
--- @field metadata table free JSON: null in it is `llm.null`
--- @field files? posthog.llm.SkillFileEntry[] in no particular order; nil in lists of newer servers
--- @field outline? posthog.llm.Heading[] the headings of the body; lines with `#` in code too
--- @field version integer from 1
--- @field created_by? posthog.llm.User who published this version
--- @field created_at string when this version was published: ISO 8601, UTC
--- @field updated_at string
--- @field deleted boolean always false
--- @field is_latest boolean
--- @field latest_version integer of the skill
--- @field version_count integer of the skill
--- @field first_version_created_at string identifies the skill, also under another name: a skill
---   that was archived and created again has another one
--- @field category? string API v2: set by the server, by the name's prefix; "": none
--- @field spec_problems? posthog.llm.SpecProblem[] API v2
--- @field owners? posthog.llm.User[] API v2
--- @field version_description? string API v2: the note of this version
--- @field body_total_length? integer API v2: of the body, in code points

--- @class posthog.llm.SkillFile
--- @field path string
--- @field content string UTF-8 text, without white space at its ends: the server trims it
--- @field content_type string

--- @class posthog.llm.SkillVersion an entry of a skill's history
--- @field id string UUID of the version
--- @field version integer
--- @field created_by? posthog.llm.User who published it
--- @field created_at string ISO 8601, UTC
--- @field is_latest boolean

--- @class posthog.llm.SkillFound a skill that a search has found
--- @field name string
--- @field description string
--- @field matches posthog.llm.SkillMatch[] at most two

--- @class posthog.llm.SkillMatch
--- @field matched_field "name"|"description"|"body"|"file_path"|"file_content"
--- @field path? string of the file
--- @field line? integer
--- @field excerpt string at most 300 characters

--- @class posthog.llm.SkillMdFile
--- @field name string
--- @field version integer
--- @field content string the whole text, front matter and body
--- @field frontmatter table its fields

--- @class posthog.llm.SkillBundle
--- @field data string the bytes of the archive
--- @field included? integer skills that are in it
--- @field dropped? integer skills beyond `limit`
--- @field skipped? integer skills that have `spec_problems`

--- @class posthog.llm.NewFile
--- @field path string relative, at most 500 characters; `.`, `..` and empty segments raise
--- @field content string UTF-8 text, at most 1,000,000 bytes, not blank; the server removes white
---   space at its ends
--- @field content_type? string at most 100 characters; default: the server's, "text/plain"

--- @class posthog.llm.SkillNewFile: posthog.llm.NewFile
--- @field base_version? integer the version that was edited; nil: no check, the last writer wins

--- @class posthog.llm.Edit the replacement of a text
--- @field old string occurs exactly once in the text, as the edits before it have left it
--- @field new string

--- @class posthog.llm.FileEdits
--- @field path string of a file that the skill has
--- @field edits posthog.llm.Edit[]

--- @class posthog.llm.SkillFields
--- @field name? string a-z, 0-9 and single hyphens, at most 64 characters; only for `create`
--- @field description? string at most 4096 characters; newer servers: 1024
--- @field body? string Markdown, at most 1,000,000 bytes, not blank; the server removes white space
---   at its ends
--- @field license? string at most 255 characters
--- @field compatibility? string at most 500 characters
--- @field allowed_tools? string[] names of tools; newer servers refuse white space in them
--- @field metadata? table any JSON; newer servers keep `source`, `seeded_by` and `canonical_hash`
---   for themselves
--- @field files? posthog.llm.NewFile[] at most 50, API v2: 200; in `publish` they replace all files
--- @field owners? string[] API v2: the `uuid` of each owner, at most 25; API v1 ignores it
--- @field version_description? string API v2: a note, at most 400 characters; API v1 ignores it

--- @class posthog.llm.SkillChanges: posthog.llm.SkillFields
--- @field base_version? integer the version that was edited; required unless `owners` is the only
---   field
--- @field edits? posthog.llm.Edit[] of the body, in this order, in place of `body`
--- @field file_edits? posthog.llm.FileEdits[] in place of `files`

--- @class posthog.llm.SkillVersionOptions: posthog.llm.CallOptions
--- @field version? integer from 1; default: the latest

--- @class posthog.llm.SkillBaseOptions: posthog.llm.CallOptions
--- @field base_version? integer the version that was edited; nil: no check, the last writer wins,
---   and the call is not retried

--- @class posthog.llm.SkillVersionsOptions: posthog.llm.CallOptions
--- @field limit? integer versions of a page, 1 to 100; default 100
--- @field prefetch? integer pages that are on their way while the rows of one are used; default 0

--- @class posthog.llm.SkillResolve: posthog.llm.CallOptions
--- @field version? integer selects `skill`, not `versions`; default: the latest
--- @field version_id? string UUID; selects `skill`; with `version` both have to match
--- @field limit? integer versions, 1 to 100; default: the server's, 50
--- @field offset? integer versions to leave out, from the newest; not together with
---   `before_version`
--- @field before_version? integer only versions below it

--- @class posthog.llm.SkillList: posthog.llm.CallOptions
--- @field search? string part of the name or description
--- @field order_by? string `name`, `created_at`, `updated_at`, `version`, `latest_version` or
---   `version_count`, with "-" before it for the highest first; the server ignores others; default:
---   the server's, "-created_at"
--- @field category? string API v2: only skills of this category; "": only those that have none
--- @field owner_id? integer API v2: only skills that this user owns
--- @field created_by_id? integer API v2: only skills whose latest version is by this user
--- @field limit? integer rows of the page; default: the server's, 100
--- @field offset? integer rows to leave out; default: none
--- @field etag? string `response.headers.ETag` of an earlier call with the same options

--- @class posthog.llm.SkillEach: posthog.llm.CallOptions
--- @field search? string part of the name or description
--- @field order_by? string as of `list`
--- @field category? string API v2: only skills of this category; "": only those that have none
--- @field owner_id? integer API v2: only skills that this user owns
--- @field created_by_id? integer API v2: only skills whose latest version is by this user
--- @field limit? integer rows of a page; default: the server's, 100
--- @field prefetch? integer pages that are on their way while the rows of one are used; default 0

--- @class posthog.llm.SkillBundleOptions: posthog.llm.CallOptions
--- @field content? "stub"|"full" "stub": the front matter alone; default: the server's
--- @field limit? integer skills, 1 to 100; default: the server's, 50

--- A row has the field names of the server's version of the API, and can be read by those of both:
--- see [Rows](../compatibility.md#rows).
--- @class posthog.llm.Dataset
--- @field id string UUID
--- @field name string
--- @field description? string
--- @field metadata any JSON, `llm.null` for null
--- @field created_at string ISO 8601, UTC
--- @field updated_at? string
--- @field deleted? boolean nil counts as false; another name of `archived`
--- @field archived? boolean another name of `deleted`
--- @field created_by? posthog.llm.User nil: the account was removed
--- @field team integer the project; another name of `team_id`
--- @field team_id integer another name of `team`
--- @field current_revision? integer API v2: the number of the latest revision
--- @field current_revision_id? string API v2
--- @field user_access_level? string API v2: what the key's owner may do

--- @class posthog.llm.HistoryOptions: posthog.llm.CallOptions
--- @field limit? integer rows of a page; default: the server's
--- @field prefetch? integer pages that are on their way while the rows of one are used; default 0

--- @class posthog.llm.Revision
--- @field id string
--- @field dataset_id string
--- @field revision integer from 1
--- @field created_at string ISO 8601, UTC
--- @field created_by? posthog.llm.User
--- @field team_id integer the project

--- A row has the field names of the server's version of the API, and can be read by those of both:
--- see [Rows](../compatibility.md#rows).
--- @class posthog.llm.DatasetItem
--- @field id string UUID; the same for all versions
--- @field dataset string id
--- @field input any JSON, `llm.null` for null
--- @field output any JSON, `llm.null` for null
--- @field metadata any JSON, `llm.null` for null
--- @field ref_trace_id? string
--- @field ref_timestamp? string
--- @field ref_source_id? string
--- @field expected_output any another name of `output`
--- @field source_trace_id? string another name of `ref_trace_id`
--- @field source_timestamp? string another name of `ref_timestamp`
--- @field source_event_id? string another name of `ref_source_id`
--- @field deleted? boolean nil counts as false; another name of `archived`
--- @field archived? boolean another name of `deleted`
--- @field created_at string ISO 8601, UTC
--- @field updated_at? string
--- @field created_by? posthog.llm.User nil: the account was removed
--- @field team integer the project; another name of `team_id`
--- @field team_id integer another name of `team`
--- @field source_output? any API v2: JSON, `llm.null` for null
--- @field client_item_id? string API v2
--- @field version? integer API v2: from 1
--- @field version_id? string API v2
--- @field version_created_at? string API v2
--- @field version_created_by? posthog.llm.User API v2
--- @field dataset_revision? integer API v2: the revision of the dataset that this version made
--- @field dataset_revision_id? string API v2

--- Costs are in dollars. A breakdown has its highest cost first, and `truncated` tells that there
--- are more rows than `limit`. A server may leave out any breakdown.
--- @class posthog.llm.SpendReport
--- @field summary posthog.llm.SpendSummary
--- @field by_product { items: posthog.llm.SpendByProduct[], truncated: boolean } all products
--- @field by_tool { items: posthog.llm.SpendByTool[], truncated: boolean } of the product
--- @field by_model { items: posthog.llm.SpendByModel[], truncated: boolean } of the product
--- @field top_traces? { items: posthog.llm.SpendByTrace[], truncated: boolean } empty in practice
--- @field by_day? { items: posthog.llm.SpendByDay[], truncated: boolean } API v2
--- @field by_day_model? posthog.llm.SpendByDayModel[] API v2
--- @field by_input_size? { items: posthog.llm.SpendByInputSize[], truncated: boolean } API v2
--- @field by_bucket?
---   { items: posthog.llm.SpendByBucket[], bucket_minutes: integer, truncated: boolean } API v2:
---   only with `bucket_minutes`

--- @class posthog.llm.SpendSummary
--- @field date_from string start of the window: ISO 8601, UTC
--- @field date_to string its end, which is not in it
--- @field product? string
--- @field total_cost_usd number of all products
--- @field event_count integer of all products
--- @field scoped_cost_usd number of the product
--- @field scoped_event_count integer of the product

--- @class posthog.llm.SpendByProduct
--- @field product? string nil: no product
--- @field event_count integer
--- @field cost_usd number

--- Costs overlap, since one generation may call several tools: neither costs nor shares add up.
--- @class posthog.llm.SpendByTool
--- @field tool? string nil: no tool
--- @field generation_count integer
--- @field cost_usd number
--- @field share_of_scoped number 0 to 1, of the product's cost
--- @field avg_input_tokens number
--- @field cost_attributed_usd? number API v2: a part of the cost that does add up
--- @field share_attributed? number API v2: the same as a share

--- @class posthog.llm.SpendByModel
--- @field model? string
--- @field generation_count integer
--- @field cost_usd number
--- @field input_tokens integer
--- @field output_tokens integer

--- @class posthog.llm.SpendByTrace
--- @field trace_id? string
--- @field generation_count integer
--- @field cost_usd number
--- @field started_at? string

--- @class posthog.llm.SpendByDay
--- @field day string a date, UTC
--- @field event_count integer
--- @field cost_usd number
--- @field input_tokens? integer
--- @field output_tokens? integer

--- @class posthog.llm.SpendByDayModel
--- @field day string a date, UTC
--- @field model string "Other": all that are not listed
--- @field cost_usd number
--- @field input_tokens integer
--- @field output_tokens integer
--- @field generation_count integer

--- @class posthog.llm.SpendByInputSize
--- @field bucket string
--- @field min_input_tokens integer
--- @field generation_count integer
--- @field cost_usd number
--- @field share_of_scoped number 0 to 1
--- @field avg_cost_per_generation number

--- @class posthog.llm.SpendByBucket
--- @field bucket_start string ISO 8601, UTC
--- @field event_count integer
--- @field cost_usd number
--- @field input_cost_usd number
--- @field output_cost_usd number
--- @field cache_read_cost_usd number
--- @field cache_creation_cost_usd number
--- @field input_tokens integer
--- @field output_tokens integer
--- @field cache_read_input_tokens integer
--- @field cache_creation_input_tokens integer
