-- The command's memory: it grows by ids and digests only.
if os.getenv("SPEC_MODE") ~= "plain" then
  return
elseif _VERSION == "Lua 5.2" or _VERSION == "Lua 5.3" then
  return -- their collector lets garbage grow by more than this between two rounds
end

local command = require("spec.support.command")
local peaks = require("spec.dataset_file.peaks")

local FEW, MANY = 1000, 5000 -- rows
-- Bytes for each more row: what the collector leaves about, up to 1000, and of a comparison digests; of a
-- sync the ids, too, and of a dry run what is to be changed.
-- A row that is held as a table takes 1200 more.
local MOST =
  { import = 1400, export = 1400, comparison = 1900, sync = 2100, ["dry run"] = 2600, list = 1000 }

describe("the memory of the command", function()
  local unable = command.unable()
  local status = io.open("/proc/self/status")
  if unable or not status then
    pending(unable or "there is no /proc here")
    return
  end
  status:close()

  it(
    "does not hold the rows of an import or an export, nor more than digests for a comparison",
    function()
      local few, many = peaks.runs("current", FEW), peaks.runs("current", MANY)
      for i, run in ipairs(many) do
        assert.equal(0, few[i].code, few[i].said)
        assert.equal(0, run.code, run.said)
        assert.truthy(few[i].peak > 5, "nothing was measured")
        local bytes = (run.peak - few[i].peak) * 1024 * 1024 / (MANY - FEW)
        assert.truthy(bytes < MOST[run.what], ("%s: %.0f bytes a row"):format(run.what, bytes))
      end
    end
  )
end)
