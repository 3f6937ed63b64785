--- @meta posthog.llm.skill_folder.types
-- What the functions of posthog.llm.skill_folder take and return, for language servers and for the
-- reference. Nothing requires this file.

--- A step of a call on one folder.
--- @class posthog.llm.SkillFolderEvent
--- @field step "read"|"write"|"publish"
--- @field path string of the file; of "publish" the name of the skill
--- @field done integer files that are done
--- @field total integer

--- A skill of a root is done.
--- @class posthog.llm.SkillRootEvent
--- @field step "pull"|"status"|"push"
--- @field name string of the skill
--- @field done integer skills that are done
--- @field total integer

--- @alias posthog.llm.SkillFolderProgress fun(event: posthog.llm.SkillFolderEvent)
--- @alias posthog.llm.SkillRootProgress fun(event: posthog.llm.SkillRootEvent)

--- @class posthog.llm.SkillPullOptions
--- @field version? integer default: the latest
--- @field force? boolean the server's files overwrite what was changed in the folder; default false
--- @field on_progress? fun(event: posthog.llm.SkillFolderEvent)

--- @class posthog.llm.SkillPull
--- @field name string
--- @field dir? string of `pull_all`: the folder
--- @field version integer that the folder is now at
--- @field written string[] paths that came from the server
--- @field removed string[] paths that others had removed
--- @field merged string[] those of `written` that have the changes of both sides
--- @field unchanged string[] paths
--- @field not_stored posthog.llm.SkillNotStoredFinding[] what of the folder the server does not
---   keep
--- @field spec_problems posthog.llm.SpecProblem[] what the server says against the skill; API v2

--- @class posthog.llm.SkillPushOptions
--- @field note? string of the version, at most 400 characters; API v1 ignores it
--- @field prune? boolean removes the server's files that the folder never had, which otherwise come
---   into the folder; default false
--- @field dry_run? boolean writes nothing, neither here nor there; default false
--- @field force? boolean publishes the folder as it is, over what others have published; default
---   false
--- @field skip_binary? boolean leaves out what the API cannot hold, which otherwise refuses the
---   push; default false
--- @field split_tools? boolean divides names of tools at their blanks, which newer servers refuse;
---   default false
--- @field hidden? boolean takes files whose names begin with a dot, too; default false
--- @field on_progress? fun(event: posthog.llm.SkillFolderEvent)

--- @class posthog.llm.SkillPush
--- @field name string
--- @field action "created"|"published"|"unchanged"
--- @field version? integer of the server's skill now; of a dry run, before
--- @field changes posthog.llm.SkillFileChange[] against the server's latest
--- @field written string[] paths that came into the folder from the server's latest
--- @field removed string[] paths that went from the folder, as others had removed them
--- @field merged string[] those of `written` that have the changes of both sides
--- @field skipped string[] what `skip_binary` left out
--- @field left_out string[] hidden files that are not part of the skill
--- @field not_stored posthog.llm.SkillNotStoredFinding[] what of the folder the server did not
---   keep; it stays in the folder
--- @field spec_problems posthog.llm.SpecProblem[] what the server says against the skill; API v2

--- @class posthog.llm.SkillFileChange
--- @field path string
--- @field change "added"|"changed"|"removed"

--- @class posthog.llm.SkillStatusOptions
--- @field hidden? boolean takes files whose names begin with a dot, too; default false
--- @field on_progress? fun(event: posthog.llm.SkillFolderEvent)

--- @class posthog.llm.SkillStatus
--- @field path string
--- @field state posthog.llm.SkillFolderState

--- The fields of the list that `status` returns, beside its entries.
--- @class posthog.llm.SkillStatusList
--- @field name string
--- @field version? integer that the folder was pulled at; nil: never
--- @field latest? integer the server's
--- @field unresolved posthog.llm.SkillConflictPlace[] markers of conflicts in the files
--- @field not_stored posthog.llm.SkillNotStoredFinding[]
--- @field spec_problems posthog.llm.SpecProblem[]

--- @class posthog.llm.SkillConflictPlace
--- @field path string
--- @field line integer
--- @field message string

--- @class posthog.llm.SkillPullAllOptions
--- @field names? string[] only these skills, each asked for by itself
--- @field prune? boolean takes away the folders of skills that are gone from the server, not one
---   with changes; default false
--- @field force? boolean overwrites what has changed here; with `prune`, takes it away; default
---   false
--- @field yes? boolean prunes also when the server has no skills at all, or the root is another
---   project's; default false
--- @field concurrency? integer skills at the same time, 1 to 8; default 8
--- @field on_progress? fun(event: posthog.llm.SkillRootEvent)

--- @class posthog.llm.SkillPullAll
--- @field pulled posthog.llm.SkillPull[] those that have come or have changed
--- @field unchanged integer
--- @field failed posthog.llm.SkillPlace[] with `err`, as pull returns it
--- @field gone posthog.llm.SkillPlace[] folders whose skill the server does not have any more
--- @field pruned posthog.llm.SkillPlace[] those of them that were taken away
--- @field not_tried posthog.llm.SkillPlace[] what an error that would meet all has kept from it

--- A skill of a root.
--- @class posthog.llm.SkillPlace
--- @field name string
--- @field dir string
--- @field err? posthog.llm.Error of `failed`
--- @field left? boolean of `pruned`: the folder stays, with files that were never the skill's

