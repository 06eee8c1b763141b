from types import SimpleNamespace

import pytest
from probes.looks import Machine

from proofs.channels.host.output import CommandOutput
from proofs.errors import ChannelError, Indeterminate
from proofs.probes.host.server import server_pid, sockets
from proofs.probes.host.test_mac import test_confinement_is_loaded_at_boot as loaded_at_boot
from proofs.probes.host.test_mac import test_the_server_process_is_confined as confined

SQL = SimpleNamespace(variable=lambda name: {"port": "3306"}[name])


def having(outputs):
    """A machine by `name` or `name argument` → what the command prints."""
    commands = {}
    for key, text in outputs.items():
        name, _, argument = key.partition(" ")
        if argument:
            commands.setdefault(name, {})[argument] = text
        else:
            commands[name] = text
    return Machine(commands=commands)


PARAMS = {"selinux_domains": ("mysqld_t",)}
SOCKETS = """\
udp UNCONN 0      0          127.0.0.1:323        0.0.0.0:*
tcp LISTEN 0      128          0.0.0.0:22         0.0.0.0:* users:(("sshd",pid=519,fd=6))
tcp LISTEN 0      70      10.20.1.15%eth0:3306    0.0.0.0:* users:(("mysqld",pid=529,fd=31),("mysqld",pid=529,fd=33))
tcp LISTEN 0      128             [::]:22            [::]:* users:(("sshd",pid=519,fd=7))
tcp LISTEN 0      4096               *:9100             *:* users:(("node",pid=7,fd=3))
"""
UNIT = "LoadState=loaded\nActiveState=active\nSubState=exited\nUnitFileState=enabled\n"
FILES = """\
/etc/apparmor.d/usr.sbin.mysqld:5:/usr/sbin/mysqld flags=(attach_disconnected) {
/etc/apparmor.d/usr.bin.man:9:profile man_groff flags=(complain) {
/etc/apparmor.d/usr.sbin.mysqld.dpkg-old:5:/usr/sbin/mysqld flags=(complain) {
/etc/apparmor.d/apache2.d/x:5:  ^handler {
"""
GOOD = {
    "sockets": SOCKETS,
    "apparmor-enabled": "Y\n",
    "selinux-enforce": "",
    "mac-label 529": "/usr/sbin/mysqld (enforce)\n",
    "unit apparmor.service": UNIT,
    "apparmor-profiles": "/usr/sbin/mysqld (enforce)\nman_groff (complain)\n",
    "apparmor-files": FILES,
    "apparmor-set-aside": "/etc/apparmor.d/disable/usr.bin.man\n/etc/apparmor.d/force-complain/usr.sbin.dnsmasq\n",
}
SELINUX = GOOD | {
    "apparmor-enabled": "",
    "selinux-enforce": "1",
    "selinux-config": "# SELINUX=disabled\nSELINUX=enforcing\n",
    "selinux-modules": "mysql\npermissive_httpd_t\n",
    "mac-label 529": "system_u:system_r:mysqld_t:s0\0",
}


def test_sockets_are_read():
    found = sockets(having(GOOD))
    assert [(s.protocol, s.address, s.port, s.loopback) for s in found] == [
        ("udp", "127.0.0.1", 323, True),
        ("tcp", "0.0.0.0", 22, False),
        ("tcp", "10.20.1.15%eth0", 3306, False),
        ("tcp", "::", 22, False),
        ("tcp", "*", 9100, False),
    ]
    assert server_pid(having(GOOD), SQL) == 529


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tcp LISTEN 0 128 nonsense 0.0.0.0:*\n",
        "\x1b[31mred\n",
        'tcp LISTEN 0 70 *:3307 *:* users:(("x",pid=1,fd=1))\n',
    ],
)
def test_sockets_that_say_nothing(text):
    with pytest.raises(Indeterminate):
        server_pid(having({"sockets": text}), SQL)


