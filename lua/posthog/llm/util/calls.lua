--- Wraps the functions that users call. The wrapper sets `err.call`, the function's name, and
--- `err.host`, the origin of the server, on every error that it returns. Done in one place, no
--- function and no failure can miss it, and a call that succeeds pays for one stack frame.

local check = require("posthog.llm.util.check")
local errors = require("posthog.llm.util.errors")

local calls = {}

--- The failure of a method. A method may call others: the outermost is the one that the user
--- called.
local function fail(err, name, self, response)
  err.call, err.host = name, self._origin
  self._redact(err) -- also an error that the method made from a successful response
  return errors.failure(err, response)
end

--- The iterator of a method: it raises the error that a step returns.
--- @param step fun(): any, posthog.llm.Error?
local function raising(step, name, self)
  return function()
    local row, err = step()
    if err then
      err.call, err.host = name, self._origin
      self._redact(err)
      error(err, 0)
    end
    return row
  end
end

--- A method as users call it, with at most four arguments. A method that
--- iterates returns a step, which returns a row, or nil and an error; and, as its fourth result, what
--- the loop `for` of Lua 5.4 closes when it is left.
--- @param class table
--- @param name string as a user writes it, "skills:get"
--- @param method function
--- @param complaint string the message when `self` is not an object of the class
--- @return function
function calls.method(class, name, method, complaint)
  local function call(self, a, b, c, d)
    if getmetatable(self) ~= class then
      check.fail(2, complaint)
    end
    local value, err, response, closing = method(self, a, b, c, d)
    if err then
      return fail(err, name, self, response)
    elseif response == nil and type(value) == "function" then
      local iterator = raising(value, name, self)
      if closing then
        return iterator, nil, nil, closing
      end
      return iterator
    end
    return value, nil, response
  end
  check.pass_over(call)
  return call
end

--- Wraps all public methods of a resource. Names that begin with "_" are private.
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

--- Kinds of error that are about this machine: they get no `err.host`.
local LOCAL = { file = true, invalid = true }

--- Wraps the functions of a tool. An error of a client call that the tool makes has that call's
--- name already; an error that begins in the tool gets the name of the tool's function.
--- @param tool table<string, function> at most four arguments each; the first may be a client
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
