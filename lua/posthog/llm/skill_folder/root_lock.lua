--- The file in a root that says what the server's list was: a memory, without which nothing but a
--- request is lost. One that is damaged, or was mixed by a merge, counts as none.

local atomic_file = require("posthog.llm.util.atomic_file")
local digest = require("posthog.llm.util.digest")
local disk = require("posthog.llm.skill_folder.disk")
local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")

local root_lock = { NAME = ".posthog-skills.json" }

local FORMAT = 1

--- @class posthog.llm.SkillRow a skill as a list tells of it
--- @field name string
--- @field version? integer the latest
--- @field id? string of that version
--- @field created? string when the skill's first version was made

--- @class posthog.llm.SkillRootLock
--- @field url string whose skills they are
--- @field etag? string of the list that these rows are
--- @field rows posthog.llm.SkillRow[] in order of names; none without an ETag

local function path_of(dir)
  return dir .. "/" .. root_lock.NAME
end

--- A line for each row, so that a diff can be read.
local function lines_of(rows)
  local lines = {}
  for i, row in ipairs(rows) do
    lines[i] = ('    {"name": %s, "version": %d, "id": %s, "created": %s}'):format(
      json.encode(row.name),
      row.version,
      json.encode(row.id),
      json.encode(row.created or "")
    )
  end
  return table.concat(lines, ",\n")
end

--- Tells rows that belong together from rows of two sides of a merge.
local function sum_of(data)
  return digest.sha256(("%s\n%s\n%s"):format(data.url, data.etag or "", lines_of(data.rows)))
end

local function is_row(row)
  return type(row) == "table"
    and type(row.name) == "string"
    and type(row.id) == "string"
    and type(row.version) == "number"
    and row.version % 1 == 0
    and type(row.created) == "string"
end

local function is_valid(data)
  if type(data) ~= "table" or data.format ~= FORMAT or type(data.url) ~= "string" then
    return false
  elseif type(data.rows) ~= "table" or (data.etag and type(data.etag) ~= "string") then
    return false
  end
  for _, row in ipairs(data.rows) do
    if not is_row(row) then
      return false
    end
  end
  return data.sum == sum_of(data)
end

--- @param dir string the root
--- @return posthog.llm.SkillRootLock? data nil: there is none that can be used
function root_lock.read(dir)
  local source = disk.kind(path_of(dir)) == "file" and disk.read(path_of(dir))
  local data = source and json.decode(source)
  if is_valid(data) then
    return data
  end
end

--- @param data posthog.llm.SkillRootLock
--- @return string
function root_lock.render(data)
  local etag = data.etag and ('  "etag": %s,\n'):format(json.encode(data.etag)) or ""
  return ('{\n  "format": %d,\n  "url": %s,\n%s  "sum": "%s",\n  "rows": [\n%s\n  ]\n}\n'):format(
    FORMAT,
    json.encode(data.url),
    etag,
    sum_of(data),
    lines_of(data.rows)
  )
end

--- @param dir string the root
--- @param data posthog.llm.SkillRootLock
--- @return true? done
--- @return posthog.llm.Error? err kind "file"
function root_lock.write(dir, data)
  local text = root_lock.render(data)
  local path = path_of(dir)
  if disk.kind(path) == "file" and disk.read(path) == text then
    return true
  end
  local file, err = atomic_file.open(path)
  local ok = file
  if file then
    ok, err = file:write(text)
  end
  if ok then
    ok, err = file:commit()
  end
  if not ok then
    return errors.failure(err)
  end
  return true
end

return root_lock
