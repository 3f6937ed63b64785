--- What a coroutine of this Lua may do.

local yields = {
  --- Whether it can yield inside pcall. That of PUC Lua 5.1 cannot. It is not tried: nginx has a
  --- coroutine.yield of its own, which raises while a module is loaded.
  through_pcall = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil,

  --- Whether it can yield here. Lua 5.1 cannot tell; there, a yield inside table.sort and the like
  --- raises.
  --- @type fun(): boolean
  are_possible = coroutine.isyieldable or function()
    return true
  end,
}

return yields
