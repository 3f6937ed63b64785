--- Names of the server for the completions of the shells: of skills and datasets, and the versions
--- of a skill. Quick and silent: what fails, or is not there in time, is left out.
---
---     posthog-llm __complete KIND WORD...     the words of the command line, up to the cursor

local cache = require("posthog.llm.cli.name_cache")
local clock = require("posthog.llm.host.clock")

local complete = {}

local IN_ALL = 0.25 -- seconds for all requests, so that a key press takes no more than 0.3
local PAGE, MOST = 100, 1000 -- rows of a request, names of a list

--- The fields that the names are in, and how the rows are requested.
local KINDS = {
  skill = {
    "name",
    function(client, options)
      return client.skills:each(options)
    end,
  },
  dataset = {
    "name",
    function(client, options)
      return client.datasets:each(options)
    end,
  },
  version = {
    "version",
    function(client, options, skill)
      return client.skills:versions(skill, { limit = options.limit })
    end,
  },
}

--- A name as a line of output, nil if it cannot be one.
local function printable(value)
  local text = type(value) == "number" and ("%.0f"):format(value) or value
  return type(text) == "string" and text ~= "" and not text:find("[%c]") and text or nil
end

--- Requests names until the list ends, the time is up, or there are many.
--- @return string[] names
--- @return "complete"|"partial"|"failed" what
local function request(self, search)
  local names, left = {}, IN_ALL - (clock.now() - self.began)
  if left <= 0 then
    return names, "failed"
  end
  local client = self.client:with({ timeout = left, connect_timeout = left, deadline = left })
  local kind = KINDS[self.kind]
  local options = { limit = PAGE, search = search }
  local ok = pcall(function()
    for row in kind[2](client, options, self.skill) do
      names[#names + 1] = printable(row[kind[1]])
      if #names >= MOST or clock.now() - self.began > IN_ALL then
        error("partial", 0)
      end
    end
  end)
  client:close()
  if self.kind ~= "version" then -- those are newest first
    table.sort(names)
  end
  return names, ok and "complete" or #names > 0 and "partial" or "failed"
end

--- The names for a prefix: from a list of all, if that is complete, else from a search.
local function find(self, prefix)
  local all = { self.account.host or "", tostring(self.account.project_id), self.kind, self.skill }
  local names, what = cache.read(all)
  if not names then
    names, what = request(self)
    cache.write(all, names, what)
  end
  if what ~= "partial" or prefix == "" or self.kind == "version" then
    return names
  end
  local some = {}
  for i, part in ipairs(all) do
    some[i] = part
  end
  some[#some + 1] = "search"
  some[#some + 1] = prefix
  local found
  found, what = cache.read(some)
  if not found then
    found, what = request(self, prefix)
    cache.write(some, found, what)
  end
  return what == "complete" and found or names
end

--- The account that the command line names, without waiting for anybody.
local function account_of(args)
  local file_system = require("posthog.llm.util.file_system")
  local key
  if args.key_file then
    local path = args.key_file:gsub("^~/", (os.getenv("HOME") or "~") .. "/")
    -- Not standard input or a pipe, which the command has to read.
    local text = path ~= "-" and file_system.read_file(path, 4096)
    key = text and text:match("^%s*(%S+)")
    if not key then
      return nil
    end
  end
  return (
    require("posthog.llm.credentials").find({
      personal_api_key = key,
      project_id = args.project,
      host = args.host,
      source = "--key-file",
    })
  )
end

--- The skill that an argument names, which may be its folder: that has the name of the skill.
local function skill_of(argument)
  return (argument or ""):match("([^/]+)/*$")
end

--- @param kind string
--- @param typed string[] the last one is the word at the cursor
--- @return string[] names
local function names_of(kind, typed)
  local prefix = typed[#typed] or ""
  local words = {}
  for i = 1, #typed - 1 do
    words[i] = typed[i]
  end
  local args, arguments =
    require("posthog.llm.cli.parser").read(require("posthog.llm.cli.commands"), words)
  local self = {
    kind = kind,
    began = clock.now(),
    skill = kind == "version" and skill_of(arguments[1]) or nil,
  }
  self.account = KINDS[kind] and account_of(args)
  if not self.account or kind == "version" and not self.skill then
    return {}
  end
  local options = { user_agent_suffix = "cli", max_retries = 0, pace = false }
  for name, value in pairs(self.account) do
    options[name] = value
  end
  self.client = require("posthog.llm").new(options)
  local found = {}
  for _, name in ipairs(find(self, prefix)) do
    if name:sub(1, #prefix) == prefix then
      found[#found + 1] = name
    end
  end
  self.client:close()
  return found
end

--- Prints the names that the word at the cursor may become, a line each. Never fails.
--- @param argv string[] "__complete", the kind, the words
function complete.run(argv)
  local typed = {}
  for i = 3, #argv do
    typed[i - 2] = argv[i]
  end
  local ok, names = pcall(names_of, argv[2], typed)
  for _, name in ipairs(ok and names or {}) do
    io.stdout:write(name, "\n")
  end
end

return complete
