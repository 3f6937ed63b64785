--- posthog-llm datasets import and export that are stopped: by a user, a full disk, an output that is
--- gone. And the bar that shows how far they are.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson").new()

local command = require("spec.support.command")
local dataset_command = require("spec.support.dataset_command")
local dataset_file = require("posthog.llm.dataset_file")
local llm = require("posthog.llm")
local shell = require("spec.support.shell")

dataset_command.describe(busted, "posthog-llm datasets", function(t, profile)
  local run, ends = t.run, t.ends
  local write = t.write
  local text_of = t.text_of
  local numbers = t.numbers
  local id_of = t.id_of
  local holds = t.holds
  local when_sent = t.when_sent

  local function slow_items(seconds)
    return { match = { method = "POST", path = "dataset_items/$" }, action = { delay = seconds } }
  end

  it("neither loses nor doubles a row on a disk that is full", function()
    local source = numbers(40)
    ends(0, { "datasets", "create", "golden" })
    local full = { before = "ulimit -f 3" } -- blocks of 512 bytes
    local result = ends(1, { "datasets", "import", "golden", source }, full)
    assert.matches("cannot write the journal: File too large", result.err)
    assert.matches("of 40 rows are known to be in the dataset; the same command", result.err)
    ends(0, { "datasets", "import", "golden", source, "--settle", "0.2" })
    holds(40, "golden")

    local path = write("out.jsonl", "as it was")
    assert.matches("out.jsonl", ends(1, { "datasets", "export", "golden", path }, full).err)
    assert.equal("as it was", text_of(path))
    assert.equal("", (shell.run("ls " .. t.folder .. " | grep tmp")))
    ends(1, { "datasets", "import", "golden", source, "--journal", "/proc/none.journal" })
    holds(40, "golden")
  end)

  --- Stops an import after its first creates were lost, while another imports the same.
  local function stop_beside_another(source)
    local client = llm.new({
      host = t.e.url,
      personal_api_key = command.KEY,
      project_id = 112358,
      max_retries = 0,
    })
    t.e:fault({
      match = { method = "POST", path = "dataset_items/$" },
      action = { close = "before", times = 2 },
    })
    local _, err = dataset_file.import(client, "golden", source, {
      concurrency = 1,
      on_progress = function(now)
        return now.waiting == nil
      end,
    })
    assert.equal("cancelled", err.kind)
    t.e:faults({})
    local dataset = id_of("golden")
    for i = 1, 6 do
      assert(client.dataset_items:create({ dataset = dataset, input = i, output = "o" }))
    end
    client:close()
  end

  if profile == "reference" then -- on the other, rows have keys
    it("warns of rows that may be those of another import of the same, and ends with 7", function()
      local source = numbers(6)
      ends(0, { "datasets", "create", "golden" })
      stop_beside_another(source)
      local import = { "datasets", "import", "golden", source, "--settle", "0.2" }
      for _ = 1, 2 do -- the second does nothing
        local result = ends(7, import)
        assert.matches("^6 rows imported", result.out)
        local words = "warning: %d rows? found after a lost response may be somebody else's"
        assert.matches(words, result.err)
        assert.truthy(result.err:find("datasets diff golden " .. source, 1, true), result.err)
      end
      table.insert(import, 1, "--json")
      local summary = cjson.decode(ends(7, import).out)
      assert.is_true(summary.found > 0)
      assert.equal(summary.found, summary.uncertain)
      assert.equal(12 - summary.found, #t.items_of("golden"))
    end)
  end

  it("reports an output that is gone", function()
    ends(0, { "datasets", "import", "golden", numbers(2), "--create" })
    local env = ("POSTHOG_HOST=%s POSTHOG_PROJECT_ID=112358 POSTHOG_PERSONAL_API_KEY=%s "):format(
      t.e.url,
      command.KEY
    )
    local words = command.line({ "datasets", "export", "golden", "-" }, ".")
    local text = shell.run(env .. words .. " 2>&1 >/dev/full; echo $?")
    assert.matches("cannot write the output", text)
    assert.matches("\n1\n$", text)
  end)

  it("draws a progress bar on a terminal, and none elsewhere", function()
    local source = numbers(60)
    t.e:fault(slow_items(0.02))
    local import = { "datasets", "import", "golden", source, "--create" }
    local shown = ends(0, import, { terminal = 80 })
    assert.matches("\rimporting  %[####", shown.err)
    assert.matches("60/60 rows  100%%", shown.err)
    assert.matches("\r\27%[K$", shown.err)
    assert.equal("60 rows imported\n", shown.out)
    t.e:faults({})
    local path = t.folder .. "/out.csv"
    t.e:seed({ dataset = id_of("golden"), items = 100 })
    shown = ends(0, { "datasets", "export", "golden", path }, { terminal = 80 })
    assert.matches("\rexporting  %[####[#.]+%]  100/160 rows", shown.err)
    assert.matches("\r\27%[K$", shown.err)
    local export = { "datasets", "export", "golden", path }
    assert.equal("", ends(0, export).err)
    table.insert(export, 1, "--quiet")
    assert.equal("", ends(0, export, { terminal = 80 }).err)
    os.remove(source .. ".journal")
    local piped = ends(0, import)
    assert.equal("60 rows imported\n", piped.out)
    assert.equal("", piped.err)
    export = { "datasets", "export", "golden", "-" }
    local screen = ends(0, export, { terminal = 80, screen = true })
    assert.is_nil(screen.out:find("exporting", 1, true))
    export[5], export[6] = "--format", "csv"
    screen = ends(0, export, { terminal = 80, screen = true })
    assert.matches("^id,input,[^\n]*\n[^\r]*\n220 rows\n$", screen.out)
    assert.is_nil(screen.out:find("\n\n", 1, true))
  end)

  it("stops at Ctrl-C in the middle of an import, and goes on there the next time", function()
    local source = numbers(200)
    t.e:fault(slow_items(0.05))
    local args = { "datasets", "import", "golden", source, "--create", "--settle", "0.2" }
    local typed = when_sent(50, dataset_command.POST, "printf '\\003'; sleep 0.3")
    local result = run(args, { terminal = 80, typed = typed })
    assert.equal(130, result.code, result.err)
    local done = tonumber(result.err:match("\27%[K(%d+) of 200 rows are known to be in"))
    assert.is_true(done and done >= 20 and done < 200, result.err)
    assert.matches("goes on there (" .. source .. ".journal)\n", result.err, 1, true)
    assert.matches("\nposthog%-llm: interrupted\n$", result.err)
    assert.equal("", result.out)
    t.e:faults({})
    assert.matches("^200 rows imported", ends(0, args).out)
    holds(200, "golden")
  end)

  it("says in JSON too how far an import came that was stopped", function()
    local source = numbers(200)
    t.e:fault(slow_items(0.05))
    local args = { "--json", "datasets", "import", "golden", source, "--create" }
    local result =
      run(args, { while_running = when_sent(50, dataset_command.POST, "kill -TERM $pid") })
    assert.equal(143, result.code, result.err)
    local summary = cjson.decode(result.out)
    assert.equal(200, summary.records)
    assert.is_true(summary.imported >= 20 and summary.done < 200, result.out)
    assert.matches(('^{"note":"%d of 200 rows are known'):format(summary.imported), result.err)
  end)

  it("stops a comparison at Ctrl-C too", function()
    ends(0, { "datasets", "create", "golden" })
    local id = id_of("golden")
    t.e:fault({ match = { path = "dataset_items" }, action = { delay = 30 } })
    local result = run({ "datasets", "diff", id, numbers(1) }, {
      while_running = when_sent(2, "dataset_items", "kill -TERM $pid"),
    })
    assert.equal(143, result.code, result.err)
    assert.equal("posthog-llm: interrupted\n", result.err)
    assert.equal("", result.out)
  end)

  it("leaves the file as it was when an export is interrupted", function()
    ends(0, { "datasets", "create", "golden" })
    t.e:seed({ dataset = id_of("golden"), items = 200 })
    local path = write("out.jsonl", "as it was")
    t.e:fault({ match = { path = "dataset_items" }, action = { delay = 30 } })
    local result = run({ "datasets", "export", "golden", path }, {
      while_running = when_sent(1, "dataset_items[^ ]*limit=100", "kill -TERM $pid"),
    })
    assert.equal(143, result.code, result.err)
    assert.equal("posthog-llm: interrupted\n", result.err)
    assert.equal("as it was", text_of(path))
    assert.equal("", (shell.run("ls " .. t.folder .. " | grep tmp")))
  end)

  it("makes each row once, stopped and killed again and again while requests fail", function()
    local source = numbers(150)
    ends(0, { "datasets", "create", "golden" })
    t.e:settings({ chance = 3 })
    t.e:faults({
      { match = { share = 0.04, method = "POST" }, action = { close = "after" } },
      { match = { share = 0.04, method = "POST" }, action = { close = "before" } },
      { match = { share = 0.04, method = "POST" }, action = { status = 503 } },
      { match = { method = "POST", share = 1 }, action = { delay = 0.01 } },
    })
    local args = { "datasets", "import", "golden", source, "--settle", "0.2", "--concurrency", "4" }
    local codes = {}
    for i, signal in ipairs({ "TERM", "KILL", "TERM", "KILL" }) do
      local kill = ("kill -%s $pid"):format(signal)
      codes[i] = run(args, { while_running = when_sent(20 * i, dataset_command.POST, kill) }).code
    end
    assert.same({ 143, 137, 143, 137 }, codes)
    t.e:faults({})
    assert.matches("^150 rows imported", ends(0, args).out)
    holds(150, "golden")
  end)
end)
