from local.checkup import table

FOUND = {
    "healthy": False,
    "reports": [
        {
            "name": "Acme",
            "healthy": False,
            "findings": [
                {"check": "clock", "state": "ok", "words": "agrees", "cure": ""},
                {"check": "quota", "state": "warning", "words": "much used", "cure": "Spare."},
                {"check": "credentials", "state": "fault", "words": "lost", "cure": "Again."},
            ],
        }
    ],
}


def test_the_worst_is_told_first_and_each_cure_below_what_it_cures() -> None:
    assert table(FOUND).splitlines() == [
        "Acme: not healthy",
        "",
        "fault    credentials  lost",
        "                      → Again.",
        "warning  quota        much used",
        "                      → Spare.",
        "ok       clock        agrees",
    ]
