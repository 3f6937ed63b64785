--- The functions that users call. Each names itself in its errors, `err.call`,
--- and the origin that it asks, `err.host`: here, on the way out, so that no
--- function and no way to fail is forgotten, and what succeeds pays one frame.

local check = require("posthog.llm.util.check")
local errors = require("posthog.llm.util.errors")

local calls = {}

--- Ends a failed method. One method may be made of others; it is the outermost
--- that the user has called.
local function fail(err, name, self, response)
  err.call, err.host = name, self._origin
  return errors.failure(err, response)
end

--- The iterator of a method: it raises what its steps return.
--- @param step fun(): any, posthog.llm.Error?
local function raising(step, name, self)
  return function()
    local row, err = step()
    if err then
      err.call, err.host = name, self._origin
      error(err, 0)
    end
    return row
  end
end

--- A method as users call it. It takes four arguments at most. A method that
--- iterates returns a step, which returns a row, or nil and an error.
--- @param class table
--- @param name string as a user writes it, "skills:get"
--- @param method function
--- @param complaint string of a call without its object
--- @return function
function calls.method(class, name, method, complaint)
  local function call(self, a, b, c, d)
    if getmetatable(self) ~= class then
      check.fail(2, complaint)
    end
    local value, err, response = method(self, a, b, c, d)
    if err then
      return fail(err, name, self, response)
    elseif response == nil and type(value) == "function" then
      return raising(value, name, self)
    end
    return value, nil, response
  end
  check.pass_over(call)
  return call
end

--- Gives all methods of a resource to the users of a client. Names that begin
--- with "_" are the resource's own.
--- @param class table
--- @param name string of the resource in a client
function calls.publish(class, name)
  local complaint = ("call the methods of client.%s with a colon"):format(name)
  local methods = {}
  for key, value in pairs(class) do
    if type(value) == "function" and key:sub(1, 1) ~= "_" then
      methods[key] = value
    end
  end
  for key, method in pairs(methods) do
    class[key] = calls.method(class, name .. ":" .. key, method, complaint)
  end
end

--- Kinds of error that are about this machine: no server is to blame for them.
local LOCAL = { file = true, invalid = true }

--- Gives the functions of a tool to users. An error of a call that a tool makes
--- has that call's name already; this is for those that begin in the tool.
--- @param tool table<string, function> each takes a client first, or none, and four arguments at most
--- @param name string of the module
function calls.tool(tool, name)
  for key, inner in pairs(tool) do
    local full = name .. "." .. key
    local function call(client, b, c, d)
      local value, err, more = inner(client, b, c, d)
      if err == nil and more == nil then
        return value
      elseif not errors.is(err) then
        return value, err, more
      elseif not err.call then
        err.call = full
        err.host = not LOCAL[err.kind] and type(client) == "table" and client._origin or nil
      end
      return errors.failure(err, more)
    end
    check.pass_over(call)
    tool[key] = call
  end
end

return calls
