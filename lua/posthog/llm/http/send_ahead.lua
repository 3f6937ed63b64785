--- Sends a request whose response is not needed yet (http/ahead.lua), and takes it up again when it
--- is.

local attempts = require("posthog.llm.http.attempt")
local core = require("posthog.llm.util.core")
local send = require("posthog.llm.http.send")
local yields = require("posthog.llm.util.yields")

local send_ahead = {}

--- Sends a request, if it can be sent at once. Where the rate limit holds it back or something is
--- wrong, the call that needs it waits or fails in its place.
--- @param state posthog.llm.State
--- @param request posthog.llm.Request
--- @param ahead posthog.llm.Ahead
function send_ahead.send(state, request, ahead)
  if state.settings.on_request and not yields.through_pcall then
    return -- the hook may wait
  end
  local attempt = attempts.first(state, request)
  if not attempt then
    return
  end
  attempt.ahead = true
  local transfer = send(state, request, attempt)
  if not transfer and not attempt.raised then
    return
  end
  local engine = core.engine()
  if transfer then
    -- Its thread works while Lua uses the rows of another page. Without one, it works during waits.
    pcall(engine.run, engine)
    state.in_flight[transfer] = true
  end
  ahead:keep({
    url = attempt.url,
    engine = engine,
    transfer = transfer,
    raised = attempt.raised,
    key = attempt.key,
    seconds = attempt.seconds,
    limited = attempt.limited,
  })
end

--- The transfer of the request, if it was sent ahead.
--- @param ahead posthog.llm.Ahead
--- @param attempt posthog.llm.Attempt the first
--- @return userdata? transfer
function send_ahead.take(ahead, attempt)
  local sent = ahead:take(attempt.url, core.engine())
  if not sent then
    return nil
  elseif sent.raised then
    error(sent.raised[1], 0)
  end
  attempt.key, attempt.seconds, attempt.limited = sent.key, sent.seconds, sent.limited
  return sent.transfer
end

return send_ahead
