--- Tries whether a Redis can be used as it is configured, while nginx reads its configuration: in
--- init_by_lua no socket of nginx's exists, so this one is the system's, and blocks for as long as
--- the timeout at most. What is wrong for good (a password, TLS) is told from what may pass (a
--- Redis that is not there yet).

local ffi = require("ffi")

local redis_check = {}

-- Under names of our own: another module may have declared the same functions otherwise.
ffi.cdef([[
struct posthog_timeval { long seconds, microseconds; };
struct posthog_addrinfo {
  int flags, family, type, protocol;
  unsigned int length;
  void *pointers[3]; /* the address and its canonical name, in an order of the system's; the next */
};
int posthog_getaddrinfo(const char *, const char *, const struct posthog_addrinfo *,
  struct posthog_addrinfo **) __asm__("getaddrinfo");
void posthog_freeaddrinfo(struct posthog_addrinfo *) __asm__("freeaddrinfo");
int posthog_getnameinfo(const void *, unsigned int, char *, unsigned int, char *, unsigned int,
  int) __asm__("getnameinfo");
const char *posthog_gai_strerror(int) __asm__("gai_strerror");
int posthog_socket(int, int, int) __asm__("socket");
int posthog_setsockopt(int, int, int, const void *, unsigned int) __asm__("setsockopt");
int posthog_connect(int, const void *, unsigned int) __asm__("connect");
ssize_t posthog_send(int, const void *, size_t, int) __asm__("send");
ssize_t posthog_recv(int, void *, size_t, int) __asm__("recv");
int posthog_close(int) __asm__("close");
char *posthog_strerror(int) __asm__("strerror");
]])

local C = ffi.C
local LINUX = ffi.os == "Linux"
local ADDRESS = LINUX and 0 or 1 -- its index in `pointers`
local NEXT = 2
local SOL_SOCKET = LINUX and 1 or 0xffff
local SO_RCVTIMEO = LINUX and 20 or 0x1006
local SO_SNDTIMEO = LINUX and 21 or 0x1005
local MSG_NOSIGNAL = LINUX and 0x4000 or 0
local SOCK_STREAM = 1
local NI_NUMERICHOST = LINUX and 1 or 2
local EAGAIN = LINUX and 11 or 35
local EINPROGRESS = LINUX and 115 or 36

local function reason()
  local number = ffi.errno()
  if number == EAGAIN or number == EINPROGRESS then
    return "timeout"
  end
  return ffi.string(C.posthog_strerror(number))
end

