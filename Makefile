# posthog-llm: `make help` lists the targets and the variables.

# The Lua to build for, one of these. Default: 5.4, and LuaJIT if its headers
# are present.
# LUA_VERSION =
LUA_VERSIONS = 5.1 5.2 5.3 5.4 5.5 luajit

CC ?= cc
PKG_CONFIG ?= pkg-config
INSTALL ?= install
CFLAGS ?= -O2 -g
WARNINGS ?= -Wall -Wextra -Wpedantic -Wshadow
PREFIX ?= /usr/local
# DESTDIR =
# Compiler and linker flags for Lua and libcurl; default: from pkg-config.
# LUA_CFLAGS = CURL_CFLAGS = CURL_LIBS =

# Installs missing packages before a target runs; SETUP=: disables that.
SETUP ?= tools/setup
# What `make test` runs: all specs, or these; and only the tests whose
# name matches this Lua pattern.
SPEC ?=
FILTER ?=

# The rockspec names the interpreter. Its flags are LuaRocks', so its objects are kept apart.
ifdef ROCK_LUA
override LUA_VERSION := $(shell $(ROCK_LUA) -e 'print(jit and "luajit" or _VERSION:match("%d.%d"))')
ifeq ($(LUA_VERSION),)
$(error LuaRocks' interpreter, $(ROCK_LUA), does not run)
endif
override BUILD := build/rock-$(LUA_VERSION)
endif

ifdef LUA_VERSION
ifeq ($(filter $(LUA_VERSION),$(LUA_VERSIONS)),)
$(error LUA_VERSION is one of $(LUA_VERSIONS), not $(LUA_VERSION))
endif
LUA_ABI = $(LUA_VERSION:luajit=5.1)
# The names that systems use for it, for the command and in pkg-config.
LUA_NAMES = $(if $(LUA_VERSION:luajit=),lua$(LUA_ABI) lua-$(LUA_ABI) \
  lua$(subst .,,$(LUA_ABI)),luajit)
ifndef LUA_CFLAGS
LUA_PC := $(firstword $(foreach n,$(LUA_NAMES),$(shell \
  $(PKG_CONFIG) --exists $(n) 2>/dev/null && echo $(n))))
ifeq ($(LUA_PC)$(filter luajit,$(LUA_VERSION)),)
LUA_PC := $(shell case $$($(PKG_CONFIG) --modversion lua 2>/dev/null) in \
  ($(LUA_ABI).*) echo lua ;; esac)
endif
ifneq ($(LUA_PC),)
LUA_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LUA_PC))
endif
endif
LUA_LIBS ?= $(shell $(PKG_CONFIG) --libs $(LUA_PC) 2>/dev/null)
ifndef CURL_CFLAGS
CURL_CFLAGS := $(shell $(PKG_CONFIG) --cflags libcurl 2>/dev/null)
endif
ifndef CURL_LIBS
CURL_LIBS := $(or $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null),-lcurl)
endif
endif

BUILD ?= build/$(LUA_VERSION)
SOURCES = $(wildcard src/*.c src/*/*.c)
# The editor plugin, lua/posthog/nvim, is for no other Lua.
LIBRARY = $(shell cd lua && find posthog/llm -name '*.lua')
SERVER = $(shell cd spec/emulator && find server -name '*.lua')
OBJECTS = $(SOURCES:src/%.c=$(BUILD)/obj/%.o)
CORE = $(BUILD)/posthog/llm/core.so

# nodelete: a resolver thread of libcurl may outlive dlclose.
ifeq ($(shell uname -s),Darwin)
SHARED = -bundle -undefined dynamic_lookup
else
SHARED = -shared -Wl,-z,nodelete
endif

ifdef LUA_VERSION
VERSIONS = $(LUA_VERSION)
all: $(CORE) ## build the C core for Lua 5.4 and, with its headers present, LuaJIT
else
VERSIONS := 5.4 $(shell $(PKG_CONFIG) --exists luajit 2>/dev/null && echo luajit)
all: $(VERSIONS:%=build-%)
endif

