-- Output handler for busted: prints failures as they come and one line a spec
-- file, and writes each test to the file named by SPEC_REPORT when it starts
-- and when it ends, so that tools/test can count, and name the test in which
-- the process died. A file that does not load for want of one of the modules in
-- SPEC_MAY_LACK is skipped.

local busted = require("busted")
local base = require("busted.outputHandlers.base")

return function()
  local handler = base()
  local report = assert(io.open(os.getenv("SPEC_REPORT") or "/dev/null", "w"))
  report:setvbuf("line")

  local counts = { success = 0, failure = 0, error = 0, pending = 0 }
  local running, broken -- the test under way; it failed outside of its body

  local function one_line(text)
    return (tostring(text):gsub("%s+", " "))
  end

  local function indented(text)
    return (tostring(text):gsub("\n", "\n      "))
  end

  local function count(status, name)
    counts[status] = counts[status] + 1
    report:write(status, " ", one_line(name), "\n")
  end

  local function print_failure(element, message, trace)
    local at = element.trace or trace
    local place = at and ("%s:%s: "):format(at.short_src, at.currentline or "?") or ""
    io.write(
      "  FAILED ",
      place,
      one_line(handler.getFullName(element)),
      "\n      ",
      indented(message),
      "\n"
    )
    if element.descriptor ~= "it" and trace and trace.traceback then
      io.write("      ", indented(trace.traceback), "\n")
    end
    io.flush()
  end

  busted.subscribe({ "test", "start" }, function(element)
    running, broken = element, false
    report:write("start ", one_line(handler.getFullName(element)), "\n")
    return nil, true
  end)

  busted.subscribe({ "test", "end" }, function(element, _, status)
    if broken and status ~= "error" then
      status = "failure"
    end
    running = nil
    count(status, handler.getFullName(element))
    return nil, true
  end)

  busted.subscribe({ "pending" }, function(element, _, message)
    io.write(
      "  skipped: ",
      one_line(handler.getFullName(element)),
      message and ": " .. one_line(message) or "",
      "\n"
    )
    return nil, true
  end)

  --- The module without which a spec does not load, when this Lua may be without it.
  local function lacking(message)
    local name = tostring(message):match("module '([^']*)' not found")
    local may = " " .. (os.getenv("SPEC_MAY_LACK") or "") .. " "
    return name and may:find(" " .. name .. " ", 1, true) and name
  end

  -- In `it`, or in a hook or a block around it. A hook's failure is counted
  -- with the test that it was for.
  local function failed(element, _, message, trace)
    local lacked = element.descriptor ~= "it" and not running and lacking(message)
    if lacked then
      io.write(
        "  skipped: ",
        os.getenv("SPEC_FILE") or "",
        ": there is no ",
        lacked,
        " for this Lua\n"
      )
      count("pending", lacked)
      report:write("lacks ", lacked, "\n")
      return nil, true
    end
    print_failure(element, message == nil and "error(nil)" or message, trace)
    if element.descriptor ~= "it" then
      if running then
        broken = true
      else
        count("error", handler.getFullName(element))
      end
    end
    return nil, true
  end
  busted.subscribe({ "failure" }, failed)
  busted.subscribe({ "error" }, failed)

  busted.subscribe({ "suite", "end" }, function(suite)
    local failures = counts.failure + counts.error
    if counts.success + failures + counts.pending > 0 then
      io.write(
        ("  %-41s %4d passed%s%s (%.2f s)\n"):format(
          os.getenv("SPEC_FILE") or "",
          counts.success,
          failures > 0 and (", %d failed"):format(failures) or "",
          counts.pending > 0 and (", %d skipped"):format(counts.pending) or "",
          (suite.endtick or 0) - (suite.starttick or 0)
        )
      )
    end
    io.flush()
    report:write("end\n")
    return nil, true
  end)

  return handler
end
