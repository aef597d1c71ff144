"""The house behind every door.

Three kinds of module, and one arrow between them:

* rules (`webhooks`, `facts`, `visits`, `polling`, `tracking`, ...) know nothing of the outside;
* adapters (`adapters/`) each know one outside system and translate its errors;
* `wiring` introduces them to each other.

Doors (`functions/`) import rules and `wiring`; rules import `models`, `errors` and `ports`;
adapters import `models`, `errors` and their one vendor library. Nothing points back.
"""
