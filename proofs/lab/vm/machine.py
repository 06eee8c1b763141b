"""One virtual machine: a QEMU process on two user-mode networks, its console's log and its monitor."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from proofs.errors import ConfigurationError
from proofs.lab import server
from proofs.lab.state import process_birth
from proofs.lab.vm.image import Image

PROGRAM = "qemu-system-x86_64"
KVM = Path("/dev/kvm")
MEMORY_MIB = 1536
TRIAL_LIMIT_S = 15.0
START_TRIES = 3
MONITOR = Path("run") / "monitor.sock"
CONSOLE = Path("log") / "console.log"
FORWARDS: Mapping[str, tuple[str, int]] = {
    "ssh_port": ("inside", 22),
    "port": ("inside", 3306),
    "outside_ssh_port": ("outside", 22),
    "outside_port": ("outside", 3306),
    "outside_x_port": ("outside", 33060),
    "outside_http_port": ("outside", 8080),
}
"""File in the lab's directory that holds a loopback port → network and port of the machine that it leads to."""
RECEIVERS: Mapping[str, int] = {"received/syslog.log": 6514, "anchors/head.jsonl": 6515}
"""Files that QEMU writes what the machine sends to 10.20.1.5 → port there. The machine can't take anything back."""
# panic: a kernel that died ends the machine (-no-reboot), so that nobody waits for its answers.
_COMMAND_LINE = (
    "root=/dev/vda rw console=ttyS0 panic=1 apparmor=1 security=apparmor audit=0 quiet systemd.show_status=yes"
)
_NETWORKS = {"inside": 1, "outside": 2}


def accelerators(image: Image) -> list[str]:
    """QEMU's accelerator options: KVM where a kernel really starts under it (a device alone says nothing)."""
    # Without CMPXCHG16B: with it, under QEMU 7.2, a kernel was seen to die of a double fault at that instruction.
    emulated = ["-accel", "tcg,thread=multi", "-cpu", "max,-cx16"]
    if not KVM.exists():
        return emulated
    accelerated = ["-accel", "kvm", "-cpu", "host"]
    trial = [PROGRAM, *accelerated, "-m", "512", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]
    trial += ["-kernel", str(image.kernel), "-append", "console=ttyS0 earlyprintk=ttyS0 panic=-1"]
    started = False
    try:
        with subprocess.Popen(
            trial, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as child:
            limit = threading.Timer(TRIAL_LIMIT_S, child.kill)
            limit.start()
            assert child.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
            for line in child.stdout:
                # Without a root file system the kernel panics, once it has shown that it can run.
                started = b"Kernel panic" in line
                if started or b"KVM internal error" in line:
                    break
            limit.cancel()
            child.kill()
    except OSError as error:
        raise ConfigurationError(f"{PROGRAM}: {error.strerror}; a host of the lab needs QEMU") from error
    return accelerated if started else emulated


def start(directory: Path, image: Image, name: str) -> int:
    """Start the machine on a fresh overlay of its image; its pid. The ports it forwards are written to their files.

    Raises `ConfigurationError`: no QEMU, or it ended at once (its last words).
    """
    _run("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image.disk), "-F", "raw", str(directory / "disk.qcow2"))
    for file in RECEIVERS:
        (directory / file).touch(mode=0o600)
    accelerated = accelerators(image)
    for _attempt in range(START_TRIES):
        with server.free_ports(len(FORWARDS)) as free:
            ports = dict(zip(FORWARDS, free, strict=True))
        arguments = [PROGRAM, *accelerated, *_arguments(directory, image, name, ports)]
        with (directory / "log" / "qemu.log").open("ab") as log:
            child = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        server.adopt(child)
        if _answers(directory, child):
            for label, port in ports.items():
                (directory / label).write_text(str(port), encoding="ascii")
            return child.pid
    words = (directory / "log" / "qemu.log").read_text(errors="replace").strip().splitlines()[-1:]
    raise ConfigurationError(f"the machine did not start in {START_TRIES} tries: {' '.join(words)!a}")


def _answers(directory: Path, child: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 20.0
    while child.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(2.0)
            connection.connect(str(directory / MONITOR))
            # QEMU greets once its machine is made and its ports are taken (QMP specification, 2.2).
            if connection.recv(1):
                return True
        time.sleep(0.05)
    if child.poll() is None:
        server.kill(child.pid, process_birth(child.pid) or 0)
    return False


def _arguments(directory: Path, image: Image, name: str, ports: Mapping[str, int]) -> list[str]:
    arguments = ["-name", name, "-m", str(MEMORY_MIB), "-smp", "2", "-nodefaults", "-display", "none", "-no-reboot"]
    arguments += ["-no-user-config", "-machine", "pc,hpet=off", "-rtc", "base=utc,clock=host"]
    arguments += ["-device", "virtio-rng-pci"]
    arguments += ["-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", _COMMAND_LINE]
    arguments += ["-serial", f"file:{directory / CONSOLE}", "-qmp", f"unix:{directory / MONITOR},server=on,wait=off"]
    # Thrown away with the lab: nothing needs to be safe on our disk.
    arguments += ["-drive", f"file={directory / 'disk.qcow2'},if=none,id=root,format=qcow2,cache=unsafe"]
    arguments += ["-device", "virtio-blk-pci,drive=root,serial=root"]
    arguments += ["-drive", f"file={directory / 'material.tar'},if=none,id=material,format=raw,readonly=on"]
    arguments += ["-device", "virtio-blk-pci,drive=material,serial=material"]
    for network, number in _NETWORKS.items():
        # restrict: the machine reaches nothing but what is forwarded here, whatever it does.
        options = f"user,id={network},restrict=on,net=10.20.{number}.0/24,host=10.20.{number}.2,ipv6=off"
        for label, (where, port) in FORWARDS.items():
            if where == network:
                options += f",hostfwd=tcp:127.0.0.1:{ports[label]}-10.20.{number}.10:{port}"
        if network == "inside":
            for file, port in RECEIVERS.items():
                arguments += ["-chardev", f"file,id=receiver{port},path={directory / file},append=on"]
                options += f",guestfwd=tcp:10.20.1.5:{port}-chardev:receiver{port}"
        arguments += ["-netdev", options]
        arguments += ["-device", f"virtio-net-pci,netdev={network},mac=52:54:00:10:20:0{number}"]
    return arguments


def _run(*arguments: str) -> None:
    try:
        subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=60)
    except OSError as error:
        raise ConfigurationError(f"{arguments[0]}: {error.strerror}; a host of the lab needs qemu-utils") from error
    except subprocess.CalledProcessError as error:
        raise ConfigurationError(f"{arguments[0]}: {error.stderr.strip()!a}") from error
