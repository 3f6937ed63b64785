-- What is concluded from the versions and files of a skill that are read after a lost write on them,
-- without a server: each case is a history in memory and the verdict on one write.

local probes = require("posthog.llm.api.ambiguous.skills")
local skill_history = require("spec.support.skill_history")

local BEFORE = skill_history.BEFORE
local SINCE = skill_history.SINCE
local TEXT = skill_history.TEXT
local OTHER = skill_history.OTHER
local RESPONSE = skill_history.RESPONSE
local version = skill_history.version
local file = skill_history.file
local skills_of = skill_history.skills_of
local new_lost = skill_history.new_lost
local judge = skill_history.judge

local F, G = file("f", "F"), file("g", "G")

describe("a lost publish with a list of files", function()
  local function publish(files)
    return function(skills)
      return probes.publish(skills, "a", { base_version = 1, files = files })
    end
  end
  local sent = { { path = "f", content = "F" }, { path = "g", content = "G", content_type = TEXT } }
  local CASES = {
    ["happened if all of them are there"] = { files = { F, G }, verdict = "happened", reads = 2 },
    ["did not happen if one is missing"] = { files = { F }, verdict = "refused", reads = 0 },
    ["did not happen if there is one more"] = {
      files = { F, G, file("h", "H") },
      verdict = "refused",
      reads = 0,
    },
    ["did not happen if one has another path"] = {
      files = { F, file("h", "G") },
      verdict = "refused",
      reads = 0,
    },
    ["did not happen if one has another content"] = {
      files = { file("f", "X"), G },
      verdict = "refused",
      reads = 1,
    },
    ["did not happen if the last one has another content"] = {
      files = { F, file("g", "X") },
      verdict = "refused",
      reads = 2,
    },
    ["did not happen if one has another type than was sent"] = {
      files = { F, file("g", "G", "text/x") },
      verdict = "refused",
      reads = 0,
    },
    ["is unknown if one without a type has another one than the default"] = {
      files = { file("f", "F", "text/x"), G },
      verdict = "unknown",
    },
    ["is unknown if one cannot be read"] = {
      files = { F, file("g", nil) },
      verdict = "unknown",
      reads = 2,
    },
    ["is unknown if the response to one is empty"] = {
      files = { F, file("g", 204) },
      verdict = "unknown",
    },
    ["is unknown if one is the same but for white space within"] = {
      files = { F, file("g", "g\n") },
      verdict = "unknown",
    },
  }
  for title, case in pairs(CASES) do
    it(title, function()
      case.after = { files = case.files }
      judge(case, publish(sent))
    end)
  end

  it("compares each path once, however the server writes it", function()
    judge(
      { after = { files = { file("d/f", "F") } }, verdict = "happened", reads = 1 },
      function(skills)
        return probes.publish(
          skills,
          "a",
          { base_version = 1, files = { { path = "d\\f", content = "F" } } }
        )
      end
    )
    judge(
      { after = { files = { F, G } }, verdict = "refused", reads = 0 },
      publish({ { path = "f", content = "F" }, { path = "f", content = "F" } })
    )
  end)

  it("did not happen if another field differs, whatever the files are", function()
    judge(
      { after = { files = { F, G }, description = "other" }, verdict = "refused", reads = 0 },
      publish(sent)
    )
  end)

  it("is unknown if another field is only similar", function()
    judge({ after = { files = { F, G }, body = "b  c" }, verdict = "unknown" }, function(skills)
      return probes.publish(skills, "a", { base_version = 1, files = sent, body = "B c" })
    end)
  end)
end)

