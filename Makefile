# certvendor: build, check and install. "make help" lists the targets.

LANE ?= release
PREFIX ?= /usr/local
DESTDIR ?=
ONCE ?=
WERROR ?= -Werror

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# All cores for compiling, unless make was told otherwise; inner makes share its jobs.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
# V=1 shows whole commands.
SHOW = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$@' &&)
AGAIN = +@$(MAKE) --no-print-directory

# ---- Packages of Debian 12 ---------------------------------------------------------------------

PACKAGES_BUILD := gcc make pkg-config libmicrohttpd-dev libssl-dev libjansson-dev libpq-dev \
	libinih-dev libgnutls28-dev libcurl4-openssl-dev liburcu-dev
PACKAGES_RUN := postgresql postgresql-client nginx-light curl openssl ca-certificates \
	util-linux procps
PACKAGES_TEST := libcriterion-dev clang-14 clang-format-14 libclang-rt-14-dev shellcheck \
	python3 python3-pytest python3-jsonschema python3-cryptography strongswan-pki \
	libstrongswan-standard-plugins systemd haproxy zsh fish default-jdk-headless libbcpkix-java \
	groff-base mandoc rabbitmq-server softhsm2 opensc libengine-pkcs11-openssl

PACKAGES_IMAGE := buildah debootstrap docker-compose iproute2 openssl python3 python3-pytest \
	python3-yaml

# ---- Lanes: one set of flags, one folder under build/ ------------------------------------------

OUT := build/$(LANE)
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-qual -Wformat=2 -Wundef -Wvla -Wswitch-enum \
	-Wimplicit-fallthrough -Wwrite-strings
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fstack-clash-protection -fPIE
ifeq ($(shell uname -m),x86_64)
HARDENING += -fcf-protection
endif

COMPILER_release := gcc
FLAGS_release := -O2 -g $(HARDENING)
LINK_release := -pie -Wl,-z,relro,-z,now

COMPILER_clang := clang-14
FLAGS_clang := -O2 -g $(HARDENING) -Wno-gnu-zero-variadic-macro-arguments \
	-Wno-gnu-statement-expression
LINK_clang := $(LINK_release)

COMPILER_asan := gcc
FLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LINK_asan := -fsanitize=address,undefined

COMPILER_tsan := gcc
FLAGS_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
LINK_tsan := -fsanitize=thread

COMPILER_fuzz := clang-14
FLAGS_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link \
	-fno-sanitize-recover=all -Wno-gnu-zero-variadic-macro-arguments \
	-Wno-gnu-statement-expression
LINK_fuzz := -fsanitize=address,undefined,fuzzer

ifeq ($(COMPILER_$(LANE)),)
$(error LANE=$(LANE): there are the lanes release, clang, asan, tsan and fuzz)
endif
CC = $(COMPILER_$(LANE))

# Asked when first needed, because "make deps" may have to install pkg-config; then remembered.
LIBRARIES := libmicrohttpd gnutls libssl libcrypto jansson libpq inih libcurl liburcu-bp
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(LIBRARIES)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell pkg-config --libs $(LIBRARIES)))$(PKG_LIBS)

COMPILE = $(CC) -std=c17 -D_GNU_SOURCE -pthread -Iinclude -Ibuild/gen $(PKG_CFLAGS) $(WARNINGS) \
	$(WERROR) $(FLAGS_$(LANE)) $(CFLAGS) -MMD -MP
LINK = $(CC) -pthread $(FLAGS_$(LANE)) $(CFLAGS) $(LINK_$(LANE)) $(LDFLAGS)

# ---- Sources and objects -----------------------------------------------------------------------

