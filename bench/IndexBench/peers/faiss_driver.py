"""faiss's exact index, driven from standard input: "load path dim", "selfjoin from to k threads out"."""
import sys
import time

import faiss
import numpy as np

base = index = None
for line in sys.stdin:
    words = line.split()
    try:
        if words[0] == "load":
            base = np.fromfile(words[1], dtype="<f4").reshape(-1, int(words[2]))
            index = faiss.IndexFlatIP(base.shape[1])
            index.add(base)
            print(f"ok rows={len(base)}", flush=True)
        elif words[0] == "selfjoin":
            first, last, k, threads = (int(w) for w in words[1:5])
            faiss.omp_set_num_threads(threads)
            wall, cpu = time.perf_counter(), time.process_time()
            _, ids = index.search(base[first:last], k + 1)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            ids.astype("<i4").tofile(words[5])
            print(f"ok wall={wall} cpu={cpu}", flush=True)
        elif words[0] == "quit":
            break
        else:
            print("error unknown command", flush=True)
    except Exception as e:  # one line an answer, whatever happens
        print("error", str(e).replace("\n", " "), flush=True)
