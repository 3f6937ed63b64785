-- The lines of doc/nginx.md that install into the prefix of an OpenResty, with a prefix that is laid
-- out like one: LuaJIT with its headers in luajit/, where LuaJIT and nginx look for modules by
-- themselves. Its nginx is the system's, with the paths that OpenResty has built in.
if os.getenv("SPEC_MODE") ~= "plain" or rawget(_G, "jit") == nil then
  return
end

local folders = require("spec.support.folders")
local pipeline = require("spec.pipeline")
local release = require("spec.support.release")
local server = require("spec.ngx.server")
local shell = require("spec.support.shell")

local PREFIX = "/usr/local/openresty"

local CONF = [[
daemon on; pid "@PREFIX@/nginx.pid"; error_log "@PREFIX@/error.log"; @USER@
@MODULES@
env POSTHOG_PERSONAL_API_KEY; env POSTHOG_PROJECT_ID; env POSTHOG_HOST;
worker_processes 1;
events {}
http {
  lua_package_path "@LUA@";
  lua_package_cpath "@LIB@";
  access_log off;
  server {
    listen 127.0.0.1:@PORT@;
    location / {
      content_by_lua_block {
        local llm = require("posthog.llm")
        local client = llm.new({ host = "@EMULATOR@", project_id = 112358,
          personal_api_key = "phx_emulator_all" })
        local skill = assert(client.skills:create({ name = "from-openresty", description = "d",
          body = "# Made in a handler" }))
        ngx.say(skill.body)
        ngx.say(debug.getinfo(llm.new, "S").source)
      }
    }
  }
}
]]

--- The three lines of the page, for another prefix.
local function lines(prefix)
  local page = assert(folders.read("doc", "nginx.md"))
  local text =
    assert(page:match("\n(    prefix=/usr/local/openresty[^\n]*\n    make[^\n]*\n.-)\n\n"))
  text = text:gsub("sudo ", ""):gsub(PREFIX:gsub("%p", "%%%0"), (prefix:gsub("%%", "%%%%")))
  return (text:gsub("make ", "make SETUP=: -s "))
end

describe("the lines that install into OpenResty", function()
  local root, prefix, luajit, e

  setup(function()
    root = folders.new()
    prefix = root .. "/openresty"
    luajit = prefix .. "/luajit"
    e = pipeline.emulator.start()
    -- Its LuaJIT has this path and these headers built in.
    local headers = release.run("pkg-config --variable=includedir luajit"):gsub("\n", "")
    folders.write(
      luajit,
      "bin/luajit",
      ([[#!/bin/sh
LUA_PATH="%s/share/lua/5.1/?.lua;%s/share/lua/5.1/?/init.lua;;" \
  LUA_CPATH="%s/lib/lua/5.1/?.so;;" exec luajit "$@"
]]):format(luajit, luajit, luajit)
    )
    release.run(
      ("chmod +x %s/bin/luajit && mkdir %s/include && cp -RL %s %s/include/luajit-2.1"):format(
        luajit,
        luajit,
        shell.quote(headers),
        luajit
      )
    )
    -- In a copy of the checkout, which has nothing built.
    release.repository(root .. "/checkout")
    release.run(
      ("cd %s/checkout && unset MAKEFLAGS MAKELEVEL BUILD LUA_VERSION NEEDS;"):format(root)
        .. " export CFLAGS=-O0 PKG_CONFIG=false\n"
        .. lines(prefix)
    )
  end)
  teardown(function()
    e:stop()
    folders.remove(root)
  end)

  it("build with its headers, and put all files below its LuaJIT", function()
    local core = assert(folders.read(luajit, "lib/lua/5.1/posthog/llm/core.so"))
    assert.equal("LuaJIT", core:match("posthog%-llm core %S+ for (Lua%w+)"))
    assert.is_string(folders.read(luajit, "share/lua/5.1/posthog/llm/init.lua"))
  end)

  it("give it the command, on its LuaJIT", function()
    assert.equal(
      ("#!/usr/bin/env %s/bin/luajit\n"):format(luajit),
      folders.read(luajit, "bin/posthog-llm"):match("^[^\n]*\n")
    )
    local said = shell.run(shell.WITHOUT_LUA_PATHS .. luajit .. "/bin/posthog-llm -V")
    assert.equal("posthog-llm " .. release.version() .. "\n", said)
  end)

  it("make a handler of its nginx find the library and make a call", function()
    if server.missing() then
      pending("is left out: " .. server.missing())
      return
    end
    folders.write(root, "nginx.conf.in", CONF)
    local share, lib = luajit .. "/share/lua/5.1", luajit .. "/lib/lua/5.1"
    local nginx = server.start({
      emulator = e,
      template = root .. "/nginx.conf.in",
      values = {
        LUA = ("%s/site/lualib/?.lua;%s/lualib/?.lua;%s/?.lua;%s/?/init.lua;;"):format(
          prefix,
          prefix,
          share,
          share
        ),
        LIB = ("%s/site/lualib/?.so;%s/lualib/?.so;%s/?.so;;"):format(prefix, prefix, lib),
      },
    })
    local body, status = nginx:get("/")
    nginx:stop()
    assert.equal("200", status, body)
    assert.equal(("# Made in a handler\n@%s/posthog/llm/init.lua"):format(share), body)
  end)

  it("are undone by make uninstall with the same prefix", function()
    local said = release.run(
      ("cd %s/checkout && %s uninstall PREFIX=%s"):format(root, release.NEW_MAKE, luajit)
    )
    assert.truthy(said:find("removing", 1, true))
    local left = release.run(("find %s -name '*posthog*'"):format(prefix))
    assert.equal("", left)
  end)
end)
