local folders = require("spec.support.folders")

local function check(files)
  return folders.checked_by("tools/check_layers.lua", files)
end

describe("tools/check_layers.lua", function()
  it("finds nothing wrong with the library as it is", function()
    local process = io.popen("lua5.4 tools/check_layers.lua 2>&1 || echo failed")
    assert.equal("", process:read("*a"))
    process:close()
  end)

  local CASES = {
    {
      "refuses a require that goes up",
      {
        ["posthog/llm/http/call.lua"] = 'local s = require("posthog.llm.api.skills")\n',
        ["posthog/llm/api/skills/init.lua"] = "return {}\n",
      },
      "http/call%.lua:1: requires posthog%.llm%.api%.skills, which is on a floor above",
    },
    {
      "refuses one that goes up from inside a function",
      {
        ["posthog/llm/util/time.lua"] = 'function f()\n  return require("posthog.llm.client")\nend',
        ["posthog/llm/client.lua"] = "return {}\n",
      },
      "util/time%.lua:2: requires posthog%.llm%.client, which is on a floor above",
    },
    {
      "refuses one that goes from a tool to another tool",
      {
        ["posthog/llm/skill_folder.lua"] = 'local d = require("posthog.llm.dataset_file")\n',
        ["posthog/llm/dataset_file.lua"] = "return {}\n",
      },
      "skill_folder%.lua:1: requires posthog%.llm%.dataset_file, a tool beside it",
    },
    {
      "lets the command go to a tool's door, and not behind it",
      {
        ["posthog/llm/cli/datasets.lua"] = 'local d = require("posthog.llm.dataset_file")\n'
          .. 'local c = require("posthog.llm.dataset_file.csv")\n',
        ["posthog/llm/dataset_file.lua"] = "return {}\n",
        ["posthog/llm/dataset_file/csv.lua"] = "return {}\n",
      },
      "^[^\n]*datasets%.lua:2: requires the inside of posthog%.llm%.dataset_file[^\n]*\nfailed\n$",
    },
    {
      "refuses a circle",
      {
        ["posthog/llm/api/pages.lua"] = 'local a = require("posthog.llm.api.spend")\n',
        ["posthog/llm/api/spend.lua"] = 'local a = require("posthog.llm.api.pages")',
      },
      "a circle: [%w.]+api%.pages %-> [%w.]+api%.spend %-> [%w.]+api%.pages",
    },
    {
      "refuses the C core above the floor of HTTP",
      {
        ["posthog/llm/api/pages.lua"] = '\nlocal core = require("posthog.llm.core")\n'
          .. 'local same = require("posthog.llm.util.core")\n',
      },
      "api/pages%.lua:2: requires the C core.*pages%.lua:3: requires the C core",
    },
    {
      "refuses the C core by its other door",
      {
        ["posthog/llm/http/url.lua"] = 'local core = require("posthog.llm.core")\n',
        ["posthog/llm/util/core.lua"] = 'local _, core = pcall(require, "posthog.llm.core")\n',
      },
      "^[^\n]*url%.lua:1: requires posthog%.llm%.core: require posthog%.llm%.util%.core"
        .. "[^\n]*\nfailed\n$",
    },
    {
      "refuses a file that stands on no floor",
      { ["posthog/llm/helpers.lua"] = "return {}\n" },
      "helpers%.lua:1: stands on no floor",
    },
  }
  for _, case in ipairs(CASES) do
    it(case[1], function()
      local output = check(case[2])
      assert.matches(case[3], output)
      assert.matches("failed\n$", output)
    end)
  end
end)
