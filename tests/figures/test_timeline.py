"""The time line: the lecture's events, their sources, and no text over another or over a stem."""

import pytest

from course.figures.timeline import EVENTS, timeline

LECTURE = {  # year: the first author's surname, from the publications themselves
    1943: "McCulloch", 1957: "Rosenblatt", 1969: "Minsky", 1974: "Werbos", 1980: "Fukushima",
    1982: "Hopfield",
    1986: "Rumelhart", 1991: "Hochreiter", 1997: "Hochreiter", 2012: "Krizhevsky",
}  # fmt: skip


def test_the_lectures_events_are_there_in_order():
    years = [event.year for event in EVENTS]
    assert years == sorted(set(years))
    named = {event.year: event.authors.split(",")[0].split()[-1] for event in EVENTS}
    assert LECTURE.items() <= named.items()


def test_every_event_has_a_whole_source():
    for event in EVENTS:
        assert all((event.authors, event.title, event.published))
        assert event.source.endswith(f"({event.year})")
    (backpropagation,) = [event for event in EVENTS if event.year == 1986]
    assert backpropagation.source == (
        "D. E. Rumelhart, G. E. Hinton, R. J. Williams: Learning representations by back-propagating errors. "
        "Nature 323 (1986)"
    )


@pytest.mark.parametrize("until", [1943, 1969, 1989, 2020])
def test_events_up_to_a_year(until):
    figure = timeline(until)
    (axes,) = figure.axes
    marks = [line for line in axes.lines if line.get_marker() in ("o", "D")]
    expected = [event for event in EVENTS if event.year <= until]
    assert [line.get_xdata()[0] for line in marks] == [event.year for event in expected]
    assert [line.get_marker() == "D" for line in marks] == [event.gradient for event in expected]
    foot = " ".join(text.get_text().replace("\n", " ") for text in figure.texts)
    assert expected[-1].source in foot
    assert ("first winter" in figure.alt) == (until >= 1969)
    assert expected[-1].source in figure.alt


def test_before_the_first_event_the_line_is_empty():
    assert "0 events so far" in timeline(1940).alt


@pytest.mark.parametrize("until", [event.year for event in EVENTS])
def test_no_text_lies_on_another_or_on_a_stem(until):
    figure = timeline(until)
    renderer = figure.canvas.get_renderer()
    texts = [text for text in [*figure.axes[0].texts, *figure.texts] if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in texts]
    for first, (text, box) in enumerate(zip(texts, boxes, strict=True)):
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1, text
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1, text
        for other in range(first + 1, len(texts)):
            assert not box.overlaps(boxes[other]), (text, texts[other])
        for line in figure.axes[0].lines:
            assert not box.overlaps(line.get_window_extent(renderer)), (text, line.get_xdata())
