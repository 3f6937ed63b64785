-- Writes whose answer is lost: what happened is found out, and never twice.

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local live = require("spec.support.live")
local llm = require("posthog.llm")
local lost = require("spec.support.lost")

describe("a write whose response is lost", function()
  local t = lost.session()
  t.hook(busted)

  local lose, count, create, version, others = t.lose, t.count, t.create, t.version, t.others

  local WRITES = {
    publish = {
      "PATCH",
      "/pdf%-forms/$",
      function()
        return t.caller.skills:publish(
          "pdf-forms",
          { base_version = 1, body = " # New\n", license = "MIT" }
        )
      end,
      function(skill)
        return skill.body == "# New" and skill.license == "MIT"
      end,
    },
    ["publish with files"] = {
      "PATCH",
      "/pdf%-forms/$",
      function()
        return t.caller.skills:publish("pdf-forms", {
          base_version = 1,
          metadata = { a = { 1, llm.null } },
          allowed_tools = { "Bash" },
          files = { { path = "b.md", content = "B\n" }, { path = "c/ü.txt", content = "C" } },
        })
      end,
      function(skill)
        return #skill.files == 2 and skill.metadata.a[2] == llm.null
      end,
    },
    ["publish with edits"] = {
      "PATCH",
      "/pdf%-forms/$",
      function()
        return t.caller.skills:publish("pdf-forms", {
          base_version = 1,
          edits = { { old = "Fill", new = "Read" }, { old = "Read them", new = "Print % them" } },
          file_edits = { { path = "a.md", edits = { { old = "A", new = "AA" } } } },
        })
      end,
      function(skill)
        return skill.body == "# Forms\n\nPrint % them."
      end,
    },
    ["publish of nothing new"] = {
      "PATCH",
      "/pdf%-forms/$",
      function()
        return t.caller.skills:publish("pdf-forms", { base_version = 1 })
      end,
      function(skill)
        return skill.body == "# Forms\n\nFill them."
      end,
    },
    rename_file = {
      "POST",
      "/files%-rename/$",
      function()
        return t.caller.skills:rename_file("pdf-forms", "a.md", "z.md", { base_version = 1 })
      end,
      function(skill)
        return skill.files[1].path == "z.md"
      end,
    },
    delete_file = {
      "DELETE",
      "/files/a.md/",
      function()
        return t.caller.skills:delete_file("pdf-forms", "a.md", { base_version = 1 })
      end,
      function(skill)
        return #skill.files == 0
      end,
    },
  }

  for name, write in pairs(WRITES) do
    local method, path, run, is_done = write[1], write[2], write[3], write[4]
    describe(name, function()
      before_each(function()
        create({ files = { { path = "a.md", content = "A" } } })
      end)

      it("is found to have happened", function()
        lose("after", method, path)
        local skill, err, response = run()
        assert.is_nil(err, tostring(err))
        assert.equal(2, skill.version)
        assert.is_true(is_done(skill))
        assert.is_true(response.settled)
        assert.equal(2, version())
        assert.equal(1, count(method, path))
      end)

      it("is repeated when it has not happened", function()
        lose("before", method, path)
        local skill, err, response = run()
        assert.is_nil(err, tostring(err))
        assert.equal(2, skill.version)
        assert.is_true(is_done(skill))
        assert.is_nil(response.settled)
        assert.equal(2, response.attempts)
        assert.equal(2, version())
      end)

      it("is found after others have changed its result", function()
        t.e:faults({
          { match = { method = method, path = path }, action = { close = "after", times = 1 } },
          { match = { method = method, path = path, nth = 2 }, action = { delay = 0 } },
        })
        local hooked = t.caller:with({
          on_retry = function()
            others({ description = "Later." })
          end,
        })
        local skills = t.caller.skills
        t.caller.skills = hooked.skills
        local skill, err = run()
        t.caller.skills = skills
        assert.is_nil(err, tostring(err))
        assert.equal(2, skill.version)
        assert.equal(3, version())
      end)

      it("did not happen where another writer was first", function()
        lose("before", method, path)
        local hooked = t.caller:with({
          on_retry = function()
            others({ description = "Other." })
          end,
        })
        local skills = t.caller.skills
        t.caller.skills = hooked.skills
        local skill, err = run()
        t.caller.skills = skills
        live.fails("conflict", { current_version = 2, ambiguous = nil }, skill, err)
        assert.is_nil(err.ambiguous)
        assert.is_truthy(tostring(err):find("did not happen", 1, true))
        assert.equal(2, version())
      end)

      it("stays ambiguous if nothing can be read", function()
        t.e:faults({
          { match = { method = method, path = path }, action = { close = "after", times = 1 } },
          { match = { method = "GET" }, action = { status = 503 } },
        })
        local skill, err = run()
        live.fails("network", { ambiguous = true }, skill, err)
        assert.equal(1, count(method, path))
        t.e:faults({})
        assert.equal(2, version())
      end)

      it("is probed for even when the response to the repeat is lost too", function()
        t.e:faults({
          { match = { method = method, path = path }, action = { close = "before", times = 1 } },
          { match = { method = method, path = path }, action = { close = "after", times = 1 } },
        })
        local skill, err, response = run()
        assert.is_nil(err, tostring(err))
        assert.equal(2, skill.version)
        assert.is_true(response.settled)
        assert.equal(2, count(method, path))
      end)

      it("stays ambiguous when neither has happened", function()
        lose("before", method, path, 9)
        local skill, err = run()
        live.fails("network", { ambiguous = true, attempts = 2 }, skill, err)
        assert.equal(2, count(method, path))
        assert.equal(1, version())
      end)

      it("is not probed for with max_retries = 0", function()
        t.caller = t.client()
        lose("after", method, path)
        local skill, err = run()
        live.fails("network", { ambiguous = true, attempts = 1 }, skill, err)
        assert.equal(1, count(method, path))
      end)
    end)
  end

  for name, write in pairs({
    ["publish with files"] = WRITES["publish with files"],
    ["publish with edits"] = WRITES["publish with edits"],
    create_file = {
      "POST",
      "/files/$",
      function()
        return t.caller.skills:create_file(
          "pdf-forms",
          { path = "b.md", content = "B", base_version = 1 }
        )
      end,
    },
  }) do
    it("stays ambiguous if the skill is archived during the probes, " .. name, function()
      create({ files = { { path = "a.md", content = "A" } } })
      lose("after", write[1], write[2])
      local plain, gone = t.caller, false
      t.caller = t.caller:with({
        on_request = function(request)
          if request.method == "GET" and request.url:find("/files/") and not gone then
            gone = true
            assert(plain.skills:archive("pdf-forms"))
          end
        end,
      })
      local skill, err = write[3]()
      assert.is_nil(skill)
      assert.is_true(gone)
      assert.is_true(err.ambiguous, tostring(err))
    end)
  end

  it("is not mistaken for the same change by another user", function()
    create()
    local other = t.client({ personal_api_key = "phx_emulator_li" })
    lose("before", "PATCH", "/pdf%-forms/$")
    t.caller = t.caller:with({
      on_retry = function()
        assert(other.skills:publish("pdf-forms", { base_version = 1, body = "Same." }))
      end,
    })
    assert(t.caller.skills:duplicate("pdf-forms", "copy")) -- by which the client knows its user
    local skill, err = t.caller.skills:publish("pdf-forms", { base_version = 1, body = "Same." })
    live.fails("conflict", { current_version = 2 }, skill, err)
    assert.is_nil(err.ambiguous)
  end)

  it("is not mistaken for the same change of long ago", function()
    t.e:settings({ clock = "2026-03-01T00:00:00Z" })
    create()
    assert(t.caller.skills:publish("pdf-forms", { base_version = 1, body = "Same." }))
    lose("before", "PATCH", "/pdf%-forms/$")
    local skill, err = t.caller.skills:publish("pdf-forms", { base_version = 1, body = "Same." })
    live.fails("conflict", { current_version = 2 }, skill, err)
    assert.is_nil(err.ambiguous)
    assert.equal(2, version())
  end)

  it("is not repeated without a base_version", function()
    create({ files = { { path = "a.md", content = "A" } } })
    lose("before", "DELETE")
    live.fails("network", { ambiguous = true }, t.caller.skills:delete_file("pdf-forms", "a.md"))
    assert.equal(1, count("DELETE"))
    lose("before", "POST", "files%-rename")
    live.fails(
      "network",
      { ambiguous = true },
      t.caller.skills:rename_file("pdf-forms", "a.md", "b.md")
    )
    assert.equal(1, count("POST", "files%-rename"))
  end)

  it("is found in the history without a base_version, below what others published", function()
    create({ files = { { path = "a.md", content = "A" } } })
    local other, raced = t.client({ personal_api_key = "phx_emulator_li" }), 0
    local function race(request)
      if request.method == "GET" and raced > 0 then
        raced = raced - 1
        assert(other.skills:publish("pdf-forms", { base_version = version(), body = "Later." }))
      end
    end
    t.caller = t.caller:with({ on_request = race })
    for i, write in ipairs({
      {
        "files%-rename",
        function()
          return t.caller.skills:rename_file("pdf-forms", "a.md", "b")
        end,
      },
      {
        "files/b/",
        function()
          return t.caller.skills:delete_file("pdf-forms", "b")
        end,
      },
      {
        "files/$",
        function()
          return t.caller.skills:create_file("pdf-forms", { path = "c", content = " C\n" })
        end,
      },
    }) do
      t.e:fault({ match = { path = write[1] }, action = { close = "after", times = 1 } })
      raced = 1
      local skill, err, response = write[2]()
      assert.is_nil(err, tostring(err))
      assert.equal(2 * i, skill.version)
      assert.is_true(response.settled)
      assert.equal(2 * i + 1, version())
    end
  end)
end)
