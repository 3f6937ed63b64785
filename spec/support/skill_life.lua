--- A skill in a folder and on the server, for the specs of its life.

local assert = require("luassert")

local folders = require("spec.support.folders")
local skill_folder = require("posthog.llm.skill_folder")
local skill_text = require("spec.support.skill_text")

local skill_life = {}

local skill_md, write = skill_text.skill_md, folders.write

--- A new folder for a test, to be removed after it, with the folder pdf-forms in it.
--- @return string root
--- @return string dir
function skill_life.new_root()
  local root = folders.new()
  local dir = root .. "/pdf-forms"
  write(root, "pdf-forms/SKILL.md", skill_md("pdf-forms"))
  write(dir, "a.md", "1\n2\n3\n")
  write(dir, "gone.md", "to go\n")
  return root, dir
end

function skill_life.push(client, dir, note)
  return assert(skill_folder.push(client, dir, { note = note }))
end

--- Three versions: SKILL.md and a.md change, gone.md goes, new.md comes.
function skill_life.publish_three(client, dir)
  skill_life.push(client, dir)
  write(dir, "SKILL.md", skill_md("pdf-forms", "# Forms\n\nMore.\n", "license: MIT\n"))
  write(dir, "a.md", "1\n2\nthree\n")
  skill_life.push(client, dir, "second")
  os.remove(dir .. "/gone.md")
  write(dir, "new.md", "new\n")
  skill_life.push(client, dir, "third")
end

--- All of a version that a copy has to have.
function skill_life.content(client, name, version)
  local skill = assert(client.skills:get(name, { version = version }))
  local files = {}
  for _, file in ipairs(skill.files) do
    local got = assert(client.skills:file(name, file.path, { version = version }))
    files[file.path] = got.content .. "|" .. got.content_type
  end
  return { skill.body, skill.description, skill.license, skill.allowed_tools, files }
end

return skill_life
