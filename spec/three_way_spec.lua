-- Differences and merges by lines. git is the second opinion, where it is installed.
local folders = require("spec.support.folders")
local line_diff = require("posthog.llm.util.line_diff")
local shell = require("spec.support.shell")
local three_way = require("posthog.llm.util.three_way")

local SEED = tonumber(os.getenv("SPEC_SEED")) or 20261130
local LABELS = { ours = "this folder", theirs = "version 3" }

--- The new lines, made of the old ones by the hunks.
local function apply(old, new, hunks)
  local result, at = {}, 1
  for _, hunk in ipairs(hunks) do
    for i = at, hunk.a - 1 do
      result[#result + 1] = old[i]
    end
    for i = hunk.b, hunk.b + hunk.b_count - 1 do
      result[#result + 1] = new[i]
    end
    at = hunk.a + hunk.a_count
  end
  for i = at, #old do
    result[#result + 1] = old[i]
  end
  return result
end

local function random_lines(count, kinds)
  local lines = {}
  for i = 1, count do
    lines[i] = ("line %d\n"):format(math.random(kinds))
  end
  return lines
end

--- Every tenth line or so is changed, taken out, or gets one after it.
local function edit(lines, kinds)
  local edited = {}
  for _, line in ipairs(lines) do
    local what = math.random(20)
    if what == 1 then
      edited[#edited + 1] = ("line %d\n"):format(math.random(kinds))
    elseif what ~= 2 then
      edited[#edited + 1] = line
    end
    if what == 3 then
      edited[#edited + 1] = ("line %d\n"):format(math.random(kinds))
    end
  end
  return edited
end

describe("a difference by lines", function()
  it("names what was changed, inserted and deleted", function()
    local old = line_diff.split("a\nb\nc\nd\n")
    local new = line_diff.split("a\nB\nc\nx\nd\n")
    assert.same({
      { a = 2, a_count = 1, b = 2, b_count = 1 },
      { a = 4, a_count = 0, b = 4, b_count = 1 },
    }, line_diff.hunks(old, new))
    assert.same({ { a = 1, a_count = 4, b = 1, b_count = 0 } }, line_diff.hunks(old, {}))
    assert.same({ { a = 1, a_count = 0, b = 1, b_count = 4 } }, line_diff.hunks({}, old))
    assert.same({}, line_diff.hunks(old, old))
  end)

  it("takes the last position where a line may have been inserted", function()
    local old, new = line_diff.split("{\n}\n{\n}\n"), line_diff.split("{\n}\n{\n}\n{\n}\n")
    assert.same({ { a = 5, a_count = 0, b = 5, b_count = 2 } }, line_diff.hunks(old, new))
  end)

  it("distinguishes a last line with and without a line end", function()
    assert.same({ "a\n", "b" }, line_diff.split("a\nb"))
    assert.same({}, line_diff.split(""))
    assert.equal(1, #line_diff.hunks(line_diff.split("a\nb"), line_diff.split("a\nb\n")))
  end)

  it("turns the old text into the new one, for any two texts", function()
    math.randomseed(SEED)
    for round = 1, 300 do
      local kinds = ({ 2, 5, 50, 100000 })[round % 4 + 1]
      local old = random_lines(math.random(0, 60), kinds)
      local new = round % 3 == 0 and random_lines(math.random(0, 60), kinds) or edit(old, kinds)
      local made = apply(old, new, line_diff.hunks(old, new))
      assert.same(new, made, "seed " .. SEED .. ", round " .. round)
    end
  end)

  it("finds few changes where the texts have little order in common", function()
    math.randomseed(SEED)
    local old, new = random_lines(5000, 20), random_lines(5000, 20)
    local hunks = line_diff.hunks(old, new)
    assert.same(new, apply(old, new, hunks))
    assert.is_true(#hunks > 100)
  end)
end)

describe("a merge by lines", function()
  it("takes the changes of both sides", function()
    local merged, conflicts =
      three_way.merge("1\n2\n3\n4\n5\n", "ONE\n2\n3\n4\n5\n", "1\n2\n3\n4\nFIVE\nsix\n", LABELS)
    assert.equal("ONE\n2\n3\n4\nFIVE\nsix\n", merged)
    assert.equal(0, conflicts)
  end)

  it("takes a change that both have made once", function()
    local merged, conflicts = three_way.merge("1\n2\n3\n", "1\nx\n", "1\nx\n", LABELS)
    assert.equal("1\nx\n", merged)
    assert.equal(0, conflicts)
    assert.equal("", (three_way.merge("1\n", "", "", LABELS)))
  end)

  it("puts both versions of the same lines between markers", function()
    local merged, conflicts = three_way.merge("1\n2\n3\n", "1\nmine\n3\n", "1\ntheirs\n3\n", LABELS)
    assert.equal("1\n<<<<<<< this folder\nmine\n=======\ntheirs\n>>>>>>> version 3\n3\n", merged)
    assert.equal(1, conflicts)
  end)

  it("treats changes of neighbouring lines as a conflict", function()
    local _, conflicts = three_way.merge("1\n2\n3\n", "1\nmine\n3\n", "1\n2\ntheirs\n", LABELS)
    assert.equal(1, conflicts)
  end)

  it("begins each marker on a line of its own, with the line ends of the text", function()
    assert.equal(
      "<<<<<<< this folder\nmine\n=======\ntheirs\n>>>>>>> version 3\n",
      (three_way.merge("1", "mine", "theirs", LABELS))
    )
    assert.equal(
      "a\r\n<<<<<<< this folder\r\nmine\r\n=======\r\ntheirs\r\n>>>>>>> version 3\r\n",
      (three_way.merge("a\r\n1\r\n", "a\r\nmine\r\n", "a\r\ntheirs\r\n", LABELS))
    )
  end)

  it("reports for each run of lines which side it is from", function()
    local pieces = three_way.pieces(
      line_diff.split("1\n2\n3\n4\n5\n6\n7\n"),
      line_diff.split("1\nmine\n3\n4\n5\nboth\n7\n"),
      line_diff.split("1\n2\n3\ntheirs\n5\nboth\n7\n")
    )
    local kinds = {}
    for i, piece in ipairs(pieces) do
      kinds[i] = ("%s %d %d %d"):format(piece.kind, piece.base, piece.ours, piece.theirs)
    end
    assert.same({
      "same 1 1 1",
      "ours 2 2 2",
      "same 3 3 3",
      "theirs 4 4 4",
      "same 5 5 5",
      "both 6 6 6",
      "same 7 7 7",
    }, kinds)
  end)

  it("covers each line of each text once, in order", function()
    math.randomseed(SEED)
    for round = 1, 300 do
      local base = random_lines(math.random(0, 30), 6)
      local ours, theirs = edit(base, 6), edit(base, 6)
      local at = { base = 1, ours = 1, theirs = 1 }
      for _, piece in ipairs(three_way.pieces(base, ours, theirs)) do
        for side, line in pairs(at) do
          assert.equal(line, piece[side], "seed " .. SEED .. ", round " .. round)
          at[side] = line + piece[side .. "_count"]
        end
      end
      assert.same({ base = #base + 1, ours = #ours + 1, theirs = #theirs + 1 }, at)
    end
  end)

  it("gives the same result as git", function()
    if select(2, shell.run("git --version")) ~= 0 then
      pending("git is not installed")
      return
    end
    math.randomseed(SEED)
    local root = folders.new()
    local script, mine = {}, {}
    for round = 1, 200 do
      local base = random_lines(math.random(0, 40), 100000)
      local ours, theirs = table.concat(edit(base, 100000)), table.concat(edit(base, 100000))
      base = table.concat(base)
      folders.write(root, round .. ".base", base)
      folders.write(root, round .. ".ours", ours)
      folders.write(root, round .. ".theirs", theirs)
      mine[round] = three_way.merge(base, ours, theirs, LABELS)
      script[round] = ("git merge-file -q -L 'this folder' -L base -L 'version 3' %d.ours %d.base %d.theirs"):format(
        round,
        round,
        round
      )
    end
    folders.write(root, "merge.sh", table.concat(script, "\n") .. "\nexit 0\n")
    local output, status = shell.run(("cd '%s' && sh merge.sh"):format(root))
    assert.equal(0, status, output)
    for round, merged in ipairs(mine) do
      assert.equal(
        folders.read(root, round .. ".ours"),
        merged,
        "seed " .. SEED .. ", round " .. round
      )
    end
    folders.remove(root)
  end)
end)
