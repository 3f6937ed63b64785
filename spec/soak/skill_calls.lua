--- Calls of the soak on skills: some that one worker has for itself, some that all write to at the
--- same time. Each write leaves a mark of its own in the version that it makes: the description of
--- a publish, the path of a file.

local llm = require("posthog.llm")

local MOST_SKILLS = 3 -- of a worker's own
local MOST_COMMON = 4
local MOST_FILES = 12

local function wrong(text, ...)
  return text:format(...)
end

--- What is known of a skill.
--- @class soak.Skill
--- @field name string
--- @field version integer? the latest that was seen; nil: to be read first
--- @field body_mark string? in the body
--- @field files table<string, string|false> path to the mark in its content, false: unknown
--- @field common boolean

local function body_of(w, mark)
  return ("# Soak\n\nMark %s end. %s"):format(mark, w.chance:text(200))
end

local function content_of(mark)
  return ("Content %s end."):format(mark)
end

local function path_of(w, mark)
  return ("f/%d/ä %s/a.md"):format(w.number, mark)
end

--- Whether this worker made the file under this path: then nobody else deletes it.
local function is_own(w, path)
  return path:find(("f/%d/"):format(w.number), 1, true) == 1
end

--- Takes over what an answer shows of the latest version.
local function learn(skill, value)
  if skill.version and value.version < skill.version then
    return
  end
  local files = {}
  for _, file in ipairs(value.files) do
    files[file.path] = value.version == skill.version and skill.files[file.path] or false
  end
  skill.version, skill.files = value.version, files
  skill.body_mark = value.body:match("^# Soak\n\nMark (%S+) end%.")
end

local function forget(w, skill)
  local list = skill.common and w.common or w.skills
  for i, one in ipairs(list) do
    if one == skill then
      table.remove(list, i)
    end
  end
end

--- Ends a write on a skill that makes a version, and keeps what is known then.
--- @param base integer? version that it was based on
--- @param check? fun(value: table): string?
--- @param known? table<string, string> marks of files that it wrote, by path
local function finish(w, skill, entry, base, check, known, value, err, response)
  if err and err.status == 404 and base and not skill.common then
    entry.wrong = "the skill or the file is gone"
  end
  entry.version = value and value.version
  local files = skill.files
  local outcome = w:finish(entry, function(made)
    if made.name ~= skill.name then
      return wrong("the skill %s", made.name)
    end
    if base and made.version ~= base + 1 then
      return wrong("version %d", made.version)
    end
    return check and check(made)
  end, value, err, response)
  if value and not entry.wrong then
    learn(skill, value)
    if base and value.version == skill.version then -- so nobody came between
      for path in pairs(skill.files) do
        skill.files[path] = known and known[path] or files[path] or false
      end
    end
  elseif value then
    skill.version = nil
  elseif err.status == 404 and base then
    forget(w, skill)
  elseif outcome == "unknown" or err.status == 404 or err.kind == "conflict" then
    skill.version = nil
  end
  return outcome
end

local function get_skill(w, skill)
  local entry, options = w:begin("get skill", { on = skill.name })
  local before = skill.version
  local value, err, response = w.client.skills:get(skill.name, options)
  if err and err.status == 404 then
    if not skill.common then
      entry.wrong = "the skill is gone"
    end
    forget(w, skill)
  end
  w:finish(entry, function(made)
    if made.name ~= skill.name then
      return wrong("the skill %s", made.name)
    end
    if before and made.version < before then
      return wrong("version %d", made.version)
    end
  end, value, err, response)
  if value and not entry.wrong then
    learn(skill, value)
  end
end

--- A skill to write to, whose latest version is known; nil: it had to be read first.
local function pick(w)
  local skill = w.chance:of(w.chance:falls(0.5) and w.common or w.skills) or w.chance:of(w.skills)
  if skill and not skill.version then
    get_skill(w, skill)
    return nil
  end
  return skill
end

