-- Each link of a page leads to a file that is there and to a heading of it; what pages name as a
-- file, a help tag or a function exists. Nothing is fetched.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local lfs = require("lfs")

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a") -- nil: a folder
  if file then
    file:close()
  end
  return text
end

local function lines_of(command)
  local list = {}
  local pipe = assert(io.popen(command .. " | LC_ALL=C sort"))
  for line in pipe:lines() do
    list[#list + 1] = line
  end
  pipe:close()
  return list
end

local PAGES = lines_of("find . -maxdepth 1 -name '*.md'; find doc examples spec -name '*.md'")

--- The lines outside of blocks of code, with their numbers. What is indented is one: no page has
--- a paragraph in a list that is indented by four and links somewhere.
local function prose(text)
  local list, fenced, number = {}, false, 0
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    if line:find("^%s*```") then
      fenced = not fenced
    elseif not fenced and not line:find("^    ") then
      list[#list + 1] = { number = number, text = line }
    end
  end
  return list
end

--- The anchors of a page, as GitHub makes them of its headings: in lower case, without markup and
--- punctuation, blanks as hyphens, and a number for what is there already.
local function anchors_of(text)
  local set, count = {}, {}
  for _, line in ipairs(prose(text)) do
    local heading = line.text:match("^#+%s+(.-)%s*$")
    if heading then
      heading = heading:gsub("%[(.-)%]%b()", "%1"):lower()
      local anchor = heading:gsub("[%z\1-\127]", function(character)
        return character == " " and "-" or character:find("[%w_-]") and character or ""
      end)
      anchor = anchor:gsub("\226\128[\128-\191]", "") -- dashes and quotes of typography
      local n = count[anchor]
      count[anchor] = (n or 0) + 1
      set[n and anchor .. "-" .. n or anchor] = true
    end
  end
  return set
end

--- The targets of the links in a line. Text in backquotes is none.
local function links_of(line)
  local list = {}
  for target in line:gsub("`[^`]*`", "x"):gmatch("%]%(([^)]*)%)") do
    list[#list + 1] = target
  end
  local reference = line:match("^%[[^%]]+%]:%s+(%S+)")
  list[#list + 1] = reference
  return list
end

local function normal(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      table.remove(parts)
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, "/")
end

--- What is wrong with a link; nil: nothing.
local function finding(page, target)
  if target:find("^https://") then
    return not target:find("^https://[%w.-]+[%w/._#?=%%&-]*$") and "is not an address" or nil
  elseif target:find("^%a[%w+.-]*:") then
    return "is of a scheme that is not https"
  end
  local path, anchor = target:match("^([^#]*)#?(.*)$")
  path = path == "" and page or normal((page:match("^(.*)/") or ".") .. "/" .. path)
  if not lfs.attributes(path) then
    return "leads to no file"
  elseif anchor ~= "" and not anchors_of(read(path) or "")[anchor] then
    return "leads to no heading of " .. path
  end
end

describe("the pages", function()
  it("have no link that leads nowhere", function()
    local wrong, seen = {}, 0
    for _, page in ipairs(PAGES) do
      page = normal(page)
      for _, line in ipairs(prose(read(page))) do
        for _, target in ipairs(links_of(line.text)) do
          seen = seen + 1
          local what = finding(page, target)
          wrong[#wrong + 1] = what and ("%s:%d: (%s) %s"):format(page, line.number, target, what)
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(seen > 80, seen .. " links")
  end)

  it("have links that can be wrong", function()
    for target, what in pairs({
      ["doc/nothing.md"] = "leads to no file",
      ["doc/client.md#nothing"] = "leads to no heading of doc/client.md",
      ["#nothing"] = "leads to no heading of README.md",
      ["http://example.com"] = "is of a scheme that is not https",
      ["https://<this repository>"] = "is not an address",
    }) do
      assert.equal(what, finding("README.md", target))
    end
    assert.is_nil(finding("doc/skills.md", "../doc/reliability.md#lost-responses"))
    assert.same(
      { ["a-b_c"] = true, ["x-1"] = true, x = true, ["llmgofn-on_done---task"] = true },
      anchors_of("# `A` b_c!\n## x\n```\n# no\n```\n## [x](y)\n## llm.go(fn, on_done?) -> task\n")
    )
    assert.same({ "b" }, links_of("`[no](a)` and [yes](b)"))
  end)

  it("name files of this repository that exist", function()
    local wrong, seen = {}, 0
    for _, page in ipairs(PAGES) do
      for _, line in ipairs(prose(read(page))) do
        for code in line.text:gmatch("`([^` ]+)`") do
          local path = code:match("^[%w_./-]+%.[%w]+$") and code or code:match("^[%w_./-]+/$")
          local top = path and path:match("^(%.?%w[%w.]*)/")
          if top and lfs.attributes(top, "mode") == "directory" and top ~= "build" then
            seen = seen + 1
            local is_there = lfs.attributes((path:gsub("/$", "")))
            -- doc/architecture.md and its like write paths below lua/posthog/llm, too.
            is_there = is_there or lfs.attributes("lua/posthog/llm/" .. path:gsub("/$", ""))
            wrong[#wrong + 1] = not is_there and ("%s:%d: %s"):format(page, line.number, path)
              or nil
          end
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(seen > 60, seen .. " files")
  end)
end)

--- Whether a module, a function of one, or a class is there by this name.
local function is_module(name)
  if
    name == "posthog.llm.core"
    or lfs.attributes("lua/" .. name:gsub("%.", "/"), "mode") == "directory"
  then
    return true -- the one in C, or a folder
  end
  local path, rest = name:gsub("%.", "/"), nil
  while path do
    local source = read("lua/" .. path .. ".lua") or read("lua/" .. path .. "/init.lua")
    if source and (not rest or source:find("[.:]" .. rest .. "%f[^%w_]")) then
      return true
    elseif rest then
      break -- a field of a field is none that a page names
    end
    path, rest = path:match("^(.*)/([%w_]+)$")
  end
  return #lines_of(("grep -rlE 'class( .exact.)? %s\\b' lua"):format(name)) > 0
end

describe("the modules that pages name", function()
  it("exist, and so do their functions", function()
    local wrong, seen, known = {}, 0, {}
    for _, page in ipairs(PAGES) do
      for _, line in ipairs(prose(read(page))) do
        for name in line.text:gmatch("`(posthog%.[%w_.]+)") do
          seen = seen + 1
          if known[name] == nil then
            known[name] = is_module(name)
          end
          if not known[name] and not name:find("%.com$") then
            wrong[#wrong + 1] = ("%s:%d: %s"):format(page, line.number, name)
          end
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(seen > 10, seen .. " modules")
    assert.is_false(is_module("posthog.llm.nothing"))
    assert.is_false(is_module("posthog.llm.dataset_file.nothing"))
    assert.is_true(is_module("posthog.llm.dataset_file.import"))
  end)
end)

describe("CONTRIBUTING.md", function()
  it("names each target of the Makefile, and each check of CI", function()
    local text, missing = read("CONTRIBUTING.md"), {}
    for line in read("Makefile"):gmatch("[^\n]+") do
      local target = line:match("^([%l-]+):.* ## ")
      if target and not text:find("make " .. target:gsub("%p", "%%%0") .. "%f[^%w-]") then
        missing[#missing + 1] = target
      end
    end
    assert.same({}, missing)
    for filter in text:gmatch('FILTER="([^"]*)"') do
      assert.is_true(#lines_of(("grep -rl '%s' spec"):format(filter)) > 0, filter)
    end
    local section = text:match("\n## The whole of CI\n(.-)\n## ")
    for check in read(".ci/run"):gmatch("\n  check ([%l-]+) ") do
      local row = "\n| `make " .. check:gsub("%p", "%%%0") .. "%f[^%w-][^`]*` |"
      assert.truthy(section:find(row), check)
    end
  end)
end)

describe("doc/architecture.md", function()
  --- A file by the name that the page has for it.
  local function source_of(name)
    for _, room in ipairs({
      "",
      "lua/posthog/llm/",
      "lua/posthog/llm/http/",
      "lua/posthog/llm/host/",
    }) do
      local text = read(room .. name)
      if text then
        return text
      end
    end
  end

  it("names functions that their files have", function()
    local wrong, seen = {}, 0
    for _, line in ipairs(prose(read("doc/architecture.md"))) do
      local text = line.text:gsub("%*%*", "")
      for name, rest in text:gmatch("`([%w_/]+%.lua)`, (`[%w_:]+`[^;|.]*)") do
        for called in rest:gmatch("`([%w_:]+)`") do
          seen = seen + 1
          local source = source_of(name)
          local is_there = source
            and (
              source:find("function " .. called .. "%f[^%w_]")
              or source:find("function [%w_]+[.:]" .. called .. "%f[^%w_]")
              or source:find("local " .. called .. " = ")
            )
          wrong[#wrong + 1] = not is_there
              and ("line %d: %s in %s"):format(line.number, called, name)
            or nil
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(seen >= 10, seen .. " functions")
  end)
end)

describe("the help of Neovim", function()
  it("names tags that it has, or Neovim", function()
    local text = read("doc/posthog.txt")
    local wrong, seen = {}, 0
    for tag in text:gmatch("|([^|%s]+)|") do
      if tag:lower():find("posthog") then
        seen = seen + 1
        wrong[#wrong + 1] = not text:find("*" .. tag .. "*", 1, true) and tag or nil
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(seen > 10)
  end)
end)

describe("the man page", function()
  it("refers to pages and headings that exist", function()
    local text = read("doc/posthog-llm.1"):gsub("\\%-", "-"):gsub("\\&", "")
    for path in text:gmatch("%f[%w]doc/[%w_.-]+%w") do
      assert.truthy(lfs.attributes(path), path)
    end
    for address in text:gmatch("https?://[%w.-]*posthog%.com[%w/._-]*") do
      assert.is_nil(finding("doc/posthog-llm.1", (address:gsub("[.]$", ""))), address)
    end
    assert.truthy(text:find("\n.SH FILES\n", 1, true))
  end)
end)
