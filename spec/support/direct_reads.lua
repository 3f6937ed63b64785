--- What the specs of direct reads share: calls that are made directly, and what is answered to them.

local pipeline = require("spec.pipeline")

local direct_reads = {}

--- The id of the dataset that is read.
direct_reads.ID = "0195b2aa-3c1d-7e42-9a10-6f0c5bd8e001"

--- The dataset, as the server sends it.
direct_reads.ROW = ('{"id":"%s","name":"pdf","team":3,"output":null}'):format(direct_reads.ID)

direct_reads.KEY = pipeline.KEY

local JSON = { ["Content-Type"] = "application/json" }

function direct_reads.get(client)
  return client.datasets:get(direct_reads.ID)
end

function direct_reads.skill(client)
  return client.skills:get("pdf")
end

function direct_reads.answer(status, body, headers, more)
  local action = { status = status, body = body or "", headers = headers or JSON }
  for name, value in pairs(more or {}) do
    action[name] = value
  end
  return { { action = action } }
end

--- Faults that are each for one request.
function direct_reads.answers(...)
  local all = {}
  for i, one in ipairs({ ... }) do
    one[1].action.times = 1
    all[i] = one[1]
  end
  return all
end

function direct_reads.header(name, value)
  return { ["Content-Type"] = "application/json", [name] = value }
end

return direct_reads
