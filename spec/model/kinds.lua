--- The kinds of writes that a story may be about.
---
---   version     "current" where only v2 of the API has it
---   method      of its request
---   prepare     makes what it works on: fun(world)
---   run         the call: fun(world, client, options)
---   once        false for an update: the last writer wins, and twice is the same as once
---   others      names of the acts of others (others.lua) that may come in between
---   answers     the statuses by which a request of it wrote something; 200, 201 and 204 without
---
--- A world has `name` and `new_name` of skills, `base` or false, `variant`, a number that chooses
--- what is sent, `creator`, the client that makes things, and `reader`, the one that is tried.

local llm = require("posthog.llm")

local kinds = {}

local INITIAL = { description = "d", body = "one two three aaa", license = "L" }

--- The fields of a new skill.
local function skill_fields(name, body)
  return {
    name = name,
    description = INITIAL.description,
    body = body or INITIAL.body,
    license = INITIAL.license,
    metadata = { m = 1, source = "import" },
    allowed_tools = { "T" },
    files = { { path = "f.md", content = "F" } },
  }
end
kinds.skill_fields = skill_fields

--- What a publish sends: all that the server changes or that is looked for in another way.
local PUBLISHED = {
  function()
    return { body = " mine " }
  end,
  function()
    return { body = "mine", license = 5, metadata = { a = 1e16, b = -0.0, source = "x" } }
  end,
  function()
    return { edits = { { old = "aa", new = "b " } } }
  end,
  function()
    return { files = { { path = "g.md", content = " G\n", content_type = " text/x " } } }
  end,
  function()
    return { file_edits = { { path = "f.md", edits = { { old = "F", new = "FF" } } } } }
  end,
  function()
    return { allowed_tools = { "A ", " A" }, description = "\194\160mine" }
  end,
  function()
    return {}
  end,
}