describe("a lost publish without files", function()
  local function publish(fields)
    fields.base_version = 1
    return function(skills)
      return probes.publish(skills, "a", fields)
    end
  end
  local function body(case)
    case.before, case.after = { files = case[1] }, { files = case[2], body = "new" }
    return judge(case, publish({ body = "new" }))
  end

  it("happened if all files are those of the version before, by digest or else content", function()
    body({ { F }, { F }, verdict = "happened", reads = 2 })
    body({ { F, G }, { G, F }, verdict = "happened", reads = 4 })
    local digests = { file("f", "F", nil, "1"), file("g", "G", nil, "2") }
    body({ digests, digests, verdict = "happened", reads = 0 })
    body({ { file("f", "F", nil, "1") }, { F }, verdict = "happened", reads = 2 })
    body({ { F }, { file("f", "F", nil, "1") }, verdict = "happened", reads = 2 })
  end)

  it("did not happen if a file is new, gone, or of another type, digest or content", function()
    body({ { F }, { F, G }, verdict = "refused", reads = 0 })
    body({ { F, G }, { F }, verdict = "refused" })
    body({ { F }, { file("f", "F", "text/x") }, verdict = "refused", reads = 0 })
    body({ { F }, { file("f", "X") }, verdict = "refused", reads = 2 })
    body({
      { file("f", "F", nil, "1") },
      { file("f", "F", nil, "2") },
      verdict = "refused",
      reads = 0,
    })
  end)

  it("is unknown if a file of either version cannot be read", function()
    body({ { file("f", nil) }, { F }, verdict = "unknown", reads = 2 })
    body({ { F }, { file("f", nil) }, verdict = "unknown", reads = 2 })
  end)

  it("is unknown by one unreadable file, whatever digests the others have", function()
    for _, first in ipairs({ "f", "g", "h" }) do
      local function list()
        local files = {}
        for _, path in ipairs({ "f", "g", "h" }) do
          files[#files + 1] =
            file(path, path ~= first and path or nil, nil, path ~= first and "1" or nil)
        end
        return files
      end
      body({ list(), list(), verdict = "unknown", reads = 2 })
    end
  end)

  it("applies edits to the body of the version before", function()
    local edits = { { old = "two", new = "three" } }
    judge({ after = { body = "one three" }, verdict = "happened" }, publish({ edits = edits }))
    judge({ after = { body = "one four" }, verdict = "refused" }, publish({ edits = edits }))
    judge(
      { before = { body = "no" }, after = { body = "no" }, verdict = "refused" },
      publish({ edits = edits })
    )
  end)

  it("sees a description that was not sent", function()
    judge(
      { after = { body = "b", description = "x" }, verdict = "refused" },
      publish({ body = "b" })
    )
  end)

  it("cannot be decided if the fields cannot be encoded", function()
    local skills = skills_of({ version(1), version(2) })
    skills._codec = {
      encode = function()
        return nil, "no"
      end,
    }
    assert.equal("unknown", probes.publish(skills, "a", { base_version = 1 })(new_lost()).verdict)
    assert.equal("unknown", probes.create(skills, { name = "a" })(new_lost()).verdict)
    assert.same({}, skills.requests)
  end)
end)

describe("a lost publish with edits of files", function()
  local function edit(case)
    case.before = { files = case[1] }
    case.after = { files = case[2] }
    local file_edits = case.file_edits or { { path = "f", edits = { { old = "F", new = "F2" } } } }
    return judge(case, function(skills)
      return probes.publish(skills, "a", { base_version = 1, file_edits = file_edits })
    end)
  end
  local F2 = file("f", "F2")

  it("happened if that file has them and the others are the same", function()
    edit({ { F }, { F2 }, verdict = "happened", reads = 2 })
    edit({ { F, G }, { F2, G }, verdict = "happened", reads = 4 })
    edit({
      { file("f", "F", nil, "1"), file("g", "G", nil, "2") },
      { file("f", "F2", nil, "3"), file("g", "G", nil, "2") },
      verdict = "happened",
      reads = 2,
    })
    edit({
      { file("d/f", "F") },
      { file("d/f", "F2") },
      file_edits = { { path = "d\\f", edits = { { old = "F", new = "F2" } } } },
      verdict = "happened",
    })
  end)

  it("did not happen if the file is missing in either version or has another type", function()
    edit({ { F }, { G }, verdict = "refused", reads = 0 })
    edit({ { G }, { F2 }, verdict = "refused", reads = 0 })
    edit({ {}, {}, verdict = "refused", reads = 0 })
    edit({ { F }, { file("f", "F2", "text/x") }, verdict = "refused", reads = 0 })
  end)

  it("did not happen if another file differs", function()
    edit({ { F, G }, { F2, file("g", "X") }, verdict = "refused", reads = 2 })
    edit({ { F, G }, { F2 }, verdict = "refused", reads = 0 })
    edit({ { F }, { F2, G }, verdict = "refused", reads = 0 })
  end)

  it("did not happen if the edits do not apply, or give another text", function()
    edit({ { file("f", "X") }, { F2 }, verdict = "refused" })
    edit({ { F }, { file("f", "F3") }, verdict = "refused" })
  end)

  it("is unknown if the file cannot be read in either version", function()
    edit({ { file("f", nil) }, { F2 }, verdict = "unknown" })
    edit({ { F }, { file("f", nil) }, verdict = "unknown" })
  end)

  it("is unknown if another file cannot be read", function()
    edit({ { F, G }, { F2, file("g", nil) }, verdict = "unknown" })
  end)

  it("did not happen by one file that differs, whichever comes first", function()
    local both = {
      { path = "f", edits = { { old = "F", new = "F2" } } },
      { path = "g", edits = { { old = "G", new = "G2" } } },
    }
    edit({ { F, G }, { F2, file("g", "G2") }, file_edits = both, verdict = "happened", reads = 4 })
    edit({ { F, G }, { F2, file("g", "G3") }, file_edits = both, verdict = "refused" })
    edit({ { F, G }, { file("f", "F3"), file("g", "G2") }, file_edits = both, verdict = "refused" })
    edit({
      { F, G },
      { file("f", "F3"), file("g", "G3") },
      file_edits = both,
      verdict = "refused",
      reads = 2,
    })
  end)
end)

describe("a lost rename of a file", function()
  local function rename(case)
    case.before, case.after = { files = case[1] }, case.after or { files = case[2] }
    return judge(case, function(skills)
      return probes.rename_file(skills, "a", 1, "f", "h")
    end)
  end
  local H = file("h", "F")

  it("happened if its content and type are under the new path", function()
    rename({ { F }, { H }, verdict = "happened", reads = 2 })
    rename({ { F, G }, { H, G }, verdict = "happened", reads = 4 })
  end)

  it("finds both paths as the server writes them", function()
    local skills = skills_of({
      version(1, { files = { file("d/f", "F") } }),
      version(2, { files = { file("d/h", "F") } }),
    })
    local probe = probes.rename_file(skills, "a", 1, "d\\f", "d\\h")
    assert.equal("happened", probe(new_lost()).verdict)
  end)

  it("did not happen if a path is where it should not be, or not where it should", function()
    rename({ { G }, { H }, verdict = "refused", reads = 0 })
    rename({ { F }, { F, H }, verdict = "refused", reads = 0 })
    rename({ { F, H }, { H }, verdict = "refused", reads = 0 })
    rename({ { F }, { G }, verdict = "refused", reads = 0 })
    rename({ { F }, {}, verdict = "refused", reads = 0 })
  end)

  it("did not happen if the type, the content, another file or another field differs", function()
    rename({ { F }, { file("h", "F", "text/x") }, verdict = "refused", reads = 0 })
    rename({ { F }, { file("h", "X") }, verdict = "refused", reads = 2 })
    rename({ { F, G }, { H, file("g", "X") }, verdict = "refused", reads = 2 })
    rename({ { F }, after = { files = { H }, body = "x" }, verdict = "refused", reads = 0 })
  end)

  it("is unknown if either content cannot be read", function()
    rename({ { file("f", nil) }, { H }, verdict = "unknown" })
    rename({ { F }, { file("h", nil) }, verdict = "unknown" })
  end)
end)

describe("a lost delete of a file", function()
  it("happened if that file alone is gone", function()
    local function delete(case)
      case.before, case.after = { files = case[1] }, { files = case[2] }
      judge(case, function(skills)
        return probes.delete_file(skills, "a", 1, "f")
      end)
    end
    delete({ { F }, {}, verdict = "happened", reads = 0 })
    delete({ { F, G }, { G }, verdict = "happened", reads = 2 })
    delete({ { F, G }, { F }, verdict = "refused" })
    delete({ { F, G }, { F, G }, verdict = "refused" })
    delete({ { G }, {}, verdict = "refused" })
  end)
end)

describe("a lost create of a file", function()
  local function create(case)
    case.before, case.after = { files = case[1] }, { files = case[2] }
    case.fields = case.fields or { path = "g", content = "G", base_version = 1 }
    judge(case, function(skills)
      return probes.create_file(skills, "a", case.fields)
    end)
  end
  local typed = { path = "g", content = "G", base_version = 1, content_type = "text/x" }

  it("happened if that file alone is new, with its content and type", function()
    create({ {}, { G }, verdict = "happened", reads = 1 })
    create({ { F }, { F, G }, verdict = "happened", reads = 3 })
    create({ {}, { file("g", "G", "text/x") }, fields = typed, verdict = "happened" })
    create({
      {},
      { file("d/g", "G") },
      fields = { path = "d\\g", content = "G", base_version = 1 },
      verdict = "happened",
    })
  end)

  it("did not happen if content, type or another file differs", function()
    create({ {}, { file("g", "X") }, verdict = "refused" })
    create({ {}, { G }, fields = typed, verdict = "refused" })
    create({ { F }, { G }, verdict = "refused", reads = 0 })
    create({ { G }, { G }, verdict = "refused", reads = 0 })
    create({ {}, { file("h", "G") }, verdict = "refused", reads = 0 })
  end)

  it("is unknown if it cannot be read, or has another type than the default", function()
    create({ {}, { file("g", nil) }, verdict = "unknown" })
    create({ {}, { file("g", "G", "text/x") }, verdict = "unknown" })
  end)

  it("did not happen if content and type differ, be one of them undecided", function()
    create({ {}, { file("g", "X", "text/x") }, verdict = "refused" })
  end)
end)

describe("a skill that is read after a lost write", function()
  local function rename(skills, parts)
    return probes.rename_file(skills, "a", 1, "f", "h")(new_lost(parts))
  end
  local function history()
    return { version(1, { files = { F } }), version(2, { files = { file("h", "F") } }) }
  end

  it("is read again after its files, each version", function()
    local skills = skills_of(history())
    assert.equal("happened", rename(skills).verdict)
    local n = {}
    for _, request in ipairs(skills.requests) do
      n[request] = (n[request] or 0) + 1
    end
    assert.same({ ["a 1"] = 2, ["a 2"] = 2, ["a 1 f"] = 1, ["a 2 h"] = 1 }, n)
  end)

  it("proves nothing if it is another one, or gone, after its files were read", function()
    for n = 1, 2 do
      for _, change in ipairs({ "id", "gone" }) do
        local list = history()
        local skills = skills_of(list)
        skills.on_request = function(request)
          if request == "a 2 h" then
            list[n] = change == "id" and version(n, { id = "other" }) or { version = 0 }
          end
        end
        assert.equal("unknown", rename(skills).verdict, n .. change)
      end
    end
  end)

  it("is not read again for a comparison without files", function()
    local skills = skills_of({ version(1), version(2, { body = "b" }) })
    local mine = new_lost()
    assert.equal(
      "happened",
      probes.publish(skills, "a", { base_version = 1, body = "b" })(mine).verdict
    )
    assert.same({ "a 1", "a 2" }, skills.requests)
  end)

  it("is not compared if another user made the version, or it is older than the call", function()
    for _, after in ipairs({ { created_by = OTHER }, { created_at = BEFORE } }) do
      after.files = { file("h", "F") }
      local skills = skills_of({ version(1, { files = { F } }), version(2, after) })
      local finding = rename(skills)
      assert.equal("refused", finding.verdict)
      assert.same({ "a 1", "a 2" }, skills.requests)
      assert.equal("version 2 was made by somebody else", finding.why)
      assert.equal(2, finding.current_version)
      assert.equal(BEFORE, finding.skill)
    end
  end)

  it("has not been written if its version is still the one before", function()
    local skills = skills_of({ version(1, { files = { F } }) })
    local finding = rename(skills)
    assert.equal("free", finding.verdict)
    assert.equal(BEFORE, finding.skill)
    assert.same({ "a 1" }, skills.requests)
  end)

  it("proves nothing if it has no number of its latest version", function()
    local skills = skills_of(history())
    function skills:get()
      return version(1, { files = { F } }), nil, RESPONSE
    end
    assert.equal("unknown", rename(skills).verdict)
    function skills:get()
      return true, nil, RESPONSE
    end
    assert.equal("unknown", rename(skills).verdict)
  end)

  it("proves nothing if the next version belongs to another skill", function()
    local list = history()
    list[2].first_version_created_at = SINCE
    assert.equal("unknown", rename(skills_of(list)).verdict)
    list[2] = version(3)
    assert.equal("unknown", rename(skills_of(list)).verdict)
  end)

  it("may be written twice only if both requests met the same skill", function()
    assert.equal("happened", rename(skills_of(history()), { repeated_on = BEFORE }).verdict)
    assert.equal("unknown", rename(skills_of(history()), { repeated_on = SINCE }).verdict)
    local list = history()
    list[1].first_version_created_at, list[2].first_version_created_at = SINCE, SINCE
    assert.equal("happened", rename(skills_of(list)).verdict)
    assert.equal("unknown", rename(skills_of(list), { repeated_on = SINCE }).verdict)
  end)
end)

describe("a lost write on files without a base version", function()
  local function create(list, parts)
    local skills = skills_of(list)
    local probe = probes.create_file(skills, "a", { path = "g", content = "G" })
    return probe(new_lost(parts)), skills
  end

  it("is found below later versions of others", function()
    local finding = create({
      version(1),
      version(2, { files = { G } }),
      version(3, { files = { G }, body = "x", created_by = OTHER }),
    })
    assert.equal("happened", finding.verdict)
    assert.equal(2, finding.value.version)
    assert.equal(RESPONSE, finding.response)
  end)

  it("is not looked for in what is older than the call", function()
    local finding, skills = create({
      version(1),
      version(2, { files = { G }, created_at = BEFORE }),
      version(3, { created_by = OTHER }),
    })
    assert.equal("unknown", finding.verdict)
    assert.same({ "a versions" }, skills.requests)
  end)

  it("is not a first version, which no such write makes", function()
    local finding, skills = create({ version(1, { files = { G }, created_at = SINCE }) })
    assert.equal("unknown", finding.verdict)
    assert.same({ "a versions" }, skills.requests)
  end)

  it("is not in a version of other content, which does not end the search", function()
    local finding = create({
      version(1),
      version(2, { files = { G } }),
      version(3, { body = "x", files = { G } }),
    })
    assert.equal("happened", finding.verdict)
    assert.equal(2, finding.value.version)
    assert.equal("unknown", create({ version(1), version(2, { body = "x" }) }).verdict)
  end)

  it("confirms only the skills whose files were read for that version", function()
    local _, skills = create({
      version(1),
      version(2, { files = { G } }),
      version(3),
      version(4, { files = { file("g", "X") } }),
    })
    local again = 0
    for _, request in ipairs(skills.requests) do
      again = again + (request == "a 4" and 1 or 0)
    end
    -- To be compared, and to confirm that it is still the one whose file was read; not for version 2.
    assert.equal(2, again, table.concat(skills.requests, ", "))
  end)

  it("is not found across two skills", function()
    local finding =
      create({ version(1), version(2, { files = { G }, first_version_created_at = SINCE }) })
    assert.equal("unknown", finding.verdict)
  end)

  it("is unknown if a version cannot be read", function()
    for n = 1, 2 do
      local skills = skills_of({ version(1), version(2, { files = { G } }) })
      local get = skills.get
      function skills:get(name, options)
        if options.version == n then
          return nil, { kind = "server" }
        end
        return get(self, name, options)
      end
      local probe = probes.create_file(skills, "a", { path = "g", content = "G" })
      assert.equal("unknown", probe(new_lost()).verdict)
    end
    local none = skills_of(nil)
    assert.equal("unknown", probes.delete_file(none, "a", nil, "g")(new_lost()).verdict)
  end)
end)
