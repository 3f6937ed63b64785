--- @meta posthog.llm.types
-- The tables that calls return and take, for language servers. The types are those of the API's
-- reference; any field but an id may be nil, and a server may send fields that are not listed here.

--- @class posthog.llm.CallOptions
--- @field timeout? number seconds for one attempt
--- @field deadline? number seconds for the whole call
--- @field max_retries? integer
--- @field headers? table<string, string>

--- @class posthog.llm.User
--- @field id integer
--- @field uuid string
--- @field distinct_id? string
--- @field first_name string
--- @field last_name string
--- @field email string
--- @field is_email_verified? boolean
--- @field hedgehog_config? table
--- @field role_at_organization? string

--- @class posthog.llm.SkillFileEntry
--- @field path string
--- @field content_type string
--- @field line_count? integer API v2
--- @field char_count? integer API v2: code points
--- @field size? integer API v2: bytes
--- @field sha256? string API v2: of the content, in hex

--- @class posthog.llm.SpecProblem what of a skill is not as the Agent Skills format has it
--- @field code string name_malformed, description_empty, description_too_long, file_path_invalid,
---   file_path_not_canonical, file_path_collides, file_path_shadows_directory, or a newer one
--- @field message string
--- @field file_path? string

--- @class posthog.llm.Heading
--- @field level integer 1 to 6
--- @field text string

--- @class posthog.llm.Skill
--- @field id string of this version; each version has another one
--- @field name string
--- @field description string
--- @field body? string Markdown; not in lists
--- @field license string "" when unset
--- @field compatibility string "" when unset
--- @field allowed_tools string[]
--- @field metadata table
--- @field files? posthog.llm.SkillFileEntry[] in no particular order
--- @field outline? posthog.llm.Heading[]
--- @field version integer from 1
--- @field created_by? posthog.llm.User who published this version
--- @field created_at string
--- @field updated_at string
--- @field deleted boolean
--- @field is_latest boolean
--- @field latest_version integer
--- @field version_count integer
--- @field first_version_created_at string
--- @field category? string API v2: "" or what the server has it for, by the name's prefix
--- @field spec_problems? posthog.llm.SpecProblem[] API v2: a skill that has any is left out of the
---   bundle and of the marketplace
--- @field owners? posthog.llm.User[] API v2
--- @field version_description? string API v2
--- @field body_total_length? integer API v2: code points

--- @class posthog.llm.SkillFile
--- @field path string
--- @field content string
--- @field content_type string

--- @class posthog.llm.SkillVersion
--- @field id string
--- @field version integer
--- @field created_by? posthog.llm.User
--- @field created_at string
--- @field is_latest boolean

--- @class posthog.llm.NewFile
--- @field path string
--- @field content string at most 1,000,000 bytes of text; the server trims it
--- @field content_type? string default text/plain

--- @class posthog.llm.Edit
--- @field old string must occur exactly once
--- @field new string

--- @class posthog.llm.FileEdits
--- @field path string
--- @field edits posthog.llm.Edit[]

--- @class posthog.llm.SkillFields
--- @field name? string a-z, 0-9 and single hyphens, at most 64 characters
--- @field description? string at most 4096 characters
--- @field body? string Markdown, at most 1,000,000 bytes; the server trims it
--- @field license? string
--- @field compatibility? string
--- @field allowed_tools? string[]
--- @field metadata? table
--- @field files? posthog.llm.NewFile[] at most 50; API v2: 200
--- @field owners? string[] API v2: the `uuid` of each owner; API v1 ignores it
--- @field version_description? string API v2: at most 400 characters; API v1 ignores it

--- @class posthog.llm.SkillChanges: posthog.llm.SkillFields
--- @field base_version? integer the version that was edited; required unless `owners` is the only
---   field
--- @field edits? posthog.llm.Edit[] instead of body
--- @field file_edits? posthog.llm.FileEdits[] instead of files

--- @class posthog.llm.Dataset
--- @field id string
--- @field name string
--- @field description? string
--- @field metadata any JSON, llm.null for null
--- @field created_at string
--- @field updated_at? string
--- @field deleted? boolean nil counts as false; another name of `archived`
--- @field archived? boolean another name of `deleted`
--- @field created_by? posthog.llm.User
--- @field team integer the project; another name of `team_id`
--- @field team_id integer another name of `team`
--- @field current_revision? integer API v2
--- @field current_revision_id? string API v2
--- @field user_access_level? string API v2

--- @class posthog.llm.HistoryOptions: posthog.llm.CallOptions
--- @field limit? integer rows per page
--- @field prefetch? integer pages to read ahead, at the same time as the one needed; default 0

--- @class posthog.llm.Revision of a dataset of API v2
--- @field id string
--- @field dataset_id string
--- @field revision integer from 1
--- @field created_at string
--- @field created_by? posthog.llm.User
--- @field team_id integer the project

--- @class posthog.llm.DatasetItem
--- @field id string
--- @field dataset string
--- @field input any JSON, llm.null for null
--- @field output any JSON, llm.null for null
--- @field metadata any JSON, llm.null for null
--- @field ref_trace_id? string
--- @field ref_timestamp? string
--- @field ref_source_id? string
--- @field expected_output any another name of `output`
--- @field source_trace_id? string another name of `ref_trace_id`
--- @field source_timestamp? string another name of `ref_timestamp`
--- @field source_event_id? string another name of `ref_source_id`
--- @field deleted? boolean nil counts as false; another name of `archived`
--- @field archived? boolean another name of `deleted`
--- @field created_at string
--- @field updated_at? string
--- @field created_by? posthog.llm.User
--- @field team integer the project; another name of `team_id`
--- @field team_id integer another name of `team`
--- @field source_output any API v2: JSON, llm.null for null
--- @field client_item_id? string API v2
--- @field version? integer API v2: from 1
--- @field version_id? string API v2
--- @field version_created_at? string API v2
--- @field version_created_by? posthog.llm.User API v2
--- @field dataset_revision? integer API v2
--- @field dataset_revision_id? string API v2

--- @class posthog.llm.SpendReport
--- @field summary { date_from: string, date_to: string, product?: string, total_cost_usd: number, event_count: integer, scoped_cost_usd: number, scoped_event_count: integer }
--- @field by_product { items: { product?: string, event_count: integer, cost_usd: number }[], truncated: boolean }
--- @field by_tool { items: { tool?: string, generation_count: integer, cost_usd: number, share_of_scoped: number, avg_input_tokens: number }[], truncated: boolean } costs overlap, shares do not add up to 1
--- @field by_model { items: { model?: string, generation_count: integer, cost_usd: number, input_tokens: integer, output_tokens: integer }[], truncated: boolean }
--- @field top_traces? { items: { trace_id?: string, generation_count: integer, cost_usd: number, started_at?: string }[], truncated: boolean } empty in practice
--- @field by_day? { items: { day: string, event_count: integer, cost_usd: number, input_tokens?: integer, output_tokens?: integer }[], truncated: boolean } API v2, like all that follow
--- @field by_day_model? { day: string, model: string, cost_usd: number, input_tokens: integer, output_tokens: integer, generation_count: integer }[]
--- @field by_input_size? { items: { bucket: string, min_input_tokens: integer, generation_count: integer, cost_usd: number, share_of_scoped: number, avg_cost_per_generation: number }[], truncated: boolean }
--- @field by_bucket? { items: table[], bucket_minutes: integer, truncated: boolean } only with bucket_minutes
