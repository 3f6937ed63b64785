--- Finds the CA bundle, the file of the certificate authorities that TLS trusts. Verification
--- cannot be switched off.

local core = require("posthog.llm.util.core")

local ca_bundle = {}

--- The CA bundles of systems, in the order in which they are tried behind libcurl's own default:
--- Debian, Fedora, openSUSE, Alpine and macOS, FreeBSD.
local SYSTEMS = {
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
  "/usr/local/share/certs/ca-root-nss.crt",
}

--- @param default? string libcurl's; nil where it was built without one, as openSUSE's
--- @return string[] paths each once
function ca_bundle.places(default)
  local paths = { default }
  for _, path in ipairs(SYSTEMS) do
    if path ~= default then
      paths[#paths + 1] = path
    end
  end
  return paths
end
ca_bundle.candidates = ca_bundle.places(core.default_ca)

local NONE = "no CA bundle found: install your system's (package ca-certificates), or name a file "
  .. "in ca_file or SSL_CERT_FILE"

--- @return string? reason
local function unreadable(path)
  local file, reason = io.open(path, "rb")
  if not file then
    return (reason:gsub("^.*: ", ""))
  end
  local first
  first, reason = file:read(1)
  file:close()
  return not first and (reason or "it is empty") or nil
end

--- Whether the TLS library uses the system's store of certificates and needs no file.
local function uses_system_store()
  local version = core.curl_version
  return version:find("Schannel", 1, true) or version:find("SecureTransport", 1, true)
end

--- Catches a file that is not a CA bundle: the error of the TLS library would not name the file.
--- @return string? reason
local function not_pem(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  local is_pem = text:find("%-BEGIN [%u%d ]*CERTIFICATE%-")
  return not is_pem and "it has no certificate in PEM form" or nil
end

local function named(path, by)
  local reason = unreadable(path) or not_pem(path)
  if reason then
    local words = "the CA bundle in %s, %s, cannot be read: %s"
    return nil, words:format(by, path, reason)
  end
  return path
end

--- SSL_CERT_DIR is ignored: with a folder, libcurl would read all certificates again for each
--- connection, which takes 30 ms.
--- @param option? string the option ca_file
--- @return string? file nil without a reason: the TLS library uses the system's store
--- @return string? reason
function ca_bundle.find(option)
  if option then
    return named(option, "ca_file")
  end
  local variable = os.getenv("SSL_CERT_FILE")
  if variable and variable ~= "" then
    return named(variable, "SSL_CERT_FILE")
  end
  for _, path in ipairs(ca_bundle.candidates) do
    if not unreadable(path) then
      return path
    end
  end
  if uses_system_store() then
    return nil
  end
  return nil, NONE .. " (tried " .. table.concat(ca_bundle.candidates, ", ") .. ")"
end

return ca_bundle