--- @class posthog.llm.SkillStatusAllOptions
--- @field hidden? boolean takes files whose names begin with a dot, too; default false
--- @field on_progress? fun(event: posthog.llm.SkillRootEvent)

--- @class posthog.llm.SkillRootStatus
--- @field name string
--- @field dir? string nil: state "absent"
--- @field state posthog.llm.SkillRootState
--- @field files posthog.llm.SkillStatus[] path and state of each, as status has them
--- @field version? integer pulled
--- @field latest? integer the server's
--- @field unresolved? posthog.llm.SkillConflictPlace[] markers of conflicts
--- @field err? posthog.llm.Error state "failed": why

--- @alias posthog.llm.SkillRootState
--- | "same"      as pulled, and as on the server
--- | "local"     changed here
--- | "remote"    changed on the server
--- | "both"      changed on both sides
--- | "conflict"  has markers of a conflict
--- | "new"       here only, and never on the server
--- | "absent"    on the server only: a pull brings it
--- | "archived"  pulled, and gone from the server since
--- | "failed"    `err` says why it cannot be told

--- @class posthog.llm.SkillPushAllOptions
--- @field note? string of each version, at most 400 characters; API v1 ignores it
--- @field prune? boolean as of push: files in a skill; a skill is never archived; default false
--- @field dry_run? boolean writes nothing, neither here nor there; default false
--- @field force? boolean publishes the folders as they are; default false
--- @field skip_binary? boolean as of push; default false
--- @field split_tools? boolean as of push; default false
--- @field hidden? boolean takes files whose names begin with a dot, too; default false
--- @field on_progress? fun(event: posthog.llm.SkillRootEvent)

--- As what push returns; "behind", "gone", "failed" and "not tried" have no lists of paths, and
--- "unchanged" not always.
--- @class posthog.llm.SkillPushAll
--- @field name string
--- @field dir string
--- @field action "created"|"published"|"unchanged"|"behind"|"gone"|"failed"|"not tried" "behind":
---   nothing has changed here, and the server has a later version; "gone": nor has anything, and
---   the skill was archived
--- @field version? integer of the server's skill now
--- @field latest? integer of "behind": the server's version
--- @field changes? posthog.llm.SkillFileChange[] against the server's latest
--- @field written? string[] as of push, like `removed`, `merged`, `skipped`, `left_out`,
---   `not_stored` and `spec_problems`
--- @field err? posthog.llm.Error of "failed", as push returns it

--- @class posthog.llm.SkillLintOptions
--- @field hidden? boolean takes files whose names begin with a dot, too; default false

--- @class posthog.llm.SkillCompareOptions
--- @field version? integer default: the latest
--- @field hidden? boolean takes files whose names begin with a dot, too; default false
--- @field on_progress? fun(event: posthog.llm.SkillFolderEvent)

--- @class posthog.llm.SkillCompareVersionsOptions
--- @field from? integer default: the version before `to`
--- @field to? integer default: the latest
--- @field on_progress? fun(event: posthog.llm.SkillFolderEvent)

--- @class posthog.llm.SkillComparison
--- @field name string
--- @field from? integer version; nil: a folder whose skill is not on the server, or before version
---   1
--- @field to? integer version; nil: the folder
--- @field pulled? integer version that the folder was pulled at
--- @field files posthog.llm.SkillFileDifference[] in order of paths; none: there is no difference

--- @class posthog.llm.SkillFileDifference
--- @field path string
--- @field change "added"|"changed"|"removed"
--- @field binary boolean it is not text, and `diff` only says that it differs
--- @field added integer lines
--- @field removed integer lines
--- @field diff string in the unified format of git

--- @class posthog.llm.SkillLogOptions
--- @field limit? integer versions in a page of the list, 1 to 100; default 100

--- @class posthog.llm.SkillLogEntry
--- @field version integer
--- @field created_at? string ISO 8601, UTC
--- @field created_by? posthog.llm.User
--- @field is_latest? boolean
--- @field note? string of the version; API v2
--- @field changes posthog.llm.SkillFileChange[] against the version before
--- @field compared boolean false: bundled files may have changed that are not in `changes`, as this
---   server does not tell (API v1)

--- @class posthog.llm.SkillRestoreOptions
--- @field note? string of the new version, at most 400 characters, API v2; default: which version
---   it was
--- @field on_progress? fun(event: posthog.llm.SkillFolderEvent)

--- @class posthog.llm.SkillRenameOptions
--- @field dir? string a folder of the skill, whose lock, SKILL.md and name follow
--- @field drop_history? boolean API v1: allows that the versions are lost; default false
--- @field on_progress? fun(event: posthog.llm.SkillFolderEvent)

--- @class posthog.llm.SkillRename
--- @field name string the new one
--- @field from string the old one
--- @field version integer of the skill now
--- @field history? boolean whether its versions came along; nil: an earlier run has renamed it
--- @field archived_versions? integer that did not
--- @field dir? string where the folder is now
--- @field dir_stays? string why the folder has not the new name

--- @class posthog.llm.SkillNewOptions
--- @field description? string of the skill; default: a sentence to replace

--- @class posthog.llm.SkillNew
--- @field name string
--- @field dir string
--- @field path string of the SKILL.md
