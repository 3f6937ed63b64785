-- Writes whose answer is lost: what happened is found out, and never twice.

local clock = require("posthog.llm.clock")
local live = require("spec.support.live")
local llm = require("posthog.llm")

describe("a write whose response is lost", function()
  local t = live.session()
  local sleep = clock.sleep
  local client

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    clock.sleep = function()
      return true
    end
    client = t.client({ max_retries = 2 })
  end)
  after_each(function()
    clock.sleep = sleep
  end)

  --- Loses the answers to the next `times` requests with this method and path.
  --- @param how "before"|"after" the server does the write
  local function lose(how, method, path, times)
    t.e:fault({
      match = { method = method, path = path },
      action = { close = how, times = times or 1 },
    })
  end

  local function create(fields)
    local all = { name = "pdf-forms", description = "Fills forms.", body = "# Forms\n\nFill them." }
    for name, value in pairs(fields or {}) do
      all[name] = value
    end
    return assert(client.skills:create(all))
  end

  --- How many requests of a method there were since the last reset.
  local function count(method, path)
    local n = 0
    for _, entry in ipairs(t.e:log()) do
      if entry.method == method and entry.target:find(path or "") then
        n = n + 1
      end
    end
    return n
  end

  local function version()
    return client.skills:get("pdf-forms").version
  end

  --- A change by somebody else, on the version that is the latest.
  local function others(fields)
    fields.base_version = version()
    assert(client.skills:publish("pdf-forms", fields))
  end

  local WRITES = {
    publish = {
      "PATCH",
      "/pdf%-forms/$",
      function()
        return client.skills:publish(
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
        return client.skills:publish("pdf-forms", {
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
        return client.skills:publish("pdf-forms", {
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
        return client.skills:publish("pdf-forms", { base_version = 1 })
      end,
      function(skill)
        return skill.body == "# Forms\n\nFill them."
      end,
    },
    rename_file = {
      "POST",
      "/files%-rename/$",
      function()
        return client.skills:rename_file("pdf-forms", "a.md", "z.md", { base_version = 1 })
      end,
      function(skill)
        return skill.files[1].path == "z.md"
      end,
    },
    delete_file = {
      "DELETE",
      "/files/a.md/",
      function()
        return client.skills:delete_file("pdf-forms", "a.md", { base_version = 1 })
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
        local hooked = client:with({
          on_retry = function()
            others({ description = "Later." })
          end,
        })
        local skills = client.skills
        client.skills = hooked.skills
        local skill, err = run()
        client.skills = skills
        assert.is_nil(err, tostring(err))
        assert.equal(2, skill.version)
        assert.equal(3, version())
      end)

      it("did not happen where another writer was first", function()
        lose("before", method, path)
        local hooked = client:with({
          on_retry = function()
            others({ description = "Other." })
          end,
        })
        local skills = client.skills
        client.skills = hooked.skills
        local skill, err = run()
        client.skills = skills
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
        client = t.client()
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
        return client.skills:create_file(
          "pdf-forms",
          { path = "b.md", content = "B", base_version = 1 }
        )
      end,
    },
  }) do
    it("stays ambiguous if the skill is archived during the probes, " .. name, function()
      create({ files = { { path = "a.md", content = "A" } } })
      lose("after", write[1], write[2])
      local plain, gone = client, false
      client = client:with({
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
    client = client:with({
      on_retry = function()
        assert(other.skills:publish("pdf-forms", { base_version = 1, body = "Same." }))
      end,
    })
    assert(client.skills:duplicate("pdf-forms", "copy")) -- by which the client knows its user
    local skill, err = client.skills:publish("pdf-forms", { base_version = 1, body = "Same." })
    live.fails("conflict", { current_version = 2 }, skill, err)
    assert.is_nil(err.ambiguous)
  end)

  it("is not mistaken for the same change of long ago", function()
    t.e:settings({ clock = "2026-03-01T00:00:00Z" })
    create()
    assert(client.skills:publish("pdf-forms", { base_version = 1, body = "Same." }))
    lose("before", "PATCH", "/pdf%-forms/$")
    local skill, err = client.skills:publish("pdf-forms", { base_version = 1, body = "Same." })
    live.fails("conflict", { current_version = 2 }, skill, err)
    assert.is_nil(err.ambiguous)
    assert.equal(2, version())
  end)

  it("is not repeated without a base_version", function()
    create({ files = { { path = "a.md", content = "A" } } })
    lose("before", "DELETE")
    live.fails("network", { ambiguous = true }, client.skills:delete_file("pdf-forms", "a.md"))
    assert.equal(1, count("DELETE"))
    lose("before", "POST", "files%-rename")
    live.fails(
      "network",
      { ambiguous = true },
      client.skills:rename_file("pdf-forms", "a.md", "b.md")
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
    client = client:with({ on_request = race })
    for i, write in ipairs({
      {
        "files%-rename",
        function()
          return client.skills:rename_file("pdf-forms", "a.md", "b")
        end,
      },
      {
        "files/b/",
        function()
          return client.skills:delete_file("pdf-forms", "b")
        end,
      },
      {
        "files/$",
        function()
          return client.skills:create_file("pdf-forms", { path = "c", content = " C\n" })
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

  describe("a create of a skill", function()
    local FIELDS = {
      name = "pdf-forms",
      description = "Forms. ",
      body = "# Forms\n",
      metadata = { list = {}, n = 1 },
      files = { { path = "a.md", content = "A\n" } },
    }

    it("is found to have happened", function()
      lose("after", "POST")
      local skill, err, response = client.skills:create(FIELDS)
      assert.is_nil(err, tostring(err))
      assert.equal(1, skill.version)
      assert.is_true(response.settled)
      assert.equal(1, count("POST"))
    end)

    it("stays ambiguous if it does not exist, and is not repeated", function()
      lose("before", "POST")
      live.fails("network", { ambiguous = true }, client.skills:create(FIELDS))
      assert.equal(1, count("POST"))
    end)

    it("did not happen where the name is another's", function()
      create()
      lose("after", "POST")
      local skill, err = client.skills:create(FIELDS)
      live.fails("network", nil, skill, err)
      assert.is_nil(err.ambiguous)
      assert.is_truthy(tostring(err):find("the name belongs to another skill", 1, true))
    end)

    it("did not happen where the same skill was there before", function()
      t.e:settings({ clock = "2026-03-01T00:00:00Z" })
      assert(client.skills:create(FIELDS))
      t.e:settings({ clock = "" })
      lose("after", "POST")
      local skill, err = client.skills:create(FIELDS)
      live.fails("network", nil, skill, err)
      assert.is_nil(err.ambiguous)
    end)

    it("is found whatever ends the first attempt", function()
      for i, action in ipairs({ { close = "after" }, { truncate = 40 } }) do
        action.times = 1
        t.e:fault({ match = { method = "POST" }, action = action })
        local skill, err = client.skills:create({ name = "s" .. i, description = "d", body = "b" })
        assert.is_nil(err, tostring(err))
        assert.equal("s" .. i, skill.name)
      end
    end)
  end)

  describe("a duplicate", function()
    it("is found to have happened", function()
      create({ files = { { path = "a.md", content = "A" } } })
      lose("after", "POST")
      local copy, err, response = client.skills:duplicate("pdf-forms", "copy")
      assert.is_nil(err, tostring(err))
      assert.equal("copy", copy.name)
      assert.is_true(response.settled)
      assert.equal(1, count("POST", "duplicate"))
    end)

    it("did not happen where the name is another's", function()
      t.e:settings({ clock = "2026-03-01T00:00:00Z" })
      create()
      t.e:settings({ clock = "" })
      assert(client.skills:create({ name = "copy", description = "x", body = "y" }))
      lose("after", "POST")
      local copy, err = client.skills:duplicate("pdf-forms", "copy")
      live.fails("network", nil, copy, err)
      assert.is_nil(err.ambiguous)
    end)
  end)

  describe("a create of a file", function()
    local FILE = { path = "docs/a.md", content = "A\n" }
    for base, name in pairs({ [1] = "with a base_version", [false] = "without a base_version" }) do
      local function add(fields)
        return client.skills:create_file(
          "pdf-forms",
          { path = fields.path, content = fields.content, base_version = base or nil }
        )
      end

      it("is found to have happened, " .. name, function()
        create()
        lose("after", "POST")
        local skill, err, response = add(FILE)
        assert.is_nil(err, tostring(err))
        assert.equal(2, skill.version)
        assert.is_true(response.settled)
        assert.equal(1, count("POST", "files"))
      end)

      it("stays ambiguous if it does not exist, " .. name, function()
        create()
        lose("before", "POST")
        live.fails("network", { ambiguous = true }, add(FILE))
        assert.equal(1, count("POST", "files"))
      end)

      local outcome = base and "did not happen" or "is left open" -- else the file may go again
      it(outcome .. " where another file has the path, " .. name, function()
        create()
        lose("before", "POST", "files")
        client = client:with({ on_response = function() end })
        assert(client.skills:publish("pdf-forms", {
          base_version = 1,
          files = {
            { path = "docs/a.md", content = "B" },
          },
        }))
        local skill, err = add(FILE)
        live.fails("network", nil, skill, err)
        assert.equal(not base or nil, err.ambiguous)
        assert.equal(2, version())
      end)
    end

    it("is found below what others published since", function()
      create()
      t.e:fault({ match = { method = "POST" }, action = { close = "after", times = 1 } })
      local raced = false
      client = client:with({
        on_request = function(request)
          if request.method == "GET" and not raced then
            raced = true
            others({ description = "Later." })
          end
        end,
      })
      local skill, err = client.skills:create_file("pdf-forms", FILE)
      assert.is_nil(err, tostring(err))
      assert.equal(2, skill.version)
      assert.equal(3, version())
    end)
  end)

  describe("an archive", function()
    it("is found to have happened", function()
      create()
      lose("after", "POST")
      assert.is_true(client.skills:archive("pdf-forms"))
      assert.equal(1, count("POST", "archive"))
    end)

    it("stays ambiguous if the skill still exists, and is never repeated", function()
      create()
      lose("before", "POST")
      live.fails("network", { ambiguous = true }, client.skills:archive("pdf-forms"))
      assert.equal(1, count("POST", "archive"))
      assert(client.skills:get("pdf-forms"))
    end)

    it("is not repeated when nothing can be read", function()
      create()
      t.e:faults({
        { match = { method = "POST" }, action = { close = "before", times = 1 } },
        { match = { method = "GET" }, action = { status = 503 } },
      })
      live.fails("network", { ambiguous = true }, client.skills:archive("pdf-forms"))
      assert.equal(1, count("POST", "archive"))
    end)

    it("is not proved by a 404 that is not the API's", function()
      local json_type = { ["Content-Type"] = "application/json" }
      for _, body in ipairs({
        "default backend - 404",
        '{"message":"no Route matched with those values"}',
        '{"detail":null}',
        '["detail"]',
        '{"type":"invalid_request","code":"not_found","detail":"Not found.","attr":null}',
        '{"type":"skill_not_found","detail":"d","skill_name":"another"}',
      }) do
        t.reset()
        create()
        t.e:faults({
          { match = { method = "POST" }, action = { close = "before", times = 1 } },
          {
            match = { method = "GET" },
            action = { status = 404, body = body, headers = json_type },
          },
        })
        live.fails("network", { ambiguous = true }, client.skills:archive("pdf-forms"))
      end
    end)

    it("is proved by both forms of the API's 404", function()
      for _, body in ipairs({
        '{"detail":"gone"}',
        '{"detail":"gone","type":"skill_not_found","skill_name":"pdf-forms","suggestions":[]}',
      }) do
        t.reset()
        create()
        t.e:faults({
          { match = { method = "POST" }, action = { close = "after", times = 1 } },
          { match = { method = "GET" }, action = { status = 404, body = body } },
        })
        local done, err, response = client.skills:archive("pdf-forms")
        assert.is_true(done, tostring(err))
        assert.is_true(response.settled)
      end
    end)

    it("does not change a skill that another user has since created under the name", function()
      create()
      lose("after", "POST", "archive")
      local raced = false
      client = client:with({
        on_request = function(request)
          if request.method == "GET" and not raced then
            raced = true
            t.e:settings({ clock = "2036-03-01T00:00:00Z" })
            create({ body = "Another one." })
          end
        end,
      })
      -- Left open: somebody else may have archived the first one, and the request still be on its
      -- way to the second.
      live.fails("network", { ambiguous = true }, client.skills:archive("pdf-forms"))
      assert.equal("Another one.", client.skills:get("pdf-forms").body)
      assert.equal(1, count("POST", "archive"))
    end)
  end)

  describe("a create of a row", function()
    local dataset

    before_each(function()
      dataset = assert(client.datasets:create({ name = "golden" })).id
    end)

    it("is never repeated, and find_created finds the row", function()
      local fields = {
        dataset = dataset,
        input = {
          q = "ü",
          n = 9007199254740993,
          f = 1.5,
          list = llm.array({}),
          none = llm.null,
        },
        output = llm.null,
        metadata = { text = "" },
        ref_trace_id = " t ",
        ref_timestamp = "2026-03-14T08:26:53+01:00",
      }
      assert(client.dataset_items:create({ dataset = dataset, input = { q = "other" } }))
      lose("after", "POST")
      local row, err = client.dataset_items:create(fields)
      live.fails("network", { ambiguous = true, attempts = 1 }, row, err)
      assert.equal("number", type(err.sent_at))
      local found = assert(client.dataset_items:find_created(fields, err.sent_at))
      assert.equal(1, #found)
      assert.equal("t", found[1].ref_trace_id)
      assert.equal(2, #t.e:state().projects["112358"].items)
    end)

    it("is not found when it did not happen", function()
      lose("before", "POST")
      local fields = { dataset = dataset, input = 1 }
      local row, err = client.dataset_items:create(fields)
      live.fails("network", { ambiguous = true }, row, err)
      assert.same({}, client.dataset_items:find_created(fields, err.sent_at))
    end)

    it("is distinguished from rows that differ or are older", function()
      local fields = { dataset = dataset, input = { 1, 2 }, metadata = { a = true } }
      for _, other in ipairs({
        { input = { 1, 2, 3 } },
        { input = { 1 } },
        { metadata = { a = 1 } },
        { metadata = {} },
        { output = 0 },
        { ref_trace_id = "t", ref_timestamp = "2026-03-14T07:26:53Z" },
      }) do
        local row = { dataset = dataset, input = fields.input, metadata = fields.metadata }
        for name, value in pairs(other) do
          row[name] = value
        end
        assert(client.dataset_items:create(row))
      end
      local wanted = {
        dataset = dataset,
        input = { 1, 2 },
        metadata = { a = true },
        output = llm.null,
        ref_trace_id = llm.null,
      }
      assert.same({}, client.dataset_items:find_created(wanted, os.time()))
      t.e:settings({ clock = "2026-03-01T00:00:00Z" })
      assert(client.dataset_items:create(fields))
      assert.same({}, client.dataset_items:find_created(wanted, os.time()))
      assert.equal(1, #client.dataset_items:find_created(wanted, "2026-02-28T00:00:00Z"))
    end)

    it("is found on any page", function()
      local fields = { dataset = dataset, input = "the one" }
      assert(client.dataset_items:create(fields))
      t.e:seed({ items = 120, dataset = dataset })
      local found = assert(client.dataset_items:find_created(fields, os.time() - 60))
      assert.equal(1, #found)
    end)

    it("works for datasets, with a codec of the caller's, and returns errors", function()
      local codec = client:with({ json = require("cjson.safe") })
      local fields = { name = " golden 2 ", metadata = { pi = 3.14159265358979, list = { 1, 2 } } }
      local made = assert(codec.datasets:create(fields))
      local found = assert(codec.datasets:find_created(fields, os.time() - 60))
      assert.equal(1, #found)
      assert.equal(made.id, found[1].id)
      t.answer(403, '{"type":"authentication_error","code":"permission_denied","detail":"no"}')
      live.fails("forbidden", nil, codec.datasets:find_created(fields, os.time()))
      live.fails(
        "invalid",
        { path = "metadata" },
        client.datasets:find_created({ metadata = print }, os.time())
      )
    end)

    it("requires a time", function()
      live.misuses({
        {
          "since: seconds since 1970 or a timestamp expected, got nil",
          function()
            client.datasets:find_created({})
          end,
        },
        {
          'since: invalid time "yesterday": give one such as',
          function()
            client.datasets:find_created({}, "yesterday")
          end,
        },
      })
    end)
  end)
end)
