import sys

from tests.name_pairs.measure import table

sys.stdout.write(table() + "\n")
