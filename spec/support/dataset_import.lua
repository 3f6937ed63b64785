--- What the specs of an import share: a dataset, a folder for files, and what has been made.

local dataset_file = require("posthog.llm.dataset_file")
local live = require("spec.support.live")
local llm = require("posthog.llm")

local dataset_import = {}

--- The path of the requests that make items, for a fault.
dataset_import.ITEMS = "/dataset_items/$"

--- What a command has printed.
--- @param command string
--- @return string
function dataset_import.output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- As live.session; besides, its function `finish` goes into after_each. `reset` makes a dataset,
--- a folder and a client.
--- @param profile string of the emulator
function dataset_import.session(profile)
  local t = live.session({ profile = profile })
  local reset = t.reset
  t.folder, t.dataset, t.caller = nil, nil, nil

  function t.reset()
    reset()
    t.folder = dataset_import.output_of("mktemp -d"):gsub("%s", "")
    t.dataset = t.e:seed({ datasets = 1 }).datasets[1]
    t.caller = t.client()
  end

  function t.finish()
    os.execute("rm -rf " .. t.folder)
  end

  --- @return string path of a file in the folder
  function t.write(name, text)
    local path = t.folder .. "/" .. name
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
  end

  --- @param path string
  --- @return string? text nil: there is no such file
  function t.text_of(path)
    local file = io.open(path, "rb")
    local text = file and file:read("*a")
    if file then
      file:close()
    end
    return text
  end

  --- @return string path of a file with so many records, each with its number
  function t.numbers(count)
    local lines = {}
    for i = 1, count do
      lines[i] = ('{"input":%d,"output":"o"}\n'):format(i)
    end
    return t.write("numbers.jsonl", table.concat(lines))
  end

  function t.import(source, options)
    options = options or {}
    options.settle = options.settle or 0.05
    return dataset_file.import(t.caller, t.dataset, source, options)
  end

  --- The inputs of all rows as JSON, sorted.
  function t.inputs()
    local list = {}
    for item in t.client({ max_retries = 2 }).dataset_items:each({ dataset = t.dataset }) do
      list[#list + 1] = llm.json.encode(item.input)
    end
    table.sort(list)
    return list
  end

  function t.fail_creates(action)
    t.e:faults({ { match = { method = "POST", path = dataset_import.ITEMS }, action = action } })
  end

  function t.posts(since)
    local n = 0
    for _, entry in ipairs(t.e:log(since)) do
      if entry.method == "POST" then
        n = n + 1
      end
    end
    return n
  end

  --- A client whose creates are made by a function in place of its own.
  --- @param create fun(fields: table): table?, posthog.llm.Error?, posthog.llm.Response?
  function t.caller_with(create)
    local client = t.caller
    return {
      datasets = client.datasets,
      dataset_items = {
        list = function(_, options)
          return client.dataset_items:list(options)
        end,
        create = function(_, fields)
          return create(fields)
        end,
      },
      profile = function()
        return client:profile()
      end,
    }
  end

  return t
end

return dataset_import
