"""Jobs: what a request asks of a tenant's data, answered by a worker."""
