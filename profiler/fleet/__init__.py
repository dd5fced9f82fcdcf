"""A fleet of machines on dask.distributed: connecting, its workers and devices, jobs on them. No torch."""
