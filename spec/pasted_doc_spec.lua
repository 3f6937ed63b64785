-- What the pages of doc/ have to paste, but for doc/cli.md (spec/pasted_command_spec.lua).
if (os.getenv("SPEC_MODE") or "plain") ~= "plain" then
  return
end

local busted = { describe = describe, it = it, setup = setup }
function busted.pending(why)
  pending(why)
end -- inside of a test it is another

local pipe = io.popen("ls doc/*.md doc/reference/*.md")
for path in pipe:lines() do
  if path ~= "doc/cli.md" then
    require("spec.pasted.describe_page")(busted, path)
  end
end
pipe:close()
