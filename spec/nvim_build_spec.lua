-- build.lua, by which a plugin manager compiles the core, in a real Neovim.
if os.getenv("LUA") ~= "luajit" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local emulator = require("spec.emulator")
local folders = require("spec.support.folders")
local shell = require("spec.support.shell")

local run = shell.run

if select(2, run("command -v nvim")) ~= 0 then
  describe("build.lua", function()
    pending("nvim is not installed")
  end)
  return
end

local IS_NEW = select(
  2,
  run("nvim --headless -u NONE -c 'if has(\"nvim-0.10\") | qa | endif' -c cquit")
) == 0

describe("build.lua", function()
  local root, plugin

  before_each(function()
    root = folders.new()
    plugin = root .. "/a plugin"
    run(("mkdir '%s' && cp -R build.lua src lua '%s/'"):format(plugin, plugin))
    run(("rm -f '%s'/lua/posthog/llm/core.so"):format(plugin))
  end)
  after_each(function()
    folders.remove(root)
  end)

  --- @return string output
  --- @return integer status
  local function nvim(arguments, env)
    local command = "cd / && env -u LUA_PATH -u LUA_CPATH HOME='%s' XDG_DATA_HOME='%s/data'"
      .. " XDG_CONFIG_HOME='%s/config' XDG_STATE_HOME='%s/state' %s timeout 200"
      .. " nvim --headless -i NONE -n -u NONE %s </dev/null"
    return run(command:format(root, root, root, root, env or "", arguments))
  end

  local function build(env)
    return nvim(('-c "luafile %s/build.lua" -c qall'):format(plugin:gsub(" ", "\\\\ ")), env)
  end

  local function core_exists()
    return select(2, run(("ls '%s'/lua/posthog/llm/core.so*"):format(plugin))) == 0
  end

  if not IS_NEW then
    it("says in one line that this Neovim is too old, and what to run", function()
      local output, status = build()
      assert.equal(
        "posthog-llm is not built: Neovim 0.10 or newer is needed; on older ones run make nvim "
          .. "(doc/neovim.md)\n",
        output
      )
      assert.equal(1, status)
      assert.is_false(core_exists())
    end)
    return
  end

  local kept -- a core that was built, for the tests that only need one

  setup(function()
    kept = os.tmpname()
  end)
  teardown(function()
    os.remove(kept)
  end)

  local function put_core()
    run(("cp '%s' '%s/lua/posthog/llm/core.so'"):format(kept, plugin))
  end

  local VERSION = require("posthog.llm.core").BUILD:match("core (%S+) for")
  local NEXT = "9" .. VERSION:sub(2)

  --- A compiler that takes no time: it gives the core that was built, as one of another version.
  --- @return string path
  local function quick_compiler()
    folders.write(
      root,
      "cc",
      '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nsleep 0.3\n'
        .. ("LC_ALL=C sed 's/llm core %s for/llm core %s for/' '%s' >\"$2\"\n"):format(
          (VERSION:gsub("%.", "[.]")),
          NEXT,
          kept
        )
    )
    run(("chmod +x '%s/cc'"):format(root))
    return root .. "/cc"
  end

  it("compiles a core that makes calls in that Neovim", function()
    local server = emulator.start()
    local output, status = build()
    run(("cp '%s/lua/posthog/llm/core.so' '%s'"):format(plugin, kept))
    assert.matches("^built .*/a plugin/lua/posthog/llm/core%.so for libcurl/[%d.]+ %S+\n$", output)
    assert.equal(0, status)
    folders.write(
      root,
      "try.lua",
      [[
        vim.opt.runtimepath:append(vim.env.PLUGIN)
        local client = require("posthog.llm").new()
        local fields = { name = "first", description = "d", body = "text" }
        assert(client.skills:create(fields))
        io.stdout:write(client.skills:get("first").body)
        vim.cmd("qall!")
      ]]
    )
    output = nvim(
      ('-c "luafile %s/try.lua"'):format(root),
      ("PLUGIN='%s' POSTHOG_HOST=%s POSTHOG_PERSONAL_API_KEY=phx_emulator_all POSTHOG_PROJECT_ID=112358"):format(
        plugin,
        server.url
      )
    )
    server:stop()
    assert.equal("text", output)
  end)

  it("can be run again, beside an editor that uses the core", function()
    put_core()
    local before = run(("stat -c %%i '%s/lua/posthog/llm/core.so'"):format(plugin))
    local output, status = build(("CC='%s'"):format(quick_compiler()))
    assert.matches("^built ", output)
    assert.equal(0, status)
    assert.not_equal(before, run(("stat -c %%i '%s/lua/posthog/llm/core.so'"):format(plugin)))
    assert.equal("core.so\n", run(("cd '%s/lua/posthog/llm' && ls core.so*"):format(plugin)))
  end)

  it("says in one line which compiler is missing", function()
    local bin = root .. "/bin"
    run(("mkdir '%s' && ln -s $(command -v nvim) $(command -v timeout) '%s/'"):format(bin, bin))
    local output, status = build(("PATH='%s' CC="):format(bin))
    assert.matches(
      "^posthog%-llm is not built: a C compiler is needed: install gcc or clang [^\n]+\n$",
      output
    )
    assert.equal(1, status)
    assert.is_false(core_exists())
  end)

  it("says in one line that the headers of the C library are missing", function()
    folders.write(
      root,
      "cc",
      "#!/bin/sh\necho 'src/x.c:3:10: fatal error: stdio.h: No such file or directory' >&2\nexit 1\n"
    )
    run(("chmod +x '%s/cc'"):format(root))
    local output, status = build(("CC='%s/cc'"):format(root))
    assert.matches(
      "^posthog%-llm is not built: the headers of the C library are missing [^\n]+\n$",
      output
    )
    assert.equal(1, status)
  end)

  it("says in one line that the plugin's folder is another user's", function()
    local user = ""
    if run("id -u") == "0\n" then -- who may write everywhere
      user = "setpriv --reuid=65534 --regid=65534 --clear-groups"
      if select(2, run("command -v setpriv")) ~= 0 then
        return pending("setpriv is not installed")
      end
    end
    run(("chmod -R a+rX,a-w '%s' && chmod 755 '%s'"):format(plugin, root))
    local output, status = build(user)
    assert.equal(
      ("posthog-llm is not built: %s/lua/posthog/llm cannot be written: build it as its owner, or "):format(
        plugin
      ) .. "have a copy of the plugin of your own\n",
      output
    )
    assert.equal(1, status)
  end)

  it("keeps the core that is there when the new one cannot be built", function()
    put_core()
    local before = run(("sha256sum '%s/lua/posthog/llm/core.so'"):format(plugin))
    folders.write(plugin, "src/broken.c", "this is not C;\n")
    local output, status = build()
    assert.matches(
      "^posthog%-llm is not built: the compiler says: [^\n]*broken%.c[^\n]+\n$",
      output
    )
    assert.equal(1, status)
    assert.equal(before, run(("sha256sum '%s/lua/posthog/llm/core.so'"):format(plugin)))
  end)

  it("is named, with the core's path, where an update has left the core behind", function()
    put_core()
    run(
      ("sed -i 's/^local VERSION = .*/local VERSION = \"9.9.9-9\"/' '%s/lua/posthog/llm/util/core.lua'"):format(
        plugin
      )
    )
    local output = nvim(
      ("--cmd 'set runtimepath^=%s' -c 'lua print(select(2, pcall(require, \"posthog.llm\")))' -c qall"):format(
        plugin:gsub(" ", "\\ ")
      )
    )
    assert.matches("a plugin/lua/posthog/llm/core%.so is version 0%.%S+ of the C core", output)
    assert.matches('run "nvim %-l build%.lua" in ' .. plugin:gsub("%p", "%%%0"), output)
    assert.not_matches("traceback", output)
  end)

  it("says after a build that an editor with the core before it is to be restarted", function()
    put_core()
    folders.write(
      root,
      "update.lua",
      [[
        vim.opt.runtimepath:append(vim.env.PLUGIN)
        vim.cmd("runtime plugin/posthog.lua")
        local shown = {}
        vim.notify = function(text) shown[#shown + 1] = text end
        require("posthog.llm.core") -- that of the version before
        local path = vim.env.PLUGIN .. "/lua/posthog/llm/util/core.lua"
        local text = table.concat(vim.fn.readfile(path), "\n")
        text = text:gsub('VERSION = [^\n]*', ('VERSION = "%s"'):format(vim.env.NEXT))
        vim.fn.writefile(vim.split(text, "\n"), path)
        vim.cmd("PostHog open a")
        vim.cmd("PostHog build")
        vim.cmd("PostHog open a")
        io.stdout:write(table.concat(shown, "\n"), "\n")
        vim.cmd("qall!")
      ]]
    )
    run(("cp -R plugin '%s/'"):format(plugin))
    local output = nvim(
      ('-c "luafile %s/update.lua"'):format(root),
      ("CC='%s' NEXT=%s PLUGIN='%s' POSTHOG_PERSONAL_API_KEY=phx_a POSTHOG_PROJECT_ID=1"):format(
        quick_compiler(),
        NEXT,
        plugin
      )
    )
    assert.matches('^posthog: /[^\n]+ and its Lua files need 9%S+: run "nvim %-l build', output)
    assert.matches("; restart Neovim, which has loaded the one before\n", output)
    assert.matches(
      "core%.so was built anew after the one before it was loaded: restart Neovim\n$",
      output
    )
    assert.not_matches("traceback", output)
  end)

  it(
    "is named in one line by each command of the editor plugin, as often as it is given",
    function()
      run(("cp -R plugin '%s/'"):format(plugin))
      local words = "posthog: there is no C core, no lua/posthog/llm/core.so on the runtimepath: "
        .. ('run "nvim -l build.lua" in %s'):format(plugin)
      for _, command in ipairs({
        "PostHog",
        "PostHog open a",
        "PostHog dataset",
        "PostHog dataset a",
        "PostHog spend",
        "PostHog import a b",
        "PostHog export a b.jsonl",
        "edit posthog://skills/a/SKILL.md",
        "edit posthog://skills/",
        "edit posthog://datasets/a/b.json",
        "write posthog://skills/a/SKILL.md",
      }) do
        folders.write(
          root,
          "try.lua",
          ([[
          vim.opt.runtimepath:append(vim.env.PLUGIN)
          vim.cmd("runtime plugin/posthog.lua")
          vim.notify = function(text) io.stdout:write(text, "\n") end
          for _ = 1, 2 do
            local ran, err = pcall(vim.cmd, %q)
            io.stdout:write(ran and "" or tostring(err):gsub("^.*Vim%%(echoerr%%):", ""), ran and "" or "\n")
          end
          vim.cmd("qall!")
        ]]):format(command)
        )
        local output =
          nvim(('-c "luafile %s/try.lua"'):format(root), ("PLUGIN='%s'"):format(plugin))
        assert.equal((words .. "\n"):rep(2), output, command)
      end
    end
  )

  it("lets lazy.nvim's loop go on while the compiler runs", function()
    folders.write(
      root,
      "lazy.lua",
      [[
        package.loaded["lazy"] = {}
        local steps, shown = 0, nil
        local thread = coroutine.create(assert(loadfile(vim.env.PLUGIN .. "/build.lua")))
        repeat
          local ran, message = coroutine.resume(thread)
          assert(ran, message)
          shown, steps = message or shown, steps + 1
          vim.wait(10)
        until coroutine.status(thread) == "dead"
        io.stdout:write(shown, " ", tostring(steps > 5), "\n")
        vim.cmd("qall!")
      ]]
    )
    local env = ("PLUGIN='%s' CC='%s'"):format(plugin, quick_compiler())
    local output = nvim(('-c "luafile %s/lazy.lua"'):format(root), env)
    assert.matches("compiling the C core true\n$", output)
    assert.is_true(core_exists())
  end)
end)
