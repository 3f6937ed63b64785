--- Lists of records within one JSON object: where they are, and how to get there.

local failure = require("posthog.llm.dataset_file.failure")
local json_scan = require("posthog.llm.dataset_file.json_scan")
local option_names = require("posthog.llm.util.option_names")

local DEEPEST = 5 -- objects within objects that are looked into
local MOST = 10 -- lists that are named

local peek, step = json_scan.peek, json_scan.step

local json_lists = {}

--- Visits the members of the object that begins here: with the key, before the value.
--- @param visit fun(key: string, byte?: string): boolean?, posthog.llm.Error? true: it has read the
---   value; false: stop before it; nil: go past it
--- @return boolean? whole whether the end was reached; nil: err
--- @return posthog.llm.Error? err
local function members(scan, visit)
  step(scan)
  local byte = peek(scan)
  while byte ~= "}" do
    local key, err = json_scan.key(scan)
    local was_read
    if key then
      byte = peek(scan)
      was_read, err = visit(key, byte)
    end
    if was_read == false then
      return false
    elseif not was_read and not err then
      was_read, err = json_scan.skip(scan)
    end
    if not was_read then
      return nil, err
    end
    byte, err = peek(scan)
    if err then
      return nil, err
    elseif byte == "," then
      step(scan)
    elseif byte ~= "}" then
      return json_scan.fails(scan, byte and '"," or "}" is expected' or "the object has no end")
    end
  end
  step(scan)
  return true
end

--- Goes on to the end of a list whose bracket was read.
--- @param first? string the byte after it
--- @return true?
--- @return posthog.llm.Error? err
local function leave(scan, first)
  local byte, err = first, nil
  while byte ~= "]" and not err do
    local ok
    ok, err = json_scan.skip(scan)
    if ok then
      byte, err = peek(scan)
    end
    if not err and byte == "," then
      step(scan)
    elseif not err and byte ~= "]" then
      return json_scan.fails(scan, byte and '"," or "]" is expected' or "the array has no end")
    end
  end
  if err then
    return nil, err
  end
  step(scan)
  return true
end

--- Collects the paths of lists of objects.
--- @return posthog.llm.Error? err
local function collect(scan, prefix, depth, paths)
  local _, err = members(scan, function(key, byte)
    if byte == "{" and depth < DEEPEST then
      local failed = collect(scan, prefix .. key .. ".", depth + 1, paths)
      return not failed or nil, failed
    elseif byte == "[" then
      step(scan)
      local first, failed = peek(scan)
      if failed then
        return nil, failed
      elseif first == "{" then
        paths[#paths + 1] = #paths < MOST and prefix .. key or nil
      end
      return leave(scan, first)
    end
  end)
  return err
end

--- The path of the one list of objects that is there.
--- @param input posthog.llm.dataset_file.Bytes an object, at its beginning
--- @return string? path "data.rows"
--- @return posthog.llm.Error? err
function json_lists.find(input)
  local scan, paths = json_scan.new(input), {}
  peek(scan)
  local err = collect(scan, "", 1, paths)
  if err then
    return nil, err
  elseif #paths == 1 then
    return paths[1]
  elseif #paths == 0 then
    local words =
      "it is one JSON object, and no list of objects is in it; is it a record itself? %s"
    return nil, failure(input.path, words, option_names.set("format", "jsonl"))
  end
  err = failure(
    input.path,
    "it is one JSON object, and more than one list is in it: %s; choose one: %s",
    table.concat(paths, ", "),
    option_names.set("records", paths[1])
  )
  err.option = "records"
  return nil, err
end

--- Goes to a list.
--- @param scan posthog.llm.dataset_file.Scan
--- @param path? string nil: the list is all
--- @return integer? depth how many objects are around it
--- @return posthog.llm.Error? err
function json_lists.enter(scan, path)
  local depth = 0
  for name in (path or ""):gmatch("[^.]+") do
    local byte, err = peek(scan)
    if not err and byte ~= "{" then
      err = failure(scan.input.path, "there is no list at %q", path)
    end
    local whole
    if not err then
      whole, err = members(scan, function(key)
        if key == name then
          return false
        end
      end)
    end
    if whole then
      err = failure(scan.input.path, "there is no list at %q", path)
    end
    if err then
      err.option = err.option or "records"
      return nil, err
    end
    depth = depth + 1
  end
  local byte, err = peek(scan)
  if path and not err and byte ~= "[" then
    err = failure(scan.input.path, "what is at %q is not a list", path)
    err.option = "records"
  end
  return not err and depth or nil, err
end

return json_lists
