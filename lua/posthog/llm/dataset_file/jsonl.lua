--- Records of a file with one JSON value a line. Blank lines are skipped.

local json = require("posthog.llm.json")
local positions = require("posthog.llm.dataset_file.positions")

--- What is wrong with a JSON text, without its byte position, which a person
--- cannot use.
local function reason(err)
  return err.message:gsub(" at byte %d+", "", 1)
end

--- @param input posthog.llm.dataset_file.Bytes
--- @return fun(is_skipped?: boolean): posthog.llm.dataset_file.Record?, posthog.llm.Error?
local function jsonl(input)
  return function(is_skipped)
    while true do
      local text, read_err = input:line()
      if not text then
        return nil, read_err
      elseif text:find("%S") then
        local record = { line = input.number }
        if is_skipped then
          return record
        end
        local value, err = json.decode(text)
        if err then
          local _, column = positions.after(1, 1, text:sub(1, err.position - 1))
          record.text = text
          record.reason = ("%s: %s"):format(positions.words(record.line, column), reason(err))
        else
          record.value = value
        end
        return record
      end
    end
  end
end

return jsonl