build-%:
	@$(MAKE) --no-print-directory LUA_VERSION=$* all

$(CORE): $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) $(CURL_LIBS) -lpthread -lm

# Names all missing requirements at once, before the first file is compiled; with
# `command`, those of the command too.
NEEDS ?= $(if $(filter install,$(MAKECMDGOALS)),command)
export NEEDS

$(BUILD)/needs:
	@CC="$(CC)" CPPFLAGS="$(CPPFLAGS)" LDFLAGS="$(LDFLAGS)" PKG_CONFIG="$(PKG_CONFIG)" \
	  LUA_CFLAGS="$(LUA_CFLAGS)" CURL_CFLAGS="$(CURL_CFLAGS)" CURL_LIBS="$(CURL_LIBS)" \
	  LUA_COMMAND="$(LUA_COMMAND)" tools/needs build $(LUA_VERSION) $(NEEDS)
	@mkdir -p $(@D) && touch $@

$(BUILD)/obj/%.o: src/%.c | $(BUILD)/needs
	@mkdir -p $(@D)
	$(CC) -std=c99 -fPIC -fvisibility=hidden -pthread -Isrc -MMD -MP $(WARNINGS) \
	  $(CPPFLAGS) $(LUA_CFLAGS) $(CURL_CFLAGS) $(CFLAGS) -c -o $@ $<

# The core in a libFuzzer program; tools/fuzz sets CC and CFLAGS.
$(BUILD)/fuzz: spec/fuzz/fuzz.c $(OBJECTS)
	$(CC) -std=c99 -pthread -Isrc $(WARNINGS) $(CPPFLAGS) $(LUA_CFLAGS) $(CURL_CFLAGS) \
	  $(CFLAGS) -fsanitize=fuzzer -o $@ $< $(OBJECTS) $(LUA_LIBS) $(CURL_LIBS) -lm

has-headers:
	@test -n "$(LUA_CFLAGS)$(LUA_PC)"

-include $(wildcard $(BUILD)/obj/*.d $(BUILD)/obj/*/*.d)

demo: ## run the example program against the local emulator of PostHog
	@$(SETUP) demo
	@$(MAKE) --no-print-directory -s LUA_VERSION=5.4 all
	@tools/demo

TEST = tools/test $(LUA_VERSION:%=--lua=%) $(if $(FILTER),--filter="$(FILTER)")

test: ## run the specs on every Lua here; SPEC=file FILTER=name LUA_VERSION=
	@$(SETUP) test
	@MAKE="$(MAKE)" $(TEST) $(SPEC)

# Releases of Debian, or of another architecture: trixie-i386, arm64.
SYSTEMS ?= bookworm trixie sid
FOREIGN = $(filter %arm64,$(SYSTEMS))

matrix: ## run demo and test in minimal roots of other systems; SYSTEMS="trixie sid"
	@$(SETUP) matrix $(if $(FOREIGN),foreign) || true
	@tools/matrix $(SYSTEMS)

try-install: ## install, use and remove a release in bare roots of systems; SYSTEMS=
	@$(SETUP) matrix || true
	@tools/matrix --install $(SYSTEMS)

asan: ## run the specs with the address and undefined behaviour sanitizers
	@$(SETUP) asan
	@MAKE="$(MAKE)" $(TEST) --asan $(SPEC)

tsan: ## run the specs of the library's thread with the thread sanitizer
	@$(SETUP) tsan
	@MAKE="$(MAKE)" $(TEST) --tsan $(SPEC)

valgrind: ## run the specs on Lua 5.4 under valgrind
	@$(SETUP) valgrind
	@MAKE="$(MAKE)" $(TEST) --valgrind $(SPEC)

# The seconds are shared by all targets, spec/fuzz/*.lua, or are for this one.
SECONDS ?= 60
TARGET ?=
COVERAGE ?=

