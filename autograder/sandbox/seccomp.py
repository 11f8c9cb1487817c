"""Which system calls a sandboxed process may not make: a filter in the kernel's own small language (BPF)."""

import errno
import platform
import struct

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Instructions: load a word, jump if it equals, is at least, shares a bit with; return a verdict."""

ALLOW, REFUSE = 0x7FFF0000, 0x00050000
"""The latter with an error number, of which 0 says that all went well."""

NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Where the words lie that describe the call."""

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

FORBIDDEN = {
    # Other processes' memory and descriptors.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    # Memory that no limit counts, or that outlives its process.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # Other processes' turns on the processor, their pages and their devices; process 1 would hand it on to
    # the next student.
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "process_madvise": (440, 440),
    # Other views of the system.
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "personality": (135, 92),
    # The kernel itself.
    "bpf": (321, 280), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "acct": (163, 89),
    "quotactl": (179, 60),
    "swapon": (167, 224), "swapoff": (168, 225), "syslog": (103, 116), "fanotify_init": (300, 262),
}  # fmt: skip
"""By name: the numbers on x86_64 and on aarch64."""

OWN = {
    "prlimit64": ((302, 261), (0,)),
    "sched_setaffinity": ((203, 122), (0,)),
    "setpriority": ((141, 140), (0, 1)),
}
"""Calls that a process may make about itself: the numbers, and the places of the arguments that are 0 then.
About process 1 they would hold for all students to come."""

FCNTL, SET_LEASE = (72, 25), 1024
"""A lease lets a process hold up everybody who opens the file, outside the sandbox, too."""

SKIPPED = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
}  # fmt: skip
"""Calls that seem to succeed and do nothing. Rights and dates of files in /tmp do not matter; those of /tmp
itself would meet the next student, and where root grades, /dev/null would be the student's own, and the
computer's."""

CLONE, CLONE3, SOCKET = (56, 220), (435, 435), (41, 198)

NEW_NAMESPACES = 0x7E020080
"""The flags of clone that make namespaces."""

FAMILIES = (1, 2, 10, 16)
"""Sockets that may be made: local, IPv4, IPv6 (which lead nowhere, as there is no network) and netlink.
Others, such as the line from a virtual machine to its host, are not held back by a network namespace."""


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
    for numbers, places in OWN.values():
        tests = [
            line
            for at in places
            for line in ((LOAD, 0, 0, FIRST_ARGUMENT + 8 * at), (EQUAL, 1, 0, 0), (RETURN, 0, 0, refuse))
        ]
        lines += [(EQUAL, 0, len(tests) + 1, numbers[which]), *tests, (RETURN, 0, 0, ALLOW)]
    lines += [
        (EQUAL, 0, 4, FCNTL[which]),
        (LOAD, 0, 0, FIRST_ARGUMENT + 8),
        (EQUAL, 0, 1, SET_LEASE),
        (RETURN, 0, 0, refuse),
        (RETURN, 0, 0, ALLOW),
    ]
    for numbers in FORBIDDEN.values():
        lines += [(EQUAL, 0, 1, numbers[which]), (RETURN, 0, 0, refuse)]
    for numbers in SKIPPED.values():
        if (number := numbers[which]) is not None:
            lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
