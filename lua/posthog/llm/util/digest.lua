--- SHA-256 of a whole text, or of one that arrives in pieces.

local core = require("posthog.llm.util.core")

return {
  --- @type fun(text: string): string in hexadecimal digits
  sha256 = core.sha256,
  --- An object with add(text) and hex().
  --- @type fun(): userdata
  hasher = core.hasher,
}
