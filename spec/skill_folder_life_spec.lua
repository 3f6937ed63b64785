-- The life of a skill: differences, history, old versions again. On both versions of the API,
-- stopped anywhere, and beside servers that fail or lie.

local lfs = require("lfs")

local folders = require("spec.support.folders")
local live = require("spec.support.live")
local shell = require("spec.support.shell")
local skill_folder = require("posthog.llm.skill_folder")
local skill_life = require("spec.support.skill_life")
local skill_md = require("spec.support.skill_text").skill_md

local fails, raises = live.fails, live.raises
local write, tree = folders.write, folders.tree

local encode = require("posthog.llm.json").encode

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

    local function push(note)
      return skill_life.push(client, dir, note)
    end

    local function publish_three()
      skill_life.publish_three(client, dir)
    end

    local function content(name, version)
      return skill_life.content(client, name, version)
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
        write(dir, "SKILL.md", skill_md("pdf-forms", "# Forms\n\nMore.\n", "license: MIT\n"))
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
  end)
end
