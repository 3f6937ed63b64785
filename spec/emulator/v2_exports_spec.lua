local cjson = require("cjson")

local expect = require("spec.emulator.expect")

local t = expect.session({ profile = "current" })
local get, send, must, envelope, invalid, plain =
  t.get, t.send, t.must, t.envelope, t.invalid, t.plain

local P = "/api/projects/112358"
local ITEMS = P .. "/dataset_items/"
local EXPORT_KEYS = "created_at dataset_revision exception expires_after filename id status"
local NDJSON = "application/x-ndjson"

describe("the emulator on API v2 has exports that", function()
  local dataset, path

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    dataset = must(201, "POST", P .. "/datasets/", { name = 'a "b"\\ é' }).id
    path = P .. "/datasets/" .. dataset .. "/exports/"
  end)

  local function add(input)
    return must(201, "POST", ITEMS, ('{"dataset":"%s","input":%s}'):format(dataset, input))
  end

  it("are pending, then complete, and hold a revision as it was", function()
    t.e:settings({ jsonb = false, export_lines = "short" })
    local first = add('{"big":18446744073709551615,"f":1.0}')
    must(200, "PATCH", ITEMS .. first.id .. "/", { base_version = 1, expected_output = { 1 } })
    add('"two"')
    must(200, "POST", ITEMS .. first.id .. "/archive/", { base_version = 2 })
    local made = must(201, "POST", path, { revision = 3 }, { key = "phx_emulator_read" })
    assert.equal(EXPORT_KEYS, expect.keys(made))
    assert.same(
      { "pending", 3, 'a "b"\\ é-r3.jsonl', cjson.null },
      { made.status, made.dataset_revision, made.filename, made.exception }
    )
    local one = path .. ("%d/"):format(made.id)
    plain(get(one .. "content/"), 409)
    assert.same(made, must(200, "GET", one))
    plain(get(one .. "content/"), 409)
    made.status = "complete"
    assert.same(made, must(200, "GET", one))
    local content = get(one .. "content/")
    assert.same(
      { 200, NDJSON, 'attachment; filename="a _b__ é-r3.jsonl"' },
      { content.status, content.headers["content-type"], content.headers["content-disposition"] }
    )
    assert.equal(
      '{"input":{"big":18446744073709551615,"f":1.0},"expected_output":[1]}\n'
        .. '{"input":"two","expected_output":null}\n',
      content.body
    )

    t.e:settings({ export_polls = 0 })
    local latest = must(201, "POST", path)
    assert.same({ 4, made.id + 1 }, { latest.dataset_revision, latest.id })
    local other = path .. ("%d/"):format(latest.id)
    assert.equal("complete", must(200, "GET", other).status)
    assert.equal('{"input":"two","expected_output":null}\n', get(other .. "content/").body)
  end)

  --- The path of an export that is complete.
  local function complete()
    t.e:settings({ export_polls = 0 })
    local one = path .. ("%d/"):format(must(201, "POST", path).id)
    assert.equal("complete", must(200, "GET", one).status)
    return one
  end

  it("have all of an item in a line, in one order", function()
    local item = must(201, "POST", ITEMS, {
      dataset = dataset,
      input = "i",
      expected_output = { 1 },
      source_output = "s",
      metadata = { k = true },
      client_item_id = "c",
      source_trace_id = "t",
      source_event_id = "e",
      source_timestamp = "2026-07-30T12:00:00Z",
    })
    add("2")
    local changed = must(
      200,
      "PATCH",
      ITEMS .. item.id .. "/",
      { base_version = 1, input = "j" },
      { key = "phx_emulator_li" }
    )
    local function stamp(moment)
      return moment:gsub("Z$", "+00:00")
    end
    local line = (
      '{"dataset_id":"%s","dataset_revision":3,"dataset_revision_id":"%s","item_id":"%s",'
      .. '"client_item_id":"c","version":2,"version_id":"%s","version_dataset_revision":3,'
      .. '"version_dataset_revision_id":"%s","archived":false,"input":"j","expected_output":[1],'
      .. '"source_output":"s","metadata":{"k":true},"source_trace_id":"t","source_event_id":"e",'
      .. '"source_timestamp":"2026-07-30T12:00:00+00:00","item_created_at":"%s",'
      .. '"version_created_at":"%s","item_created_by_id":48213,'
      .. '"version_created_by_id":9007199254740993}'
    ):format(
      dataset,
      changed.dataset_revision_id,
      item.id,
      changed.version_id,
      changed.dataset_revision_id,
      (stamp(item.created_at)),
      (stamp(changed.version_created_at))
    )
    local lines = {}
    for text in get(complete() .. "content/").body:gmatch("([^\n]*)\n") do
      lines[#lines + 1] = text
    end
    assert.equal(line, lines[1])
    assert.equal(2, #lines)
  end)

  it("leave out archived items unless that is asked for", function()
    local item = add("1")
    must(200, "POST", ITEMS .. item.id .. "/archive/", { base_version = 1 })
    local content = complete() .. "content/"
    assert.equal("", get(content).body)
    t.e:settings({ export_archived = true })
    expect.contains('"archived":true', get(content).body)
  end)

  --- The memory that the server's worker takes, in bytes; 0 where there is no /proc.
  local function memory()
    local pipe = assert(
      io.popen(
        ("cat $(grep -l '^PPid:.%s$' /proc/[0-9]*/status 2>/dev/null) </dev/null"):format(t.e.pid)
      )
    )
    local kilobytes = pipe:read("*a"):match("VmRSS:%s*(%d+) kB")
    pipe:close()
    return (tonumber(kilobytes) or 0) * 1024
  end

  it("go out in pieces, with their length or without, and are never in memory whole", function()
    t.e:seed({ dataset = dataset, items = 10, bytes = 400000 })
    local content = complete() .. "content/"
    local small = get(content).body
    assert.equal(10, select(2, small:gsub("\n", "")))
    t.e:settings({ export_copies = 25 })
    local before = memory()
    for _, transfer in ipairs({ "length", "chunked" }) do
      t.e:settings({ export_transfer = transfer })
      local name = t.e.prefix .. "/content"
      local response = get(content, { arguments = "--no-include -D - -o " .. name })
      assert.equal(
        transfer == "length" and tostring(25 * #small) or nil,
        response.headers["content-length"]
      )
      assert.equal(
        transfer == "chunked" and "chunked" or nil,
        response.headers["transfer-encoding"]
      )
      local file = assert(io.open(name, "rb"))
      assert.equal(25 * #small, file:seek("end"))
      file:close()
      os.remove(name)
    end
    assert.is_true(memory() - before < 30 * #small / 4, "much less than the export") -- of 100 MB
    t.e:settings({ export_copies = 1, export_transfer = "length" })
    local head = t.call("HEAD", content)
    assert.same({ 200, tostring(#small) }, { head.status, head.headers["content-length"] })
    t.e:fault({ match = { path = "content" }, action = { truncate = 1000 } })
    assert.equal(small:sub(1, 1000), get(content).body)
    t.e:fault({ match = { path = "content" }, action = { body = "other" } })
    assert.equal("other", get(content).body)
    t.e:fault({ match = { path = "content" }, action = { append = "x" } })
    assert.equal(small .. "x", get(content).body)
  end)

  it("are an error as a whole where one line cannot be written", function()
    t.e:settings({ wide_integers = "breaks", export_transfer = "chunked" })
    add("1")
    send("POST", ITEMS, ('{"dataset":"%s","input":1e30}'):format(dataset))
    assert.equal(500, get(complete() .. "content/").status)
  end)

  it("may fail, and then have no content", function()
    add("1")
    t.e:settings({ export_polls = 0, export_outcome = "failed" })
    local one = path .. ("%d/"):format(must(201, "POST", path, {}).id)
    local failed = must(200, "GET", one)
    assert.same({ "failed", "string" }, { failed.status, type(failed.exception) })
    plain(get(one .. "content/"), 409)
  end)

  it("belong to their creator, and to their dataset", function()
    add("1")
    local id = ("%d/"):format(must(201, "POST", path).id)
    local other = t.e:seed({ datasets = 1 }).datasets[1]
    for _, response in ipairs({
      get(path .. id, { key = "phx_emulator_li" }),
      get(path .. id .. "content/", { key = "phx_emulator_li" }),
      get(path .. "1/"),
      get(path .. "x/"),
      get(P .. "/datasets/" .. other .. "/exports/" .. id),
    }) do
      envelope(response, 404, "invalid_request", "not_found")
    end
  end)

  it("check the input of a request", function()
    plain(send("POST", path), 409)
    add("1")
    invalid(send("POST", path, { revision = 0 }), "min_value", "revision")
    invalid(send("POST", path, { format = "csv" }), "invalid_input", "format")
    envelope(send("POST", path, { revision = 2 }), 404, "invalid_request", "not_found")
    envelope(
      send("POST", path, {}, { key = "phx_emulator_skills" }),
      403,
      "authentication_error",
      "permission_denied"
    )
  end)

  it("have a limit of their own beside the common one", function()
    add("1")
    t.e:settings({ export_rate_limit = 1, rate_window = 86400 })
    local id = must(201, "POST", path).id
    local response = send("POST", path)
    envelope(response, 429, "throttled_error", "throttled")
    assert.truthy(tonumber(response.headers["retry-after"]) > 80000)
    must(200, "GET", path .. ("%d/"):format(id))
    t.e:settings({ export_rate_limit = 5, rate_limit = 1 })
    must(201, "POST", path)
    envelope(send("POST", path), 429, "throttled_error", "throttled")
  end)
end)
