-- What README.md and CONTRIBUTING.md have to paste.
if (os.getenv("SPEC_MODE") or "plain") ~= "plain" then
  return
end

local busted = { describe = describe, it = it, setup = setup }
function busted.pending(why)
  pending(why)
end -- inside of a test it is another

for _, path in ipairs({ "README.md", "CONTRIBUTING.md" }) do
  require("spec.pasted.describe_page")(busted, path)
end
