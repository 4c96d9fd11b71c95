"""A model behind HTTP: the API and the page. Needs the core and the ``serve`` extra, nothing of the ``train`` extra.

A request passes through

=============  ======================================================================================================
``gate``       everything that is decided before and while the body comes in: key, bytes, slow clients; one log line
``upload``     the body, raw or multipart, into a file that is on disk when it is big
``line``       the bounded line in which requests of all clients wait for a worker
``answers``    the work: embeddings once, then prediction, timeline and picture
=============  ======================================================================================================

``app.create_app`` puts them together, ``server.run`` runs it.
"""
