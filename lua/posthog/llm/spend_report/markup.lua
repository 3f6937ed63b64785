--- Elements of HTML and SVG, as text that an XML parser also accepts.

local markup = {}

local ENTITIES = {
  ["&"] = "&amp;",
  ["<"] = "&lt;",
  [">"] = "&gt;",
  ['"'] = "&quot;",
  ["'"] = "&#39;",
}

--- @param text string clean (util/display.lua)
--- @return string
function markup.escape(text)
  return (text:gsub("[&<>\"']", ENTITIES))
end

--- @param name string of the element
--- @param attributes? string[] name, value, name, value; a value is any text
--- @param content? string markup, or nil for an element without content
--- @return string
function markup.element(name, attributes, content)
  local parts = { "<" .. name }
  for i = 1, #(attributes or {}), 2 do
    parts[#parts + 1] = (' %s="%s"'):format(attributes[i], markup.escape(attributes[i + 1]))
  end
  if not content then
    return table.concat(parts) .. "/>"
  end
  return table.concat(parts) .. ">" .. content .. "</" .. name .. ">"
end

--- @param value number
--- @return string with up to three decimals, never with an exponent
function markup.decimal(value)
  return (("%.3f"):format(value):gsub(",", "."):gsub("%.?0+$", ""))
end

--- @param part number a fraction of 1
function markup.percent(part)
  return markup.decimal(part * 100) .. "%"
end

return markup
