--- Starts the installed nginx for a spec, with a directory and a port of its own.

local server = {}

local PATH = "PATH=$PATH:/usr/sbin:/usr/local/sbin; " -- not in that of an ordinary user

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end
server.output_of = output_of

local function read(path)
  local file = io.open(path, "rb")
  if not file then
    return ""
  end
  local text = file:read("*a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- Where a module lies, "" when it is built in or absent.
local function load_module(name)
  for _, directory in ipairs({
    "/usr/lib/nginx/modules",
    "/usr/share/nginx/modules",
    "/usr/lib64/nginx/modules",
    "/usr/local/libexec/nginx",
  }) do
    local path = directory .. "/" .. name .. ".so"
    if read(path) ~= "" then
      return ('load_module "%s";'):format(path)
    end
  end
  return ""
end

--- @return string? reason why there is no nginx to test with
function server.modules()
  return load_module("ndk_http_module") .. load_module("ngx_http_lua_module")
end

function server.missing()
  local built_with = output_of(PATH .. "nginx -V 2>&1")
  if not built_with:find("nginx version:", 1, true) then
    return "nginx is not installed (Debian: nginx-light)"
  elseif load_module("ngx_http_lua_module") == "" and not built_with:find("lua") then
    return "nginx has no Lua module (Debian: libnginx-mod-http-lua)"
  elseif read("/proc/self/stat") == "" then
    return "there is no /proc to look at processes"
  end
end

local function root()
  return (output_of("pwd"):gsub("\n$", ""))
end

--- @class posthog.spec.Nginx
--- @field prefix string its directory
--- @field port integer
--- @field tls_port integer
--- @field url string
local Nginx = {}
Nginx.__index = Nginx

--- One at which nobody listens. With `reuseport` nginx itself would share it, without a word, with
--- the nginx of another spec.
local function free_port()
  local try = "curl -q -s -o /dev/null --noproxy '*' --max-time 1 http://127.0.0.1:%d/; echo $?"
  while true do
    local port = 10000 + tonumber(output_of("od -An -N2 -tu2 /dev/urandom")) % 10000
    if tonumber(output_of(try:format(port))) == 7 then -- the connection was refused
      return port
    end
  end
end

--- What nginx is started with. It clears its environment, where a sanitizer
--- that comes late would look for its options; and it frees little at its end.
local function environment()
  local mode = os.getenv("SPEC_MODE")
  if mode ~= "asan" and mode ~= "tsan" then
    return ""
  end
  local runtime = output_of("gcc -print-file-name=lib" .. mode .. ".so"):gsub("\n$", "")
  return ("LD_PRELOAD='%s' ASAN_OPTIONS='%s:detect_leaks=0' "):format(
    runtime,
    os.getenv("ASAN_OPTIONS") or ""
  )
end

-- Ends the server when the spec that started it has died.
local WATCH = [[
(
  while kill -0 %d 2>/dev/null && [ -f '%s/nginx.pid' ]; do sleep 1; done
  [ ! -f '%s/nginx.pid' ] || { kill "$(cat '%s/nginx.pid')"; sleep 1; rm -rf '%s'; }
) >/dev/null 2>&1 </dev/null &
]]

--- @param options { emulator: table, template?: string, values?: table<string, string>, workers?: integer, user?: string, http?: string, server?: string, tls?: boolean }
--- @return posthog.spec.Nginx
function server.start(options)
  local e = options.emulator
  local prefix = output_of('mktemp -d "${TMPDIR:-/tmp}/posthog-nginx.XXXXXX"'):gsub("\n$", "")
  local self = setmetatable({ prefix = prefix, owner = output_of("echo $PPID") }, Nginx)
  output_of(("mkdir -m 777 '%s/tmp'; chmod 755 '%s'"):format(prefix, prefix))
  local user = options.user or (output_of("id -u") == "0\n" and "root root" or nil)
  for _ = 1, 20 do
    self.port = free_port()
    self.tls_port = self.port + 1
    self.url = ("http://127.0.0.1:%d"):format(self.port)
    local values = {
      MODULES = server.modules(),
      USER = user and ("user %s;"):format(user) or "",
      WORKERS = tostring(options.workers or 1),
      PREFIX = prefix,
      EMULATOR = e.url,
      ROOT = root(),
      CPATH = root() .. "/" .. package.cpath:match("[^;]+"):gsub("^%./", ""),
      PORT = tostring(self.port),
      HTTP = options.http or "",
      SERVER = options.server or "",
      TLS = "",
    }
    if options.tls then
      values.TLS = ([[
    listen 127.0.0.1:%d ssl;
    ssl_certificate "%s/server.pem";
    ssl_certificate_key "%s/server.key";
    ssl_client_hello_by_lua_block { require("spec.ngx.handlers").try("ssl_client_hello") }
    ssl_certificate_by_lua_block { require("spec.ngx.handlers").try("ssl_cert") }
      ]]):format(self.tls_port, e.prefix, e.prefix)
    end
    for name, value in pairs(options.values or {}) do
      values[name] = value
    end
    local template = read(options.template or "spec/ngx/nginx.conf.in")
    write(prefix .. "/nginx.conf", (template:gsub("@(%u+)@", values)))
    local run = PATH .. "%s nginx -p '%s' -c '%s/nginx.conf' -e '%s/error.log' 2>&1"
    local said = output_of(run:format(environment(), prefix, prefix, prefix))
    if self:pid() then
      assert(server.eventually(20, function()
        return #self:workers() == (options.workers or 1)
      end))
      os.execute(WATCH:format(self.owner, prefix, prefix, prefix, prefix))
      return self
    elseif not said:find("Address already in use", 1, true) then
      error("nginx did not start:\n" .. said .. read(prefix .. "/error.log"), 2)
    end
  end
  error("found no free port", 2)
end

--- Of the master process.
function Nginx:pid()
  for _ = 1, 200 do
    local pid = read(self.prefix .. "/nginx.pid"):match("%d+")
    if pid then
      return pid
    end
    output_of("sleep 0.02")
  end
end

--- @return string[] pids of the workers, old ones too
function Nginx:workers()
  local list = {}
  local pid = self:pid()
  for worker in read(("/proc/%s/task/%s/children"):format(pid, pid)):gmatch("%d+") do
    list[#list + 1] = worker
  end
  return list
end

function Nginx:signal(name, pid)
  output_of(("kill -%s %s"):format(name, pid or self:pid()))
end

--- @return string body
--- @return string status
function Nginx:get(path, options)
  local text = output_of(
    ("curl -q -s -m 20 --noproxy '*' -w '\\n%%{http_code}' %s '%s%s'"):format(
      options or "",
      self.url,
      path
    )
  )
  local body, status = text:match("^(.-)\n?\n(%d+)$")
  return body, status
end

--- The same path many times, at the same time.
--- @return table<string, integer> statuses how often each came
--- @return number[] seconds in ascending order
function Nginx:get_many(path, times, options)
  local separator = path:find("?", 1, true) and "&" or "?"
  local text = output_of(
    (
      "curl -q -s -m 60 --noproxy '*' -o /dev/null -Z --parallel-immediate --parallel-max %d"
      .. " -w '%%{http_code} %%{time_total}\\n' %s '%s%s%sn=[1-%d]' 2>/dev/null"
    ):format(math.min(times, 300), options or "", self.url, path, separator, times)
  )
  local statuses, seconds = {}, {}
  for status, time in text:gmatch("(%d+) ([%d.]+)\n") do
    statuses[status] = (statuses[status] or 0) + 1
    seconds[#seconds + 1] = tonumber(time)
  end
  table.sort(seconds)
  return statuses, seconds
end

--- What nginx complained about, "" when it did not.
--- @param expected? string[] what it may
function Nginx:complaints(expected)
  local lines = {}
  local function is_expected(line)
    for _, text in ipairs(expected or {}) do
      if line:find(text, 1, true) then
        return true
      end
    end
  end
  for line in read(self.prefix .. "/error.log"):gmatch("[^\n]+") do
    local level = line:match("%[(%l+)%] %d+#")
    local is_finding = line:find("^==%d+==")
      or line:find(": runtime error: ", 1, true)
      or line:find("^WARNING: ThreadSanitizer")
    local is_complaint = level and level ~= "notice" and level ~= "info"
    if is_finding or is_complaint and not is_expected(line) then
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n")
end

--- CPU in clock ticks, user and system, of a process.
function server.cpu(pid)
  local rest = read("/proc/" .. pid .. "/stat"):match("^.*%) (.*)$")
  local fields = {}
  for field in rest:gmatch("%S+") do
    fields[#fields + 1] = field
  end
  return tonumber(fields[12]) + tonumber(fields[13])
end

--- How often the threads of a process were switched to, in all.
function server.switches(pid)
  local text = output_of(("cat /proc/%s/task/*/status 2>/dev/null"):format(pid))
  local total, threads = 0, 0
  for count in text:gmatch("ctxt_switches:%s*(%d+)") do
    total = total + tonumber(count)
    threads = threads + 1
  end
  return total, threads / 2
end

--- @return integer descriptors of a process
function server.descriptors(pid)
  return tonumber(output_of(("ls /proc/%s/fd | wc -l"):format(pid)))
end

--- @return integer connections of this machine to a port that are open at its own end
function server.connections_to(port)
  local count = 0
  for remote in read("/proc/net/tcp"):gmatch("\n%s*%d+: %x+:%x+ %x+:(%x+) 01 ") do
    if tonumber(remote, 16) == port then
      count = count + 1
    end
  end
  return count
end

--- Whether it comes true within so many seconds.
function server.eventually(seconds, condition)
  for _ = 1, seconds * 20 do
    if condition() then
      return true
    end
    output_of("sleep 0.05")
  end
  return condition()
end

--- Ends it. Raises when a worker does not go by itself.
function Nginx:stop()
  if not self.prefix then
    return
  end
  local prefix, pid = self.prefix, self:pid()
  self.prefix = nil
  self:signal("QUIT", pid)
  local gone = server.eventually(20, function()
    return read(prefix .. "/nginx.pid") == ""
  end)
  if not gone then
    self:signal("TERM", pid)
  end
  output_of("rm -rf '" .. prefix .. "'")
  assert(gone, "nginx did not end")
end

return server
