--- Chance that is the same on every Lua for the same seed.

local chance = {}
chance.__index = chance

local PRIME, FACTOR = 2147483647, 16807 -- Park and Miller: all products are exact in a double

--- @param seed integer
--- @param stream integer draws from another sequence of the same seed
function chance.new(seed, stream)
  local self = setmetatable({ at = (seed * 7919 + stream * 104729) % (PRIME - 1) + 1 }, chance)
  for _ = 1, 10 do -- the first draws of near seeds are near each other
    self:below(1)
  end
  return self
end

--- @return integer from 0 to n - 1
function chance:below(n)
  self.at = self.at * FACTOR % PRIME
  return math.floor(self.at / PRIME * n)
end

--- @param share number 0 to 1
--- @return boolean
function chance:falls(share)
  return self:below(1000000) < share * 1000000
end

--- @return any one of the list, nil when it is empty
function chance:of(list)
  return list[self:below(#list) + 1]
end

--- @param weighted { weight: number }[]
function chance:weighted(weighted)
  local sum = 0
  for _, one in ipairs(weighted) do
    sum = sum + one.weight
  end
  local left = self:below(1000000) / 1000000 * sum
  for _, one in ipairs(weighted) do
    left = left - one.weight
    if left < 0 then
      return one
    end
  end
  return weighted[#weighted]
end

local WORDS = {
  "form",
  "Ünder",
  "pdf",
  "“quoted”",
  "日本",
  "a\tb",
  "c\\d",
  "x/y",
  "1e5",
  "€",
  "line\nline",
}

--- Some words, never with white space at an end.
--- @return string
function chance:text(most)
  local parts = {}
  for i = 1, 1 + self:below(most) do
    parts[i] = self:of(WORDS)
  end
  return table.concat(parts, " ")
end

return chance
