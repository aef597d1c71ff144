"""The house behind every door.

In the way that data takes:

looking/     Salesforce is looked at: what changed there, and who has to be told
tracking/    what should be tracked now, by geofences or by orders
people/      technicians, their invitations, their phones
hearing/     what HyperTrack reports, from a delivery to a fact, and what it never told
writing/     what a fact changes in Salesforce, written exactly once
hours/       what a person's day adds up to: work, travel, and time sheets
rehearsing/  what other settings would have made of all that, in a dry run
books/       what was done: chained, explained, handed out, and erased for one person
trouble/     what keeps people from being tracked, and who is told of it
connecting/  a connection from its first form to its end, and how much may be asked of an org
examining/   the doctor
console/     what an operator sees in a browser

All of these are rules: they know nothing of the outside, and are handed the time. adapters/
know one outside system each; `wiring` introduces them to each other. Beside them lies what all
share: the nouns (`models`, `records`), what the rules need (`ports`), what goes wrong
(`errors`), how a company wants things (`practice`), and the loops of the doors on queues
(`worker`, `at_once`; what they can't do is `parking`, and `replaying` later). Doors
(`functions/`) import rules and `wiring`; nothing points back.
"""
