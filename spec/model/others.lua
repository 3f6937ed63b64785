--- What other people do to the same things, each with a client of theirs. What cannot be done is left.
--- "same" is what the tried client sends too; only another user may do that, and only where the tried
--- client knows its user: one who does the very same is taken for it.

local kinds = require("spec.model.kinds")

local others = {}

local function publish(client, name, fields)
  local skill = client.skills:get(name)
  if skill then
    fields.base_version = skill.version
    client.skills:publish(name, fields)
  end
end

--- A skill in place of the one that had the name, with as many versions.
local function replace(world, client, body)
  if client.skills:archive(world.name) then
    client.skills:create(kinds.skill_fields(world.name, body))
    for version = 1, (world.base or 1) - 1 do
      client.skills:publish(world.name, { base_version = version })
    end
  end
end

local function change_item(client, id, change)
  local item = id and client.dataset_items:get(id)
  if item then
    change(item)
  end
end

--- A text that nobody has written yet: else a version might be like one that changes nothing.
local function new_text(world)
  world.texts = (world.texts or 0) + 1
  return ("theirs %d"):format(world.texts)
end

--- @type table<string, fun(world: table, client: posthog.llm.Client)>
others.acts = {
  ["publish other"] = function(world, client)
    publish(client, world.name, { body = new_text(world) })
  end,
  ["publish same"] = function(world, client)
    publish(client, world.name, kinds.published(world))
  end,
  archive = function(world, client)
    client.skills:archive(world.name)
  end,
  replace = function(world, client)
    replace(world, client, "theirs")
  end,
  ["replace same"] = function(world, client)
    replace(world, client)
  end,
  ["archive and add"] = function(world, client)
    replace(world, client)
    client.skills:create_file(world.name, { path = "g.md", content = "G" })
  end,
  ["add file"] = function(world, client)
    client.skills:create_file(
      world.name,
      { path = "g.md", content = world.variant % 2 == 0 and "G" or "theirs" }
    )
  end,
  ["delete file"] = function(world, client)
    client.skills:delete_file(world.name, "f.md")
  end,
  ["rename file"] = function(world, client)
    client.skills:rename_file(world.name, "f.md", world.variant % 2 == 0 and "g.md" or "h.md")
  end,
  ["create same"] = function(world, client)
    client.skills:create(kinds.skill_fields(world.name, "mine"))
  end,
  ["create other"] = function(world, client)
    client.skills:create(kinds.skill_fields(world.name, "theirs"))
  end,
  ["create new same"] = function(world, client)
    client.skills:create(kinds.skill_fields(world.new_name))
  end,
  ["create new other"] = function(world, client)
    client.skills:create(kinds.skill_fields(world.new_name, "theirs, under the new name"))
  end,
  ["archive new"] = function(world, client)
    client.skills:archive(world.new_name)
  end,
  ["publish new other"] = function(world, client)
    publish(client, world.new_name, { body = new_text(world) })
  end,
  ["create dataset same"] = function(world, client)
    client.datasets:create({ name = world.name, metadata = { n = 1e16 } })
  end,
  ["create dataset other"] = function(world, client)
    client.datasets:create({ name = world.name, description = "theirs" })
  end,
  ["update dataset"] = function(world, client)
    client.datasets:update(world.dataset, { description = "theirs" })
  end,
  ["archive dataset"] = function(world, client)
    client.datasets:delete(world.dataset)
  end,
  ["restore dataset"] = function(world, client)
    client.datasets:undelete(world.dataset)
  end,
  ["create item same"] = function(world, client)
    client.dataset_items:create({ dataset = world.dataset, input = { "mine" } })
  end,
  ["create keyed same"] = function(world, client)
    client.dataset_items:create({
      dataset = world.dataset,
      client_item_id = world.name,
      input = { "mine", 1e16 },
      metadata = { k = 1.5e19 },
    })
  end,
  ["create keyed other"] = function(world, client)
    client.dataset_items:create({
      dataset = world.dataset,
      client_item_id = world.name,
      input = "theirs",
    })
  end,
  ["change keyed"] = function(world, client)
    local page = client.dataset_items:list({ dataset = world.dataset })
    local item = page and page.results[1]
    if item then
      client.dataset_items:update(item.id, { input = "theirs", base_version = item.version })
    end
  end,
  ["update item same"] = function(world, client)
    change_item(client, world.item, function(item)
      client.dataset_items:update(
        item.id,
        { input = { "mine", 1e16 }, base_version = item.version }
      )
    end)
  end,
  ["update item other"] = function(world, client)
    change_item(client, world.item, function(item)
      client.dataset_items:update(item.id, { input = "theirs", base_version = item.version })
    end)
  end,
  ["archive item"] = function(world, client)
    change_item(client, world.item, function(item)
      client.dataset_items:archive(item.id, { base_version = item.version })
    end)
  end,
  ["restore item"] = function(world, client)
    change_item(client, world.item, function(item)
      client.dataset_items:restore(item.id, { base_version = item.version })
    end)
  end,
}

--- Whether the act could be taken for the tried client's own write, where that does not know its user
--- or is the same one.
--- @param name string
function others.is_alike(name)
  return name:find("same", 1, true) ~= nil
    or name:find("file", 1, true) ~= nil
    or name:find("archive", 1, true) ~= nil
    or name:find("restore", 1, true) ~= nil
    or name:find("add", 1, true) ~= nil
end

return others
