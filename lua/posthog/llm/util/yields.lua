--- What a coroutine of this Lua may do.

local yields = {
  --- Whether it can yield inside pcall. That of PUC Lua 5.1 cannot.
  through_pcall = coroutine.wrap(function()
    return pcall(coroutine.yield, true)
  end)() == true,

  --- Whether it can yield here. Lua 5.1 cannot tell; there, a yield inside table.sort and the like
  --- raises.
  --- @type fun(): boolean
  are_possible = coroutine.isyieldable or function()
    return true
  end,
}

return yields
