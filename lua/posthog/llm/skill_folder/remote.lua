--- A version of a skill as the server has it. Versions never change, so what
--- is read by its number fits together whoever publishes meanwhile.

local ahead = require("posthog.llm.http.ahead")
local sha256 = require("posthog.llm.util.digest").sha256
local errors = require("posthog.llm.util.errors")
local hosts = require("posthog.llm.host")
local paths = require("posthog.llm.skill_folder.paths")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local text = require("posthog.llm.skill_folder.text")

local remote = {}

local AT_ONCE = 8 -- files that are read at the same time

--- A client for work on one skill among several: it reads fewer files at the same time.
--- @param client posthog.llm.Client
--- @param at_once integer
--- @return table client with all that is used of one here
function remote.narrow(client, at_once)
  return {
    skills = client.skills,
    files_at_once = at_once,
    profile = function()
      return client:profile()
    end,
  }
end

--- @class posthog.llm.SkillSnapshot
--- @field name string
--- @field version integer
--- @field id string
--- @field created string when its first version was made
--- @field fields table as skill_md.normal makes them
--- @field types table<string, string> the content type of each file by path; not SKILL.md
--- @field sums table<string, string> the server's own digests, where it tells them
--- @field digests table<string, string> of the texts without white space at their ends, where known
--- @field texts table<string, string> where they have been read
--- @field contents table<string, string> the same as they came
--- @field paths string[] of its files as they came, in order
--- @field spec_problems posthog.llm.SpecProblem[] what the server says against it; API v2
--- @field not_stored? posthog.llm.SkillNotStored[] after a write: what it does not keep

