-- examples/nginx as it is, but for its port and where it writes.
if not rawget(_G, "jit") or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local cjson = require("cjson")
local emulator = require("spec.emulator")
local server = require("spec.ngx.server")

local missing = server.missing()
if missing then
  describe("examples/nginx", function()
    pending("is left out: " .. missing)
  end)
  return
end

local function replace(text, old, new)
  local from, to = text:find(old, 1, true)
  assert(from, "the example has no " .. old)
  return text:sub(1, from - 1) .. new .. text:sub(to + 1)
end

--- The example as a template of spec/ngx/server.lua, where a copy ages sooner.
local function template(path)
  local file = assert(io.open("examples/nginx/nginx.conf"))
  local text = file:read("*a")
  file:close()
  text = text
    :gsub("load_module [^\n]*\n", "")
    :gsub("build/nginx%-example%-", "@PREFIX@/")
    :gsub("%$prefix", "@ROOT@")
    :gsub("@ROOT@/build/luajit/%?%.so", "@CPATH@")
  text = replace(text, "daemon off;", "@MODULES@ @USER@")
  text = replace(text, "worker_processes auto;", "worker_processes @WORKERS@;")
  text = replace(text, "error_log stderr warn;", 'error_log "@PREFIX@/error.log" warn;')
  text = replace(text, "pid build/nginx-example.pid;", 'pid "@PREFIX@/nginx.pid";')
  text = replace(text, "env POSTHOG_HOST;", "env POSTHOG_HOST=@EMULATOR@;")
  text = replace(
    text,
    "env POSTHOG_PERSONAL_API_KEY;",
    "env POSTHOG_PERSONAL_API_KEY=phx_emulator_read;"
  )
  text = replace(text, "env POSTHOG_PROJECT_ID;", "env POSTHOG_PROJECT_ID=112358;")
  text = replace(text, 'require("skills")', 'require("skills") skills.fresh = 1')
  text = replace(text, "listen 127.0.0.1:8080", "listen 127.0.0.1:@PORT@")
  file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("examples/nginx", function()
  local e, s, name

  setup(function()
    e = emulator.start()
    local path = e.prefix .. "/example.conf"
    template(path)
    s = server.start({ emulator = e, template = path, workers = 2 })
  end)
  teardown(function()
    s:stop()
    e:stop()
  end)
  before_each(function()
    e:reset()
    name = e:seed({ skills = 1 }).skills[1]
  end)

  --- Where the answer came from, in small letters.
  local function source_of(path)
    return s:get(path, "-o /dev/null -D -"):lower():match("x%-cache: (%a+)")
  end

  it("serves a skill, the second time without a call", function()
    local body = s:get("/skills/" .. name)
    assert.equal(name, cjson.decode(body).name)
    assert.is_string(cjson.decode(body).body)
    assert.is_nil(body:find("created_by", 1, true))
    assert.is_nil(body:find("@example.net", 1, true), "an e-mail address is published")
    assert.equal("hit", source_of("/skills/" .. name))
    assert.equal(1, #e:log())
  end)

  it("serves an old copy at once and refreshes it in the background", function()
    local other = e:seed({ skills = 2 }).skills[2]
    assert.equal("miss", source_of("/skills/" .. other))
    server.output_of("sleep 1.1")
    assert.equal("stale", source_of("/skills/" .. other))
    assert.is_true(server.eventually(2, function()
      return #e:log() == 2
    end))
    assert.is_true(server.eventually(2, function()
      return source_of("/skills/" .. other) == "hit"
    end))
  end)

  it("makes one call for many requests", function()
    local names = e:seed({ skills = 3 }).skills
    e:fault({ match = { path = "/llm_skills/" }, action = { delay = 0.3 } })
    local statuses = s:get_many("/skills/" .. names[3], 60)
    assert.same({ ["200"] = 60 }, statuses)
    assert.equal(1, #e:log())
  end)

  it("reports what failed, and tries again a little later", function()
    local missed = select(2, s:get("/skills/there-is-none"))
    assert.equal("404", missed)
    assert.equal("404", select(2, s:get("/skills/there-is-none")))
    assert.equal(1, #e:log())
    e:fault({ match = { path = "broken" }, action = { status = 400, body = "{}" } })
    assert.equal("502", select(2, s:get("/skills/broken")))
    local complaints = s:complaints()
    for _, words in ipairs({ "skill broken", "skills:get", e.url:match("127[^/]*"), "HTTP 400" }) do
      assert.is_truthy(complaints:find(words, 1, true), complaints)
    end
  end)
end)
