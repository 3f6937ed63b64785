--- Plays stories on an emulator, with the library as it is but for the time between attempts, which
--- passes at once.

local api_version = require("posthog.llm.api.versions.api_version")
local clock = require("posthog.llm.clock")
local faults = require("spec.model.faults")
local kinds = require("spec.model.kinds")
local llm = require("posthog.llm")
local others = require("spec.model.others")

local stage = {}
stage.__index = stage

local KEYS = {
  A = "phx_emulator_all",
  B = "phx_emulator_li",
  C = "phx_emulator_gone",
  D = "phx_emulator_all",
}
local TRIED = "model%-A" -- of the tried client, as a pattern on the User-Agent
local MARK = "X-Story" -- the header of the tried call
local RETURN = "/__emulator/echo?returned" -- comes behind it in the log
local BATCH = 100 -- stories until the emulator is emptied
local OLD = 25 -- skills that are older than the call, of a batch

local passed = 0 -- seconds of the waits
local now, sleep = clock.now, clock.sleep

--- Lets the waits between attempts pass at once, until stage.stop_time.
function stage.fake_time()
  clock.now = function()
    return now() + passed
  end
  clock.sleep = function(seconds)
    passed = passed + seconds
    return true
  end
end

function stage.stop_time()
  clock.now, clock.sleep = now, sleep
end

--- @param e posthog.Emulator
--- @return table
function stage.new(e)
  return setmetatable({ e = e, left = 0, plays = 0 }, stage)
end

function stage:client(who, suffix, options)
  local all = {
    host = self.e.url,
    personal_api_key = KEYS[who],
    project_id = 112358,
    user_agent_suffix = "model-" .. who .. (suffix or ""),
    max_retries = 2,
  }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return llm.new(all)
end

--- One call of a control route.
function stage:control(method, route, value)
  return assert(self.steer:request(method, "/__emulator/" .. route, { json = value }))
end

function stage:close()
  for _, client in ipairs(self.open or {}) do
    client:close()
  end
  self.open = {}
end

function stage:add(client)
  self.open[#self.open + 1] = client
  return client
end

--- An empty emulator, new clients, and some skills of long ago.
function stage:begin(version)
  self:close()
  api_version.forget()
  self.steer = self:add(llm.new({ host = self.e.url, personal_api_key = KEYS.A }))
  self:control("POST", "reset")
  self.left, self.version, self.seen, self.old = BATCH, version, 0, {}
  self:control("POST", "settings", {
    profile = version,
    jsonb = true,
    dataset_limit = 0,
    item_version_limit = 0,
    item_archive_limit = 0,
    clock = "2026-01-01T00:00:00Z",
  })
  self.tried = self:add(self:client("A", nil, {
    on_request = function()
      self:on_request()
    end,
  }))
  -- It knows what the tried client knows, and is not met by its faults.
  self.maker = self:add(self.tried:with({ user_agent_suffix = "model-maker" }))
  self.people, self.later = {}, {}
  for _, who in ipairs({ "B", "C", "D" }) do
    self.people[who] = self:add(self:client(who))
    self.later[who] = self:add(self:client(who, "-later"))
  end
  for i = 1, OLD do
    self.old[i] = "old" .. i
    assert(self.people.B.skills:create(kinds.skill_fields(self.old[i])))
  end
  self:control("POST", "settings", { clock = "" })
  -- By this the tried client, and those beside it, know their users.
  local made = assert(self.maker.skills:create(kinds.skill_fields("first")))
  self.owner = made.created_by.uuid
  self.seen = #self:control("GET", "log")
end

--- The things that a story is about.
function stage:world(told)
  self.plays = self.plays + 1
  return {
    name = ("s%d"):format(self.plays),
    new_name = ("t%d"):format(self.plays),
    old_name = told.old and told.kind:find("^skills") and table.remove(self.old) or nil,
    base = told.base,
    variant = told.variant,
    v2 = told.version == "current",
    owner = self.owner,
    creator = told.creator == "A" and self.maker or self.people[told.creator],
  }
end

--- Called before each request of the tried client.
function stage:on_request()
  local playing = self.playing
  if not playing then
    return
  end
  playing.requests = playing.requests + 1
  self:act(playing.requests, self.people)
end

--- Does what the story has for a point.
function stage:act(at, people)
  local playing = self.playing
  self.playing = nil -- others' requests are not the story's
  for _, event in ipairs(playing.told.events) do
    if event.at == at and event.act == "release" then
      self:control("POST", "release")
    elseif event.at == at then
      others.acts[event.act](playing.world, people[event.who])
    end
  end
  self.playing = playing
end

--- The faults as the emulator takes them.
local function fault_list(told, kind)
  local list = llm.array({})
  for _, fault in ipairs(told.faults) do
    local methods = fault.on == "read" and { "GET" } or { kind.method }
    if fault.on == "write" and not kind.method then
      methods = { "PATCH", "POST" }
    end
    for _, method in ipairs(methods) do
      list[#list + 1] = {
        match = { agent = TRIED, method = method, nth = fault.nth },
        action = faults.find(fault.name).action,
      }
    end
  end
  return list
end

--- Plays a story.
--- @return table result { value, err, log }
function stage:play(told)
  if self.left == 0 or self.version ~= told.version then
    self:begin(told.version)
  end
  self.left = self.left - 1
  local kind, world = kinds.find(told.kind), self:world(told)
  kind.prepare(world)
  local client = self.tried
  if told.cold then
    client = self:client("A", nil, {
      on_request = function()
        self:on_request()
      end,
    })
  end
  self:control("POST", "faults", fault_list(told, kind))
  self.playing = { told = told, world = world, requests = 0 }
  local value, err = kind.run(world, client, { headers = { [MARK] = "1" } })
  assert(self.steer:request("GET", RETURN))
  self:act("after", self.later)
  self.playing = nil
  self:control("POST", "release")
  local log = self:control("GET", ("log?since=%d"):format(self.seen))
  if log[#log] then
    self.seen = log[#log].n
  end
  if told.cold then
    client:close()
  end
  return { value = value, err = err, log = log, world = world }
end

--- Whether a request shows the moment at which the call returned.
function stage.is_return(entry)
  return entry.target == RETURN
end

--- Whether a request was one of the tried call.
function stage.is_tried(entry)
  return entry.raw_header:find(MARK, 1, true) ~= nil
end

--- Whether it was made by others after the call had returned.
function stage.is_later(entry)
  return entry.raw_header:find("%-later") ~= nil
end

return stage
