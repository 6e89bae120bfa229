# ttymeet - a conference client for the terminal
#
#   make          build           make check    all tests        make demo   a call, offline
#   make install  DESTDIR= PREFIX=/usr/local    make bench bench-quality fuzz lint layers tags
#   make deps     installs what a machine lacks (apt-get)
#   make peers    against programs that are not ours: browsers, XMPP and TURN servers (LONG=1: longer)
#
#   make soak     minutes of a busy call in real time; make soak-long: eight hours with time passed in
#
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
        portaudio-2.0 sndfile ogg opusfile libopusenc speexdsp ncursesw usrsctp libpulse

# Looking for the libraries starts a process; targets that do not compile skip it.
ifeq ($(filter-out deps deps-check check peers demo clean layers lint,$(or $(MAKECMDGOALS),all)),)
else
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
endif

WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wformat=2 $(if $(WERROR),-Werror)
OPT  ?= -O2
ALL_CFLAGS  = -std=c11 -g $(OPT) $(WARN) -fno-omit-frame-pointer -fstack-protector-strong \
              $(if $(SAN),-fsanitize=$(SAN)) $(CFLAGS)
ALL_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_GNU_SOURCE \
              -DTTYMEET_VERSION='"$(VERSION)"' -DTTYMEET_DATADIR='"$(PREFIX)/share/ttymeet"' \
              $(if $(RELEASE),,-DTTYMEET_DEBUG) $(DEFS) -Isrc -Itests $(PKG_CFLAGS) $(CPPFLAGS)
LIBS = $(PKG_LIBS) -lm -lpthread
# The sound card's callback must not allocate: debug builds abort where it does
# (base/rt.h).  Sanitizers bring an allocator of their own.
WRAP := $(if $(SAN)$(RELEASE),,yes)
DEFS += $(if $(WRAP),-DTTYMEET_WRAP)
ALL_LDFLAGS = $(if $(SAN),-fsanitize=$(SAN)) \
              $(if $(WRAP),$(foreach f,malloc calloc realloc free,-Wl,--wrap=$(f))) $(LDFLAGS)

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

# ---- what a machine needs ----

deps:
	$(Q)sh tests/deps.sh build

deps-check:
	$(Q)sh tests/deps.sh check

# ---- tests ----

# Built first, with all the output of the compiler; the second make sees the
# libraries that the first one installed.
check: deps-check
	$(Q)$(MAKE) --no-print-directory check-all

check-all: layers $(B)/ttymeet $(B)/long $(UNITS) $(B)/replay $(PEERS:%=$(B)/%)
	$(Q)sh tests/check.sh $(B)

units: $(UNITS) $(B)/replay $(B)/long
	$(Q)sh tests/check.sh $(B) units

flows: $(B)/ttymeet
	$(Q)sh tests/check.sh $(B) flows

# A program of tests/$(2) whose first line says which rooms it links.
define program_rule
$(B)/$(1): $(B)/tests/$(2)/$(1).o $$(foreach r,$$(shell sed -n '1s/.*rooms: *\([a-z ]*[a-z]\).*/\1/p' tests/$(2)/$(1).c),$$(call obj_of,$$(r)))
	@echo "  LD    $$@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $$@ $$^ $(LIBS)
endef

