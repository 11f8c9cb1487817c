"""How strong the grader is: what share of wrong backward passes it rejects, and of right ones it accepts.

Wrong ones are made mechanically from every hand-written backward of the library, one small change each, and
by hand as students make them. A change that changes nothing, by comparison with torch.autograd, does not
count. Right ones are written differently from the library's, or wrapped. The checkers of other courses judge
the same wrong ones, by their own settings.

A mutant that makes one mistake with a name asks for a diagnosis, too: right, wrong, or none.

    python benchmarks/grader_strength.py [--quick]
"""

import collections
import concurrent.futures
import functools
import json
import os
import pickle
import re
import sys
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.progress import track

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.strength.mutants import CONTAINERS, Mutant, equivalent, examples_of, mutants
from benchmarks.strength.peers import PEERS
from benchmarks.strength.variants import variants_by_hand, variants_wrapped
from benchmarks.strength.zoo import ZOO
from course import Module, generator
from course.checking.deadline import DeadlineError, deadline
from course.checking.report import Report
from course.checks import check_module
from course.module import has_own_backward
from course.modules.registry import all_modules

SAME = (
    # (A B)ᵀ = Bᵀ Aᵀ: which of them was meant does not show
    {"missing transpose", "transposed", "factors swapped"},
    {"path lost", "constant statistics", "diagonal only"},  # what is lost when a term of a sum is left out
    {"mask missing", "local derivative ignored"},  # a mask is the local derivative
    {"mean for sum", "double 1/N"},
    {"sum for mean", "missing 1/N"},
    {"constant factor", "missing factor", "extra factor"},  # 2, where forward has a factor of 1/2, say
)
"""Names that say the same of the same numbers."""

SECONDS = 20.0
"""For one check: a wrong backward may loop forever."""


@dataclass
class Tally:
    """What was counted; tallies of several processes add up."""

    mutants: int = 0
    equivalent: int = 0
    killed: int = 0
    by_peers: int = 0
    by_peer: collections.Counter[str] = field(default_factory=collections.Counter)
    operators: collections.Counter[str] = field(default_factory=collections.Counter)
    survivors: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    named: int = 0
    right: int = 0
    wrong: int = 0
    misnamed: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    variants: int = 0
    checks: int = 0
    alarms: list[str] = field(default_factory=list)

    def __iadd__(self, other: "Tally") -> "Tally":
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self


