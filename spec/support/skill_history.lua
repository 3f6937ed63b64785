--- Skills with a history in memory, for the specs of what is concluded from it after a lost write.

local assert = require("luassert")

local clock = require("posthog.llm.host.clock")
local lost = require("posthog.llm.api.ambiguous.lost")
local times = require("posthog.llm.util.time")

local skill_history = {}

local BEFORE, SINCE = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
local RESPONSE = { server_time = times.iso(SINCE) }
local ME = { id = 1 }
local TEXT = "text/plain"

skill_history.BEFORE, skill_history.SINCE, skill_history.TEXT, skill_history.ME =
  BEFORE, SINCE, TEXT, ME
skill_history.OTHER, skill_history.RESPONSE = { id = 2 }, RESPONSE

--- @param n integer number of the version
--- @param changes table fields that are not the usual ones
function skill_history.version(n, changes)
  local skill = {
    id = "id-" .. n,
    name = "a",
    version = n,
    description = "d",
    body = "one two",
    files = {},
    created_at = n == 1 and BEFORE or SINCE,
    created_by = ME,
    first_version_created_at = BEFORE,
  }
  for name, value in pairs(changes or {}) do
    skill[name] = value
  end
  return skill
end

function skill_history.file(path, content, kind, digest)
  return { path = path, content = content, content_type = kind or TEXT, sha256 = digest }
end

--- A resource of skills that has a history in memory and writes down its requests.
--- @param versions table[] versions of skill "a", oldest first
--- @param more? { a: table[] } versions of skills of other names
function skill_history.skills_of(versions, more)
  local all = more or {}
  all.a = versions
  local skills = { requests = {} }
  local function note(text, ...)
    skills.requests[#skills.requests + 1] = text:format(...)
    if skills.on_request then
      skills.on_request(skills.requests[#skills.requests])
    end
  end
  local function find(name, wanted)
    local list = all[name] or {}
    for _, skill in ipairs(list) do
      if skill.version == (wanted or #list) then
        skill.latest_version = list[#list].version
        return skill, nil, RESPONSE
      end
    end
    return nil, { kind = "not_found", status = 404 }, nil
  end
  function skills:get(name, options)
    note("%s %s", name, options.version or "latest")
    return find(name, options.version)
  end
  function skills:file(name, path, options)
    note("%s %s %s", name, options.version, path)
    local skill = find(name, options.version)
    for _, found in ipairs(skill and skill.files or {}) do
      if found.path == path then
        if found.content == 204 then
          return true, nil, RESPONSE
        end
        return found.content and { content = found.content }, nil, RESPONSE
      end
    end
    return nil, { kind = "not_found" }, RESPONSE
  end
  function skills:resolve(name)
    note("%s versions", name)
    local list = all[name]
    if not list then
      return nil, { kind = "not_found" }, RESPONSE
    end
    local newest_first = {}
    for i = #list, 1, -1 do
      newest_first[#newest_first + 1] = list[i]
    end
    return { skill = list[#list], versions = newest_first }, nil, RESPONSE
  end
  return skills
end

function skill_history.new_lost(parts)
  parts = parts or {}
  parts.began, parts.expires = clock.now(), clock.now() + 10
  parts.user, parts.skills, parts.call_options = 1, parts.skills or {}, {}
  return lost.new(parts)
end

--- How many of the requests read a file.
function skill_history.files_read(skills)
  local n = 0
  for _, request in ipairs(skills.requests) do
    n = n + (request:find("^%S+ %d+ %S") and 1 or 0)
  end
  return n
end

--- One version after another, and the verdict on a write that may have made it.
--- @param case { before?: table, after?: table, verdict: string, reads?: integer }
--- @param probe fun(skills): function
function skill_history.judge(case, probe)
  local skills = skill_history.skills_of({
    skill_history.version(1, case.before),
    skill_history.version(2, case.after),
  })
  local finding = probe(skills)(skill_history.new_lost())
  assert.equal(case.verdict, finding.verdict)
  if case.verdict == "happened" then
    assert.equal(2, finding.value.version)
  end
  if case.reads then
    assert.equal(case.reads, skill_history.files_read(skills), table.concat(skills.requests, ", "))
  end
  return finding
end

return skill_history
