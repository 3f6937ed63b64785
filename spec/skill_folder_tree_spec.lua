-- Whole trees there and back, on both API versions.

local lfs = require("lfs")

local folders = require("spec.support.folders")
local live = require("spec.support.live")
local skill_folder = require("posthog.llm.skill_folder")

local read, write, tree = folders.read, folders.write, folders.tree

local LOCK = ".posthog-skill.json"

--- The same numbers on every Lua.
local function random(seed)
  return function(most)
    seed = (seed * 16807) % 2147483647
    return seed % most + 1
  end
end

local WORDS = {
  "form",
  "größe",
  "€uro",
  "文件",
  "🚀",
  "e\204\129",
  "a b",
  "100%",
  "x?y#z",
  "plus+",
  "it's",
  "$(id)",
  "`q`",
  "semi;",
  "&amp",
  "[list]",
  "{x}",
  "~",
  "=",
  "@v",
}
local ENDS = { "\n", "", "\r\n", "\n\n\n" }

--- A text of lines; `style` is the end of each.
local function lines(next_number, count, style)
  local list = {}
  for i = 1, count do
    list[i] = ("line %d %s"):format(i, WORDS[next_number(#WORDS)])
  end
  return table.concat(list, style)
end

--- Writes one of many kinds of skills.
local function generate(root, number)
  local next_number = random(number * 7919 + 13)
  local name = ("skill-%d"):format(number)
  local dir = name .. "/"
  local style = number % 5 == 0 and "\r\n" or "\n"
  local head = {
    "---",
    "name: " .. name,
    "description: Does " .. WORDS[next_number(#WORDS)]:gsub("[^%w\128-\255 ]", "-") .. " things.",
  }
  if number % 3 == 0 then
    head[#head + 1] = "license: MIT"
  end
  if number % 4 == 0 then
    head[#head + 1] = "allowed-tools: Bash(git:*) Read"
  end
  if number % 2 == 0 then
    head[#head + 1] = "metadata:" .. style .. "  author: me" .. style .. "  n: " .. number
  end
  head[#head + 1] = "---"
  write(
    root,
    dir .. "SKILL.md",
    table.concat(head, style)
      .. style
      .. style
      .. "# Title"
      .. style
      .. lines(next_number, next_number(20), style)
      .. ENDS[next_number(#ENDS)]
  )
  for i = 1, next_number(6) do
    local word = WORDS[next_number(#WORDS)]
    local path = ("%s%s %d.md"):format(i % 2 == 0 and "deep/er/" or "", word, i)
    local text = lines(next_number, next_number(30), style)
    write(root, dir .. path, text .. ENDS[next_number(#ENDS)])
  end
  lfs.mkdir(root .. "/" .. dir .. "empty")
end

for part, profile in ipairs({ "reference", "current" }) do
  describe("trees of skills on " .. live.api_name[profile], function()
    local t = live.session({ profile = profile })
    local root, client

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      client = t.client()
      root = folders.new()
    end)
    after_each(function()
      folders.remove(root)
    end)

    local function trimmed(dir)
      local all = {}
      for path, text in pairs(tree(dir, LOCK)) do
        if path:sub(-1) ~= "/" then
          all[path] = (text:gsub("%s+$", ""):gsub("\r\n", "\n"))
        end
      end
      return all
    end

    --- Pushes a folder, pulls it into an empty place and pushes both again.
    local function there_and_back(name)
      local here, there = root .. "/" .. name, root .. "/there/" .. name
      local pushed = assert(skill_folder.push(client, here))
      assert.equal("created", pushed.action)
      local before = tree(here)
      assert(skill_folder.pull(client, name, there))
      local ours, theirs = trimmed(here), trimmed(there)
      local one = assert(skill_folder.parse(ours["SKILL.md"]))
      local two = assert(skill_folder.parse(theirs["SKILL.md"]))
      ours["SKILL.md"], theirs["SKILL.md"] = nil, nil
      assert.same(ours, theirs)
      one.body, two.body = one.body:gsub("^%s+", ""), two.body:gsub("^%s+", "")
      assert.same(one, two)
      for path, text in pairs(tree(there, LOCK)) do
        assert.truthy(text:find("[^%s]\r?\n$"), path) -- one newline at the end
        assert.is_nil(text:find("\r", 1, true), path) -- what is new has no line ends of its own
      end
      for _, dir in ipairs({ here, there }) do
        assert.equal("unchanged", assert(skill_folder.push(client, dir)).action)
        for _, row in ipairs(assert(skill_folder.status(client, dir))) do
          assert.equal("same", row.state, row.path)
        end
      end
      assert.same(before, tree(here))
    end

    it("come back as they were sent, and are not published again", function()
      local count = 25 -- and as many others on the other API version
      for number = 1, count do
        generate(root, number * 2 - part % 2)
        there_and_back(("skill-%d"):format(number * 2 - part % 2))
      end
      local writes = 0
      for _, entry in ipairs(t.e:log()) do
        writes = writes + (entry.method ~= "GET" and 1 or 0)
      end
      assert.equal(count, writes)
    end)

    it("may have files of 900 KB", function()
      write(root, "large/SKILL.md", "---\nname: large\ndescription: d\n---\n" .. ("é"):rep(60000))
      write(root, "large/a.txt", ("0123456789abcde\n"):rep(56250))
      there_and_back("large")
    end)

    it("may have as many files as the server takes, and are refused beyond", function()
      local most = profile == "current" and 200 or 50
      write(root, "many/SKILL.md", "---\nname: many\ndescription: d\n---\nb\n")
      for i = 1, most do
        write(root, ("many/d%d/f%d.md"):format(i % 7, i), "text " .. i .. "\n")
      end
      there_and_back("many")
      write(root, "many/one-more.md", "x")
      live.fails("invalid", nil, skill_folder.push(client, root .. "/many"))
      assert.equal(1, assert(client.skills:get("many")).version)
    end)

    it("are read only as far as they have changed", function()
      write(root, "few/SKILL.md", "---\nname: few\ndescription: d\n---\nb\n")
      for i = 1, 9 do
        write(root, ("few/f%d.md"):format(i), "text " .. i .. "\n")
      end
      local there = root .. "/there/few"
      assert(skill_folder.push(client, root .. "/few"))
      assert(skill_folder.pull(client, "few", there))
      write(there, "f5.md", "new")
      local since = #t.e:log()
      assert(skill_folder.push(client, there))
      assert.equal(2, #t.e:log(since)) -- what is there, and the one write
      since = #t.e:log()
      assert.same({ "f5.md" }, assert(skill_folder.pull(client, "few", root .. "/few")).written)
      assert.equal(profile == "current" and 2 or 10, #t.e:log(since))
      assert.equal("new\n", read(root, "few/f5.md"))
    end)

    it("are written once when a response is lost", function()
      client = t.client({ max_retries = 1 })
      write(root, "twice/SKILL.md", "---\nname: twice\ndescription: d\n---\nb\n")
      t.e:fault({ match = { method = "POST" }, action = { close = "after", times = 1 } })
      local pushed = assert(skill_folder.push(client, root .. "/twice"))
      assert.same({ "created", 1 }, { pushed.action, pushed.version })
      assert.equal("unchanged", assert(skill_folder.push(client, root .. "/twice")).action)
      write(root, "twice/a.md", "a")
      t.e:fault({ match = { method = "PATCH" }, action = { close = "after", times = 1 } })
      assert.equal(2, assert(skill_folder.push(client, root .. "/twice")).version)
      assert.equal("unchanged", assert(skill_folder.push(client, root .. "/twice")).action)
    end)

    it("leave out what the API cannot hold when asked to", function()
      write(root, "bin/SKILL.md", "---\nname: bin\ndescription: d\n---\nb\n")
      write(root, "bin/a.png", "\137PNG\0")
      write(root, "bin/empty", "")
      local _, err = skill_folder.push(client, root .. "/bin")
      live.fails("invalid", nil, nil, err)
      assert.equal(2, #err.problems)
      t.silent()
      local pushed = assert(skill_folder.push(client, root .. "/bin", { skip_binary = true }))
      assert.same({ "a.png", "empty" }, pushed.skipped)
      assert.same({}, assert(client.skills:get("bin")).files)
      assert.equal(
        "unchanged",
        assert(skill_folder.push(client, root .. "/bin", { skip_binary = true })).action
      )
    end)
  end)
end
