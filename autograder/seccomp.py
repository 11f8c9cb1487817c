"""Which system calls a sandboxed process may not make: a filter in the kernel's own small language (BPF)."""

import errno
import platform
import struct

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Instructions: load a word, jump if it equals, is at least, shares a bit with; return a verdict."""

ALLOW, REFUSE = 0x7FFF0000, 0x00050000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Where the words lie that describe the call."""

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

FORBIDDEN = {
    # Other processes' memory and descriptors.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    # Memory that no limit counts, or that outlives its process.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195),
    "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # Other views of the system.
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "personality": (135, 92),
    # The kernel itself.
    "bpf": (321, 280), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "acct": (163, 89), "quotactl": (179, 60),
    "swapon": (167, 224), "swapoff": (168, 225),
}  # fmt: skip
"""By name: the numbers on x86_64 and on aarch64."""

CLONE, CLONE3, SOCKET = (56, 220), (435, 435), (41, 198)

NEW_NAMESPACES = 0x7E020080
"""The flags of clone that make namespaces."""

FAMILIES = (1, 2, 10, 16)
"""Sockets that may be made: local, IPv4, IPv6 (which lead nowhere, as there is no network) and netlink. Others, such as the
line from a virtual machine to its host, are not held back by a network namespace."""


def seccomp_filter(machine: str = "") -> bytes:
    """The filter as bubblewrap takes it; empty for a kind of machine that has none here."""
    machine = machine or platform.machine()
    if machine not in MACHINES:
        return b""
    which = list(MACHINES).index(machine)
    refuse, missing = REFUSE | errno.EPERM, REFUSE | errno.ENOSYS
    lines = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, MACHINES[machine]),
        (RETURN, 0, 0, refuse),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, 0x40000000),  # the other calling convention of x86_64, with numbers of its own
        (RETURN, 0, 0, refuse),
        (EQUAL, 0, 1, CLONE3[which]),  # its flags cannot be seen from here; C libraries then use clone
        (RETURN, 0, 0, missing),
        (EQUAL, 0, 4, CLONE[which]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (ANY_BIT, 0, 1, NEW_NAMESPACES),
        (RETURN, 0, 0, refuse),
        (RETURN, 0, 0, ALLOW),
        (EQUAL, 0, len(FAMILIES) + 3, SOCKET[which]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        *((EQUAL, len(FAMILIES) - at, 0, family) for at, family in enumerate(FAMILIES)),
        (RETURN, 0, 0, refuse),
        (RETURN, 0, 0, ALLOW),
    ]
    for numbers in FORBIDDEN.values():
        lines += [(EQUAL, 0, 1, numbers[which]), (RETURN, 0, 0, refuse)]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
