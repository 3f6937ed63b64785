-- SKILL.md as a text, and what lint says of a folder. Without the network.

local folders = require("spec.support.folders")
local json = require("posthog.llm.json")
local live = require("spec.support.live")
local merge = require("posthog.llm.skill_folder.merge")
local skill_folder = require("posthog.llm.skill_folder")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local text = require("posthog.llm.skill_folder.text")

local fails = live.fails
local parse, render = skill_folder.parse, skill_folder.render

describe("SKILL.md", function()
  it("is read with all fields of the format, under the API's names", function()
    local fields = assert(parse(table.concat({
      "---",
      "name: pdf-forms",
      "description: |-",
      "  Fills forms.",
      "  And reads them.",
      'license: "MIT"',
      "compatibility: Needs pdftk",
      "allowed-tools: Bash(git add:*) Read,Write",
      "metadata: # anything",
      "  author: 'me'",
      "  version: 1.10",
      "  revision: 12",
      "  ratio: 0.5",
      "  yes: yes",
      "  ok: true",
      "  none:",
      "  list: [1, two, {}]",
      "---",
      "# Body",
      "",
    }, "\n")))
    assert.same(
      { "pdf-forms", "Fills forms.\nAnd reads them.", "MIT", "Needs pdftk", "# Body\n" },
      { fields.name, fields.description, fields.license, fields.compatibility, fields.body }
    )
    assert.same({ "Bash(git add:*)", "Read", "Write" }, fields.allowed_tools)
    local metadata = fields.metadata
    assert.same({ "me", "1.10", 12, 0.5, "yes", true }, {
      metadata.author,
      metadata.version,
      metadata.revision,
      metadata.ratio,
      metadata.yes,
      metadata.ok,
    })
    assert.equal(json.null, metadata.none)
    assert.equal('[1,"two",{}]', json.encode(metadata.list))
  end)

  it(
    "is read with any line ends, a byte order mark, and texts that look like something else",
    function()
      local source = "\239\187\191---\r\nname: 2024\r\ndescription: null\r\n---\r\nb\r\n"
      local fields = assert(parse(source))
      assert.same({ "2024", "", "b\r\n" }, { fields.name, fields.description, fields.body })
    end
  )

  --- Texts that are refused: the line to blame, and a word of the message.
  local BAD = {
    { "# no front matter", 1, "no front matter" },
    { "", 1, "no front matter" },
    { "---\nname: x\n", 1, "no end" },
    { "---\nname: x\ndescription: [a\n---\nb", 4, "unsupported YAML" },
    { "---\nname: x\n\tb: c\n---\nb", 3, "unsupported YAML" },
    { "---\n- a\n---\nb", 2, "no names" },
    { "---\nname: x\nname: y\n---\nb", 3, "duplicate key" },
    { "---\na: 1\nname: *x\n---\nb", 3, "alias" },
    { "---\na: 1\nname: &x b\n---\nb", 3, "anchor" },
    { "---\nname: x\nmetadata:\n  a: !!binary abcd\n---\nb", 4, "type" },
    { "---\nname: [x]\n---\nb", 2, "text is expected" },
    { "---\nname: x\nmetadata: 5\n---\nb", 3, "names and values" },
    { "---\nname: x\nallowed-tools: {a: b}\n---\nb", 3, "names are expected" },
    { "---\nname: x\nallowed-tools: [[a]]\n---\nb", 3, "list of names" },
    { "---\nname: x\n? [a]\n: b\n---\nb", 3, "not a string" },
  }
  it("is refused with the line to blame", function()
    for _, case in ipairs(BAD) do
      local fields, err = parse(case[1])
      fails("invalid", { line = case[2], path = "SKILL.md" }, fields, err)
      assert.truthy(err.message:find(case[3], 1, true), err.message)
      assert.truthy(err.message:find("SKILL.md:" .. case[2] .. ": ", 1, true), err.message)
    end
  end)

  --- Texts that YAML makes something of. None has a zero byte, which the server refuses.
  local ODD = {
    "",
    "a",
    "yes",
    "No",
    "null",
    "~",
    "1",
    "1.0",
    "0x1f",
    "1e3",
    "-",
    "- a",
    "? a",
    ": a",
    "a: b",
    "a #b",
    "#a",
    "a:",
    " a",
    "a ",
    "'a'",
    '"a"',
    "[a]",
    "{a}",
    "*a",
    "&a",
    "!a",
    "|",
    ">",
    "%a",
    "@a",
    "`a`",
    "a\nb",
    "a\n\nb",
    "\na",
    "a\n",
    " a\nb",
    "a\n b",
    "a \nb",
    "a\tb",
    "\ta\nb",
    "a\rb",
    "a\127b",
    "a\194\133b",
    "a\194\160b",
    "a\226\128\168b",
    "\239\187\191a",
    "a\239\191\191",
    "\240\159\152\128",
    "ünï",
    "---",
    "a\n---\nb",
    "...",
    "<<",
    "=",
    "2024-01-01",
    "12:30:00",
    "\27[2J",
    "\\",
    "a\\nb",
    ("x"):rep(500),
    "true",
    "false",
  }

  it("keeps every text, wherever it stands", function()
    for _, odd in ipairs(ODD) do
      local metadata = { ["k" .. odd] = odd, [odd] = json.array({ odd, { [odd] = odd } }) }
      local again, err = parse(
        render({ name = "a", description = odd, license = odd, body = "b", metadata = metadata })
      )
      assert.is_nil(err, ("%q: %s"):format(odd, tostring(err)))
      assert.equal(odd, again.description or "")
      assert.equal(odd, again.license or "")
      assert.equal(odd, again.metadata["k" .. odd])
      assert.equal(odd, again.metadata[odd][1])
      assert.equal(odd, again.metadata[odd][2][odd])
    end
  end)

  it("keeps every value of metadata to the last digit", function()
    for _, literal in ipairs({
      "0",
      "-0",
      "1",
      "-17",
      "1.0",
      "0.5",
      "1e-6",
      "1e21",
      "1.5e300",
      "9007199254740993",
      "18446744073709551615",
      "true",
      "false",
      "null",
      "[]",
      "{}",
      "[[],{}]",
      '{"a":[1,{"b":null}]}',
      '"1"',
      '"1.0"',
    }) do
      local value = assert(json.decode('{"v":' .. literal .. "}"))
      local again =
        assert(parse(render({ name = "a", description = "d", body = "b", metadata = value })))
      assert.equal(json.encode(value), json.encode(again.metadata), literal)
    end
  end)

  it("keeps the names of tools, with spaces, commas and brackets too", function()
    for _, tools in ipairs({
      {},
      { "Read" },
      { "Bash(git add:*)", "Read" },
      { "a b" },
      { "a,b", "c" },
      { "(" },
      { "a)", "(b c" },
      { ("x"):rep(1000000), "y" },
    }) do
      local again = assert(parse(render({ name = "a", body = "b", allowed_tools = tools })))
      assert.same(tools, again.allowed_tools or {})
    end
  end)

  it("is changed by lines, so that comments and unknown keys stay", function()
    local source = "---\n# top\nname: a # name\nmodel: x\ndescription: >\n  one\n  two\n"
      .. "license: MIT\n---\n\n\nbody\n\n"
    local fields = skill_md.normal(assert(parse(source)))
    assert.equal(source, skill_md.update(fields, source))
    fields.description, fields.license, fields.compatibility, fields.body = "new", "", "c", "BODY"
    assert.equal(
      "---\n# top\nname: a # name\nmodel: x\ndescription: new\ncompatibility: c\n---\n"
        .. "\n\nBODY\n\n",
      skill_md.update(fields, source)
    )
    local flow = "---\n{name: a, description: d}\n---\nb\n"
    assert.equal("new", parse(skill_md.update(fields, flow)).description)
  end)

  it("is merged field by field", function()
    local labels = { base = "b", theirs = "t" }
    local base = { name = "a", description = "d", license = "", body = "1\n2\n3" }
    local theirs = skill_md.normal({ name = "a", description = "new", body = "one\n2\n3" })
    local merged, conflicts = merge.skill_md(
      base,
      "---\nname: a\ndescription: d\nlicense: MIT\n---\n1\n2\nthree\n",
      theirs,
      labels
    )
    assert.equal(0, conflicts)
    assert.equal("---\nname: a\ndescription: new\nlicense: MIT\n---\none\n2\nthree\n", merged)
  end)
end)

