--- A skill's SKILL.md, or one of its bundled files, as text: read from the server, and published
--- to it. Runs in a task; knows no buffers.

local lint = require("posthog.llm.skill_folder.lint")
local paths = require("posthog.llm.skill_folder.paths")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local task = require("posthog.nvim.task")
local text = require("posthog.llm.skill_folder.text")

local document = {}

local SKILL = "SKILL.md"

--- A text and the version that it is of: what a change is based on.
--- @class posthog.nvim.Document
--- @field name string of the skill
--- @field path string
--- @field text string as a buffer shows it: it ends with a line end
--- @field version? integer nil: there is no such skill yet
--- @field fields? table of a SKILL.md: what the text says, in its normal form
--- @field is_new? boolean the skill has no such file, or does not exist
--- @field first? string first_version_created_at: which skill of the name it is
--- @field author? string who published the version
--- @field at? string when
--- @field paths? table<string, true> of the skill's files

local TEMPLATE = [[
---
name: %s
description: What this skill does, and when an agent is to use it.
---

# %s

]]

local function template(name)
  local title = name:gsub("%-", " "):gsub("^%l", string.upper)
  return TEMPLATE:format(name, title)
end

local function paths_of(skill)
  local found = { [SKILL] = true }
  for _, file in ipairs(skill.files or {}) do
    found[file.path] = true
  end
  return found
end

local function author_of(skill)
  local user = type(skill.created_by) == "table" and skill.created_by or {}
  return user.first_name ~= "" and user.first_name or user.email
end

local function of_skill(skill, path)
  return {
    name = skill.name,
    path = path,
    version = skill.version,
    first = skill.first_version_created_at,
    author = author_of(skill),
    at = skill.created_at,
    paths = paths_of(skill),
  }
end

local function is_absent(err)
  return type(err) == "table" and err.kind == "not_found"
end

--- Raises why there can be no skill, or no file, of this name.
local function check_new(at)
  local reason = lint.name_error(at.name)
  local wrong = at.path ~= SKILL and paths.check(at.path)
  if reason then
    error(("there is no skill %q, and there can be none: %s"):format(at.name, reason), 0)
  elseif wrong then
    error(("there is no file %q, and there can be none: the path %s"):format(at.path, wrong), 0)
  end
end

--- Reads a file of a skill. What does not exist is a new one.
--- @param client posthog.llm.Client
--- @param at { name: string, path: string, version?: integer }
--- @return posthog.nvim.Document
function document.load(client, at)
  local skill, err = client.skills:get(at.name, { version = at.version })
  if not skill and is_absent(err) and not at.version then
    check_new(at)
    local is_skill = at.path == SKILL
    return {
      name = at.name,
      path = at.path,
      text = is_skill and template(at.name) or "",
      is_new = true,
    }
  end
  task.must(skill, err)
  local found = of_skill(skill, at.path)
  if at.path == SKILL then
    found.fields = skill_md.normal(skill)
    found.text = skill_md.render(found.fields)
  elseif found.paths[at.path] then
    local file = task.must(client.skills:file(at.name, at.path, { version = skill.version }))
    found.text = text.file((text.trim(file.content)))
  elseif at.version then
    error(("version %d of %s has no file %s"):format(at.version, at.name, at.path), 0)
  else
    check_new(at)
    found.text, found.is_new = "", true
  end
  return found
end

--- What a text in front of the server's stands for.
local function read_skill_md(name, source)
  local fields, err = skill_md.read(source)
  task.must(fields, err)
  fields = skill_md.normal(fields)
  if fields.name ~= name then
    error(
      ("SKILL.md: its name is %q and the skill's is %q: to rename it, use :PostHog rename"):format(
        fields.name,
        name
      ),
      0
    )
  end
  return fields
end

--- Do two SKILL.md say the same? Bodies are compared as they are: they may be large.
local function says_same(one, other)
  if one.body ~= other.body then
    return false
  end
  local function head(fields)
    local copy = {}
    for name, value in pairs(fields) do
      copy[name] = name ~= "body" and value or ""
    end
    return skill_md.canonical(copy)
  end
  return head(one) == head(other)
end

--- Does a text say what the server has already?
--- @param fields? table of a SKILL.md, what the text says
local function is_same(base, source, fields)
  if base.is_new then
    return false
  elseif fields then
    return says_same(fields, base.fields)
  end
  return (text.trim(source)) == (text.trim(base.text))
end

local function publish_skill_md(client, base, fields, note)
  if not base.version then
    return client.skills:create(fields)
  end
  local sent = {}
  for name, value in pairs(fields) do
    sent[name] = value
  end
  sent.name = nil
  sent.base_version, sent.version_description = base.version, note
  return client.skills:publish(base.name, sent)
end

