-- Fetches the whole body of every skill, eight at a time.
--
--     lua5.4 examples/gather.lua            the key, project and host come from
--                                           POSTHOG_PERSONAL_API_KEY, ..._PROJECT_ID, ..._HOST

-- Finds the library of this checkout; an installed one needs none of this.
local root = arg[0]:match("^(.*)/examples/[^/]*$") or arg[0]:find("/", 1, true) and "." or ".."
local built = jit and "luajit" or _VERSION:match("%d%.%d")
package.path = root .. "/lua/?.lua;" .. root .. "/lua/?/init.lua;" .. package.path
package.cpath = root .. "/build/" .. built .. "/?.so;" .. package.cpath

local llm = require("posthog.llm")

local client = llm.new()

local names, fetches = {}, {}
for skill in client.skills:each() do
  names[#names + 1] = skill.name
  fetches[#fetches + 1] = function()
    return client.skills:get(skill.name)
  end
end

local skills, errors = llm.gather(fetches, { concurrency = 8 })

local bytes, fetched = 0, 0
for i, name in ipairs(names) do
  if skills[i] then
    fetched, bytes = fetched + 1, bytes + #skills[i].body
  else
    print(("%s: %s"):format(name, tostring(errors[i])))
  end
end
print(("%d of %d skills, %d bytes"):format(fetched, #names, bytes))
client:close()
os.exit(errors and 1 or 0, true)
