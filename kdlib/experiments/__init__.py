"""Which runs the chapters have, how they are run, and their records.

    arms        what an experiment is, and how one of its arms is trained
    measures    figures of a classifier that several experiments record
    runner      what has no record yet is run; tables
    ledger      the records: one file an experiment, and one list of checksums
    loss_bugs   (chapter 02), mnist (03), race, cifar, caching_cost (04), xray, speed (05),
    clicks, privileged_resolution (06), signals (07), fidelity (08), ship (09), up (10),
    language, language_cost, language_writing (11): one file each
"""
