--- posthog-llm logout: removes the login that posthog-cli and this command share.

local credentials = require("posthog.llm.credentials")

local KEY_STAYS = "the key itself stays valid: delete it in PostHog under Settings, Personal API "
  .. "keys"

local function logout(context)
  local path, err = credentials.remove()
  if err then
    return nil, err
  elseif context.json then
    context.out:json({ file = credentials.path(), removed = path ~= nil })
  elseif path then
    context:note("logged out: removed ", path)
    context:note(KEY_STAYS)
  else
    context:note("not logged in: ", credentials.path(), " does not exist")
  end
end

--- @type posthog.llm.cli.Command
return {
  name = "logout",
  summary = "remove the saved account",
  text = "Remove the login of this command and of posthog-cli, ~/.posthog/credentials.json. The "
    .. "key itself stays valid. Without a login nothing happens.",
  examples = {
    { "posthog-llm logout", "forget the account" },
    { "posthog-llm --json logout", "also say whether there was a login" },
    { "posthog-llm logout && posthog-llm login --host eu", "use another account" },
  },
  run = logout,
}
