--- What the API, or the Agent Skills format, would not take of a folder: all
--- of it at once, with file and line.

local compare = require("posthog.llm.util.compare")
local file_system = require("posthog.llm.util.file_system")
local json = require("posthog.llm.json")
local option_names = require("posthog.llm.util.option_names")
local paths = require("posthog.llm.skill_folder.paths")
local rules = require("posthog.llm.skill_folder.rules")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local stored = require("posthog.llm.skill_folder.stored")
local text = require("posthog.llm.skill_folder.text")

local lint = {}

local LIMITS = rules.LIMITS

--- @class posthog.llm.SkillFinding
--- @field code string of the rule, such as "name_missing"
--- @field path string
--- @field line? integer
--- @field message string what is wrong, and the way out
--- @field level "error"|"warning" a push is refused for an error
--- @field skippable? boolean true: `skip_binary` leaves the file out instead

local Report = {}
Report.__index = Report

--- Notes that a rule is broken; not where it does not hold on this server.
--- @param code string
--- @param path string
--- @param line? integer
--- @param ... any for the words of the rule
function Report:add(code, path, line, ...)
  local level = rules.level(code, self.api_version)
  if level then
    self.findings[#self.findings + 1] = {
      code = code,
      level = level,
      path = path,
      line = line,
      message = rules.message(code, ...),
      skippable = rules.ALL[code].skippable,
    }
  end
end

--- The same of SKILL.md.
function Report:skill(code, line, ...)
  self:add(code, paths.SKILL, line, ...)
end

--- Why no skill can have this name.
--- @param name string
--- @return string? reason
function lint.name_error(name)
  local code = rules.name_error(name)
  return code and rules.message(code, name)
end

--- The name of the folder itself; nil where it is unknown.
local function own_name(dir)
  if dir == "." then
    dir = file_system.real_path(".") or ""
  end
  local name = dir:match("([^/]+)$")
  return name ~= "." and name ~= ".." and name or nil
end

