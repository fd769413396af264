BINDIR  ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
# `footprint run` looks for its library beside itself and in ../lib/footprint: it may be moved, as a whole.
LIBDIR  ?= $(PREFIX)/lib/footprint
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/footprint
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions

# Documents keep their folders, so that their links lead somewhere.
INSTALLED_DOCS := README.md NEWS LICENSE CONTRIBUTING.md proto/WIRE.md proto/manifest.proto proto/record.proto \
	$(wildcard doc/*.md doc/decisions/*.md bench/*.md bench/*.svg deploy/compose/* deploy/kubernetes/*)

.PHONY: install
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBDIR)
	install -m 755 $(BUILD)/footprint $(DESTDIR)$(BINDIR)/footprint
	install -m 755 $(BUILD)/footprintd $(DESTDIR)$(SBINDIR)/footprintd
	install -m 755 $(BUILD)/libfootprint.so $(DESTDIR)$(LIBDIR)/libfootprint.so
	install -m 755 $(BUILD)/footprint-supervise $(DESTDIR)$(LIBDIR)/footprint-supervise
	for document in $(INSTALLED_DOCS); do \
		install -D -m 644 $$document $(DESTDIR)$(DOCDIR)/$$document || exit 1; \
	done
	for page in man/*.[1-8]; do \
		section=$${page##*.}; \
		install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$$section/$${page##*/} || exit 1; \
	done
	install -D -m 644 completions/footprint.bash $(DESTDIR)$(BASHDIR)/footprint
	install -D -m 644 completions/_footprint $(DESTDIR)$(ZSHDIR)/_footprint
	install -d $(DESTDIR)$(UNITDIR)
	install -m 644 deploy/footprintd.socket $(DESTDIR)$(UNITDIR)/footprintd.socket
	sed 's|/usr/local/sbin/|$(SBINDIR)/|' deploy/footprintd.service \
		>$(DESTDIR)$(UNITDIR)/footprintd.service

# With what the library has made beside itself. Manifests stay.
.PHONY: uninstall
uninstall:
	rm -f $(DESTDIR)$(BINDIR)/footprint $(DESTDIR)$(SBINDIR)/footprintd
	rm -f $(DESTDIR)$(LIBDIR)/libfootprint.so $(DESTDIR)$(LIBDIR)/footprint-supervise
	rm -f $(DESTDIR)$(LIBDIR)/libfootprint.so.pages-* $(DESTDIR)$(LIBDIR)/libfootprint.so.sites-*
	rm -f $(addprefix $(DESTDIR)$(DOCDIR)/,$(INSTALLED_DOCS))
	rm -f $(foreach page,$(wildcard man/*.[1-8]),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
	rm -f $(DESTDIR)$(BASHDIR)/footprint $(DESTDIR)$(ZSHDIR)/_footprint
	rm -f $(DESTDIR)$(UNITDIR)/footprintd.socket $(DESTDIR)$(UNITDIR)/footprintd.service
	for folder in $(LIBDIR) $(DOCDIR); do \
		[ ! -d "$(DESTDIR)$$folder" ] || \
			find "$(DESTDIR)$$folder" -depth -type d -exec rmdir --ignore-fail-on-non-empty {} + || exit 1; \
	done