# Against programs that are not ours; installs them first.
PEERS := $(patsubst tests/peer/%.c,%,$(wildcard tests/peer/*.c))
ifneq ($(filter peers-run check-all $(PEERS),$(MAKECMDGOALS)),)
$(foreach f,$(PEERS),$(eval $(call program_rule,$(f),peer)))
endif
$(PEERS): %: $(B)/%

peers:
	$(Q)sh tests/deps.sh peers
	$(Q)$(MAKE) --no-print-directory peers-run

peers-run: $(B)/ttymeet $(PEERS:%=$(B)/%)
	$(Q)TTYMEET="$(CURDIR)/$(B)/ttymeet" PEER_BUILD="$(CURDIR)/$(B)" $(if $(LONG),PEER_LONG=1) sh tests/peer/run.sh

# Recordings of real calls, played against the client: FILE=... or all (but one
# that holds no call).
RECORDED = $(filter-out %/focus-not-ready-http.jsonl,$(wildcard tests/data/recorded/*.jsonl))
REPLAY_OBJ = $(patsubst %.c,$(B)/%.o,$(wildcard tests/replay/*.c) $(wildcard tests/unit/call/script*.c) tests/unit/unit.c)
$(B)/replay: $(REPLAY_OBJ) $(foreach r,$(call closure,call),$(call obj_of,$(r)))
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

replay: deps-check $(B)/replay
	$(Q)$(B)/replay $(if $(FILE),$(FILE),-k tests/replay/known $(RECORDED))

# Minutes of a busy call; made for SAN=address,undefined and SAN=thread.
soak: $(B)/ttymeet
	$(Q)TTYMEET="$(CURDIR)/$(B)/ttymeet" SOAK_S=$(or $(SOAK_S),120) sh tests/soak/run.sh

# Eight hours of a call of five, time passed in: memory and descriptors stay flat.
$(B)/long: $(B)/tests/soak/long.o $(foreach r,base io xmpp rtc call host,$(call obj_of,$(r)))
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

soak-long: $(B)/long
	$(Q)LONG_HOURS=$(or $(LONG_HOURS),8) $<

# ---- the demo ----

demo: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)./ttymeet demo $(ARGS)

# ---- fuzzing: each target says on its first line which rooms it links ----

FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FB := $(BUILD)/fuzz
fuzz_rooms = $(shell sed -n '1s/.*rooms: *\([a-z ]*[a-z]\).*/\1/p' tests/fuzz/$(1).c)
FUZZ_CFLAGS = -std=c11 -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined

$(FB)/%.o: %.c
	@mkdir -p $(@D); echo "  FUZZCC $<"
	$(Q)clang $(FUZZ_CFLAGS) $(WARN) $(filter-out -DTTYMEET_WRAP,$(ALL_CPPFLAGS)) -MMD -MP -c -o $@ $<

define fuzz_rule
$(FB)/$(1): $(FB)/tests/fuzz/$(1).o $$(foreach r,$$(call fuzz_rooms,$(1)),$$(patsubst %.c,$(FB)/%.o,$$(wildcard src/$$(r)/*.c)))
	@echo "  LD    $$@"
	$(Q)clang -fsanitize=fuzzer,address,undefined -o $$@ $$^ $(LIBS)
endef
ifneq ($(filter fuzz fuzz-build $(FUZZ),$(MAKECMDGOALS)),)
$(foreach f,$(FUZZ),$(eval $(call fuzz_rule,$(f))))
endif

fuzz-build: $(FUZZ:%=$(FB)/%)
fuzz: deps-check fuzz-build
	$(Q)FUZZ_S=$(FUZZ_S) sh tests/fuzz/run.sh $(FB) $(if $(T),$(filter $(T)%,$(FUZZ)),$(FUZZ))

# ---- benchmarks ----

BENCH := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/bench_*.c))
ifneq ($(filter bench,$(MAKECMDGOALS)),)
$(foreach f,$(BENCH),$(eval $(call program_rule,$(f),bench)))
endif
bench: deps-check $(BENCH:%=$(B)/%) $(B)/ttymeet
	$(Q)sh tests/bench/run.sh $(B) $(BENCH)

# What a listener gets on lines that lose and delay, beside Chromium on the same
# packets; and how a voice sounds under a cap.  QUICK=1 takes Chromium's figures as they were stored; ARGS="--fec 10"
# and others: see the README there.
QUALITY := tests/bench/quality
QUALITY_VENV := $(BUILD)/quality-venv
$(B)/receive $(B)/send: $(B)/%: $(B)/$(QUALITY)/%.o $(call obj_of,base) $(call obj_of,audio)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(QUALITY_VENV)/ready: $(QUALITY)/requirements.txt
	$(Q)python3 -m venv $(QUALITY_VENV)
	$(Q)$(QUALITY_VENV)/bin/pip install -q -r $< && touch $@

bench-quality:
	$(Q)sh tests/deps.sh quality
	$(Q)$(MAKE) --no-print-directory bench-quality-run

bench-quality-run: $(B)/receive $(B)/send $(QUALITY_VENV)/ready
	$(Q)$(QUALITY_VENV)/bin/python $(QUALITY)/caps.py $(B)/send $(BUILD)/quality
	$(Q)$(QUALITY_VENV)/bin/python $(QUALITY)/quality.py $(B)/receive $(BUILD)/quality \
		$(if $(QUICK),--quick) $(ARGS)

# ---- the rest ----

lint:
	$(Q)sh tests/lint.sh

tags:
	ctags -R src tests

MAN1 := man/ttymeet.1 man/ttymeet-host.1 man/ttymeet-ctl.1
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/ttymeet \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/doc/ttymeet
	install -m 755 $(B)/ttymeet $(DESTDIR)$(PREFIX)/bin/ttymeet
	install -m 644 src/app/demo/*.opus $(DESTDIR)$(PREFIX)/share/ttymeet/
	install -m 644 $(MAN1) $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 man/ttymeet.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 man/ttymeet-keys.7 $(DESTDIR)$(PREFIX)/share/man/man7/
	install -m 644 README CHANGELOG LICENSE config.example $(DESTDIR)$(PREFIX)/share/doc/ttymeet/

clean:
	rm -rf $(BUILD) ttymeet

.PHONY: all check check-all units flows peers peers-run replay soak soak-long layers deps deps-check demo fuzz fuzz-build bench bench-quality bench-quality-run lint tags install clean
.SECONDARY:

-include $(LIBOBJ:.o=.d) $(FAKEOBJ:.o=.d) $(B)/src/main.d $(wildcard $(B)/tests/*/*.d) \
	$(wildcard $(B)/tests/*/*/*.d) $(wildcard $(FB)/src/*/*.d) $(wildcard $(FB)/tests/fuzz/*.d)
