"""The sandbox under attack: nothing that is not the student's own is read or changed.

The next student never notices.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from autograder.running.judge import Check, Sources, judge
from autograder.sandbox.bwrap import _hidden_folders, bwrap_command
from autograder.sandbox.host import Sandbox
from autograder.sandbox.seccomp import seccomp_filter
from autograder.sandbox.student import GRACE, StudentGoneError
from autograder.settings import Limits
from tests.autograder.test_judge import MULTIPLY

pytestmark = [
    pytest.mark.xdist_group("sandbox"),
    pytest.mark.skipif(sys.platform != "linux", reason="there is no sandbox on other systems"),
]

RIGHT = MULTIPLY.format("return grad_output * self.saved['y'], grad_output * self.saved['x']")

RESTART = 30.0
"""Seconds that a new sandbox may take on a busy machine."""


def says(sandbox: Sandbox, *cells: str, files: dict[str, bytes] | None = None) -> str:
    """What cells of one student print, the errors among it; '(gone)' when the process ended."""
    said = []
    with sandbox.student() as student:
        try:
            student.files(files or {})
            for cell in cells:
                for output in student.ask("run", textwrap.dedent(cell), stop=True)["outputs"]:
                    said.append(str(output.get("text") or output.get("evalue") or output.get("data")))
        except StudentGoneError as gone:
            said.append(f"(gone) {gone}")
    return "\n".join(said)


def honest(sandbox: Sandbox, *cells: str, files: dict[str, bytes] | None = None) -> float:
    """What a right answer earns, in a process that runs other cells first."""
    with sandbox.student() as student:
        with suppress(StudentGoneError):
            student.files(files or {})
            for cell in (*cells, RIGHT):
                student.ask("run", textwrap.dedent(cell), stop=True)
        return judge(student, Check("multiply", "Answer"), Sources([RIGHT]), seed=7).points


SYSTEM_CALL = """
import ctypes, os
def call(number, *arguments):
    found = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found