local function new_skill(w, list, common, kind, call)
  local mark = w:mark()
  local name = "s" .. mark:gsub("%.", "x")
  local entry, options = w:begin(kind, { on = name, mark = mark })
  local skill = { name = name, files = {}, common = common }
  local value, err, response = call(name, mark, options)
  entry.version = value and value.version
  local outcome = w:finish(entry, function(made)
    if made.name ~= name or made.version ~= 1 then
      return "another skill"
    end
  end, value, err, response)
  if outcome ~= "done" or entry.wrong then
    return
  end
  learn(skill, value)
  list[#list + 1] = skill
end

local function create_in(w, list, common)
  new_skill(w, list, common, "create skill", function(name, mark, options)
    return w.client.skills:create({
      name = name,
      description = mark,
      body = body_of(w, mark),
      metadata = { mark = mark, list = llm.array({}), none = llm.null },
      allowed_tools = { "Bash", "Read" },
      files = { { path = path_of(w, mark), content = content_of(mark) } },
    }, options)
  end)
end

local function create_skill(w)
  if #w.common < MOST_COMMON then
    return create_in(w, w.common, true)
  end
  create_in(w, w.skills, false)
end

local function duplicate(w)
  local source = w.chance:of(w.skills)
  new_skill(w, w.skills, false, "duplicate skill", function(name, _, options)
    return w.client.skills:duplicate(source.name, name, options)
  end)
end

--- What a publish may change beside the description: fields, and marks of files that they write.
local CHANGES = {
  function()
    return {}
  end,
  function(w, _, mark)
    return { body = body_of(w, mark), license = "MIT" }
  end,
  function(_, skill, mark)
    if not skill.body_mark then
      return {}
    end
    return { edits = { { old = "Mark " .. skill.body_mark, new = "Mark " .. mark } } }
  end,
  function(_, _, mark)
    return { metadata = { mark = mark, deep = { { 1, llm.null, 2.5 } } }, allowed_tools = {} }
  end,
  function(w, _, mark)
    local path = path_of(w, mark)
    return {
      files = {
        { path = path, content = content_of(mark) },
        { path = path .. ".2", content = content_of(mark .. "2") },
      },
    }, { [path] = mark, [path .. ".2"] = mark .. "2" }
  end,
  function(_, skill, mark)
    for path, old in pairs(skill.files) do
      if old then
        return {
          file_edits = {
            { path = path, edits = { { old = content_of(old), new = content_of(mark) } } },
          },
        }, { [path] = mark }
      end
    end
    return {}
  end,
}

local function publish(w)
  local skill = pick(w)
  if not skill then
    return
  end
  local mark, base = w:mark(), skill.version
  local fields, known = w.chance:of(CHANGES)(w, skill, mark)
  fields.base_version, fields.description = base, mark
  local entry, options = w:begin("publish", { on = skill.name, mark = mark, base = base })
  finish(w, skill, entry, base, function(made)
    if made.description ~= mark then
      return "another description"
    end
    if (fields.body or fields.edits) and not made.body:find("Mark " .. mark, 1, true) then
      return "another body"
    end
  end, known, w.client.skills:publish(skill.name, fields, options))
end

--- The base_version of a change of files: mostly given.
local function base_of(w, skill)
  return w.chance:falls(0.8) and skill.version or nil
end

local function create_file(w)
  local skill = pick(w)
  local count = 0
  for _ in pairs(skill and skill.files or {}) do
    count = count + 1
  end
  if not skill or count >= MOST_FILES then
    return
  end
  local mark, base = w:mark(), base_of(w, skill)
  local path = path_of(w, mark)
  local entry, options = w:begin("create file", { on = skill.name, mark = mark, base = base })
  finish(
    w,
    skill,
    entry,
    base,
    function(made)
      for _, file in ipairs(made.files) do
        if file.path == path then
          return nil
        end
      end
      return "without the file"
    end,
    { [path] = mark },
    w.client.skills:create_file(
      skill.name,
      { path = path, content = content_of(mark), base_version = base },
      options
    )
  )
end

--- A file of this worker's that is surely there; nil: none.
local function own_file(w, skill)
  local paths = {}
  for path in pairs(skill and skill.files or {}) do
    if is_own(w, path) and not w.spent[path] then
      paths[#paths + 1] = path
    end
  end
  table.sort(paths)
  return w.chance:of(paths)
end

local function rename_file(w)
  local skill = pick(w)
  local path = own_file(w, skill)
  if not path then
    return
  end
  local mark, base = w:mark(), base_of(w, skill)
  local new_path = path_of(w, mark)
  local known = { [new_path] = skill.files[path] }
  local entry, options = w:begin(
    "rename file",
    { on = skill.name, mark = mark, base = base },
    { base_version = base }
  )
  local function check(made)
    for _, file in ipairs(made.files) do
      if file.path == path then
        return "with the old file"
      end
    end
  end
  local outcome = finish(
    w,
    skill,
    entry,
    base,
    check,
    known,
    w.client.skills:rename_file(skill.name, path, new_path, options)
  )
  if outcome == "unknown" then
    w.spent[path] = true
  end
end

local function delete_file(w)
  local skill = pick(w)
  local path = own_file(w, skill)
  if not path then
    return
  end
  local base = base_of(w, skill)
  local entry, options = w:begin(
    "delete file",
    { on = skill.name, path = path, base = base },
    { base_version = base }
  )
  local outcome = finish(w, skill, entry, base, function(made)
    for _, file in ipairs(made.files) do
      if file.path == path then
        return "with the file"
      end
    end
  end, nil, w.client.skills:delete_file(skill.name, path, options))
  if outcome == "unknown" then
    w.spent[path] = true
  end
end

local function archive(w)
  local skill = w.chance:of(#w.skills < MOST_SKILLS and w.common or w.skills)
  if not skill then
    return
  end
  local entry, options = w:begin("archive skill", { on = skill.name })
  local value, err, response = w.client.skills:archive(skill.name, options)
  local outcome = w:finish(entry, nil, value, err, response)
  if outcome ~= "failed" or err.status == 404 then
    forget(w, skill)
  end
end

local function read_more(w)
  local skill = w.chance:of(w.skills)
  if not skill then
    return
  end
  local which = w.chance:below(3)
  if which == 0 then
    local entry, options = w:begin("resolve skill", { on = skill.name }, { limit = 3 })
    w:finish(entry, function(value)
      if value.skill.name ~= skill.name then
        return "another skill"
      end
    end, w.client.skills:resolve(skill.name, options))
  elseif which == 1 then
    local entry, options = w:begin("list skills", {}, { search = skill.name, limit = 10 })
    w:finish(entry, function(page)
      for _, row in ipairs(page.results) do
        if row.name == skill.name then
          return nil
        end
      end
      return "it is not in the list"
    end, w.client.skills:list(options))
  else
    local path, mark = next(skill.files)
    if not path or not skill.version then
      return
    end
    local entry, options = w:begin("get file", { on = skill.name }, { version = skill.version })
    w:finish(entry, function(file)
      if mark and file.content ~= content_of(mark) then
        return "another content"
      end
    end, w.client.skills:file(skill.name, path, options))
  end
end

local function get_one(w)
  get_skill(w, w.chance:of(w.skills))
end

local function has_skills(w)
  return #w.skills > 0
end
local function has_room(w)
  return #w.skills < MOST_SKILLS
end

return {
  { weight = 8, may = has_room, run = create_skill },
  {
    weight = 3,
    may = function(w)
      return has_skills(w) and has_room(w)
    end,
    run = duplicate,
  },
  { weight = 16, may = has_skills, run = publish },
  { weight = 6, may = has_skills, run = create_file },
  { weight = 5, may = has_skills, run = rename_file },
  { weight = 5, may = has_skills, run = delete_file },
  { weight = 1, may = has_skills, run = archive },
  { weight = 6, may = has_skills, run = get_one },
  { weight = 6, may = has_skills, run = read_more },
}
