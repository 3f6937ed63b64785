--- What the specs of credentials share: a home with a login in it, and a process that reads it.

local folders = require("spec.support.folders")

local credentials_process = {}

local LUA = os.getenv("LUA") or "lua5.4"

--- The key of the logins.
credentials_process.SECRET = "phx_s3cret_of_the_spec"

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function shell(text)
  local pipe = assert(io.popen(text))
  local out = pipe:read("*a")
  pipe:close()
  return out
end

credentials_process.quote, credentials_process.shell = quote, shell

--- Whether files of others can be made here.
credentials_process.IS_ROOT = shell("id -u") == "0\n"

--- Prints what find() gives, a field a line; or the error.
local FIND = [[
  local credentials = require("posthog.llm.credentials")
  local found, err = credentials.find()
  if found then
    for _, name in ipairs({ "personal_api_key", "project_id", "host", "source" }) do
      print(name .. "=" .. tostring(found[name]))
    end
    print("tostring=" .. tostring(found))
    print("client=" .. tostring(require("posthog.llm").new(found)))
  else
    print("kind=" .. err.kind)
    print("error=" .. tostring(err))
    for name, value in pairs(err) do print("field " .. name, tostring(value)) end
  end
]]

--- Its functions `reset` and `finish` go into before_each and after_each.
function credentials_process.session()
  local t = {}

  function t.reset()
    t.home = folders.new()
  end

  function t.finish()
    folders.remove(t.home)
  end

  function t.file()
    return t.home .. "/.posthog/credentials.json"
  end

  --- @param text string
  --- @param mode? string
  function t.write(text, mode)
    os.execute("mkdir -p " .. quote(t.home .. "/.posthog"))
    local out = assert(io.open(t.file(), "wb"))
    out:write(text)
    out:close()
    os.execute(("chmod %s %s"):format(mode or "600", quote(t.file())))
  end

  function t.mode_of(path)
    return shell(
      ("stat -L -c %%a %s 2>/dev/null || stat -L -f %%Lp %s"):format(quote(path), quote(path))
    ):match("%d+")
  end

  --- @param env? table<string, string>
  --- @param program? string
  --- @param through? string
  function t.run(env, program, through)
    local words = { "env -i", "PATH=" .. quote(os.getenv("PATH")), "HOME=" .. quote(t.home) }
    for _, name in ipairs({ "LUA_PATH", "LUA_CPATH", "LD_PRELOAD", "ASAN_OPTIONS" }) do
      local value = os.getenv(name)
      if value then
        words[#words + 1] = name .. "=" .. quote(value)
      end
    end
    for name, value in pairs(env or {}) do
      words[#words + 1] = name .. "=" .. quote(value)
    end
    words[#words + 1] = through
    words[#words + 1] = LUA .. " -e " .. quote(program or FIND)
    return shell(table.concat(words, " ") .. " 2>&1")
  end

  function t.find(env, through)
    local text, found = t.run(env, nil, through), {}
    for name, value in text:gmatch("([%w_]+)=([^\n]*)\n") do
      found[name] = value
    end
    found.text = text
    return found
  end

  function t.login(fields)
    t.write(
      ('{"host":%s,"token":"%s","env_id":"%s"}'):format(
        fields.host or "null",
        fields.token or credentials_process.SECRET,
        fields.env_id or "42"
      ),
      fields.mode
    )
  end

  return t
end

return credentials_process
