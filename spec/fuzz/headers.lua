-- The header lines and the body of an answer, as libcurl hands them over: the header block of the
-- final answer by name, limits kept. The input is the lines, and the body too.

local core = require("posthog.llm.core")
local fuzz = require("fuzz")

local MOST, MOST_BODY = 512, 256

local engine = core.engine()

local function lines_of(data)
  local lines = {}
  for line in data:gmatch("[^\n]*\n?") do
    if line ~= "" then
      lines[#lines + 1] = line
    end
  end
  return lines
end

--- The lines of the last block, and whether all of them were within the limit.
local function final_block(lines)
  local block, ended, bytes = {}, false, 0
  for _, line in ipairs(lines) do
    bytes = bytes + #line
    if bytes > MOST then
      return block, false
    end
    if ended and table.concat(block):match("^[^ ]* (.)") == "1" then
      block, ended = {}, false
    end
    if not ended then
      block[#block + 1] = line
      ended = #line <= 2 and line:find("^[\r\n]") ~= nil
    end
  end
  return block, true
end

local function expected_headers(block)
  local headers = {}
  for i = 2, #block do
    local name, value = block[i]:match("^([^:]*):[ \t]*([^\n]*)")
    if name then
      name, value = name:lower(), value:gsub("[ \t\r]+$", "")
      headers[name] = headers[name] and headers[name] .. ", " .. value or value
    end
  end
  return headers
end

local function check_headers(expected, headers)
  for name, value in pairs(headers) do
    assert(expected[name] == value, name)
    assert(not (name .. value):find("\n"), name)
  end
  for name in pairs(expected) do
    assert(headers[name], name)
  end
end

return function(data)
  local lines = lines_of(data)
  local transfer = fuzz.answer(engine, lines, MOST, data, MOST_BODY)
  local block, whole = final_block(lines)
  local status, kind = transfer:result()
  if whole and #data <= MOST_BODY then
    assert(status and transfer:body() == data and transfer:size() == #data)
  else
    assert(kind == "too_large", kind)
    assert(transfer:size() <= MOST_BODY)
  end
  check_headers(expected_headers(block), transfer:headers())
  local text = table.concat(block)
  for _, line in ipairs(status and lines or {}) do
    local _, _, told = transfer:result(line)
    assert(told or not text:find(line, 1, true), line)
  end
end
