"""Chaos: many payments by many people through the real product, while its processes die, freeze and lose everything.

M-Pesa is the simulator, whose own books say what money truly moved. When the dust has settled, proof is asked for: every
payment is final or with a person, our books are M-Pesa's to the shilling, nothing was given twice, nobody was told twice.

`plan` makes everything from a seed, `flow` lets people pay, `trouble` brings the misfortunes, `proof` is the judge,
`run` puts them together. `make chaos SEED=7` does one seed again; what is random in it is the plan, not the timing of
this machine, so a failing seed comes close, not always the same.
"""
