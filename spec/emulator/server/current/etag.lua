--- Weak entity tags of lists, and whether a request has the present one already.

local etag = {}

--- @param ... string|number what the response depends on
--- @return string tag such as W/"9a0364b9e99bb480dd25e1f0284c8555"
function etag.of(...)
  return ('W/"%s"'):format(ngx.md5(table.concat({ ... }, "\n")))
end

--- Whether If-None-Match names the tag. The comparison is the weak one.
function etag.matches(ctx, tag)
  local header = ctx.headers["if-none-match"]
  if type(header) == "table" then
    header = table.concat(header, ",")
  end
  if not header then
    return false
  elseif header:find("^%s*%*%s*$") then
    return true
  end
  local opaque = tag:match('".*"')
  for candidate in header:gmatch('"[^"]*"') do
    if candidate == opaque then
      return true
    end
  end
  return false
end

return etag
