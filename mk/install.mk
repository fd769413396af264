BINDIR  ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR  ?= $(PREFIX)/lib/footprint
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/footprint
UNITDIR ?= $(PREFIX)/lib/systemd/system

.PHONY: install
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(DOCDIR)
	install -m 755 $(BUILD)/footprint $(DESTDIR)$(BINDIR)/footprint
	install -m 755 $(BUILD)/footprintd $(DESTDIR)$(SBINDIR)/footprintd
	install -m 755 $(BUILD)/libfootprint.so $(DESTDIR)$(LIBDIR)/libfootprint.so
	install -m 755 $(BUILD)/footprint-supervise $(DESTDIR)$(LIBDIR)/footprint-supervise
	install -m 644 README.md NEWS LICENSE proto/manifest.proto proto/record.proto $(DESTDIR)$(DOCDIR)
	for page in man/*.[1-8]; do \
		section=$${page##*.}; \
		install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$$section/$${page##*/} || exit 1; \
	done
	install -D -m 644 completions/footprint.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/footprint
	install -D -m 644 completions/_footprint $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_footprint
	install -d $(DESTDIR)$(UNITDIR)
	install -m 644 deploy/footprintd.socket $(DESTDIR)$(UNITDIR)/footprintd.socket
	sed 's|/usr/local/sbin/|$(SBINDIR)/|' deploy/footprintd.service \
		>$(DESTDIR)$(UNITDIR)/footprintd.service
