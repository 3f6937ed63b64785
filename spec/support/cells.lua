--- Makes each kind of call under a fault and tells what came of it, as the cells of
--- spec/support/reliability.lua.

local assert = require("luassert")

local clock = require("posthog.llm.clock")
local core = require("posthog.llm.core")
local live = require("spec.support.live")
local reliability = require("spec.support.reliability")

local cells = {}

local t = live.session({ tls = true })
local DATASETS, ITEMS = "/datasets/", "/dataset_items/"

--- By kind of call: its requests; what it works on, made beforehand; the call; and a good call by
--- which the same client shows how often it was done: false, true, or how often exactly.
local CALLS = {
  get = {
    method = "GET",
    path = DATASETS .. "%x+-",
    prepare = function(c)
      return assert(c.datasets:create({ name = "row" })).id
    end,
    run = function(c, id)
      return c.datasets:get(id)
    end,
    good = function(value)
      return value.name == "row"
    end,
    done = function(c, id)
      return assert(c.datasets:get(id)).name ~= "row"
    end,
  },
  update = {
    method = "PATCH",
    path = DATASETS .. "%x+-",
    prepare = function(c)
      return assert(c.datasets:create({ name = "row" })).id
    end,
    run = function(c, id)
      return c.datasets:update(id, { name = "changed" })
    end,
    good = function(value)
      return value.name == "changed"
    end,
    done = function(c, id)
      return assert(c.datasets:get(id)).name == "changed"
    end,
  },
  ["create item"] = {
    method = "POST",
    path = ITEMS,
    prepare = function(c)
      return assert(c.datasets:create({ name = "row" })).id
    end,
    run = function(c, id)
      return c.dataset_items:create({ dataset = id, input = "made" })
    end,
    good = function(value)
      return value.input == "made"
    end,
    done = function(c, id)
      return assert(c.dataset_items:list({ dataset = id })).count
    end,
  },
  publish = {
    method = "PATCH",
    path = "/llm_skills/name/",
    prepare = function(c)
      return assert(c.skills:create({ name = "published", description = "d", body = "old" })).name
    end,
    run = function(c, name)
      return c.skills:publish(name, { base_version = 1, body = "new" })
    end,
    good = function(value)
      return value.version == 2 and value.body == "new"
    end,
    done = function(c, name)
      return assert(c.skills:get(name)).version - 1
    end,
  },
  ["create skill"] = {
    method = "POST",
    path = "/llm_skills/%??[^/]*$",
    prepare = function()
      return "created"
    end,
    run = function(c, name)
      return c.skills:create({ name = name, description = "d", body = "made" })
    end,
    good = function(value)
      return value.version == 1 and value.body == "made"
    end,
    done = function(c, name)
      local skill, err = c.skills:get(name)
      return skill and skill.version or assert(err.status == 404 and 0, tostring(err))
    end,
  },
  archive = {
    method = "POST",
    path = "/archive/",
    prepare = function(c)
      return assert(c.skills:create({ name = "archived", description = "d", body = "old" })).name
    end,
    run = function(c, name)
      return c.skills:archive(name)
    end,
    good = function(value)
      return value == true
    end,
    done = function(c, name)
      local skill, err = c.skills:get(name)
      return not skill and assert(err.status == 404 and true, tostring(err))
    end,
  },
}

--- Returns when no request waits any more for its turn to write.
local function settle_down()
  for _ = 1, 1000 do
    local open = false
    for _, entry in ipairs(t.e:log()) do
      open = open or not entry.status
    end
    if not open then
      return
    end
  end
  error("a request does not end")
end

--- Returns when the server has closed the connections of the client.
local function wait_for_the_end()
  for _ = 1, 1000 do
    if t.e:state().connections == 1 then
      return
    end -- the one that asks
  end
  error("the connection does not end")
end

--- How many requests of its own a call has made, how many of them wrote, and what else it read.
--- The last read of its subject is the good call.
local function count(log, kind, subject)
  local call = CALLS[kind]
  local sent, applied, reads = 0, 0, -1
  for _, entry in ipairs(log) do
    local is_its = (entry.target .. " " .. (entry.body or "")):find(subject, 1, true)
    if is_its and entry.method == "GET" then
      reads = reads + 1
    elseif is_its and entry.method == call.method and entry.target:find(call.path) then
      sent = sent + 1
      applied = applied + (entry.applied and 1 or 0)
    end
  end
  if kind == "get" then
    return reads, 0, 0
  end
  return sent, applied, reads
end