def main(
    quick: Annotated[bool, typer.Option(help="a sample of all, within a minute")] = False,
    peers: Annotated[
        int, typer.Option(help="let the peers judge every n-th mutant, for they take their time; 0 for none")
    ] = 10,
    verbose: Annotated[bool, typer.Option(help="list survivors, false alarms and wrong diagnoses")] = False,
) -> None:
    """Judge mutants and correct variants; print a table and, as the last line, the counts as JSON."""
    start = time.perf_counter()
    kinds = [kind.__name__ for kind in (*all_modules().values(), *CONTAINERS) if has_own_backward(kind)]
    every, seeds, share = (40, 2, 12) if quick else (1, 50, 1)
    peers = min(peers, 1) if quick else peers
    parts = 1 if quick else 6  # so that the classes with most mutants do not keep one process busy at the end
    jobs: list[tuple[Any, ...]] = [
        (judge_mutants, kind, every, part, parts, peers) for kind in kinds for part in range(parts)
    ]
    jobs += [(judge_variants, part, 24, share, seeds, max(1, seeds // 10)) for part in range(24)]
    jobs += [(judge_zoo, 1 if quick else 5, peers)]
    tally = Tally()
    workers = os.cpu_count() or 1
    with concurrent.futures.ProcessPoolExecutor(
        workers, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        futures = [pool.submit(*job) for job in jobs]
        for future in track(
            concurrent.futures.as_completed(futures), "judging", len(futures), transient=True
        ):
            tally += future.result()
    show(tally, verbose)
    print(f"in {time.perf_counter() - start:.0f} s")
    print(json.dumps(summary(tally)))


def summary(tally: Tally) -> dict[str, Any]:
    """The counts, by their published names."""
    return {
        "mutants": tally.mutants,
        "killed": tally.killed,
        "correct_variants": tally.variants,
        "false_alarms": len(tally.alarms),
        "named": tally.named,
        "named_right": tally.right,
        "named_wrong": tally.wrong,
        "mutants_for_peers": tally.by_peers,
        **{f"killed_by_{_key(peer)}": tally.by_peer[peer] for peer in PEERS if peer in tally.by_peer},
    }


def show(tally: Tally, verbose: bool) -> None:
    """Print the tables."""
    share = lambda part, whole: f"{part:5} of {whole:5}  {100 * part / max(1, whole):6.2f} %"  # noqa: E731
    print(f"wrong backward passes rejected ({tally.equivalent} more changes change nothing)")
    print(f"  {'this course':24} {share(tally.killed, tally.mutants)}")
    for peer in PEERS:
        if peer in tally.by_peer:
            print(f"  {peer:24} {share(tally.by_peer[peer], tally.by_peers)}")
    print(
        f"right backward passes rejected: {len(tally.alarms)} of {tally.checks} checks of {tally.variants} "
        f"variants"
    )
    print(f"mistakes with a name            {share(tally.named, tally.mutants)}")
    print(f"  named rightly                 {share(tally.right, tally.named)}")
    print(f"  named wrongly                 {share(tally.wrong, tally.named)}")
    for operator, count in tally.operators.most_common() if verbose else ():
        print(f"  {operator:24} {count}")
    for title, lines in (
        ("survivors", tally.survivors),
        ("brought its process down", tally.died),
        ("false alarms", tally.alarms),
        ("wrong names", tally.misnamed),
        ("no name", tally.unnamed),
    ):
        for line in lines if verbose or (lines and title in {"survivors", "false alarms"}) else ():
            print(f"{title}: {line}")


def judge_mutants(kind_name: str, every: int, part: int, parts: int, peers: int) -> Tally:
    """Judge a part of the mutants of one class, or of every n-th.

    One that brings its process down is rejected by everybody.
    """
    kind = next(kind for kind in (*all_modules().values(), *CONTAINERS) if kind.__name__ == kind_name)
    chosen = [m for i, m in enumerate(mutants([kind])) if (i + sum(map(ord, kind_name))) % every == 0][
        part::parts
    ]
    together = in_child(lambda: sum_of(judge_mutant(mutant, peers) for mutant in chosen))
    if together is not None:
        return together
    one_by_one = []
    for mutant in chosen:
        alone = in_child(functools.partial(judge_mutant, mutant, peers))
        died = Tally(mutants=1, killed=1, died=[label_of(mutant)])
        one_by_one.append(died if alone is None else alone)
    return sum_of(one_by_one)


def judge_mutant(mutant: Mutant, peers: int) -> Tally:
    """One mutant, on all the examples of its class."""
    tally = Tally()
    if equivalent(mutant):
        tally.equivalent = 1
        return tally
    pairs = [
        (mutant.build(example.module), example.inputs, example.reference)
        for example in examples_of(mutant.kind)
    ]
    names = () if mutant.name is None else (mutant.name,)
    _count(tally, label_of(mutant), mutant.operator, names, pairs, peers)
    return tally


def label_of(mutant: Mutant) -> str:
    """What was changed where."""
    return f"{mutant.kind.__name__}, {mutant.operator}: {mutant.place}"


def sum_of(tallies: Iterable[Tally]) -> Tally:
    """All tallies added up."""
    total = Tally()
    for tally in tallies:
        total += tally
    return total


def in_child(work: Callable[[], Tally]) -> Tally | None:
    """Do the work in a forked process, for kernels of torch crash on some nonsense; None if it did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(work(), pipe)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    return pickle.loads(data) if status == 0 else None


def judge_zoo(seeds: int, peers: int) -> Tally:
    """The mistakes made by hand, at several seeds each."""
    tally = Tally()
    for wrong in ZOO:
        pairs = [(*wrong.make(generator(seed)), None) for seed in range(seeds)]
        _count(tally, f"zoo: {wrong.label}", "by hand", wrong.names, pairs, peers)
    return tally


def judge_variants(part: int, parts: int, share: int, seeds: int, seeds_wrapped: int) -> Tally:
    """Judge some of the correct variants.

    Those written by hand run at many seeds each, the library's in a wrapping at fewer.
    """
    tally = Tally()
    both = [(variant, seeds) for variant in variants_by_hand()] + [
        (variant, seeds_wrapped) for variant in variants_wrapped()
    ]
    for position, (variant, count) in enumerate(both):
        if position % parts != part or (position // parts) % share:
            continue
        tally.variants += 1
        for seed in range(count):
            module, inputs, reference = variant.make(generator(seed))
            report = _check(module, inputs, reference, seed)
            tally.checks += 1
            if report is None or not report.passed:
                said = (
                    "out of time"
                    if report is None
                    else "; ".join(f"{p.name} {p.message}" for p in report.parts if not p.passed)
                )
                tally.alarms.append(f"{variant.label}, seed {seed}: {said}")
    return tally


def _count(
    tally: Tally,
    label: str,
    operator: str,
    names: Sequence[str],
    pairs: list[tuple[Module, tuple[Any, ...], Any]],
    peers: int,
) -> None:
    """Let our check, and the peers, judge one wrong module on all its inputs."""
    tally.mutants += 1
    tally.operators[operator] += 1
    reports: list[Report | None] = []
    for seed, (module, inputs, reference) in enumerate(pairs):
        reports.append(_check(module, inputs, reference, seed))
        if _diagnosis(reports) or (reports[-1] is None) or (not names and not reports[-1].passed):
            break  # rejected, and named if it has a name
    if any(report is None or not report.passed for report in reports):
        tally.killed += 1
    else:
        tally.survivors.append(label)
    judged = peers and zlib.crc32(label.encode()) % peers == 0
    tally.by_peers += bool(judged)
    for peer, passes in PEERS.items() if judged else ():
        tally.by_peer[peer] += not all(_passes(passes, *pair, seed) for seed, pair in enumerate(pairs))
    if names:
        tally.named += 1
        given = _diagnosis(reports)
        if given is None:
            tally.unnamed.append(f"{label}: {'/'.join(names)}")
        elif any(given == name or any({given, name} <= same for same in SAME) for name in names):
            tally.right += 1
        else:
            tally.wrong += 1
            tally.misnamed.append(f"{label}: {'/'.join(names)}, said {given}")


def _check(module: Module, inputs: tuple[Any, ...], reference: Any, seed: int) -> Report | None:
    try:
        with deadline(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", "no diagnosis")
            return check_module(module, inputs, reference=reference, seed=seed)
    except DeadlineError:
        return None


def _passes(peer: Any, module: Module, inputs: tuple[Any, ...], reference: Any, seed: int) -> bool:
    try:
        with deadline(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(peer(module, inputs, generator(seed), reference))
    except DeadlineError:
        return False


def _diagnosis(reports: Sequence[Report | None]) -> str | None:
    """What a student would read first: the surest diagnosis of the first report that has one."""
    for report in reports:
        if report is not None and report.mistakes:
            return max(report.mistakes.values(), key=lambda mistake: mistake.confidence).name
    return None


def _key(peer: str) -> str:
    return "_".join(re.findall(r"[a-z0-9]+", peer.lower()))


if __name__ == "__main__":
    typer.run(main)
