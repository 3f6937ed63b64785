-- The life of a skill: differences, history, old versions again, other names. On both versions of
-- the API, stopped anywhere, and beside servers that fail or lie.

local lfs = require("lfs")

local folders = require("spec.support.folders")
local live = require("spec.support.live")
local shell = require("spec.support.shell")
local skill_folder = require("posthog.llm.skill_folder")

local fails, raises = live.fails, live.raises
local read, write, tree = folders.read, folders.write, folders.tree

local encode = require("posthog.llm.json").encode

local LOCK = ".posthog-skill.json"
local JSON = { ["Content-Type"] = "application/json" }

local function skill_md(name, body, more)
  local head = "---\nname: %s\ndescription: Fills forms.\n%s---\n\n%s\n"
  return head:format(name, more or "", body or "# Forms")
end

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
      root = folders.new()
      dir = root .. "/pdf-forms"
      write(dir, "SKILL.md", "")
      lfs.mkdir(dir)
      write(dir, "SKILL.md", skill_md("pdf-forms"))
      write(dir, "a.md", "1\n2\n3\n")
      write(dir, "gone.md", "to go\n")
    end)
    after_each(function()
      folders.remove(root)
    end)

    local function push(note)
      return assert(skill_folder.push(client, dir, { note = note }))
    end

    --- Three versions: SKILL.md and a.md change, gone.md goes, new.md comes.
    local function publish_three()
      push()
      write(dir, "SKILL.md", skill_md("pdf-forms", "# Forms\n\nMore.", "license: MIT\n"))
      write(dir, "a.md", "1\n2\nthree\n")
      push("second")
      os.remove(dir .. "/gone.md")
      write(dir, "new.md", "new\n")
      push("third")
    end

    local function content(name, version)
      local skill = assert(client.skills:get(name, { version = version }))
      local files = {}
      for _, file in ipairs(skill.files) do
        local got = assert(client.skills:file(name, file.path, { version = version }))
        files[file.path] = got.content .. "|" .. got.content_type
      end
      return { skill.body, skill.description, skill.license, skill.allowed_tools, files }
    end

    describe("diff", function()
      it("is empty for a folder as it was pulled", function()
        push()
        assert.equal("", assert(skill_folder.diff(client, dir)))
        write(dir, "a.md", "1\r\n2\r\n3\r\n\r\n") -- how lines end, and white space at the end
        assert.equal("", assert(skill_folder.diff(client, dir)))
      end)

      it("shows what a push would publish, which patch takes back", function()
        push()
        local before = tree(dir)
        write(dir, "SKILL.md", skill_md("pdf-forms", "# Forms\n\nMore.", "license: MIT\n"))
        write(dir, "a.md", "1\n2\nthree") -- and no newline at the end
        write(dir, "sub/b c.md", "x\n")
        os.remove(dir .. "/gone.md")
        local text = assert(skill_folder.diff(client, dir))
        assert.equal(
          "diff --git a/SKILL.md b/SKILL.md\n--- a/SKILL.md\tversion 1\n+++ b/SKILL.md\tfolder\n"
            .. "@@ -1,6 +1,9 @@\n ---\n name: pdf-forms\n description: Fills forms.\n+license: MIT\n"
            .. " ---\n \n # Forms\n+\n+More.\n"
            .. "diff --git a/a.md b/a.md\n--- a/a.md\tversion 1\n+++ b/a.md\tfolder\n"
            .. "@@ -1,3 +1,3 @@\n 1\n 2\n-3\n\\ No newline at end of file\n"
            .. "+three\n\\ No newline at end of file\n"
            .. "diff --git a/gone.md b/gone.md\ndeleted file mode 100644\n--- a/gone.md\tversion 1\n"
            .. "+++ /dev/null\n@@ -1 +0,0 @@\n-to go\n"
            .. "diff --git a/sub/b c.md b/sub/b c.md\nnew file mode 100644\n--- /dev/null\n"
            .. "+++ b/sub/b c.md\tfolder\n@@ -0,0 +1 @@\n+x\n",
          text
        )
        if shell.run("command -v patch") == "" then
          pending("patch is not installed")
          return
        end
        write(root, "d", text)
        local said, status = shell.run(("cd '%s' && patch -s -R -p1 -i ../d"):format(dir))
        assert.equal(0, status, said)
        before["a.md"] = "1\n2\n3"
        before["sub/"] = lfs.attributes(dir .. "/sub") and "" or nil
        assert.same(before, tree(dir))
        assert.equal("", assert(skill_folder.diff(client, dir)))
      end)

      it("keeps CRLF of a folder out of it", function()
        push()
        write(dir, "a.md", "1\r\n2\r\nthree\r\n")
        local text = assert(skill_folder.diff(client, dir))
        assert.truthy(text:find("\n 1\r\n 2\r\n-3\r\n+three\r\n", 1, true), text)
      end)

      it(
        "says of a binary file only that it differs, and of a script that it may be run",
        function()
          push()
          write(dir, "logo.png", "\137PNG\0")
          write(dir, "run.sh", "true\n")
          os.execute(("chmod +x '%s/run.sh'"):format(dir))
          local found = assert(skill_folder.compare(client, dir))
          assert.same(
            { "logo.png", true, "added", "Binary files /dev/null and b/logo.png differ\n" },
            {
              found.files[1].path,
              found.files[1].binary,
              found.files[1].change,
              found.files[1].diff,
            }
          )
          assert.truthy(found.files[2].diff:find("new file mode 100755", 1, true))
          assert.same({ 1, 0, false }, {
            found.files[2].added,
            found.files[2].removed,
            found.files[2].binary,
          })
        end
      )

      it("compares a folder with an older version, and two versions", function()
        publish_three()
        local old = assert(skill_folder.compare(client, dir, { version = 1 }))
        assert.same({ 1, nil, 3 }, { old.from, old.to, old.pulled })
        local two = assert(skill_folder.compare_versions(client, "pdf-forms", { from = 1, to = 3 }))
        local function shape(comparison)
          local list = {}
          for i, file in ipairs(comparison.files) do
            list[i] = ("%s %s +%d -%d"):format(file.change, file.path, file.added, file.removed)
          end
          return list
        end
        local expected = {
          "changed SKILL.md +3 -0",
          "changed a.md +1 -1",
          "removed gone.md +0 -1",
          "added new.md +1 -0",
        }
        assert.same(expected, shape(old))
        assert.same(expected, shape(two))
        local last = assert(skill_folder.compare_versions(client, "pdf-forms"))
        assert.same({ 2, 3 }, { last.from, last.to })
        assert.same({ "removed gone.md +0 -1", "added new.md +1 -0" }, shape(last))
        local back =
          assert(skill_folder.compare_versions(client, "pdf-forms", { from = 3, to = 2 }))
        assert.same({ "added gone.md +1 -0", "removed new.md +0 -1" }, shape(back))
        assert.equal(
          "",
          assert(skill_folder.diff_versions(client, "pdf-forms", { from = 2, to = 2 }))
        )
        local first = assert(skill_folder.compare_versions(client, "pdf-forms", { to = 1 }))
        assert.is_nil(first.from)
        assert.equal("added SKILL.md +6 -0", shape(first)[1])
      end)

      it("shows all of a folder whose skill is not on the server", function()
        local found = assert(skill_folder.compare(client, dir))
        assert.is_nil(found.from)
        assert.equal(3, #found.files)
        fails("not_found", nil, skill_folder.compare(client, dir, { version = 1 }))
      end)

      it("refuses what cannot be compared", function()
        lfs.mkdir(root .. "/empty")
        local found, err = skill_folder.diff(client, root .. "/empty")
        fails("invalid", nil, found, err)
        assert.truthy(err.message:find("no SKILL.md and no lock file", 1, true))
        fails("file", nil, skill_folder.diff(client, root .. "/nowhere"))
        push()
        fails("not_found", nil, skill_folder.diff(client, dir, { version = 9 }))
        fails("not_found", nil, skill_folder.diff_versions(client, "pdf-forms", { from = 9 }))
        fails("not_found", nil, skill_folder.diff_versions(client, "other"))
        assert(client.skills:archive("pdf-forms"))
        fails("not_found", nil, skill_folder.diff(client, dir))
        live.misuses({
          {
            "version",
            function()
              skill_folder.diff(client, dir, { version = 0 })
            end,
          },
          {
            "to",
            function()
              skill_folder.compare_versions(client, "pdf-forms", { to = "x" })
            end,
          },
        })
      end)

      it("does not believe a version that was not asked for", function()
        publish_three()
        local first = assert(client.skills:resolve("pdf-forms", { version = 1 }))
        t.answer(200, assert(encode(first)))
        fails("decode", nil, skill_folder.diff_versions(client, "pdf-forms", { from = 2, to = 3 }))
        fails("decode", nil, skill_folder.restore(client, "pdf-forms", 2))
      end)

      it("shows a SKILL.md that cannot be read as it stands", function()
        push()
        write(dir, "SKILL.md", "no front matter\n")
        local text = assert(skill_folder.diff(client, dir))
        assert.truthy(text:find("-name: pdf-forms\n", 1, true), text)
        assert.truthy(text:find("+no front matter\n", 1, true), text)
      end)
    end)

    describe("log", function()
      it("tells what each version has changed, newest first", function()
        publish_three()
        local list = live.all(skill_folder.log(client, "pdf-forms", { limit = 2 }))
        local shown = {}
        for i, entry in ipairs(list) do
          local words = { tostring(entry.version), entry.note }
          for _, change in ipairs(entry.changes) do
            words[#words + 1] = change.change .. " " .. change.path
          end
          shown[i] = table.concat(words, ", ")
          assert.is_string(entry.created_at)
          assert.is_string(entry.created_by.email)
        end
        if is_v1 then
          assert.same({
            "3, removed gone.md, added new.md",
            "2, changed SKILL.md",
            "1, added SKILL.md, added a.md, added gone.md",
          }, shown)
          assert.same({ false, false, true }, {
            list[1].compared,
            list[2].compared,
            list[3].compared,
          })
        else
          assert.same({
            "3, third, removed gone.md, added new.md",
            "2, second, changed SKILL.md, changed a.md",
            "1, added SKILL.md, added a.md, added gone.md",
          }, shown)
          assert.is_true(list[2].compared)
        end
      end)

      it("reads each version once, also in a long history", function()
        push()
        for i = 1, 19 do
          write(dir, "a.md", i .. "\n")
          push()
        end
        local before = #t.e:log()
        assert.equal(20, #live.all(skill_folder.log(client, "pdf-forms")))
        assert.equal(21, #t.e:log() - before)
      end)

      it("raises what fails", function()
        raises("not_found", nil, function()
          live.all(skill_folder.log(client, "other"))
        end)
        publish_three()
        t.e:fault({ match = { path = "resolve", nth = 3 }, action = { status = 500 } })
        raises("server", nil, function()
          live.all(skill_folder.log(client, "pdf-forms"))
        end)
      end)
    end)

    describe("restore", function()
      it("publishes all of an old version as a new one, once", function()
        publish_three()
        local old = content("pdf-forms", 1)
        local steps = {}
        local function follow(event)
          steps[event.step] = true
        end
        local skill = assert(skill_folder.restore(client, "pdf-forms", 1, { on_progress = follow }))
        assert.equal(4, skill.version)
        assert.is_true(steps.publish)
        assert.same(old, content("pdf-forms", 4))
        if not is_v1 then
          assert.equal("Version 1 again", skill.version_description)
        end
        steps = {}
        local again = assert(skill_folder.restore(client, "pdf-forms", 1, { on_progress = follow }))
        assert.equal(4, again.version)
        assert.is_nil(steps.publish)
        assert.equal(4, assert(skill_folder.restore(client, "pdf-forms", 4)).version)
        local noted = assert(skill_folder.restore(client, "pdf-forms", 2, { note = "as before" }))
        assert.equal(5, noted.version)
        assert.equal(not is_v1 and "as before" or nil, noted.version_description)
      end)

      it("keeps texts to the byte, whatever ends their lines", function()
        local files = { { path = "win.txt", content = "a\r\nb\r\nc", content_type = "text/x-dos" } }
        local fields = {
          name = "crlf",
          description = "d",
          body = "one\r\ntwo",
          files = files,
          metadata = { n = 1 },
        }
        assert(client.skills:create(fields))
        assert(client.skills:publish("crlf", {
          base_version = 1,
          body = "one\ntwo",
          files = { { path = "win.txt", content = "a\nb\nc", content_type = "text/x-dos" } },
          metadata = { n = 2 },
        }))
        local old = content("crlf", 1)
        local skill = assert(skill_folder.restore(client, "crlf", 1))
        assert.equal(3, skill.version)
        assert.same(old, content("crlf", 3))
        assert.same({ n = 1 }, skill.metadata)
      end)

      it("restores nothing over what somebody publishes meanwhile", function()
        publish_three()
        local other = t.client()
        local racing = t.client({
          on_request = function(request)
            if request.method == "PATCH" then
              assert(other.skills:publish("pdf-forms", { base_version = 3, body = "theirs" }))
            end
          end,
        })
        local skill, err = skill_folder.restore(racing, "pdf-forms", 1)
        fails("conflict", { current_version = 4 }, skill, err)
        assert.truthy(err.message:find("nothing was restored", 1, true), err.message)
        assert.equal("theirs", assert(client.skills:get("pdf-forms")).body)
      end)

      it("tells when it came upon another skill that has got the name", function()
        publish_three()
        local other = t.client()
        local racing = t.client({
          on_request = function(request)
            if request.method == "PATCH" then
              assert(other.skills:archive("pdf-forms"))
              assert(other.skills:create({ name = "pdf-forms", description = "d", body = "1" }))
              assert(other.skills:publish("pdf-forms", { base_version = 1, body = "2" }))
              assert(other.skills:publish("pdf-forms", { base_version = 2, body = "3" }))
            end
          end,
        })
        local skill, err = skill_folder.restore(racing, "pdf-forms", 1)
        fails("conflict", nil, skill, err)
        assert.truthy(err.message:find("its version 3 is what it was", 1, true), err.message)
        assert.equal("3", assert(client.skills:get("pdf-forms", { version = 3 })).body)
      end)

      it("finds out what became of a lost write", function()
        publish_three()
        local patient = t.client({ max_retries = 2 })
        t.e:fault({ match = { method = "PATCH", nth = 1 }, action = { close = "after" } })
        assert.equal(4, assert(skill_folder.restore(patient, "pdf-forms", 1)).version)
        assert.equal(4, assert(client.skills:get("pdf-forms")).version)
        t.e:fault({ match = { method = "PATCH" }, action = { close = "after" } })
        fails("network", { ambiguous = true }, skill_folder.restore(client, "pdf-forms", 3))
        t.e:faults({})
        assert.equal(5, assert(skill_folder.restore(client, "pdf-forms", 3)).version)
      end)

      it("does not take a response about something else for done", function()
        publish_three()
        for _, body in ipairs({
          "{}",
          '{"id":"x","name":"other","version":4}',
          '{"id":"x","name":"pdf-forms"}',
        }) do
          t.e:fault({
            match = { method = "PATCH" },
            action = { status = 200, body = body, headers = JSON },
          })
          fails("decode", nil, skill_folder.restore(client, "pdf-forms", 1))
        end
      end)

      it("does not take a response without a list of files for a version without files", function()
        publish_three()
        local first = assert(client.skills:resolve("pdf-forms", { version = 1 }))
        first.skill.files = nil
        t.e:fault({
          match = { path = "version=1&" },
          action = { status = 200, body = encode(first), headers = JSON },
        })
        fails("decode", nil, skill_folder.restore(client, "pdf-forms", 1))
        assert.equal(3, assert(client.skills:get("pdf-forms")).version)
      end)

      it("asks for no file outside the skill that a server lists", function()
        publish_three()
        local first = assert(client.skills:resolve("pdf-forms", { version = 1 }))
        for _, path in ipairs({ "../x", "/x", "a//b", "", "a\0", " x" }) do
          first.skill.files = { { path = path, content_type = "text/plain" } }
          t.e:fault({
            match = { path = "version=1&" },
            action = {
              status = 200,
              body = encode(first),
              headers = JSON,
            },
          })
          local before = #t.e:log()
          fails("invalid", nil, skill_folder.restore(client, "pdf-forms", 1))
          fails("invalid", nil, skill_folder.diff_versions(client, "pdf-forms", { from = 1 }))
          for _, entry in ipairs(t.e:log(before)) do
            assert.truthy(entry.target:find("/resolve/name/pdf-forms/?", 1, true), entry.target)
          end
        end
      end)

      it("names a version that is not there, and no other skill's", function()
        push()
        fails("not_found", nil, skill_folder.restore(client, "pdf-forms", 2))
        fails("not_found", nil, skill_folder.restore(client, "other", 1))
        assert(client.skills:archive("pdf-forms"))
        fails("not_found", nil, skill_folder.restore(client, "pdf-forms", 1))
      end)
    end)

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
