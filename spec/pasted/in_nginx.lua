--- Starts a real nginx for the blocks of a page: one configuration, with what the page leaves out.

local json = require("posthog.llm.json")
local server = require("spec.ngx.server")

local in_nginx = {}

local AROUND = [[
@MODULES@ @USER@
worker_processes 1;
pid "@PREFIX@/nginx.pid";
error_log "@PREFIX@/error.log" warn;
events { worker_connections 256; }
]]

local PATHS = [[

  access_log off;
  client_body_temp_path "@PREFIX@/tmp"; proxy_temp_path "@PREFIX@/tmp";
  fastcgi_temp_path "@PREFIX@/tmp"; uwsgi_temp_path "@PREFIX@/tmp"; scgi_temp_path "@PREFIX@/tmp";
  lua_package_path "@ROOT@/lua/?.lua;@ROOT@/lua/?/init.lua;;";
  lua_package_cpath "@CPATH@;;";
]]

--- A block in Lua becomes a location that runs it.
local LOCATION = [[
  server {
    listen 127.0.0.1:@PORT@;
    server_name pasted-%d;
    location / { content_by_lua_block {
%s
      ngx.say("done")
    } }
  }
]]

--- What a block prints, or what kept it from running.
local function run_lua(run, n)
  local body, status = run.nginx:get("/", ("-H 'Host: pasted-%d'"):format(n))
  if status ~= "200" or not body:find("done") then
    run.problems[n] = ("%s %s\n%s"):format(status, body, run.nginx:complaints())
  end
end

--- @param run spec.pasted.Run gets the field nginx
--- @param base string a folder for the template
function in_nginx.start(run, base)
  local main, inside, in_lua = nil, {}, {}
  for n, block in ipairs(run.blocks) do
    if block.host == "nginx" and block.kind == "lua" then
      inside[#inside + 1] = LOCATION:format(n, block.text)
      in_lua[#in_lua + 1] = n
    elseif block.host == "nginx" and block.text:find("\nhttp {") then
      main = block.text
    elseif block.host == "nginx" then
      inside[#inside + 1] = block.text
    end
  end
  run.asked = {}
  for path in (main or ""):gmatch("location = (/%S*)") do
    run.asked[#run.asked + 1] = path
  end
  main = main or "\nenv POSTHOG_PERSONAL_API_KEY;\nenv POSTHOG_PROJECT_ID;\nhttp {\n}\n"
  local from, to = main:find("\nhttp {", 1, true)
  local rest = main:sub(to + 1):gsub("}%s*$", "") -- the first server is the one that answers
  main = main:sub(1, from - 1)
    .. "\nenv POSTHOG_HOST=@EMULATOR@;\nhttp {"
    .. PATHS
    .. rest
    .. table.concat(inside, "\n")
    .. "\n}\n"
  main = main
    :gsub("env (POSTHOG_PERSONAL_API_KEY);", "env %1=phx_emulator_all;")
    :gsub("env (POSTHOG_PROJECT_ID);", "env %1=112358;")
    :gsub("127%.0%.0%.1:8080", "127.0.0.1:@PORT@")
  local template = base .. "/nginx.conf"
  local file = assert(io.open(template, "w"))
  file:write(AROUND, main)
  file:close()
  run.nginx = server.start({ emulator = run.emulator, template = template })
  for _, n in ipairs(in_lua) do
    run_lua(run, n)
  end
end

--- What is wrong with what a location of the page's configuration serves; nil: nothing.
local function look_at(run, path)
  local body, status = run.nginx:get(path)
  if status ~= "200" or body:find("^{") and not json.decode(body) then
    return ("%s: %s %s"):format(path, status, body)
  end
end

--- What nginx itself complained about is a problem of the page, and so is a location that serves
--- no page, or broken JSON, once all other blocks have run.
function in_nginx.stop(run)
  local wrong = {}
  for _, path in ipairs(run.asked) do
    wrong[#wrong + 1] = look_at(run, path)
  end
  local complaints = table.concat(wrong, "\n") .. run.nginx:complaints()
  run.nginx:stop()
  return complaints ~= "" and complaints or nil
end

return in_nginx
