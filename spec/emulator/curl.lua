--- One HTTP call by the curl command: a client that shares no code with the library under test.

local cjson = require("cjson.safe").new()

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- @class posthog.CurlResponse
--- @field status integer 0 when there was no response
--- @field version string 1.1 or 2
--- @field headers table<string, string> by lower-case name
--- @field body string exactly as received
--- @field json any the body decoded, nil when it is not JSON
--- @field err string curl's error message

--- @param e posthog.Emulator
--- @param method string
--- @param target string path and query, sent as it is
--- @param options? { key?: string|false, body?: string, headers?: string[], tls?: boolean,
---   arguments?: string } `key` false sends none; a body goes out as JSON unless `headers` name
---   another Content-Type
--- @return posthog.CurlResponse
local function call(e, method, target, options)
  options = options or {}
  local words = { "curl -q -sS -i --noproxy '*' --path-as-is --globoff --max-time 20 -H Expect:" }
  words[2] = method == "HEAD" and "-I" or "-X " .. method
  if options.key ~= false then
    local key = options.key or "phx_emulator_all"
    words[#words + 1] = "-H " .. quote("Authorization: Bearer " .. key)
  end
  local typed = false
  for _, header in ipairs(options.headers or {}) do
    words[#words + 1] = "-H " .. quote(header)
    typed = typed or header:lower():find("^content%-type") ~= nil
  end
  if options.body then
    local name = e.prefix .. "/body"
    local file = assert(io.open(name, "wb"))
    file:write(options.body)
    file:close()
    words[#words + 1] = "--data-binary " .. quote("@" .. name)
    if not typed then
      words[#words + 1] = "-H 'Content-Type: application/json'"
    end
  end
  if options.tls then
    words[#words + 1] = "--cacert " .. quote(e.ca_file)
  end
  words[#words + 1] = options.arguments or ""
  words[#words + 1] = quote((options.tls and e.tls_url or e.url) .. target)
  words[#words + 1] = "2>" .. quote(e.prefix .. "/err")
  local pipe = assert(io.popen(table.concat(words, " "), "r"))
  local text = pipe:read("*a")
  pipe:close()

  local response = { status = 0, headers = {}, body = "" }
  local version, status, rest = text:match("^HTTP/([%d.]+) (%d%d%d)[^\n]*\n(.*)$")
  if status then
    local head, body = rest:match("^(.-\n)\r\n(.*)$")
    if not head then
      head, body = "", rest:gsub("^\r\n", "")
    end
    response.version, response.status, response.body = version, tonumber(status), body
    for name, value in head:gmatch("([^:\r\n]+):%s*([^\r\n]*)\r\n") do
      response.headers[name:lower()] = value
    end
    response.json = cjson.decode(body)
  end
  local file = assert(io.open(e.prefix .. "/err", "rb"))
  response.err = file:read("*a")
  file:close()
  return response
end

return { call = call }
