-- The path word before the project in the paths of skills: environments, then projects.

local live = require("spec.support.live")
local llm = require("posthog.llm")

local t = live.session()
local fails = live.fails

local OLD = "/api/environments/112358/llm_skills/"
local NEW = "/api/projects/112358/llm_skills/"

describe("the path scope of skills", function()
  local skills

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    skills = t.client().skills
  end)

  it("is environments until the server reports a successor", function()
    assert(skills:list())
    assert(skills:list())
    t.sent({ "GET " .. OLD, "GET " .. OLD })
  end)

  it("moves once a response names its successor", function()
    t.e:settings({ environments = "deprecated" })
    assert(skills:create({ name = "x", description = "d", body = "b" }))
    assert(skills:get("x"))
    t.sent({ "POST " .. OLD, "GET " .. NEW .. "name/x/" })
  end)

  it("moves once a response names its successor, also with an error", function()
    t.e:settings({ environments = "deprecated" })
    fails("not_found", { status = 404 }, skills:get("x"))
    fails("not_found", { status = 404 }, skills:get("x"))
    assert(skills:list())
    t.sent({ "GET " .. OLD .. "name/x/", "GET " .. NEW .. "name/x/", "GET " .. NEW })
  end)

  it("stays when a response is deprecated without a successor, or the other way round", function()
    local link = '</api/projects/112358/llm_skills/>; rel="successor-version"'
    for _, headers in ipairs({
      { Deprecation = "true" },
      { Link = link },
      { Deprecation = "true", Link = '</api/projects/112358/llm_skills/>; rel="next"' },
      { Deprecation = "true", Link = '</api/v2/llm_skills/>; rel="successor-version"' },
    }) do
      t.e:fault({ action = { headers = headers } })
      assert(skills:list())
    end
    t.sent({ "GET " .. OLD, "GET " .. OLD, "GET " .. OLD, "GET " .. OLD })
  end)

  it("moves when only the other one is a route, with the method and body of the call", function()
    t.e:settings({ environments = "absent" })
    local skill, err, response = skills:create({ name = "x", description = "d", body = "b" })
    assert.is_nil(err)
    assert.equal("x", skill.name)
    assert.equal(201, response.status)
    assert(skills:get("x"))
    t.sent({ "POST " .. OLD, "POST " .. NEW, "GET " .. NEW .. "name/x/" })
    local log = t.e:log()
    assert.equal(log[1].body, log[2].body)
    assert.equal(log[1].raw_header:match("\r\n(.*)"), log[2].raw_header:match("\r\n(.*)"))
  end)

  it("moves on a response of the resource itself that is a refusal", function()
    t.e:settings({ environments = "absent" })
    local poor = t.client({ personal_api_key = "phx_emulator_none" }).skills
    fails("forbidden", { status = 403 }, poor:get("x"))
    fails("forbidden", { status = 403 }, poor:get("x"))
    t.sent({
      "GET " .. OLD .. "name/x/",
      "GET " .. NEW .. "name/x/",
      "GET " .. NEW .. "name/x/",
    })
  end)

  it("stays when both are unknown, which is tried once", function()
    local lost = t.client({ project_id = 1 }).skills
    for _ = 1, 3 do
      fails("not_found", { status = 404, code = "not_found" }, lost:list())
    end
    t.sent({
      "GET /api/environments/1/llm_skills/",
      "GET /api/projects/1/llm_skills/",
      "GET /api/environments/1/llm_skills/",
      "GET /api/environments/1/llm_skills/",
    })
  end)

  it("is not learnt from a server that just fails", function()
    t.e:settings({ environments = "absent" })
    t.e:fault({ match = { path = "/projects/" }, action = { status = 503, times = 1 } })
    fails("server", { status = 503 }, skills:list())
    assert(skills:list())
    assert(skills:list())
    t.sent({ "GET " .. OLD, "GET " .. NEW, "GET " .. OLD, "GET " .. NEW, "GET " .. NEW })
  end)

  it("never moves for a skill or a file that is unknown", function()
    for _, body in ipairs({
      '{"detail":"Skill not found."}',
      '{"detail":"no","type":"skill_not_found","skill_name":"x","suggestions":[]}',
      "<html>not found</html>",
      "",
    }) do
      t.answer(404, body)
      fails("not_found", { status = 404 }, skills:get("x"))
    end
    t.e:faults({})
    fails("not_found", { status = 404 }, skills:archive("x"))
    fails("not_found", { status = 404 }, skills:delete_file("x", "a"))
    for _, entry in ipairs(t.e:log()) do
      assert.is_nil(entry.target:find("/projects/", 1, true))
    end
    assert.equal(6, #t.e:log())
  end)

  for _, word in ipairs({ "environments", "projects" }) do
    it("never moves from " .. word .. " if the option sets it", function()
      local fixed = t.client({ scope_prefix = word }).skills
      local path = "/api/" .. word .. "/112358/llm_skills/"
      t.e:settings({ environments = "deprecated" })
      assert(fixed:list())
      assert(fixed:list())
      t.sent({ "GET " .. path, "GET " .. path })
      t.e:settings({ environments = "absent" })
      local since = 2
      if word == "projects" then
        assert(fixed:list())
      else
        fails("not_found", { status = 404, code = "not_found" }, fixed:list())
      end
      t.sent({ "GET " .. path }, since)
    end)
  end

  it("is learnt by calls at the same time, and none of them fails for it", function()
    assert(skills:create({ name = "x", description = "d", body = "b" }))
    t.e:settings({ environments = "absent" })
    local fresh = t.client().skills
    local functions = {}
    for i = 1, 6 do
      functions[i] = function()
        return fresh:get("x")
      end
    end
    local values, errors = llm.gather(functions)
    assert.is_nil(errors)
    for i = 1, 6 do
      assert.equal("x", values[i].name)
    end
    local since = #t.e:log()
    assert(fresh:get("x"))
    t.sent({ "GET " .. NEW .. "name/x/" }, since)
  end)

  it("is followed by all pages of a list", function()
    local made = t.e:seed({ skills = 5 }).skills
    t.e:settings({ environments = "deprecated" })
    assert.equal(#made, #live.all(skills:each({ limit = 2 })))
    t.sent({
      "GET " .. OLD .. "?limit=2",
      "GET " .. NEW .. "?limit=2&offset=2",
      "GET " .. NEW .. "?limit=2&offset=4",
    })
    t.reset()
    t.e:seed({ skills = 3 })
    t.e:settings({ environments = "absent" })
    assert.equal(3, #live.all(t.client().skills:each({ limit = 2 })))
    t.sent({
      "GET " .. OLD .. "?limit=2",
      "GET " .. NEW .. "?limit=2",
      "GET " .. NEW .. "?limit=2&offset=2",
    })
  end)

  it("does not apply to datasets and spend", function()
    t.e:settings({ environments = "absent" })
    local client = t.client()
    assert(client.datasets:list())
    assert(client.dataset_items:list())
    assert(client.spend:get())
    for _, entry in ipairs(t.e:log()) do
      assert.is_nil(entry.target:find("environments", 1, true))
    end
    fails("not_found", { status = 404 }, t.client({ project_id = 1 }).datasets:list())
    assert.equal(4, #t.e:log())
  end)

  it("follows a redirect to the other one, with method and body", function()
    t.e:settings({ environments = "redirect" })
    assert(skills:create({ name = "x", description = "d", body = "b" }))
    t.sent({ "POST " .. OLD, "POST " .. NEW })
    assert.equal(t.e:log()[1].body, t.e:log()[2].body)
  end)
end)
