--- File operations that Lua's io lacks. On failure each returns nil and the system's message.

local core = require("posthog.llm.util.core")

return {
  --- Locks a file against other processes, until the lock is closed or the process ends.
  --- @type fun(path: string): userdata?, string?
  lock = core.lock,
  --- Waits until a file or folder is on the disk.
  --- @type fun(path: string): boolean?, string?
  sync = core.sync,
  --- Bytes of standard input that can be read without waiting, 0 while there are none; nil: a read
  --- does not wait, as at the end, or this cannot be known.
  --- @type fun(): integer?
  input_at_hand = core.input_at_hand,
  --- Truncates a file to a length in bytes, and waits until that is on the disk.
  --- @type fun(path: string, bytes: integer): boolean?, string?
  truncate = core.truncate,
  --- Creates a file, which must not exist, with the given mode or that of another file.
  --- @type fun(path: string, text: string, like_or_mode?: string|integer): boolean?, string?
  create_file = core.create_file,
  --- Creates a folder with this mode. When one exists, the fourth result is its mode.
  --- @type fun(path: string, mode: integer): boolean?, string?, integer?, integer?
  create_folder = core.create_folder,
  --- Reads a file of at most `most` bytes: its text, its mode, and whether the user owns it. nil
  --- and "kind" when it is not a regular file, nil and "size" when it is larger. Never blocks on a
  --- pipe.
  --- @type fun(path: string, most: integer): string?, integer|string, boolean|integer|nil
  read_file = core.read_file,
  --- The absolute path without symbolic links.
  --- @type fun(path: string): string?, string?
  real_path = core.real_path,
  --- Where a symbolic link leads to, as it is written there. Nothing need be there.
  --- @type fun(path: string): string?, string?
  read_link = core.read_link,
  --- A text that is the same for all names of one regular file, links followed.
  --- @type fun(path: string): string?, string?
  file_id = core.file_id,
  --- @type fun(path: string, mode: integer): boolean?, string?
  set_mode = core.set_mode,
}
