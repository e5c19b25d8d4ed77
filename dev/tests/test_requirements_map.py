from dev.requirements_map import report, titles


def test_every_id_has_a_title_and_no_id_is_listed_twice() -> None:
    known = titles()
    assert len(known) == 169
    assert all(known.values())
    assert known["STK-1"] == "Phone numbers in any Kenyan form"
    assert known["P47"] == "Phone Numbers Masked in Logs"


def test_the_report_names_tests_and_gaps() -> None:
    lines = report({"A-1": "First", "A-2": "Second"}, {"A-1": ["x/test_a.py::test_it"]}, {"000-1": ["y.py::test_s"]})
    assert lines == [
        "A-1     First",
        "        x/test_a.py::test_it",
        "A-2     Second  — no test yet",
        "scenario 000-1",
        "        y.py::test_s",
        "",
        "1 of 2 have at least one test; 1 scenarios are named.",
    ]
