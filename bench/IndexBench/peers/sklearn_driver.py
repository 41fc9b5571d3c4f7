"""
scikit-learn's clusterings, driven from standard input.
load PATH DIM                     unit vectors, float32
dbscan SCORE MIN_SAMPLES OUT      DBSCAN, cosine distance, eps = 1 - SCORE; noise becomes groups of one
average SCORE OUT                 agglomerative, average linkage, cosine distance, cut at 1 - SCORE
sweep-dbscan MIN_SAMPLES OUT SCORE...   the same labels as dbscan for many scores, one distance matrix
sweep-average OUT SCORE...              the same labels as average for many scores, one dendrogram
Labels are written to OUT as int32, one row of them a score.
"""
import sys
import time

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.cluster import DBSCAN, AgglomerativeClustering

vectors = None


def singles(labels):
    labels = labels.astype(np.int32)
    noise = labels < 0
    labels[noise] = labels.max() + 1 + np.arange(noise.sum())
    return labels


def distances():
    d = np.clip(1 - vectors @ vectors.T, 0, 2).astype(np.float64)
    np.fill_diagonal(d, 0)
    return (d + d.T) / 2


def run(words):
    if words[0] == "dbscan":
        return [singles(DBSCAN(eps=1 - float(words[1]), min_samples=int(words[2]), metric="cosine", n_jobs=1).fit_predict(vectors))], words[3]
    if words[0] == "average":
        model = AgglomerativeClustering(n_clusters=None, distance_threshold=1 - float(words[1]), metric="cosine", linkage="average")
        return [model.fit_predict(vectors).astype(np.int32)], words[2]
    if words[0] == "sweep-dbscan":
        d = distances()
        return [singles(DBSCAN(eps=1 - float(s), min_samples=int(words[1]), metric="precomputed").fit_predict(d)) for s in words[3:]], words[2]
    if words[0] == "sweep-average":
        tree = linkage(squareform(distances(), checks=False), "average")
        return [fcluster(tree, 1 - float(s), "distance").astype(np.int32) for s in words[2:]], words[1]
    raise ValueError("unknown command")


for line in sys.stdin:
    words = line.split()
    if words[0] == "quit":
        break
    try:
        if words[0] == "load":
            vectors = np.fromfile(words[1], dtype="<f4").reshape(-1, int(words[2]))
            print(f"ok rows={len(vectors)}", flush=True)
            continue
        wall, cpu = time.perf_counter(), time.process_time()
        labels, out = run(words)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        np.stack(labels).tofile(out)
        print(f"ok wall={wall} cpu={cpu}", flush=True)
    except Exception as e:  # one line an answer, whatever happens
        print("error", str(e).replace("\n", " "), flush=True)