"""

REFUSED = {
    # The network.
    "vsock": "import socket; socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
    "packets": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "raw sockets": "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "a name": "import socket; socket.getaddrinfo('student.invalid', 80)",
    "another interface": "import socket; socket.if_nameindex()[1]",
    # Reading.
    "solutions": "import os; os.listdir({root!r} + '/solutions')",
    "hidden tests": "open({root!r} + '/solutions/01_graphs/01_graphs.ipynb')",
    "the judge": "open({root!r} + '/autograder/running/judge.py')",
    "the bank of submissions": "open({root!r} + '/autograder/demo/bank/01_graphs/right-plain.py')",
    "the judge, imported": "import autograder",
    "the library with answers": "open({root!r} + '/course/modules/multiply.py')",
    "the engine's files": "open({secret!r})",
    "accounts": "open('/etc/passwd')",
    "keys": "import os; os.listdir('/root/.ssh')",
    "the engine's environment": "open('/proc/1/environ', 'rb').read(1)",
    "another process": "import os; [p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, "
    "os.getpid())][0]",
    "system log": SYSTEM_CALL + "call(103, 2, None, 0)",
    # Process 1.
    "its memory": "open('/proc/1/mem', 'rb')",
    "its memory's map": "open('/proc/1/maps').read()",
    "its descriptors": "open('/proc/1/fd/1')",
    "its memory, by a call": SYSTEM_CALL + "call(310, 1, None, 0, None, 0, 0)",
    "its descriptors, by a call": SYSTEM_CALL + "call(438, os.pidfd_open(1), 0, 0)",
    "tracing it": SYSTEM_CALL + "call(101, 16, 1, None, None)",
    "its limits": "import resource; resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3))",
    "its priority": "import os; os.setpriority(os.PRIO_PROCESS, 1, 19)",
    "everybody's priority": "import os; os.setpriority(os.PRIO_USER, 0, 19)",
    "its core": "import os; os.sched_setaffinity(1, [0])",
    "its turns": "import os; os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))",
    "its place when memory is short": "open('/proc/1/oom_score_adj', 'w').write('1000')",
    "its name": "open('/proc/1/comm', 'w').write('x')",
    # Writing.
    "the root folder": "open('/x', 'w')",
    "system folders": "open('/usr/bin/x', 'w')",
    "the interpreter's folder": "import sys; open(sys.prefix + '/x', 'w')",
    "the students' edition": "import course; open(course.__file__, 'a')",
    "another's edition": "import os, course; os.unlink(course.__file__)",
    "devices": "open('/dev/x', 'w')",
    "the computer's settings": "open('/proc/sys/kernel/core_pattern', 'r+')",
    "the computer's memory": "open('/dev/mem', 'rb')",
    "holding up readers": "import fcntl; fcntl.fcntl(open('/usr/bin/env'), fcntl.F_SETLEASE, fcntl.F_RDLCK)",
    # What outlives a process.
    "memory without a name": "import os; os.memfd_create('x')",
    "system V memory": SYSTEM_CALL + "call(29, 1, 4096, 0o1600)",
    "system V messages": SYSTEM_CALL + "call(68, 1, 0o1600)",
    "message queues": SYSTEM_CALL + "call(240, b'x', 0o102, 0o600, None)",
    "keys in the kernel": SYSTEM_CALL + "call(248, b'user', b'x', b'y', 1, -3)",
    "extended attributes": "import os; os.setxattr('/tmp', 'user.x', b'1'); os.getxattr('/tmp', 'user.x')",
    # Other views of the system.
    "a namespace": SYSTEM_CALL + "call(272, 0x10000000)",
    "a namespace for a child": SYSTEM_CALL + "call(56, 0x10000011, 0, 0, 0, 0)",
    "a mount": SYSTEM_CALL + "call(165, b'x', b'/tmp', b'tmpfs', 0, None)",
    "io_uring": SYSTEM_CALL + "call(425, 1, None)",
    "the other calling convention": SYSTEM_CALL + "call(0x40000000 + 39)",
}


@pytest.mark.parametrize("attempt", REFUSED)
def test_is_refused(attempt, sandbox, root, tmp_path):
    if "call(" in REFUSED[attempt] and os.uname().machine != "x86_64":
        pytest.skip("the numbers of system calls are those of x86_64")
    (tmp_path / "gradebook.db").write_text("secret")
    body = REFUSED[attempt].format(root=str(root), secret=str(tmp_path / "gradebook.db"))
    *before, last = body.strip().split("\n")
    cell = "\n".join(
        [
            *before,
            "try:",
            f"    {last}",
            "except Exception as error:",
            "    print('no:', repr(error))",
            "else: print('yes')",
        ]
    )
    assert says(sandbox, cell).startswith("no:")


def test_nothing_listens_to_it_outside(sandbox):
    name = f"\0autograder-{os.getpid()}"
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as tcp,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp,
        closing(socket.socket(socket.AF_UNIX)) as abstract,
    ):
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        abstract.bind(name)
        abstract.listen()
        said = says(
            sandbox,
            f"""
            import socket
            for family, address in ((socket.AF_INET, ("127.0.0.1", {tcp.getsockname()[1]})), (socket.AF_UNIX, {name!r})):
                try:
                    socket.socket(family).connect(address)
                    print("yes")
                except OSError as error:
                    print("no")
            sent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {udp.getsockname()[1]}))
            """,
        )
        assert said.split() == ["no", "no"]
        with pytest.raises(BlockingIOError):
            udp.recv(1)


def test_no_secret_of_the_engine_s_is_in_its_environment(edition, monkeypatch):
    monkeypatch.setenv("AUTOGRADER_SECRET", "xyzzy")
    found = Sandbox(edition)._environment()
    assert "AUTOGRADER_SECRET" not in found
    assert (
        not {name for name in os.environ if os.environ[name] == found.get(name)}
        - {"PATH", "USER", "LOGNAME", "LANG", "HOME"}
        - {name for name in found if name.startswith(("OMP_", "MPL", "COURSE_", "PYTORCH_"))}
    )


def in_bwrap(sandbox: Sandbox, *command: str) -> str:
    """What a plain command says that runs as submissions do."""
    with tempfile.TemporaryFile() as rules:
        rules.write(seccomp_filter())
        rules.seek(0)
        made = [*bwrap_command(sandbox.edition, sandbox.limits, rules.fileno()), *command]
        done = subprocess.run(
            made, env=sandbox._environment(), pass_fds=[rules.fileno()], capture_output=True, text=True
        )
    return done.stdout + done.stderr


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that does not lie in /tmp, where a sandbox has its own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def test_all_of_this_checkout_is_hidden_where_python_lies_around_it(root, monkeypatch):
    monkeypatch.setattr("autograder.sandbox.bwrap._system_folders", lambda: ["/usr", str(root.parent)])
    assert str(root) in _hidden_folders()


def test_what_may_not_be_read_is_there(root):
    """A file that is not there can be read by nobody: the tests above would pass whatever is shown."""
    named = [path for code in REFUSED.values() for path in re.findall(r"\{root!r\} \+ '/([^']+)'", code)]
    assert len(named) >= 5
    assert [path for path in named if not (root / path).exists()] == []


def test_an_installed_package_is_hidden(edition, elsewhere, monkeypatch):
    for name in ("course", "autograder", "torch"):
        (elsewhere / "lib" / name).mkdir(parents=True)
        (elsewhere / "lib" / name / "file.py").write_text(f"{name} has the answers")
    monkeypatch.setattr("autograder.sandbox.bwrap._system_folders", lambda: ["/usr", str(elsewhere)])
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(elsewhere / "lib"))
    said = in_bwrap(
        Sandbox(edition), "/bin/sh", "-c", f"cat {elsewhere}/lib/*/*; echo x > {elsewhere}/lib/course/x"
    )
    assert "torch has the answers" in said
    assert "course has" not in said
    assert "autograder has" not in said
    assert "Read-only file system" in said


def test_a_checkout_within_a_system_folder_is_hidden(edition, elsewhere, monkeypatch):
    course = elsewhere / "checkout"
    for name in ("solutions/a.ipynb", "autograder/work/gradebook.db", ".venv/lib/torch.py", "course/a.py"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text(f"this is {name}")
    monkeypatch.setattr("autograder.sandbox.bwrap.PACKAGE", course / "autograder")
    monkeypatch.setattr("autograder.sandbox.bwrap.CHECKOUT", course)
    monkeypatch.setattr(
        "autograder.sandbox.bwrap._needed", lambda: {"/usr", str(elsewhere), str(course / ".venv")}
    )
    said = in_bwrap(Sandbox(edition), "/bin/sh", "-c", f"cd {course}; cat */*.* */*/*.* .venv/*/*")
    assert "this is .venv/lib/torch.py" in said
    assert said.count("this is") == 1


LEAVE = r"""
import os, sys, signal, threading, time, atexit, socket, torch, builtins
folders = [os.path.expanduser("~/.ipython/profile_default/startup"), os.path.expanduser("~/.config"), "/dev/shm/a", "/tmp/a\nb"]
for folder in folders:
    os.makedirs(folder, exist_ok=True)
    open(folder + "/left.py", "w").write("print('left')")
