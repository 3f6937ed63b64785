--- A window of running jobs: a fixed number at the same time, and the next one begins as soon as
--- one ends, so that a slow job holds up nothing but its own place.
---
---     local done, err = window.run(8, next_record, function(record)
---       local row, failed = client.dataset_items:create(record) -- results come as they are ready
---       ...
---       return row, failed
---     end)
---
--- It works in every host: jobs are functions of one gather, so both functions may make calls of
--- the library, and wait. Where the caller itself is cancelled (llm.go, Ctrl-C, a light thread of
--- nginx that ends), so are the calls of all jobs.

local hosts = require("posthog.llm.host")

local window = {}

--- Returns once all jobs have ended. After the first error no other job is begun; those that run are
--- awaited, not cancelled: what a write has done should be known.
--- @generic Job
--- @param width integer jobs at the same time, at least 1
--- @param next_job fun(): Job?, any the next job to begin; nil: there is none, and with a second
---   result, nothing else is to be begun. It is asked whenever a place is free, while others run,
---   and again by each place that has ended a job: a job that is to be done once more may be put
---   back by `work`. If it waits, it may be called for another place meanwhile
--- @param work fun(job: Job): any, any does a job; a second result that is not nil is an error
--- @param raised? fun(err: any) called at once with what one of them raises, in place of raising it
---   again
--- @return true? done
--- @return any err the first error of `work` or `next_job`; what one of them raises is raised again,
---   once all have ended
function window.run(width, next_job, work, raised)
  local stopped, failure = false, nil

  local function stop(err)
    if not stopped then
      stopped, failure = true, err
    end
  end

  local function place()
    while not stopped do
      local job, err = next_job()
      if job == nil then
        if err ~= nil then
          stop(err)
        end
        return
      elseif stopped then -- while next_job waited
        return
      end
      local _, failed = work(job)
      if failed ~= nil then
        stop(failed)
      end
    end
  end

  local places, thrown = {}, nil
  for i = 1, width do
    places[i] = place
  end
  hosts.current().gather(places, width, function(err)
    thrown = thrown or { err }
    stop(err)
    if raised then
      raised(err)
    end
  end)
  if thrown and not raised then
    error(thrown[1], 0)
  elseif stopped then
    return nil, failure
  end
  return true
end

return window
