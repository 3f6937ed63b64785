-- A response to a write that shows another row than the one that was written, as a confused proxy or
-- cache sends it: it is no success, whatever the write.

local live = require("spec.support.live")

local fails = live.fails

--- The writes by what they are on. Each is made after `before`, and has the body of a response that
--- shows another row. `repeats`: it is tried again after a read shows that it may be.
local SKILL_WRITES = {
  create = function(c)
    return c.skills:create({ name = "new-one", description = "d", body = "b" })
  end,
  publish = function(c)
    return c.skills:publish("one", { base_version = 1, body = "new" })
  end,
  duplicate = function(c)
    return c.skills:duplicate("one", "copy")
  end,
  create_file = function(c)
    return c.skills:create_file("one", { path = "b.md", content = "c", base_version = 1 })
  end,
  rename_file = function(c)
    return c.skills:rename_file("one", "a.md", "z.md", { base_version = 1 })
  end,
  delete_file = function(c)
    return c.skills:delete_file("one", "a.md", { base_version = 1 })
  end,
}
local CURRENT_SKILL_WRITES = {
  rename = function(c)
    return c.skills:rename("one", "another-name")
  end,
  publish_owners = function(c)
    return c.skills:publish("one", { owners = {} })
  end,
}
local ROW_WRITES = {
  update = function(rows, id)
    return rows:update(id, { metadata = { a = 1 } })
  end,
  delete = function(rows, id)
    return rows:delete(id)
  end,
  undelete = function(rows, id)
    return rows:undelete(id)
  end,
}
local CURRENT_ROW_WRITES = {
  archive = function(rows, id)
    return rows:archive(id)
  end,
  restore = function(rows, id)
    return rows:restore(id)
  end,
}

local function merged(one, other)
  local all = {}
  for _, list in ipairs({ one, other }) do
    for name, f in pairs(list) do
      all[name] = f
    end
  end
  return all
end

for _, profile in ipairs({ "reference", "current" }) do
  local is_current = profile == "current"
  local t = live.session({ profile = profile })

  describe("a response that shows another row, on " .. live.api_name[profile] .. ",", function()
    local hasty, client, item, dataset
    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      hasty, client = t.client(), t.client({ max_retries = 2 })
      dataset = assert(client.datasets:create({ name = "d" })).id
      item = assert(client.dataset_items:create({ dataset = dataset, input = 1 })).id
      assert(client.skills:create({
        name = "one",
        description = "d",
        body = "b",
        files = { { path = "a.md", content = "a" } },
      }))
      assert(client.skills:create({ name = "two", description = "d", body = "b" }))
    end)

    --- Puts a response about another row over that to the next write.
    local function confuse(body)
      local list = {}
      for i, method in ipairs({ "POST", "PATCH", "DELETE" }) do
        list[i] = { match = { method = method }, action = { body = body, times = 1 } }
      end
      t.e:faults(list)
    end

    local function refuses(body, call)
      confuse(body)
      local value, err = call()
      fails("decode", { ambiguous = true }, value, err)
      assert.truthy(err.message:find("the response is about another one", 1, true), err.message)
    end

    for name, write in pairs(merged(SKILL_WRITES, is_current and CURRENT_SKILL_WRITES or {})) do
      it("is an error of skills:" .. name, function()
        refuses('{"id":"1","name":"two","version":2}', function()
          return write(hasty)
        end)
      end)
    end

    for name, write in pairs(merged(ROW_WRITES, is_current and CURRENT_ROW_WRITES or {})) do
      it("is an error of an item's " .. name, function()
        local other = assert(client.dataset_items:create({ dataset = dataset, input = 2 }))
        if name == "undelete" or name == "restore" then
          assert(client.dataset_items:delete(item))
        end
        refuses(('{"id":"%s","version":2}'):format(other.id), function()
          return write(hasty.dataset_items, item)
        end)
      end)

      it("is an error of a dataset's " .. name, function()
        local other = assert(client.datasets:create({ name = "e" }))
        if name == "undelete" or name == "restore" then
          assert(client.datasets:delete(dataset))
        end
        refuses(('{"id":"%s"}'):format(other.id), function()
          return write(hasty.datasets, dataset)
        end)
      end)
    end

    if is_current then
      it("is an error of a create with a key", function()
        refuses(('{"id":"%s","client_item_id":"other"}'):format(item), function()
          local fields = { dataset = dataset, input = 3, client_item_id = "mine" }
          return hasty.dataset_items:create(fields)
        end)
      end)
    end

    it("is resolved like a lost one, where a read can show what became of the write", function()
      confuse('{"id":"1","name":"two","version":2}')
      local skill = assert(client.skills:publish("one", { base_version = 1, body = "new" }))
      assert.same({ "one", 2, "new" }, { skill.name, skill.version, skill.body })
      if is_current then
        local other = assert(client.dataset_items:create({ dataset = dataset, input = 2 }))
        confuse(('{"id":"%s","version":2}'):format(other.id))
        local row = assert(client.dataset_items:update(item, { expected_output = "x" }))
        assert.same({ item, 2, "x" }, { row.id, row.version, row.expected_output })
      end
    end)

    it("is none where the write names no row: the server decides what that is", function()
      for _, fields in ipairs({ {}, { name = 5 } }) do
        fields.description, fields.body = "d", "b"
        t.e:fault({
          match = { method = "POST" },
          action = { status = 201, body = '{"id":"1","name":"5","version":1}', times = 1 },
        })
        assert.equal("5", assert(hasty.skills:create(fields)).name)
      end
    end)

    it("is none where the id is only spelt in another way", function()
      local row = assert(client.datasets:update(dataset:upper(), { name = "renamed" }))
      assert.equal(dataset, row.id)
    end)
  end)
end