--- A cell of the table from what was seen.
local function cell_of(kind, err, sent, applied, reads)
  local text = err and err.kind .. (err.ambiguous and "?" or "") or "ok"
  text = ("%s %d"):format(text, sent)
  if kind ~= "get" then
    text = ("%s/%d"):format(text, applied)
  end
  return reads > 0 and ("%s+%d"):format(text, reads) or text
end

--- What holds whatever happens. An update done twice is the same as one done once.
local function check_claim(kind, err, applied)
  if kind == "get" then
    assert.equal(0, applied)
    assert.is_nil(err and err.ambiguous)
  elseif not err then
    assert.is_true(applied == 1 or (kind == "update" and applied > 1), "a success is done once")
  elseif not err.ambiguous then
    assert.equal(0, applied, "what is said not to have happened has not: " .. tostring(err))
  else
    assert.is_true(applied <= 1 or kind == "update", "never twice")
  end
end

--- The faults of a row for these kinds of calls.
local function faults(row, kinds)
  local list = {}
  row[2].times = not row.always and 1 or nil
  for i, kind in ipairs(kinds) do
    -- What comes before a call meets the list of skills, which no call here asks for.
    local match = row.before and { method = "GET", path = "/llm_skills/$" }
      or { method = CALLS[kind].method, path = CALLS[kind].path }
    list[i] = { match = match, action = row[2] }
  end
  return list
end

--- Makes one call, and then a good one by the same client, on the same connection where that was
--- kept.
--- @return posthog.llm.Error? err what the call ended with
--- @return boolean|integer done whether it was done, or how often
local function try(row, kind, client, subject)
  local call = CALLS[kind]
  local user = row.options and client:with(row.options) or client
  if row.always then
    t.e:faults(faults(row, { kind }))
  end
  if row.before then
    assert(user.skills:list())
    wait_for_the_end()
  end
  local value, err, response = call.run(user, subject)
  if row.always then
    t.e:faults({})
  end
  if row.late then
    settle_down()
  end
  if row.linger then
    core.sleep(row.linger)
  end
  if err then
    assert.is_nil(value)
  else
    assert.is_true(call.good(value))
    assert.equal("number", type(response.status))
  end
  return err, call.done(client, subject)
end

--- 8.14 is like the older ones, 8.23 is newer; of those between, both are right.
local function libcurl_is_newer()
  local major, minor = core.curl_version:match("^libcurl/(%d+)%.(%d+)")
  return tonumber(major) * 100 + tonumber(minor) > 814
end

--- Asserts the cells of a row.
--- @param row table of spec/support/reliability.lua
--- @param http2? boolean over TLS and HTTP/2
function cells.check(row, http2)
  t.reset()
  local client =
    t.client({ max_retries = 2, host = http2 and t.e.tls_url or t.e.url, ca_file = t.e.ca_file })
  local subjects, errs, done = {}, {}, {}
  for _, kind in ipairs(reliability.CALLS) do
    subjects[kind] = CALLS[kind].prepare(client)
  end
  if not row.always then
    t.e:faults(faults(row, reliability.CALLS))
  end
  for _, kind in ipairs(reliability.CALLS) do
    errs[kind], done[kind] = try(row, kind, client, subjects[kind])
  end
  client:close()
  local log = t.e:log()
  local wanted = http2 and row.http2 or row[3]
  local expected, newer, seen = {}, {}, {}
  for i, kind in ipairs(reliability.CALLS) do
    local err = errs[kind]
    local sent, applied, reads = count(log, kind, subjects[kind])
    check_claim(kind, err, applied)
    assert.is_true(not err or sent >= err.attempts)
    assert.equal(type(done[kind]) == "number" and applied or applied > 0, done[kind])
    expected[i] = kind .. ": " .. wanted[i]
    newer[i] = row.newer and kind .. ": " .. row.newer[i]
    seen[i] = kind .. ": " .. cell_of(kind, err, sent, applied, reads)
  end
  if seen[1] == newer[1] and libcurl_is_newer() then
    expected = newer
  end
  assert.same(expected, seen)
end

--- Whether a fault of HTTP/1.1 itself: HTTP/2 knows no such thing.
function cells.is_http1(row)
  local action = row[2]
  return (
    action.raw
    or action.head
    or action.surplus
    or (action.headers and action.headers["Content-Length"])
  ) ~= nil
end

--- For setup, teardown, before_each and after_each.
cells.start, cells.stop = t.start, t.stop

local sleep = clock.sleep

--- Lets the waits between attempts pass at once.
function cells.hurry()
  clock.sleep = function()
    return true
  end
end

function cells.restore()
  clock.sleep = sleep
end

return cells
