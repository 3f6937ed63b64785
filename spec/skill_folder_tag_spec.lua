-- Which ETag of the list of skills a root of folders remembers.
local listing = require("posthog.llm.skill_folder.listing")

local URL = "http://127.0.0.1/api/projects/1/llm_skills/"

--- What is remembered of a list with these pages; each has these headers and a skill.
local function remembered(pages)
  local client = { skills = {} }
  function client.skills:list(options)
    local number = options.offset + 1
    local name, rows = "skill-" .. number, {}
    if pages[number] then
      rows[1] = { id = name, name = name, version = 1 }
    end
    local further = pages[number + 1] and ("%s?limit=1&offset=%d"):format(URL, number)
    return { count = #pages, results = rows, next = further or nil },
      nil,
      { headers = pages[number] or pages[1], attempts = 1, url = URL }
  end
  local found = assert(listing.read(client))
  assert.equal(#pages, #found.rows)
  return found.lock.etag
end

describe("the tag that a root of skills remembers", function()
  local ALL = { ETag = 'W/"1"', ["X-Skills-Version"] = "7" }

  it("is that of the only page", function()
    assert.equal('"1"', remembered({ { ETag = '"1"' } }))
  end)

  it("is that of the first page where the server counts what the project has", function()
    assert.equal('W/"1"', remembered({ ALL, ALL }))
  end)

  it("is none where it tells of the first page alone", function()
    assert.is_nil(remembered({ { ETag = '"1"' }, { ETag = '"2"' } }))
  end)

  it("is none where the project has changed between two pages", function()
    assert.is_nil(remembered({ ALL, { ETag = '"2"', ["X-Skills-Version"] = "8" } }))
  end)

  it("is none where it cannot be written into a file of JSON", function()
    assert.is_nil(remembered({ { ETag = '"\233"' } }))
  end)
end)
