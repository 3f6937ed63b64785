--- What the specs of `posthog-llm skills` share: folders of skills, and the command beside them.

local assert = require("luassert")
local cjson = require("cjson.safe").new()

local command = require("spec.support.command")

local skills_command = {}

--- @return string? why these specs cannot run here; nil: they can
function skills_command.unable()
  local is_able = pcall(require, "spec.support.folders")
  return command.unable() or not is_able and "luafilesystem is not there for this Lua" or nil
end

--- @param text string JSONL
--- @return table[]
function skills_command.documents(text)
  local list = {}
  for line in text:gmatch("([^\n]*)\n") do
    list[#list + 1] = assert(cjson.decode(line))
  end
  return list
end

--- As command.session; besides, its function `finish` goes into after_each.
--- @param profile string of the emulator
--- @param files table<string, string> what is in the folder `root` before each test, by path
function skills_command.session(profile, files)
  local t = command.session({ profile = profile })
  local reset, ends = t.reset, t.ends
  t.root = nil

  function t.reset()
    local folders = require("spec.support.folders")
    reset()
    t.root = folders.new()
    for path, text in pairs(files) do
      folders.write(t.root, path, text)
    end
  end

  function t.finish()
    require("spec.support.folders").remove(t.root)
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

return skills_command
