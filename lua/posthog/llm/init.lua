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

--- @class posthog.llm
local llm = {
  _VERSION = "posthog-llm " .. client.VERSION,
  --- null: the same value as cjson.null and ngx.null
  null = json.null,
  --- The lossless codec.
  json = json,
  --- Marks a table, or a new one, as a JSON array.
  --- @type fun(t?: table): table
  array = json.array,
  --- Marks a table, or a new one, as a JSON object.
  --- @type fun(t?: table): table
  object = json.object,
}

--- Makes a client, without I/O: a missing or invalid key, project or host is the error of the first
--- call that needs it. Misuse raises.
--- @param options? posthog.llm.Options
--- @return posthog.llm.Client
function llm.new(options)
  local new = client.new(options, 2)
  return new
end

--- Runs functions concurrently: while one waits for a response, others run.
--- @param functions (fun(): any, any)[]
--- @param options? { concurrency?: integer } how many at once; default 8
--- @return any[] values the first result of each, at the function's index
--- @return any[]? errors by the same index: what a function raised, or its second result when the
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
--- yields to the loop until the response has arrived. It runs at once up to its first call. In
--- Neovim, the code after a call may use vim.api.
--- @param fn fun(): ...
--- @param on_done? fun(err: any, ...) called once, from the loop: with what fn
---   raised, or nil and what it returned; without it an error is reported by the host
--- @return posthog.llm.Task task its cancel() ends the function with an error of kind "cancelled"
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

--- Waits the way the present host waits.
--- @param seconds number
function llm.sleep(seconds)
  check.type(seconds, "number", "seconds", 2)
  if not (seconds >= 0 and seconds < 1e9) then
    check.fail(2, "seconds: a number from 0 to 1e9 expected, got %s", tostring(seconds))
  end
  hosts.current().sleep(seconds)
end

--- A copy of a dataset or an item that has the field names of both versions of the API: `output`
--- and `expected_output`, `deleted` and `archived`, and so on.
--- @param row table as a call returned it
--- @return table
function llm.row(row)
  check.type(row, "table", "row", 2)
  return field_names.row(row)
end

--- @param value any
--- @return boolean
function llm.is_error(value)
  return errors.is(value)
end

return llm
