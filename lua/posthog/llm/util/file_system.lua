--- What Lua's io cannot do with files. Each returns nil and the system's words
--- when it fails.

local core = require("posthog.llm.util.core")

return {
  --- A lock that other processes see, until it is closed or its process ends.
  --- @type fun(path: string): userdata?, string?
  lock = core.lock,
  --- Waits until a file or folder is on the disk.
  --- @type fun(path: string): boolean?, string?
  sync = core.sync,
  --- Makes a file that was not there, with the mode of another one.
  --- @type fun(path: string, text: string, like?: string): boolean?, string?
  create_file = core.create_file,
}
