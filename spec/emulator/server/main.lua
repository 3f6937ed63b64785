--- The server: from a request to its response.

local responses = require("server.responses")
local auth = require("server.auth")
local control = require("server.control")
local faults = require("server.faults")
local log = require("server.log")
local parent = require("server.parent")
local request = require("server.request")
local router = require("server.router")
local send = require("server.send")
local settings = require("server.settings").values
local store = require("server.store")
local throttle = require("server.throttle")

local main = {}

local WRITES = { POST = true, PUT = true, PATCH = true, DELETE = true }

--- Runs once in the worker.
--- @param options { profile: string, log: string, prefix: string, parent: integer? }
function main.start(options)
  math.randomseed(ngx.worker.pid() + ngx.time())
  require("server.settings").start(options.profile)
  router.load(options.profile)
  log.open(options.log)
  if options.parent then
    parent.watch(options.parent, options.prefix)
  end
end

--- How servers on their way from the environments prefix to projects respond, or nil.
local function drifted(ctx)
  if settings.environments == "serve" then
    return nil
  end
  local rest = ctx.target:match("^" .. ctx.prefix .. "/api/environments/(.*)$")
  if not rest then
    return nil
  end
  local successor = ctx.prefix .. "/api/projects/" .. rest
  if settings.environments == "absent" then
    return responses.not_found("Endpoint not found.")
  elseif settings.environments == "redirect" then
    return responses.empty(307, { ["Location"] = successor })
  end
  ctx.raw_path = ctx.raw_path:gsub("^/api/environments/", "/api/projects/") -- for next and previous
  ngx.header["Deprecation"] = "true"
  ngx.header["Link"] = "<" .. successor .. '>; rel="successor-version"'
  ngx.header["Sunset"] = "Fri, 31 Jul 2026 00:00:00 GMT"
end

--- The order of the checks: route, Accept, key, project and scope, throttle, method; then the
--- handler checks input, row and version.
local function api(ctx)
  local route, captures = router.match(ctx.path)
  if not route then
    return responses.not_found("Endpoint not found.")
  end
  local elsewhere = drifted(ctx)
  if elsewhere then
    return elsewhere
  end
  if not request.accepts(ctx, route.media) then
    return responses.not_acceptable()
  end
  auth.identify(ctx)
  if route.in_project then
    auth.enter_project(ctx, table.remove(captures, 1))
  end
  local method = ctx.method == "HEAD" and "GET" or ctx.method
  local entry = route.methods[method]
  if entry then
    auth.require_scope(ctx, entry.scope)
  elseif settings.unknown_method == "denied" then
    return responses.denied("No scope of a key fits this action.")
  end
  if route.flag and not settings[route.flag] then
    return responses.denied("This feature is not switched on for the project.")
  end
  throttle.check(ctx, route.throttle[method] or "rate_limit")
  if not entry then
    return responses.method_not_allowed(ctx.method, route.allow)
  end
  ctx.allow = route.allow
  return entry.run(ctx, unpack(captures))
end

--- Runs a handler; what it throws is its response, anything else a bug and a 500.
local function guarded(run, ...)
  local ok, response = xpcall(run, function(err)
    if type(err) == "table" and err.status then
      return err
    end
    ngx.log(ngx.ERR, debug.traceback(tostring(err), 2))
    return responses.server_error()
  end, ...)
  return response, ok
end

--- Runs the API, and notes whether something has been written.
local function handle(ctx)
  local response = guarded(api, ctx)
  if ctx.entry and WRITES[ctx.method] then
    log.handled(ctx.entry, response.status)
  end
  return response
end

--- The content phase.
function main.content()
  local ctx = request.new()
  ngx.ctx.seen = true
  if settings.request_id ~= "" then
    ngx.header[settings.request_id] = store.new_id()
  end
  local name = control.name(ctx.path)
  if not name or control.is_plain(name) then
    ctx.entry = log.arrive(ctx.method, ctx.target)
    ngx.ctx.entry = ctx.entry
  end
  request.read_body(ctx)
  if ctx.entry then
    ctx.entry.body = ctx.body
  end
  if name then
    return send.response(ctx, (guarded(control.response, ctx, name)))
  end

  local action, place = faults.pick(ctx)
  if not action then
    return send.response(ctx, handle(ctx))
  end
  if ctx.entry then
    ctx.entry.fault = place
  end
  local response = faults.perform(ctx, action, handle)
  if response == faults.DONE then
    return send.nothing(ctx, action)
  end
  return send.faulty(ctx, response, action)
end

--- The log phase: requests that nginx itself refused, or whose client went away.
function main.log()
  local entry = ngx.ctx.entry
  if not entry and not ngx.ctx.seen then
    entry = log.arrive(ngx.req.get_method(), ngx.var.request_uri or "")
  end
  if entry then
    log.finish(entry, ngx.status)
  end
end

return main
