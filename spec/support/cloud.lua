--- Plays a host that is not this machine, such as us.posthog.com, for programs that go through a
--- proxy: a certificate for its name by the emulator's authority, an nginx that has it and hands all
--- on to the emulator, and a proxy that leads every CONNECT there.

local server = require("spec.ngx.server")

local output_of = server.output_of

local cloud = {}

local MAKE = [[
  cd '%s' && cp '%s'/ca.* . && exec 2>openssl.log
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=cloud' \
    -keyout server.key -out server.csr &&
  printf 'subjectAltName=%s\n' >server.ext &&
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
    -extfile server.ext -out server.pem
  echo $?
]]

local CONF = [[
worker_processes 1; pid %s/pid; error_log %s/error.log; daemon off;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f;
  uwsgi_temp_path %s/u; scgi_temp_path %s/s;
  server {
    listen unix:%s/sock ssl; ssl_certificate %s/server.pem; ssl_certificate_key %s/server.key;
    location / { proxy_pass %s; }
  }
}
]]

--- A proxy that knows CONNECT alone, or answers it by a status of its own.
local PROXY = [[
use strict; use IO::Socket::INET; use IO::Socket::UNIX; use IO::Select;
my ($dir, $status) = @ARGV;
$SIG{CHLD} = 'IGNORE';
my $l = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', LocalPort => 0) or die;
open(my $out, '>', "$dir/port.new") or die; print $out $l->sockport; close $out;
rename "$dir/port.new", "$dir/port";
alarm 600;
while (my $c = $l->accept) {
  next if fork;
  my $head = '';
  while ($head !~ /\r\n\r\n/) { sysread($c, $head, 1024, length $head) or exit }
  if ($status ne '200') { syswrite $c, "HTTP/1.1 $status No\r\nContent-Length: 0\r\n\r\n"; exit }
  my $s = IO::Socket::UNIX->new(Peer => "$dir/sock") or exit;
  syswrite $c, "HTTP/1.1 200 OK\r\n\r\n";
  my $both = IO::Select->new($c, $s);
  while (my @ready = $both->can_read(60)) {
    for my $r (@ready) {
      sysread($r, my $bytes, 65536) or exit;
      syswrite($r == $c ? $s : $c, $bytes);
    }
  }
  exit;
}
]]

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- @class spec.Cloud
--- @field proxy string the URL to give as https_proxy
--- @field ca_file string
local Cloud = {}
Cloud.__index = Cloud

local function wait_for(path, why)
  assert(
    server.eventually(10, function()
      local file = io.open(path, "rb")
      return file and file:close()
    end),
    why
  )
end

local function start_proxy(dir, status)
  write(dir .. "/proxy.pl", PROXY)
  local run = "perl '%s/proxy.pl' '%s' %s >/dev/null 2>'%s/proxy.log' & echo $!"
  local pid = output_of(run:format(dir, dir, status, dir)):match("%d+")
  wait_for(dir .. "/port", "no proxy")
  local file = assert(io.open(dir .. "/port", "rb"))
  local port = file:read("*a")
  file:close()
  return pid, "http://127.0.0.1:" .. port
end

--- @param e table the emulator, with TLS
--- @param names string "DNS:us.posthog.com"
--- @return spec.Cloud
function cloud.start(e, names)
  local dir = output_of('mktemp -d "${TMPDIR:-/tmp}/posthog-cloud.XXXXXX"'):gsub("\n$", "")
  assert(output_of(MAKE:format(dir, e.prefix, names)) == "0\n", "no certificate in " .. dir)
  write(
    dir .. "/nginx.conf",
    (CONF:gsub("proxy_pass %%s", "proxy_pass " .. e.url):gsub("%%s", dir))
  )
  local run = "PATH=$PATH:/usr/sbin nginx -p '%s' -c '%s/nginx.conf' >/dev/null "
    .. "2>'%s/nginx.log' & echo $!"
  local self = setmetatable({ dir = dir, ca_file = dir .. "/ca.pem", pids = {} }, Cloud)
  self.pids[1] = output_of(run:format(dir, dir, dir)):match("%d+")
  wait_for(dir .. "/pid", "no nginx")
  self.pids[2], self.proxy = start_proxy(dir, 200)
  return self
end

--- A proxy that refuses every CONNECT.
--- @param status integer
--- @return spec.Cloud
function cloud.refusing_proxy(status)
  local dir = output_of('mktemp -d "${TMPDIR:-/tmp}/posthog-cloud.XXXXXX"'):gsub("\n$", "")
  local self = setmetatable({ dir = dir, pids = {} }, Cloud)
  self.pids[1], self.proxy = start_proxy(dir, status)
  return self
end

function Cloud:stop()
  output_of(("kill %s 2>/dev/null; rm -rf '%s'"):format(table.concat(self.pids, " "), self.dir))
end

return cloud
