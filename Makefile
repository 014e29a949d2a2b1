# `make run` and `make test` are all that a newcomer needs; the rest are their parts.
#
# System packages are installed with apt-get (by sudo where that is needed), and only those that are missing.
# A machine that has them all needs neither apt-get nor root.

CARGO ?= cargo
# Where `make install` puts things, and where the program and what was generated with it lie.
PREFIX ?= /usr/local
ZSH_COMPLETIONS ?= $(PREFIX)/share/zsh/site-functions
PROGRAM := $(or $(CARGO_TARGET_DIR),target)/release

# What building needs.
BUILD_PACKAGES := gcc libc6-dev
# What making a Debian package needs.
DEB_PACKAGES := dpkg-dev
# The applications and the sounds of the demonstration.
RUN_PACKAGES := pulseaudio-utils gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
	mplayer alsa-utils sound-theme-freedesktop
# The reference, another server, and more applications.
TEST_PACKAGES := $(RUN_PACKAGES) pulseaudio pipewire pipewire-pulse wireplumber ffmpeg mpv sox libsox-fmt-pulse \
	util-linux systemd $(DEB_PACKAGES) \
	pamixer pulsemixer python3-pulsectl libasound2-plugins gstreamer1.0-plugins-base-apps \
	chromium espeak-ng libsdl2-dev libopenal-dev libcanberra-dev libcanberra-pulse pkg-config

# The other side of the benchmarks.
BENCH_PACKAGES := $(BUILD_PACKAGES) libpulse-dev pkg-config

.PHONY: help run test build bench install deb docs lint deps deps-build deps-run

help:
	@echo "make run    install what is needed, start the server, play with six applications, and serve"
	@echo "make test   install what is needed, and run all tests"
	@echo "make build  build the program: target/release/sealpulse"
	@echo "make bench  measure side by side with libpulse"
	@echo "make install  the program, manual pages, completions and systemd's units below PREFIX=$(PREFIX)"
	@echo "make deb    build a Debian package"
	@echo "make docs   write the generated pages in docs anew"
	@echo "make lint   formatting, clippy and documentation, with warnings denied"
	@echo "make deps   install the system packages that are missing"

run: deps-run
	$(CARGO) build --release --locked --package sealpulse
	@exec "$${CARGO_TARGET_DIR:-target}/release/sealpulse" demo

# The program first: the whole-program tests run it.
test: deps
	$(CARGO) build --locked --package sealpulse
	$(CARGO) test --locked --workspace

build: deps-build
	$(CARGO) build --release --locked --package sealpulse

bench: build
	@$(call install,$(BENCH_PACKAGES))
	$(CARGO) bench --locked --package sealpulse-bench --features libpulse

# What was built, so that root need not build.
install:
	install -D -m 755 "$(PROGRAM)/sealpulse" "$(DESTDIR)$(PREFIX)/bin/sealpulse"
	install -d "$(DESTDIR)$(PREFIX)/lib/sealpulse"
	ln -sfn ../../bin/sealpulse "$(DESTDIR)$(PREFIX)/lib/sealpulse/pulseaudio"
	install -d "$(DESTDIR)$(PREFIX)/share/man/man1"
	install -m 644 "$(PROGRAM)"/assets/man/*.1 "$(DESTDIR)$(PREFIX)/share/man/man1"
	install -D -m 644 docs/man/sealpulse-configuration.5 "$(DESTDIR)$(PREFIX)/share/man/man5/sealpulse-configuration.5"
	install -D -m 644 docs/man/sealpulse-modules.7 "$(DESTDIR)$(PREFIX)/share/man/man7/sealpulse-modules.7"
	install -D -m 644 "$(PROGRAM)/assets/completions/sealpulse.bash" \
		"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/sealpulse"
	install -D -m 644 "$(PROGRAM)/assets/completions/_sealpulse" "$(DESTDIR)$(ZSH_COMPLETIONS)/_sealpulse"
	install -D -m 644 "$(PROGRAM)/assets/completions/sealpulse.fish" \
		"$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/sealpulse.fish"
	install -d "$(DESTDIR)$(PREFIX)/lib/systemd/user" "$(DESTDIR)$(PREFIX)/share/doc/sealpulse"
	for unit in sealpulse.service sealpulse.socket; do \
		sed "s|=/usr/bin/|=$(PREFIX)/bin/|" packaging/systemd/$$unit \
			> "$(DESTDIR)$(PREFIX)/lib/systemd/user/$$unit" || exit 1; \
		chmod 644 "$(DESTDIR)$(PREFIX)/lib/systemd/user/$$unit"; \
	done
	install -m 644 LICENSE-APACHE LICENSE-MIT README.md CHANGELOG.md ARCHITECTURE.md docs/*.md \
		"$(DESTDIR)$(PREFIX)/share/doc/sealpulse"

deb: build
	@$(call install,$(DEB_PACKAGES))
	@packaging/build-deb "$(PROGRAM)"

docs:
	SEALPULSE_WRITE_DOCS=1 $(CARGO) test --locked --package sealpulse-protocol --test docs
	SEALPULSE_WRITE_DOCS=1 $(CARGO) test --locked --package sealpulse --bin sealpulse config::page

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

deps:
	@$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES))

deps-build:
	@$(call install,$(BUILD_PACKAGES))

deps-run:
	@$(call install,$(BUILD_PACKAGES) $(RUN_PACKAGES))

# Services of what is installed are not started: nothing here needs them.
define install
missing=; \
for package in $(1); do \
	dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
done; \
if [ -n "$$missing" ]; then \
	echo "installing$$missing"; \
	root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	$$root apt-get update -qq && \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
fi
endef
