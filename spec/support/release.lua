--- A release of the present files, made in a repository of its own: the checkout may have changes,
--- or be an extracted archive, without git.

local shell = require("spec.support.shell")

local release = {}

--- Runs shell text that has to succeed.
--- @return string output
function release.run(text)
  local output, status = shell.run(text)
  assert(status == 0, output)
  return output
end

-- What the make of this test hands on; the next is to be that of a person.
release.NEW_MAKE = "unset MAKEFLAGS MAKELEVEL BUILD LUA_VERSION NEEDS SPEC;"
  .. " make -s --no-print-directory SETUP=: "

--- @return string version of the library, from the one file that has it
function release.version()
  return dofile("lua/posthog/llm/util/version.lua")
end

--- Makes a repository of the files in the working directory, in one commit that is always the same.
--- @param folder string the path to make it at
function release.repository(folder)
  local commit = "HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1"
    .. " GIT_AUTHOR_DATE='2026-01-02T03:04:05Z' GIT_COMMITTER_DATE='2026-01-02T03:04:05Z'"
    .. " git -c user.name=x -c user.email=x@example.org commit -qm release"
  release.run(
    (
      "mkdir -p %s && tar --exclude=./build --exclude=./.git --exclude=core.so --exclude=./doc/tags"
      .. " -cf - . | tar -C %s -xf - && cd %s && git init -q . && git add -A && %s"
    ):format(shell.quote(folder), shell.quote(folder), shell.quote(folder), commit)
  )
end

return release
