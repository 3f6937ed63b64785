--- What the specs of the resources share: a running emulator, clients of it, and checks.

local assert = require("luassert")

local emulator = require("spec.emulator")
local hooks = require("spec.support.hooks")
local llm = require("posthog.llm")
local api_version = require("posthog.llm.api.versions.api_version")

local live = {}

local KEY = "phx_emulator_all"

--- What the names of tests call a value of the option `profile`.
live.api_name = { reference = "API v1", current = "API v2" }

--- The profile of the API that a session plays which does not choose one:
--- spec/both_api_versions_spec.lua runs spec files once more, with another.
live.profile = "reference"

--- An emulator for one spec file. Its functions go into setup, before_each and teardown; `hook`
--- puts them there.
--- @param started? table for emulator.start
function live.session(started)
  local chosen = started ~= nil
  started = started or { profile = live.profile }
  local t = { e = nil, profile = started.profile or "reference" }

  function t.start()
    t.e = emulator.start(started)
  end

  function t.stop()
    t.e:stop()
  end

  function t.reset()
    t.e:reset()
    if not chosen and t.profile == "current" then
      t.e:settings({ environments = "serve" }) -- the same paths on both
    end
    api_version.forget()
  end

  t.hook = hooks(t)

  --- A client of the emulator that makes no second attempt, unless told otherwise.
  --- @param options? table for llm.new
  --- @param prefix? string behind the origin of the emulator
  function t.client(options, prefix)
    local all = {
      personal_api_key = KEY,
      project_id = 112358,
      host = t.e.url .. (prefix or ""),
      max_retries = 0,
    }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return llm.new(all)
  end

  --- The one request since the last reset, or since entry `since` of the log.
  function t.only(since)
    local log = t.e:log(since)
    assert.equal(1, #log, "requests sent")
    return log[1]
  end

  --- Asserts what was sent, as "METHOD target" in order.
  function t.sent(expected, since)
    local lines = {}
    for i, entry in ipairs(t.e:log(since)) do
      lines[i] = entry.method .. " " .. entry.target
    end
    assert.same(expected, lines)
  end

  --- Asserts that nothing was sent.
  function t.silent(since)
    t.sent({}, since)
  end

  --- Answers the matching requests of the client, in this order, with these bodies.
  --- @param path string a Lua pattern
  --- @param bodies string[]
  function t.script(path, bodies)
    local list = {}
    for i, body in ipairs(bodies) do
      list[i] = {
        match = { path = path },
        action = {
          status = 200,
          body = body,
          headers = { ["Content-Type"] = "application/json" },
          times = 1,
        },
      }
    end
    t.e:faults(list)
  end

  --- Answers every request of the client with this.
  function t.answer(status, body, headers)
    t.e:fault({
      action = {
        status = status,
        body = body or "",
        headers = headers or { ["Content-Type"] = "application/json" },
      },
    })
  end

  return t
end

--- Asserts a failed call: nil, an error of this kind, and fields of the error.
--- @param kind string
--- @param fields? table
--- @param value any
--- @param err any
function live.fails(kind, fields, value, err)
  assert.is_nil(value)
  assert.is_true(llm.is_error(err), tostring(err))
  assert.equal(kind, err.kind, tostring(err))
  for name, expected in pairs(fields or {}) do
    assert.same(expected, err[name], "err." .. name)
  end
  assert.is_nil(tostring(err):find("\n"))
  assert.is_nil(tostring(err):find(KEY, 1, true))
end

--- Asserts that the function raises an error table of this kind, as iterators do.
--- @param kind string
--- @param fields? table
--- @param f function
function live.raises(kind, fields, f)
  local ok, err = pcall(f)
  assert.is_false(ok, "it did not raise")
  live.fails(kind, fields, nil, err)
end

--- Asserts that each function, whose first line is the call, raises a message with this text that
--- names that line.
--- @param cases { [1]: string, [2]: function }[] the text, plain; the call
function live.misuses(cases)
  for _, case in ipairs(cases) do
    local place = debug.getinfo(case[2], "S")
    local ok, message = pcall(case[2])
    assert.is_false(ok, "it did not raise: " .. case[1])
    assert.equal("string", type(message), tostring(message))
    -- What is called stands on the line below `function()`, or on that very line.
    local line = place.linedefined + (place.lastlinedefined > place.linedefined and 1 or 0)
    local where = ("%s:%d: "):format(place.short_src, line)
    assert.equal(where, message:sub(1, #where), message)
    if not message:find(case[1], 1, true) then
      error(("%q is not in %s"):format(case[1], message), 2)
    end
  end
end

--- The rows of an iterator, or one field of each.
function live.all(iterator, field)
  local list = {}
  for row in iterator do
    if field then
      list[#list + 1] = row[field]
    else
      list[#list + 1] = row
    end
  end
  return list
end

return live