describe("texts of a skill folder", function()
  it("are trimmed as the server does", function()
    for _, space in ipairs({
      " ",
      "\n",
      "\r\n",
      "\t",
      "\f",
      "\v",
      "\28",
      "\194\133",
      "\194\160",
      "\226\128\131",
      "\227\128\128",
      " \227\128\128\n",
    }) do
      assert.same(
        { "a" .. space .. "b", space, space .. space },
        { text.trim(space .. "a" .. space .. "b" .. space .. space) }
      )
      assert.equal("", (text.trim(space)))
    end
    assert.equal("\226\128\139a\239\187\191", (text.trim("\226\128\139a\239\187\191")))
    assert.equal("", (text.trim("")))
  end)

  it("end in a newline of their own kind", function()
    assert.equal("a\n", text.file("a"))
    assert.equal("a\nb\r\nc\n", text.file("a\nb\r\nc"))
    assert.equal("a\r\nb\r\n", text.file("a\r\nb"))
    assert.equal(" \nx", text.replace("x", " \ny"))
    assert.equal("x\n", text.replace("x", " \n"))
    assert.equal("x\n", text.replace("x"))
  end)

  it("that are not UTF-8 are reported with their line", function()
    assert.is_nil(text.check("fine \240\159\152\128"))
    assert.same({ "is binary: it has a zero byte", 2 }, { text.check("a\nb\0") })
    for _, bad in ipairs({
      "\255",
      "\192\175",
      "\237\160\128",
      "\226\130",
      "\128",
      "\244\144\128\128",
    }) do
      for _, behind in ipairs({ "", "more\nlines\240\159\152\128" }) do
        assert.same({ "is not UTF-8", 3 }, { text.check("é\n€\nx" .. bad .. behind) })
      end
    end
  end)
end)

