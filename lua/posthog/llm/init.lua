--- PostHog's LLM API from Lua: skills, datasets and the caller's own spend.
---
---     local llm = require("posthog.llm")
---     local client = llm.new({ project_id = 42 }) -- the key is in the environment
---     local skill, err = client.skills:get("pdf-forms")

local check = require("posthog.llm.util.check")
local client = require("posthog.llm.client")
local errors = require("posthog.llm.util.errors")
local hosts = require("posthog.llm.host")
local json = require("posthog.llm.json")
local field_names = require("posthog.llm.api.versions.field_names")

--- The module: `require("posthog.llm")`.
---
--- ```lua
--- print(llm.json.encode({ tags = llm.array({}) })) --> {"tags":[]}
--- print(llm.json.encode({ metadata = llm.object() })) --> {"metadata":{}}
--- print(llm.json.encode({ note = llm.null })) --> {"note":null}
--- ```
--- @class posthog.llm
--- @field _VERSION string "posthog-llm ", then the version
--- @field null lightuserdata JSON's null: the same value as `cjson.null` and `ngx.null`. nil is not
---   sent
--- @field json posthog.llm.json
--- @field array fun(t?: table): table Marks a table, or a new one, as a JSON array, and returns it:
---   an unmarked empty table is sent as `{}`.
--- @field object fun(t?: table): table Marks a table, or a new one, as a JSON object, and returns
---   it.
local llm = {
  _VERSION = "posthog-llm " .. client.VERSION,
  null = json.null,
  json = json,
  array = json.array,
  object = json.object,
}

--- Makes a client. It does no I/O and starts no thread: a missing or invalid key, project or host
--- is the error of the first call that needs it. A wrong type or an unknown option raises.
---
--- ```lua
--- local quick = llm.new({ timeout = 5, deadline = 10, max_retries = 0 })
--- local skill, err = quick.skills:get("pdf-forms")
--- print(skill and skill.version or err) --> 3
--- ```
--- @param options? posthog.llm.Options default: key, project and host of the environment
--- @return posthog.llm.Client client
function llm.new(options)
  local new = client.new(options, 2)
  return new
end

--- Runs functions at the same time, each in a coroutine: while one waits for a response, others
--- run. It returns when all have ended; one that fails stops no other. On PUC Lua 5.1 a coroutine
--- cannot wait inside of an iterator: use `list` in place of `each` there.
---
--- ```lua
--- local names = { "pdf-forms", "web-forms" }
--- local jobs = {}
--- for i, name in ipairs(names) do
---   jobs[i] = function() return client.skills:get(name) end
--- end
--- local skills, errors = llm.gather(jobs, { concurrency = 4 })
--- for i, name in ipairs(names) do
---   print(name, skills[i] and skills[i].version or errors[i].kind)
--- end
--- ```
---
--- ```
--- pdf-forms	3
--- web-forms	not_found
--- ```
--- @param functions (fun(): any, any)[]
--- @param options? posthog.llm.GatherOptions
--- @return any[] values the first result of each function, at the function's index
--- @return any[]? errors at the same indices: what a function raised, or its second result when the
---   first is nil; nil when none failed
function llm.gather(functions, options)
  check.list(functions, "functions", 2)
  for i, f in ipairs(functions) do
    if not check.callable(f) then
      check.fail(2, "functions[%d]: function expected, got %s", i, check.type_name(f))
    end
  end
  local concurrency = 8
  if options ~= nil then
    check.type(options, "table", "options", 2)
    check.known(options, { concurrency = true }, "options", 2)
    if options.concurrency ~= nil then
      concurrency = check.integer(options.concurrency, "concurrency", 2, 1)
    end
  end
  return hosts.current().gather(functions, concurrency)
end

--- Runs a function as a coroutine of Neovim's or luv's event loop: each call of the library in it
--- lets the loop go on until the response has arrived. It runs at once up to its first call. In
--- Neovim the code after a call may use `vim.api`. Raises where there is no such loop.
---
--- <!-- pasted: in luv -->
---
--- ```lua
--- local uv = require("luv")
--- local llm = require("posthog.llm")
--- local client = llm.new()
---
--- llm.go(function()
---   return assert(client.skills:get("pdf-forms"))
--- end, function(err, skill)
---   print(err or skill.name) --> pdf-forms
--- end)
--- uv.run()
--- ```
--- @param fn fun(): ...
--- @param on_done? fun(err: any, ...) called once, from the loop: with what `fn` raised, or with
---   nil and what it returned. Without it the host reports an error
--- @return posthog.llm.Task task
function llm.go(fn, on_done)
  if not check.callable(fn) then
    check.fail(2, "fn: function expected, got %s", check.type_name(fn))
  elseif on_done ~= nil and not check.callable(on_done) then
    check.fail(2, "on_done: function expected, got %s", check.type_name(on_done))
  end
  local uv, why = hosts.uv()
  if not uv then
    check.fail(2, "llm.go: %s", why)
  end
  return uv.go(fn, on_done)
end

--- Waits the way the present host waits: in a coroutine of `llm.go`, of `llm.gather` and in nginx
--- others run meanwhile.
---
--- ```lua
--- llm.sleep(0.05)
--- ```
--- @param seconds number 0 or more
function llm.sleep(seconds)
  check.type(seconds, "number", "seconds", 2)
  if not (seconds >= 0 and seconds < 1e9) then
    check.fail(2, "seconds: a number from 0 to 1e9 expected, got %s", tostring(seconds))
  end
  hosts.current().sleep(seconds)
end

--- A copy of a dataset or an item that holds the field names of both versions of the API: `output`
--- and `expected_output`, `deleted` and `archived`, and so on. A row itself can be read by both,
--- but `pairs` and the encoder see only the names that the server has sent.
---
--- ```lua
--- local dataset = assert(client.datasets:create({ name = "golden", metadata = llm.object() }))
--- local row = llm.row(dataset)
--- print(row.team == row.team_id, row.deleted, row.archived) --> true  false  false
--- ```
--- @param row table as a call returned it
--- @return table copy
function llm.row(row)
  check.type(row, "table", "row", 2)
  return field_names.row(row)
end

--- Whether a value is an error of this library: of a call, or what `pcall` has caught.
---
--- ```lua
--- local ok, err = pcall(function()
---   local skill, failure = client.skills:get("web-forms")
---   return skill or error(failure)
--- end)
--- print(ok, llm.is_error(err) and err.kind) --> false  not_found
--- ```
--- @param value any
--- @return boolean is_error
function llm.is_error(value)
  return errors.is(value)
end

return llm
