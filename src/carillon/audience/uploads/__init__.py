"""Uploads: batches of contacts that an API call brings, written at once or queued for a worker.

What is accepted is a row of `contact_import` that is committed before the caller is answered. A worker claims it under
a lease and writes its contacts and its report in one transaction, so that a crash at any line neither loses nor doubles
it. An account's uploads are processed one after another in the order of their acceptance, and later calls come after
them (docs/adr/0022): the last write wins.
"""
