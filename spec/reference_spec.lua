--- The pages of doc/reference/ are made from comments: they have to be of today, complete and true.

local book = require("tools.reference.book")
local check = require("posthog.llm.util.check")
local emulator = require("spec.emulator")
local facts = require("tools.reference.facts")
local llm = require("posthog.llm")
local markdown = require("tools.reference.markdown")
local query = require("posthog.llm.http.query")
local types = require("tools.reference.types")
local vimdoc = require("tools.reference.vimdoc")

local all = book.read()
local texts = book.texts(all)
local client =
  llm.new({ personal_api_key = "phx_test", project_id = 1, host = "http://127.0.0.1:1" })

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

--- Calls a function with each public function, and its page.
local function each_function(visit)
  local count = 0
  for _, page in ipairs(all.pages) do
    for _, entry in ipairs(page.functions) do
      count = count + 1
      visit(entry, page)
    end
  end
  return count
end

--- What a page documents: a module, or an object of the client's.
local function object_of(page)
  if page.module then
    local ok, module = pcall(require, page.module)
    return ok and module or nil
  elseif page.object == "client" then
    return getmetatable(client).__index
  elseif page.object then
    return getmetatable(client[page.object:match("%.(.*)$")]).__index
  end
end

--- What a public function is in the program; nil: it cannot be reached here.
local function object_with(page, entry)
  local owner, separator = entry.public:match("^(.*([.:]))[%w_]+$")
  local fits = page.module and separator == "." or page.object and separator == ":"
  local is_of_page = separator == "." or owner == page.prefix
  return fits and is_of_page and object_of(page) or nil
end

