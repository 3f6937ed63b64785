--- Records of a file that is JSON as a whole: the elements of a list, or of one within objects,
--- read one by one.

local json = require("posthog.llm.json")
local json_lists = require("posthog.llm.dataset_file.json_lists")
local json_scan = require("posthog.llm.dataset_file.json_scan")
local positions = require("posthog.llm.dataset_file.positions")

local fails, peek, step = json_scan.fails, json_scan.peek, json_scan.step

--- One record: the element after the "[" or "," that was just read.
local function record(scan, is_skipped)
  local line, column = scan.line, scan.column
  if is_skipped then
    local ok, failed = json_scan.skip(scan)
    return ok and { line = line }, failed
  end
  local text, err = json_scan.value(scan)
  if not text then
    return nil, err
  end
  local value, invalid = json.decode(text)
  if invalid then -- where it ends may be wrong too, so that nothing after it can be trusted
    local before = text:sub(1, invalid.position - 1)
    local bad_line, bad_column = positions.after(line, column, before)
    return fails(scan, invalid.message:gsub(" at byte %d+", "", 1), bad_line, bad_column)
  end
  scan.line, scan.column = positions.after(line, column, text)
  return { line = line, value = value }
end

--- What follows the list: the ends of the objects around it, and their other members.
--- @param depth integer of objects around
--- @return nil
--- @return posthog.llm.Error? err
local function finish(scan, depth)
  while depth > 0 do
    local byte, err = peek(scan)
    if err then
      return nil, err
    elseif byte == "}" then
      step(scan)
      depth = depth - 1
    elseif byte == "," then
      step(scan)
      local key, failed = json_scan.key(scan)
      local ok = key and json_scan.skip(scan)
      if not ok then
        return nil, failed
      end
    else
      return fails(scan, byte and '"," or "}" is expected' or "the object has no end")
    end
  end
  local byte, err = peek(scan)
  if byte then
    return fails(scan, "something follows the array")
  end
  return nil, err
end

--- @param input posthog.llm.dataset_file.Bytes
--- @param options { records?: string } the path of the list, where there are objects around it
--- @return fun(is_skipped?: boolean): posthog.llm.dataset_file.Record?, posthog.llm.Error?
--- @return fun(): integer unread bytes that are held
local function json_records(input, options)
  local scan = json_scan.new(input)
  local depth
  local wanted = "[" -- then "," until the end

  return function(is_skipped)
    local err
    if not wanted then
      return nil
    elseif not depth then
      depth, err = json_lists.enter(scan, options.records)
      if not depth then
        return nil, err
      end
    end
    local byte
    byte, err = peek(scan)
    if err then
      return nil, err
    elseif byte == wanted then
      step(scan)
      byte, err = peek(scan)
      if err then
        return nil, err
      elseif wanted == "," or byte ~= "]" then
        wanted = ","
        return record(scan, is_skipped)
      end
    elseif wanted == "[" then
      return fails(scan, "one JSON array is expected; for a value a line the format is jsonl")
    elseif byte ~= "]" then
      return fails(scan, byte and '"," or "]" is expected' or "the array has no end")
    end
    step(scan) -- the bracket at the end
    wanted = nil
    return finish(scan, depth)
  end, function()
    return #scan.piece - scan.at + 1
  end
end

return json_records
