"""The table of a network's budget, against the sizes of real tensors."""

import torch

from course import Chain, Graph, Residual, Unroll, summary, tensor
from course.modules import Add, CosineUnit, EuclideanLoss, Linear, Multiply, Sigmoid
from course.summary import Summary


def network() -> Chain:
    return Chain(Linear(7, 5), Sigmoid(), Residual(Chain(Linear(5, 5), Sigmoid())), Linear(5, 2))


def row(found: Summary, name: str):
    return next(row for row in found.rows if row.name == name)


def test_a_chain_by_hand():
    net, x = network(), torch.randn(3, 7)
    found = summary(net, x)
    assert [r.name for r in found.rows] == ["", "0", "1", "2", "2.module", "2.module.0", "2.module.1", "3"]
    assert row(found, "0").output_shapes == ((3, 5),)
    assert row(found, "0").parameters == 7 * 5 + 5
    assert row(found, "0").parameter_bytes == 4 * (7 * 5 + 5)
    assert row(found, "0").saved_bytes == 4 * 3 * 7  # the input
    assert row(found, "1").saved_bytes == 4 * 3 * 5  # its own output ...
    assert row(found, "2.module.0").saved_bytes == 0  # ... which the next Linear saves too
    assert row(found, "3").saved_bytes == 4 * 3 * 5  # the residual's sum
    assert found.parameters == sum(p.value.numel() for p in net.parameters())


def test_it_counts_what_memory_holds():
    """Against the storages that are reachable from the modules' memories after a forward."""
    net, x = network().to(dtype=torch.float64), torch.randn(3, 7, dtype=torch.float64)
    found = summary(net, x)
    net(x)
    storages = {
        value.untyped_storage().data_ptr(): value.untyped_storage().nbytes()
        for _, module in net.named_modules()
        for value in module.saved.values()
    }
    assert found.saved_bytes == sum(storages.values())
    assert found.parameter_bytes == sum(p.value.nbytes for p in net.parameters())


def test_shared_parameters_and_views_count_once():
    first = CosineUnit()
    assert summary(Chain(first, first.share()), torch.ones(3)).parameters == 1
    graph = Graph("x", "y")
    graph.add("p", Multiply(), "x", "x")
    graph.add("q", Multiply(), "p", "y")
    x = torch.randn(4, 4)
    found = summary(graph, x, x[:2].T[:, :1].expand(4, 4))
    # x with its view, and p; the graph itself keeps every value, q too
    assert found.saved_bytes == 3 * x.nbytes
    assert [row(found, name).saved_bytes for name in ("", "p", "q")] == [x.nbytes] * 3
    assert row(found, "q").output_shapes == ((4, 4),)


def test_the_net_is_left_alone():
    net = network()
    summary(net, torch.randn(3, 7))
    assert not net[0].saved.filled


def test_an_unrolled_loop_counts_its_steps():
    class Cell(Linear):
        def forward(self, x, h):
            return super().forward(x + h)

        def backward(self, grad_output):
            grad = super().backward(grad_output)
            return grad, grad

    found = summary(Unroll(Cell(2, 2)), torch.ones(6, 3, 2), torch.zeros(3, 2))
    assert found.saved_bytes == 6 * 4 * 3 * 2
    assert found.parameters == 6


def test_it_prints_as_a_table():
    graph = Graph("x", "target")
    graph.add("a", Linear(2, 2), "x")
    graph.add("b", Add(), "a", 1)
    graph.add("loss", EuclideanLoss(), "b", "target")
    found = summary(graph, torch.ones(1000, 2), torch.ones(1000, 2))
    lines = str(found).splitlines()
    assert lines[0].split("  ")[0] == "module"
    assert "  a: Linear" in lines[3]
    assert lines[3].split()[-3:] == ["6", "24", "8,000"]
    assert lines[-1].startswith("total")
    assert len({len(line) for line in lines}) == 1
    page = found._repr_html_()
    assert page.count("<tr>") == 6
    assert "1000 × 2" in page


def test_a_number_has_a_shape_too():
    assert "a number" in str(summary(CosineUnit(), tensor(1.0)))
