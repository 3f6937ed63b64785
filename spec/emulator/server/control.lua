--- The routes below /__emulator/ that steer the emulator, and plain ones for tests and benches.

local cjson = require("cjson.safe").new()

local responses = require("server.responses")
local seed = require("server.seed")
local faults = require("server.faults")
local json = require("server.json")
local log = require("server.log")
local profile = require("server.profile")
local settings = require("server.settings")
local spend = require("server.spend")
local store = require("server.store")
local throttle = require("server.throttle")

local control = {}

local function bad(message)
  return responses.plain(400, message)
end

local function body_table(ctx)
  local value = cjson.decode(ctx.body)
  if type(value) ~= "table" then
    error(bad("the body has to be a JSON object or list"))
  end
  return value
end

local function done()
  return responses.ok('{"ok":true}')
end

--- Replaces the faults by those of the body; an empty one removes them.
local function set_faults(ctx)
  local err = faults.set(ctx.body == "" and {} or body_table(ctx))
  return err and bad(err) or done()
end

local routes = {}

routes["POST reset"] = function(ctx)
  settings.reset()
  store.reset()
  throttle.reset()
  spend.reset()
  faults.reset()
  log.reset()
  return set_faults(ctx)
end

routes["GET settings"] = function()
  return responses.ok(cjson.encode(settings.values))
end

routes["POST settings"] = function(ctx)
  local err = settings.change(body_table(ctx))
  return err and bad(err) or responses.ok(cjson.encode(settings.values))
end

routes["POST faults"] = set_faults

routes["POST release"] = function()
  return responses.ok(('{"released":%d}'):format(faults.release()))
end

routes["POST seed"] = function(ctx)
  return responses.ok(seed.fill(body_table(ctx)))
end

local PROJECT = { "skills", "datasets", "items" }
local SKILL = { "name", "version", "files" }

local function write_rows(rows, shape)
  local texts = {}
  for i, row in ipairs(rows) do
    texts[i] = json.object(shape, row)
  end
  return json.raw(json.list(texts))
end

local function project_state(project)
  local skills = {}
  for name, skill in pairs(project.skills) do
    local paths = {}
    for i, file in ipairs(skill.versions[#skill.versions].files) do
      paths[i] = json.string(file.path)
    end
    skills[#skills + 1] =
      { name = name, version = #skill.versions, files = json.raw(json.list(paths)) }
  end
  table.sort(skills, function(a, b)
    return a.name < b.name
  end)
  local kept, shapes = store.rows(project), profile().state
  return json.raw(json.object(PROJECT, {
    skills = write_rows(skills, SKILL),
    datasets = write_rows(kept.datasets, shapes.dataset),
    items = write_rows(kept.items, shapes.item),
  }))
end

routes["GET state"] = function()
  local ids, projects = {}, {}
  for id, project in pairs(store.projects) do
    ids[#ids + 1] = tostring(id)
    projects[tostring(id)] = project_state(project)
  end
  table.sort(ids)
  return responses.ok(json.object({ "requests", "connections", "projects" }, {
    requests = log.count(),
    connections = tonumber(ngx.var.connections_active),
    projects = json.raw(json.object(ids, projects)),
  }))
end

routes["GET log"] = function(ctx)
  return responses.ok(log.list(tonumber(ctx.query.since) or 0))
end

--- Plain routes, logged like any other request; any method.
local plain = {}

function plain.echo(ctx)
  local headers = ngx.req.get_headers(0, true)
  return responses.ok(cjson.encode({
    method = ctx.method,
    target = ctx.target,
    headers = headers,
    body = ctx.body,
    connection = tonumber(ngx.var.connection),
  }))
end

function plain.slow(ctx)
  local ms = tonumber(ctx.query.ms) or 200
  ngx.sleep(ms / 1000)
  return responses.ok(('{"slept_ms":%d}'):format(ms))
end

function plain.bytes(ctx)
  local response = responses.ok(("x"):rep(tonumber(ctx.query.n) or 1024))
  response.headers["Content-Type"] = "application/octet-stream"
  return response
end

--- The name below /__emulator/, or nil for another path.
function control.name(path)
  return path:match("^/__emulator/(%a+)/?$")
end

--- Whether requests to this route belong into the log.
function control.is_plain(name)
  return plain[name] ~= nil
end

function control.response(ctx, name)
  local address = ngx.var.remote_addr
  if address ~= "127.0.0.1" and address ~= "::1" then
    error(responses.denied("Loopback only."))
  end
  local run = plain[name] or routes[ctx.method .. " " .. name]
  if not run then
    return bad("no such control route: " .. ctx.method .. " " .. name)
  end
  return run(ctx)
end

return control
