--- examples/ci/posthog.sh, as CI runs it, against the emulator.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local cjson = require("cjson").new()

local command = require("spec.support.command")
local emulator = require("spec.emulator")
local folders = require("spec.support.folders")
local live = require("spec.support.live")

local ENV = "env -u GITHUB_ACTIONS -u GITHUB_STEP_SUMMARY"
local GOOD = "---\nname: web-forms\ndescription: Fills forms.\n---\n# Forms\n\nRead them first.\n"

local function output_of(shell)
  local pipe = assert(io.popen(shell))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local here = output_of("pwd"):gsub("\n", "")

for _, profile in ipairs({ "reference", "current" }) do
  describe("examples/ci/posthog.sh on " .. live.api_name[profile], function()
    local e, folder
    setup(function()
      e = emulator.start({ profile = profile })
    end)
    teardown(function()
      e:stop()
    end)
    before_each(function()
      e:reset()
      e:settings({ environments = "serve" })
      folder = folders.new()
      folders.write(folder, "skills/web-forms/SKILL.md", GOOD)
      folders.write(folder, "datasets/golden.jsonl", '{"input":"a","metadata":{"id":1}}\n')
    end)
    after_each(function()
      folders.remove(folder)
    end)

    --- Runs the script in the folder.
    --- @param mode string
    --- @param variables? table<string, string> "" for none
    --- @return string output
    --- @return integer code
    local function ci(mode, variables)
      local all = {
        POSTHOG_HOST = e.url,
        POSTHOG_PROJECT_ID = "112358",
        POSTHOG_PERSONAL_API_KEY = command.KEY,
        POSTHOG_HOME = "/nowhere",
        POSTHOG_LLM = (os.getenv("LUA") or "lua5.4") .. " " .. here .. "/bin/posthog-llm",
      }
      for _, name in ipairs({ "LUA_PATH", "LUA_CPATH" }) do
        local value = os.getenv(name)
        all[name] = value and (";" .. value):gsub(";%./", ";" .. here .. "/"):sub(2)
      end
      for name, value in pairs(variables or {}) do
        all[name] = value
      end
      local words = { "cd " .. folder .. " && " .. ENV }
      for name, value in pairs(all) do
        words[#words + 1] = ("%s='%s'"):format(name, value)
      end
      words[#words + 1] = "sh "
        .. here
        .. "/examples/ci/posthog.sh "
        .. mode
        .. " 2>&1; echo status=$?"
      local output, code = output_of(table.concat(words, " ")):match("^(.*)status=(%d+)\n$")
      local key = all.POSTHOG_PERSONAL_API_KEY
      assert.is_nil(key ~= "" and output:find(key, 1, true) or nil, output)
      return output, tonumber(code)
    end

    local function has(output, words)
      assert.truthy(output:find(words, 1, true), output)
    end

    local function writes()
      local count = 0
      for _, entry in ipairs(e:log()) do
        count = count + (entry.method ~= "GET" and 1 or 0)
      end
      return count
    end

    it("checks without writing, publishes, and finds nothing to do then", function()
      local output, code = ci("check")
      assert.equal(0, code, output)
      has(output, "web-forms: only here")
      has(output, "would create skills/web-forms")
      has(output, '+ line 1: 1\n    + input: "a"')
      has(output, "check: 4 steps, nothing failed")
      assert.equal(0, writes())
      output, code = ci("publish")
      assert.equal(0, code, output)
      has(output, "created  skills/web-forms version 1")
      has(output, "1 created, 0 unchanged")
      local count = writes()
      output, code = ci("publish")
      assert.equal(0, code, output)
      has(output, "1 unchanged")
      has(output, "nothing to do: 1 item is as in the file")
      assert.equal(count, writes())
      folders.write(folder, "datasets/golden.jsonl", '{"input":"b","metadata":{"id":2}}\n')
      has(ci("check", { PRUNE = "1" }), "1 to create, 1 to delete, 0 unchanged")
      ci("publish", { PRUNE = "1" })
      has(ci("check", { PRUNE = "1" }), "nothing to do: 1 item is as in the file")
    end)

    it(
      "names the line of what the lint finds, checks the rest, and publishes no skill then",
      function()
        folders.write(folder, "skills/web-forms/SKILL.md", (GOOD:gsub("web%-forms", "Web Forms")))
        local output, code = ci("check")
        assert.equal(1, code, output)
        has(output, 'skills/web-forms/SKILL.md:2: name "Web Forms"')
        has(output, "1 to create")
        has(output, "check failed:\n  lint of skills: exit code 1\n")
        output, code = ci("publish")
        assert.equal(1, code, output)
        assert.is_nil(output:find("push of skills", 1, true), output)
        has(output, "1 created, 0 unchanged")
      end
    )

    it("names the lines of a dataset that cannot be", function()
      folders.write(folder, "datasets/golden.jsonl", '{"input":"a"}\n{"input":\n')
      folders.write(folder, "datasets/more.csv", 'input,metadata\nq,"{""id"": 1}"\n')
      local output, code = ci("check")
      assert.equal(1, code, output)
      has(output, "datasets/golden.jsonl:1: it has no metadata.id, which is the key")
      has(output, "datasets/golden.jsonl:2: ")
      has(output, "== dataset more, of datasets/more.csv\n")
      assert.equal(0, writes())
    end)

    it("ends with code 3 where others have changed the same lines of a skill", function()
      local output, code = ci("publish")
      assert.equal(0, code, output)
      local other = folder .. "/other"
      os.execute(("cp -r %s/skills/web-forms %s"):format(folder, other))
      local run = command.against(function()
        return e
      end)
      folders.write(folder, "other/SKILL.md", (GOOD:gsub("Read them first.", "Theirs.")))
      assert.equal(0, run({ "skills", "push", other }).code)
      folders.write(folder, "skills/web-forms/SKILL.md", (GOOD:gsub("Read them first.", "Ours.")))
      output, code = ci("check")
      assert.equal(3, code, output)
      has(output, "web-forms: changed on both sides")
      has(output, "skills/web-forms/SKILL.md:")
      has(output, "check failed:\n  push of skills, rehearsed: exit code 3\n")
      has(folders.read(folder, "skills/web-forms/SKILL.md"), "Ours.\n")
      output, code = ci("publish")
      assert.equal(3, code, output)
      has(output, "skills/web-forms/SKILL.md:")
      has(output, "publish failed:\n  push of skills: exit code 3\n")
    end)

    it("ends with code 3 where others change an item meanwhile", function()
      ci("publish")
      folders.write(folder, "datasets/golden.jsonl", '{"input":"b","metadata":{"id":1}}\n')
      local action = { status = 409, body = '{"code":"stale_version","detail":"Changed."}' }
      local match = { method = "PATCH", path = "dataset_items/[%x-]+/$" }
      if profile == "reference" then -- there the item is read before it is changed
        local list = output_of(
          ("curl -q -s --noproxy '*' -H 'Authorization: Bearer %s' '%s/api/projects/112358/dataset_items/'"):format(
            command.KEY,
            e.url
          )
        )
        local item = cjson.decode(list).results[1]
        item.input = "theirs"
        match.method = "GET"
        action = { status = 200, body = cjson.encode(item) }
        action.headers = { ["Content-Type"] = "application/json" }
      end
      e:faults({ { match = match, action = action } })
      local output, code = ci("publish")
      assert.equal(3, code, output)
      has(output, "datasets/golden.jsonl:1: item ")
      has(output, "changed")
    end)

    it("stops at a wrong key, and prints no key", function()
      local output, code = ci("check", { POSTHOG_PERSONAL_API_KEY = "phx_wrong" })
      assert.equal(5, code, output)
      has(output, "the key is not valid")
      has(output, "the other steps were left out")
      assert.is_nil(output:find("dataset golden", 1, true), output)
    end)

    it("only lints where there is no key, as in a pull request from a fork", function()
      local none = { POSTHOG_PERSONAL_API_KEY = "" }
      local output, code = ci("check", none)
      assert.equal(0, code, output)
      has(output, "there is no key: only the lint ran\ncheck: 1 steps, nothing failed")
      output, code = ci("publish", none)
      assert.equal(5, code, output)
    end)

    it("shows findings at their lines in GitHub, and runs no command of a text there", function()
      folders.write(folder, "skills/web-forms/SKILL.md", (GOOD:gsub("web%-forms", "Web 100%%")))
      folders.write(
        folder,
        "datasets/golden.jsonl",
        '{"input":"a","metadata":{"id":"\\n::error::no"}}\n'
      )
      folders.write(folder, "datasets/x\n::notice::no.jsonl", '{"input":"a"}\n')
      local summary = folder .. "/summary"
      local output, code = ci("check", { GITHUB_ACTIONS = "true", GITHUB_STEP_SUMMARY = summary })
      assert.equal(1, code, output)
      has(output, '\n::error file=skills/web-forms/SKILL.md,line=2::name "Web 100%25"')
      assert.is_nil(output:find("\n::error::no", 1, true), output)
      assert.is_nil(output:find("\n::notice::", 1, true), output)
      has(output, "\n::group::dataset x ::notice::no, of datasets/x ::notice::no.jsonl\n")
      local token = output:match("::stop%-commands::(%x+)\n")
      assert.equal(32, #token)
      has(output, ("::%s::\n::endgroup::\n"):format(token))
      local page = folders.read(folder, "summary")
      has(page, "### lint of skills: failed (1)\n\n~~~~~~~~diff\nskills/web-forms/SKILL.md:2: ")
      has(page, "### dataset golden, of datasets/golden.jsonl: ok\n")
    end)

    it("says how it is used, and that there is nothing to do", function()
      local output, code = ci("deploy")
      assert.equal(2, code, output)
      has(output, "check|publish")
      output, code = ci("check", { SKILLS = "none", DATASETS = "none" })
      assert.equal(2, code, output)
      has(output, "nothing to do: there is no none/*/SKILL.md, and nothing in none")
    end)
  end)
end

describe("examples/ci/posthog.yml", function()
  --- The shell text of a step, as the runner writes it into a file.
  local function step(name)
    local text = folders.read("examples/ci", "posthog.yml")
    local _, from = text:find("- name: " .. name, 1, true)
    local lines = {}
    for line in text:sub(from):match("\n        run: |\n(.*)"):gmatch("[^\n]*\n") do
      if line:sub(1, 10) ~= (" "):rep(10) then
        break
      end
      lines[#lines + 1] = line
    end
    return table.concat(lines)
  end

  describe("keeps what the push has written, where", function()
    local folder
    before_each(function()
      folder = folders.new()
      folders.write(folder, "step.sh", step("Keep what the push has written"))
      folders.write(folder, "home/.gitconfig", "[init]\n  defaultBranch = main\n")
    end)
    after_each(function()
      folders.remove(folder)
    end)

    local AS = "git -c user.name=A -c user.email=a@example.org "
    local function shell(lines)
      local text = "cd '%s' && export HOME='%s/home' GIT_CONFIG_NOSYSTEM=1 && { %s; } 2>&1; echo $?"
      return output_of(text:format(folder, folder, lines))
    end

    --- A repository with a remote one, in its state after the step before.
    local function repository(files)
      local said = shell(
        "git init -q --bare far && git clone -q far near 2>/dev/null && cd near && "
          .. ("mkdir -p %s && for d in %s; do touch $d/a; done && touch README && git add . && "):format(
            files,
            files
          )
          .. AS
          .. "commit -qm first && git push -q origin HEAD"
      )
      assert.equal("0\n", said)
    end

    it("a version is another one now", function()
      repository("skills/x")
      local said = shell("echo 2 >near/skills/x/lock && cd near && bash -e ../step.sh")
      assert.equal("0\n", said)
      assert.equal("skills/x/lock\n0\n", shell("git -C far show --format= --name-only main"))
    end)

    it("somebody has merged something meanwhile", function()
      repository("skills/x")
      local other =
        "git clone -q far other && cd other && echo new >b && git add b && %scommit -qm b"
      assert.equal("0\n", shell(other:format(AS) .. " && git push -q"))
      local said = shell("echo 2 >near/skills/x/lock && cd near && bash -e ../step.sh")
      assert.equal("0\n", said)
      assert.equal("3\n0\n", shell("git -C far rev-list --count main"))
    end)

    it("another skill has a conflict, whose markers stay out", function()
      repository("skills/x skills/y")
      local said = shell(
        "echo 2 >near/skills/x/lock && cd near/skills/y && mkdir d && echo new >d/b && "
          .. "printf '<<<<<<< here\\na\\n=======\\n>>>>>>> there\\n' | tee a >d/c && "
          .. "cd ../.. && bash -e ../step.sh && git status --porcelain"
      )
      assert.equal("0\n", said)
      assert.equal("skills/x/lock\n0\n", shell("git -C far show --format= --name-only main"))
    end)

    it("nothing has changed, or there are no skills", function()
      repository("skills/x")
      assert.equal("0\n", shell("cd near && bash -e ../step.sh"))
      shell("rm -rf far near")
      repository("datasets")
      assert.equal("0\n", shell("cd near && bash -e ../step.sh"))
    end)
  end)

  it("runs the script, and gives the key as a variable alone", function()
    local file = assert(io.open("examples/ci/posthog.yml"))
    local text = file:read("*a")
    file:close()
    assert.truthy(text:find("run: sh ci/posthog.sh check\n", 1, true))
    assert.truthy(text:find("run: sh ci/posthog.sh publish\n", 1, true))
    local _, uses = text:gsub("secrets%.", "")
    assert.equal(1, uses)
    assert.truthy(
      text:find("\n  POSTHOG_PERSONAL_API_KEY: ${{ secrets.POSTHOG_PERSONAL_API_KEY }}\n", 1, true)
    )
    -- A ${{ }} within a command would put a text of others into it.
    for block in text:gmatch("\n        run:([^\n]*\n[^\n]*[^-]*)") do
      assert.is_nil(block:find("${{", 1, true), block)
    end
  end)
end)
