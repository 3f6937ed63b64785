--- What the specs of `posthog-llm doctor` share: the account, servers around it, and what is found.

local assert = require("luassert")
local cjson = require("cjson.safe").new()

local cloud = require("spec.support.cloud")
local command = require("spec.support.command")

local doctor_command = {}

--- Header fields of a response.
doctor_command.JSON = { ["Content-Type"] = "application/json" }

--- The environment of a test, with nothing of this machine's that doctor would report.
local BASE = {
  https_proxy = false,
  HTTPS_PROXY = false,
  all_proxy = false,
  ALL_PROXY = false,
  no_proxy = false,
  NO_PROXY = false,
  SSL_CERT_FILE = false,
}
local WRITES = { POST = true, PUT = true, PATCH = true, DELETE = true }

--- As command.session; besides, `us` is a server with the names of the clouds, behind a proxy of
--- its own, and `refusing` a proxy that connects to nothing.
function doctor_command.session()
  local t = command.session({ tls = true })
  local start, stop = t.start, t.stop
  t.us, t.refusing = nil, nil

  function t.start()
    start()
    t.us = cloud.start(t.e, "DNS:us.posthog.com,DNS:eu.posthog.com")
    t.refusing = cloud.refusing_proxy(407)
  end

  function t.stop()
    t.us:stop()
    t.refusing:stop()
    stop()
  end

  function t.options(env)
    local all = {}
    for name, value in pairs(BASE) do
      all[name] = value
    end
    for name, value in pairs(env or {}) do
      all[name] = value
    end
    return { env = all }
  end

  --- What was written to the account: nothing, ever.
  local function reads_only()
    for _, entry in ipairs(t.e:log()) do
      assert.is_nil(WRITES[entry.method], entry.target)
    end
  end

  --- @return table document
  --- @return string text what people see
  function t.doctor(env, ...)
    local result = t.run({ "doctor", ... }, t.options(env))
    local json = t.run({ "--json", "doctor", ... }, t.options(env))
    assert.equal("", result.err)
    assert.equal(result.code, json.code)
    local document = assert(cjson.decode(json.out), json.out)
    assert.equal(result.code, document.exit_code)
    assert.equal(result.code == 0, document.ok)
    local _, lines = result.out:gsub("\n", "")
    assert.is_true(lines <= 24, result.out)
    for line in result.out:gmatch("[^\n]+") do
      assert.is_true(#line <= 80 or line:find("…", 1, true) ~= nil, line)
    end
    reads_only()
    return document, result.out
  end

  function t.failing(document)
    local list = {}
    for _, check in ipairs(document.checks) do
      if check.status == "fail" then
        list[#list + 1] = check
      end
    end
    return list
  end

  --- Exactly one line fails: its name, words in it and in its cure, and the code.
  function t.finds(name, code, message, cure, env, ...)
    local document, text = t.doctor(env, ...)
    local list = t.failing(document)
    assert.equal(1, #list, text)
    assert.equal(name, list[1].name, text)
    assert.matches(message, list[1].message, 1, true)
    assert.matches(cure, assert(list[1].cure, text), 1, true)
    assert.equal(code, document.exit_code, text)
    local _, fails = text:gsub("\nFAIL ", "")
    assert.equal(1, fails + (text:find("^FAIL ") and 1 or 0), text)
    assert.is_nil(text:find("ph[xcsa]_%w", 1), text)
    return document
  end

  function t.status(document, name)
    for _, check in ipairs(document.checks) do
      if check.name == name then
        return check.status, check.message
      end
    end
  end

  return t
end

return doctor_command
