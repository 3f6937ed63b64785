--- What the specs of `posthog-llm skills` share: folders of skills, and the command beside them.

local assert = require("luassert")
local cjson = require("cjson.safe").new()

local command = require("spec.support.command")
local live = require("spec.support.live")

local skills_command = {}

--- @param text string JSONL
--- @return table[]
function skills_command.documents(text)
  local list = {}
  for line in text:gmatch("([^\n]*)\n") do
    list[#list + 1] = assert(cjson.decode(line))
  end
  return list
end

--- As command.session, with skills in a folder.
--- @param profile string of the emulator
--- @param files table<string, string> what is in the folder `root` before each test, by path
local function session(profile, files)
  local t = command.session({ profile = profile })
  local reset, ends = t.reset, t.ends
  local folders = require("spec.support.folders") -- takes luafilesystem
  t.root = nil

  function t.reset()
    reset()
    t.root = folders.new()
    for path, text in pairs(files) do
      folders.write(t.root, path, text)
    end
  end

  function t.finish()
    folders.remove(t.root)
  end

  --- Runs `posthog-llm skills ...` beside the folders.
  --- @param code integer the exit code that it has to end with
  --- @param args string[]
  --- @param options? spec.CommandOptions
  function t.skills(code, args, options)
    options = options or {}
    options.dir = options.dir or t.root
    local words = { "skills" }
    for _, arg in ipairs(args) do
      words[#words + 1] = arg
    end
    return ends(code, words, options)
  end

  --- How many requests of the command were no reads.
  function t.writes()
    local n = 0
    for _, entry in ipairs(t.e:log()) do
      n = n + (entry.method ~= "GET" and 1 or 0)
    end
    return n
  end

  --- Ctrl-C, typed once the server has such a request of the command.
  --- @param request string for grep
  --- @return spec.CommandOptions
  function t.stop_at(request)
    local typed = "for i in $(seq 400); do curl -q -s --noproxy '*' '%s/__emulator/log?since=%d' "
      .. "| grep -q '%s' && break; sleep 0.05; done; printf '\\003'; sleep 1"
    return { terminal = 80, screen = true, typed = typed:format(t.e.url, #t.e:log(), request) }
  end

  return t
end

--- A block of tests for each version of the API, with their session.
--- @param busted table its functions, which only a spec file has
--- @param name string what is described, before the name of the version
--- @param files table<string, string> of the session
--- @param tests fun(t: table, profile: string)
function skills_command.describe(busted, name, files, tests)
  local has_folders = pcall(require, "spec.support.folders")
  local lacks = not has_folders and "luafilesystem is not there for this Lua" or nil
  for _, profile in ipairs({ "reference", "current" }) do
    command.describe(busted, name .. " on " .. live.api_name[profile], function()
      local t = session(profile, files)
      t.hook(busted)
      tests(t, profile)
    end, lacks)
  end
end

return skills_command