--- What the server says against a skill, as far as it can be read.
--- @param skill posthog.llm.Skill
--- @return posthog.llm.SpecProblem[]
function remote.spec_problems(skill)
  local list = {}
  local given = type(skill.spec_problems) == "table" and skill.spec_problems or {}
  for _, row in ipairs(given) do
    if type(row) == "table" and type(row.code) == "string" then
      local path = type(row.file_path) == "string" and row.file_path or nil
      list[#list + 1] = { code = row.code, message = tostring(row.message), file_path = path }
    end
  end
  return list
end

--- @param skill posthog.llm.Skill whole
--- @return posthog.llm.SkillSnapshot
function remote.snapshot(skill)
  local fields = skill_md.normal(skill)
  local self = {
    name = skill.name,
    version = skill.version,
    id = skill.id,
    created = tostring(skill.first_version_created_at or ""),
    fields = fields,
    types = {},
    sums = {},
    digests = { [paths.SKILL] = sha256(skill_md.render(fields)) },
    texts = {},
    contents = {},
    paths = {},
    spec_problems = remote.spec_problems(skill),
  }
  for i, file in ipairs(skill.files or {}) do
    self.paths[i] = file.path
    local is_type = type(file.content_type) == "string"
    self.types[file.path] = is_type and file.content_type or "text/plain"
    self.sums[file.path] = type(file.sha256) == "string" and file.sha256:lower() or nil
  end
  table.sort(self.paths)
  return self
end

--- What a response lacks to be the version of the skill that was asked for.
local function lacks(skill, name, version)
  if skill.name ~= name then
    return "the response is of another skill"
  elseif type(skill.version) ~= "number" or skill.version % 1 ~= 0 or skill.version < 1 then
    return "the response has no version"
  elseif version and skill.version ~= version then
    return ("the response is version %d, not %d"):format(skill.version, version)
  elseif type(skill.id) ~= "string" or type(skill.body) ~= "string" then
    return "the response has no id or no body"
  elseif type(skill.files or {}) ~= "table" then
    return "the response has no list of files"
  end
  for _, file in ipairs(skill.files or {}) do
    if type(file) ~= "table" or type(file.path) ~= "string" then
      return "the response has a file without a path"
    end
  end
end

--- Sends the request of `read`, which is then on its way while the folder is looked at.
--- @param client posthog.llm.Client
--- @param name string
--- @return posthog.llm.Ahead? sent for `read`
function remote.send(client, name)
  local sent = ahead.of(client.skills)
  if sent then
    sent:send(function()
      client.skills:resolve(name, { limit = 1, [ahead.OPTION] = sent })
    end, name)
  end
  return sent
end

--- @param client posthog.llm.Client
--- @param name string
--- @param version? integer default: the latest
--- @param sent? posthog.llm.Ahead from `send`, of the latest version
--- @return posthog.llm.SkillSnapshot? snapshot
--- @return posthog.llm.Error? err
--- @return posthog.llm.Skill? skill as it came
function remote.read(client, name, version, sent)
  local options = { version = version, limit = 1, [ahead.OPTION] = sent }
  local function resolve()
    return client.skills:resolve(name, options)
  end
  local found, err
  if sent then
    found, err = sent:call(resolve, name)
  else
    found, err = resolve()
  end
  if not found or found == true then
    return errors.failure(err or errors.no_content("skill"))
  end
  local reason = lacks(found.skill, name, version)
  if reason then
    return errors.failure(errors.new({ kind = "decode", message = reason }))
  end
  return remote.snapshot(found.skill), nil, found.skill
end

--- Takes digests over where they say the same as the server's, so that the
--- file need not be read.
--- @param self posthog.llm.SkillSnapshot
--- @param digests table<string, string> by path
--- @param is_same boolean? whether they are of this very version
function remote.learn(self, digests, is_same)
  for path, digest in pairs(digests) do
    if self.types[path] and (is_same or self.sums[path] == digest) then
      self.digests[path] = digest
    end
  end
end

--- Reads the texts of files, some at the same time.
--- @param client posthog.llm.Client
--- @param self posthog.llm.SkillSnapshot
--- @param wanted string[] paths; those that are there already are not read again
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @return true? done
--- @return posthog.llm.Error? err
function remote.load(client, self, wanted, progress)
  local jobs, done, missing = {}, 0, {}
  for _, path in ipairs(wanted) do
    if not self.texts[path] and path ~= paths.SKILL then
      missing[#missing + 1] = path
    end
  end
  for i, path in ipairs(missing) do
    jobs[i] = function()
      local file, err = client.skills:file(self.name, path, { version = self.version })
      if not file or file == true then
        return errors.failure(err or errors.no_content("file"))
      end
      self.contents[path] = file.content
      self.texts[path] = text.server(file.content)
      self.digests[path] = sha256(self.texts[path])
      done = done + 1
      progress("read", path, done, #missing)
      return true
    end
  end
  local _, failed = hosts.current().gather(jobs, client.files_at_once or AT_ONCE)
  for i = 1, #jobs do
    local err = failed and failed[i]
    if err ~= nil then
      if not errors.is(err) then
        error(err, 0) -- raised by the caller's own function
      end
      return errors.failure(err)
    end
  end
  return true
end

--- Reads what has no digest yet.
--- @return true? done
--- @return posthog.llm.Error? err
function remote.complete(client, self, progress)
  local wanted = {}
  for _, path in ipairs(self.paths) do
    if not self.digests[path] then
      wanted[#wanted + 1] = path
    end
  end
  return remote.load(client, self, wanted, progress)
end

--- The same, beside a folder whose texts need not be read again.
--- @param client posthog.llm.Client
--- @param folder posthog.llm.Folder that is to be compared with it
--- @param self posthog.llm.SkillSnapshot
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @return true? done
--- @return posthog.llm.Error? err
function remote.complete_beside(client, folder, self, progress)
  local lock = folder.lock
  folder:compare_with(self)
  remote.learn(self, folder.digests)
  if lock then
    remote.learn(self, lock.files, lock.id == self.id)
  end
  return remote.complete(client, self, progress)
end

return remote
