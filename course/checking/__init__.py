"""Everything about whether a backward is right, and which mistake is in it.

Each file imports only files that stand below it:

    check       check_module(): moves the point, probes the module, has it judged
    verdicts    decides from arrays alone, part by part
    ties        a second question: what becomes of a gradient where several numbers are largest
    scatter     tells by their round-off gradients that were measured, not derived
    function    a plain function with its gradient, to be checked as a module is
    report      the verdicts as a table, the wrong gradients as maps
    part        one verdict as data, and the sentence made of it
    diagnosis/  names the mistake behind a wrong gradient
    truth       the right forward, and its gradients by central differences
    trace       a forward as data, so that another process can follow it
    evidence    what the module did, gathered where its code runs
    finding     what was seen that should not be: its kind, words, numbers
    shortcuts   ways around a backward by hand, seen while it runs and in its source
    deadline    a time limit for code that never ends
    gradients   derivatives that are measured
    kinks       where there is no derivative

`course.checks` and `course.gradients` are the doors that notebooks use.
"""