local function check_name(report, folder, name, line)
  local code = rules.name_error(name)
  if code then
    report:skill(code, line, name)
  end
  if code and rules.level(code, report.api_version) then
    return
  elseif folder.lock then
    if folder.lock.name ~= name then
      report:skill("name_is_not_the_locks", line, name, folder.lock.name)
    end
  elseif own_name(folder.dir) and own_name(folder.dir) ~= name then
    report:skill("name_is_not_the_folders", line, name, own_name(folder.dir))
  end
  for _, prefix in ipairs(folder.lock and {} or rules.PREFIXES) do
    if name:sub(1, #prefix) == prefix then
      report:skill("name_has_prefix", line, name, prefix)
    end
  end
end

local function check_description(report, description, line)
  local length = compare.length(description)
  if description == "" then
    report:skill("description_empty", line or 1)
  elseif length > LIMITS.longest_description and report.api_version == "reference" then
    report:skill("field_too_long", line, "description", length, LIMITS.longest_description)
  elseif length > LIMITS.description then
    report:skill("description_too_long", line, length, LIMITS.description)
  end
end

local function check_fields(report, fields, about)
  local lines = about.lines
  check_description(report, fields.description, lines.description)
  for _, field in ipairs({ "license", "compatibility" }) do
    local length = compare.length(fields[field])
    if length > LIMITS[field] then
      report:skill("field_too_long", lines[field], field, length, LIMITS[field])
    end
  end
  for _, tool in ipairs(fields.allowed_tools) do
    if tool == "" then
      report:skill("tool_empty", lines["allowed-tools"])
    elseif #compare.words(tool) > 1 then
      local option = option_names.code("split_tools")
      local line = skill_md.tool_line(about, tool)
      report:skill("tool_has_blank", line, tool, option)
    end
  end
end

local LEAST, MOST = -2 ^ 63, 2 ^ 64 -- what the server can hold, and give back (doc/api.md 0.4)

--- Whether no server can store a number. One that Lua cannot hold is a userdata.
local function is_too_large(value)
  local number = value
  if type(value) == "userdata" and value ~= json.null then
    number = value:tonumber()
  end
  return type(number) == "number" and number % 1 == 0 and (number < LEAST or number >= MOST)
end

--- What no server can store of a value.
--- @param report table
--- @param what string name of the field
--- @param value any
--- @param line? integer
local function check_value(report, what, value, line)
  if type(value) == "table" then
    for name, member in pairs(value) do
      check_value(report, what, name, line)
      check_value(report, what, member, line)
    end
  elseif type(value) == "string" and value:find("\0", 1, true) then
    report:skill("has_nul", line, what)
  elseif is_too_large(value) then
    report:skill("number_too_large", line, tostring(value))
  end
end

local function check_values(report, fields, lines)
  for _, field in ipairs({ "description", "license", "compatibility", "metadata" }) do
    check_value(report, field, fields[field], lines[field])
  end
  check_value(report, "allowed-tools", fields.allowed_tools, lines["allowed-tools"])
end

local function check_body(report, body, line)
  if body == "" then
    report:skill("body_empty", line)
  elseif #body > LIMITS.text then
    report:skill("body_too_large", line, #body, LIMITS.text)
  end
end

--- What the file has and the server has not, or may not have.
local function check_not_stored(report, folder, fields, source, lines)
  local noted = {}
  for _, finding in ipairs(folder:findings_of_not_stored()) do
    if finding.why == "export" then
      report:add("exported", finding.path, finding.line, finding.message)
    end
    noted[finding.key or ""] = true
  end
  for _, key in ipairs(rules.OWN_METADATA) do
    if fields.metadata[key] ~= nil and not noted["metadata." .. key] then
      local line = stored.line_of(source, lines, { "metadata", key })
      report:skill("metadata_kept_by_server", line, key)
    end
  end
end

local function check_line_ends(report, path, source)
  local newline, other = text.newline(source)
  if other then
    report:add("mixed_line_ends", path, other, newline == "\n" and "LF" or "CRLF")
  end
end

--- @return table? fields of SKILL.md as the server would have them
local function check_skill(report, folder)
  if not folder:has(paths.SKILL) then
    report:skill("skill_missing")
    return nil
  end
  local source, err = folder:read(paths.SKILL)
  if not source then
    report:skill("unreadable", nil, err.message)
    return nil
  end
  local reason, line = text.check(source)
  if reason then
    report:skill("skill_not_text", line, reason)
    return nil
  end
  local read, wrong, about = folder:parse(source)
  if not read then
    report:skill("front_matter", wrong.line, wrong.reason)
    return nil
  end
  check_line_ends(report, paths.SKILL, source)
  if about.rest_line then
    report:skill("text_after_front_matter", about.rest_line)
  end
  local own = skill_md.normal(read)
  local fields = folder:to_server(own)
  check_name(report, folder, fields.name, about.lines.name or 1)
  check_fields(report, fields, about)
  check_values(report, fields, about.lines)
  check_body(report, fields.body, about.body_line)
  for _, key in ipairs(about.unknown) do
    report:skill("unknown_key", about.lines[key], key)
  end
  check_not_stored(report, folder, own, source, about.lines)
  return fields
end

--- @return integer bytes
--- @return boolean? is_skippable
local function check_file(report, folder, path)
  local reason = paths.check(path)
  if reason then
    report:add("file_path_invalid", path, nil, reason)
    return 0
  end
  local source, err = folder:read(path)
  if not source then
    report:add("unreadable", path, nil, err.message)
    return 0
  end
  local wrong, line = text.check(source)
  local middle = text.server(source)
  if wrong then
    report:add("not_text", path, line, wrong)
    return #middle, true
  elseif middle == "" then
    report:add(("/" .. path):find("/__init__%.py$") and "init_empty" or "file_empty", path)
    return 0, true
  elseif #middle > LIMITS.text then
    report:add("file_too_large", path, nil, #middle, LIMITS.text)
  end
  check_line_ends(report, path, source)
  return #middle
end

local function check_total(report, count, bytes)
  local is_v1 = report.api_version == "reference"
  local most = is_v1 and LIMITS.fewest_files or LIMITS.files
  if count > most then
    report:skill("too_many_files", nil, count, most)
  elseif count > LIMITS.fewest_files and not report.api_version then
    report:skill("too_many_for_v1", nil, count, LIMITS.fewest_files)
  end
  if bytes > LIMITS.total then
    report:skill("too_large", nil, bytes, LIMITS.total)
  end
end

--- What is one name where others unpack the skill.
local function check_names(report, folder)
  for _, twin in ipairs(paths.collisions(folder.scan.files, "both")) do
    local code = twin.differs == "case" and "file_path_collides" or "file_path_has_twin"
    report:add(code, twin.path, nil, twin.other)
  end
end

--- What the server said of the version that the folder was pulled from.
local function check_spec_problems(report, folder)
  local known = {}
  for _, finding in ipairs(report.findings) do
    known[finding.code] = true
  end
  for _, problem in ipairs(folder.lock and folder.lock.spec_problems or {}) do
    if not known[problem.code] then
      local path = problem.file_path or paths.SKILL
      report:add("spec_problem", path, nil, rules.of_server(problem))
    end
  end
end

--- @param folder posthog.llm.Folder looked at
--- @param api_version? posthog.llm.ApiVersion where it is known
--- @return posthog.llm.SkillFinding[] findings
--- @return table? fields of SKILL.md where it can be read
function lint.run(folder, api_version)
  local report = setmetatable({ findings = {}, api_version = api_version }, Report)
  local fields = check_skill(report, folder)
  local count, bytes = 0, fields and #fields.body or 0
  for _, path in ipairs(folder.scan.files) do
    if path ~= paths.SKILL and folder:has(path) then
      local size, is_skippable = check_file(report, folder, path)
      bytes = bytes + size
      count = count + (is_skippable and 0 or 1)
    end
  end
  check_total(report, count, bytes)
  for _, other in ipairs(folder.scan.others) do
    report:add("not_a_file", other.path, nil, other.kind)
  end
  check_names(report, folder)
  for _, finding in ipairs(folder:unresolved()) do
    report:add("unresolved", finding.path, finding.line, finding.message)
  end
  check_spec_problems(report, folder)
  return report.findings, fields
end

--- What the API would not take of a folder with the changes of others in it, each of which may have
--- been within the limits.
--- @param tree posthog.llm.SkillTree
--- @param api_version? posthog.llm.ApiVersion where it is known
--- @return posthog.llm.SkillFinding[] errors without lines: the texts are not in the folder yet
function lint.tree(tree, api_version)
  local report = setmetatable({ findings = {}, api_version = api_version }, Report)
  check_fields(report, tree.fields, tree.about)
  check_body(report, tree.fields.body)
  local count, bytes = 0, #tree.fields.body
  for path, source in pairs(tree.texts) do
    count, bytes = count + 1, bytes + #source
    if #source > LIMITS.text then
      report:add("file_too_large", path, nil, #source, LIMITS.text)
    end
  end
  check_total(report, count, bytes)
  local wrong = {}
  for _, finding in ipairs(report.findings) do
    finding.line = nil
    wrong[#wrong + 1] = finding.level == "error" and finding or nil
  end
  return wrong
end

--- What would be found in a SKILL.md that is in no folder, such as the text of an editor.
--- @param source string
--- @param name string of the skill
--- @param api_version? posthog.llm.ApiVersion where it is known
--- @return posthog.llm.SkillFinding[] findings
function lint.text(source, name, api_version)
  local report = setmetatable({ findings = {}, api_version = api_version }, Report)
  check_skill(report, {
    dir = name,
    has = function()
      return true
    end,
    read = function()
      return source
    end,
    parse = function(_, text_of_skill)
      return skill_md.read(text_of_skill)
    end,
    to_server = function(_, fields)
      return fields
    end,
    findings_of_not_stored = function()
      return {}
    end,
  })
  return report.findings
end

--- @param finding { path: string, line?: integer }
--- @return string
function lint.place(finding)
  return finding.line and ("%s:%d"):format(finding.path, finding.line) or finding.path
end

--- @param finding { path: string, line?: integer, message: string }
--- @return string
function lint.line(finding)
  return ("%s: %s"):format(lint.place(finding), finding.message)
end

return lint