local function publish_file(client, base, source, note)
  local content = text.trim(source)
  if not base.version then
    error(("there is no skill %s yet: write its SKILL.md first"):format(base.name), 0)
  elseif content == "" then
    error("an empty file cannot be kept: PostHog stores no file without text", 0)
  elseif base.is_new then
    return client.skills:create_file(base.name, {
      path = base.path,
      content = content,
      content_type = base.path:find("%.md$") and "text/markdown" or "text/plain",
      base_version = base.version,
    })
  end
  return client.skills:publish(base.name, {
    base_version = base.version,
    version_description = note,
    file_edits = {
      { path = base.path, edits = { { old = (text.trim(base.text)), new = content } } },
    },
  })
end

--- The text, as the version that was made of it.
local function published(skill, base, source)
  local made = of_skill(skill, base.path)
  if base.path == SKILL then
    made.fields = skill_md.normal(skill)
    made.text = skill_md.render(made.fields)
  else
    made.text = text.file((text.trim(source)))
  end
  return made
end

local function is_conflict(err)
  return type(err) == "table" and err.kind == "conflict"
end

--- Is the latest version the same skill, with the same text here?
local function is_untouched(base, latest)
  if latest.first ~= base.first or not latest.is_new ~= not base.is_new then
    return false
  elseif base.fields and latest.fields then
    return says_same(base.fields, latest.fields)
  end
  return (text.trim(latest.text)) == (text.trim(base.text))
end

--- What the server has now, where that is another version than the base, or another skill: a
--- version number alone does not tell one from another that has taken its name.
--- @return posthog.nvim.Document? latest nil: it is the base
local function read_newer(client, base)
  local at = { name = base.name, path = base.path }
  if not base.version then
    local latest = document.load(client, at)
    return latest.version and latest or nil
  end
  local skill, err = client.skills:get(base.name)
  if not skill and is_absent(err) then
    return document.load(client, at)
  end
  task.must(skill, err)
  if skill.version == base.version and skill.first_version_created_at == base.first then
    return nil
  end
  return document.load(client, at)
end

--- Publishes a text over the version that it is based on. Where somebody has published meanwhile
--- and left this file alone, it goes on top of that.
local function save_on(client, base, source, note)
  local fields = base.path == SKILL and read_skill_md(base.name, source) or nil
  if is_same(base, source, fields) then
    return { action = "unchanged", document = base }
  end
  local skill, err
  for _ = 1, 2 do -- whoever publishes between the read and the write is met by the second
    local latest = read_newer(client, base)
    if latest and latest.first == base.first and is_same(latest, source, fields) then
      return { action = "published", document = latest } -- by a write whose response was lost, it may be
    elseif latest and not is_untouched(base, latest) then
      return { action = "conflict", document = latest, err = err }
    end
    base = latest or base
    if fields then
      skill, err = publish_skill_md(client, base, fields, note)
    else
      skill, err = publish_file(client, base, source, note)
    end
    if not is_conflict(err) then
      break
    end
  end
  task.must(skill, err)
  return { action = "published", document = published(skill, base, source), on = base.version }
end

--- @class posthog.nvim.Outcome
--- @field action "published"|"created"|"unchanged"|"conflict"
--- @field document posthog.nvim.Document|posthog.nvim.Item the version made, or, of a conflict, the latest
--- @field err? posthog.llm.Error of a conflict
--- @field on? integer the version that it was published on top of

--- Publishes a text.
--- @param client posthog.llm.Client
--- @param base? posthog.nvim.Document what it is based on; not needed with `force`
--- @param source string
--- @param options { at: posthog.nvim.Uri, force?: boolean, note?: string } force: over whatever the
---   latest version is; a skill that is gone is created
--- @return posthog.nvim.Outcome
function document.save(client, base, source, options)
  if options.force then
    base = document.load(client, { name = options.at.name, path = options.at.path })
  end
  return save_on(client, base, source, options.note)
end

--- Why a text meets the latest version, for the user.
--- @param base? posthog.nvim.Document
--- @param latest posthog.nvim.Document
--- @return string
function document.conflict(base, latest)
  if latest.version == nil then
    return ("skill %s was archived meanwhile; :w! creates it anew from this text"):format(
      latest.name
    )
  elseif base and base.first ~= latest.first then
    local words = "the skill was archived, and another one is named %s now; "
      .. ":w! publishes this text over it"
    return words:format(latest.name)
  elseif latest.is_new then
    return ("%s was deleted meanwhile; :w! creates it again"):format(latest.path)
  end
  local at = latest.at and " at " .. latest.at:sub(1, 16):gsub("T", " ") or ""
  local words = "%s has published version %d%s; the text here is untouched: :PostHog merge"
  return words:format(latest.author or "somebody", latest.version, at)
end

--- What was written, for the user.
--- @param made posthog.nvim.Document
--- @return string
function document.written(made)
  return ("version %d of %s is published"):format(made.version, made.name)
end

--- Why two texts cannot be merged; nil: they can.
--- @param base posthog.nvim.Document
--- @param latest posthog.nvim.Document
--- @return string?
function document.unmergeable(base, latest)
  if latest.is_new then
    return "the server has no such file any more; :w! creates it again"
  elseif base.first ~= latest.first then
    return "another skill has the name now: the texts have nothing in common to merge by"
  end
end

return document
