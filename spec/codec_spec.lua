-- Resources with a codec of the caller's choice.

local cjson = require("cjson")
local cjson_safe = require("cjson.safe")

local live = require("spec.support.live")
local llm = require("posthog.llm")

local t = live.session()
local fails, all = live.fails, live.all

describe("a client with a codec of the caller's choice", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  for name, codec in pairs({ cjson = cjson, ["cjson.safe"] = cjson_safe }) do
    it("reads and writes all resources by " .. name, function()
      local client = t.client({ json = codec })
      local skill = assert(client.skills:create({
        name = "x",
        description = "d",
        body = "b",
        files = {},
        allowed_tools = {},
        metadata = { a = llm.null },
      }))
      assert.truthy(t.only().body:find('"files":[]', 1, true))
      assert.truthy(t.only().body:find('"allowed_tools":[]', 1, true))
      assert.same({ "x", 1, {} }, { skill.name, skill.version, skill.files })
      assert.equal(llm.null, skill.metadata.a)
      assert.is_true(assert(client.skills:archive("x")))
      t.e:seed({ datasets = 3 })
      assert.equal(3, #all(client.datasets:each({ limit = 1 })))
      local row = assert(client.datasets:create({ name = "x", metadata = llm.array() }))
      assert.is_nil(row.description)
      row = assert(client.datasets:update(row.id, { description = llm.null, metadata = { 1 } }))
      assert.same({ 1 }, row.metadata)
      assert.same({}, assert(client.datasets:list({ search = "nothing" })).results)
      assert.equal(50, #assert(client.spend:get()).by_tool.items)
      assert.is_nil(assert(client.spend:get()).by_tool.items[3].tool)
      local kept = t.client({ json = codec, keep_null = true })
      assert.equal(llm.null, assert(kept.spend:get()).by_tool.items[3].tool)
    end)

    it("returns what " .. name .. " cannot encode as an error, and sends nothing", function()
      local client = t.client({ json = codec })
      for _, fields in ipairs({
        { metadata = { f = print } },
        { metadata = print, files = {} },
        { metadata = 0 / 0, files = {} },
      }) do
        fails("invalid", {}, client.skills:create(fields))
      end
      t.silent()
    end)

    it("reports what " .. name .. " cannot decode, and what is not a valid response", function()
      local client = t.client({ json = codec })
      for _, body in ipairs({ "<html>", "", "null", "[]", "5", '{"results":{"id":1}}', '{"a' }) do
        t.answer(200, body)
        fails("decode", { status = 200 }, client.datasets:list())
      end
    end)
  end
end)
