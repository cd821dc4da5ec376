"""The package implicit on a split that quality.rs wrote: fit time and NDCG@10 with full ranking, seen items left out.

File: number of items; one line of items per training user; one line `history|truth` per case. IMPLICIT="factors epochs alpha
regularization; ..." gives the settings.
"""
import math, os, sys, time

import numpy
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix


def matrix(rows, n_items):
    rows = [sorted(set(row)) for row in rows]
    indptr = numpy.cumsum([0] + [len(row) for row in rows])
    items = numpy.array([item for row in rows for item in row], dtype=numpy.int32)
    return csr_matrix((numpy.ones(len(items), dtype=numpy.float32), items, indptr), shape=(len(rows), n_items))


def ndcg(scores, known, truth):
    truth = set(truth) - set(known)
    if not truth:
        return None
    scores[list(known)] = -numpy.inf
    best = numpy.argsort(-scores, kind="stable")[:10]
    gain = sum(1 / math.log2(rank + 2) for rank, item in enumerate(best) if item in truth)
    return gain / sum(1 / math.log2(rank + 2) for rank in range(min(10, len(truth))))


lines = open(sys.argv[1]).read().split("\n")
n_items, rows = int(lines[0]), lines[1:]
ints = lambda text: [int(word) for word in text.split()]
train = matrix([ints(row) for row in rows if "|" not in row], n_items)
cases = [tuple(ints(part) for part in row.split("|")) for row in rows if "|" in row]
known = matrix([case[0] for case in cases], n_items)
for settings in os.environ.get("IMPLICIT", "64 16 10 1; 64 16 10 10; 64 16 20 10; 64 16 10 30").split(";"):
    factors, epochs, alpha, regularization = settings.split()
    model = AlternatingLeastSquares(
        factors=int(factors), iterations=int(epochs), alpha=float(alpha), regularization=float(regularization), num_threads=2, random_state=1
    )
    begun = time.monotonic()
    model.fit(train, show_progress=False)
    seconds = time.monotonic() - begun
    users = model.recalculate_user(numpy.arange(len(cases)), known)
    scores = users @ model.item_factors.T
    values = [ndcg(scores[at], *case) for at, case in enumerate(cases)]
    values = [value for value in values if value is not None]
    print(f"implicit {settings:24} NDCG@10 {sum(values) / len(values):.4f}, {len(values)} users, fit {seconds:.3f} s", flush=True)
