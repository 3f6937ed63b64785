-- What is concluded from a skill that is read after a lost create, copy, archive, rename or change of
-- owners, without a server: each case is a history in memory and the verdict on one write.

local probes = require("posthog.llm.api.ambiguous.skills")
local skill_history = require("spec.support.skill_history")

local BEFORE = skill_history.BEFORE
local SINCE = skill_history.SINCE
local OTHER = skill_history.OTHER
local RESPONSE = skill_history.RESPONSE
local version = skill_history.version
local file = skill_history.file
local skills_of = skill_history.skills_of
local new_lost = skill_history.new_lost
local files_read = skill_history.files_read

local F = file("f", "F")

describe("a lost create of a skill", function()
  local FIELDS =
    { name = " a ", description = "d", body = "one two", files = { { path = "f", content = "F" } } }
  local function create(changes, parts, fields)
    local skills = skills_of({ version(1, changes) })
    return probes.create(skills, fields or FIELDS)(new_lost(parts)), skills
  end
  local function ours(more)
    local changes = { created_at = SINCE, first_version_created_at = SINCE, files = { F } }
    for name, value in pairs(more or {}) do
      changes[name] = value
    end
    return changes
  end

  it("happened if the first version under the name is it", function()
    local finding = create(ours())
    assert.equal("happened", finding.verdict)
    assert.equal(1, finding.value.version)
    assert.equal(
      "happened",
      create(ours({ files = {} }), nil, { name = "a", body = "one two" }).verdict
    )
  end)

  it("is unknown if it has another body, other files or another author", function()
    local finding, skills = create(ours({ body = "x" }))
    assert.equal("unknown", finding.verdict)
    assert.equal(0, files_read(skills))
    assert.equal("unknown", create(ours({ files = {} })).verdict)
    assert.equal("unknown", create(ours(), nil, { name = "a", body = "one two" }).verdict)
    finding, skills = create(ours({ created_by = OTHER }))
    assert.equal("unknown", finding.verdict)
    assert.same({ "a 1" }, skills.requests)
  end)

  it("did not happen if the name had its skill before, or a response showed it", function()
    local finding, skills = create({ files = { F } })
    assert.equal("refused", finding.verdict)
    assert.equal("the name belongs to another skill", finding.why)
    assert.same({ "a 1" }, skills.requests)
    finding, skills = create(ours(), { skills = { a = SINCE } })
    assert.equal("refused", finding.verdict)
    assert.same({ "a 1" }, skills.requests)
  end)

  it("is unknown if nothing has the name", function()
    local skills = skills_of({})
    assert.equal("unknown", probes.create(skills, FIELDS)(new_lost()).verdict)
  end)
end)

describe("a lost copy of a skill", function()
  local LATER = "2026-02-01T00:00:01Z"
  local function duplicate(list, copy)
    copy = copy or {}
    copy.name, copy.created_at = "b", copy.created_at or LATER
    copy.first_version_created_at = SINCE
    local skills = skills_of(list, { b = { version(1, copy) } })
    return probes.duplicate(skills, "a", "b")(new_lost()), skills
  end

  it("happened if it equals what was the latest version since the call began", function()
    assert.equal("happened", duplicate({ version(1) }).verdict)
    assert.equal(
      "happened",
      duplicate({ version(1, { files = { F } }) }, { files = { F } }).verdict
    )
    assert.equal("happened", duplicate({ version(1), version(2, { body = "new" }) }).verdict)
    assert.equal("happened", duplicate({ version(1, { body = "old" }), version(2) }).verdict)
  end)

  it("is unknown if it equals no such version", function()
    assert.equal("unknown", duplicate({ version(1, { body = "x" }) }).verdict)
    assert.equal("unknown", duplicate({ version(1, { files = { F } }) }).verdict)
    assert.equal(
      "unknown",
      duplicate({ version(1, { files = { F } }) }, { files = { file("f", "X") } }).verdict
    )
    -- Version 1 was not the latest one any more when the call began.
    local finding, skills =
      duplicate({ version(1), version(2, { body = "x", created_at = BEFORE }) })
    assert.equal("unknown", finding.verdict)
    assert.same({ "b 1", "a versions", "a 2" }, skills.requests)
    -- A copy is not older than what it copies.
    assert.equal(
      "unknown",
      duplicate({ version(1, { created_at = LATER }) }, { created_at = SINCE }).verdict
    )
  end)

  it("is unknown if the versions of its source cannot be read", function()
    assert.equal("unknown", duplicate(nil).verdict)
  end)
end)

describe("a lost change of owners where the server returns none", function()
  it("is judged by the version that it makes there, if it names the one before", function()
    local function judge_owners(fields, list)
      fields.owners = { "u1" }
      return probes.owners(skills_of(list), "a", fields)(new_lost()).verdict
    end
    assert.equal("happened", judge_owners({ base_version = 1 }, { version(1), version(2) }))
    assert.equal("free", judge_owners({ base_version = 1 }, { version(1) }))
    assert.equal("unknown", judge_owners({}, { version(1), version(2) }))
  end)
end)

describe("a lost archive or rename of a skill, or its owners", function()
  local function resource(of)
    return {
      get = function(_, name)
        local value = of[name]
        if value then
          return value, nil, RESPONSE
        end
        return nil, { kind = "not_found", status = 404, code = "not_found" }, RESPONSE
      end,
    }
  end
  local it_, other = version(1), version(1, { first_version_created_at = SINCE })

  it("is a rename if the new name has the skill", function()
    local function rename(of)
      return probes.rename(resource(of), "a", "b", BEFORE)(new_lost())
    end
    local finding = rename({ b = it_, a = other })
    assert.equal("happened", finding.verdict)
    assert.equal(it_, finding.value)
    finding = rename({ a = it_, b = other })
    assert.equal("refused", finding.verdict)
    assert.equal("the name belongs to another skill", finding.why)
    assert.equal("unknown", rename({ a = other, b = other }).verdict)
    assert.equal("unknown", rename({ a = it_ }).verdict)
  end)

  it("is no rename that was refused if the new name has become the skill's meanwhile", function()
    local of = { b = other, a = it_ }
    local skills = resource(of)
    local get = skills.get
    function skills:get(name)
      local skill, err, response = get(self, name)
      if name == "b" then
        of.b = it_
      end
      return skill, err, response
    end
    local finding = probes.rename(skills, "a", "b", BEFORE)(new_lost())
    assert.equal("happened", finding.verdict)
    assert.equal(it_, finding.value)
  end)

  it("is a change of owners if the same skill had others before", function()
    local function owners(now, before, sent)
      local skill = version(2, { owners = now })
      local old = before and version(1, { owners = before })
      return probes.owners(resource({ a = skill }), "a", { owners = sent or { "u1", "U2" } }, old)(
        new_lost()
      )
    end
    local finding = owners({ { uuid = "u1" }, { uuid = "u2" } }, {})
    assert.equal("happened", finding.verdict)
    assert.equal(2, finding.value.version)
    assert.equal("happened", owners({ "u1", "u2" }, { "u1" }).verdict)
    assert.equal("happened", owners({}, { "u1" }, {}).verdict)
    assert.equal("unknown", owners({ "u1", "u2" }, { "u2", "u1" }).verdict)
    assert.equal("unknown", owners({ "u1" }, {}).verdict)
    assert.equal("unknown", owners({ "u1", "u2", "u3" }, {}).verdict)
    assert.equal("unknown", owners({ "u1", "u2" }, nil).verdict)
    assert.equal("unknown", owners("u1", {}).verdict)
    assert.equal("unknown", owners({ "u1" }, {}, 5).verdict)
  end)
end)
