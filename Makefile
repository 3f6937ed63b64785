# posthog-llm: `make help` lists the targets.

# What to build for: one of 5.1 5.3 5.4 luajit. Not given: 5.4, and LuaJIT
# where its headers are present.
# LUA_VERSION =

CC ?= cc
PKG_CONFIG ?= pkg-config
OPTFLAGS ?= -O2 -g
CFLAGS ?= $(OPTFLAGS)
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Werror

LUA_PC = $(if $(filter luajit,$(LUA_VERSION)),luajit,lua$(LUA_VERSION))
LUA_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags $(LUA_PC))
CURL_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags libcurl)
CURL_LIBS ?= $(shell $(PKG_CONFIG) --libs libcurl)

BUILD ?= build/$(LUA_VERSION)
SOURCES = $(wildcard src/*.c)
OBJECTS = $(SOURCES:src/%.c=$(BUILD)/obj/%.o)
CORE = $(BUILD)/posthog/llm/core.so

# nodelete: a resolver thread of libcurl may outlive dlclose.
ifeq ($(shell uname -s),Darwin)
SHARED = -bundle -undefined dynamic_lookup
else
SHARED = -shared -Wl,-z,nodelete
endif

ifdef LUA_VERSION
all: $(CORE)
else
VERSIONS = 5.4 $(shell $(PKG_CONFIG) --exists luajit && echo luajit)
all: $(VERSIONS:%=build-%)
endif

build-%:
	@$(MAKE) --no-print-directory LUA_VERSION=$* all

$(CORE): $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) $(CURL_LIBS) -lpthread -lm

$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) -std=c99 -fPIC -fvisibility=hidden -pthread -MMD -MP $(WARNINGS) \
	  $(CPPFLAGS) $(LUA_CFLAGS) $(CURL_CFLAGS) $(CFLAGS) -c -o $@ $<

-include $(wildcard $(BUILD)/obj/*.d)

clean:
	rm -rf build

.PHONY: all clean