describe("lint of a skill folder", function()
  local dir
  before_each(function()
    dir = folders.new()
  end)
  after_each(function()
    folders.remove(dir)
  end)

  local function skill(lines)
    local head = "---\nname: s\ndescription: d\n" .. (lines or "")
    folders.write(dir, "s/SKILL.md", head .. "---\nb\n")
  end

  local function said(level)
    local list = {}
    for _, problem in ipairs(assert(skill_folder.lint(dir .. "/s"))) do
      if problem.level == (level or "error") then
        list[#list + 1] = ("%s:%s %s"):format(problem.path, tostring(problem.line), problem.message)
      end
    end
    return table.concat(list, "\n")
  end

  local LEAVE_OUT = "; push with `skip_binary` to leave it out"

  it("finds nothing wrong with a good folder, wherever it is called from", function()
    skill()
    folders.write(dir, "s/a.md", "x")
    folders.write(dir, "s/.hidden", "\0")
    folders.write(dir, "s/.git/config", "\0")
    folders.write(dir, "s/__pycache__/a.pyc", "\0")
    assert.same({}, assert(skill_folder.lint(dir .. "/s/")))
    assert.truthy(#skill_folder.lint(dir .. "/s", { hidden = true }) == 2)
  end)

  it("names all findings at once", function()
    skill("license: " .. ("x"):rep(256) .. "\ncompatibility: " .. ("é"):rep(501) .. "\nextra: 1\n")
    folders.write(dir, "s/empty.md", " \n")
    folders.write(dir, "s/big.md", ("x"):rep(1000001))
    folders.write(dir, "s/fits.md", ("x"):rep(1000000) .. "\n")
    folders.write(dir, "s/image.png", "\137PNG\0")
    folders.write(dir, "s/latin.txt", "a\n\233\n")
    folders.write(dir, "s/sub/x.md", "x")
    require("lfs").link("x.md", dir .. "/s/sub/y.md", true)
    assert.equal(
      table.concat({
        "SKILL.md:4 license has 256 characters; at most 255 are allowed",
        "SKILL.md:5 compatibility has 501 characters; at most 500 are allowed",
        "big.md:nil has 1000001 bytes; at most 1000000 are allowed",
        "empty.md:nil is empty, which the API does not accept" .. LEAVE_OUT,
        "image.png:1 is binary: it has a zero byte" .. LEAVE_OUT,
        "latin.txt:2 is not UTF-8" .. LEAVE_OUT,
        "sub/y.md:nil is a link: the API holds texts of at most 1000000 bytes" .. LEAVE_OUT,
      }, "\n"),
      said()
    )
    assert.equal("SKILL.md:6 extra: the API has no field for it", said("warning"))
  end)

  it("does not read files that are far too large", function()
    skill()
    local video = assert(io.open(dir .. "/s/video.mp4", "wb"))
    assert(video:seek("set", 500 * 1024 * 1024)) -- a hole, which takes no room
    assert(video:write("x"))
    video:close()
    assert.equal(
      "video.mp4:nil is a file of 524288001 bytes: the API holds texts of at most "
        .. "1000000 bytes"
        .. LEAVE_OUT,
      said()
    )
    assert.is_true(assert(skill_folder.lint(dir .. "/s"))[1].skippable)
    assert.equal(1, #assert(skill_folder.status(nil, dir .. "/s")))
  end)

  it("checks the name against the format and the folder", function()
    for name, message in pairs({
      ["Big"] = "lowercase",
      ["a--b"] = "lowercase",
      ["-a"] = "lowercase",
      ["a-"] = "lowercase",
      ["new"] = "reserved",
      ['""'] = "missing",
      [("x"):rep(65)] = "longer than 64",
      ["other"] = 'name is "other", and the folder\'s is "s"',
    }) do
      folders.write(dir, "s/SKILL.md", "---\nname: " .. name .. "\ndescription: d\n---\nb\n")
      assert.truthy(said():find("SKILL.md:2 ", 1, true) and said():find(message, 1, true), said())
    end
  end)

  it("reports a missing SKILL.md, front matter, description and body", function()
    folders.write(dir, "s/a.bin", "\0")
    -- The rest may be somebody's whole disk.
    assert.equal("SKILL.md:nil the file is missing: this folder is not a skill", said())
    os.remove(dir .. "/s/a.bin")
    folders.write(dir, "s/SKILL.md", "# x\n")
    assert.truthy(said():find("SKILL.md:1 there is no front matter", 1, true))
    folders.write(dir, "s/SKILL.md", "---\nname: s\n---\n\n")
    assert.equal(
      "SKILL.md:1 description is missing\n" .. "SKILL.md:4 there is no text after the front matter",
      said()
    )
    folders.write(dir, "s/SKILL.md", "---\nname: s\ndescription: d\n---\n\255")
    assert.truthy(said():find("SKILL.md:5 is not UTF-8", 1, true))
  end)

  it("warns of what only some servers and systems accept", function()
    skill()
    folders.write(dir, "s/A.md", "x")
    folders.write(dir, "s/a.md", "x")
    for i = 1, 60 do
      folders.write(dir, ("s/f%d"):format(i), "x")
    end
    assert.equal("", said())
    assert.truthy(said("warning"):find("62 files", 1, true))
    assert.truthy(said("warning"):find("differs only by case", 1, true))
    for i = 61, 200 do
      folders.write(dir, ("s/f%d"):format(i), "x")
    end
    assert.truthy(said():find("202 files beside it; at most 200 are allowed", 1, true))
  end)

  it("warns of names that are one on other systems, by Unicode's case and form", function()
    skill()
    folders.write(dir, "s/\195\132.md", "x")
    folders.write(dir, "s/\195\164.md", "x")
    folders.write(dir, "s/sub/e\204\129/x.md", "x")
    folders.write(dir, "s/sub/\195\169/y.md", "x")
    folders.write(dir, "s/ı.md", "x")
    folders.write(dir, "s/i.md", "x")
    assert.equal("", said())
    assert.equal(
      table.concat({
        "sub/\195\169/y.md:nil differs only by how accents are written: on macOS it is the same as "
          .. "sub/e\204\129",
        "\195\164.md:nil differs only by case: on macOS and Windows it is the same as \195\132.md"
          .. "; PostHog leaves such a skill out of its bundle and marketplace",
      }, "\n"),
      said("warning")
    )
    folders.write(dir, "s/\197\191kill.md", "x") -- a long s
    assert.equal("\197\191kill.md:nil the path is the skill's own body", said())
  end)

  it("warns of text between the end of the front matter and the body", function()
    folders.write(dir, "s/SKILL.md", "---\nname: s\ndescription: d\n...\n# c\n\n---\nb\n")
    assert.equal("", said("warning"))
    folders.write(dir, "s/SKILL.md", "---\nname: s\ndescription: d\n...\n\nbody\n\n---\nb\n")
    assert.equal("", said())
    assert.truthy(said("warning"):find("^SKILL.md:4 the front matter ends in this line"))
  end)

  it("warns of lines that end in two ways, once a file", function()
    folders.write(dir, "s/SKILL.md", "---\nname: s\ndescription: d\r\n---\nb\n")
    folders.write(dir, "s/a.md", "one\r\ntwo\nthree\n\r\nfour\r\n")
    folders.write(dir, "s/b.md", "one\r\ntwo\r\n")
    assert.equal("", said())
    local words = "this line ends otherwise than most: an update ends all of them in "
    assert.equal("SKILL.md:3 " .. words .. "LF\na.md:2 " .. words .. "CRLF", said("warning"))
  end)

  it("fails for a folder that is not there", function()
    fails("file", nil, skill_folder.lint(dir .. "/nowhere"))
  end)
end)