os.symlink("/usr", "/tmp/link"); os.mkfifo("/tmp/pipe"); os.mkdir("/tmp/closed", 0)
for one in ("/tmp", "/dev/shm", "/dev/null"): os.chmod(one, 0)
deep = "/tmp/deep"
for _ in range(1500):
    os.makedirs("deep", exist_ok=True); os.chdir("deep")
torch.zeros = torch.relu = lambda *a, **k: print("left")
builtins.print, os.environ["LEFT"] = (lambda *a, **k: None), "left"
sys.modules["left"] = sys.modules["os"]
threading.Thread(target=time.sleep, args=(99,), daemon=True).start()
atexit.register(open, "/tmp/left", "w")
listening = socket.create_server(("127.0.0.1", 7777))
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:  # a new process each time, so that a list of them is always too old
            if os.fork(): os._exit(0)
"""

LOOK = r"""
import os, socket, sys, torch
print([(folder, sorted(os.listdir(folder))) for folder in ("/tmp", "/dev/shm", "/dev", os.path.expanduser("~"))])
print(sorted(int(pid) for pid in os.listdir("/proc") if pid.isdigit())[:1], os.environ.get("LEFT"), "left" in sys.modules)
print(oct(os.stat("/tmp").st_mode), oct(os.stat("/dev/shm").st_mode), oct(os.stat("/dev/null").st_mode), torch.zeros(1))
print(socket.socket().connect_ex(("127.0.0.1", 7777)), len([pid for pid in os.listdir("/proc") if pid.isdigit()]))
"""


def test_the_next_student_finds_nothing(sandbox):
    fresh = says(sandbox, LOOK)
    process = sandbox.process
    says(sandbox, LEAVE)
    assert says(sandbox, LOOK) == fresh
    assert sandbox.process is process
    assert honest(sandbox) == 12
    assert Path("/dev/null").stat().st_mode & 0o777 == 0o666


def test_process_1_cannot_be_stopped(sandbox):
    sandbox.start()
    process = sandbox.process
    says(sandbox, "import os\nfor number in range(1, 65):\n    os.kill(1, number)")
    says(sandbox, "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(0, signal.SIGKILL)")
    assert honest(sandbox) == 12
    assert sandbox.process is process


SHADOW = (
    b"raise SystemExit('shadowed')\nc = get_config()\nc.InteractiveShell.ast_node_interactivity = 'none'\n"
)
SHADOWS = """torch.py numpy.py json.py socket.py course/__init__.py course/exercises/__init__.py
IPython/__init__.py shell.py
warm_kernel.py sitecustomize.py usercustomize.py conftest.py ipython_config.py .ipython/profile_default/startup/00.py
.ipython/profile_default/ipython_config.py a.pth pyvenv.cfg"""


def test_files_beside_the_notebook_shadow_nothing(sandbox):
    assert honest(sandbox, files=dict.fromkeys([*SHADOWS.split(), "a\nb.py", "\udcff.py"], SHADOW)) == 12
    assert honest(sandbox) == 12


FLOODS = {
    "prints": "while True: print('x' * 1000)",
    "prints one enormous text": "print('x' * 10**8)",
    "a million outputs": "from IPython.display import display\nfor i in range(10**6): display(i)",
    "pictures": "from IPython.display import Image, display\n"
    "while True: display(Image(data=b'\\x89PNG' + bytes(10**6), format='png'))",
    "one enormous repr": "class A:\n    def __repr__(self): return 'x' * 10**8\nA()",
    "an enormous mimebundle": "from IPython.display import display\n"
    "display(dict.fromkeys(map(str, range(10**6)), 'x'), raw=True)",
    "updates": "from IPython.display import display\nd = display(1, display_id=True)\nwhile True: "
               "d.update('x' * 10**6)",
    "nested data": "from IPython.display import display\na = []\nfor i in range(10**5): a = [a]\n"
    "display({'text/plain': a}, raw=True)",
    "an enormous error": "raise ValueError('x' * 10**8)",
    "an error with many frames": "def f(n): return f(n + 1)\nimport sys\nsys.setrecursionlimit(10**6)\nf(0)",
    "alternating streams": "import sys\nwhile True:\n    print('x'); print('y', file=sys.stderr)",
    "descriptor 1": "import os\nwhile True: os.write(1, b'x' * 10**6)",
    "a child": "import subprocess\nsubprocess.run(['sh', '-c', 'yes'])",
    "raw children": "import subprocess\nfor i in range(5): subprocess.Popen(['sh', '-c', 'yes'])",
    "surrogates": "print('\\ud800' * 100)",
    # On the line to the engine.
    "garbage": "import os\nos.write(3, b'garbage' * 1000)",
    "a huge header": "import os, struct\nos.write(3, struct.pack('<QQ', 2**63, 2**63))",
    "a long message": "import os, struct\nos.write(3, struct.pack('<QQ', 2**27, 2**27))\nwhile True: "
                      "os.write(3, bytes(2**16))",
    "deep JSON": "import os, struct\nt = b'[' * 450 + b']' * 450\nos.write(3, struct.pack('<QQ', len(t), 0) "
                 "+ t)",
    "deeper JSON": "import os, struct\nt = b'[' * 10**5 + b']' * 10**5\nos.write(3, struct.pack('<QQ', "
                   "len(t), 0) + t)",
    "wide JSON": "import os, struct\nt = b'[' + b'[],' * 5 * 10**6 + b'0]'\nos.write(3, struct.pack('<QQ', "
                 "len(t), 0) + t)",
    "no dictionary": "import os, struct\nt = b'{\"dtype\": [], \"shape\": [0]}'\n"
    "os.write(3, struct.pack('<QQ', len(t), 0) + t)",
    "odd shapes": "import os, struct\nt = b'{\"dtype\": \"<f8\", \"shape\": [0' + b', 268435456' * 15 + "
                  "b']}'\n"
    "os.write(3, struct.pack('<QQ', len(t), 0) + t)",
    "many messages": "import os, struct\nwhile True: os.write(3, struct.pack('<QQ', 2, 0) + b'{}')",
    "a drip": "import os, struct, time\nos.write(3, struct.pack('<QQ', 100, 0))\nwhile True: os.write(3, b' "
              "'); time.sleep(.1)",
    "closes the line": "import os\nos.close(3)",
    "hears nothing": "import os, time\nos.dup2(os.open('/dev/null', os.O_RDWR), 3)\ntime.sleep(99)",
    "gives the line away": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    "
                           "time.sleep(99)\nos._exit(0)",
}  # fmt: skip

GRABS = {
    "one process": "a = []\nwhile True: a.append(bytearray(2**24))",
    "large arrays": "import numpy\na = []\nwhile True: a.append(numpy.ones(2**22))",
    "shared memory": "import mmap\na = []\nwhile True:\n    a.append(mmap.mmap(-1, 2**24)); a[-1].write(b'x' "
    "* 2**24)",
    "many processes": "import os, time\nwhile os.fork(): pass\na = b'x' * 2**26\ntime.sleep(99)",
    "processes": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "threads": "import threading, time\nwhile True:\n    try: threading.Thread(target=time.sleep, "
    "args=(99,)).start()\n"
    "    except RuntimeError: pass",
    "one file": "with open('/tmp/a', 'wb') as file:\n    while True: file.write(bytes(2**16)); file.flush()",
    "many files": "i = 0\nwhile True:\n    i += 1\n    open(f'/tmp/{i}', 'wb').write(bytes(2**12))",
    "/dev/shm": "i = 0\nwhile True:\n    i += 1\n    open(f'/dev/shm/{i}', 'wb').write(bytes(2**20))",
    "empty files": "i = 0\nwhile True:\n    i += 1\n    try: open(f'/tmp/{i}', 'wb').close()\n    except "
    "OSError: pass",
    "folders in folders": "import os\nos.chdir('/tmp')\nwhile True: os.mkdir('a'); os.chdir('a')",
    "odd names": "import os\nfor i in range(300): os.makedirs(f'/tmp/a\\n{i}/\\udcff{i}', 0o500)",
    "closed folders": "import os\nos.umask(0o477)\nos.makedirs('/tmp/a'); os.makedirs('/tmp/a/b'); "
    "open('/tmp/a/b/c', 'w')",
    "descriptors": "a = []\nwhile True: a.append(open('/dev/null'))",
    "pipes": "import os\na = []\nwhile True:\n"
    "    a.append(os.pipe()); os.set_blocking(a[-1][1], False); os.write(a[-1][1], bytes(2**16))",
}

SPINS = {
    "a loop": "while True: pass",
    "one that catches all": "import time\nwhile True:\n    try: time.sleep(99)\n    except BaseException: "
                            "pass",
    "no handlers": "import signal\nfor i in (2, 14, 15): signal.signal(i, signal.SIG_IGN)\nwhile True: pass",
    "in C": "3 ** 10 ** 9",
    "in a regular expression": "import re\nre.match('(a+)+$', 'a' * 64 + 'b')",
    "blocked signals": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: "
                       "pass",
    "a stopped process": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "a destructor": "class A:\n    def __del__(self):\n        while True: pass\nA()",
    "at exit": "import atexit, time\natexit.register(time.sleep, 99)\nraise SystemExit",
    "a thread": "import threading\ndef f():\n    while True: pass\nthreading.Thread(target=f).start()\nwhile "
                "True: pass",
    "many processes": "import os\nfor i in range(6):\n    if not os.fork(): break\nwhile True: pass",
    "await": "import asyncio\nwhile True:\n    try: await asyncio.sleep(99)\n    except BaseException: pass",
}  # fmt: skip


ATTACKS = (
    FLOODS
    | {f"grabs {name}": attack for name, attack in GRABS.items()}
    | {f"spins: {n}": spin for n, spin in SPINS.items()}
)
LONG = {
    "alternating streams",
    "updates",
    "raw children",
    "grabs odd names",
    "grabs many files",
    "grabs one file",
    "grabs pipes",
}
LONG |= {
    f"spins: {name}"
    for name in ("no handlers", "blocked signals", "at exit", "await", "a thread", "a destructor")
}
"""Much like others, and seconds long."""


@pytest.mark.parametrize(
    "attack",
    [pytest.param(ATTACKS[name], marks=[pytest.mark.slow] * (name in LONG), id=name) for name in ATTACKS],
)
def test_delays_nobody(attack, impatient, monkeypatch):
    for room in ("host", "student"):
        monkeypatch.setattr(f"autograder.sandbox.{room}.GRACE", 0.6)  # to have it over sooner
    impatient.start()
    began = time.monotonic()
    says(impatient, attack, "print(1)")
    assert time.monotonic() - began < impatient.limits.seconds + 4 * GRACE
    began = time.monotonic()
    assert honest(impatient) == 12
    assert time.monotonic() - began < RESTART


def test_empty_files_do_not_fill_the_memory(edition):
    """On a busy machine a second is too short to make so many."""
    with Sandbox(
        edition, Limits(seconds=60, cell_seconds=30, memory=2**28, disk=2**22, file=2**21, files=64)
    ) as patient:
        says(patient, GRABS["empty files"])
        assert "files" in patient.last.reason


def test_the_engine_s_memory_stays_small(impatient):
    """What a student sends is cut off before the engine holds it."""
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            most[0] = max(most[0], _resident())

    before = _resident()
    watching = threading.Thread(target=watch)
    watching.start()
    try:
        for name in ("a long message", "wide JSON", "an enormous mimebundle", "prints one enormous text"):
            says(impatient, FLOODS[name])
    finally:
        done.set()
        watching.join()
    assert most[0] - before < 200 * 2**20


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_pictures_are_plain_pages_while_grading(sandbox):
    """No browser is there to draw widgets, and nothing waits for one."""
    cell = """
    from course import Graph
    from course.explorer import explore
    from course.modules import Add
    graph = Graph("x", "y")
    graph.add("f", Add(), "x", "y")
    sorted(explore(graph, x=1, y=2)._repr_mimebundle_())
    """
    assert "['text/html', 'text/plain']" in says(sandbox, cell)


def test_limits_are_generous_to_honest_work(sandbox):
    """What would stop an ordinary notebook is no defense."""
    said = says(
        sandbox,
        "import shutil, subprocess, tempfile, torch, numpy as np, matplotlib.pyplot as plt\n"
        "print(subprocess.run(['ls', '/'], capture_output=True, text=True).stdout)",
        "!echo from a shell",
        "open('/tmp/a', 'w').write('x'); shutil.copy('/tmp/a', '/tmp/b')\n"
        "with tempfile.TemporaryDirectory() as folder: np.save(folder + '/a.npy', np.ones(10**6))",
        "torch.set_num_threads(2); print((torch.ones(300, 300) @ torch.ones(300, 300)).sum().item())",
        "plt.plot([1, 2]); plt.show()",
        "from concurrent.futures import ThreadPoolExecutor\nprint(sum(ThreadPoolExecutor(8).map(abs, "
        "range(9))))",
        "from torch.utils.data import DataLoader\nprint(len(list(DataLoader(range(8), num_workers=2))))",
    )
    for expected in ("usr", "from a shell", "27000000.0", "image/png", "36"):
        assert expected in said
    assert "Error" not in said
    assert sandbox.limits == Limits()
