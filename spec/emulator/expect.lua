--- What the emulator's own specs share: a running emulator, calls to it, and checks of responses.

local assert = require("luassert")
local cjson = require("cjson")

local curl = require("spec.emulator.curl")
local emulator = require("spec.emulator")

local expect = {}

--- The names in an object, sorted, as one text.
function expect.keys(object)
  local list = {}
  for key in pairs(object) do
    list[#list + 1] = key
  end
  table.sort(list)
  return table.concat(list, " ")
end

--- Asserts that `part` occurs in `whole`, as plain text.
function expect.contains(part, whole)
  if not whole:find(part, 1, true) then
    error(("%q is not in %s"):format(part, whole:sub(1, 2000)), 2)
  end
end

--- An emulator to be started in `setup`, and functions that talk to it.
--- @param options? table as for emulator.start
function expect.session(options)
  local t = { e = nil }

  function t.start()
    t.e = emulator.start(options)
  end

  function t.stop()
    t.e:stop()
  end

  function t.reset()
    t.e:reset()
  end

  --- See spec/emulator/curl.lua.
  function t.call(...)
    return curl.call(t.e, ...)
  end

  function t.get(target, call_options)
    return t.call("GET", target, call_options)
  end

  --- With a body, a text or a table to be encoded.
  function t.send(method, target, body, call_options)
    call_options = call_options or {}
    call_options.body = type(body) == "table" and cjson.encode(body) or body
    return t.call(method, target, call_options)
  end

  --- A call whose response has to have this status.
  --- @return any json the body decoded
  --- @return posthog.CurlResponse response
  function t.must(status, method, target, body, call_options)
    local response = t.send(method, target, body, call_options)
    if response.status ~= status then
      error(
        ("%s %s: %d %s%s"):format(
          method,
          target,
          response.status,
          response.body:sub(1, 500),
          response.err
        ),
        2
      )
    end
    return response.json, response
  end

  --- Asserts an error of shape 1. `attr` nil stands for null.
  function t.envelope(response, status, kind, code, attr)
    assert.equal(status, response.status, response.body)
    assert.equal("application/json", response.headers["content-type"])
    assert.equal("attr code detail type", expect.keys(response.json))
    assert.same(
      { kind, code, attr or cjson.null },
      { response.json.type, response.json.code, response.json.attr }
    )
  end

  --- Asserts a 400 that concerns the field `attr`, or nil the whole body.
  function t.invalid(response, code, attr)
    t.envelope(response, 400, "validation_error", code, attr)
  end

  --- Asserts an error of shape 2: `detail`, or exactly these names, sorted.
  function t.plain(response, status, names)
    assert.equal(status, response.status, response.body)
    assert.equal(names or "detail", expect.keys(response.json))
  end

  --- Asserts a 409 of newer datasets: `code`, `detail` and exactly what `extra` has.
  function t.conflict(response, code, extra)
    assert.equal(409, response.status, response.body)
    local body = {}
    for name, value in pairs(response.json) do
      body[name] = value
    end
    assert.equal("string", type(body.detail))
    body.detail = nil
    local expected = { code = code }
    for name, value in pairs(extra or {}) do
      expected[name] = value
    end
    assert.same(expected, body)
  end

  return t
end

return expect
