--- @meta posthog.llm.rate_limit.store
-- What a program may give as `pace.store`, for language servers and for the reference. Nothing
-- requires this file.

--- An object of the program's own that counts requests, as the option `pace.store`: for limits of
--- another kind, or in a service that the program has anyway. Only `take` is required. All clients
--- of a process with the same object share it; their requests wait in order, and one asks for all.
--- This one spreads requests evenly instead of sending a burst first:
---
--- ```lua
--- local even = { free_at = {} }
---
--- function even:take(key, windows, now)
---   local free_at = self.free_at[key] or now
---   if free_at > now then
---     return free_at - now -- not yet: ask again after so many seconds
---   end
---   local gap = 0
---   for _, window in ipairs(windows) do
---     gap = math.max(gap, window.seconds / window.limit)
---   end
---   self.free_at[key] = now + gap
---   return 0 -- counted: the request goes now
--- end
---
--- local client = llm.new({ pace = { per_minute = 240, store = even } })
--- print(assert(client.skills:list({ limit = 1 })).count) --> 1
--- ```
---
--- `key` is a text that is the same for one key, host and class of requests; it does not show the
--- API key. `now` is in seconds on this machine's monotonic clock, whose zero has no meaning: not
--- for several machines.
--- @class posthog.llm.PaceStore
local PaceStore = {}

--- Counts a request, or tells how long to wait. Called before each request. It may wait as a call
--- may (in nginx by a cosocket), at most a second: after that a grant is over, and it is asked
--- again. Plain Lua 5.1 cannot wait in it.
---
--- When it raises, or returns nil and a message or anything but a finite number, the call fails and
--- nothing is sent: kind `invalid`, option `pace`, and the message begins with `pace.store`.
---
--- ```lua
--- local windows = { { limit = 240, seconds = 61.25 } }
--- print(even:take("a key", windows, 0), even:take("a key", windows, 0) > 0) --> 0  true
--- ```
--- @param key string
--- @param windows posthog.llm.PaceWindow[] the limits, the longest first
--- @param now number
--- @param wanted integer how many requests could go now; a store may ignore it
--- @return number? wait seconds. 0 or less: one request is counted, and goes. More: nothing is
---   counted, and `take` is called again after that time, at most a minute
--- @return integer? granted 1 to `wanted` requests, which go within a second; default: 1
--- @return string? why the end of "held back to ...", where it says to wait
function PaceStore:take(key, windows, now, wanted) end

--- Learns of a 429: nothing of the key may go for so long. A store may lack it; an error in it has
--- no effect.
---
--- ```lua
--- function even:hold(key, seconds, now)
---   self.free_at[key] = math.max(self.free_at[key] or now, now + seconds)
--- end
--- ```
--- @param key string
--- @param seconds number
--- @param now number
function PaceStore:hold(key, seconds, now) end

--- Gets back what was granted and not used. A store may lack it; an error in it has no effect.
---
--- ```lua
--- function even:give_back(key, count, now)
---   self.free_at[key] = now -- of the last grant, which was for one request
--- end
--- ```
--- @param key string
--- @param count integer requests
--- @param now number
function PaceStore:give_back(key, count, now) end

--- Tells how many requests may go at once, for [client:pace](client.md#clientpace), which returns
--- nil where a store lacks it.
---
--- ```lua
--- function even:left(key, windows, now)
---   local left = {}
---   for i in ipairs(windows) do
---     left[i] = (self.free_at[key] or now) > now and 0 or 1
---   end
---   return left
--- end
--- assert(client.skills:list({ limit = 1 }))
--- print(client:pace()[1].left) --> 0
--- ```
--- @param key string
--- @param windows posthog.llm.PaceWindow[]
--- @param now number
--- @return integer[] left by window
function PaceStore:left(key, windows, now) end

return PaceStore