fuzz: ## test the parsers with inputs of libFuzzer; SECONDS= TARGET= COVERAGE=1
	@$(SETUP) fuzz
	@MAKE="$(MAKE)" tools/fuzz $(LUA_VERSION:%=--lua=%) --seconds=$(SECONDS) \
	  $(if $(COVERAGE),--coverage) $(TARGET)

# For each Lua. The seed decides which calls are made and what goes wrong.
MINUTES ?= 2
SEED ?=
HOST ?= plain

soak: ## make many calls while a fifth of the requests fail; MINUTES= SEED= HOST=
	@$(SETUP) test
	@MAKE="$(MAKE)" tools/soak $(LUA_VERSION:%=--lua=%) --minutes=$(MINUTES) \
	  --host=$(HOST) $(SEED:%=--seed=%)

# Stories of one kind of write, or one story of the seed. The seconds are for each Lua.
KIND ?=
STORY ?=

model: ## check the guarantees about lost writes in many stories; SECONDS= SEED= KIND= STORY=
	@$(SETUP) test
	@MAKE="$(MAKE)" tools/model $(LUA_VERSION:%=--lua=%) --seconds=$(SECONDS) \
	  $(SEED:%=--seed=%) $(if $(KIND),--kind="$(KIND)") $(STORY:%=--story=%)

# Plays, each on both versions of the API; the seeds follow the first.
STEPS ?= 1000
SEEDS ?= 1

team: ## let two people and CI work on one store at random; STEPS= SEEDS= SEED=
	@$(SETUP) test
	@$(MAKE) --no-print-directory -s LUA_VERSION=5.4
	@LUA=lua5.4 tools/lua 5.4 spec/team/run.lua $(STEPS) $(SEEDS) $(SEED)

# Of these modules, all changes or a share of them: names of Lua's, paths of C files.
MODULES ?= posthog.llm.api.ambiguous.rules
SHARE ?= 1

mutate: ## mutate modules and check whether the specs detect it; MODULES= SHARE=
	@$(SETUP) test
	@MAKE="$(MAKE)" tools/mutate $(LUA_VERSION:%=--lua=%) --share=$(SHARE) \
	  $(SEED:%=--seed=%) $(MODULES)

# Some of the parts: codec calls gather jobs, with bench-hosts nvim plugin nginx cache pace.
BENCHES ?=

bench: ## compare with other clients, time whole jobs, five minutes, into bench/results.md; BENCHES=part
	@$(SETUP) bench
	@$(MAKE) --no-print-directory -s build-bench
	@tools/bench $(BENCHES)

build-bench:
	@$(MAKE) --no-print-directory -s build/bench/floor
	@$(MAKE) --no-print-directory -s LUA_VERSION=5.4 all build/5.4/bench/replay.so
	@$(MAKE) --no-print-directory -s LUA_VERSION=luajit all build/luajit/bench/replay.so
	@name=$$(bench/libcurl_of_lua_curl); [ -z "$$name" ] || $(MAKE) --no-print-directory -s \
	  LUA_VERSION=luajit BUILD=build/bench/same CURL_LIBS="-l:$$name" all build/bench/same/floor

bench-hosts: ## measure in Neovim and nginx, into bench/results-hosts.md
	@$(SETUP) bench
	@$(MAKE) --no-print-directory -s all
	@tools/bench --hosts $(BENCHES)

# Of a case, say decode-items, in place of counting all.
PROFILE ?=
# With arm64: the codec there beside x86-64, by qemu in place of callgrind.
ARCH ?=
COUNT = tools/lua 5.4 bench/count$(ARCH:%=_%).lua

bench-count: build-count$(ARCH:%=-%) ## count instructions by callgrind; PROFILE=decode-items ARCH=arm64
	@$(COUNT) $(if $(PROFILE),profile $(PROFILE))

bench-check: build-count$(ARCH:%=-%) ## count instructions again and compare with bench/counts.txt; ARCH=arm64
	@$(COUNT) check

