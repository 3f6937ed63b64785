local lfs = require("lfs")

local core = require("posthog.llm.core")

describe("core.input_at_hand", function()
  --- What it returns in a process with this standard input, a little after its start.
  local function said(producer)
    local lua, program = os.getenv("LUA"), os.tmpname()
    local file = assert(io.open(program, "wb"))
    file:write([[
      local core = require("posthog.llm.core")
      core.sleep(1)
      print(core.input_at_hand())
      local taken = #(io.read(2) or "")
      core.sleep(1) -- a producer that has ended is noticed a little later
      print(taken, core.input_at_hand())
    ]])
    file:close()
    local pipe = assert(io.popen(producer:format(lua .. " " .. program)))
    local text = pipe:read("*a")
    pipe:close()
    os.remove(program)
    return text
  end

  it("says how much can be read without waiting", function()
    assert.equal("3\n2\tnil\n", said("printf abc | %s"))
    assert.equal("5\n2\t0\n", said("{ printf abcde; sleep 9; } | %s"))
    assert.equal("0\n2\tnil\n", said("{ sleep 4; printf ab; } | %s"))
    assert.equal("nil\n0\tnil\n", said("%s </dev/null"))
  end)
end)

describe("core.sha256", function()
  --- Of FIPS 180-4's examples, and of lengths around the padding by sha256sum.
  local KNOWN = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    {
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    },
    { ("a"):rep(1000000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
    { "\0", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
  }

  it("gives the digests of the standard", function()
    for _, case in ipairs(KNOWN) do
      assert.equal(case[2], core.sha256(case[1]))
    end
  end)

  it("agrees with sha256sum at every length around the padding", function()
    local path = os.tmpname()
    for length = 50, 130 do
      local text = ("xyz"):rep(50):sub(1, length)
      local file = assert(io.open(path, "wb"))
      file:write(text)
      file:close()
      local pipe = assert(io.popen("sha256sum <" .. path))
      assert.equal(pipe:read(64), core.sha256(text), "length " .. length)
      pipe:close()
    end
    os.remove(path)
  end)

  it("is the same for a text in parts", function()
    local text = ("0123456789abcdef"):rep(20)
    for size = 1, 130, 3 do
      local hasher = core.hasher()
      for at = 1, #text, size do
        assert.equal(hasher, hasher:add(text:sub(at, at + size - 1)))
        assert.equal(core.sha256(text:sub(1, at + size - 1)), hasher:hex())
      end
    end
  end)

  it("refuses what is not a string", function()
    assert.error_matches(function()
      core.sha256({})
    end, "string expected")
    assert.error_matches(function()
      core.hasher():add(nil)
    end, "string expected")
    assert.error_matches(function()
      core.hasher().hex(io.stdout)
    end, "Hasher")
  end)
end)

describe("files of the core", function()
  local folder
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
  end)
  after_each(function()
    os.execute("rm -rf " .. folder)
  end)

  local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("*a")
    file:close()
    return text
  end

  it("are created with their text, not executable", function()
    local text = "a\0b\r\n" .. ("x"):rep(100000)
    assert.is_true(core.create_file(folder .. "/a", text))
    assert.equal(text, read(folder .. "/a"))
    assert.is_nil(lfs.attributes(folder .. "/a", "permissions"):find("x"))
    assert.is_true(core.sync(folder .. "/a"))
    assert.is_true(core.sync(folder))
  end)

  it("have the mode of another file where that is asked for", function()
    assert(core.create_file(folder .. "/old", "x"))
    for mode, permissions in pairs({ ["600"] = "rw-------", ["664"] = "rw-rw-r--" }) do
      os.execute(("chmod %s %s/old"):format(mode, folder))
      assert(core.create_file(folder .. "/" .. mode, "x", folder .. "/old"))
      assert.equal(permissions, lfs.attributes(folder .. "/" .. mode, "permissions"))
    end
    assert(core.create_file(folder .. "/new", "x", folder .. "/none"))
    assert(core.create_file(folder .. "/usual", "x"))
    assert.equal(
      lfs.attributes(folder .. "/usual", "permissions"),
      lfs.attributes(folder .. "/new", "permissions")
    )
  end)

  it("are never written over, nor through a symbolic link", function()
    assert(core.create_file(folder .. "/a", "first"))
    lfs.link("a", folder .. "/link", true)
    lfs.link("nowhere", folder .. "/dangling", true)
    for _, name in ipairs({ "/a", "/link", "/dangling" }) do
      local ok, message, code = core.create_file(folder .. name, "second")
      assert.is_nil(ok)
      assert.is_string(message)
      assert.is_number(code)
    end
    assert.equal("first", read(folder .. "/a"))
    assert.is_nil(lfs.attributes(folder .. "/nowhere"))
  end)

  it("leave no file when the disk is full", function()
    local program = ([[%s -e 'local core = require("posthog.llm.core")
      print(core.create_file("%s/big", ("x"):rep(100000)))']]):format(os.getenv("LUA"), folder)
    local pipe = assert(io.popen("trap '' XFSZ; ulimit -f 8; " .. program))
    local said = pipe:read("*a")
    pipe:close()
    assert.truthy(said:find("^nil\t%a"), said)
    assert.is_nil(lfs.attributes(folder .. "/big"))
  end)

  it("have the mode that is asked for, with any umask", function()
    assert(core.create_file(folder .. "/a", "x", 6 * 64))
    assert.equal("rw-------", lfs.attributes(folder .. "/a", "permissions"))
    assert(core.create_file(folder .. "/b", "x", 6 * 64 + 6 * 8 + 6))
    assert.equal("rw-rw-rw-", lfs.attributes(folder .. "/b", "permissions"))
    assert.is_true(core.set_mode(folder .. "/b", 4 * 64))
    assert.equal("r--------", lfs.attributes(folder .. "/b", "permissions"))
    for _, mode in ipairs({ -1, 512 }) do
      assert.error_matches(function()
        core.create_file(folder .. "/c", "x", mode)
      end, "mode")
      assert.error_matches(function()
        core.set_mode(folder .. "/b", mode)
      end, "mode")
    end
    assert.is_nil((core.set_mode(folder .. "/none", 0)))
  end)

  it("are read with their permissions for others, and no further than asked for", function()
    assert(core.create_file(folder .. "/a", "a\0b", 6 * 64 + 4))
    local text, mode, own = core.read_file(folder .. "/a", 3)
    assert.equal("a\0b", text)
    assert.equal(6 * 64 + 4, mode)
    assert.is_true(own)
    assert.same({ nil, "size" }, { core.read_file(folder .. "/a", 2) })
    assert(core.create_file(folder .. "/empty", ""))
    assert.equal("", (core.read_file(folder .. "/empty", 0)))
    assert.same({ nil, "kind" }, { core.read_file(folder, 10) })
    os.execute("mkfifo " .. folder .. "/pipe")
    assert.same({ nil, "kind" }, { core.read_file(folder .. "/pipe", 10) })
    local none, message, code = core.read_file(folder .. "/none", 10)
    assert.is_nil(none)
    assert.is_string(message)
    assert.equal(2, code)
  end)

  it("have folders that are made once, and a path without symbolic links", function()
    assert.is_true(core.create_folder(folder .. "/d", 7 * 64))
    assert.equal("rwx------", lfs.attributes(folder .. "/d", "permissions"))
    local made, message, _, mode = core.create_folder(folder .. "/d", 7 * 64 + 7)
    assert.is_nil(made)
    assert.is_string(message)
    assert.equal(7 * 64, mode)
    assert(core.create_file(folder .. "/d/a", "x"))
    assert.is_nil((select(4, core.create_folder(folder .. "/d/a", 7 * 64))))
    lfs.link("d", folder .. "/link", true)
    assert.equal(core.real_path(folder) .. "/d/a", core.real_path(folder .. "/link/../link/a"))
    assert.is_nil((core.real_path(folder .. "/none")))
  end)

  it("have one identity under all their names, and links are read also where nothing is", function()
    assert(core.create_file(folder .. "/one", "x"))
    assert(core.create_file(folder .. "/two", "x"))
    lfs.link(folder .. "/one", folder .. "/hard")
    lfs.link("one", folder .. "/soft", true)
    lfs.link("missing/\195\164", folder .. "/dangling", true)
    local id = core.file_id(folder .. "/one")
    assert.matches("^%d+:%d+$", id)
    assert.equal(id, core.file_id(folder .. "/hard"))
    assert.equal(id, core.file_id(folder .. "/soft"))
    assert.not_equal(id, core.file_id(folder .. "/two"))
    assert.same({ nil, "kind" }, { core.file_id("/dev/null") })
    assert.same({ nil, "kind" }, { core.file_id(folder) })
    assert.equal("No such file or directory", (select(2, core.file_id(folder .. "/dangling"))))
    assert.equal("one", core.read_link(folder .. "/soft"))
    assert.equal("missing/\195\164", core.read_link(folder .. "/dangling"))
    assert.equal("Invalid argument", (select(2, core.read_link(folder .. "/one"))))
    assert.is_nil((core.read_link(folder .. "/nothing")))
    for _, f in ipairs({ core.file_id, core.read_link }) do
      assert.error_matches(function()
        f("a\0b")
      end, "zero byte")
    end
  end)

  it("are truncated at the given length, and stay the same file", function()
    local path = folder .. "/long"
    assert(core.create_file(path, ("x"):rep(10000) .. "\n"))
    local before = lfs.attributes(path, "ino")
    assert.is_true(core.truncate(path, 9999))
    assert.equal(("x"):rep(9999), read(path))
    assert.is_true(core.truncate(path, 0))
    assert.equal("", read(path))
    assert.equal(before, lfs.attributes(path, "ino"))
    local ok, message = core.truncate(folder .. "/nothing", 0)
    assert.is_nil(ok)
    assert.equal("No such file or directory", message)
    assert.is_nil((core.truncate(folder, 0)))
    for _, size in ipairs({ -1, 0 / 0, 1e300 }) do
      assert.error_matches(function()
        core.truncate(path, size)
      end, "invalid size")
    end
    assert.error_matches(function()
      core.truncate("a\0b", 0)
    end, "zero byte")
  end)

  it("report why they cannot be created or synced", function()
    assert.is_nil((core.create_file(folder .. "/no/where", "x")))
    assert.is_nil((core.sync(folder .. "/nothing")))
    assert.error_matches(function()
      core.create_file(folder .. "/a\0b", "x")
    end, "zero byte")
    assert.error_matches(function()
      core.create_file(folder .. "/a", "x", "\0")
    end, "zero byte")
    assert.error_matches(function()
      core.sync("\0")
    end, "zero byte")
  end)
end)