@pytest.mark.parametrize("outputs", [GOOD, SELINUX])
def test_a_confined_server(outputs):
    confined(having(outputs), SQL, PARAMS)
    loaded_at_boot(having(outputs), SQL, PARAMS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mac-label 529": "unconfined\n"}, "not confined: 'unconfined'"),
        ({"mac-label 529": "/usr/sbin/mysqld (complain)\n"}, "in mode complain"),
        ({"mac-label 529": "/usr/sbin/mysqld//&x (mixed)\n"}, "in mode mixed"),
        ({"mac-label 529": "\n"}, "not confined: ''"),
        ({"apparmor-enabled": "N\n"}, "neither AppArmor nor SELinux"),
        (SELINUX | {"selinux-enforce": "0"}, "SELinux is permissive"),
        (SELINUX | {"selinux-modules": "mysql\npermissive_mysqld_t\n"}, "the domain is permissive"),
        (SELINUX | {"mac-label 529": "system_u:system_r:unconfined_service_t:s0"}, "'unconfined_service_t'"),
        (SELINUX | {"mac-label 529": "kernel"}, "'kernel'"),
    ],
)
def test_an_unconfined_server(change, says):
    with pytest.raises(AssertionError, match=says):
        confined(having(GOOD | change), SQL, PARAMS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"unit apparmor.service": UNIT.replace("enabled", "disabled")}, "not started at boot"),
        ({"unit apparmor.service": UNIT.replace("active", "inactive")}, "is inactive"),
        ({"unit apparmor.service": "LoadState=not-found\n"}, "not-found"),
        ({"apparmor-profiles": "/usr/sbin/mysqld (complain)\n"}, "'/usr/sbin/mysqld' complain"),
        ({"apparmor-profiles": "other (enforce)\n"}, "not loaded"),
        (SELINUX | {"selinux-config": "SELINUX=permissive\n"}, "makes SELinux permissive"),
        (SELINUX | {"selinux-config": ""}, "does not set SELINUX"),
    ],
)
def test_not_at_boot(change, says):
    with pytest.raises(AssertionError, match=says):
        loaded_at_boot(having(GOOD | change), SQL, PARAMS)


def test_what_was_not_seen():
    for missing in ("sockets", "apparmor-enabled", "mac-label 529"):
        with pytest.raises(ChannelError):
            confined(having({name: text for name, text in GOOD.items() if name != missing}), SQL, PARAMS)
    for text in ("", "garbage\n"):
        with pytest.raises(Indeterminate):
            loaded_at_boot(having(GOOD | {"unit apparmor.service": text}), SQL, PARAMS)
    with pytest.raises(Indeterminate, match="no AppArmor profile"):
        loaded_at_boot(having(GOOD | {"apparmor-profiles": ""}), SQL, PARAMS)


@pytest.mark.parametrize(
    "begins",
    [
        "/usr/sbin/mysqld {",
        '"/usr/sbin/mysqld" flags = (attach_disconnected, mediate_deleted) {',
        "profile /usr/sbin/mysqld /usr/{bin,sbin}/mysqld flags=(enforce) {  ",
    ],
)
def test_the_next_boot_enforces(begins):
    loaded_at_boot(having(GOOD | {"apparmor-files": f"/etc/apparmor.d/x:1:{begins}\n"}), SQL, PARAMS)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"apparmor-files": FILES.replace("(attach_", "(complain,attach_")},
            "loads '/usr/sbin/mysqld' from .* complain",
        ),
        ({"apparmor-files": FILES.replace("(attach_", "(unconfined attach_")}, "the flag unconfined"),
        (
            {"apparmor-files": FILES + "/etc/apparmor.d/z:1:/usr/sbin/mysqld (complain) {\n"},
            "d/z with the flag complain",
        ),
        ({"apparmor-set-aside": "/etc/apparmor.d/disable/usr.sbin.mysqld\n"}, "in /etc/apparmor.d/disable"),
        ({"apparmor-set-aside": "/etc/apparmor.d/force-complain/usr.sbin.mysqld\n"}, "in .*force-complain"),
        ({"unit apparmor.service": UNIT.replace("enabled", "static")}, "not started at boot"),
        ({"unit apparmor.service": UNIT.replace("enabled", "enabled-runtime")}, "not started at boot"),
        (
            {"unit apparmor.service": UNIT.replace("enabled", "static") + "WantedBy=other.service\n"},
            "not started at boot",
        ),
    ],
)
def test_the_next_boot_does_not_enforce(changes, says):
    with pytest.raises(AssertionError, match=says):
        loaded_at_boot(having(GOOD | changes), SQL, PARAMS)


def test_a_static_unit_that_a_target_wants():
    unit = UNIT.replace("enabled", "static") + "WantedBy=sysinit.target\nRequiredBy=\n"
    loaded_at_boot(having(GOOD | {"unit apparmor.service": unit}), SQL, PARAMS)


@pytest.mark.parametrize(
    "changes",
    [
        {"apparmor-files": ""},
        {"apparmor-files": FILES.replace("usr.sbin.mysqld:5:/usr/sbin/mysqld", "x:5:profile mysqld /usr/sbin/mysqld")},
        {"apparmor-set-aside": CommandOutput(1, "", "find: '/etc/apparmor.d/disable': Permission denied\n")},
    ],
)
def test_whether_the_next_boot_enforces_is_not_seen(changes):
    with pytest.raises(Indeterminate):
        loaded_at_boot(having(GOOD | changes), SQL, PARAMS)
