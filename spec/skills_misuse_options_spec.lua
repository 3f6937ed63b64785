--- Options and fields of client.skills that are refused before they are sent.

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

  it("an option that the method does not have", function()
    misuses({
      {
        '"lmit"',
        function()
          s:list({ lmit = 1 })
        end,
      },
      {
        "known are",
        function()
          s:list({ lmit = 1 })
        end,
      },
      {
        '"version"',
        function()
          s:list({ version = 1 })
        end,
      },
      {
        '"offset"',
        function()
          s:each({ offset = 1 })
        end,
      },
      {
        '"base_version"',
        function()
          s:get("x", { base_version = 1 })
        end,
      },
      {
        '"before_version"',
        function()
          s:versions("x", { before_version = 1 })
        end,
      },
      {
        '"body"',
        function()
          s:create({}, { body = "x" })
        end,
      },
      {
        '"version"',
        function()
          s:publish("x", { base_version = 1 }, { version = 1 })
        end,
      },
      {
        '"version"',
        function()
          s:archive("x", { version = 1 })
        end,
      },
      {
        '"x"',
        function()
          s:duplicate("x", "y", { x = 1 })
        end,
      },
      {
        '"base_version"',
        function()
          s:file("x", "a", { base_version = 1 })
        end,
      },
      {
        "offset",
        function()
          s:rename_file("x", "a", "b", { offset = 1 })
        end,
      },
      {
        '"version"',
        function()
          s:rename_file("x", "a", "b", { version = 1 })
        end,
      },
      {
        '"version"',
        function()
          s:delete_file("x", "a", { version = 1 })
        end,
      },
      {
        "1",
        function()
          s:list({ "search" })
        end,
      },
    })
  end)

  it("an option of the wrong type or beyond its limits", function()
    misuses({
      {
        "options: table expected",
        function()
          s:list("x")
        end,
      },
      {
        "options: table expected",
        function()
          s:get("x", 3)
        end,
      },
      {
        "options: table expected",
        function()
          s:delete_file("x", "a", 4)
        end,
      },
      {
        "search: string expected",
        function()
          s:list({ search = 1 })
        end,
      },
      {
        "order_by: string expected",
        function()
          s:each({ order_by = { "name" } })
        end,
      },
      {
        "limit: at least 1",
        function()
          s:list({ limit = 0 })
        end,
      },
      {
        "limit: integer expected",
        function()
          s:each({ limit = 1.5 })
        end,
      },
      {
        "limit: integer expected",
        function()
          s:list({ limit = "5" })
        end,
      },
      {
        "limit: integer expected",
        function()
          s:list({ limit = llm.null })
        end,
      },
      {
        "limit: integer expected",
        function()
          s:list({ limit = 0 / 0 })
        end,
      },
      {
        "limit: integer expected",
        function()
          s:list({ limit = 1 / 0 })
        end,
      },
      {
        "offset: at least 0",
        function()
          s:list({ offset = -1 })
        end,
      },
      {
        "version: at least 1",
        function()
          s:get("x", { version = 0 })
        end,
      },
      {
        "version: integer expected",
        function()
          s:file("x", "a", { version = "1" })
        end,
      },
      {
        "limit: 1 to 100",
        function()
          s:resolve("x", { limit = 101 })
        end,
      },
      {
        "limit: 1 to 100",
        function()
          s:resolve("x", { limit = 0 })
        end,
      },
      {
        "limit: 1 to 100",
        function()
          s:versions("x", { limit = 101 })
        end,
      },
      {
        "before_version: at least 1",
        function()
          s:resolve("x", { before_version = 0 })
        end,
      },
      {
        "version_id: string expected",
        function()
          s:resolve("x", { version_id = 1 })
        end,
      },
      {
        "version_id is empty",
        function()
          s:resolve("x", { version_id = "" })
        end,
      },
      {
        "exclude",
        function()
          s:resolve("x", { offset = 0, before_version = 1 })
        end,
      },
      {
        "base_version: at least 1",
        function()
          s:delete_file("x", "a", { base_version = 0 })
        end,
      },
      {
        "base_version",
        function()
          s:rename_file("x", "a", "b", { base_version = "1" })
        end,
      },
      {
        "timeout: number expected",
        function()
          s:get("x", { timeout = "1" })
        end,
      },
      {
        "timeout: a positive",
        function()
          s:get("x", { timeout = 0 })
        end,
      },
      {
        "deadline: a positive",
        function()
          s:get("x", { deadline = -1 })
        end,
      },
      {
        "max_retries: at least 0",
        function()
          s:archive("x", { max_retries = -1 })
        end,
      },
      {
        "max_retries: integer",
        function()
          s:list({ max_retries = "2" })
        end,
      },
      {
        "headers: table expected",
        function()
          s:list({ headers = "x" })
        end,
      },
      {
        "line break",
        function()
          s:list({ headers = { ["X-A"] = "1\r\nX-B: 2" } })
        end,
      },
      {
        "line break",
        function()
          s:list({ headers = { ["X-A"] = "1\n" } })
        end,
      },
      {
        "not a header name",
        function()
          s:list({ headers = { ["X A"] = "1" } })
        end,
      },
      {
        "not a header name",
        function()
          s:list({ headers = { ["X-A\r\nX-B"] = "1" } })
        end,
      },
      {
        "authorization",
        function()
          s:list({ headers = { authorization = "Bearer x" } })
        end,
      },
    })
  end)

  it("fields that the server would report badly, or that contradict each other", function()
    misuses({
      {
        "fields: table expected",
        function()
          s:create()
        end,
      },
      {
        "fields: table expected",
        function()
          s:create("x")
        end,
      },
      {
        "fields: table expected",
        function()
          s:publish("x")
        end,
      },
      {
        "fields: table expected",
        function()
          s:create_file("x", "a")
        end,
      },
    })
    for _, bad in ipairs({
      { "base_version is missing", {} },
      { "base_version is missing", { body = "b" } },
      { "base_version: integer", { base_version = "1" } },
      { "base_version: integer", { base_version = llm.null } },
      { "base_version: integer", { base_version = 1.5 } },
      { "base_version: at least 1", { base_version = 0 } },
      { "body and edits", { base_version = 1, body = "b", edits = {} } },
      { "files and file_edits", { base_version = 1, files = {}, file_edits = {} } },
    }) do
      local problem, fields = bad[1], bad[2]
      misuses({
        {
          problem,
          function()
            s:publish("x", fields)
          end,
        },
      })
    end
    local file = { path = "a", content = "" }
    for _, bad in ipairs({
      { "files: table expected", { files = "a" } },
      { "files: list expected", { files = { a = 1 } } },
      { "files: list expected", { files = { [2] = file } } },
      { "files[1]: table", { files = { "a.md" } } },
      { "files[1].content", { files = { { path = "a" } } } },
      { "files[2].path", { files = { file, { content = "" } } } },
      { "path of files[1] too", { files = { file, { path = "a", content = "other" } } } },
      { "edits: list expected", { edits = { old = "a", new = "b" } } },
      { "edits[1].old", { edits = { { new = "b" } } } },
      { "edits[1].new", { edits = { { old = "a" } } } },
      { "file_edits: list expected", { file_edits = { path = "a" } } },
      { "file_edits[1].edits", { file_edits = { { path = "a" } } } },
      { "edits[1].edits[1].new", { file_edits = { { path = "a", edits = { { old = "" } } } } } },
    }) do
      local problem, fields = bad[1], bad[2]
      fields.base_version = 1
      misuses({
        {
          problem,
          function()
            s:publish("x", fields)
          end,
        },
        {
          problem,
          function()
            s:create(fields)
          end,
        },
      })
    end
    for _, bad in ipairs({
      { "content: string expected", { path = "a" } },
      { "content: string expected", { path = "a", content = llm.null } },
      { "base_version: at least 1", { path = "a", content = "x", base_version = 0 } },
    }) do
      local problem, fields = bad[1], bad[2]
      misuses({
        {
          problem,
          function()
            s:create_file("x", fields)
          end,
        },
      })
    end
  end)
end)
