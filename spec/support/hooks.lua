--- The hooks of a session: what runs around all tests of a block, and around each of them.

--- @param t table a session: its functions start, stop, reset, and finish, if it has one
--- @return fun(busted: table) hook sets them, by the functions of busted, which only a spec file has
return function(t)
  return function(busted)
    busted.setup(t.start)
    busted.teardown(t.stop)
    busted.before_each(t.reset)
    if t.finish then
      busted.after_each(t.finish)
    end
  end
end
