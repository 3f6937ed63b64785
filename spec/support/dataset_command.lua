--- What the specs of `posthog-llm datasets` share: a folder, files in it, and what a dataset holds.

local assert = require("luassert")
local cjson = require("cjson").new()

local command = require("spec.support.command")
local live = require("spec.support.live")

local dataset_command = {}

--- A request that makes an item, in the log; for grep.
dataset_command.POST = "POST [^ ]*dataset_items"

--- As command.session; besides, its function `finish` goes into after_each.
--- @param profile string of the emulator
function dataset_command.session(profile)
  local folders = require("spec.support.folders") -- takes luafilesystem: see command.unable
  local t = command.session({ profile = profile })
  local reset, ends = t.reset, t.ends
  t.folder = nil

  function t.reset()
    reset()
    t.folder = folders.new()
  end

  function t.finish()
    folders.remove(t.folder)
  end

  --- @return string path of a file in the folder
  function t.write(name, text)
    folders.write(t.folder, name, text)
    return t.folder .. "/" .. name
  end

  --- @param path string of a file in the folder
  --- @return string? text
  function t.text_of(path)
    return folders.read(t.folder, path:sub(#t.folder + 2))
  end

  --- @return string path of a file with so many records
  function t.numbers(count)
    local lines = {}
    for i = 1, count do
      lines[i] = ('{"input":%d,"output":"o"}\n'):format(i)
    end
    return t.write("numbers.jsonl", table.concat(lines))
  end

  function t.items_of(dataset)
    local list = {}
    for line in ends(0, { "--json", "items", "list", "--dataset", dataset }).out:gmatch("[^\n]+") do
      list[#list + 1] = cjson.decode(line)
    end
    return list
  end

  function t.id_of(dataset)
    return ends(0, { "datasets", "show", dataset }).out:match("id +(%S+)")
  end

  --- Asserts that a dataset holds the numbers of `numbers(count)`, each once.
  function t.holds(count, dataset)
    local seen = {}
    local items = t.items_of(dataset)
    for _, item in ipairs(items) do
      seen[item.input] = (seen[item.input] or 0) + 1
    end
    for i = 1, count do
      assert.equal(1, seen[i], "item " .. i)
    end
    assert.equal(count, #items)
  end

  --- Shell text that waits until so many requests of a kind have arrived, or the emulator is gone.
  --- @param pattern string for grep, of an entry of the log
  function t.when_sent(count, pattern, shell)
    local words = "until [ \"$(curl -q -s --noproxy '*' %s/__emulator/log | sed 's/},{/}\\n{/g' "
      .. "| grep -c '%s')\" -ge %d ] || ! kill -0 %d 2>/dev/null; do sleep 0.02; done; %s"
    return words:format(t.e.url, pattern, count, t.e.pid, shell)
  end

  return t
end

--- A block of tests for each version of the API, with their session.
--- @param busted table its functions, which only a spec file has
--- @param name string what is described
--- @param tests fun(t: table, profile: string)
function dataset_command.describe(busted, name, tests)
  command.describe(busted, name, function()
    for _, profile in ipairs({ "reference", "current" }) do
      busted.describe("on " .. live.api_name[profile], function()
        local t = dataset_command.session(profile)
        t.hook(busted)
        tests(t, profile)
      end)
    end
  end)
end

return dataset_command
