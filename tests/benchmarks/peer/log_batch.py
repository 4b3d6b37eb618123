"""Logs points to an MLflow server by MlflowClient.log_batch, one call after the other.

Called with the server's URL, the number of points and how many go into a call; prints one line of JSON. The points are those of
../mlflow.ts, made before the clock starts.
"""

import json
import sys
import time

from mlflow import MlflowClient
from mlflow.entities import Metric

url, count, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
keys = 20
client = MlflowClient(url)
run_id = client.create_run("0").info.run_id
points = [Metric(f"metric {i % keys}", i * 0.37, 1_700_000_000_000 + i // keys, i // keys) for i in range(count)]
client.log_param(run_id, "connected", "yes")

begin, begin_cpu = time.perf_counter(), time.process_time()
for at in range(0, count, batch):
    client.log_batch(run_id, metrics=points[at : at + batch])
seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
print(json.dumps({"runId": run_id, "seconds": seconds, "clientCpuSeconds": cpu}))