describe("the reference", function()
  it("is as make docs writes it", function()
    for path, text in pairs(texts) do
      assert.is_true(read(path) == text, path .. " is stale: make docs")
    end
    local list = io.popen("ls doc/reference/*.md")
    for path in list:lines() do
      assert.is_string(texts[path], path .. " is made from nothing")
    end
    list:close()
  end)

  it("has the editor's part in its help page, which Neovim accepts", function()
    local text = read(vimdoc.PATH)
    assert.is_true(text == vimdoc.text(all, text), vimdoc.PATH .. " is stale: make docs")
    local folder = os.tmpname()
    os.remove(folder)
    local tags = "nvim --headless -i NONE -u NONE -c 'helptags %s' -c qall 2>&1"
    local shell = "command -v nvim >/dev/null && mkdir %s && cp %s %s && " .. tags
    local pipe =
      io.popen(shell:format(folder, vimdoc.PATH, folder, folder) .. " && cat " .. folder .. "/tags")
    local made = pipe:read("*a")
    pipe:close()
    os.execute("rm -rf " .. folder)
    if made == "" then
      pending("nvim is not installed")
    end
    for _, tag in ipairs({ "posthog.nvim.status()", "posthog.nvim.spend()", "posthog-functions" }) do
      assert.is_truthy(made:find("\n" .. tag .. "\t", 1, true), made)
    end
  end)

  it("has an example of every function, which calls it", function()
    local without = {}
    local seen = each_function(function(entry, page)
      local _, examples = markdown.divide(entry.declaration.text)
      local separator, name = entry.public:match("([.:])([%w_]+)$")
      local class = all.classes[page.class]
      local _, of_page = markdown.divide(class and class.text or "")
      if not (examples .. of_page):find(separator .. name .. "(", 1, true) then
        without[#without + 1] = entry.public
      end
    end)
    assert.same({}, without)
    assert.is_true(seen > 20)
  end)

  it("names every result, and no type that it does not show", function()
    local unnamed = {}
    each_function(function(entry)
      local is_comment = entry.declaration.commented -- else it is the field of a class
      for _, value in ipairs(is_comment and entry.declaration.returns or {}) do
        unnamed[#unnamed + 1] = not value.name and entry.public or nil
      end
    end)
    assert.same({}, unnamed)
    local lost, seen = {}, 0
    local function look(values, where)
      for _, value in ipairs(values) do
        types.each_class(value.type, function(name)
          seen = seen + 1
          local is_there = all.home[name] or all.main[name]
          lost[#lost + 1] = not is_there and ("%s: %s"):format(where, name) or nil
        end)
      end
    end
    each_function(function(entry)
      look(entry.declaration.params, entry.public)
      look(entry.declaration.returns, entry.public)
    end)
    for name in pairs(all.home) do
      look(all.classes[name].fields, name)
    end
    assert.same({}, lost)
    assert.is_true(seen > 300)
  end)

  it("has every name that a program can reach", function()
    local lacking = {}
    for _, page in ipairs(all.pages) do
      local own = {}
      for _, entry in ipairs(page.functions) do
        own[entry.public:match("[%w_]+$")] = true
      end
      for _, field in ipairs(page.class and all.classes[page.class].fields or {}) do
        own[field.name] = true
      end
      for name in pairs(object_of(page) or {}) do
        if not own[name] and not name:find("^_%l") and not name:find("^__") then
          lacking[#lacking + 1] = page.title .. " " .. name
        end
      end
    end
    assert.same({}, lacking)
  end)

  it("has no function that a program cannot call", function()
    local wrong = {}
    local seen = 0
    each_function(function(entry, page)
      local object = object_with(page, entry)
      seen = object and seen + 1 or seen
      if object and not check.callable(object[entry.public:match("[%w_]+$")]) then
        wrong[#wrong + 1] = entry.public
      end
    end)
    assert.same({}, wrong)
    assert.is_true(seen > 80)
  end)

  it("names what ../shared/face.md promises, where that is there", function()
    local face = read("../shared/face.md")
    if not face then
      pending("there is no ../shared/face.md")
      return
    end
    local owner, tool, lacking, seen = nil, nil, {}, 0
    local public = {}
    each_function(function(entry)
      public[entry.public] = true
    end)
    for line in face:gmatch("[^\n]+") do
      local heading = line:match("^#+ (.*)$")
      owner = heading and heading:match("^client%.%w+") and heading or not heading and owner or nil
      for resource in (owner or ""):gmatch("client%.([%w_]+)") do
        for name in line:gmatch("%f[%S]:([%l_]+)[({]") do
          seen = seen + 1
          local full = ("client.%s:%s"):format(resource, name)
          lacking[#lacking + 1] = not public[full] and full or nil
        end
      end
      local module = heading and heading:match("^posthog%.llm%.([%w_]+)") or nil
      tool = heading and module or not heading and tool or nil
      for name in
        tool and line:gmatch("%f[%w]([%l_]+)%(client, ") or line:gmatch("%f[%w]llm%.([%l_]+)[({]")
      do
        local full = ("%s.%s"):format(tool or "llm", name)
        seen = seen + 1
        lacking[#lacking + 1] = not public[full] and full or nil
      end
      for full in line:gmatch("%f[%w]cache:[%l_]+%f[(]") do
        seen = seen + 1
        lacking[#lacking + 1] = not public[full] and full or nil
      end
    end
    assert.same({}, lacking)
    assert.is_true(seen > 40, seen .. " names")
  end)
end)

--- Arguments that pass the checks in front of those of the options.
local ARGUMENTS = {
  name = "pdf-forms",
  new_name = "web-forms",
  path = "a.jsonl",
  old_path = "a.md",
  new_path = "b.md",
  id = "0198c5a2-7be4-7000-8000-3f1d2c4b5a69",
  dataset = "golden",
  fields = { name = "golden", path = "a.md", content = "A", base_version = 1 },
  export = 1,
  since = 0,
  text = "forms",
  method = "GET",
  source = "a.jsonl",
  dir = "skills/pdf-forms",
  root = "skills",
  version = 1,
  functions = {},
  spend = { summary = {} },
  client = client,
}

--- How functions call their table of options.
local IS_OPTIONS = { options = true, given = true, login = true }

--- The options that a function checks for, and the query parameters among them.
--- @return table<string, any>? known nil: it does not look at its options
--- @return table[]? parameters
local function accepted(page, entry)
  local known, parameters
  local real_known, real_read = check.known, query.read
  local found = {}
  function check.known(_, names, what)
    if IS_OPTIONS[what] then
      known = names
      error(found, 0)
    end
  end
  function query.read(spec, options, level)
    parameters = spec.parameters
    return real_read(spec, options, level + 1)
  end
  local object = object_of(page)
  local method = object[entry.public:match("[%w_]+$")]
  local given, count = {}, 0
  if entry.public:find(":", 1, true) then
    count = 1
    given[1] = page.object == "client" and client or client[page.object:match("%.(.*)$")]
  end
  for _, value in ipairs(entry.declaration.params) do
    count = count + 1
    local argument = value.name == "path" and page.object == "client" and "/"
      or ARGUMENTS[value.name]
    given[count] = IS_OPTIONS[value.name] and { unknown = true } or argument
  end
  local ngx = rawget(_G, "ngx")
  rawset(_G, "ngx", page.name == "cache" and {} or ngx) -- it asks first whether this is nginx
  local ok, err = pcall(function()
    local step = method((table.unpack or unpack)(given, 1, count)) -- luacheck: ignore
    return type(step) == "function" and step()
  end)
  check.known, query.read = real_known, real_read
  rawset(_G, "ngx", ngx)
  assert(ok or err == found, entry.public .. ": " .. tostring(err))
  return known, parameters
end

--- The options that the page tells of, by name.
local function documented(entry)
  local last = entry.declaration.params[#entry.declaration.params]
  if not last or not IS_OPTIONS[last.name] then
    return nil
  end
  local options, class = {}, last.type.name
  for _, field in ipairs(class and markdown.all_fields_of(all, class) or last.type.fields) do
    options[field.name] = field.text
  end
  return options
end

--- Whether a default is a value of the library's, and not a description or the server's.
local function is_value(default)
  return tonumber(default) or default:find('^"[^"]*"$') or default:find("^%d+ [MK]iB$")
end

--- What the emulator was asked last.
local function last_request(server)
  local log = server:log()
  return log[#log].target
end

--- Defaults that are within functions, by what a call does.
local BY_CALL = {
  ["posthog.llm.GatherOptions.concurrency"] = function()
    local jobs, running, most = {}, 0, 0
    for i = 1, 20 do
      jobs[i] = function()
        running = running + 1
        most = math.max(most, running)
        llm.sleep(0.01)
        running = running - 1
        return i
      end
    end
    llm.gather(jobs)
    return most
  end,
  ["posthog.llm.HistoryOptions.prefetch"] = function()
    local _, requests = query.prefetch({}, {}, 1)
    return requests and requests.depth or 0
  end,
  ["posthog.llm.SpendOptions.product"] = function(own, server)
    assert(own.spend:get())
    return last_request(server):match("product=([%w_]+)")
  end,
  ["posthog.llm.SkillVersionsOptions.limit"] = function(own, server)
    local ok = pcall(own.skills:versions("pdf-forms"))
    assert.is_false(ok) -- there is no such skill
    return tonumber(last_request(server):match("limit=(%d+)"))
  end,
  ["posthog.llm.CredentialsLogin.host"] = function()
    local us = require("posthog.llm.client.settings").resolve_host("us")
    return us.base == require("posthog.llm.client.settings").DEFAULT_HOST and "us" or nil
  end,
  ["posthog.llm.DatasetSourceOptions.values"] = function(own)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write("input\n5\n")
    file:close()
    local dataset_file = require("posthog.llm.dataset_file")
    assert(dataset_file.import(own, "cells", path, { create = true, format = "csv" }))
    os.remove(path)
    os.remove(path .. ".journal")
    return own.dataset_items:list().results[1].input == 5 and "json" or "text"
  end,
}
for class, same in pairs({
  DatasetEach = "HistoryOptions.prefetch",
  DatasetItemEach = "HistoryOptions.prefetch",
  SkillEach = "HistoryOptions.prefetch",
  SkillVersionsOptions = "HistoryOptions.prefetch",
  SkillLogOptions = "SkillVersionsOptions.limit",
}) do
  local name = ("posthog.llm.%s.%s"):format(class, same:match("%l+$"))
  BY_CALL[name] = BY_CALL["posthog.llm." .. same]
end

--- Where each class of a response is in spec/samples: a file, and the way into it.
local SAMPLES = {
  { "Skill", "skill_get.json" },
  { "Skill", "skills_list.json", "results", 1 },
  { "Skill", "n_skill_get_page1.json" },
  { "SkillFileEntry", "skill_get.json", "files", 1 },
  { "SkillFileEntry", "n_skill_get_page1.json", "files", 1 },
  { "Heading", "skill_get.json", "outline", 1 },
  { "User", "skill_get.json", "created_by" },
  { "SkillVersion", "skill_resolve.json", "versions", 1 },
  { "SkillFile", "skill_file_get.json" },
  { "SkillFound", "n_skill_search.json", "results", 1 },
  { "SkillMatch", "n_skill_search.json", "results", 1, "matches", 1 },
  { "SkillMdFile", "n_skill_markdown.json" },
  { "Page", "datasets_list.json" },
  { "Dataset", "dataset_get.json" },
  { "Dataset", "n_dataset_get.json" },
  { "Revision", "n_dataset_revisions.json", "results", 1 },
  { "Export", "n_dataset_export_complete.json" },
  { "DatasetItem", "dataset_item_get.json" },
  { "DatasetItem", "n_dataset_item.json" },
  { "SpendReport", "spend.json" },
  { "SpendReport", "n_spend.json" },
  { "SpendSummary", "spend.json", "summary" },
  { "SpendByProduct", "spend.json", "by_product", "items", 1 },
  { "SpendByTool", "spend.json", "by_tool", "items", 1 },
  { "SpendByTool", "n_spend.json", "by_tool", "items", 1 },
  { "SpendByModel", "spend.json", "by_model", "items", 1 },
  { "SpendByDay", "n_spend.json", "by_day", "items", 1 },
  { "SpendByDayModel", "n_spend.json", "by_day_model", 1 },
  { "SpendByInputSize", "n_spend.json", "by_input_size", "items", 1 },
  { "SpendByBucket", "n_spend.json", "by_bucket", "items", 1 },
}

describe("the tables of responses in the reference", function()
  it("have every field that a server sends", function()
    local wrong, sent = {}, {}
    for _, sample in ipairs(SAMPLES) do
      local class = sample[1]
      local value = assert(llm.json.decode(read("spec/samples/" .. sample[2])))
      for i = 3, #sample do
        value = value[sample[i]]
      end
      sent[class] = sent[class] or {}
      local told = {}
      for _, field in ipairs(all.classes["posthog.llm." .. class].fields) do
        told[field.name] = field
      end
      for name, content in pairs(value or {}) do
        sent[class][name] = true
        local where = ("%s.%s (%s)"):format(class, name, sample[2])
        if not told[name] and name ~= "body_next_offset" then -- the library reads the rest itself
          wrong[#wrong + 1] = where .. " is not told of"
        elseif
          content == llm.null
          and not told[name].optional
          and told[name].type.name ~= "any"
        then
          wrong[#wrong + 1] = where .. " may be null"
        end
      end
    end
    for class, names in pairs(sent) do
      for _, field in ipairs(all.classes["posthog.llm." .. class].fields) do
        local is_optional = field.optional or field.type.name == "any"
        if not names[field.name] and not is_optional then
          wrong[#wrong + 1] = ("%s.%s is sent by no server"):format(class, field.name)
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
  end)
end)

describe("the kinds and codes of errors in the reference", function()
  it("are those of the library and of the servers", function()
    local kinds, used = {}, {}
    for _, entry in ipairs(all.classes["posthog.llm.ErrorKind"].values) do
      kinds[entry.value] = true
    end
    local list = io.popen("cat $(find lua/posthog -name '*.lua')")
    for line in list:lines() do
      local code = line:gsub("%-%-.*", "")
      for word in code:gmatch('"([%l_]+)"') do
        used[word] = true
      end
      local kind = code:match('errors%.new%({ kind = "([%l_]+)"')
      assert.is_true(kind == nil or kinds[kind] == true, line)
    end
    list:close()
    for kind in pairs(kinds) do
      assert.is_true(used[kind] == true, kind .. " is used nowhere")
    end
    local server = io.popen("cat doc/api.md $(find spec/emulator/server -name '*.lua')")
    local words = server:read("*a")
    server:close()
    local seen = 0
    for path, text in pairs(texts) do
      for kind in text:gmatch("kind `([%w_]+)`") do
        seen = seen + 1
        assert.is_true(kinds[kind], path .. " has the kind " .. kind)
      end
      for code in text:gmatch("code `([%w_]+)`") do
        seen = seen + 1
        assert.is_truthy(words:find(code, 1, true), path .. " has the code " .. code)
      end
    end
    assert.is_true(seen > 80)
  end)
end)

describe("the fields of items in the reference", function()
  it("are those that the library translates, by both names", function()
    local item_fields = require("posthog.llm.api.item_fields")
    for _, class in ipairs({ "posthog.llm.DatasetItem", "posthog.llm.DatasetItemFields" }) do
      local told = {}
      for _, field in ipairs(all.classes[class].fields) do
        told[field.name] = field.text
      end
      for _, field in ipairs(item_fields.FIELDS) do
        local v1, v2 = told[field.v1 or field.name], told[field.name]
        assert.is_truthy(v1 and v2, class .. " " .. field.name)
        local words = "another name of `" .. tostring(field.v1) .. "`"
        local is_told = v1 == v2 or v2:find(words, 1, true)
        assert.is_truthy(is_told, ("%s.%s is not %s"):format(class, field.name, words))
      end
    end
  end)
end)

describe("the options in the reference", function()
  it("are those that the functions take", function()
    local wrong, seen = {}, 0
    each_function(function(entry, page)
      local told = documented(entry)
      local known = told and object_with(page, entry) and accepted(page, entry)
      for name in pairs(known or {}) do
        seen = seen + 1
        wrong[#wrong + 1] = told[name] == nil and entry.public .. " takes " .. name or nil
      end
      for name in pairs(known and told or {}) do
        local is_known = known[name] ~= nil
        wrong[#wrong + 1] = not is_known and entry.public .. " does not take " .. name or nil
      end
    end)
    assert.same({}, wrong)
    assert.is_true(seen > 60)
  end)

  it("are those that tables within options take", function()
    local redis = require("posthog.llm.host.redis")
    for class, call in pairs({
      ["posthog.llm.PaceOptions"] = function()
        llm.new({ pace = { unknown = 1 } })
      end,
      ["posthog.llm.RedisOptions"] = function()
        redis.check({ unknown = 1 }, "redis", 1)
      end,
    }) do
      local names = {}
      for _, field in ipairs(all.classes[class].fields) do
        names[#names + 1] = field.name
      end
      table.sort(names)
      local _, message = pcall(call)
      assert.equal(table.concat(names, ", "), message:match("known are (.*)$"), class)
    end
  end)

  it("have the limits that are checked", function()
    local wrong, seen = {}, 0
    each_function(function(entry, page)
      local told = documented(entry)
      local _, parameters
      if told and page.object and object_with(page, entry) then
        _, parameters = accepted(page, entry)
      end
      for _, parameter in ipairs(parameters or {}) do
        local name, least, most = parameter[1], parameter.least, parameter.most
        if most then
          seen = seen + 1
          local words = ("%d to %d"):format(least, most)
          if not told[name]:find(words, 1, true) then
            wrong[#wrong + 1] = ("%s: %s is %s"):format(entry.public, name, words)
          end
        end
      end
    end)
    assert.same({}, wrong)
    assert.is_true(seen > 2)
  end)

  it("have the defaults that the code has", function()
    local seen = 0
    for class, defaults in pairs(facts.DEFAULTS) do
      local told = {}
      for _, field in ipairs(markdown.all_fields_of(all, class)) do
        local _, default = markdown.default_of(field.text)
        told[field.name] = told[field.name] or default or "" -- its own come before its parents'
      end
      for name, value in pairs(defaults) do
        seen = seen + 1
        assert.equal(facts.written(value), told[name], class .. "." .. name)
      end
    end
    assert.is_true(seen > 30)
  end)

  it("have no other default that is a value but those that a call shows", function()
    local server = emulator.start()
    local own =
      llm.new({ host = server.url, personal_api_key = "phx_emulator_all", project_id = 112358 })
    local seen = 0
    for class in pairs(all.classes) do
      local known = facts.DEFAULTS[class] or {}
      for _, field in ipairs(all.home[class] and all.classes[class].fields or {}) do
        local _, default = markdown.default_of(field.text)
        local by_call = BY_CALL[class .. "." .. field.name]
        if default and is_value(default) and known[field.name] == nil then
          assert.is_function(
            by_call,
            class .. "." .. field.name .. " has a default that nothing proves"
          )
          assert.equal(default, facts.written(by_call(own, server)), class .. "." .. field.name)
          seen = seen + 1
        end
      end
    end
    server:stop()
    assert.is_true(seen > 5)
  end)
end)
