# ttymeet - a conference client for the terminal
#
#   make          build           make check    all tests        make demo   a call, offline
#   make install  DESTDIR= PREFIX=/usr/local    make bench fuzz lint layers tags
#   SAN=address,undefined | SAN=thread   WERROR=1   V=1   T=name   fit every target

VERSION := 0.1.0
PREFIX  ?= /usr/local
comma   := ,
empty   :=
space   := $(empty) $(empty)
Q       := $(if $(V),,@)

CC      ?= cc
FUZZ_S  ?= 10
BUILD   ?= build
B       := $(BUILD)/$(if $(SAN),san-$(subst $(comma),-,$(SAN)),dbg)

ROOMS   := base io xmpp rtc audio video call host session ui app
# Who may include whom; `make layers` holds every #include against it, and each
# room's unit tests are linked with just these rooms.
MAY_base    :=
MAY_io      := base
MAY_xmpp    := base
MAY_rtc     := base
MAY_audio   := base
MAY_video   := base
MAY_call    := base io xmpp rtc
MAY_host    := base io xmpp rtc
MAY_session := base io call audio video
MAY_ui      := base session
MAY_app     := base io xmpp rtc audio video call host session ui

PKGS := glib-2.0 nice libsrtp2 openssl libcurl libwebsockets expat jansson opus \
        portaudio-2.0 sndfile opusfile libopusenc speexdsp ncursesw

# Looking for the libraries starts a process; targets that do not compile skip it.
ifeq ($(filter deps clean layers lint help,$(MAKECMDGOALS)),)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
endif

WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wformat=2 $(if $(WERROR),-Werror)
OPT  ?= -O2
ALL_CFLAGS  = -std=c11 -g $(OPT) $(WARN) -fno-omit-frame-pointer -fstack-protector-strong \
              $(if $(SAN),-fsanitize=$(SAN)) $(CFLAGS)
ALL_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_GNU_SOURCE \
              -DTTYMEET_VERSION='"$(VERSION)"' -DTTYMEET_DEBUG $(DEFS) -Isrc -Itests $(PKG_CFLAGS) $(CPPFLAGS)
LIBS = $(PKG_LIBS) -lm -lpthread
ALL_LDFLAGS = $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

src_of  = $(wildcard src/$(1)/*.c)
obj_of  = $(patsubst %.c,$(B)/%.o,$(call src_of,$(1)))
LIBOBJ := $(foreach r,$(ROOMS),$(call obj_of,$(r)))
FAKEOBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/fake/*.c))

all: $(B)/ttymeet
	$(Q)ln -sf $(B)/ttymeet ttymeet

$(B)/ttymeet: $(B)/src/main.o $(LIBOBJ)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D); echo "  CC    $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_CPPFLAGS) -MMD -MP -c -o $@ $<

# A room and all that it stands on.
closure = $(sort $(1) $(foreach m,$(MAY_$(1)),$(call closure,$(m))))

# ---- unit tests: one program a room, linked with what the room may include ----

UNIT_ROOMS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/unit/*/*.c)))))
UNITS := $(UNIT_ROOMS:%=$(B)/unit-%)

define unit_rule
$(B)/unit-$(1): $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/$(1)/*.c) $(wildcard tests/unit/*.c)) \
		$(foreach r,$(call closure,$(1)),$(call obj_of,$(r)))
	@echo "  LD    $$@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $$@ $$^ $(LIBS) -lcmocka
endef
$(foreach r,$(UNIT_ROOMS),$(eval $(call unit_rule,$(r))))

# T=name picks tests by a part of their name.
unit-%: $(B)/unit-%
	$(Q)CMOCKA_TEST_FILTER='$(if $(T),*$(T)*)' $< $(T)

layers:
	$(Q)sh tests/layers.sh $(foreach r,$(ROOMS),"$(r):$(MAY_$(r))")

clean:
	rm -rf $(BUILD) ttymeet

.PHONY: all layers clean
.SECONDARY:

-include $(LIBOBJ:.o=.d) $(FAKEOBJ:.o=.d) $(B)/src/main.d $(wildcard $(B)/tests/*/*.d) $(wildcard $(B)/tests/*/*/*.d)
