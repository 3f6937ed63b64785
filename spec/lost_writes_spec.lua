-- Lost answers where others write meanwhile, or where what is read could mislead: a success was done
-- once, an error that is not ambiguous was not done and will not be.

local live = require("spec.support.live")
local llm = require("posthog.llm")
local lost = require("spec.support.lost")

local fails = live.fails
local JSON = { ["Content-Type"] = "application/json" }

--- The 404 of the router, and that of a gateway.
local ROUTER = {
  status = 404,
  headers = JSON,
  times = 1,
  body = '{"type":"invalid_request","code":"not_found","detail":"No such route.","attr":null}',
}
local GATEWAY =
  { status = 404, body = "default backend - 404", headers = { ["Content-Type"] = "text/plain" } }

for _, version in ipairs({ "reference", "current" }) do
  describe("a lost response among other writers, " .. live.api_name[version] .. ",", function()
    local t = lost.session({ profile = version })
    local client, other

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      t.e:settings({ jsonb = true, environments = "serve" })
      client = t.client({ max_retries = 2 })
      other = t.client({ personal_api_key = "phx_emulator_li" })
      assert(client.skills:create({
        name = "a",
        description = "d",
        body = "one two three aaa",
        license = "L",
        metadata = { m = 1, source = "import" },
        allowed_tools = { "T" },
        files = { { path = "f.md", content = "F" } },
      }))
    end)
    after_each(t.finish)

    local lose, count = t.lose, t.count

    --- Lets somebody else write right before the client's next request with this method.
    local function meanwhile(method, write)
      client = t.raced(client, method, write)
    end

    local function replace()
      assert(other.skills:archive("a"))
      assert(other.skills:create({ name = "a", description = "theirs", body = "theirs" }))
    end

    it("of an archive never archives a new skill of the name", function()
      for _, how in ipairs({ "before", "after" }) do
        lose(how, "POST", "archive")
        local made = false
        meanwhile("GET", function()
          made = true
          if how == "before" then
            assert(other.skills:archive("a"))
          end
          assert(other.skills:create({ name = "a", description = "theirs", body = "theirs" }))
        end)
        fails("network", { ambiguous = true }, client.skills:archive("a"))
        assert.is_true(made)
        assert.equal("theirs", other.skills:get("a").body)
      end
    end)

    it("of a publish is not repeated on a new skill of the name", function()
      for _, how in ipairs({ "before", "after" }) do
        lose(how, "PATCH", "/a/$")
        meanwhile("GET", replace)
        local skill, err = client.skills:publish("a", { base_version = 1, body = "mine" })
        fails("network", { ambiguous = true }, skill, err)
        assert.equal("theirs", other.skills:get("a").body)
        assert.equal("number", type(err.sent_at))
        client = t.client({ max_retries = 2 })
      end
    end)

    it("of a publish is ambiguous if the repeat met a new skill of the name", function()
      t.e:faults({
        { match = { method = "PATCH", path = "/a/$" }, action = { close = "before", times = 1 } },
        { match = { method = "GET", path = "/a/" }, action = { delay = 0 } },
      })
      local patches = 0
      client = client:with({
        on_request = function(request)
          patches = patches + (request.method == "PATCH" and 1 or 0)
          if request.method == "PATCH" and patches == 2 then
            replace()
          end
        end,
      })
      local skill, err = client.skills:publish("a", { base_version = 1, body = "mine" })
      fails("conflict", { ambiguous = true, attempts = 2 }, skill, err)
      assert.equal("number", type(err.sent_at))
      assert.is_truthy(tostring(err):find("archived and created again", 1, true))
    end)

    it("of a publish on a skill that was archived stays ambiguous", function()
      lose("after", "PATCH", "/a/$")
      meanwhile("GET", function()
        assert(other.skills:archive("a"))
      end)
      fails(
        "network",
        { ambiguous = true },
        client.skills:publish("a", { base_version = 1, body = "mine" })
      )
    end)

    it("of a create is ambiguous if another skill has the name in the meantime", function()
      lose("after", "POST", "llm_skills/$")
      meanwhile("GET", function()
        assert(other.skills:archive("b"))
        assert(other.skills:create({ name = "b", description = "theirs", body = "theirs" }))
      end)
      fails(
        "network",
        { ambiguous = true },
        client.skills:create({ name = "b", description = "mine", body = "mine" })
      )
    end)

    it("of a create is not mistaken for an equal one by another user", function()
      lose("before", "POST", "llm_skills/$")
      meanwhile("GET", function()
        assert(other.skills:create({ name = "b", description = "d", body = "same" }))
      end)
      fails(
        "network",
        { ambiguous = true },
        client.skills:create({ name = "b", description = "d", body = "same" })
      )
    end)

    it("of a copy is found after its source has changed", function()
      lose("after", "POST", "duplicate")
      meanwhile("GET", function()
        assert(other.skills:publish("a", { base_version = 1, body = "two" }))
      end)
      local copy, err, response = client.skills:duplicate("a", "b")
      assert.is_nil(err, tostring(err))
      assert.equal("one two three aaa", copy.body)
      assert.is_true(response.settled)
    end)

    it("of a copy is not mistaken for another skill with the new name", function()
      lose("before", "POST", "duplicate")
      meanwhile("GET", function()
        assert(client.skills:create({
          name = "b",
          description = "d",
          body = "one two three aaa",
          license = "L",
          metadata = { m = 1 },
          allowed_tools = { "T" },
          files = { { path = "f.md", content = "G" } },
        }))
      end)
      fails("network", { ambiguous = true }, client.skills:duplicate("a", "b"))
    end)

    it(
      "of a copy is ambiguous if the source was archived, refused if the name was taken",
      function()
        lose("after", "POST", "duplicate")
        meanwhile("GET", function()
          assert(other.skills:archive("a"))
        end)
        fails("network", { ambiguous = true }, client.skills:duplicate("a", "b"))
        assert(client.skills:create({ name = "a", description = "d", body = "new" }))
        lose("before", "POST", "duplicate")
        local copy, err = client.skills:duplicate("a", "b")
        fails("network", nil, copy, err) -- the read has shown it to the client
        assert.is_nil(err.ambiguous)
        assert.is_truthy(tostring(err):find("it did not happen", 1, true))
      end
    )

    it("stays ambiguous when later attempts are refused under another path", function()
      t.e:faults({
        {
          match = { method = "PATCH", path = "/environments/" },
          action = { close = "after", times = 1 },
        },
        {
          match = { path = "/environments/" },
          action = { status = ROUTER.status, body = ROUTER.body, headers = JSON },
        },
        { match = { method = "GET" }, action = GATEWAY },
      })
      local skill, err = client.skills:publish("a", { base_version = 1, body = "mine" })
      fails("network", { ambiguous = true }, skill, err)
      assert.equal("number", type(err.sent_at))
      assert.equal(1, count("PATCH", "/a/"))
    end)

    it("stays ambiguous when it was lost under the second path, then unknown too", function()
      -- One that has not learnt which of the paths it is; it knows the skill by another answer.
      client = client:with({ max_retries = 2 })
      t.e:faults({
        {
          match = { method = "PATCH", path = "/environments/" },
          action = { status = 404, headers = JSON, body = ROUTER.body },
        },
        {
          match = { method = "PATCH", path = "/projects/" },
          action = { close = "before", hold = true, times = 1 },
        },
        {
          match = { method = "PATCH", path = "/projects/" },
          action = { status = 404, headers = JSON, body = ROUTER.body },
        },
      })
      local skill, err = client.skills:publish("a", { base_version = 1, body = "mine" })
      fails("not_found", { ambiguous = true }, skill, err)
      t.e:faults({})
      t.e:release()
      assert.equal("mine", other.skills:get("a").body)
    end)

    it("is found although the router does not know the path for a while", function()
      t.e:faults({
        { match = { method = "PATCH" }, action = { close = "after", times = 1 } },
        { match = { method = "GET", path = "/environments/" }, action = ROUTER },
      })
      local skill, err = client.skills:publish("a", { base_version = 1, body = "mine" })
      assert.is_nil(err, tostring(err))
      assert.equal(2, skill.version)
      assert.equal(1, count("PATCH", "/a/"))
    end)

    it("is found by the form in which the server stores what was sent", function()
      local cases = {
        { allowed_tools = { "Bash ", " Bash" } },
        { allowed_tools = { 1, "a" } },
        { license = "\226\128\131MIT\227\128\128" },
        { license = 5 },
        { license = llm.json.decode("12345678901234567890") },
        { metadata = { a = 1e16, b = 1.5e19, c = -0.0, d = llm.array({}), e = llm.null } },
        { metadata = { source = "mine", seeded_by = "me", canonical_hash = "x", k = 1 } },
        {
          files = {
            { path = "b.md", content = " \194\160x\194\133 ", content_type = " text/x " },
          },
        },
        { files = {} },
        { body = nil, edits = { { old = "aa", new = "b" } } },
        { body = nil, edits = { { old = "two ", new = " TWO" } } },
        { body = nil, file_edits = { { path = "f.md", edits = { { old = "F ", new = "G" } } } } },
        { body = nil },
      }
      if version == "reference" then
        cases[#cases + 1] = { files = { { path = "d\\b.md", content = "x" } } }
      else
        cases[#cases + 1] = {
          files = { { path = "d\\b.md", content = "x" } },
          version_description = " note ",
        }
      end
      for i, fields in ipairs(cases) do
        if i < 10 then
          fields.body = " mine "
        end
        fields.base_version = i
        lose("after", "PATCH", "/a/$")
        local skill, err, response = client.skills:publish("a", fields)
        assert.is_nil(err, ("case %d: %s"):format(i, tostring(err)))
        assert.equal(i + 1, skill.version)
        assert.is_true(response.settled)
        assert(client.skills:publish("a", {
          base_version = i + 1,
          body = "one two three aaa",
          files = { { path = "f.md", content = "F" } },
        }))
        assert(client.skills:archive("a"))
        assert(client.skills:create({
          name = "a",
          description = "d",
          body = "one two three aaa",
          license = "L",
          metadata = { m = 1, source = "import" },
          allowed_tools = { "T" },
          files = { { path = "f.md", content = "F" } },
        }))
        for base = 1, i do
          assert(client.skills:publish("a", { base_version = base }))
        end
      end
    end)

    it("of a write on files is distinguished from a version of other content", function()
      local writes = {
        {
          "PATCH",
          function()
            return client.skills:publish("a", {
              base_version = 1,
              files = {
                { path = "f.md", content = "F2" },
              },
            })
          end,
        },
        {
          "PATCH",
          function()
            return client.skills:publish("a", {
              base_version = 1,
              file_edits = {
                { path = "f.md", edits = { { old = "F", new = "F2" } } },
              },
            })
          end,
        },
        {
          "POST",
          function()
            return client.skills:rename_file("a", "f.md", "g.md", { base_version = 1 })
          end,
        },
        {
          "POST",
          function()
            return client.skills:create_file(
              "a",
              { path = "g.md", content = "G", base_version = 1, content_type = "text/x" }
            )
          end,
        },
        {
          "DELETE",
          function()
            return client.skills:delete_file("a", "f.md", { base_version = 1 })
          end,
        },
      }
      -- The same user made it: only the content tells.
      local theirs = {
        { { path = "f.md", content = "F3" } },
        { { path = "f.md", content = "F2", content_type = "text/x" } },
        { { path = "g.md", content = "F3" } },
        {
          { path = "f.md", content = "F3" },
          { path = "g.md", content = "G", content_type = "text/x" },
        },
        {
          { path = "f.md", content = "F" },
          { path = "g.md", content = "H", content_type = "text/x" },
        },
        { { path = "f.md", content = "F" }, { path = "g.md", content = "G" } },
        { { path = "f.md", content = "F2" }, { path = "h.md", content = "H" } },
      }
      local twin = client
      for i, write in ipairs(writes) do
        for j, files in ipairs(theirs) do
          t.e:reset()
          assert(twin.skills:create({
            name = "a",
            description = "d",
            body = "b",
            files = { { path = "f.md", content = "F" } },
          }))
          lose("before", write[1], "/a/")
          client = twin
          meanwhile("GET", function()
            assert(other.skills:get("a"))
            assert(twin.skills:publish("a", { base_version = 1, files = files }))
          end)
          local skill, err = write[2]()
          assert.is_nil(skill, ("write %d, their files %d"):format(i, j))
          -- The type of a file that is sent without one is for the server to choose.
          assert.equal(i == 1 and j == 2 or nil, err.ambiguous)
          assert.equal(2, twin.skills:get("a").version)
        end
      end
    end)

    it("is ambiguous if the name goes to another skill while files are read", function()
      local gets = 0
      lose("after", "POST", "files%-rename")
      client = client:with({
        on_request = function(request)
          if request.method ~= "GET" then
            return
          end
          gets = gets + 1
          if gets == 3 then
            replace()
            assert(other.skills:create_file("a", { path = "g.md", content = "G" }))
          end
        end,
      })
      fails(
        "network",
        { ambiguous = true },
        client.skills:rename_file("a", "f.md", "g.md", { base_version = 1 })
      )
      assert.is_true(gets > 3)
    end)

    it("has the time of the call when the key is missing before another attempt", function()
      local asked = 0
      client = t.client({
        max_retries = 2,
        personal_api_key = function()
          asked = asked + 1
          if asked == 2 then
            return nil, "the vault is sealed"
          end
          return "phx_emulator_all"
        end,
      })
      t.e:fault({ match = { method = "PATCH" }, action = { close = "after", times = 1 } })
      local dataset = assert(other.datasets:create({ name = "g" }))
      local began = os.time()
      local row, err = client.datasets:update(dataset.id, { name = "h" })
      fails("auth", { ambiguous = true }, row, err)
      assert.is_true(err.sent_at >= began - 1 and err.sent_at <= os.time())
    end)

    it("does not teach a client its user by a key function", function()
      local key, asked = "phx_emulator_all", 0
      client = t.client({
        max_retries = 2,
        personal_api_key = function()
          asked = asked + 1
          return key
        end,
      })
      assert(client.skills:publish("a", { base_version = 1, body = "mine" }))
      key = "phx_emulator_li"
      lose("after", "PATCH", "/a/$")
      local skill, err = client.skills:publish("a", { base_version = 2, body = "theirs" })
      assert.is_nil(err, tostring(err))
      assert.equal(3, skill.version)
      assert.is_true(asked > 2)
    end)

    it(
      "of an item is found by the value of its numbers, and not mistaken for other writes",
      function()
        local dataset = assert(client.datasets:create({ name = "g" })).id
        local fields = { dataset = dataset, input = { 1e16, 1.5e19, -0.0, llm.array({}) } }
        lose("after", "POST", "dataset_items")
        local row, err = client.dataset_items:create(fields)
        fails("network", { ambiguous = true }, row, err)
        assert.equal(1, #assert(client.dataset_items:find_created(fields, err.sent_at)))
        fields.input[2] = 1.6e19
        assert.same({}, client.dataset_items:find_created(fields, err.sent_at))
      end
    )
  end)
end
