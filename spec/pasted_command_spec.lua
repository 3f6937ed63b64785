-- What doc/cli.md has to paste.
if (os.getenv("SPEC_MODE") or "plain") ~= "plain" then
  return
end

local busted = { describe = describe, it = it, setup = setup }
function busted.pending(why)
  pending(why)
end -- inside of a test it is another

require("spec.pasted.describe_page")(busted, "doc/cli.md")
