--- What the specs of a sync share: a dataset, a folder for its files, and what was done.

local assert = require("luassert")

local dataset_file = require("posthog.llm.dataset_file")
local folders = require("spec.support.folders")
local json_text = require("posthog.llm.util.json_text")
local live = require("spec.support.live")
local llm = require("posthog.llm")

local dataset_sync = {}

local WRITES = { POST = true, PATCH = true, DELETE = true }

--- Three records, each with its key in metadata.id.
dataset_sync.THREE = '{"input":1,"output":"a","metadata":{"id":"x"}}\n'
  .. '{"input":{"q":9007199254740993},"output":null,"metadata":{"id":"y"}}\n'
  .. '{"input":"three","output":[1.5,null],"metadata":{"id":7,"tags":[]}}\n'

--- As live.session; besides, its function `finish` goes into after_each. `reset` makes a dataset,
--- a folder and a client.
--- @param profile string of the emulator
function dataset_sync.session(profile)
  local t = live.session({ profile = profile })
  local reset = t.reset
  local OUTPUT = profile == "current" and "expected_output" or "output"
  t.folder, t.dataset, t.caller = nil, nil, nil

  function t.reset()
    reset()
    t.folder = folders.new()
    t.dataset = t.e:seed({ datasets = 1 }).datasets[1]
    t.caller = t.client()
  end

  function t.finish()
    folders.remove(t.folder)
  end

  function t.write(name, text)
    local path = t.folder .. "/" .. name
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
  end

  function t.is_there(path)
    local file = io.open(path)
    if file then
      file:close()
    end
    return file ~= nil
  end

  function t.sync(path, options)
    local all = { key = "metadata.id", settle = 0.05 }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return dataset_file.sync(t.caller, t.dataset, path, all)
  end

  --- What was done, in one text.
  function t.counts(result)
    return ("%d created, %d restored, %d updated, %d the same, %d deleted, %d rejected, %d conflicts"):format(
      result.created,
      result.restored,
      result.updated,
      result.unchanged,
      result.deleted,
      result.rejected,
      result.conflicts
    )
  end

  function t.did(expected, result, err)
    assert.is_nil(err, tostring(err))
    assert.equal(expected, t.counts(result))
  end

  function t.items()
    local by_key, list = {}, {}
    for item in t.caller.dataset_items:each({ dataset = t.dataset }) do
      list[#list + 1] = item
      local id = type(item.metadata) == "table" and item.metadata.id
      if id then
        assert.is_nil(by_key[id], "two items have the key " .. tostring(id))
        by_key[id] = item
      end
    end
    return by_key, #list
  end

  --- Everything that the dataset holds, as sorted texts.
  function t.held()
    local texts = {}
    for item in t.caller.dataset_items:each({ dataset = t.dataset }) do
      texts[#texts + 1] = json_text.stored({
        input = item.input,
        output = item[OUTPUT],
        metadata = item.metadata,
      })
    end
    table.sort(texts)
    return texts
  end

  function t.writes(since)
    local n = 0
    for _, entry in ipairs(t.e:log(since)) do
      n = n + (WRITES[entry.method] and 1 or 0)
    end
    return n
  end

  --- From now on the server answers these writes with the item as it is, and stores nothing.
  function t.ignore(method, item)
    t.e:fault({
      match = { method = method, path = "/dataset_items/" .. item.id:gsub("%-", "%%-") },
      action = { status = 200, body = assert(llm.json.encode(item)) },
    })
  end

  return t
end

return dataset_sync
