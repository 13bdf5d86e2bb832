"""How often the rule for names errs: a made-up list of 500 pairs. `python -m tests.name_pairs` prints the rates."""
