--- A report as tables in GitHub's Markdown.

local forecast = require("posthog.llm.spend_report.forecast")
local model = require("posthog.llm.spend_report.model")
local numbers = require("posthog.llm.spend_report.numbers")
local period = require("posthog.llm.spend_report.period")

--- A name of the server as inline code, in which Markdown recognises no markup, link or mention. If
--- it contains characters that are special in code, all punctuation is written as entities.
--- @param text string clean
local function code(text)
  if text == "" then
    return "*empty*"
  elseif not text:find("[`|\\]") and not text:find("^ ") and not text:find(" $") then
    return "`" .. text .. "`"
  end
  local entities = text:gsub("[^%w%s\128-\255]", function(sign)
    return ("&#%d;"):format(sign:byte())
  end)
  -- GitHub looks for addresses of mail once entities are characters, but not in code of this kind.
  return "<code>" .. entities:gsub("&#64;", "</code>`@`<code>") .. "</code>"
end

--- A text of the server: unchanged if it is only a time, else as code.
local function text_of(text)
  return text:find("^%d[%d%-: ]*$") and text or code(text)
end

--- A name of the server within a sentence.
local function name_of(text)
  return text:find("^%w+$") and text or code(text)
end

--- The label of a row. Those for null, which are ours, are emphasised.
local function label(row)
  return row.name and text_of(row.label) or "*" .. row.label .. "*"
end

local function put_row(lines, cells)
  lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
end

local function put_head(lines, titles)
  lines[#lines + 1] = "|  | " .. table.concat(titles, " | ") .. " |"
  lines[#lines + 1] = "|---|" .. ("---:|"):rep(#titles)
end

local function put_totals(lines, report)
  local compared = { "Cost", "Before", "Change", "", "Events" }
  put_head(lines, report.before and compared or { "Cost", "Events" })
  for _, scope in ipairs(report.scopes) do
    local cost = scope.cost
    local name = scope.name and code(scope.name) or scope.label
    local cells = { name, numbers.money(cost.value) or "" }
    if report.before then
      cells[3] = numbers.money(cost.before) or ""
      cells[4] = numbers.money(cost.change, true) or ""
      cells[5] = model.growth(cost) or ""
    end
    cells[#cells + 1] = numbers.count(scope.events.value) or ""
    put_row(lines, cells)
  end
end

local function put_section(lines, section, most)
  local mark = section.overlaps and " (overlapping)" or ""
  lines[#lines + 1] = ("\n### %s%s\n"):format(section.title, mark)
  if #section.rows == 0 then
    lines[#lines + 1] = "Nothing."
    return
  end
  local first, last = model.shown(section, most)
  local titles = {}
  for i, id in ipairs(section.columns) do
    titles[i] = model.COLUMNS[id].title
  end
  put_head(lines, titles)
  for i = first, last do
    local row = section.rows[i]
    local cells = { label(row) }
    for at, id in ipairs(section.columns) do
      cells[1 + at] = model.read(id, row.values[id])
    end
    put_row(lines, cells)
  end
  local left = model.left_out(section, first, last)
  local note = section.note and (left and section.note .. " " .. left or section.note) or left
  if note then
    lines[#lines + 1] = "\n" .. note
  end
end

--- @param report posthog.llm.SpendModel
--- @param options posthog.llm.SpendReportOptions
--- @return string
return function(report, options)
  local length = period.length(report.period)
  local lines = {
    "## LLM spend of " .. code(report.product) .. "\n",
    ("%s to %s UTC%s\n"):format(
      text_of(report.period.from),
      text_of(report.period.to),
      length ~= "" and ", " .. length or ""
    ),
  }
  if report.before then
    lines[#lines + 1] = ("Compared with %s to %s.\n"):format(
      text_of(report.before.period.from),
      text_of(report.before.period.to)
    )
  end
  put_totals(lines, report)
  if report.forecast then
    lines[#lines + 1] = "\n" .. forecast.sentence(report.forecast)
  end
  for _, note in ipairs(report.notes) do
    lines[#lines + 1] = "\n" .. model.sentence(note, name_of)
  end
  for _, section in ipairs(report.sections) do
    if section.kind ~= "pair" then
      put_section(lines, section, options.rows)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end
