-- A new skill, and a skill by another name. On both versions of the API, stopped anywhere, and
-- beside servers that fail or lie.

local lfs = require("lfs")

local folders = require("spec.support.folders")
local live = require("spec.support.live")
local skill_folder = require("posthog.llm.skill_folder")
local skill_life = require("spec.support.skill_life")
local skill_md = require("spec.support.skill_text").skill_md

local fails = live.fails
local read, write, tree = folders.read, folders.write, folders.tree

local LOCK = ".posthog-skill.json"
local JSON = { ["Content-Type"] = "application/json" }

for _, profile in ipairs({ "reference", "current" }) do
  describe("the life of a skill on " .. live.api_name[profile] .. ":", function()
    local t = live.session({ profile = profile })
    local is_v1 = profile == "reference"
    local root, dir, client

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      client = t.client()
      root, dir = skill_life.new_root()
    end)
    after_each(function()
      folders.remove(root)
    end)

    local function publish_three()
      skill_life.publish_three(client, dir)
    end

    local function content(name, version)
      return skill_life.content(client, name, version)
    end

    describe("new", function()
      it("makes what lint likes, and what can be pushed", function()
        local made = assert(skill_folder.new("web-forms", root .. "/web-forms"))
        assert.equal(root .. "/web-forms/SKILL.md", made.path)
        assert.same({}, assert(skill_folder.lint(root .. "/web-forms")))
        assert.equal("created", assert(skill_folder.push(client, root .. "/web-forms")).action)
        assert(skill_folder.new("a", root .. "/x/y/a/", { description = "Does: it." }))
        assert.equal("Does: it.", skill_folder.parse(read(root, "x/y/a/SKILL.md")).description)
      end)

      it("overwrites nothing", function()
        local before = tree(dir)
        fails("file", nil, skill_folder.new("pdf-forms", dir))
        os.remove(dir .. "/SKILL.md")
        write(dir, LOCK, "{}")
        fails("file", nil, skill_folder.new("pdf-forms", dir))
        os.remove(dir .. "/" .. LOCK)
        assert(skill_folder.new("pdf-forms", dir))
        local after = tree(dir)
        before["SKILL.md"] = after["SKILL.md"]
        assert.same(before, after)
        write(root, "file", "x")
        fails("file", nil, skill_folder.new("file", root .. "/file"))
        lfs.link(root .. "/nowhere", root .. "/link", true)
        fails("file", nil, skill_folder.new("link", root .. "/link"))
        assert.equal("-> " .. root .. "/nowhere", tree(root).link)
      end)

      it("refuses names that no skill can have, and folders of another name", function()
        for _, name in ipairs({ "", "Bad", "a--b", "-a", "new", ("x"):rep(65), "a/b", ".." }) do
          fails("invalid", { option = "name" }, skill_folder.new(name, root .. "/" .. name))
        end
        fails("invalid", { option = "dir" }, skill_folder.new("a", root .. "/b"))
        assert.is_nil(lfs.attributes(root .. "/b"))
      end)
    end)

    describe("rename", function()
      local new_dir

      before_each(function()
        publish_three()
        new_dir = root .. "/forms"
      end)

      local function rename(options, with)
        options = options or {}
        options.drop_history = is_v1 or nil
        return skill_folder.rename(with or client, "pdf-forms", "forms", options)
      end

      local function is_there(name)
        local skill, err = client.skills:get(name)
        assert.truthy(skill or err.kind == "not_found", tostring(err))
        return skill and true or false
      end

      it("moves the skill and its folder", function()
        local latest = content("pdf-forms", 3)
        write(dir, "a.md", "mine\n") -- not published yet
        assert(skill_folder.pull_all(client, root))
        local result = assert(rename({ dir = dir }))
        assert.is_nil(read(root, ".posthog-skills.json")) -- which remembers the old name
        assert.same({ "pdf-forms", "forms", new_dir, not is_v1 }, {
          result.from,
          result.name,
          result.dir,
          result.history,
        })
        assert.equal(is_v1 and 3 or nil, result.archived_versions)
        assert.is_false(is_there("pdf-forms"))
        assert.same(latest, content("forms", is_v1 and 1 or 3))
        assert.is_nil(lfs.attributes(dir))
        assert.truthy(read(new_dir, "SKILL.md"):find("\nname: forms\n", 1, true))
        assert.equal("mine\n", read(new_dir, "a.md"))
        local changed = {}
        for _, row in ipairs(assert(skill_folder.status(client, new_dir))) do
          changed[row.path] = row.state ~= "same" and row.state or nil
        end
        assert.same({ ["a.md"] = "local" }, changed)
        assert.same({}, assert(skill_folder.lint(new_dir)))
        assert.equal(1, assert(skill_folder.pull_all(client, root, { prune = true })).unchanged)
        local pushed = assert(skill_folder.push(client, new_dir))
        assert.same({ { path = "a.md", change = "changed" } }, pushed.changes)
      end)

      it("asks before a history is lost", function()
        local before = #t.e:log()
        local result, err = skill_folder.rename(client, "pdf-forms", "forms")
        if not is_v1 then
          assert.is_true(assert(result).history)
          return
        end
        fails("invalid", { option = "drop_history" }, result, err)
        assert.truthy(err.message:find("history of its 3 versions", 1, true), err.message)
        for _, entry in ipairs(t.e:log(before)) do
          assert.is_true(
            entry.method == "GET" or entry.target:find("/rename/$") ~= nil,
            entry.target
          )
        end
      end)

      it("refuses a name that is taken, invalid or the same", function()
        assert(client.skills:create({ name = "forms", description = "d", body = "other" }))
        local result, err = rename({ dir = dir })
        fails("conflict", nil, result, err)
        assert.truthy(err.message:find("^forms is there already"), err.message)
        assert.is_true(is_there("pdf-forms"))
        assert.equal("other", assert(client.skills:get("forms")).body)
        assert.truthy(read(dir, LOCK):find('"pdf-forms"', 1, true))
        for _, name in ipairs({ "pdf-forms", "Bad", "new" }) do
          fails("invalid", { option = "new_name" }, skill_folder.rename(client, "pdf-forms", name))
        end
      end)

      it("refuses a folder that cannot follow, before anything is sent", function()
        local before = #t.e:log()
        lfs.mkdir(root .. "/x")
        write(root, "x/SKILL.md", skill_md("x"))
        fails("invalid", { option = "dir" }, rename({ dir = root .. "/x" }))
        fails("file", nil, rename({ dir = root .. "/nowhere" }))
        t.silent(before)
      end)

      it("tells that there is no such skill, or that it was renamed already", function()
        fails("not_found", nil, skill_folder.rename(client, "nope", "nope-2"))
        assert(rename({ dir = dir }))
        local result, err = rename()
        fails("not_found", nil, result, err)
        assert.truthy(err.message:find("forms is there", 1, true), err.message)
        assert.equal("forms", assert(rename({ dir = new_dir })).name)
      end)

      it("leaves the name of a folder whose place is taken, or that had another", function()
        write(root, "forms/notes.txt", "somebody's")
        local result = assert(rename({ dir = dir }))
        assert.equal(dir, result.dir)
        assert.truthy(result.dir_stays:find("forms is there", 1, true))
        assert.equal("unchanged", assert(skill_folder.push(client, dir)).action)
        assert.equal("somebody's", read(new_dir, "notes.txt"))
      end)

      it("goes on wherever it was stopped", function()
        local latest = content("pdf-forms", 3)
        local function one(n, hook)
          local seen = 0
          local stopping = t.client({
            [hook] = function()
              seen = seen + 1
              if seen == n then
                error("stopped", 0)
              end
            end,
          })
          local ok, result, err = pcall(rename, { dir = dir }, stopping)
          if not ok then
            assert.equal("stopped", result)
            err = select(2, rename({ dir = lfs.attributes(dir) and dir or new_dir }))
          end
          assert.is_nil(err, tostring(err))
          assert.is_false(is_there("pdf-forms"))
          assert.same(latest, content("forms"))
          assert.equal("unchanged", assert(skill_folder.push(client, new_dir)).action)
          -- back to where it began
          folders.remove(new_dir)
          assert(client.skills:archive("forms"))
          write(root, "pdf-forms/SKILL.md", skill_md("pdf-forms"))
          write(dir, "a.md", "1\n2\n3\n")
          write(dir, "gone.md", "to go\n")
          publish_three()
          return ok
        end
        for _, hook in ipairs({ "on_request", "on_response" }) do
          local n = 0
          repeat
            n = n + 1
            assert.is_true(n < 60)
          until one(n, hook)
          assert.is_true(n > 3, hook .. " " .. n)
        end
      end)

      it("loses no text whatever a server responds to any request", function()
        local latest = content("pdf-forms", 3)
        local ANSWERS = {
          { status = 204 },
          { status = 200, body = "{}", headers = JSON },
          { status = 200, body = "<html>hello</html>" },
          {
            status = 200,
            body = '{"id":"x","name":"forms","version":1,"files":[]}',
            headers = JSON,
          },
          { status = 404, body = "<html>no</html>" },
          { status = 404, body = '{"detail":"There is no skill."}', headers = JSON },
          {
            status = 404,
            body = '{"type":"invalid_request","code":"not_found","detail":"Not found."}',
          },
          { status = 409, body = '{"detail":"no"}', headers = JSON },
          { status = 500, apply = true },
          { close = "after" },
        }
        --- One rename with this answer to its nth request, and one more. Returns whether there
        --- was such a request.
        local function one(answer, nth)
          t.reset()
          folders.remove(root)
          lfs.mkdir(root)
          write(root, "pdf-forms/SKILL.md", skill_md("pdf-forms"))
          write(dir, "a.md", "1\n2\n3\n")
          write(dir, "gone.md", "to go\n")
          publish_three()
          local action = { times = 1 }
          for name, value in pairs(answer) do
            action[name] = value
          end
          t.e:fault({ match = { nth = nth }, action = action })
          local before = #t.e:log()
          rename({ dir = dir })
          local count = #t.e:log(before)
          t.e:faults({})
          local old, new = is_there("pdf-forms"), is_there("forms")
          assert.same(latest, content(old and "pdf-forms" or "forms"))
          if new then
            assert.same(latest, content("forms"))
          end
          local there = lfs.attributes(dir) and dir or new_dir
          assert.equal("1\n2\nthree\n", read(there, "a.md"))
          assert(rename({ dir = there }))
          assert.is_false(is_there("pdf-forms"))
          return count >= nth
        end
        local nth = 0
        repeat
          nth = nth + 1
          local is_one = one(ANSWERS[nth % #ANSWERS + 1], nth)
          is_one = one(ANSWERS[(nth + 4) % #ANSWERS + 1], nth) or is_one
        until not is_one
        assert.is_true(nth > 4 and nth < 60, tostring(nth))
      end)

      if is_v1 then
        it("takes in what somebody publishes while it copies", function()
          local other, count = t.client(), 0
          local racing = t.client({
            on_response = function(response)
              if response.url:find("duplicate/$") then
                count = count + 1
                assert(other.skills:publish("pdf-forms", { base_version = 3, body = "theirs" }))
              end
            end,
          })
          assert(rename({}, racing))
          assert.equal(1, count)
          assert.same({ "theirs", 2 }, {
            assert(client.skills:get("forms")).body,
            assert(client.skills:get("forms")).version,
          })
        end)

        it("does not let the folder of somebody else follow a copy of unknown age", function()
          local theirs = root .. "/there/pdf-forms"
          assert(skill_folder.pull(client, "pdf-forms", theirs))
          assert(rename({ dir = dir }))
          local before = tree(theirs)
          local result, err = rename({ dir = theirs })
          fails("not_found", nil, result, err)
          assert.truthy(err.message:find("forms is there", 1, true), err.message)
          assert.same(before, tree(theirs))
        end)

        it("tells that somebody else has archived the skill meanwhile", function()
          local other = t.client()
          local racing = t.client({
            on_response = function(response)
              if response.url:find("duplicate/$") then
                assert(other.skills:archive("pdf-forms"))
              end
            end,
          })
          local result, err = rename({}, racing)
          fails("not_found", nil, result, err)
          assert.truthy(err.message:find("forms is a copy of it", 1, true), err.message)
          assert.is_true(is_there("forms"))
        end)

        it("archives nothing while others publish again and again", function()
          local other, base = t.client(), 3
          local racing = t.client({
            on_request = function(request)
              if request.method == "GET" and request.url:find("resolve/name/forms/", 1, true) then
                assert(
                  other.skills:publish("pdf-forms", { base_version = base, body = "no " .. base })
                )
                base = base + 1
              end
            end,
          })
          fails("conflict", nil, rename({}, racing))
          assert.equal("no " .. base - 1, assert(client.skills:get("pdf-forms")).body)
        end)

        it(
          "refuses a folder that is behind, which the copy would take back to its state",
          function()
            assert(client.skills:publish("pdf-forms", { base_version = 3, body = "theirs" }))
            local result, err = rename({ dir = dir })
            fails("conflict", nil, result, err)
            assert.truthy(err.message:find("pull first", 1, true), err.message)
            assert.is_false(is_there("forms"))
            assert(skill_folder.pull(client, "pdf-forms", dir))
            assert(rename({ dir = dir }))
          end
        )
      else
        it("lets the folder of somebody else follow by the same call", function()
          local theirs = root .. "/there/pdf-forms"
          assert(skill_folder.pull(client, "pdf-forms", theirs))
          write(theirs, "new.md", "mine\n")
          assert(rename({ dir = dir }))
          write(new_dir, "a.md", "published since\n")
          assert(skill_folder.push(client, new_dir))
          fails("not_found", nil, skill_folder.push(client, theirs))
          local result = assert(rename({ dir = theirs }))
          assert.equal(root .. "/there/forms", result.dir)
          assert.same({ "a.md" }, assert(skill_folder.push(client, result.dir)).written)
          assert.equal("mine", assert(client.skills:file("forms", "new.md")).content)
        end)

        it("keeps a folder that is behind at its version", function()
          assert(client.skills:publish("pdf-forms", { base_version = 3, body = "theirs" }))
          write(dir, "a.md", "mine\n")
          assert(rename({ dir = dir }))
          local pushed = assert(skill_folder.push(client, new_dir))
          assert.equal(5, pushed.version)
          local skill = assert(client.skills:get("forms"))
          assert.equal("theirs", skill.body)
          assert.equal("mine", assert(client.skills:file("forms", "a.md")).content)
        end)
      end
    end)
  end)
end
