"""Exact against approximate: what an index that skips most comparisons gains, and what it misses.

`IndexFlatIP` compares with every vector. IVF compares within the `n_probe` nearest of `n_clusters`
clusters (Jégou, Douze, Schmid 2011); HNSW walks a graph of near neighbours with a candidate list of
`ef` (Malkov, Yashunin 2018). Everything runs on one thread: results and latencies repeat.
"""

from __future__ import annotations

from rag_core.ann.compare import Comparison, compare, first_over, least_n_probe
from rag_core.ann.indexes import AnnIndex
from rag_core.ann.measure import Measurement, Truth, Victim, exact_answer, measure, victims
from rag_core.ann.synthetic import clustered_vectors, random_vectors

__all__ = [
    "AnnIndex",
    "Comparison",
    "Measurement",
    "Truth",
    "Victim",
    "clustered_vectors",
    "compare",
    "exact_answer",
    "first_over",
    "least_n_probe",
    "measure",
    "random_vectors",
    "victims",
]
