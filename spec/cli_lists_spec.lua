--- The lists of posthog-llm: how many rows, when they are seen, and on what terminal.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson")
local command = require("spec.support.command")
local lfs = require("lfs")

command.describe(busted, "a list of the command", function()
  local t = command.session()
  local run, ends = t.run, t.ends
  t.hook(busted)

  local SCREEN = { terminal = 80, screen = true }

  local function lines_of(text)
    local list = {}
    for line in text:gmatch("([^\n]*)\n") do
      list[#list + 1] = line
    end
    return list
  end

  --- Commands that list 40 rows each.
  local function lists()
    local made = t.e:seed({ skills = 40, datasets = 40 })
    t.e:seed({ dataset = made.datasets[1], items = 40 })
    local name = made.skills[1]
    for n = 1, 39 do
      local body = cjson.encode({ base_version = n, body = "Body " .. n })
      ends(0, {
        "api",
        "PATCH",
        "/api/projects/:project_id/llm_skills/name/" .. name .. "/",
        "--data",
        body,
      })
    end
    return {
      { "skills", "list" },
      { "skills", "versions", name },
      { "skills", "log", name },
      { "datasets", "list" },
      { "items", "list", "--dataset", made.datasets[1] },
    }
  end

  local function with(words, ...)
    local all = {}
    for _, list in ipairs({ words, { ... } }) do
      for _, word in ipairs(list) do
        all[#all + 1] = word
      end
    end
    return all
  end

  it(
    "prints 30 rows on a terminal and all rows elsewhere, unless --all or --limit is given",
    function()
      for _, words in ipairs(lists()) do
        local function rows(options, ...)
          local result = ends(0, with(words, ...), options)
          -- What a list says of itself comes behind.
          return lines_of((result.out:gsub("API v1 does not tell which bundled[^\n]*\n", "")))
        end
        local shown = rows(SCREEN)
        local note = "these are the first 30; --all lists all, --limit N the first N"
        assert.equal(note, shown[32], table.concat(words, " "))
        assert.equal(32, #shown)
        assert.equal(41, #rows(SCREEN, "--all"))
        assert.equal(41, #rows())
        assert.equal(6, #rows(SCREEN, "--limit", "5"))
        assert.equal(6, #rows(nil, "--limit", "5"))
        assert.equal(40, #rows(SCREEN, "--json"))
        assert.equal(40, #rows(nil, "--json", "--all"))
        assert.equal(5, #rows(SCREEN, "--json", "--limit", "5"))
        assert.matches("exclude each other", ends(2, with(words, "--all", "--limit", "5")).err)
      end
    end
  )

  it("has the same options everywhere", function()
    local found = {}
    local function visit(entry, path)
      local names = {}
      for _, option in ipairs(entry.options or {}) do
        names[option[1]] = true
      end
      if names["--limit"] and names["--all"] then
        found[#found + 1] = path
      end
      for _, inner in ipairs(entry.commands or {}) do
        visit(inner, path == "" and inner.name or path .. " " .. inner.name)
      end
    end
    visit(require("posthog.llm.cli.commands"), "")
    local tested = {}
    for i, words in ipairs(lists()) do
      tested[i] = words[1] .. " " .. words[2]
    end
    table.sort(found)
    table.sort(tested)
    assert.same(tested, found)
  end)

  it("fits a terminal of 40 columns", function()
    for _, words in ipairs(lists()) do
      local options = { terminal = 40, screen = true, env = { NO_COLOR = "1" } }
      for _, line in ipairs(lines_of(ends(0, with(words, "--limit", "3"), options).out)) do
        local _, columns = line:gsub("[^\128-\191]", "")
        assert.is_true(columns <= 40 or line:find("^API v1") ~= nil, line)
      end
    end
  end)

  it("refuses what is no number of rows", function()
    for _, text in ipairs({ "0", "-1", "x", "1.5", "", "1e99" }) do
      local err = ends(2, { "skills", "list", "--limit=" .. text }).err
      local words = ("posthog-llm: --limit: invalid number '%s': a whole number above 0"):format(
        text
      )
      assert.is_truthy(err:find(words, 1, true), err)
    end
  end)

  it("does not mention further rows where there are none", function()
    t.e:seed({ skills = 30 })
    assert.equal(31, #lines_of(ends(0, { "skills", "list" }, SCREEN).out))
    assert.equal("", ends(0, { "skills", "list" }).err)
  end)

  it("requests no more rows than it prints, but for one that shows there are more", function()
    local id = t.e:seed({ datasets = 1, items = 120 }).datasets[1]
    local from = #t.e:log()
    ends(0, { "items", "list", "--dataset", id, "--limit", "7" })
    ends(0, { "items", "list", "--dataset", id }, SCREEN)
    local asked = {}
    for _, entry in ipairs(t.e:log(from)) do
      asked[#asked + 1] = entry.target:match("dataset_items/.*limit=(%d+)")
    end
    assert.same({ "7", "31" }, asked)
  end)

  it("prints a page while the next one is on its way", function()
    local seen = os.tmpname()
    for _, json in ipairs({ false, "--json" }) do
      local lines = json and 100 or 101
      t.e:reset()
      local id = t.e:seed({ datasets = 1, items = 250 }).datasets[1]
      t.e:fault({ match = { path = "offset=100" }, action = { delay = 30 } })
      local words = "curl -q -s --noproxy '*' %s/__emulator/log | grep -q offset=100"
        .. ' && test "$(wc -l <$out)" -ge %d'
      local asked = words:format(t.e.url, lines)
      -- What is there while the second page is waited for.
      local result = run(with({ "items", "list", "--dataset", id }, json or nil), {
        while_running = command.until_true(asked) .. "cp $out " .. seen .. "; kill -TERM $pid",
      })
      assert.equal(143, result.code)
      local file = io.open(seen)
      local text = file:read("*a")
      file:close()
      assert.equal(lines, #lines_of(text))
      assert.equal(text, result.out)
    end
    os.remove(seen)
  end)

  it("keeps no row in memory that it has printed", function()
    local Screen = require("posthog.llm.cli.screen")
    local list = require("posthog.llm.cli.list")
    local sink = assert(io.open("/dev/null", "w"))
    local context = { out = Screen.new(sink, 99) }
    function context:progress() -- luacheck: ignore
      return { at = function() end, finish = function() end }
    end
    local n, most = 0, 0
    list.print(context, {}, {
      unit = "rows",
      header = { "N", "TEXT" },
      cells = function(row)
        return row
      end,
      each = function(page)
        return function()
          n = n + 1
          if n % page == 0 then -- as the next request does it
            context.pending:flush()
            collectgarbage()
            most = math.max(most, collectgarbage("count"))
          end
          return n <= 100000 and { n, ("x"):rep(500) .. n } or nil
        end
      end,
    })
    sink:close()
    collectgarbage()
    assert.is_true(most < collectgarbage("count") + 500, most .. " KiB")
  end)

  it("sizes its columns by the first page, and lets a longer cell shift its own row", function()
    local Table = require("posthog.llm.cli.table")
    local written = {}
    local screen = { cut = "~" }
    function screen:raw(text)
      written[#written + 1] = text
    end -- luacheck: ignore
    function screen:flush() end -- luacheck: ignore
    function screen:clean(text)
      return text
    end -- luacheck: ignore
    local rows = Table.new(screen, { "NAME", "N", "TEXT" }, { [2] = true })
    rows:flush()
    assert.same({}, written)
    rows:add({ "one", 1, "first" })
    rows:add({ "eleven", 11, "second" })
    rows:flush()
    rows:add({ "eleven-hundred", 1100, "third" })
    rows:add({ "two", 2, nil })
    rows:finish()
    assert.equal(
      "NAME     N  TEXT\none      1  first\neleven  11  second\n"
        .. "eleven-hundred  1100  third\ntwo      2\n",
      table.concat(written)
    )
  end)

  it("uses two lines a row where a terminal is too narrow for one", function()
    local made = t.e:seed({ datasets = 1, items = 2, skills = 1 })
    for _, words in ipairs({
      { "datasets", "list" },
      { "items", "list", "--dataset", made.datasets[1] },
      { "skills", "list" },
    }) do
      local out = ends(0, words, { terminal = 40, screen = true, env = { NO_COLOR = "1" } }).out
      for _, line in ipairs(lines_of(out)) do
        local _, columns = line:gsub("[^\128-\191]", "")
        assert.is_true(columns <= 40, line)
      end
    end
    local out = ends(0, { "datasets", "list" }, { terminal = 40, screen = true }).out
    assert.matches(
      "^\27%[1mID\n  CREATED +NAME\27%[m\n"
        .. made.datasets[1]:gsub("%-", "%%-")
        .. "\n  20[%d: -]+  %S",
      out
    )
  end)

  it("escapes what is not ASCII on a terminal without UTF-8", function()
    ends(0, { "datasets", "create", "größe \226\128\156x\226\128\157" })
    for locale, name in pairs({
      C = "gr\\u{f6}\\u{df}e \\u{201c}x\\u{201d}",
      ["C.UTF-8"] = "größe \226\128\156x\226\128\157",
    }) do
      local options = { terminal = 100, screen = true, env = { LC_ALL = locale } }
      assert.is_truthy(ends(0, { "datasets", "list" }, options).out:find(name, 1, true))
      local shown =
        ends(0, { "datasets", "show", "größe \226\128\156x\226\128\157" }, options).out
      assert.is_truthy(shown:find(name, 1, true))
    end
    local options = { terminal = 100, screen = true, env = { LC_ALL = "C" } }
    local json = ends(0, { "--json", "datasets", "list" }, options).out
    assert.matches('"gr\\u00f6\\u00dfe ', json, 1, true)
    assert.matches("größe", ends(0, { "datasets", "list" }, { env = { LC_ALL = "C" } }).out)
  end)

  it("ends quietly where nobody reads on, also where SIGPIPE is ignored", function()
    local id = t.e:seed({ datasets = 1, items = 3000 }).datasets[1]
    t.e:fault({ match = { path = "offset=" }, action = { delay = 0.2 } })
    local first = "^[I{]"
    for _, words in ipairs({
      { "items", "list", "--dataset", id },
      { "--json", "items", "list", "--dataset", id },
      { "datasets", "export", id, "-" },
      { "api", "GET", "/api/projects/:project_id/dataset_items/?dataset=" .. id, "--paginate" },
    }) do
      for _, before in ipairs({ "", "trap '' PIPE; " }) do
        local from = #t.e:log()
        local output = command.script({
          before .. command.line(words, lfs.currentdir()) .. " | head -n 1",
          "echo ${PIPESTATUS[0]}",
        }, t.e, ".")
        local row, rest = output:match("^([^\n]+)\n(.*)$")
        assert.matches(first, row)
        assert.equal("141\n", rest, table.concat(words, " "))
        assert.is_true(#t.e:log(from) < 24, #t.e:log(from) .. " of 30 pages were requested")
      end
    end
  end)

  it("draws no progress bar where its rows go into a pipe", function()
    local id = t.e:seed({ datasets = 1, items = 120 }).datasets[1]
    local lua = command.line({ "datasets", "export", id, "-" }, ".")
    local path = os.tmpname()
    local shell = "POSTHOG_HOST=%s POSTHOG_PROJECT_ID=112358 POSTHOG_PERSONAL_API_KEY=%s "
      .. "TERM=xterm script -qefc '%s | cat >/dev/null' /dev/null >%s </dev/null"
    os.execute(shell:format(t.e.url, command.KEY, lua:gsub("'", ""), path))
    local file = io.open(path)
    local text = file:read("*a")
    file:close()
    os.remove(path)
    assert.equal("120 rows\r\n", text)
  end)
end)
