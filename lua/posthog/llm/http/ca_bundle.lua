--- Finds the file of certificate authorities that TLS goes by. There is no
--- switch to go without: what cannot be verified is not talked to.

local core = require("posthog.llm.util.core")

local ca_bundle = {}

--- Where systems have it: Debian, Fedora, openSUSE, Alpine and macOS, FreeBSD.
--- libcurl's own place comes before them.
ca_bundle.places = {
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
  "/usr/local/share/certs/ca-root-nss.crt",
}
table.insert(ca_bundle.places, 1, core.default_ca)

local NONE = "no certificate authorities found; name their file in ca_file or SSL_CERT_FILE"

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

--- A TLS library that asks the system and needs no file.
local function asks_system()
  local version = core.curl_version
  return version:find("Schannel", 1, true) or version:find("SecureTransport", 1, true)
end

--- What a user has named by mistake; the TLS library does not say which file it means.
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
    local words = "the certificate authorities of %s, %s, cannot be read: %s"
    return nil, words:format(by, path, reason)
  end
  return path
end

--- SSL_CERT_DIR plays no part: with a folder libcurl would read all authorities
--- again for each connection, which takes 30 ms.
--- @param option? string the option ca_file
--- @return string? file nil without a reason: the system is asked
--- @return string? reason
function ca_bundle.find(option)
  if option then
    return named(option, "ca_file")
  end
  local variable = os.getenv("SSL_CERT_FILE")
  if variable and variable ~= "" then
    return named(variable, "SSL_CERT_FILE")
  end
  for _, path in ipairs(ca_bundle.places) do
    if not unreadable(path) then
      return path
    end
  end
  if asks_system() then
    return nil
  end
  return nil, NONE .. " (tried " .. table.concat(ca_bundle.places, ", ") .. ")"
end

return ca_bundle
