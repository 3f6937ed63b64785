--- Whether no_proxy names a host, by libcurl's rules, without networks such as 10.0.0.0/8: a name
--- matches itself and its subdomains, * matches everything.
--- @param list? string the value of no_proxy
--- @param host string a name, or an address; IPv6 in brackets
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
