-- Whatever a server sends back of the key, and wherever an error cuts it: no part of the key is left.

local pipeline = require("spec.pipeline")
local redact = require("posthog.llm.http.redact")

local KEY = "phx_emulator_all"
local LONG = "phx_" .. ("AbCdEfGhIj0123456789"):rep(2) .. "XYZ"
local FRAGMENT = 8 -- bytes of a key that nobody may see
local MOST = 90 -- bytes of an excerpt

--- The key as servers write it, each character or every third in that form.
local function written(form, every)
  local n = 0
  return (
    LONG:gsub(".", function(character)
      n = n + 1
      return n % every == 0 and form:format(character:byte()) or character
    end)
  )
end

local FORMS = {
  ["as it is"] = LONG,
  ["as in a URL"] = written("%%%02X", 1),
  ["as in JSON"] = written("\\u%04x", 1),
  ["as in HTML"] = written("&#%d;", 1),
  ["in part as in JavaScript"] = written("\\x%02x", 3),
  ["in part as in HTML, with zeros"] = written("&#x000000%x;", 3),
}

local function unescaped(text)
  local function character(code)
    return string.char(tonumber(code, 16))
  end
  return (
    text
      :gsub("%%(%x%x)", character)
      :gsub("\\u00(%x%x)", character)
      :gsub("\\x(%x%x)", character)
      :gsub("&#x0*(%x%x);", character)
      :gsub("&#0*(%d+);", function(code)
        return string.char(tonumber(code))
      end)
  )
end

--- Fails when a part of the key is in the text, escaped or not.
local function hides(text, what)
  local plain = unescaped(text)
  for at = 1, #LONG - FRAGMENT + 1 do
    local part = LONG:sub(at, at + FRAGMENT - 1)
    if plain:find(part, 1, true) or text:find(part, 1, true) then
      error(("%s: %q is in %s"):format(what, part, text), 2)
    end
  end
end

describe("an error that is cut shows no part of the key,", function()
  local e, c

  setup(function()
    e = pipeline.emulator.start()
    c = pipeline.client(e.url, {
      personal_api_key = LONG,
      max_retries = 0,
      max_excerpt_bytes = MOST,
    })
  end)
  teardown(function()
    c:close()
    e:stop()
  end)

  --- @return posthog.llm.Error
  local function failure(status, body, headers)
    e:fault({ action = { status = status, body = body, headers = headers } })
    return (select(2, c.datasets:list()))
  end

  --- All texts of an error.
  local function inspect(err, what)
    hides(tostring(err), what)
    for name, value in pairs(err) do
      if type(value) == "string" then
        hides(value, what .. ", " .. name)
      end
    end
  end

  for what, text in pairs(FORMS) do
    it("wherever the server echoes it " .. what, function()
      for before = 0, MOST + 8, 7 do
        local around = ("x"):rep(before) .. text .. ("y"):rep(MOST)
        inspect(failure(500, around, { ["Content-Type"] = "text/html" }), "500 after " .. before)
        inspect(failure(200, around, { ["Content-Type"] = "text/html" }), "200 after " .. before)
        local detail = around:gsub("\\", "\\\\")
        local err = failure(400, '{"detail":"' .. detail .. '"}')
        inspect(err, "a detail after " .. before)
        hides(err.body.detail, "the body's detail")
      end
    end)
  end

  it("however often it is echoed before that", function()
    for _, text in pairs(FORMS) do
      for _, echoes in ipairs({ 1, 2, 3, 5, 8, 17, 40 }) do
        local body = (text .. " "):rep(echoes) .. ("x"):rep(MOST)
        inspect(failure(500, body), echoes .. " times")
        inspect(failure(502, ("<p>" .. text .. "</p>"):rep(echoes)), echoes .. " times in HTML")
      end
    end
  end)

  it("and has the rest up to its limit", function()
    local err = failure(500, (LONG .. " "):rep(30) .. "end")
    assert.equal(("[key] "):rep(15):sub(1, MOST) .. "... (cut, max_excerpt_bytes)", err.body)
    assert.equal("a [key] b", failure(500, "a " .. LONG .. " b").body)
  end)

  it("in the excerpt of a body that is too large to be decoded", function()
    local err = failure(400, '{"detail":"' .. LONG .. '","x":"' .. ("x"):rep(2000000) .. '"}')
    assert.equal('{"detail":"[key]","x":"', err.body:sub(1, 23))
    assert.equal("the request was refused", err.message:sub(1, 23))
    inspect(err, "a large error")
  end)

  it("in the target of a redirect", function()
    for before = 0, MOST + 8, 5 do
      local path = "/" .. ("x"):rep(before) .. LONG .. "/" .. ("y"):rep(MOST)
      inspect(failure(307, "", { Location = "http://elsewhere.test" .. path }), "another origin")
      inspect(failure(302, "", { Location = "//" .. LONG .. ".test" .. path }), "a host")
    end
  end)

  it("in a header's name, which is in lower case there", function()
    local head = "HTTP/1.1 400 Bad\r\nX-%s-Y: %s\r\nContent-Length: 2\r\n\r\n{}"
    e:fault({ action = { raw = head:format(LONG, LONG) } })
    local _, _, response = c.datasets:list()
    assert.equal("[key]", response.headers["x-[key]-y"])
    for name, value in pairs(response.headers) do
      assert.is_nil(name:find(LONG:lower():sub(1, FRAGMENT), 1, true), name)
      hides(value, name)
    end
  end)

  it("in what libcurl has cut already", function()
    local words = "Invalid HTTP header field was received: name: [x], value: [ "
    for length = 4, #LONG do
      local text = redact.cut_text(words .. LONG:sub(1, length), LONG)
      assert.equal(words .. "[key]", text)
    end
    assert.equal(words, redact.cut_text(words, LONG))
    assert.equal("[key] [key]", redact.cut_text(LONG .. " " .. LONG:sub(1, 9), LONG))
  end)
end)

describe("an error that is made from a successful response", function()
  it("does not contain a key that the server echoed", function()
    local e = pipeline.emulator.start({ profile = "current" })
    local c = pipeline.client(e.url)
    local dataset = e:seed({ datasets = 1 }).datasets[1]
    e:fault({
      match = { path = "/exports/1/$" },
      action = {
        status = 200,
        body = ('{"id":1,"status":"failed","exception":"no access with %s"}'):format(KEY),
      },
    })
    local _, err = c.datasets:export_wait(dataset, 1)
    c:close()
    e:stop()
    assert.equal("the export failed: no access with [key]", err.message)
    assert.equal("no access with [key]", err.body.exception)
  end)
end)
