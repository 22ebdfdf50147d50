"""Background work: one shape for every worker, and one host that runs workers, periodic jobs and services."""
