--- An old version's content as a new version.

local errors = require("posthog.llm.util.errors")
local refuse = require("posthog.llm.skill_folder.refuse")
local whole = require("posthog.llm.skill_folder.whole")

local restore = {}

local OTHER = "version %d is of a skill that is gone: another one has got its name meanwhile"
local MEANWHILE = "somebody has published meanwhile, and nothing was restored: look at what is "
  .. "new, and restore again"

--- The version and the latest one, of one skill.
--- @return posthog.llm.WholeVersion? old
--- @return posthog.llm.WholeVersion|posthog.llm.Error latest or err
local function read_both(client, name, version)
  local latest, err = whole.read(client, name)
  if not latest then
    return errors.failure(err)
  elseif latest.snapshot.version == version then
    return latest, latest
  end
  local old
  old, err = whole.read(client, name, version)
  if not old then
    return errors.failure(err)
  elseif old.snapshot.created ~= latest.snapshot.created then
    return refuse.conflict(OTHER:format(version))
  end
  return old, latest
end

--- @param client posthog.llm.Client
--- @param name string
--- @param version integer
--- @param options { note?: string }
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @return posthog.llm.Skill? skill
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function restore.run(client, name, version, options, progress)
  local old, latest = read_both(client, name, version)
  if not old then
    return errors.failure(latest)
  end
  local is_same, err = true, nil
  if old ~= latest then
    is_same, err = whole.same(client, old, latest, progress)
  end
  if is_same == nil then
    return errors.failure(err)
  elseif is_same then
    return latest.skill
  end
  local note = options.note or ("Version %d again"):format(version)
  local skill, failed, response = whole.publish(client, name, old, latest.snapshot, note, progress)
  if failed and failed.current_version then
    failed.message = ("%s (%s)"):format(MEANWHILE, failed.message)
  end
  return errors.result(skill, failed, response)
end

return restore
