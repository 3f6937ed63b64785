--- Builds host.c for the Lua under test, beside the core, and loads it.

require("spec.support.cc").module("spec_host", "spec/support/host.c")

return require("spec_host")
