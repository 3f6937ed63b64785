--- Whole roots: pull_all, status_all and push_all, on both versions of the API.

local folders = require("spec.support.folders")
local lfs = require("lfs")
local live = require("spec.support.live")
local roots = require("posthog.llm.skill_folder.root")
local skill_folder = require("posthog.llm.skill_folder")

local fails = live.fails
local read, write = folders.read, folders.write

local ROOT_LOCK = ".posthog-skills.json"

for _, profile in ipairs({ "reference", "current" }) do
  local has_etag = profile == "current"
  local t = live.session({ profile = profile })

  describe("a root of skills on " .. live.api_name[profile], function()
    local root, client

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      t.e:settings({ environments = "serve" })
      client = t.client()
      root = folders.new()
    end)
    after_each(function()
      folders.remove(root)
    end)

    local function create(name, files)
      local fields = { name = name, description = "Does " .. name .. ".", body = "# " .. name }
      fields.files = files
      return assert(client.skills:create(fields))
    end

    local function publish(name, body, base)
      return assert(client.skills:publish(name, { base_version = base or 1, body = body }))
    end

    local function pull_all(options)
      return assert(skill_folder.pull_all(client, root, options))
    end

    --- What a call gives, how many requests it makes, and how many of them read texts.
    local function counted(f)
      local since = #t.e:log()
      local value = f()
      local requests, lists, log = 0, {}, t.e:log(since)
      for _, entry in ipairs(log) do
        requests = requests + 1
        if entry.target:find("llm_skills/%?") or entry.target:find("llm_skills/$") then
          lists[#lists + 1] = entry.status
        end
      end
      return value, requests, lists
    end

    local function states()
      local all = {}
      for _, row in ipairs(assert(skill_folder.status_all(client, root))) do
        all[row.name] = row.state
      end
      return all
    end

    local function actions(results)
      local all = {}
      for _, row in ipairs(results) do
        all[row.name] = row.action
      end
      return all
    end

    local function names_of(list)
      local names = {}
      for i, row in ipairs(list) do
        names[i] = row.name
      end
      return names
    end

    it("is brought here, and then told by one list without a text", function()
      create("alpha", { { path = "a.md", content = "a" } })
      create("beta")
      local pulled, requests = counted(pull_all)
      assert.same({ "alpha", "beta" }, names_of(pulled.pulled))
      assert.equal(root .. "/alpha", pulled.pulled[1].dir)
      assert.same({ "SKILL.md", "a.md" }, pulled.pulled[1].written)
      assert.equal(1 + 2 + 1, requests)
      assert.equal("a\n", read(root, "alpha/a.md"))

      local again, lists
      again, requests, lists = counted(pull_all)
      assert.same({ 0, 2, 0 }, { #again.pulled, again.unchanged, #again.failed })
      assert.same({ 1, { has_etag and 304 or 200 } }, { requests, lists })
      assert.same({ alpha = "same", beta = "same" }, states())
    end)

    it("brings what others have published, and nothing else", function()
      create("alpha")
      create("beta")
      pull_all()
      publish("beta", "# Beta, changed")
      create("gamma")
      local pulled, requests = counted(pull_all)
      assert.same({ "beta", "gamma" }, names_of(pulled.pulled))
      assert.equal(1, pulled.unchanged)
      assert.equal(1 + 2, requests)
    end)

    it("is told state by state", function()
      for _, name in ipairs({ "archived", "both", "local", "remote", "same" }) do
        create(name, { { path = "a.md", content = "1\n2\n3\n4\n5\n6" } })
      end
      pull_all()
      create("absent")
      write(root, "new/SKILL.md", "---\nname: new\ndescription: d\n---\n\nBody.\n")
      write(root, "local/a.md", "other\n")
      write(root, "both/a.md", "other\n")
      publish("both", "# Changed")
      publish("remote", "# Changed")
      assert(client.skills:archive("archived"))
      local list = assert(skill_folder.status_all(client, root))
      local found = {}
      for _, row in ipairs(list) do
        found[row.name] = row.state
        assert.equal(row.state ~= "absent" and root .. "/" .. row.name or nil, row.dir)
      end
      assert.same({
        absent = "absent",
        archived = "archived",
        both = "both",
        ["local"] = "local",
        new = "new",
        remote = "remote",
        same = "same",
      }, found)
    end)

    it("publishes what has changed, with a list and two requests for each", function()
      for i = 1, 5 do
        create("skill-" .. i, { { path = "a.md", content = "a" } })
      end
      pull_all()
      write(root, "skill-2/a.md", "b\n")
      write(root, "skill-4/b.md", "new\n")
      publish("skill-5", "# Others")
      local options = { note = "All at once.", dry_run = true }
      local dry = assert(skill_folder.push_all(client, root, options))
      assert.equal("published", actions(dry)["skill-2"])
      assert.equal(1, assert(client.skills:get("skill-2")).version)
      options.dry_run = nil
      local results, requests = counted(function()
        return assert(skill_folder.push_all(client, root, options))
      end)
      assert.same({
        ["skill-1"] = "unchanged",
        ["skill-2"] = "published",
        ["skill-3"] = "unchanged",
        ["skill-4"] = "published",
        ["skill-5"] = "behind",
      }, actions(results))
      assert.equal(1 + 2 * 2, requests)
      assert.equal("b", assert(client.skills:file("skill-2", "a.md")).content)
      results, requests = counted(function()
        return assert(skill_folder.push_all(client, root))
      end)
      assert.same({ "unchanged", 1 }, { actions(results)["skill-2"], requests })
    end)

    it("goes on after a failure, and creates what is new", function()
      create("alpha", { { path = "a.md", content = "1\n2\n3" } })
      pull_all()
      write(root, "alpha/a.md", "1\nours\n3\n")
      write(root, "fresh/SKILL.md", "---\nname: fresh\ndescription: d\n---\n\nBody.\n")
      write(root, "wrong/SKILL.md", "---\nname: wrong\n---\n\nBody.\n")
      local file = { path = "a.md", content = "1\ntheirs\n3" }
      assert(client.skills:publish("alpha", { base_version = 1, files = { file } }))
      local results = assert(skill_folder.push_all(client, root))
      assert.same({ alpha = "failed", fresh = "created", wrong = "failed" }, actions(results))
      assert.equal("a.md", results[1].err.conflicts[1].path)
      assert.equal("SKILL.md", results[3].err.problems[1].path)
      assert.same({ alpha = "conflict", fresh = "same", wrong = "new" }, states())
      fails("conflict", nil, nil, pull_all().failed[1].err)
    end)

    describe("of which a skill is gone", function()
      before_each(function()
        create("alpha", { { path = "a.md", content = "a" } })
        create("beta")
        pull_all()
        assert(client.skills:archive("alpha"))
      end)

      it("tells it, and takes the folder away when asked", function()
        local result = pull_all()
        assert.same({ { name = "alpha", dir = root .. "/alpha" } }, result.gone)
        assert.equal("a\n", read(root, "alpha/a.md"))
        assert.equal("gone", actions(assert(skill_folder.push_all(client, root))).alpha)
        result = pull_all({ prune = true })
        assert.same({ { name = "alpha", dir = root .. "/alpha", left = false } }, result.pruned)
        assert.is_nil(lfs.attributes(root .. "/alpha"))
        assert.same({ 1, 0 }, { result.unchanged, #result.gone })
      end)

      it("keeps what was never published, unless forced", function()
        write(root, "alpha/a.md", "mine\n")
        local result = pull_all({ prune = true })
        fails("conflict", { option = "force" }, nil, result.failed[1].err)
        assert.equal("a.md", result.failed[1].err.problems[1].path)
        assert.equal("mine\n", read(root, "alpha/a.md"))
        local pushed = assert(skill_folder.push_all(client, root))
        assert.equal("failed", actions(pushed).alpha)
        pull_all({ prune = true, force = true })
        assert.is_nil(lfs.attributes(root .. "/alpha"))
      end)

      it("keeps what was never the skill's", function()
        write(root, "alpha/.env", "SECRET=1\n")
        local result = pull_all({ prune = true })
        assert.is_true(result.pruned[1].left)
        assert.same({ [".env"] = "SECRET=1\n" }, folders.tree(root .. "/alpha"))
        assert.same({ unchanged = 1 }, { unchanged = pull_all({ prune = true }).unchanged })
      end)

      it("takes nothing away for a project without skills, unless it is meant", function()
        assert(client.skills:archive("beta"))
        local result, err = skill_folder.pull_all(client, root, { prune = true })
        fails("conflict", { option = "yes" }, result, err)
        assert.equal("a\n", read(root, "alpha/a.md"))
        result = pull_all({ prune = true, yes = true })
        assert.same({ "alpha", "beta" }, names_of(result.pruned))
      end)

      it("takes nothing away by another project, unless it is meant", function()
        local other = t.client({ project_id = 271828 })
        assert(other.skills:create({ name = "other", description = "d", body = "b" }))
        local result, err = skill_folder.pull_all(other, root, { prune = true })
        fails("conflict", { option = "yes" }, result, err)
        assert.truthy(err.message:find("112358", 1, true))
        assert.equal("a\n", read(root, "alpha/a.md"))
      end)

      it("does not take another one of its name for it", function()
        create("alpha", { { path = "a.md", content = "not the same" } })
        assert.equal("archived", states().alpha)
        fails("conflict", { option = "force" }, nil, pull_all({ prune = true }).failed[1].err)
        assert.equal("a\n", read(root, "alpha/a.md"))
      end)
    end)

    it("tells of a skill that is archived between the list and its turn", function()
      create("alpha")
      create("beta")
      local path = "name/alpha/"
      t.e:fault({ match = { path = path }, action = { status = 404, times = 1 } })
      fails("not_found", nil, nil, pull_all().failed[1].err) -- of a gateway: nothing is known
      local list = assert(client.skills:list({ limit = 100, offset = 0 }))
      assert(client.skills:archive("alpha"))
      local rows = '{"name":"alpha","id":"%s","version":1},{"name":"beta","id":"%s","version":1}'
      local ids = {}
      for _, skill in ipairs(list.results) do
        ids[skill.name] = skill.id
      end
      local body = '{"count":2,"next":null,"previous":null,"results":[' .. rows .. "]}"
      t.script("llm_skills/%?", { body:format(ids.alpha, ids.beta) })
      local result = pull_all()
      assert.same({ "alpha" }, names_of(result.gone))
      assert.same({ 0, 1 }, { #result.failed, result.unchanged })
    end)

    it("of more skills than a page has is read page by page, and once each", function()
      t.e:seed({ skills = 130 })
      local result, _, lists = counted(pull_all)
      assert.same({ 130, 0, 2 }, { #result.pulled, #result.failed, #lists })
      local _, requests = counted(pull_all)
      assert.equal(has_etag and 1 or 2, requests)
    end)

    it("makes eight requests at a time at most", function()
      local now, most = 0, 0
      local counting = t.client({
        max_connections = 32,
        on_request = function()
          now = now + 1
          most = math.max(most, now)
        end,
        on_response = function()
          now = now - 1
        end,
      })
      for i = 1, 20 do
        local files = {}
        for k = 1, 9 do
          files[k] = { path = k .. ".md", content = "text" }
        end
        create("skill-" .. i, files)
      end
      t.e:fault({ match = { path = "llm_skills" }, action = { delay = 0.1 } })
      assert(skill_folder.pull_all(counting, root))
      assert.is_true(most == 8, most .. " at a time")
      most = 0
      assert(
        skill_folder.pull_all(counting, root .. "/three", { names = { "skill-1", "skill-2" } })
      )
      assert.is_true(most > 2 and most <= 8, most .. " at a time")
    end)

    it("stops at what every skill would meet", function()
      for i = 1, 30 do
        create("skill-" .. i)
      end
      t.e:fault({ match = { path = "name/" }, action = { status = 401, body = "{}" } })
      local result, err = skill_folder.pull_all(client, root)
      fails("auth", nil, result, err)
      assert.is_true(#err.result.not_tried >= 22)
      assert.equal(0, #err.result.failed)
    end)

    it("takes names for skills one by one", function()
      create("alpha")
      create("beta")
      create("gamma")
      local names = { "beta", "nobody", "alpha", "beta" }
      local result, requests = counted(function()
        return pull_all({ names = names })
      end)
      assert.same({ "beta", "alpha" }, names_of(result.pulled))
      fails("not_found", nil, nil, result.failed[1].err)
      assert.equal("nobody", result.failed[1].name)
      assert.equal(3, requests)
      assert.is_nil(read(root, ROOT_LOCK))
    end)

    it(
      "takes a skill whose folder cannot be its own for a failure, and brings the others",
      function()
        create("alpha")
        create("beta", { { path = ".git/config", content = "x" } })
        local result = pull_all()
        assert.same({ "alpha" }, names_of(result.pulled))
        fails("invalid", nil, nil, result.failed[1].err)
        assert.is_nil(lfs.attributes(root .. "/beta"))
      end
    )

    it("writes nothing outside of it, whatever names the server has", function()
      local rows, names = {}, { "..", "../beta", "/beta", ".git", "a\\u001b[2J", "a\\\\b", "" }
      for i, name in ipairs(names) do
        local id = ("00000000-0000-0000-0000-%012d"):format(i)
        rows[i] = ('{"id":"%s","name":"%s","version":1,"description":"x"}'):format(id, name)
      end
      local page = '{"count":7,"next":null,"previous":null,"results":[%s]}'
      local body = page:format(table.concat(rows, ","))
      t.e:fault({ match = { path = "llm_skills" }, action = { status = 200, body = body } })
      local result, err = skill_folder.pull_all(client, root)
      t.e:faults({})
      assert.same({}, assert(result, err).pulled)
      assert.equal(#names, #result.failed)
      for name in lfs.dir(root) do
        assert.is_true(name == "." or name == ".." or name == ROOT_LOCK, name)
      end
      assert.is_nil(lfs.attributes(root .. "/../beta"))
    end)

    --- The failure of one folder, which all three calls tell alike.
    local function refused(kind, text, name)
      local result = pull_all()
      local found
      for _, failure in ipairs(result.failed) do
        found = found or failure.name == name and failure.err
      end
      assert.is_truthy(found, "not refused: " .. name)
      fails(kind, nil, nil, found)
      assert.truthy(found.message:find(text, 1, true), found.message)
      return found
    end

    it("refuses two folders of one skill", function()
      create("alpha")
      pull_all()
      os.execute(("cp -r '%s/alpha' '%s/copy'"):format(root, root))
      refused("conflict", "holds the skill alpha too", "alpha")
      local pushed = assert(skill_folder.push_all(client, root))
      assert.same({ "failed", "failed" }, { pushed[1].action, pushed[2].action })
      assert.equal("failed", states().alpha)
    end)

    it("refuses a folder behind a link that leads out of it, and not one within", function()
      create("alpha")
      create("beta")
      pull_all()
      local elsewhere = folders.new()
      os.execute(("mv '%s/alpha' '%s/alpha'"):format(root, elsewhere))
      assert(lfs.link(elsewhere .. "/alpha", root .. "/alpha", true))
      assert(lfs.link("beta", root .. "/same", true))
      publish("alpha", "# Changed")
      refused("invalid", "is a symbolic link that leads out of", "alpha")
      assert.truthy(read(elsewhere, "alpha/SKILL.md"):find("# alpha", 1, true))
      assert.same({ alpha = "failed", beta = "same" }, states())
      folders.remove(elsewhere)
    end)

    it("refuses a link, and a file, where a skill's folder would be", function()
      create("alpha")
      create("beta")
      write(root, "alpha", "a file")
      local elsewhere = folders.new()
      assert(lfs.link(elsewhere, root .. "/beta", true))
      refused("file", "it is a file", "alpha")
      refused("file", "it is a link", "beta")
      assert.same({}, folders.tree(elsewhere))
      folders.remove(elsewhere)
    end)

    it("refuses a folder whose name differs in case alone, or from SKILL.md", function()
      create("alpha")
      write(root, "Alpha/notes.md", "mine")
      refused("conflict", "differ in case", "alpha")
      write(root, "other/SKILL.md", "---\nname: gamma\ndescription: d\n---\n\nBody.\n")
      refused("invalid", "SKILL.md says name: gamma, the folder is other", "other")
      assert.equal("failed", states().other)
    end)

    it("refuses skills whose names its file system takes for one", function()
      local names = { "Alpha", "alpha", "beta" }
      local found = roots.collisions(names, "case")
      assert.truthy(found.Alpha.message:find("skill alpha in case", 1, true), found.Alpha.message)
      assert.truthy(found.alpha.message:find("skill Alpha in case", 1, true), found.alpha.message)
      assert.is_nil(found.beta)
      assert.same({}, roots.collisions(names, false))
    end)

    it("that is a file, or cannot be made, is refused before anything is sent", function()
      write(root, "file", "text")
      for _, call in ipairs({ "pull_all", "status_all", "push_all" }) do
        local since = #t.e:log()
        local value, err = skill_folder[call](client, root .. "/file")
        fails("file", { path = root .. "/file" }, value, err)
        assert.truthy(err.message:find("it is a file, not a folder", 1, true), err.message)
        t.silent(since)
      end
      create("alpha")
      fails("file", nil, skill_folder.pull_all(client, "/proc/no-root"))
      fails("file", nil, skill_folder.pull_all(client, root .. "/file/below"))
    end)

    it("reads the list again where its lock file is damaged, merged or mixed", function()
      create("alpha")
      create("beta")
      pull_all()
      local lock = read(root, ROOT_LOCK)
      local broken = {
        "",
        lock:sub(1, -20),
        "<<<<<<< ours\n" .. lock,
        (lock:gsub('"version": 1', '"version": 2', 1)),
      }
      publish("beta", "# Beta")
      local count = 0
      for _, source in ipairs(broken) do
        count = count + (source ~= lock and 1 or 0)
        write(root, ROOT_LOCK, source)
        assert.same({ alpha = "same", beta = "remote" }, states())
      end
      assert.is_true(count >= 3)
      pull_all()
      assert.same({ alpha = "same", beta = "same" }, states())
    end)

    it("restores what a process that was ended has left", function()
      create("alpha")
      pull_all()
      assert(lfs.mkdir(root .. "/alpha/.posthog-skill.tmp"))
      assert(lfs.mkdir(root .. "/beta"))
      assert(lfs.mkdir(root .. "/beta/.posthog-skill.tmp"))
      create("beta")
      assert.same({ 1, 0 }, { pull_all().unchanged, #pull_all().failed })
      assert.same({ alpha = "same", beta = "same" }, states())
      assert.is_nil(lfs.attributes(root .. "/alpha/.posthog-skill.tmp"))
    end)

    it("tells its steps", function()
      create("alpha")
      create("beta")
      local seen = {}
      pull_all({
        on_progress = function(event)
          seen[#seen + 1] = event
        end,
      })
      assert.equal(2, #seen)
      assert.same({ "pull", 2, 2 }, { seen[2].step, seen[2].done, seen[2].total })
      local raising = function()
        error("mine")
      end
      assert.error_matches(function()
        skill_folder.pull_all(client, root, { force = true, on_progress = raising })
      end, "mine")
    end)

    it("of 100 skills of 5 files costs the requests that it needs", function()
      for i = 1, 100 do
        local files = {}
        for k = 1, 5 do
          files[k] = { path = k .. ".md", content = ("text %d of %d"):format(k, i) }
        end
        create(("skill-%03d"):format(i), files)
      end
      local made = {}
      local function note(what, f)
        local value, requests, lists = counted(f)
        made[#made + 1] = ("%s %d"):format(what, requests)
        return value, requests, lists
      end
      local result, requests = note("pull", pull_all)
      assert.same({ 100, 1 + 100 + 500 }, { #result.pulled, requests })
      local lists
      result, requests, lists = note("status", states)
      assert.same({ "same", 1 }, { result["skill-050"], requests })
      assert.same({ has_etag and 304 or 200 }, lists)
      result, requests = note("pull again", pull_all)
      assert.same({ 100, 1 }, { result.unchanged, requests })
      for i = 1, 10 do
        write(root, ("skill-%03d/3.md"):format(i * 9), "changed\n")
      end
      result, requests = note("push of 10", function()
        return assert(skill_folder.push_all(client, root))
      end)
      local published = 0
      for _, row in ipairs(result) do
        published = published + (row.action == "published" and 1 or 0)
      end
      assert.same({ 10, 1 + 2 * 10 }, { published, requests })
      print(("requests on %s: %s"):format(live.api_name[profile], table.concat(made, ", ")))
    end)

    it("checks its arguments", function()
      for _, wrong in ipairs({
        { "names and prune", { names = {}, prune = true } },
        { "names%[1%]", { names = { "a/b" } } },
        { "concurrency", { concurrency = 0 } },
        { "unknown", { unknown = true } },
      }) do
        assert.error_matches(function()
          skill_folder.pull_all(client, root, wrong[2])
        end, wrong[1])
      end
    end)
  end)
end
