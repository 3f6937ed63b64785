--- What the specs of lost responses share: a session of spec.support.live in which nothing waits,
--- and what happens to requests there.

local clock = require("posthog.llm.clock")
local live = require("spec.support.live")

local lost = {}

--- As live.session; besides, its function `finish` goes into after_each. `reset` makes a client,
--- `caller`, which makes more attempts.
--- @param started? table for emulator.start
function lost.session(started)
  local t = live.session(started)
  local reset, sleep = t.reset, clock.sleep

  function t.reset()
    reset()
    clock.sleep = function()
      return true
    end
    t.caller = t.client({ max_retries = 2 })
  end

  function t.finish()
    clock.sleep = sleep
  end

  --- Loses the responses to the next `times` requests with this method and path.
  --- @param how "before"|"after" the server does the write
  --- @param method string
  --- @param path? string a pattern
  --- @param times? integer default: 1
  function t.lose(how, method, path, times)
    t.e:fault({
      match = { method = method, path = path },
      action = { close = how, times = times or 1 },
    })
  end

  --- How many requests of a method there were since the last reset.
  --- @param method string
  --- @param path? string a pattern
  function t.count(method, path)
    local n = 0
    for _, entry in ipairs(t.e:log()) do
      if entry.method == method and entry.target:find(path or "") then
        n = n + 1
      end
    end
    return n
  end

  --- Creates the skill pdf-forms.
  --- @param fields? table other ones, or more
  function t.create_skill(client, fields)
    local all = { name = "pdf-forms", description = "Fills forms.", body = "# Forms\n\nFill them." }
    for name, value in pairs(fields or {}) do
      all[name] = value
    end
    return assert(client.skills:create(all))
  end

  --- Creates the skill pdf-forms by the session's client.
  --- @param fields? table other ones, or more
  function t.create(fields)
    return t.create_skill(t.caller, fields)
  end

  --- The latest version of pdf-forms.
  function t.version()
    return t.caller.skills:get("pdf-forms").version
  end

  --- A change of pdf-forms by somebody else, on the version that is the latest.
  function t.others(fields)
    fields.base_version = t.version()
    assert(t.caller.skills:publish("pdf-forms", fields))
  end

  --- A client as this one, for which somebody else writes right before its next request with
  --- this method.
  --- @param write fun()
  function t.raced(client, method, write)
    local raced = false
    return client:with({
      on_request = function(request)
        if not raced and request.method == method then
          raced = true
          write()
        end
      end,
    })
  end

  return t
end

return lost