--- The commands in the protocol of Redis.
local function commands_of(options)
  local list = {}
  local function add(...)
    local words = { ("*%d\r\n"):format(select("#", ...)) }
    for i = 1, select("#", ...) do
      local word = tostring((select(i, ...)))
      words[i + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
    end
    list[#list + 1] = table.concat(words)
  end
  if options.username then
    add("AUTH", options.username, options.password)
  elseif options.password then
    add("AUTH", options.password)
  end
  if options.database ~= 0 then
    add("SELECT", options.database)
  end
  add("EVAL", "return 'PONG'", 0)
  return table.concat(list)
end

--- @return string? answer the start of it, "" when there was none
--- @return string? err
local function talk(socket, address, length, commands)
  if C.posthog_connect(socket, address, length) ~= 0 then
    return nil, reason()
  elseif C.posthog_send(socket, commands, #commands, MSG_NOSIGNAL) ~= #commands then
    return nil, reason()
  end
  local buffer, answer = ffi.new("char[512]"), ""
  repeat
    local count = tonumber(C.posthog_recv(socket, buffer, 512, 0))
    if count < 0 then
      if answer ~= "" or reason() == "timeout" then
        return answer ~= "" and answer or nil, "timeout"
      end
      return "" -- a reset is an end too
    end
    answer = answer .. ffi.string(buffer, count)
    local refused = answer:match("^%-[^\r]*\r") or answer:match("\n%-[^\r]*\r")
  until count == 0 or refused or answer:find("PONG", 1, true) or #answer > 4096
  return answer
end

--- Asks at one address of the host.
--- @return string? answer
--- @return string? err
--- @return string address
local function ask_at(info, options)
  local host = ffi.new("char[64]")
  C.posthog_getnameinfo(info.pointers[ADDRESS], info.length, host, 64, nil, 0, NI_NUMERICHOST)
  local address = ffi.string(host)
  local socket = C.posthog_socket(info.family, info.type, info.protocol)
  if socket < 0 then
    return nil, reason(), address
  end
  local whole, part = math.modf(options.timeout)
  local time = ffi.new("struct posthog_timeval", whole, math.floor(part * 1e6))
  C.posthog_setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, time, ffi.sizeof(time))
  C.posthog_setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, time, ffi.sizeof(time))
  local answer, err = talk(socket, info.pointers[ADDRESS], info.length, commands_of(options))
  C.posthog_close(socket)
  return answer, err, address
end

--- Asks at the addresses of the host, in their order, until one takes the connection: `localhost`
--- may be ::1 first, where a Redis of 127.0.0.1 does not listen.
--- @return string? answer
--- @return string? err
--- @return string? address
local function ask(options)
  local hints = ffi.new("struct posthog_addrinfo", { type = SOCK_STREAM })
  local found = ffi.new("struct posthog_addrinfo *[1]")
  local name = options.host:match("^%[(.*)%]$") or options.host
  local code = C.posthog_getaddrinfo(name, tostring(options.port), hints, found)
  if code ~= 0 then
    return nil, ffi.string(C.posthog_gai_strerror(code))
  end
  local info = found[0]
  local answer, err, address = ask_at(info, options)
  while not answer and err ~= "timeout" and info.pointers[NEXT] ~= nil do
    info = ffi.cast("struct posthog_addrinfo *", info.pointers[NEXT])
    local other, failed, at = ask_at(info, options)
    if other or failed == "timeout" then
      answer, err, address = other, failed, at
    end
  end
  C.posthog_freeaddrinfo(found[0])
  return answer, err, address
end

--- What Redis's refusals say of the options: a pattern, and the message.
local REFUSALS = {
  { "^NOAUTH", "asks for a password: redis.password is missing" },
  { "unauthenticated", "asks for a password: redis.password is missing" }, -- for a long command
  { "^WRONGPASS", "does not accept the password: see redis.password and redis.username" },
  { "^ERR invalid password", "does not accept the password: see redis.password" },
  { "without any password configured", "has no password: leave redis.password out" },
  { "no password is set", "has no password: leave redis.password out" },
  { "arguments for 'auth'", "is older than Redis 6, without users: leave redis.username out" },
  { "^ERR DB index is out of range", "has no database of that number: see redis.database" },
  { "^NOPERM", "does not let this user run scripts (EVAL): its access control list has to" },
  { "^DENIED", "is in protected mode: it takes connections of its own machine only" },
}

local TLS = "ends the connection without an answer to a command in plain text. Does it speak TLS"
  .. " only? This client needs a port without TLS (`port` in redis.conf, or a stunnel)"
local NOT_REDIS = "what listens there is not a Redis"

--- What an error of lua-resty-redis says of the options.
--- @param err string
--- @return string words
--- @return boolean? for_good as of redis_check.try
function redis_check.explain(err)
  for _, known in ipairs(REFUSALS) do
    if err:find(known[1]) then
      return known[2], true
    end
  end
  local prefix = err:match('^unknown prefix: "(%d*)')
  if prefix == "21" then -- the first byte of an alert of TLS's
    return TLS, true
  elseif prefix then
    return NOT_REDIS, true
  elseif err == "closed" or err == "connection reset by peer" then
    return TLS, true
  end
  return err
end

--- @return string? err
--- @return boolean? for_good
local function judge(answer)
  if answer == "" or answer:byte() == 0x15 then
    return TLS, true
  end
  local refusal = answer:match("^%-([^\r\n]*)") or answer:match("\n%-([^\r\n]*)")
  if refusal then
    return redis_check.explain(refusal) -- such as LOADING, which passes
  elseif not answer:find("PONG", 1, true) then
    return NOT_REDIS, true
  end
end

--- Blocks for up to a few times `timeout`.
--- @param options posthog.llm.RedisOptions of redis.check
--- @return string? address of the host, nil when it has none
--- @return string? err why it cannot be used now
--- @return boolean? for_good the options are wrong, or the Redis is one that this client cannot use
function redis_check.try(options)
  local answer, err, address = ask(options)
  local for_good
  if answer then
    err, for_good = judge(answer)
  end
  return address, err, for_good
end

return redis_check