--- @return table fields without a base
function kinds.published(world)
  return PUBLISHED[world.variant % #PUBLISHED + 1]()
end

--- A skill with as many versions as the base, and one file at least.
local function prepare_skill(world)
  if world.old_name then
    world.name = world.old_name
  else
    assert(world.creator.skills:create(skill_fields(world.name)))
  end
  for version = 1, (world.base or 1) - 1 do
    assert(world.creator.skills:publish(world.name, { base_version = version }))
  end
end

local SKILL = {
  "publish other",
  "publish same",
  "archive",
  "replace",
  "replace same",
  "add file",
  "delete file",
  "rename file",
  "archive and add",
}

local list = {}
local function kind(name, fields)
  fields.name = name
  if fields.once == nil then
    fields.once = true
  end
  list[#list + 1] = fields
end

kind("skills:create", {
  method = "POST",
  prepare = function(world)
    if world.old_name then
      world.name = world.old_name
    end
    if world.variant % 4 == 0 and not world.old_name then
      assert(world.creator.skills:create(skill_fields(world.name, "taken")))
    end
  end,
  run = function(world, client, options)
    return client.skills:create(skill_fields(world.name, " mine\n"), options)
  end,
  others = { "create same", "create other", "archive", "publish other", "replace" },
})

kind("skills:publish", {
  method = "PATCH",
  based = true,
  prepare = prepare_skill,
  run = function(world, client, options)
    local fields = kinds.published(world)
    fields.base_version = world.base
    return client.skills:publish(world.name, fields, options)
  end,
  others = SKILL,
})

kind("skills:publish owners", {
  method = "PATCH",
  version = "current",
  prepare = prepare_skill,
  run = function(world, client, options)
    local fields = { owners = { world.owner }, base_version = world.base or nil }
    return client.skills:publish(world.name, fields, options)
  end,
  others = SKILL,
})

kind("skills:archive", {
  method = "POST",
  prepare = prepare_skill,
  run = function(world, client, options)
    return client.skills:archive(world.name, options)
  end,
  others = SKILL,
})

kind("skills:duplicate", {
  method = "POST",
  prepare = function(world)
    prepare_skill(world)
    if world.variant % 5 == 0 then
      assert(world.creator.skills:create(skill_fields(world.new_name, "taken")))
    end
  end,
  run = function(world, client, options)
    return client.skills:duplicate(world.name, world.new_name, options)
  end,
  others = {
    "publish other",
    "archive",
    "replace",
    "create new same",
    "create new other",
    "archive new",
    "publish new other",
    "delete file",
  },
})

kind("skills:rename", {
  method = "POST",
  version = "current",
  prepare = function(world)
    if world.variant % 6 > 0 then
      prepare_skill(world)
    end
    if world.variant % 5 == 0 then
      assert(world.creator.skills:create(skill_fields(world.new_name, "taken")))
    end
  end,
  run = function(world, client, options)
    return client.skills:rename(world.name, world.new_name, options)
  end,
  others = {
    "publish other",
    "archive",
    "replace",
    "create new same",
    "create new other",
    "archive new",
    "create other",
    "publish new other",
  },
})

kind("skills:create_file", {
  method = "POST",
  prepare = prepare_skill,
  run = function(world, client, options)
    return client.skills:create_file(
      world.name,
      { path = "g.md", content = " G ", base_version = world.base or nil },
      options
    )
  end,
  others = SKILL,
})

kind("skills:rename_file", {
  method = "POST",
  prepare = prepare_skill,
  run = function(world, client, options)
    options.base_version = world.base or nil
    return client.skills:rename_file(world.name, "f.md", "g.md", options)
  end,
  others = SKILL,
})

kind("skills:delete_file", {
  method = "DELETE",
  prepare = prepare_skill,
  run = function(world, client, options)
    options.base_version = world.base or nil
    return client.skills:delete_file(world.name, "f.md", options)
  end,
  others = SKILL,
})

local function prepare_dataset(world)
  world.dataset = assert(world.creator.datasets:create({ name = world.name })).id
end

kind("datasets:create", {
  method = "POST",
  prepare = function() end,
  run = function(world, client, options)
    return client.datasets:create({ name = world.name, metadata = { n = 1e16 } }, options)
  end,
  others = { "create dataset same", "create dataset other" },
})

kind("datasets:update", {
  method = "PATCH",
  once = false,
  prepare = prepare_dataset,
  run = function(world, client, options)
    return client.datasets:update(world.dataset, { description = "mine" }, options)
  end,
  others = { "update dataset", "archive dataset", "restore dataset" },
})

kind("datasets:delete", {
  method = nil, -- PATCH on v1, POST on v2
  once = false,
  prepare = prepare_dataset,
  run = function(world, client, options)
    return client.datasets:delete(world.dataset, options)
  end,
  others = { "update dataset", "archive dataset", "restore dataset" },
})

local function item_fields(world)
  return { dataset = world.dataset, input = { "mine", 1e16, llm.null }, metadata = { k = 1.5e19 } }
end

local function prepare_item(world)
  prepare_dataset(world)
  world.item = assert(
    world.creator.dataset_items:create({ dataset = world.dataset, input = 0, metadata = { k = 0 } })
  ).id
  for version = 1, (world.base or 1) - 1 do
    assert(
      world.creator.dataset_items:update(
        world.item,
        { input = version, base_version = world.v2 and version or nil }
      )
    )
  end
end

local ITEM = { "update item same", "update item other", "archive item", "restore item" }

kind("dataset_items:create", {
  method = "POST",
  prepare = prepare_dataset,
  run = function(world, client, options)
    return client.dataset_items:create(item_fields(world), options)
  end,
  others = { "create item same", "archive dataset" },
})

kind("dataset_items:create with a key", {
  method = "POST",
  version = "current",
  prepare = prepare_dataset,
  run = function(world, client, options)
    local fields = item_fields(world)
    fields.client_item_id = world.name
    return client.dataset_items:create(fields, options)
  end,
  others = { "create keyed same", "create keyed other", "change keyed", "archive dataset" },
  answers = { [201] = true },
})

kind("dataset_items:update", {
  method = "PATCH",
  version = "current",
  prepare = prepare_item,
  run = function(world, client, options)
    return client.dataset_items:update(
      world.item,
      { input = { "mine", 1e16 }, base_version = world.base or nil },
      options
    )
  end,
  others = ITEM,
})

kind("dataset_items:archive", {
  method = "POST",
  version = "current",
  prepare = prepare_item,
  run = function(world, client, options)
    options.base_version = world.base or nil
    return client.dataset_items:archive(world.item, options)
  end,
  others = ITEM,
})

kind("dataset_items:restore", {
  method = "POST",
  version = "current",
  prepare = function(world)
    prepare_item(world)
    assert(world.creator.dataset_items:archive(world.item, { base_version = world.base or 1 }))
    world.base = world.base and world.base + 1
  end,
  run = function(world, client, options)
    options.base_version = world.base or nil
    options.source_version = world.variant % 2 == 0 and 1 or nil
    return client.dataset_items:restore(world.item, options)
  end,
  others = ITEM,
})

kind("dataset_items:update, v1", {
  method = "PATCH",
  version = "reference",
  once = false,
  prepare = prepare_item,
  run = function(world, client, options)
    return client.dataset_items:update(world.item, { input = { "mine" } }, options)
  end,
  others = { "update item other" },
})

kind("dataset_items:delete, v1", {
  method = "PATCH",
  version = "reference",
  once = false,
  prepare = prepare_item,
  run = function(world, client, options)
    return client.dataset_items:delete(world.item, options)
  end,
  others = { "update item other" },
})

kinds.list = list

--- @param name string
function kinds.find(name)
  for _, one in ipairs(list) do
    if one.name == name then
      return one
    end
  end
end

return kinds
