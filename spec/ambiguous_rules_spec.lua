-- The decision on lost writes, without a server: the rules, what counts as evidence, and how what was
-- sent is compared with what is stored.

local clock = require("posthog.llm.clock")
local is_absent = require("posthog.llm.api.skills.absent")
local json = require("posthog.llm.json")
local known = require("posthog.llm.api.ambiguous.known")
local lost = require("posthog.llm.api.ambiguous.lost")
local rules = require("posthog.llm.api.ambiguous.rules")
local stored = require("posthog.llm.api.ambiguous.stored")

--- The rules by their titles in doc/reliability.md.
local LISTS = {
  { "Made by this call", rules.MADE },
  { "Next version", rules.NEXT_VERSION },
  { "Any version", rules.ANY_VERSION },
  { "First version", rules.FIRST_VERSION },
  { "Archive", rules.ARCHIVE },
  { "Rename", rules.RENAME },
  { "Owners", rules.OWNERS },
  { "Keyed item", rules.KEYED_ITEM },
}

local function evidence_of(rule)
  local parts = {}
  for name, value in pairs(rule) do
    if name ~= 1 then
      parts[#parts + 1] = ("`%s = %s`"):format(name, value)
    end
  end
  table.sort(parts)
  return table.concat(parts, ", ")
end

describe("the rules on lost writes", function()
  it("are those of doc/reliability.md, in its order, each with a proof", function()
    local file = assert(io.open("doc/reliability.md"))
    local text = file:read("*a")
    file:close()
    for _, list in ipairs(LISTS) do
      local expected = {}
      for _, rule in ipairs(list[2]) do
        expected[#expected + 1] = ("| %s | `%s` |"):format(evidence_of(rule), rule[1])
      end
      local start = assert(text:find("**" .. list[1] .. ".**", 1, true), list[1])
      local rows = text:match("\n|%-%-%-|%-%-%-|%-%-%-|\n(.-)\n\n", start)
      local found = {}
      for line in (rows .. "\n"):gmatch("(.-)\n") do
        found[#found + 1] = line:match("^(| .- | `%l+` |) [^|]+ |$") or "no proof: " .. line
      end
      assert.same(expected, found, list[1])
    end
  end)

  local VERDICTS = {
    { rules.MADE, "no", { time = "before", author = "self", content = "equal" } },
    { rules.MADE, "no", { time = "since", author = "other", content = "equal" } },
    { rules.MADE, "no", { time = "since", author = "self", content = "differs" } },
    { rules.MADE, "yes", { time = "since", author = "self", content = "equal" } },
    { rules.MADE, "yes", { time = "since", author = "unknown", content = "equal" } },
    { rules.MADE, "unknown", { time = "since", author = "self" } },
    { rules.MADE, "unknown", { author = "self", content = "equal" } },
    { rules.MADE, "unknown", { time = "since", content = "equal" } },
    { rules.NEXT_VERSION, "happened", { made = "yes", requests = "one" } },
    { rules.NEXT_VERSION, "unknown", { made = "yes", requests = "two" } },
    { rules.NEXT_VERSION, "happened", { made = "yes", requests = "two", skill = "same" } },
    { rules.NEXT_VERSION, "refused", { made = "no", requests = "one", skill = "same" } },
    { rules.NEXT_VERSION, "unknown", { made = "no", requests = "one" } },
    { rules.NEXT_VERSION, "free", { made = "none", requests = "one", skill = "same" } },
    { rules.NEXT_VERSION, "unknown", { made = "none", requests = "one" } },
    { rules.NEXT_VERSION, "unknown", { made = "unknown", requests = "one", skill = "same" } },
    { rules.ANY_VERSION, "happened", { made = "yes" } },
    { rules.ANY_VERSION, "unknown", { made = "no" } },
    { rules.FIRST_VERSION, "refused", { made = "yes", skill = "known" } },
    { rules.FIRST_VERSION, "happened", { made = "yes" } },
    { rules.FIRST_VERSION, "refused", { made = "no", skill = "same" } },
    { rules.FIRST_VERSION, "unknown", { made = "no" } },
    { rules.ARCHIVE, "happened", { skill = "gone" } },
    { rules.ARCHIVE, "unknown", {} },
    { rules.RENAME, "happened", { new = "it" } },
    { rules.RENAME, "refused", { old = "it", new = "other" } },
    { rules.RENAME, "unknown", { old = "it", new = "gone" } },
    { rules.RENAME, "unknown", { old = "other", new = "other" } },
    { rules.RENAME, "unknown", { old = "gone", new = "other" } },
    { rules.OWNERS, "happened", { skill = "same", before = "differs", owners = "equal" } },
    { rules.OWNERS, "unknown", { skill = "same", before = "equal", owners = "equal" } },
    { rules.OWNERS, "unknown", { skill = "same", before = "differs", owners = "differs" } },
    { rules.OWNERS, "unknown", { before = "differs", owners = "equal" } },
    { rules.OWNERS, "unknown", { owners = "equal" } },
    { rules.KEYED_ITEM, "happened", { made = "yes" } },
    { rules.KEYED_ITEM, "refused", { made = "no" } },
    { rules.KEYED_ITEM, "unknown", { made = "unknown" } },
  }
  for i, case in ipairs(VERDICTS) do
    it(("decide case %d: %s for %s"):format(i, case[2], evidence_of(case[3])), function()
      assert.equal(case[2], rules.decide(case[1], case[3]))
    end)
  end
end)

describe("evidence on a lost write", function()
  local now = clock.now
  local SERVER = 1773473213 -- 2026-03-14T07:26:53Z
  local answer = { server_time = SERVER }
  local write

  before_each(function()
    clock.now = function()
      return 1000
    end
    write = lost.new({
      began = 990,
      expires = 1100,
      user = 7,
      skills = { a = "then" },
      call_options = { timeout = 3, headers = { x = "y" }, max_retries = 1 },
    })
  end)
  after_each(function()
    clock.now = now
  end)

  it("uses the server's clock for creation times, with a tolerance of five seconds", function()
    -- The call began ten seconds ago.
    assert.equal("since", write:time_of("2026-03-14T07:26:53Z", answer))
    assert.equal("since", write:time_of("2026-03-14T07:26:38Z", answer))
    assert.equal("before", write:time_of("2026-03-14T07:26:37.999999Z", answer))
    assert.equal("since", write:time_of("2036-03-14T07:26:37Z", answer))
    assert.is_nil(write:time_of("2026-03-14T07:26:53Z", {}))
    assert.is_nil(write:time_of("yesterday", answer))
    assert.is_nil(write:time_of(nil, answer))
    assert.is_nil(write:time_of(SERVER, answer))
  end)

  it("recognizes its author by the user's id, as any kind of number", function()
    assert.equal("self", write:author_of({ id = 7 }))
    assert.equal("other", write:author_of({ id = 8 }))
    assert.is_nil(write:author_of({}))
    assert.is_nil(write:author_of(nil))
    assert.is_nil(write:author_of(json.null))
    write.user = json.decode("9007199254740993")
    assert.equal("self", write:author_of({ id = json.decode("9007199254740993") }))
    assert.equal("other", write:author_of({ id = json.decode("9007199254740992") }))
    assert.equal("other", write:author_of({ id = 7 }))
    assert.equal("other", write:author_of({ id = json.null }))
    write.user = nil
    assert.equal("unknown", write:author_of({ id = 7 }))
    assert.equal("unknown", write:author_of(nil))
  end)

  it("recognizes a skill by the time of its first version", function()
    assert.equal("known", write:identity({ name = "a", first_version_created_at = "then" }, answer))
    assert.is_nil(write:identity({ name = "b", first_version_created_at = "then" }, answer))
    assert.equal(
      "same",
      write:identity({ name = "a", first_version_created_at = "2026-03-14T07:26:30Z" }, answer)
    )
    assert.is_nil(
      write:identity({ name = "a", first_version_created_at = "2026-03-14T07:26:45Z" }, answer)
    )
    assert.is_nil(write:identity({ name = "c" }, answer))
  end)

  it("requests only what the call itself may have written", function()
    local made = { at = "2026-03-14T07:26:50Z", by = { id = 7 } }
    assert.is_true(write:may_have_made(made, answer))
    assert.equal("yes", write:has_made(made, answer))
    made.content = nil
    assert.equal("unknown", write:has_made(made, answer))
    assert.is_false(write:may_have_made({ at = "2026-03-14T07:26:50Z", by = { id = 8 } }, answer))
    assert.is_false(write:may_have_made({ at = "2026-03-14T07:26:50Z" }, answer))
  end)

  it("reads within the time and by the options of the call", function()
    assert.same(
      { version = 2, deadline = 100, timeout = 3, max_retries = 1, headers = { x = "y" } },
      write:options({ version = 2 })
    )
    clock.now = function()
      return 1200
    end
    assert.equal(0.001, write:options().deadline)
  end)

  it("recognizes a 404 of the API by its body", function()
    local function says(body, kind)
      local err = { kind = kind or "not_found", body = body }
      if type(body) == "table" then
        err.type, err.code, err.detail = body.type, body.code, body.detail
      end
      return is_absent(err, "a")
    end
    assert.is_true(says({ detail = "no" }))
    assert.is_true(says({ detail = "no", type = "skill_not_found", skill_name = "a" }))
    assert.is_false(says({ detail = "no", type = "skill_not_found", skill_name = "b" }))
    assert.is_false(says({ detail = "no", type = "skill_version_not_found", skill_name = "a" }))
    assert.is_false(says({ detail = "no", type = "invalid_request", code = "not_found" }))
    assert.is_false(says({ detail = "no", code = "not_found" }))
    assert.is_false(says({ message = "no" }))
    assert.is_false(says("404 page not found"))
    assert.is_false(says(nil))
    assert.is_false(says({ detail = "no" }, "conflict"))
  end)
end)

describe("what earlier responses have shown", function()
  local settings = { target = { base = "https://x" }, project = "1" }

  it("is shared by clients of one host, project and key", function()
    local family = {}
    local one = known.of(family, settings, "phx_a")
    assert.equal(one, known.of(family, settings, "phx_a"))
    assert.not_equal(one, known.of({}, settings, "phx_a"))
    assert.not_equal(one, known.of(family, settings, "phx_b"))
    assert.not_equal(one, known.of(family, settings, nil))
    assert.not_equal(one, known.of(family, { target = settings.target, project = "2" }, "phx_a"))
    assert.not_equal(
      one,
      known.of(family, { target = { base = "https://y" }, project = "1" }, "phx_a")
    )
    assert.is_table(known.of(family, { target_error = {} }, "phx_a"))
  end)

  it("does not outlive a key of a function, which may return another user's next time", function()
    local family, key = {}, function()
      return "phx_a"
    end
    local one = known.of(family, settings, key)
    assert.not_equal(one, known.of(family, settings, key))
    assert.is_false(one.has_one_user)
    known.learn_user(one, { id = 1 })
    assert.is_nil(one.user)
  end)

  it("has the user and the skills, and does not grow without bound", function()
    local one = known.of({}, settings, "phx_a")
    known.learn_user(one, nil)
    known.learn_user(one, false)
    known.learn_user(one, {})
    assert.is_nil(one.user)
    known.learn_user(one, { id = 1 })
    assert.equal(1, one.user)
    known.learn_skill(one, { name = "a", first_version_created_at = "1" })
    known.learn_skill(one, { name = "a", first_version_created_at = "2" })
    known.learn_skill(one, { name = "b" })
    known.learn_skill(one, { first_version_created_at = "2" })
    known.learn_skill(one, nil)
    assert.same({ a = "2" }, one.skills)
    for i = 1, 999 do
      known.learn_skill(one, { name = "s" .. i, first_version_created_at = "1" })
    end
    assert.equal("2", one.skills.a)
    known.learn_skill(one, { name = "one more", first_version_created_at = "1" })
    assert.same({ ["one more"] = "1" }, one.skills)
    for i = 1, 999 do
      known.learn_skill(one, { name = "s" .. i, first_version_created_at = "1" })
    end
    assert.equal("1", one.skills["one more"])
    known.learn_skill(one, { name = "and one", first_version_created_at = "1" })
    assert.is_nil(one.skills["one more"])
  end)
end)

describe("what is stored", function()
  local function both_ways(expected, f, a, b)
    assert.equal(expected, f(a, b))
    assert.equal(expected, f(b, a))
  end

  it("is the text that was sent, trimmed", function()
    assert.equal("equal", stored.text(" \194\160text/x\226\128\131\n", "text/x"))
    -- All that Python's str.strip() takes for white space, and nothing beside it.
    local spaces = { "\t", "\n", "\v", "\f", "\r", "\28", "\29", "\30", "\31", " " }
    for _, wide in ipairs({
      "\194\133",
      "\194\160",
      "\225\154\128",
      "\226\128\128",
      "\226\128\138",
      "\226\128\168",
      "\226\128\169",
      "\226\128\175",
      "\226\129\159",
      "\227\128\128",
    }) do
      spaces[#spaces + 1] = wide
    end
    for _, space in ipairs(spaces) do
      assert.equal("equal", stored.text(space .. "x" .. space, "x"), ("%q"):format(space))
      assert.equal("equal", stored.text(space, ""), ("%q"):format(space))
    end
    for _, other in ipairs({ "\8", "\14", "\27", "\127", "\226\128\139", "\226\128\127" }) do
      assert.not_equal("equal", stored.text(other .. "x", "x"), ("%q"):format(other))
    end
    assert.equal("equal", stored.text(5, "5"))
    assert.equal("equal", stored.text(1e100, "1e+100"))
    assert.equal("equal", stored.text(1.5, "1.5"))
    assert.equal("equal", stored.text(json.decode("12345678901234567890"), "12345678901234567890"))
    assert.equal("equal", stored.text("", nil))
    assert.equal("equal", stored.text(json.null, nil))
    assert.equal("differs", stored.text("a", nil))
    assert.equal("differs", stored.text(6, "5"))
    assert.equal("differs", stored.text("a", "b"))
    assert.equal("differs", stored.text({}, "b"))
    assert.is_nil(stored.text("a\r\nB", "a\nb"))
    assert.is_nil(stored.text(true, "True"))
  end)

  it("is a list of such texts, in order", function()
    assert.equal("equal", stored.texts({ "Bash ", 1 }, { "Bash", "1" }))
    assert.equal("equal", stored.texts(json.array({}), json.array({})))
    assert.equal("differs", stored.texts({ "a" }, { "a", "b" }))
    assert.equal("differs", stored.texts({ "a", "b" }, { "b", "a" }))
    assert.equal("differs", stored.texts({ "a" }, "a"))
    assert.equal("differs", stored.texts({ "a" }, nil))
    assert.is_nil(stored.texts({ "A" }, { "a" }))
  end)

  it("is JSON by value", function()
    local function equal(a, b)
      both_ways("equal", stored.json, json.decode(a), json.decode(b))
    end
    local function differs(a, b)
      both_ways("differs", stored.json, json.decode(a), json.decode(b))
    end
    equal("1.5e19", "15000000000000000000")
    equal("1e16", "10000000000000000")
    equal("[1e22]", "[10000000000000000000000]")
    equal("1180591620717411303424", "1180591620717411303424.0")
    equal("-0.0", "0")
    equal("-0.0", "0.0")
    equal("1.0", "1")
    equal("1e400", "10e399")
    equal('{"a":null}', "{}")
    equal('{"a":[1,{"b":2.50}]}', '{"a":[1,{"b":2.5}]}')
    differs("1.5e19", "15000000000000000001")
    differs("9007199254740993", "9007199254740992")
    differs("12345678901234567890", "12345678901234567891")
    differs("1e400", "1e401")
    differs("12345678901234567890", "-12345678901234567890")
    differs("12345678901234567890", '"12345678901234567890"')
    differs("12345678901234567890", "null")
    differs("12345678901234567890", "true")
    differs("[]", "{}")
    differs("[1]", "[1,2]")
    differs('{"a":1}', '{"a":1,"b":2}')
    differs("true", "1")
    differs("false", "null")
  end)

  it("is metadata, except for the keys that the server adds", function()
    local sent = { source = "mine", seeded_by = 1, canonical_hash = 2, a = json.null, b = 1 }
    assert.equal("equal", stored.metadata(sent, { b = 1, source = "import" }))
    assert.equal("differs", stored.metadata(sent, { b = 2 }))
    assert.equal("differs", stored.metadata(sent, nil))
    assert.equal("equal", stored.metadata({ a = false }, { a = false }))
    assert.equal("differs", stored.metadata({ a = false }, {}))
  end)

  it("was made after something else, or at the same time, by the server's own times", function()
    local early, late = "2026-03-14T07:26:53Z", "2026-03-14T07:26:53.000001Z"
    assert.is_true(stored.is_later(late, early))
    assert.is_true(stored.is_later(early, early))
    assert.is_false(stored.is_later(early, late))
    assert.is_false(stored.is_later(nil, early))
    assert.is_false(stored.is_later(early, "then"))
    assert.is_false(stored.is_later(nil, nil))
  end)

  it("is a time or a mark, in any form", function()
    assert.equal("equal", stored.time("2026-03-14T08:26:53+01:00", "2026-03-14T07:26:53Z"))
    assert.equal("differs", stored.time("2026-03-14T08:26:53Z", "2026-03-14T07:26:53Z"))
    assert.equal("equal", stored.time(nil, nil))
    assert.equal("equal", stored.mark(nil, false))
    assert.equal("equal", stored.mark(json.null, nil))
    assert.equal("differs", stored.mark(true, false))
    assert.equal("differs", stored.mark(false, true))
  end)

  it("is the text after edits, each of which fits one place", function()
    local function edited(text, ...)
      return stored.edited(text, { ... })
    end
    assert.equal("one TWO", edited("one two", { old = " two ", new = " TWO" }))
    assert.equal("a 100%", edited("a b", { old = "b", new = "100%" }))
    assert.equal("ba", edited("aaa", { old = "aa", new = "b" }))
    assert.is_nil(edited("aaaa", { old = "aa", new = "b" }))
    assert.is_nil(edited("abab", { old = "ab", new = "c" }))
    assert.is_nil(edited("a", { old = "b", new = "c" }))
    assert.is_nil(edited("a", { old = "", new = "c" }))
    assert.equal("b", edited("%a", { old = "%a", new = "b" }))
    assert.is_nil(edited("%a %a", { old = "%a", new = "b" }))
    assert.equal("b c", edited("a. c", { old = "a.", new = "b" }))
    assert.equal("c ab", edited("a. ab", { old = "a.", new = "c" }))
    assert.equal("xy", edited("a", { old = "a", new = "b" }, { old = "b", new = "xy" }))
    assert.equal("same", edited("same"))
  end)

  local SKILL = {
    body = "b",
    description = "d",
    license = "MIT",
    compatibility = "",
    allowed_tools = json.array({ "Bash" }),
    metadata = { a = 1, source = "s" },
  }
  local function skill_with(changes)
    local copy = {}
    for name, value in pairs(SKILL) do
      copy[name] = value
    end
    for name, value in pairs(changes) do
      copy[name] = value
    end
    return copy
  end

  it("is a version with the fields that were sent, and the others carried over", function()
    for name, value in pairs({
      body = "x",
      description = "x",
      license = "x",
      compatibility = "x",
      allowed_tools = { "Read" },
      metadata = { a = 2 },
    }) do
      local after = skill_with({ [name] = value })
      assert.equal("equal", stored.has_fields(after, { [name] = value }), name)
      assert.equal("differs", stored.has_fields(SKILL, { [name] = value }), name)
      assert.equal("equal", stored.carries(SKILL, after, { [name] = value }), name)
      assert.equal("differs", stored.carries(SKILL, after, {}), name)
    end
    assert.equal("equal", stored.has_fields(SKILL, { version_description = "not told" }))
    assert.equal(
      "differs",
      stored.has_fields(
        skill_with({ version_description = "other" }),
        { version_description = "told" }
      )
    )
    assert.equal("equal", stored.carries(SKILL, skill_with({ version_description = "new" }), {}))
    assert.is_nil(stored.has_fields(SKILL, { body = "B" }))
    assert.equal("differs", stored.has_fields(SKILL, { body = "B", license = "x" }))
    assert.equal("differs", stored.carries(SKILL, skill_with({ body = "B" }), {}))
  end)

  it("is a row with the fields that were sent", function()
    local row = {
      input = { q = 1 },
      output = 2,
      ref_trace_id = "t",
      deleted = false,
      ref_timestamp = "2026-03-14T07:26:53Z",
      name = "n",
      description = nil,
    }
    assert.equal(
      "equal",
      stored.has_row_fields(row, {
        input = { q = 1 },
        output = 2,
        ref_trace_id = " t ",
        ref_timestamp = "2026-03-14T08:26:53+01:00",
        name = "n ",
        description = "",
      })
    )
    for name, value in pairs({
      input = { q = 2 },
      output = "2",
      ref_trace_id = "u",
      deleted = true,
      ref_timestamp = "2026-03-14T07:26:54Z",
      name = "m",
      description = "d",
      metadata = {},
    }) do
      assert.equal("differs", stored.has_row_fields(row, { [name] = value }), name)
    end
    assert.is_nil(stored.has_row_fields(row, { name = "N" }))
    assert.equal("equal", stored.has_row_fields(row, { archived = false }))
    assert.equal("differs", stored.has_row_fields(row, { archived = true }))
    assert.equal("equal", stored.has_row_fields({ tags = { "a" } }, { tags = { "a" } }))
    assert.equal("differs", stored.has_row_fields({ tags = { "a" } }, { tags = { "b" } }))
  end)

  it("is known by paths as the server writes them", function()
    local files = stored.files({
      files = { { path = "a/b", content_type = "text/x", sha256 = "1" }, { path = "c\\d" } },
    })
    assert.same({ ["a/b"] = { kind = "text/x", digest = "1" }, ["c\\d"] = {} }, files)
    assert.same({}, stored.files({}))
    assert.same({}, stored.files({ files = json.null }))
    assert.equal("a/b", stored.path(" a\\b ", files))
    assert.equal("c\\d", stored.path("c\\d", files))
  end)
end)
