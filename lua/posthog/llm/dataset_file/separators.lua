--- Which character stands between the cells of a table: one that the header row has, and
--- that the rows after it have as often.

local separators = {}

local CANDIDATES = { ",", ";", "\t", "|" }
local MOST = 20 -- records that are looked at

--- A first line by which spreadsheets say the separator.
separators.SAID = "^sep=([^\r\n])\r?\n"

separators.WORDS = { ["\t"] = "tab" }

--- How often each candidate stands outside of quotes, by record.
--- @param head string
--- @return table<string, integer>[] counts
local function count(head)
  local counts, at = {}, 1
  local now = {}
  while #counts < MOST do
    local found = head:find('["\n,;\t|]', at)
    if not found then
      counts[#counts + 1] = #counts == 0 and now or nil -- the last one may be cut off
      break
    end
    local c = head:sub(found, found)
    if c == "\n" then
      counts[#counts + 1] = next(now) and now or nil
      now = {}
    elseif c == '"' then
      found = head:find('"', found + 1, true) or #head
    else
      now[c] = (now[c] or 0) + 1
    end
    at = found + 1
  end
  return counts
end

--- @param head string how the file begins
--- @return string? separator nil: there is one column, or none
function separators.find(head)
  local said = head:match(separators.SAID)
  if said then
    return said
  end
  local counts = count(head)
  local best, most
  for _, candidate in ipairs(CANDIDATES) do
    local columns = counts[1] and counts[1][candidate]
    if columns then
      local alike = 0
      for _, row in ipairs(counts) do
        alike = alike + (row[candidate] == columns and 1 or 0)
      end
      if not best or alike > most then
        best, most = candidate, alike
      end
    end
  end
  return best
end

return separators
