-- Decoding: whatever the text, a value or an error within it; the same from a decoder that has
-- seen other texts as from a new one; and with its options what they promise. An input is one or
-- more texts with RS (\30) between them, which one decoder gets in turn, again and again.

local core = require("posthog.llm.core")
local fuzz = require("fuzz")
local json = require("spec.support.json")

local DEPTH = 3
-- On LuaJIT an object that was met eight times is made another way.
local PASSES = jit and 10 or 3
local FREE = { a = true, metadata = true }

local function texts_of(data)
  local texts = {}
  for text in (data .. "\30"):gmatch("([^\30]*)\30") do
    texts[#texts + 1] = text
  end
  return texts
end

--- What is left of a value when null members are not kept.
local function without_null(value, free, keep)
  if type(value) ~= "table" then
    return value
  end
  local is_list = getmetatable(value) == core.array_mt
  local copy = setmetatable({}, getmetatable(value))
  for name, member in pairs(value) do
    local kept = keep or (not is_list and free[name])
    if is_list or kept or member ~= core.null then
      copy[name] = without_null(member, free, kept)
    end
  end
  return copy
end

local function depth(value)
  if type(value) ~= "table" then
    return 0
  end
  local most = 0
  for _, member in pairs(value) do
    most = math.max(most, depth(member))
  end
  return most + 1
end

local function check_failure(text, value, message, position)
  assert(value == nil and type(message) == "string" and #message > 0)
  assert(position >= 1 and position <= #text + 1, position)
end

local function agree(text, expected, value)
  if not json.identical(expected, value) then
    error(
      ("%q: %s, not %s"):format(
        text,
        tostring((core.encode(value))),
        tostring((core.encode(expected)))
      )
    )
  end
end

--- Each text by a new decoder: { value, message, position }.
local function reference(texts)
  local results = {}
  for i, text in ipairs(texts) do
    local value, message, position = fuzz.decode(core.decoder({}), text)
    if message then
      check_failure(text, value, message, position)
    end
    results[i] = { value = value, message = message, position = position }
  end
  return results
end

local function compare(texts, results, options, expect)
  local decoder = core.decoder(options)
  for _ = 1, PASSES do
    for i, text in ipairs(texts) do
      expect(text, results[i], fuzz.decode(decoder, text))
    end
  end
end

local function same(change)
  return function(text, result, value, message, position)
    assert(message == result.message and position == result.position, message)
    if not message then
      agree(text, change and change(result.value) or result.value, value)
    end
  end
end

local function limited(text, result, value, message, position)
  if message == "nested too deeply" then
    check_failure(text, value, message, position)
    assert(result.message or depth(result.value) > DEPTH)
  else
    assert(message == result.message and position == result.position, message)
    if not message then
      assert(depth(value) <= DEPTH)
      agree(text, result.value, value)
    end
  end
end

return function(data)
  local texts = texts_of(data)
  local results = reference(texts)
  compare(texts, results, {}, same())
  compare(
    texts,
    results,
    { keep_null = false },
    same(function(value)
      return without_null(value, {}, false)
    end)
  )
  compare(
    texts,
    results,
    { keep_null = false, free = { "a", "metadata" } },
    same(function(value)
      return without_null(value, FREE, false)
    end)
  )
  compare(texts, results, { max_depth = DEPTH }, limited)
end
