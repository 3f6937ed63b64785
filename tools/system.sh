# shellcheck shell=sh
# What the present system calls the things that a build needs, and how it installs
# them. Sourced by tools/needs and tools/setup.
#
# OS_RELEASE, the file that names the system, is for pretending to be another.

# A thing a row, a system a column. V is the version of the Lua, 5.4, and v the same
# without the dot; %5.4: only for that Lua; a|b: the first that the release has and
# that removes nothing; a,b: both; "-": the system has none.
packages() {
  cat <<'END'
thing           debian                                    fedora              arch             alpine           macos
cc              gcc,libc6-dev                             gcc                 gcc              gcc,musl-dev     -
pkg-config      pkg-config|pkgconf                        pkgconf-pkg-config  pkgconf          pkgconf          pkgconf
lua5.1          liblua5.1-0-dev                           compat-lua-devel    lua51            lua5.1-dev       -
lua5.2          liblua5.2-dev                             -                   lua52            lua5.2-dev       -
lua5.3          liblua5.3-dev                             -                   lua53            lua5.3-dev       -
lua5.4          liblua5.4-dev                             lua-devel           lua54            lua5.4-dev       lua@5.4
lua5.5          liblua5.5-dev                             lua-devel           lua              -                lua
luajit          libluajit2-5.1-dev|libluajit-5.1-dev      luajit-devel        luajit           luajit-dev       luajit
libcurl         libcurl4-openssl-dev|libcurl4-gnutls-dev  libcurl-devel       curl             curl-dev         curl
lua-program     luaV                                      lua%5.4             luav             luaV             lua@5.4%5.4
luajit-program  luajit2|luajit                            luajit              luajit           luajit           luajit
lfs             lua-filesystem                            lua-filesystem%5.4  luav-filesystem  luaV-filesystem  -
END
}

# thing_name <thing>: what a person calls it; $lua is the version.
thing_name() {
  case $1 in
    cc) echo "a C compiler" ;;
    pkg-config) echo "pkg-config" ;;
    lua-program) echo "Lua $lua" ;;
    luajit-program) echo "LuaJIT" ;;
    luajit) echo "the headers of LuaJIT" ;;
    lua*) echo "the headers of Lua ${1#lua}" ;;
    libcurl) echo "libcurl with its headers" ;;
    lfs) echo "luafilesystem" ;;
    *) echo "$1" ;;
  esac
}

# A column of the table, or "other".
system_kind() {
  if [ "$(uname -s)" = Darwin ]; then
    echo macos
    return
  fi
  # shellcheck disable=SC1090,SC2154 # ID and ID_LIKE are the file's
  names=$(. "${OS_RELEASE:-/etc/os-release}" 2>/dev/null && echo "$ID ${ID_LIKE:-}") || names=
  for name in $names; do
    case $name in
      debian | ubuntu) echo debian ;;
      fedora | rhel | centos) echo fedora ;;
      arch | alpine) echo "$name" ;;
      *) continue ;;
    esac
    return
  done
  echo other
}

# system_packages <kind> <Lua, such as 5.4 or luajit> <thing ...>: the entries of the table,
# one a line, and "-thing" for each that the system has not.
system_packages() {
  kind=$1
  lua=$2
  shift 2
  packages | awk -v kind="$kind" -v lua="$lua" -v things="$*" '
    BEGIN { V = lua == "luajit" ? "5.1" : lua; v = V; sub(/[.]/, "", v) }
    NR == 1 { for (i = 2; i <= NF; i++) if ($i == kind) column = i; next }
    { entries[$1] = column ? $column : "-" }
    END {
      n = split(things, wanted, " ")
      for (i = 1; i <= n; i++) {
        entry = entries[wanted[i]]
        if (entry ~ /%/ && entry !~ ("%" V "$")) entry = "-"
        sub(/%.*/, "", entry)
        if (entry == "-" || entry == "") { print "-" wanted[i]; continue }
        gsub(/luaV/, "lua" V, entry)
        gsub(/luav/, "lua" v, entry)
        count = split(entry, names, ",")
        for (k = 1; k <= count; k++) if (!seen[names[k]]++) print names[k]
      }
    }'
}

# What stands before a command that only root may run.
sudo_or_nothing() {
  [ "$(id -u)" -eq 0 ] || ! command -v sudo >/dev/null 2>&1 || printf 'sudo '
}

# Lists that were never fetched know no package.
apt_knows_packages() {
  for list in "${APT_LISTS:-/var/lib/apt/lists}"/*_Packages*; do
    [ ! -e "$list" ] || return 0
  done
  return 1
}

# How this kind of system installs packages, whose names come behind.
install_command() {
  sudo=$(sudo_or_nothing; echo .)
  sudo=${sudo%.}
  case $1 in
    debian)
      apt_knows_packages || printf '%s' "${sudo}apt-get update && "
      echo "${sudo}apt-get install"
      ;;
    fedora) echo "${sudo}dnf install" ;;
    arch) echo "${sudo}pacman -S --needed" ;;
    alpine) echo "${sudo}apk add" ;;
    macos) echo "brew install" ;;
  esac
}

# The packages that would have to go for these: --no-remove makes apt-get
# refuse, and not name them.
removed_by() {
  LC_ALL=C apt-get -s -q install --no-install-recommends "$@" 2>/dev/null |
    awk '$1 == "Remv" { print $2 }' | tr '\n' ' '
}

# For each entry, one a line, the name to install: of a|b the first that the release has and
# that would remove no other. Of an entry of which it has none, the first name is left to
# fail, unless a question mark says that it may be missing.
available_names() {
  # shellcheck disable=SC2046 # one word a package
  LC_ALL=C apt-cache policy $(echo "$1" | tr '|?' '  ') 2>/dev/null |
    { echo "$1"; cat; } | awk '
      NF == 1 && !/:$/ { entries[++n] = $1 }
      /^[^ ].*:$/ { name = substr($1, 1, length($1) - 1) }
      $1 == "Candidate:" && $2 != "(none)" { there[name] = 1 }
      END {
        for (e = 1; e <= n; e++) {
          optional = sub(/[?]$/, "", entries[e])
          count = split(entries[e], names, "|")
          found = ""
          for (i = 1; i <= count; i++) if (names[i] in there) found = found " " names[i]
          if (found != "") print found
          else if (!optional) print names[1]
        }
      }' |
    while read -r first others; do
      chosen=$first
      # shellcheck disable=SC2086 # one word a package
      [ -z "$others" ] || for name in $first $others; do
        if [ -z "$(removed_by "$name")" ]; then
          chosen=$name
          break
        fi
      done
      echo "$chosen"
    done
}
