#!/bin/sh
# Makes the files beside it and the ufw.*-save above, with the ufw of Debian 12 in a chroot and a network namespace: what
# ufw writes down for the rules below, and what its boot script, `ufw-init start`, then has the kernel hold.
# Needs root and mmdebstrap; an argument names a chroot to use again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=${1:-$(mktemp -d)/root}
[ -d "$root/etc/ufw" ] || mmdebstrap --variant=apt --include=ufw,iptables,iproute2 bookworm "$root"
cat > "$root/rules.sh" <<'RULES'
set -eu
ip link set lo up
for family in '' 6; do cp /usr/share/ufw/iptables/user$family.rules /etc/ufw/; done
ufw allow proto tcp from 10.20.1.0/24 to any port 3306
ufw allow proto tcp from 10.20.1.0/24 to any port 22
ufw allow proto tcp from 10.20.2.0/24 to any port 22
ufw limit proto tcp from 10.20.3.0/24 to any port 22
ufw allow 8000:8100/tcp
ufw allow proto tcp from 10.0.0.1 to any port 80,443
sed -i 's/^ENABLED=.*/ENABLED=yes/' /etc/ufw/ufw.conf
/lib/ufw/ufw-init start
iptables-save > /saved4
ip6tables-save > /saved6
RULES
unshare --net --mount sh -ec "mount -t proc proc \"\$1/proc\"; chroot \"\$1\" sh /rules.sh" - "$root"
for file in before before6 after after6 user user6; do cp "$root/etc/ufw/$file.rules" "$here/"; done
cp "$root/etc/ufw/ufw.conf" "$here/ufw.conf"
cp "$root/etc/default/ufw" "$here/defaults"
chmod 644 "$here"/*.rules
# The day alone would change with every run.
sed 's/ on [A-Z].*/ on a day/' "$root/saved4" > "$here/../ufw.iptables-save"
sed 's/ on [A-Z].*/ on a day/' "$root/saved6" > "$here/../ufw.ip6tables-save"