SQL := $(wildcard sql/query/*.sql sql/migration/*.sql sql/role/*.sql)
SQL_FOLDERS := $(wildcard sql/query sql/migration sql/role)

# Scripts that are handed to operators.
SCRIPTS := $(sort $(patsubst deploy/foundries/%.sh,%,$(wildcard deploy/foundries/*.sh)))
GENERATED_HEADERS := build/gen/cv_sql.h build/gen/cv_openapi.h $(SCRIPTS:%=build/gen/cv_script_%.h)

LIBRARY_SOURCES := $(sort $(wildcard server/*/*.c))
UNIT_SOURCES := $(sort $(wildcard tests/unit/*.c tests/unit/*/*.c tests/fake/*.c))
INTEGRATION_SOURCES := $(sort $(wildcard tests/integration/*.c))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/*.c))
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(filter tests/fuzz/fuzz_%,$(FUZZ_SOURCES)))
# tsan_arena.c lets Criterion start under the thread sanitizer and has no other use.
SUPPORT_SOURCES := $(sort $(filter-out $(if $(filter tsan,$(LANE)),,%/tsan_arena.c), \
	$(wildcard tests/support/*.c)))

object = $(patsubst %.c,$(OUT)/%.o,$(1))
LIBRARY_OBJECTS := $(call object,$(LIBRARY_SOURCES)) $(OUT)/gen/sql.o $(OUT)/gen/openapi.o \
	$(SCRIPTS:%=$(OUT)/gen/script_%.o)
UNIT_OBJECTS := $(call object,$(UNIT_SOURCES) $(SUPPORT_SOURCES))
INTEGRATION_OBJECTS := $(call object,$(INTEGRATION_SOURCES) $(SUPPORT_SOURCES))
FUZZ_OBJECTS := $(call object,$(FUZZ_SOURCES))
FUZZ_SHARED := $(filter-out $(OUT)/tests/fuzz/fuzz_%,$(FUZZ_OBJECTS))
MAIN_OBJECT := $(OUT)/server/main.o
OBJECTS := $(sort $(LIBRARY_OBJECTS) $(UNIT_OBJECTS) $(INTEGRATION_OBJECTS) $(FUZZ_OBJECTS) \
	$(MAIN_OBJECT))

$(OUT)/server/%.o: server/%.c Makefile | $(GENERATED_HEADERS)
	@mkdir -p $(@D)
	$(call SHOW,CC) $(COMPILE) -include include/cv/util/banned.h -c $< -o $@

$(OUT)/tests/%.o: tests/%.c Makefile | $(GENERATED_HEADERS)
	@mkdir -p $(@D)
	$(call SHOW,CC) $(COMPILE) -c $< -o $@

$(OUT)/gen/%.o: build/gen/%.c Makefile
	@mkdir -p $(@D)
	$(call SHOW,CC) $(COMPILE) -c $< -o $@

# The folders are prerequisites too: they change when a file comes or goes.
build/gen/sql.c build/gen/cv_sql.h &: $(SQL) $(SQL_FOLDERS) tests/support/embed_sql.sh
	@mkdir -p build/gen
	$(call SHOW,SQL) tests/support/embed_sql.sh sql build/gen/sql.c build/gen/cv_sql.h

build/gen/openapi.c build/gen/cv_openapi.h &: docs/protocol/openapi.json tests/support/embed_text.sh
	@mkdir -p build/gen
	$(call SHOW,TEXT) tests/support/embed_text.sh $< cv_openapi build/gen/openapi.c \
		build/gen/cv_openapi.h

# Kept, because they are made on the way to the objects only.
.PRECIOUS: build/gen/script_%.c build/gen/cv_script_%.h
build/gen/script_%.c build/gen/cv_script_%.h: deploy/foundries/%.sh tests/support/embed_text.sh
	@mkdir -p build/gen
	$(call SHOW,TEXT) tests/support/embed_text.sh $< cv_script_$* build/gen/script_$*.c \
		build/gen/cv_script_$*.h

# Lists of objects, rewritten only when they change, so that a deleted source leaves its program.
$(OUT)/%.list: FORCE
	@mkdir -p $(@D)
	@echo '$(LISTED)' | cmp -s - $@ || echo '$(LISTED)' > $@
$(OUT)/libcv.list: LISTED = $(LIBRARY_OBJECTS)
$(OUT)/unit.list: LISTED = $(UNIT_OBJECTS)
$(OUT)/integration.list: LISTED = $(INTEGRATION_OBJECTS)

$(OUT)/libcv.a: $(LIBRARY_OBJECTS) $(OUT)/libcv.list
	@rm -f $@
	$(call SHOW,AR) ar rcs $@ $(LIBRARY_OBJECTS)

$(OUT)/certvendor: $(MAIN_OBJECT) $(OUT)/libcv.a
	$(call SHOW,LINK) $(LINK) $(MAIN_OBJECT) $(OUT)/libcv.a $(PKG_LIBS) -o $@

$(OUT)/unit_tests: $(UNIT_OBJECTS) $(OUT)/libcv.a $(OUT)/unit.list
	$(call SHOW,LINK) $(LINK) $(UNIT_OBJECTS) $(OUT)/libcv.a -lcriterion $(PKG_LIBS) -o $@

$(OUT)/integration_tests: $(INTEGRATION_OBJECTS) $(OUT)/libcv.a $(OUT)/integration.list
	$(call SHOW,LINK) $(LINK) $(INTEGRATION_OBJECTS) $(OUT)/libcv.a -lcriterion $(PKG_LIBS) -o $@

$(FUZZ_TARGETS:%=$(OUT)/fuzz_%): $(OUT)/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(FUZZ_SHARED) $(OUT)/libcv.a
	$(call SHOW,LINK) $(LINK) $< $(FUZZ_SHARED) $(OUT)/libcv.a $(PKG_LIBS) -o $@

-include $(wildcard $(OBJECTS:.o=.d))

.PHONY: FORCE all help deps deps-build deps-test check-env test test-unit test-integration \
	test-e2e test-asan test-tsan test-clang test-image run-unit run-integration run-e2e layers \
	format format-check bench run install clean test-fuzz fuzz run-fuzz secrets-check
FORCE:

# ---- Building ----------------------------------------------------------------------------------

all: deps ## Install what is missing and build build/release/certvendor (default)
	$(AGAIN) $(OUT)/certvendor

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile

deps: ## Install the Debian packages needed to build and run
	@deploy/install_packages.sh $(PACKAGES_BUILD) $(PACKAGES_RUN)

deps-build: ## Install only what compiling needs
	@deploy/install_packages.sh $(PACKAGES_BUILD)

deps-test: ## Install also the packages that only the tests need
	@deploy/install_packages.sh $(PACKAGES_BUILD) $(PACKAGES_RUN) $(PACKAGES_TEST)

check-env: ## Say which packages are missing, and change nothing
	@deploy/install_packages.sh --check $(PACKAGES_BUILD) $(PACKAGES_RUN) $(PACKAGES_TEST)

# ---- Tests -------------------------------------------------------------------------------------

TEST_STAGES := layers format-check test-unit test-integration test-e2e test-asan test-tsan test-clang \
	test-fuzz secrets-check

# Every test writes below var/. The folder is open, because PostgreSQL runs as another user.
SCRATCH := $(CURDIR)/var/tmp
REPORT := $(SCRATCH)/sanitizer-$(LANE)
TEST_ENV = LC_ALL=C.UTF-8 TMPDIR=$(SCRATCH) CERTVENDOR_BINARY=$(CURDIR)/$(OUT)/certvendor \
	ASAN_OPTIONS=abort_on_error=0:detect_leaks=1:log_path=$(REPORT) \
	UBSAN_OPTIONS=print_stacktrace=1:log_path=$(REPORT) \
	TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:log_path=$(REPORT)
PREPARE = @mkdir -p $(SCRATCH) && chmod 1777 $(SCRATCH) && rm -f $(REPORT).*

# The thread sanitizer of GCC 12 does not start where the kernel spreads addresses over 32 bits; some
# containers forbid to switch that off, and mostly need not.
ifeq ($(LANE),tsan)
FIXED_ADDRESSES = $(shell setarch -R true 2>/dev/null && echo setarch -R)
endif

# Runs tests: command, and how to run only one. A leak found when a process ends changes no test's
# result, so the reports of the sanitizers decide too.
run_tests = @status=0; $(TEST_ENV) $(1) || status=1; \
	if cat $(REPORT).* 2>/dev/null; then status=1; fi; \
	[ $$status -eq 0 ] || echo "one test only: $(2)"; \
	exit $$status

test: deps-test ## Everything that needs no privileges, one stage after the other
	@for stage in $(TEST_STAGES); do \
		printf '\n==== %s ====\n' "$$stage"; \
		$(MAKE) --no-print-directory "$$stage" || \
			{ printf '\ntest: FAILED in stage %s\n' "$$stage"; exit 1; }; \
	done; \
	printf '\ntest: all stages passed: %s\n' '$(TEST_STAGES)'

test-unit: deps-test ## Unit tests, without database and network
	$(AGAIN) run-unit

test-integration: deps-test ## Stores and migrations against a throwaway PostgreSQL
	$(AGAIN) run-integration

test-e2e: deps-test ## The real binary with real TLS clients
	$(AGAIN) run-e2e

test-asan: deps-test ## All three again with address, undefined and leak sanitizers
	$(AGAIN) LANE=asan run-unit
	$(AGAIN) LANE=asan run-integration
	$(AGAIN) LANE=asan CV_KILLS=20 CV_IDLE=1000 CV_ROTATIONS=20 CV_FLEET=40 CV_HANDSHAKES=400 run-e2e

test-tsan: deps-test ## Unit and integration tests with the thread sanitizer
	$(AGAIN) LANE=tsan run-unit
	$(AGAIN) LANE=tsan run-integration

test-clang: deps-test ## Compile everything with Clang, warnings as errors
	$(AGAIN) LANE=clang build/clang/certvendor build/clang/unit_tests build/clang/integration_tests

test-image: ## As root: build the Dockerfile, run the image and deploy/compose.yaml
	@deploy/install_packages.sh $(PACKAGES_IMAGE)
	@tests/image/run.sh

# Seconds for each target.
FUZZ_SECONDS ?= 20

fuzz: deps-test ## Fuzz every parser, FUZZ_SECONDS each
	$(AGAIN) LANE=fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) run-fuzz

test-fuzz: deps-test ## The same, briefly
	$(AGAIN) LANE=fuzz FUZZ_SECONDS=8 run-fuzz

secrets-check: ## Look for secrets in all that was written below var/
	@tests/support/find_secrets.py var

# One lane each; an empty set of tests is a mistake, not a success.
run-unit: $(OUT)/unit_tests
	$(if $(UNIT_SOURCES),,$(error tests/unit holds no tests))
	$(PREPARE)
	$(call run_tests,$(FIXED_ADDRESSES) $(OUT)/unit_tests,$(OUT)/unit_tests --filter 'module/test')

run-integration: $(OUT)/integration_tests
	$(if $(INTEGRATION_SOURCES),,$(error tests/integration holds no tests))
	$(PREPARE)
	$(call run_tests,tests/support/postgres.sh run $(FIXED_ADDRESSES) $(OUT)/integration_tests, \
		tests/support/postgres.sh run $(OUT)/integration_tests --filter 'module/test')

run-e2e: $(OUT)/certvendor
	$(if $(wildcard tests/e2e/test_*.py),,$(error tests/e2e holds no tests))
	$(PREPARE)
	$(call run_tests,tests/support/run_e2e.sh,CERTVENDOR_BINARY=$(OUT)/certvendor /usr/bin/python3 -m pytest tests/e2e -k NAME)

run-fuzz: $(FUZZ_TARGETS:%=$(OUT)/fuzz_%)
	$(if $(FUZZ_TARGETS),,$(error tests/fuzz holds no targets))
	$(PREPARE)
	@$(TEST_ENV) tests/support/fuzz.sh $(OUT) $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# ---- Source checks -----------------------------------------------------------------------------

C_FILES = $(shell find include server tests -name '*.[ch]')
SHELL_FILES = $(shell find .ci deploy tests -type f \( -name '*.sh' -o -path '.ci/run' \))

layers: ## Check that every room includes only what it may
	@tests/support/check_layers.sh

format: deps-test ## Format all C files
	@clang-format-14 -i $(C_FILES)

format-check: deps-test ## Check the format of C files, and shell scripts with shellcheck
	@clang-format-14 --dry-run -Werror $(C_FILES)
	@shellcheck $(SHELL_FILES)

# ---- Running and installing --------------------------------------------------------------------

bench: all ## Measure issuance and the gateway check
	$(PREPARE)
	@$(TEST_ENV) tests/bench/run.sh

run: all ## Play one complete rotation and stay up; with ONCE=1 end after it
	@ONCE=$(ONCE) CERTVENDOR_BINARY=$(CURDIR)/$(OUT)/certvendor deploy/demo/run.sh

# What pages speak of by its name; not the secrets that may have been made beside it.
EXAMPLES = deploy/compose.yaml $(wildcard deploy/compose/*.* deploy/nginx/*.* deploy/haproxy/*.*)

install: ## Install below DESTDIR and PREFIX (default /usr/local)
	$(AGAIN) $(OUT)/certvendor
	install -D -m 755 $(OUT)/certvendor $(DESTDIR)$(PREFIX)/bin/certvendor
	sed 's|/usr/local/|$(PREFIX)/|' deploy/certvendor.service | install -D -m 644 /dev/stdin \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/certvendor.service
	install -D -m 644 deploy/certvendor-device.socket \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/certvendor-device.socket
	install -D -m 644 deploy/certvendor.conf \
		$(DESTDIR)$(PREFIX)/share/doc/certvendor/examples/certvendor.conf
	install -m 644 LICENSE README.md CHANGELOG.md $(DESTDIR)$(PREFIX)/share/doc/certvendor/
	for section in 1 5; do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$$section \
			docs/man/*.$$section || exit 1; \
	done
	find docs -type f -printf '%P\0' | xargs -0 -I{} \
		install -D -m 644 docs/{} $(DESTDIR)$(PREFIX)/share/doc/certvendor/docs/{}
	for file in $(EXAMPLES); do \
		mode=644; [ ! -x $$file ] || mode=755; \
		install -D -m $$mode $$file $(DESTDIR)$(PREFIX)/share/doc/certvendor/$$file || exit 1; \
	done

clean: ## Remove build/; var/ with its data stays
	rm -rf build
