--- posthog-llm api: any endpoint, with the key, the retries and the errors of the library.

local data_option = require("posthog.llm.cli.data_option")
local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local json = require("posthog.llm.json")
local url = require("posthog.llm.http.url")

local function usage(message, ...)
  error(exits.usage(message:format(...), "posthog-llm api"), 0)
end

--- @param path string
--- @param list? string[] "name=value"
--- @return string path with these appended
local function with_query(path, list)
  local mark = path:find("?", 1, true) and "&" or "?"
  for _, text in ipairs(list or {}) do
    local name, value = text:match("^([^=]+)=(.*)$")
    if not name then
      usage("--query: invalid parameter '%s': NAME=VALUE", text)
    end
    path, mark = path .. mark .. url.escape(name) .. "=" .. url.escape(value), "&"
  end
  return path
end

--- @param list? string[] "Name: value"
--- @return table<string, string>?
local function read_headers(list)
  local headers
  for _, text in ipairs(list or {}) do
    local name, value = text:match("^([^:%s]+):%s*(.-)%s*$")
    if not name then
      usage("--header: invalid header '%s': NAME:VALUE", text)
    end
    headers = headers or {}
    headers[name] = value
  end
  return headers
end

--- @return any? value to send
local function read_data(data)
  if not data then
    return nil
  end
  local path = data == "-" and data or data:match("^@(.+)$")
  local value, err = json.decode(path and data_option.read(path) or data)
  if err then
    usage("--data: %s", err.message)
  end
  return value
end

local function show_response(context, response)
  local names = {}
  if context.json then
    local headers = {}
    for name, value in pairs(response.headers) do
      headers[name] = value
    end
    return context.err:json({ response = { status = response.status, headers = headers } })
  end
  for name in pairs(response.headers) do
    names[#names + 1] = name
  end
  table.sort(names)
  context.err:line(("HTTP/%s %d"):format(response.http_version or "?", response.status))
  for _, name in ipairs(names) do
    context.err:line(name, ": ", response.headers[name])
  end
  context.err:line("")
end

--- Makes one request, and prints status and headers of its response if asked to.
local function request(context, method, path, options, include)
  local value, err, response = context:client():request(method, path, options)
  if include and response then
    show_response(context, response)
  end
  return value, err, response
end

local function escape(character)
  return ("%%%02X"):format(character:byte())
end

--- Prints the rows of all pages, one line for each. Only the path and query of `next` are followed,
--- so that the key is not sent to another host.
local function print_pages(context, path, options, include)
  local pages = require("posthog.llm.api.pages")
  local bare, seen, count = path:match("^[^?]*"), {}, 0
  local function failed(err)
    context.out:flush()
    context.err:line(("%d rows were printed; the list may be incomplete"):format(count))
    return nil, err
  end
  repeat
    local page, err, response = request(context, "GET", path, options, include)
    if not err and (type(page) ~= "table" or type(page.results) ~= "table") then
      local words = "--paginate: the response is not a page: it has no list of results"
      err = errors.new({ kind = "decode", message = words })
    end
    if err then
      return failed(err)
    end
    for _, row in ipairs(page.results) do
      context.out:json(row)
      count = count + 1
    end
    local query
    query, err = pages.next_query(page.next, response.url:match("^[^?]*"))
    if not err and query and seen[query] then
      err =
        errors.new({ kind = "decode", message = "--paginate: a page leads back to an earlier one" })
    end
    if err then
      return failed(err)
    elseif query then
      seen[query] = true
      path = bare .. "?" .. query:gsub('[^\33-\126"#<>\\^`{|}]', escape)
    end
  until not query or context.out.failed
end

local function api(context, args)
  local method = args.method:upper()
  local data = read_data(args.data)
  if data ~= nil and (method == "GET" or method == "HEAD") then
    usage("--data: a %s request has no body", method)
  elseif args.paginate and method ~= "GET" then
    usage("--paginate: only GET has pages")
  end
  -- So that nulls in the response are printed.
  context.client_options.keep_null = true
  local path = with_query(args.path, args.query)
  local options = { headers = read_headers(args.header), json = data }
  if args.paginate then
    return print_pages(context, path, options, args.include)
  end
  local value, err = request(context, method, path, options, args.include)
  if err then
    return nil, err
  elseif value ~= true then -- an empty response
    context.out:json(value)
  end
end

--- @type posthog.llm.cli.Command
return {
  name = "api",
  summary = "call any endpoint of the API",
  text = "Call any endpoint of the API and print the response as JSON.",
  arguments = {
    { "method", "GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS." },
    { "path", "Such as /api/projects/:project_id/datasets/." },
  },
  options = {
    { "--query", "A parameter; may be repeated.", value = "NAME=VALUE", many = true },
    { "--data", "JSON to send: a text, @FILE, or - for standard input.", value = "JSON" },
    { "--header", "A header; may be repeated.", value = "NAME:VALUE", many = true },
    { "--include", "Status and headers on standard error." },
    { "--paginate", "The results of all pages, a line of JSON each." },
  },
  examples = {
    { "posthog-llm api GET /api/users/@me/", "the owner of the key" },
    {
      "posthog-llm api GET /api/projects/:project_id/datasets/ --paginate",
      "all datasets, a line each",
    },
    {
      'posthog-llm api POST /api/projects/:project_id/datasets/ --data \'{"name": "new"}\'',
      "create one",
    },
  },
  run = api,
}
