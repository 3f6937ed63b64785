-- Writes pow10.h, the powers of ten for reading and printing doubles.
--
--   lua5.4 src/json/pow10.lua >src/json/pow10.h

local LOWEST, HIGHEST = -342, 324
local BITS = 128 -- of each power
local PER_LINE = 3 -- halves

local floor = math.floor

-- A whole number is a list of its limbs, the lowest one first.
local LIMB_BITS = 32
local BASE = 2 ^ LIMB_BITS

local function multiply(number, factor)
  local carry = 0
  for i = 1, #number do
    carry = carry + number[i] * factor
    number[i] = carry % BASE
    carry = floor(carry / BASE)
  end
  if carry > 0 then
    number[#number + 1] = carry
  end
end

-- Rounds down. Divided once more, it is as if divided by the product.
local function divide(number, divisor)
  local rest = 0
  for i = #number, 1, -1 do
    rest = rest * BASE + number[i]
    number[i] = floor(rest / divisor)
    rest = rest % divisor
  end
  while number[#number] == 0 do
    number[#number] = nil
  end
end

-- 0 for those below the lowest.
local function bit(number, i)
  local limb = i >= 0 and number[floor(i / LIMB_BITS) + 1] or 0
  return floor(limb / 2 ^ (i % LIMB_BITS)) % 2
end

-- Its BITS highest bits in hexadecimal digits, zeros after those of a small one.
local function top(number)
  local highest = #number * LIMB_BITS - 1
  while bit(number, highest) == 0 do
    highest = highest - 1
  end
  local digits = {}
  for i = highest, highest - BITS + 1, -4 do
    local digit = 0
    for k = i, i - 3, -1 do
      digit = 2 * digit + bit(number, k)
    end
    digits[#digits + 1] = ("%x"):format(digit)
  end
  return table.concat(digits)
end

-- exponent -> digits
local function powers()
  local found = {}
  local number = { 1 }
  for exponent = 0, HIGHEST do
    found[exponent] = top(number)
    multiply(number, 10)
  end
  -- 10^-n is this by a power of two, with far more bits than are wanted.
  local shift = 50 -- limbs
  number = { [shift + 1] = 1 }
  for i = 1, shift do
    number[i] = 0
  end
  for exponent = -1, LOWEST, -1 do
    divide(number, 10)
    found[exponent] = top(number)
  end
  return found
end

io.write(([[
/*
** pow10.h - the powers of ten from 10^%d to 10^%d, rounded down to %d bits
** with the highest bit set, as two 64-bit halves, high half first: 10^q is
** t * 2^(floor(log2(10^q)) - 127) for a t in [T, T + 1). Both the reader and
** the printer of doubles work from it. Written by pow10.lua.
*/
#ifndef POSTHOG_LLM_JSON_POW10_H
#define POSTHOG_LLM_JSON_POW10_H

#include <stdint.h>

#define POW10_MIN (%d)
#define POW10_MAX %d

/* clang-format off */
static const uint64_t pow10_table[2 * (POW10_MAX - POW10_MIN + 1)] = {
]]):format(LOWEST, HIGHEST, BITS, LOWEST, HIGHEST))

local found, words = powers(), {}
for exponent = LOWEST, HIGHEST do
  for half in found[exponent]:gmatch(("."):rep(BITS / 8)) do
    assert(half:find("[^f]"), "number.c adds one to it")
    words[#words + 1] = "0x" .. half .. ","
  end
end
for i = 1, #words, PER_LINE do
  io.write("  ", table.concat(words, " ", i, math.min(i + PER_LINE - 1, #words)), "\n")
end

io.write("};\n/* clang-format on */\n\n#endif\n")
