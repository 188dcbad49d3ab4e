import os
import sys

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray reports to its makers
import ray

from kdlib.experiments import runner

name, scale = sys.argv[1], "cpu"
ray.init(include_dashboard=False)  # the cluster that RAY_ADDRESS names, or this machine alone


@ray.remote(num_cpus=1, max_retries=3)  # where a node dies, another one does its jobs
def work(arm, seed):
    return runner.record_of(name, arm, scale, seed)


jobs = [(arm, seed) for seed, arm in runner.jobs(name, scale)]
missing = [job for job in jobs if not runner.done(name, job[0], scale, job[1])]
waiting = [work.remote(*job) for job in missing]
while waiting:
    (done, *_), waiting = ray.wait(waiting)
    runner.keep(ray.get(done))  # this process alone writes records
    print(f"{len(jobs) - len(waiting)} of {len(jobs)} done", flush=True)
