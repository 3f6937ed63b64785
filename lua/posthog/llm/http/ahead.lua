--- Requests that are on their way before their responses are needed: those of the pages that an
--- iterator will need next (api/pages.lua).
---
--- No coroutine and no light thread waits for one. It is only a transfer, on which the engine's
--- thread works while Lua does something else, in every host. Whoever needs the response makes the
--- call as always, and the pipeline (http/call.lua) finds the transfer instead of sending a request:
--- from there on, retries, hooks and errors are those of any call. Transfers that nobody needs are
--- cancelled by `drop`, and otherwise when the garbage collector finds them.

local ahead = {}

--- The name of the option of a call by which it gets its posthog.llm.Ahead. A table, so that no
--- caller of the library can give it by mistake.
ahead.OPTION = {}

--- A request that was sent ahead.
--- @class posthog.llm.SentAhead
--- @field url string
--- @field engine userdata the one that it was given to; after a fork there is another
--- @field transfer? userdata nil: the hook on_request has raised
--- @field raised? any what it has raised
--- @field key? string the API key in it
--- @field seconds? number as of posthog.llm.Attempt
--- @field limited? boolean

--- @class posthog.llm.Ahead
--- @field depth integer pages that are to be on their way while the rows of another are used
--- @field most? integer rows that are wanted: no page beyond them is read ahead; default: all
--- @field sending boolean the calls made now are only to send their requests
--- @field missed boolean the calls made last have made a request that had not been sent ahead
--- @field private _page any the key of the page for which calls are made now
--- @field private _sent table<any, posthog.llm.SentAhead[]> by the page's key
local Ahead = {}
Ahead.__index = Ahead

--- @param depth integer
--- @return posthog.llm.Ahead
function ahead.new(depth)
  return setmetatable({ depth = depth, sending = false, missed = false, _sent = {} }, Ahead)
end

--- For a single call of a resource, that is sent before its response is needed.
--- @param resource table client.skills and so on
--- @return posthog.llm.Ahead? sent nil: something of the caller's own, which may not know the option
function ahead.of(resource)
  return resource._connections and ahead.new(1) or nil
end

--- What cancels all that is on its way when the loop `for` of Lua 5.4 that it is given to is left. It
--- leads to no field of this object, in which the API key is.
--- @return table
function Ahead:closing()
  return setmetatable({}, {
    __close = function()
      self:drop()
    end,
  })
end

--- The options of a call, with this one.
--- @param options table
--- @return table
function Ahead:attach(options)
  local own = { [ahead.OPTION] = self }
  for name, value in pairs(options) do
    own[name] = value
  end
  return own
end

local function cancel(list)
  for _, sent in ipairs(list) do
    if sent.transfer then
      sent.transfer:cancel()
    end
  end
end

--- Makes the calls for a page, which only send their requests. What they return is of no use.
--- @param fetch fun(key: any)
--- @param key any
function Ahead:send(fetch, key)
  self._page, self.sending = key, true
  fetch(key)
  self.sending = false
end

--- Makes the calls for a page, which take what was sent for it. What is left is cancelled: the calls
--- have become others meanwhile.
--- @param fetch fun(key: any): any, posthog.llm.Error?, posthog.llm.Response?
--- @param key any
--- @return any value
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function Ahead:call(fetch, key)
  self._page, self.sending, self.missed = key, false, false
  local value, err, response = fetch(key)
  if key ~= nil and self._sent[key] then
    cancel(self._sent[key])
    self._sent[key] = nil
  end
  return value, err, response
end

--- Keeps a request that was sent.
--- @param sent posthog.llm.SentAhead
function Ahead:keep(sent)
  local list = self._sent[self._page] or {}
  self._sent[self._page] = list
  list[#list + 1] = sent
end

--- Takes the request out that was sent for this URL.
--- @param url string
--- @param engine userdata the present one
--- @return posthog.llm.SentAhead? sent nil: none was
function Ahead:take(url, engine)
  for i, sent in ipairs(self._page ~= nil and self._sent[self._page] or {}) do
    if sent.url == url and sent.engine == engine then
      return table.remove(self._sent[self._page], i)
    end
  end
  self.missed = true
end

--- Cancels all that is on its way.
function Ahead:drop()
  for _, list in pairs(self._sent) do
    cancel(list)
  end
  self._sent = {}
end

return ahead
