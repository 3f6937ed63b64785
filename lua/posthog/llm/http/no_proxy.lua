--- Whether a host is one of those that no_proxy names, by libcurl's rules but for
--- networks such as 10.0.0.0/8: a name stands for itself and all below it, * for all.
--- @param list? string as in the environment
--- @param host string an IPv6 address with its brackets
--- @return boolean
return function(list, host)
  host = host:gsub("^%[(.*)%]$", "%1")
  for listed in (list or ""):lower():gmatch("[^%s,]+") do
    local entry = listed:gsub("^%.", ""):gsub("%.$", ""):gsub("^%[(.*)%]$", "%1")
    if entry == "*" or entry == host or host:sub(-#entry - 1) == "." .. entry then
      return true
    end
  end
  return false
end
