-- Creates, duplicates and archives whose answer is lost: what happened is found out, and never twice.

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local live = require("spec.support.live")
local llm = require("posthog.llm")
local lost = require("spec.support.lost")

describe("a write whose response is lost", function()
  local t = lost.session()
  t.hook(busted)

  local lose, count, create, version, others = t.lose, t.count, t.create, t.version, t.others

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
      local skill, err, response = t.caller.skills:create(FIELDS)
      assert.is_nil(err, tostring(err))
      assert.equal(1, skill.version)
      assert.is_true(response.settled)
      assert.equal(1, count("POST"))
    end)

    it("stays ambiguous if it does not exist, and is not repeated", function()
      lose("before", "POST")
      live.fails("network", { ambiguous = true }, t.caller.skills:create(FIELDS))
      assert.equal(1, count("POST"))
    end)

    it("did not happen where the name is another's", function()
      create()
      lose("after", "POST")
      local skill, err = t.caller.skills:create(FIELDS)
      live.fails("network", nil, skill, err)
      assert.is_nil(err.ambiguous)
      assert.is_truthy(tostring(err):find("the name belongs to another skill", 1, true))
    end)

    it("did not happen where the same skill was there before", function()
      t.e:settings({ clock = "2026-03-01T00:00:00Z" })
      assert(t.caller.skills:create(FIELDS))
      t.e:settings({ clock = "" })
      lose("after", "POST")
      local skill, err = t.caller.skills:create(FIELDS)
      live.fails("network", nil, skill, err)
      assert.is_nil(err.ambiguous)
    end)

    it("is found whatever ends the first attempt", function()
      for i, action in ipairs({ { close = "after" }, { truncate = 40 } }) do
        action.times = 1
        t.e:fault({ match = { method = "POST" }, action = action })
        local skill, err =
          t.caller.skills:create({ name = "s" .. i, description = "d", body = "b" })
        assert.is_nil(err, tostring(err))
        assert.equal("s" .. i, skill.name)
      end
    end)
  end)

  describe("a duplicate", function()
    it("is found to have happened", function()
      create({ files = { { path = "a.md", content = "A" } } })
      lose("after", "POST")
      local copy, err, response = t.caller.skills:duplicate("pdf-forms", "copy")
      assert.is_nil(err, tostring(err))
      assert.equal("copy", copy.name)
      assert.is_true(response.settled)
      assert.equal(1, count("POST", "duplicate"))
    end)

    it("did not happen where the name is another's", function()
      t.e:settings({ clock = "2026-03-01T00:00:00Z" })
      create()
      t.e:settings({ clock = "" })
      assert(t.caller.skills:create({ name = "copy", description = "x", body = "y" }))
      lose("after", "POST")
      local copy, err = t.caller.skills:duplicate("pdf-forms", "copy")
      live.fails("network", nil, copy, err)
      assert.is_nil(err.ambiguous)
    end)
  end)

  describe("a create of a file", function()
    local FILE = { path = "docs/a.md", content = "A\n" }
    for base, name in pairs({ [1] = "with a base_version", [false] = "without a base_version" }) do
      local function add(fields)
        return t.caller.skills:create_file(
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
        t.caller = t.caller:with({ on_response = function() end })
        assert(t.caller.skills:publish("pdf-forms", {
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
      t.caller = t.caller:with({
        on_request = function(request)
          if request.method == "GET" and not raced then
            raced = true
            others({ description = "Later." })
          end
        end,
      })
      local skill, err = t.caller.skills:create_file("pdf-forms", FILE)
      assert.is_nil(err, tostring(err))
      assert.equal(2, skill.version)
      assert.equal(3, version())
    end)
  end)

  describe("an archive", function()
    it("is found to have happened", function()
      create()
      lose("after", "POST")
      assert.is_true(t.caller.skills:archive("pdf-forms"))
      assert.equal(1, count("POST", "archive"))
    end)

    it("stays ambiguous if the skill still exists, and is never repeated", function()
      create()
      lose("before", "POST")
      live.fails("network", { ambiguous = true }, t.caller.skills:archive("pdf-forms"))
      assert.equal(1, count("POST", "archive"))
      assert(t.caller.skills:get("pdf-forms"))
    end)

    it("is not repeated when nothing can be read", function()
      create()
      t.e:faults({
        { match = { method = "POST" }, action = { close = "before", times = 1 } },
        { match = { method = "GET" }, action = { status = 503 } },
      })
      live.fails("network", { ambiguous = true }, t.caller.skills:archive("pdf-forms"))
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
        live.fails("network", { ambiguous = true }, t.caller.skills:archive("pdf-forms"))
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
        local done, err, response = t.caller.skills:archive("pdf-forms")
        assert.is_true(done, tostring(err))
        assert.is_true(response.settled)
      end
    end)

    it("does not change a skill that another user has since created under the name", function()
      create()
      lose("after", "POST", "archive")
      local raced = false
      t.caller = t.caller:with({
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
      live.fails("network", { ambiguous = true }, t.caller.skills:archive("pdf-forms"))
      assert.equal("Another one.", t.caller.skills:get("pdf-forms").body)
      assert.equal(1, count("POST", "archive"))
    end)
  end)

  describe("a create of a row", function()
    local dataset

    before_each(function()
      dataset = assert(t.caller.datasets:create({ name = "golden" })).id
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
      assert(t.caller.dataset_items:create({ dataset = dataset, input = { q = "other" } }))
      lose("after", "POST")
      local row, err = t.caller.dataset_items:create(fields)
      live.fails("network", { ambiguous = true, attempts = 1 }, row, err)
      assert.equal("number", type(err.sent_at))
      local found = assert(t.caller.dataset_items:find_created(fields, err.sent_at))
      assert.equal(1, #found)
      assert.equal("t", found[1].ref_trace_id)
      assert.equal(2, #t.e:state().projects["112358"].items)
    end)

    it("is not found when it did not happen", function()
      lose("before", "POST")
      local fields = { dataset = dataset, input = 1 }
      local row, err = t.caller.dataset_items:create(fields)
      live.fails("network", { ambiguous = true }, row, err)
      assert.same({}, t.caller.dataset_items:find_created(fields, err.sent_at))
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
        assert(t.caller.dataset_items:create(row))
      end
      local wanted = {
        dataset = dataset,
        input = { 1, 2 },
        metadata = { a = true },
        output = llm.null,
        ref_trace_id = llm.null,
      }
      assert.same({}, t.caller.dataset_items:find_created(wanted, os.time()))
      t.e:settings({ clock = "2026-03-01T00:00:00Z" })
      assert(t.caller.dataset_items:create(fields))
      assert.same({}, t.caller.dataset_items:find_created(wanted, os.time()))
      assert.equal(1, #t.caller.dataset_items:find_created(wanted, "2026-02-28T00:00:00Z"))
    end)

    it("is found on any page", function()
      local fields = { dataset = dataset, input = "the one" }
      assert(t.caller.dataset_items:create(fields))
      t.e:seed({ items = 120, dataset = dataset })
      local found = assert(t.caller.dataset_items:find_created(fields, os.time() - 60))
      assert.equal(1, #found)
    end)

    it("works for datasets, with a codec of the caller's, and returns errors", function()
      local codec = t.caller:with({ json = require("cjson.safe") })
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
        t.caller.datasets:find_created({ metadata = print }, os.time())
      )
    end)

    it("requires a time", function()
      live.misuses({
        {
          "since: seconds since 1970 or a timestamp expected, got nil",
          function()
            t.caller.datasets:find_created({})
          end,
        },
        {
          'since: invalid time "yesterday": give one such as',
          function()
            t.caller.datasets:find_created({}, "yesterday")
          end,
        },
      })
    end)
  end)
end)
