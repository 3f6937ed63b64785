--- What the specs of the texts of errors share: an emulator under its own name and those of the
--- cloud, clients of them, and checks of whole texts.

local assert = require("luassert")

local cloud = require("spec.support.cloud")
local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local error_texts = {}

--- The text of an error without the id of the request, which differs each time.
function error_texts.text_of(err)
  assert.is_true(llm.is_error(err), tostring(err))
  return (tostring(err):gsub(", request [%w-]+", ""))
end

--- Its functions start, stop and reset go into setup, teardown and before_each.
function error_texts.session()
  local t = { e = nil, clouds = nil, refusing = nil }

  function t.start()
    t.e = pipeline.emulator.start({ tls = true })
    t.clouds = cloud.start(t.e, "DNS:us.posthog.com,DNS:eu.posthog.com")
    t.refusing = cloud.refusing_proxy(407)
  end

  function t.stop()
    t.refusing:stop()
    t.clouds:stop()
    t.e:stop()
  end

  function t.reset()
    t.e:reset()
  end

  --- @param host string "us" and "eu" are played; "own" is the emulator by its own name
  function t.client(host, options)
    local all = { max_retries = 0, pace = false, ca_file = t.clouds.ca_file }
    all.proxy = (host == "us" or host == "eu") and t.clouds.proxy or nil
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return pipeline.client(host == "own" and t.e.url or host, all)
  end

  --- @param more? table options of the client
  --- @param call? fun(client: table): any, any
  function t.error_at(host, more, call)
    local c = t.client(host, more)
    local value, err = (call or function()
      return c.skills:get("x")
    end)(c)
    c:close()
    assert.is_nil(value)
    return err
  end

  --- %s in a text is the emulator's address.
  function t.tells(words, host, more, call)
    local address = t.e.url:match("//(.*)$")
    local err = t.error_at(host, more, call)
    assert.equal((words:gsub("ADDRESS", address)), error_texts.text_of(err))
    return err
  end

  return t
end

return error_texts
