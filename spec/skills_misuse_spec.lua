--- Names and paths of skills that would never reach the server as they are written.

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local live = require("spec.support.live")
local llm = require("posthog.llm")

local t = live.session()
local misuses = live.misuses

describe("misuse of client.skills raises at the line of the call and sends nothing:", function()
  local s

  t.hook(busted)
  setup(function()
    s = t.client().skills
  end)
  after_each(function()
    t.silent()
  end)

  local BAD_NAMES = {
    { "is empty", "" },
    { "dot segment", "." },
    { "dot segment", ".." },
    { "slash", "a/b" },
    { "slash", "/" },
    { "control character", "a\nb" },
    { "control character", "a\0b" },
    { "control character", "\127" },
    { "string expected", nil },
    { "string expected", 7 },
    { "string expected", {} },
    { "null", llm.null },
  }

  it("a name that is not a segment of a path", function()
    for _, bad in ipairs(BAD_NAMES) do
      local problem, name = bad[1], bad[2]
      misuses({
        {
          problem,
          function()
            s:get(name)
          end,
        },
        {
          problem,
          function()
            s:resolve(name)
          end,
        },
        {
          problem,
          function()
            s:versions(name)
          end,
        },
        {
          problem,
          function()
            s:publish(name, { base_version = 1 })
          end,
        },
        {
          problem,
          function()
            s:archive(name)
          end,
        },
        {
          problem,
          function()
            s:duplicate(name, "other")
          end,
        },
        {
          problem,
          function()
            s:duplicate("other", name)
          end,
        },
        {
          problem,
          function()
            s:file(name, "a.md")
          end,
        },
        {
          problem,
          function()
            s:create_file(name, { path = "a.md", content = "x" })
          end,
        },
        {
          problem,
          function()
            s:rename_file(name, "a.md", "b.md")
          end,
        },
        {
          problem,
          function()
            s:delete_file(name, "a.md")
          end,
        },
      })
    end
  end)

  it("a path of a file that has dots, holes or control characters", function()
    for _, bad in ipairs({
      { "empty segment", "" },
      { "empty segment", "/" },
      { "empty segment", "/a" },
      { "empty segment", "a/" },
      { "empty segment", "a//b" },
      { "dot segment", "." },
      { "dot segment", ".." },
      { "dot segment", "../archive" },
      { "dot segment", "a/../../b" },
      { "dot segment", "a/./b" },
      { "dot segment", "a\\..\\b" },
      { "dot segment", "a/.." },
      { "control character", "a\0b" },
      { "control character", "a\nb" },
      { "string expected", nil },
      { "string expected", 1 },
      { "string expected", { "a" } },
    }) do
      local problem, path = bad[1], bad[2]
      misuses({
        {
          problem,
          function()
            s:file("x", path)
          end,
        },
        {
          problem,
          function()
            s:delete_file("x", path)
          end,
        },
        {
          problem,
          function()
            s:rename_file("x", path, "b")
          end,
        },
        {
          problem,
          function()
            s:rename_file("x", "b", path)
          end,
        },
        {
          problem,
          function()
            s:create_file("x", { path = path, content = "x" })
          end,
        },
        {
          problem,
          function()
            s:create({ files = { { path = path, content = "x" } } })
          end,
        },
        {
          problem,
          function()
            s:create({ file_edits = { { path = path, edits = {} } } })
          end,
        },
      })
    end
  end)

  it("a new path that the server would not keep", function()
    misuses({
      {
        "white space",
        function()
          s:create_file("x", { path = " a", content = "x" })
        end,
      },
      {
        "white space",
        function()
          s:rename_file("x", "a", "b ")
        end,
      },
      {
        "body",
        function()
          s:create_file("x", { path = "SKILL.md", content = "x" })
        end,
      },
      {
        "body",
        function()
          s:rename_file("x", "a", "skill.MD")
        end,
      },
    })
  end)
end)
