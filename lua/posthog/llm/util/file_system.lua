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
  --- Cuts a file off behind so many bytes, and waits until that is on the disk.
  --- @type fun(path: string, bytes: integer): boolean?, string?
  truncate = core.truncate,
  --- Makes a file that was not there, with the mode given or that of another one.
  --- @type fun(path: string, text: string, like_or_mode?: string|integer): boolean?, string?
  create_file = core.create_file,
  --- Makes a folder with this mode. Fourth result of a failure: the mode of one that is there.
  --- @type fun(path: string, mode: integer): boolean?, string?, integer?, integer?
  create_folder = core.create_folder,
  --- A file's text of at most so many bytes, its mode, and whether it is the user's own; nil
  --- and "kind" where it is not a file, nil and "size" where it has more. Never waits.
  --- @type fun(path: string, most: integer): string?, integer|string, boolean|integer|nil
  read_file = core.read_file,
  --- The path without symbolic links.
  --- @type fun(path: string): string?, string?
  real_path = core.real_path,
  --- @type fun(path: string, mode: integer): boolean?, string?
  set_mode = core.set_mode,
}
