--- posthog-llm skills ...

local later = require("posthog.llm.cli.later")
local list = require("posthog.llm.cli.list")
local parser = require("posthog.llm.cli.parser")

local function run(module, name)
  return later("skills." .. module, name)
end

local NAME = { "name", "The skill.", takes = "skill" }
local VERSION = {
  "--version",
  "This version, not the latest.",
  value = "N",
  takes = "version",
  convert = parser.convert.count,
}
local BASE = {
  "--base-version",
  "Fail unless this is the latest version.",
  value = "N",
  takes = "version",
  convert = parser.convert.count,
}
local DIRS = {
  "dir",
  "Folders with a SKILL.md; else the current one.",
  optional = true,
  many = true,
  takes = "folder",
}
local HIDDEN = { "--hidden", "Take files whose names begin with a dot, too." }

local EACH = " Of several folders each is reported; the highest exit code counts."

--- @type posthog.llm.cli.Command
return {
  name = "skills",
  summary = "edit skills as folders",
  examples = {
    { "posthog-llm skills pull pdf-forms skills/pdf-forms", "a skill as a folder" },
    { "posthog-llm skills status --all skills", "what has changed, here and on the server" },
    { "posthog-llm skills push skills/pdf-forms", "publish what was changed here" },
  },
  commands = {
    {
      name = "list",
      summary = "list the skills",
      options = list.options(
        { "--search", "Only those with this text.", value = "TEXT" },
        { "--category", "Only those of this category; API v2.", value = "TEXT" },
        { "--order-by", "A field; -field for the other way.", value = "FIELD" }
      ),
      examples = {
        { "posthog-llm skills list", "all skills; on a terminal the first 30" },
        { "posthog-llm skills list --search pdf", "those that mention PDF" },
        { "posthog-llm skills list --order-by -updated_at --limit 5", "the latest changes" },
      },
      run = run("remote", "list"),
    },
    {
      name = "show",
      summary = "print a skill's text, or a file of it",
      arguments = { NAME },
      options = {
        VERSION,
        { "--file", "Print this bundled file.", value = "PATH" },
        { "--files", "List the bundled files." },
      },
      examples = {
        { "posthog-llm skills show pdf-forms", "the text of the latest version" },
        { "posthog-llm skills show pdf-forms --files", "what is bundled with it" },
        { "posthog-llm skills show pdf-forms --file notes.md", "a bundled file" },
      },
      pages = true,
      run = run("remote", "show"),
    },
    {
      name = "versions",
      minor = true,
      summary = "list the versions of a skill, newest first",
      arguments = { NAME },
      options = list.options(),
      examples = {
        { "posthog-llm skills versions pdf-forms", "when each was made, and by whom" },
        { "posthog-llm skills versions pdf-forms --limit 5", "the latest five" },
        { "posthog-llm --json skills versions pdf-forms", "all that is known of each" },
      },
      run = run("remote", "versions"),
    },
    {
      name = "search",
      summary = "find skills by a text in them",
      text = "Find skills by a text in their names, descriptions, bodies and Markdown files: ten "
        .. "at most, each with two places at most. On API v1 only names and descriptions are "
        .. "searched. A search that takes the server too long (503) is not repeated: ask for a "
        .. "rarer text.",
      arguments = { { "text", "What to look for; 1 to 200 characters." } },
      examples = {
        { "posthog-llm skills search pdftk", "which skill says how to use it" },
        { "posthog-llm skills search 'check boxes'", "several words, as they stand" },
        { "posthog-llm --json skills search pdf", "a skill a line, for a program" },
      },
      run = run("search", "run"),
    },
    {
      name = "log",
      summary = "show what each version has changed, newest first",
      text = "Show the versions of a skill, newest first: when each was made, by whom, its note "
        .. "(API v2), and the files that it has changed; + is a new file, - a removed one. Each "
        .. "version is read: `versions` is faster, and shows less.",
      arguments = { NAME },
      options = list.options(),
      examples = {
        { "posthog-llm skills log pdf-forms", "the history" },
        { "posthog-llm skills log pdf-forms --limit 3", "the last three versions" },
        { "posthog-llm --json skills log pdf-forms", "a version a line, for a program" },
      },
      run = run("history", "log"),
    },
    {
      name = "new",
      summary = "make a folder for a new skill",
      text = "Make a folder with a SKILL.md to fill in. Nothing is sent or overwritten.",
      arguments = {
        { "name", "Lowercase letters, digits, and single hyphens between them." },
        {
          "dir",
          "The folder, whose last part is the name; else one of the name.",
          optional = true,
          takes = "folder",
        },
      },
      examples = {
        { "posthog-llm skills new web-forms", "in the current folder" },
        { "posthog-llm skills new tax-forms skills/tax-forms", "in another one" },
        { "posthog-llm skills lint web-forms", "check it when it is written" },
      },
      run = run("history", "new"),
    },
    {
      name = "pull",
      summary = "bring a skill into a folder",
      text = "Bring a skill into a folder. What was changed there stays, merged with what the "
        .. "server has; where both sides changed the same, the file has markers, and the exit "
        .. "code is 3. A pull that fails leaves the folder as it was.",
      arguments = {
        {
          "name",
          "The skill; with --all the root, else the current folder.",
          optional = true,
          takes = "skill folder",
        },
        {
          "dir",
          "The folder; else one of the skill's name. Of three words or more all are skills.",
          optional = true,
          many = true,
          takes = "folder skill",
        },
      },
      options = {
        { "--all", "All skills of the project, into the folders of a root." },
        VERSION,
        { "--force", "Overwrite what was changed in the folder." },
        { "--prune", "With --all: remove folders of skills that are gone, but for changed ones." },
        { "-y --yes", "With --prune: also where the server has no skills at all." },
        {
          "--into",
          "All words are skills; their folders are in this one.",
          value = "ROOT",
          takes = "folder",
        },
      },
      examples = {
        { "posthog-llm skills pull pdf-forms skills/pdf-forms", "get it, or update it" },
        { "posthog-llm skills pull --all skills", "all skills of the project" },
        { "posthog-llm skills pull pdf-forms old --version 1", "an older version, elsewhere" },
        {
          "posthog-llm skills pull pdf-forms skills/pdf-forms --force",
          "as the server has it, whatever was changed here",
        },
      },
      run = run("folders", "pull"),
    },
    {
      name = "push",
      summary = "publish a folder as one version",
      text = "Publish a folder as one new version, or create the skill; nothing is sent when "
        .. "nothing has changed. What others have published is merged into the folder first; "
        .. "where both sides changed the same, nothing is published and the exit code is 3."
        .. EACH,
      arguments = { DIRS },
      options = {
        { "--all", "All folders of a root, the argument, in which something has changed." },
        { "--note", "What the version is about; kept by API v2.", value = "TEXT" },
        { "--dry-run", "Show what would change; write nothing." },
        { "--prune", "Remove the server's files that were never here." },
        { "--force", "Publish the folder as it is, over others' changes." },
        { "--skip-binary", "Leave out binary and empty files, which the API cannot hold." },
        { "--split-tools", "Divide names of tools at blanks, as PostHog's import does." },
        HIDDEN,
      },
      examples = {
        { "posthog-llm skills push skills/pdf-forms", "publish what has changed" },
        { "posthog-llm skills push --all skills --dry-run", "what would be published of all" },
        { "posthog-llm skills push skills/* --note 'Shorter steps'", "all, with a note" },
      },
      run = run("folders", "push"),
    },
    {
      name = "status",
      summary = "show what has changed, here and on the server",
      text = "Show what has changed since the pull: local, new (here only) and gone (removed "
        .. "here) on this side, remote on the server, both on both."
        .. EACH,
      arguments = { DIRS },
      options = {
        { "--all", "All folders of a root, the argument, and skills without one." },
        { "--offline", "Only what has changed here, without the network." },
        HIDDEN,
      },
      examples = {
        { "posthog-llm skills status --all skills", "where each folder stands" },
        { "posthog-llm skills status --offline skills/*", "what was changed here" },
        { "posthog-llm --json skills status skills/pdf-forms", "for a program" },
      },
      run = run("folders", "status"),
    },
    {
      name = "lint",
      summary = "check folders, without the network",
      text = "Check folders against the limits of the API and the Agent Skills format. The exit "
        .. "code is 1 where a push would be refused, 0 where there are warnings only.",
      arguments = { DIRS },
      options = { HIDDEN },
      examples = {
        { "posthog-llm skills lint skills/*", "path:line: message, for editors" },
        { "posthog-llm skills lint --hidden skills/pdf-forms", "dot files, too" },
        { "(cd skills/pdf-forms && posthog-llm skills lint)", "the folder one is in" },
      },
      run = run("folders", "lint"),
    },
    {
      name = "rename-file",
      minor = true,
      summary = "rename a bundled file, which makes a version",
      arguments = {
        NAME,
        { "old", "Its path." },
        { "new", "Its path from now on." },
      },
      options = { BASE },
      examples = {
        {
          "posthog-llm skills rename-file pdf-forms references/fields.md fields.md",
          "move it on the server",
        },
        {
          "posthog-llm skills rename-file pdf-forms fields.md docs/fields.md --base-version 2",
          "unless somebody has published since version 2",
        },
        { "posthog-llm skills pull pdf-forms skills/pdf-forms", "and then here" },
      },
      run = run("remote", "rename_file"),
    },
    {
      name = "delete-file",
      minor = true,
      summary = "delete a bundled file, which makes a version",
      arguments = { NAME, { "path", "The file; older versions keep it." } },
      options = { BASE },
      examples = {
        { "posthog-llm skills delete-file pdf-forms notes.md", "from the next version on" },
        {
          "posthog-llm skills delete-file pdf-forms references/sizes.md --base-version 4",
          "unless somebody has published since version 4",
        },
        {
          "posthog-llm skills show pdf-forms --version 1 --file notes.md",
          "older versions keep it",
        },
      },
      run = run("remote", "delete_file"),
    },
    {
      name = "diff",
      summary = "show the differences of a folder, or of two versions",
      pages = true,
      text = "Show, as a unified diff that patch -p1 and git apply take, what turns a version on "
        .. "the server into a folder, or one version into another. Without versions: the latest "
        .. "and the folder, or of a skill the last two. The exit code is 0 without differences, 7 "
        .. "with some.",
      arguments = {
        {
          "what",
          "A folder, or a skill by its name; else the current folder.",
          optional = true,
          takes = "skill folder",
        },
        { "from", "The version to compare with.", optional = true, takes = "version" },
        {
          "to",
          "The version instead of the folder, or of the latest.",
          optional = true,
          takes = "version",
        },
      },
      options = { HIDDEN },
      examples = {
        { "posthog-llm skills diff skills/pdf-forms", "what a push would change; ends with 7" },
        { "posthog-llm skills diff pdf-forms", "by the last version; ends with 7" },
        { "posthog-llm skills diff pdf-forms 1 2", "by version 2; ends with 7" },
      },
      run = run("history", "diff"),
    },
    {
      name = "restore",
      summary = "publish an old version's content as a new version",
      text = "Publish what an old version held, its text, fields and files, as a new version; "
        .. "the versions between stay. Nothing is sent when the latest version has that content. "
        .. "Where somebody publishes meanwhile, nothing is restored, and the exit code is 3.",
      arguments = { NAME, { "version", "Whose content is wanted.", takes = "version" } },
      options = {
        { "--note", "What the new version is about; kept by API v2.", value = "TEXT" },
      },
      examples = {
        { "posthog-llm skills log pdf-forms", "which version is wanted" },
        { "posthog-llm skills restore pdf-forms 1", "as it was at first" },
        { "posthog-llm skills restore pdf-forms 2 --note 'As in May'", "with a note" },
      },
      run = run("history", "restore"),
    },
    {
      name = "duplicate",
      minor = true,
      summary = "copy a skill's latest version under a new name",
      arguments = { NAME, { "new", "The name of the copy." } },
      examples = {
        { "posthog-llm skills duplicate pdf-forms pdf-forms-2", "to try things out" },
        { "posthog-llm skills pull pdf-forms-2 skills/pdf-forms-2", "get the copy" },
        { "posthog-llm --json skills duplicate pdf-forms web-forms", "for a program" },
      },
      run = run("remote", "duplicate"),
    },
    {
      name = "rename",
      summary = "give a skill another name",
      text = "Give a skill another name. A folder that was pulled from it follows: its lock, the "
        .. "name in its SKILL.md, its own name. API v1 cannot rename: there the skill is copied "
        .. "and then archived with its history, which is asked first. Stopped in the middle, do "
        .. "it again: it goes on.",
      arguments = {
        NAME,
        { "new_name", "Its name from now on." },
        {
          "dir",
          "Its folder; else one of its name that was pulled.",
          optional = true,
          takes = "folder",
        },
      },
      options = { { "-y --yes", "On API v1, do not ask: the history may go." } },
      examples = {
        { "posthog-llm skills rename tax-forms taxes skills/tax-forms --yes", "with its folder" },
        { "posthog-llm skills rename pdf-forms-2 fill-pdf --yes", "as in a script" },
        { "posthog-llm --json skills rename fill-pdf pdf-forms-2 --yes", "for a program" },
      },
      run = run("history", "rename"),
    },
    {
      name = "archive",
      summary = "remove a skill with all its versions, for good",
      text = "Remove a skill with all its versions. There is no undo, and the name is free "
        .. "again. It asks first, on a terminal; elsewhere --yes has to be given.",
      arguments = { NAME },
      options = { { "-y --yes", "Do not ask." } },
      examples = {
        { "posthog-llm skills archive pdf-forms-2 --yes", "without a question, as in a script" },
        { "posthog-llm --json skills archive web-forms --yes", "for a program" },
        { "posthog-llm skills list", "what is left" },
      },
      run = run("remote", "archive"),
    },
  },
}
