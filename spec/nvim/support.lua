--- What the scenarios of the editor plugin have in common: a skill that is given, what a user types,
--- what is expected of it.

-- luacheck: globals vim

local support = {}

--- A list of scenarios, and what adds one.
function support.list()
  local scenarios = {}
  return scenarios, function(name, f)
    scenarios[#scenarios + 1] = { name = name, run = f }
  end
end

function support.equal(expected, got, words)
  if not vim.deep_equal(expected, got) then
    error(
      ("%sexpected %s, got %s"):format(
        words and words .. ": " or "",
        vim.inspect(expected),
        vim.inspect(got)
      ),
      2
    )
  end
end

function support.matches(pattern, got)
  if not tostring(got):find(pattern) then
    error(("expected a match of %q, got %s"):format(pattern, vim.inspect(got)), 2)
  end
end

--- The client of another person.
function support.other()
  return require("posthog.llm").new()
end

local BODY = "# PDF forms\n\none\ntwo\nthree\nfour\nfive\nsix"

--- A skill with two files, made by somebody else.
function support.given(body)
  local client = support.other()
  assert(client.skills:create({
    name = "pdf-forms",
    description = "Fills in PDF forms.",
    body = body or BODY,
    files = {
      { path = "references/a b%#.md", content = "spaced" },
      { path = "scripts/run.py", content = "print(1)\nprint(2)", content_type = "text/x-python" },
    },
  }))
  return client
end

--- Whether the emulator has API v2.
support.IS_CURRENT = vim and vim.env.EMULATOR_PROFILE == "current"

support.SKILL = "posthog://skills/pdf-forms/SKILL.md"

function support.edit(name)
  vim.cmd("edit " .. vim.fn.fnameescape(name))
end

function support.text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
end

function support.status()
  return require("posthog.nvim").status()
end

--- Publishes another body, as somebody else.
function support.publish(client, change)
  local skill = assert(client.skills:get("pdf-forms"))
  return assert(
    client.skills:publish("pdf-forms", { base_version = skill.version, body = change(skill.body) })
  )
end

function support.replace(from, to)
  vim.bo.undolevels = vim.bo.undolevels -- a step of its own to undo, as a typed command is
  vim.cmd(("silent %%s/%s/%s/"):format(from, to))
end

--- What a command fails with.
function support.failure(command)
  local ran, err = pcall(vim.cmd, command)
  if ran then
    error(("%s did not fail"):format(command), 2)
  end
  return (tostring(err):gsub("^.*echoerr%):", ""))
end

--- What the plugin has told.
support.said = {}

function support.listen()
  vim.notify = function(words)
    support.said[#support.said + 1] = words
  end
  local echo = vim.api.nvim_echo
  -- luacheck: globals vim.api.nvim_echo
  vim.api.nvim_echo = function(chunks, history, options)
    if options.kind == "progress" and options.status == "success" then
      support.said[#support.said + 1] = "posthog: " .. chunks[1][1]
    end
    return echo(chunks, history, options)
  end
end

function support.wait(condition)
  assert(vim.wait(20000, condition, 5), "it never came true")
end

--- Whoever asks the emulator for something by hand.
function support.control(path, body)
  local arguments = { "curl", "-fsS", os.getenv("EMULATOR_URL") .. "/__emulator/" .. path }
  if body then
    vim.list_extend(arguments, { "-d", vim.json.encode(body) })
  end
  local result = vim.system(arguments, { text = true }):wait()
  assert(result.code == 0, result.stderr)
  return result.stdout
end

function support.requests()
  return vim.json.decode(support.control("log"))
end

--- What :checkhealth shows.
function support.checkhealth()
  vim.cmd("checkhealth posthog")
  return support.text()
end

--- A dataset with an item, by somebody else. @return client, id of the dataset, id of the item
function support.given_item(input)
  local json = require("posthog.llm.json")
  local client = support.other()
  local dataset = assert(client.datasets:create({ name = "golden" }))
  local row = assert(client.dataset_items:create({
    dataset = dataset.id,
    input = assert(json.raw(input)),
    expected_output = "yes",
  }))
  return client, dataset.id, row.id
end

--- Another editor with a file of the skill open. @return its RPC channel
function support.another_editor()
  local root = vim.fn.getcwd()
  local channel = vim.fn.jobstart({
    vim.v.progpath,
    "--embed",
    "--headless",
    "-i",
    "NONE",
    "-n",
    "-u",
    "NONE",
    "--cmd",
    "set runtimepath^=" .. root,
    "--cmd",
    "luafile spec/nvim/patience.lua",
    "--cmd",
    "runtime plugin/posthog.lua",
  }, { rpc = true })
  assert(channel > 0)
  return channel
end

--- How many items a dataset has.
function support.count_of(client, dataset)
  local count = 0
  for _ in client.dataset_items:each({ dataset = dataset }) do
    count = count + 1
  end
  return count
end

return support