build-count:
	@$(SETUP) count
	@$(MAKE) --no-print-directory -s LUA_VERSION=5.4 all
	@$(MAKE) --no-print-directory -s build/bench/floor build/bench/still_clock.so

build-count-arm64:
	@$(SETUP) count-arm64
	@$(MAKE) --no-print-directory -s build/bench/count_plugin.so build/bench/arm64/lua
	@$(MAKE) --no-print-directory -s LUA_VERSION=5.4 build/bench/x86_64/lua

build/bench/count_plugin.so: bench/count_plugin.c
	@mkdir -p $(@D)
	$(CC) -std=c99 -O2 -shared -fPIC -fvisibility=hidden -o $@ $<

# The codec in a Lua: two programs, alike but for the architecture.
CODEC_LUA = bench/codec_lua.c $(wildcard src/json/*.c src/base/*.c)
CODEC_LUA_FLAGS = -std=c99 -O2 -fPIC -no-pie -fvisibility=hidden -pthread -Isrc
ARM64 = build/bench/arm64

$(ARM64)/usr/include/lua5.4/lua.h:
	@bench/foreign_lua arm64 $(ARM64)

$(ARM64)/lua: $(CODEC_LUA) $(wildcard src/json/*.h src/base/*.h) | $(ARM64)/usr/include/lua5.4/lua.h
	aarch64-linux-gnu-gcc $(CODEC_LUA_FLAGS) -I$(ARM64)/usr/include/lua5.4 \
	  -I$(ARM64)/usr/include/aarch64-linux-gnu -o $@ $(CODEC_LUA) \
	  $(ARM64)/usr/lib/aarch64-linux-gnu/liblua5.4.a -lm -ldl

build/bench/x86_64/lua: $(CODEC_LUA) $(wildcard src/json/*.h src/base/*.h)
	@mkdir -p $(@D)
	$(CC) $(CODEC_LUA_FLAGS) $(LUA_CFLAGS) -o $@ $(CODEC_LUA) -l:liblua5.4.a -lm -ldl

build/bench/still_clock.so: bench/still_clock.c
	@mkdir -p $(@D)
	$(CC) -O2 -shared -fPIC -o $@ $<

$(BUILD)/bench/replay.so: bench/replay.c
	@mkdir -p $(@D)
	$(CC) -std=c99 -O2 $(SHARED) -fPIC -Isrc -o $@ $< $(LUA_CFLAGS) $(CURL_CFLAGS)

# In build/bench/same, as the core there, with the libcurl of lua-curl.
build/bench/floor build/bench/same/floor: bench/floor.c
	@mkdir -p $(@D)
	$(CC) -O2 -o $@ $< $(CURL_CFLAGS) $(or $(CURL_LIBS),$(shell \
	  $(PKG_CONFIG) --cflags --libs libcurl 2>/dev/null || echo -lcurl))

# The URL of the folder that the archive will be in, for the rockspec; not given: build/dist.
RELEASES ?=

dist: ## make the source archive of the last commit, in build/dist; RELEASES=url
	@RELEASES="$(RELEASES)" tools/dist

deb: ## build the Debian packages of the last commit, in build/deb
	@$(SETUP) deb
	@tools/deb

lint: ## compile with gcc and clang without a warning, check style and lists
	@$(SETUP) lint
	@MAKE="$(MAKE)" tools/lint

docs: manual ## generate doc/reference/, doc/cli.md and the man page from the source
	@tools/lua 5.4 tools/reference.lua

manual: ## the part of make docs for doc/cli.md and the man page
	@$(MAKE) --no-print-directory -s LUA_VERSION=5.4 all
	@tools/lua 5.4 tools/manual.lua markdown > doc/cli.md
	@tools/lua 5.4 tools/manual.lua man > doc/posthog-llm.1

# The Lua that the command is installed for, as its first line is to call it.
LUA_COMMAND ?= $(or $(firstword $(foreach n,$(LUA_NAMES),$(shell \
  command -v $(n) >/dev/null 2>&1 && echo $(n)))),$(shell \
  lua -e 'assert(_VERSION == "Lua $(LUA_ABI)")' >/dev/null 2>&1 && echo lua),$(firstword \
  $(LUA_NAMES)))
TO = $(DESTDIR)$(PREFIX)
SHARE_DIR = $(TO)/share
LUA_DIR = $(SHARE_DIR)/lua/$(LUA_ABI)
LUA_LIB_DIR = $(TO)/lib/lua/$(LUA_ABI)
COMPLETIONS = bash-completion/completions/posthog-llm zsh/site-functions/_posthog-llm \
  fish/vendor_completions.d/posthog-llm.fish

# What cannot work is refused before anything is built or written.
check-prefix:
	@case "$(PREFIX)" in (/*) ;; \
	  (*) echo 'PREFIX="$(PREFIX)" is no absolute path: write PREFIX="$$HOME/..."' >&2; exit 1 ;; \
	esac
	@at="$(TO)"; while [ ! -e "$$at" ]; do \
	  case $$at in (*/*) at=$${at%/*}; at=$${at:-/} ;; (*) at=. ;; esac; done; \
	[ -w "$$at" ] || { echo "you may not write to $$at: install as root (sudo make install)," \
	  'or for yourself: make install PREFIX="$$HOME/.local"' >&2; exit 1; }

# Where things are, and what the command takes that is not here; nothing with -s.
SILENT = $(findstring s,$(firstword -$(MAKEFLAGS)))
INSTALL_WORDS = if [ -n "$(SILENT)" ]; then :; \
  elif [ -n "$(DESTDIR)" ]; then echo "staged in $(TO)"; else tools/installed "$(PREFIX)" "$(LUA_COMMAND)"

ifdef LUA_VERSION
install: check-prefix ## install for these Luas under PREFIX (and DESTDIR)
	@$(MAKE) --no-print-directory install-command
	@$(INSTALL_WORDS) $(or $(INSTALLED_FOR),$(LUA_VERSION)); \
	  tools/needs command $(LUA_VERSION) "$(LUA_COMMAND)"; fi

install-library: all
	@set -e; for d in $(sort $(dir $(LIBRARY))); do \
	  $(INSTALL) -d "$(LUA_DIR)/$$d"; $(INSTALL) -m 644 lua/$$d*.lua "$(LUA_DIR)/$$d"; done
	@$(INSTALL) -d "$(LUA_LIB_DIR)/posthog/llm"
	@$(INSTALL) -m 755 $(CORE) "$(LUA_LIB_DIR)/posthog/llm/"

# With what belongs to it. The completions are the command's own words, so it
# has to run.
install-command: install-library
	@$(INSTALL) -d "$(TO)/bin" "$(SHARE_DIR)/man/man1"
	@sed '1s|.*|#!/usr/bin/env $(LUA_COMMAND)|' bin/posthog-llm >"$(BUILD)/posthog-llm"
	@$(INSTALL) -m 755 "$(BUILD)/posthog-llm" "$(TO)/bin/"
	@$(INSTALL) -m 644 doc/posthog-llm.1 "$(SHARE_DIR)/man/man1/"
	@set -e; to="$(SHARE_DIR)/posthog-llm/emulator"; $(INSTALL) -d "$$to"; \
	  for f in start stop; do $(INSTALL) -m 755 spec/emulator/$$f "$$to/"; done; \
	  $(INSTALL) -m 644 spec/emulator/nginx.conf.in "$$to/"; \
	  for d in $(sort $(dir $(SERVER))); do $(INSTALL) -d "$$to/$$d"; \
	    $(INSTALL) -m 644 spec/emulator/$$d*.lua "$$to/$$d"; done
	@set -e; set -- bash zsh fish; for f in $(COMPLETIONS); do \
	  "$(TO)/bin/posthog-llm" completions $$1 >"$(BUILD)/completion" 2>/dev/null || break; \
	  $(INSTALL) -d "$(SHARE_DIR)/$${f%/*}"; \
	  $(INSTALL) -m 644 "$(BUILD)/completion" "$(SHARE_DIR)/$$f"; shift; done
else
install: check-prefix
	@set -e; for v in $(filter-out 5.4,$(VERSIONS)); do \
	  $(MAKE) --no-print-directory LUA_VERSION=$$v install-library; done
	@$(MAKE) --no-print-directory LUA_VERSION=5.4 INSTALLED_FOR="$(VERSIONS)" install
endif

# All of it; with LUA_VERSION the library for that Lua alone.
uninstall: check-prefix ## remove what `make install` has installed
	@for abi in $(or $(LUA_ABI),$(filter-out luajit,$(LUA_VERSIONS))); do \
	  for d in "$(SHARE_DIR)/lua/$$abi/posthog" "$(TO)/lib/lua/$$abi/posthog"; do \
	    [ ! -d "$$d/llm" ] || { echo "removing $$d/llm"; rm -rf "$$d/llm"; \
	      rmdir "$$d" 2>/dev/null || :; }; done; done
ifndef LUA_VERSION
	@set -- "$(SHARE_DIR)/posthog-llm" "$(TO)/bin/posthog-llm" "$(SHARE_DIR)/man/man1/posthog-llm.1"; \
	  for f in $(COMPLETIONS); do set -- "$$@" "$(SHARE_DIR)/$$f"; done; \
	  for f; do [ ! -e "$$f" ] || { echo "removing $$f"; rm -rf "$$f"; }; done
endif

# Neovim finds lua/posthog/llm/core.so by itself in the folder of a plugin. That may
# be this checkout, which has the Lua files already.
NVIM_DATA = $(or $(XDG_DATA_HOME),$(HOME)/.local/share)
NVIM_PLUGIN_DIR ?= $(NVIM_DATA)/nvim/site/pack/posthog/start/posthog-llm

ifdef LUA_VERSION
nvim: all ## install the library for Neovim; NVIM_PLUGIN_DIR=
	@set -e; to="$(NVIM_PLUGIN_DIR)"; case $$to in ("~/"*) to=$$HOME/$${to#??} ;; esac; \
	$(INSTALL) -d "$$to/lua/posthog/llm"; \
	if [ "$$(cd "$$to" && pwd -P)" != "$$(pwd -P)" ]; then for d in $(sort $(dir $(LIBRARY))); do \
	  $(INSTALL) -d "$$to/lua/$$d"; $(INSTALL) -m 644 lua/$$d*.lua "$$to/lua/$$d"; done; fi; \
	$(INSTALL) -m 755 $(CORE) "$$to/lua/posthog/llm/"; \
	echo "the library for Neovim is in $$(cd "$$to" && pwd)"
else
nvim:
	@$(MAKE) --no-print-directory LUA_VERSION=luajit nvim
endif

clean: ## remove all build results
	rm -rf build

help: ## print this help
	@echo "make             the same as make all"
	@awk -F ':.*## ' '/^[a-z-]+:.* ## /{printf "make %-11s %s\n", $$1, $$2}' Makefile
	@echo "Variables: LUA_VERSION=$(LUA_VERSIONS) (one of them)"
	@echo "  CC CFLAGS CPPFLAGS LDFLAGS"
	@echo "  LUA_CFLAGS CURL_CFLAGS CURL_LIBS PREFIX DESTDIR LUA_COMMAND"
	@echo "  NVIM_PLUGIN_DIR SETUP=: (install nothing)"

.PHONY: all has-headers demo test matrix try-install asan tsan valgrind fuzz soak model team mutate bench bench-hosts bench-count \
  bench-check build-bench build-count build-count-arm64 dist deb lint docs manual install uninstall check-prefix \
  install-library install-command nvim clean help
